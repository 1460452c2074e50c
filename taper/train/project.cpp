#include "taper/train/project.h"

#include <fmt/format.h>

#include <algorithm>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/ops/softmax.h"
#include "taper/ops/sorting.h"
#include "taper/train/stops.h"

namespace taper::train {
namespace {

struct AccuracyArgs {
  int64_t k = 1;
  void fields(Fields& f) { f("k", k, "how many of the likeliest classes count").min(1); }
};

struct BinaryAccuracyArgs {
  double threshold = 0;
  void fields(Fields& f) { f("threshold", threshold, "outputs above it mean yes"); }
};

struct ConfusionArgs {
  std::optional<int64_t> classes;
  void fields(Fields& f) { f("classes", classes, "number of classes; null: the data's").min(1); }
};

struct EarlyStopArgs {
  EarlyStopOptions options;
  std::string mode = "min";

  void fields(Fields& f) {
    EarlyStopOptions& o = options;
    f("monitor", o.monitor, "the metric that is to get better");
    f("mode", mode, "whether lower or higher is better").one_of({"min", "max"});
    f("patience", o.patience, "figures in a row that may be no better").min(1);
    f("min_delta", o.min_delta, "by how much a figure has to be better").min(0);
    f("baseline", o.baseline, "what the first figures have to beat");
    f("start_epoch", o.start_epoch, "figures of earlier epochs do not count").min(0);
    f("stopping_threshold", o.stopping_threshold, "good enough to stop");
    f("divergence_threshold", o.divergence_threshold, "bad enough to stop as diverged");
    f("check_finite", o.check_finite, "whether NaN and infinity stop as diverged");
  }
  EarlyStopOptions made() const {
    EarlyStopOptions made = options;
    made.mode = mode == "max" ? Mode::kMax : Mode::kMin;
    return made;
  }
};

// "cat 97.3 %, dog 2.1 %, fox 0.4 %"
std::string likeliest(const Tensor& logits, const std::vector<std::string>& classes) {
  const int64_t count = std::min<int64_t>(3, static_cast<int64_t>(classes.size()));
  const auto [shares, places] = topk(softmax(logits.to(kDouble), 0), count);
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    const auto place = static_cast<size_t>(places[i].item<int64_t>());
    text += fmt::format("{}{} {:.1f} %", i == 0 ? "" : ", ", classes[place],
                        100 * shares[i].item<double>());
  }
  return text;
}

}  // namespace

std::shared_ptr<Batches> DataModule::valid() { return nullptr; }
std::shared_ptr<Batches> DataModule::test() { return nullptr; }
std::vector<std::string> DataModule::classes() const { return {}; }
Tensor DataModule::pictures(const Tensor&) { return {}; }

Tensor DataModule::read(const std::string& file) {
  taper::detail::fail<ConfigError>("predict: this project's data reads no single files, got ",
                                   quote_path(file));
}

std::string DataModule::predict(nn::AnyModule& model, const std::string& file) {
  const Tensor output = model.forward(read(file)).flatten();
  const std::vector<std::string> names = classes();
  if (!names.empty() && output.numel() == static_cast<int64_t>(names.size())) {
    return likeliest(output, names);
  }
  std::string text;
  const int64_t shown = std::min<int64_t>(output.numel(), 16);
  for (int64_t i = 0; i < shown; ++i) {
    text += fmt::format("{}{:.6g}", i == 0 ? "" : " ", output[i].item<double>());
  }
  return shown < output.numel() ? text + " ..." : text;
}

MetricRegistry standard_metrics() {
  MetricRegistry r("metric");
  r.add<AccuracyArgs>(
      "Accuracy", "share of samples whose class is among the likeliest",
      [](const AccuracyArgs& a, DataModule&) { return std::make_shared<Accuracy>(a.k); });
  r.add<BinaryAccuracyArgs>("BinaryAccuracy", "share of yes and no that is right",
                            [](const BinaryAccuracyArgs& a, DataModule&) {
                              return std::make_shared<BinaryAccuracy>(a.threshold);
                            });
  r.add<ConfusionArgs>("ConfusionMatrix",
                       "which class is taken for which; its figure is the "
                       "balanced accuracy",
                       [](const ConfusionArgs& a, DataModule& data) {
                         const auto known = static_cast<int64_t>(data.classes().size());
                         return std::make_shared<ConfusionMatrix>(a.classes.value_or(known));
                       });
  r.add("MeanAbsoluteError", "mean distance of outputs and targets",
        [](DataModule&) { return std::make_shared<MeanAbsoluteError>(); });
  r.add("MeanSquaredError", "mean squared distance of outputs and targets",
        [](DataModule&) { return std::make_shared<MeanSquaredError>(); });
  return r;
}

CallbackRegistry standard_callbacks() {
  CallbackRegistry r("callback");
  r.add<EarlyStopArgs>(
      "EarlyStop", "ends a training whose metric does not get better",
      [](const EarlyStopArgs& a, DataModule&) { return std::make_shared<EarlyStop>(a.made()); });
  return r;
}

Project::Project()
    : models("model"),
      data("data"),
      losses(standard_losses()),
      optimizers(standard_optimizers()),
      schedulers(standard_schedulers()),
      metrics(standard_metrics()),
      callbacks(standard_callbacks()) {}

}  // namespace taper::train
