// What looks at configs, data and runs: lr-find, plot, config and data.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/train/app_verbs.h"
#include "taper/train/page.h"
#include "taper/train/picture.h"

namespace taper::train {
namespace {

// Counts, moments and sizes over the batches of one part of the data.
struct PartFigures {
  int64_t samples = 0;
  double values = 0, sum = 0, squares = 0;
  std::string sizes;
  std::map<int64_t, int64_t> classes;

  void add(const data::Example<>& batch) {
    if (samples == 0) sizes = str(batch.data.sizes().slice(1), ' ', batch.data.scalar_type());
    samples += batch.data.size(0);
    const Tensor all = batch.data.to(kDouble);
    values += static_cast<double>(all.numel());
    sum += all.sum().item<double>();
    squares += all.square().sum().item<double>();
    const Tensor& target = batch.target;
    if (!target.defined() || target.dim() != 1 || target.scalar_type() != kLong) return;
    for (int64_t i = 0; i < target.numel(); ++i) ++classes[target[i].item<int64_t>()];
  }

  std::string text(const std::string& name, const std::vector<std::string>& names) const {
    const double mean = sum / values;
    const double variance = std::max(0.0, squares / values - mean * mean);
    std::string text = fmt::format("{}: {} samples of {}, mean {:.4f}, deviation {:.4f}\n", name,
                                   samples, sizes, mean, std::sqrt(variance));
    for (const auto& [number, count] : classes) {
      text += fmt::format("  {:>7}  {}\n", count, class_name(number, names));
    }
    return text;
  }

  static std::string class_name(int64_t number, const std::vector<std::string>& names) {
    const bool has_name = number >= 0 && number < static_cast<int64_t>(names.size());
    return has_name ? names[static_cast<size_t>(number)] : std::to_string(number);
  }
};

bool save_samples(const std::string& path, DataModule& data, const data::Example<>& batch) {
  const int64_t shown = std::min<int64_t>(batch.data.size(0), 64);
  const Tensor pictures = data.pictures(batch.data.slice(0, 0, shown));
  if (!pictures.defined()) return false;
  std::vector<PictureTile> tiles;
  const bool has_classes =
      batch.target.defined() && batch.target.dim() == 1 && batch.target.scalar_type() == kLong;
  for (io::Image& image : to_images(pictures, "data")) {
    const auto i = static_cast<int64_t>(tiles.size());
    const std::string name =
        has_classes ? PartFigures::class_name(batch.target[i].item<int64_t>(), data.classes()) : "";
    tiles.push_back({std::move(image), name, name});
  }
  io::write_png(path, picture_grid(tiles, 8, pictures.size(2) < 64 ? 3 : 1));
  return true;
}

double positive(const CommandLine& line, const char* option, double otherwise) {
  const double value = line.number(option, otherwise);
  TAPER_CHECK_AS(ConfigError, std::isfinite(value) && value > 0 && value < 1e9, "--", option,
                 ": expected a number above 0, got ", value);
  return value;
}

}  // namespace

Config load_config(const CommandLine& line) {
  ConfigLoad load;
  load.overrides = line.words();
  load.preset = line.get("preset", "");
  return Config::load(line.get("config", "config.json"), load);
}

RunFolder open_run(const std::string& path) {
  try {
    const std::string newest = path + "/latest";
    return RunFolder::open(is_folder(newest) ? newest : path);
  } catch (const IoError& error) {
    taper::detail::fail<ConfigError>(error.what());
  }
}

void draw_run(const RunFolder& folder) {
  const RunRecord run = read_run(folder.path());
  write_plots(folder.plots(), run);
  write_report(folder / "report.html", {run}, folder.name());
}

int lr_find_verb(const Project& project, const CommandLine& line) {
  LrFinderOptions options;
  options.min_lr = positive(line, "min", 1e-6);
  options.max_lr = positive(line, "max", 1);
  options.steps = static_cast<int64_t>(positive(line, "steps", 100));
  Session session = make_session(project, load_config(line));
  session.options.checkpoint = {};
  Trainer trainer(session.parts, session.options);
  const LrCurve curve = trainer.find_lr(session.train, options);
  const RunFolder folder = RunFolder::create(session.config.runs, session.config.name + "-lr-find");
  folder.write_config(session.resolved.dump() + "\n");
  folder.write_overrides(line.words());
  write_lr_curve(folder, curve);
  draw_run(folder);
  print(curve.suggestion ? fmt::format("suggested learning rate {:.3g}\n", *curve.suggestion)
                         : std::string("the loss never falls: no suggestion\n"));
  print("report " + folder / "report.html" + "\n");
  return kDone;
}

int plot_verb(const CommandLine& line) {
  std::vector<RunRecord> runs;
  std::string page = "report.html";
  for (const std::string& path : line.words()) {
    const RunFolder folder = open_run(path);
    runs.push_back(read_run(folder.path()));
    for (const std::string& plot : write_plots(folder.plots(), runs.back())) print(plot + "\n");
    if (line.words().size() == 1) page = folder / "report.html";
  }
  page = line.get("output", page);
  write_report(page, runs);
  print(page + "\n");
  return kDone;
}

int config_verb(const Project& project, const CommandLine& line) {
  if (line.has("schema")) {
    print(project_schema(project).dump() + "\n");
    return kDone;
  }
  ProjectConfig config(project);
  const Config resolved = read_project_config(load_config(line), config);
  print(line.has("sources") ? resolved.dump_sources() : resolved.dump() + "\n");
  return kDone;
}

int data_verb(const Project& project, const CommandLine& line) {
  const Session session = make_model_session(project, load_config(line));
  DataModule& data = *session.data;
  const std::string picture = line.get("output", "data.png");
  bool first = true, saved = false;
  for (const auto& [name, batches] :
       {std::pair("train", data.train()), std::pair("valid", data.valid()),
        std::pair("test", data.test())}) {
    if (batches == nullptr) continue;
    PartFigures figures;
    data::Example<> batch;
    batches->start_epoch();
    while (batches->next(batch)) {
      if (std::exchange(first, false)) saved = save_samples(picture, data, batch);
      figures.add(batch);
    }
    print(figures.text(name, data.classes()));
  }
  if (saved) print("samples of the training data in " + picture + "\n");
  if (!saved && line.has("output")) print("no picture of samples: they are none\n");
  return kDone;
}

}  // namespace taper::train
