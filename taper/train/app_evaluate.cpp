// What uses the weights of a run: test and predict.
#include <fmt/format.h>

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/ops/extremum.h"
#include "taper/train/app_verbs.h"
#include "taper/train/csv.h"
#include "taper/train/page.h"

namespace taper::train {
namespace {

std::string checkpoint_of(const RunFolder& folder, const CommandLine& line) {
  const std::string all = folder.checkpoints();
  const bool has_best = !link_target(all + "/best").empty();
  const std::string name = line.get("checkpoint", has_best ? "best" : "last");
  TAPER_CHECK_AS(ConfigError, is_folder(all + "/" + name), "--checkpoint: no checkpoint ",
                 quote_name(name), " in ", quote_path(all));
  return find_checkpoint(all + "/" + name);
}

// The model of a run with the weights of a checkpoint.
struct Loaded {
  RunFolder folder;
  Session session;
  std::string checkpoint;
};

Loaded load_run(const Project& project, const CommandLine& line,
                std::vector<std::string> overrides) {
  RunFolder folder = open_run(line.words()[0]);
  ConfigLoad load;
  load.overrides = std::move(overrides);
  Session session = make_model_session(project, Config::load(folder.config(), load));
  std::string checkpoint = checkpoint_of(folder, line);
  load_model(session.parts.model, checkpoint);
  print("weights of " + checkpoint + "\n");
  return {std::move(folder), std::move(session), std::move(checkpoint)};
}

std::shared_ptr<Batches> test_batches(const Session& session) {
  std::shared_ptr<Batches> test = session.data->test();
  TAPER_CHECK_AS(ConfigError, test != nullptr, "the project's data has no test part");
  return test;
}

void keep_confusion(const RunFolder& folder, const Session& session, const Trainer& trainer) {
  for (const auto& metric : trainer.evaluated()) {
    const auto* confusion = dynamic_cast<const ConfusionMatrix*>(metric.get());
    if (confusion == nullptr) continue;
    ConfusionCounts counts;
    const Tensor matrix = confusion->matrix().flatten();
    for (int64_t i = 0; i < matrix.numel(); ++i) {
      counts.counts.push_back(matrix[i].item<int64_t>());
    }
    counts.names = session.data->classes();
    for (int64_t i = 0; counts.names.empty() && i < confusion->matrix().size(0); ++i) {
      counts.names.push_back(std::to_string(i));
    }
    write_confusion(folder, counts);
  }
}

bool are_classes(const Tensor& target) {
  return target.defined() && target.scalar_type() == kLong && target.dim() == 1;
}

// One row for each sample: its number, its target, and the class or the numbers that the model
// says.
void write_predictions(const std::string& path, nn::AnyModule& model, Batches& batches) {
  CsvLog table(path);
  data::Example<> batch;
  int64_t index = 0;
  batches.start_epoch();
  while (batches.next(batch)) {
    const Tensor output = model.forward(batch.data);
    const bool classes = are_classes(batch.target) && output.dim() == 2;
    const Tensor predicted = classes ? output.argmax(1) : output.reshape({output.size(0), -1});
    for (int64_t i = 0; i < output.size(0); ++i) {
      CsvLog::Values row = {{"index", index++}};
      if (batch.target.defined() && batch.target.numel() == output.size(0)) {
        row.emplace_back("target", batch.target.reshape({-1})[i].item<double>());
      }
      if (classes) row.emplace_back("predicted", predicted[i].item<int64_t>());
      for (int64_t k = 0; !classes && k < predicted.size(1); ++k) {
        row.emplace_back(str("output_", k), predicted[i][k].item<double>());
      }
      table.write(row);
    }
  }
}

}  // namespace

int test_verb(const Project& project, const CommandLine& line) {
  Loaded run = load_run(project, line, {line.words().begin() + 1, line.words().end()});
  Session& session = run.session;
  const std::shared_ptr<Batches> batches = test_batches(session);
  // A trainer needs an optimizer, and the averages are in the model already.
  session.parts.optimizer = project.optimizers.make(session.config.optimizer,
                                                    session.parts.model.ptr()->named_parameters());
  session.options.ema = {};
  session.options.checkpoint = {};
  Trainer trainer(session.parts, session.options);
  const Metrics metrics = trainer.evaluate(*batches);
  Config::Items items = {{"checkpoint", run.checkpoint}};
  for (const auto& [name, value] : metrics) {
    print(fmt::format("{} {:.6g}\n", name, value));
    items.emplace_back(name, std::isfinite(value) ? Config(value) : Config());
  }
  const std::string json = Config::object(items).dump() + "\n";
  write_file(run.folder / "test.json", json.data(), json.size());
  keep_confusion(run.folder, session, trainer);
  draw_run(run.folder);
  return kDone;
}

int predict_verb(const Project& project, const CommandLine& line) {
  Loaded run = load_run(project, line, {});
  nn::AnyModule& model = run.session.parts.model;
  model.ptr()->eval();
  const NoGradGuard no_grad;
  const std::vector<std::string> files(line.words().begin() + 1, line.words().end());
  for (const std::string& file : files) {
    print(file + ": " + run.session.data->predict(model, file) + "\n");
  }
  if (files.empty()) {
    const std::string path = run.folder / "predictions.csv";
    write_predictions(path, model, *test_batches(run.session));
    print("predictions for the test data in " + path + "\n");
  }
  return kDone;
}

}  // namespace taper::train
