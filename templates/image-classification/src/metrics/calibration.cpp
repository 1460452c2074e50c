#include "metrics/calibration.h"

#include <cmath>
#include <limits>

#include "taper/taper.h"
#include "taper/train/project.h"

namespace train = taper::train;
using taper::IValue;
using taper::Tensor;

namespace {

struct CalibrationArgs {
  int64_t bins = 15;

  void fields(train::Fields& f) { f("bins", bins, "bins of confidence").range(1, 1000); }
};

// The mean distance of confidence and accuracy over bins of confidence, weighted by their samples.
class CalibrationError : public train::Metric {
 public:
  explicit CalibrationError(int64_t bins) : bins_(bins) { reset(); }

  std::string name() const override { return "calibration_error"; }
  void add(const train::BatchResult& batch) override {
    const Tensor classes = batch.target.dim() == 2 ? batch.target.argmax(1) : batch.target;
    const Tensor confidence = softmax(batch.output, 1).amax({1});
    const Tensor right = batch.output.argmax(1).eq(classes);
    for (int64_t i = 0; i < classes.size(0); ++i) {
      const double sure = confidence[i].item<double>();
      const int64_t bin = std::min<int64_t>(static_cast<int64_t>(sure * bins_), bins_ - 1);
      sums_[bin] += taper::tensor({1.0, sure, right[i].item<double>()}, taper::kDouble);
    }
  }
  double value() const override {
    const Tensor counts = sums_.select(1, 0);
    const double all = counts.sum().item<double>();
    if (all == 0) return std::numeric_limits<double>::quiet_NaN();
    return (sums_.select(1, 1) - sums_.select(1, 2)).abs().sum().item<double>() / all;
  }
  void reset() override { sums_ = taper::zeros({bins_, 3}, taper::kDouble); }
  std::unique_ptr<train::Metric> clone() const override {
    return std::make_unique<CalibrationError>(bins_);
  }
  IValue state_dict() const override { return IValue::dict({{"sums", sums_.clone()}}); }
  void load_state_dict(const IValue& state) override { sums_.copy_(state.at("sums").toTensor()); }

 private:
  int64_t bins_;
  Tensor sums_;  // of each bin: samples, confidence, right ones
};

}  // namespace

void add_calibration(train::Project& project) {
  project.metrics.add<CalibrationArgs>("CalibrationError", "distance of confidence and accuracy",
                                       [](const CalibrationArgs& args, train::DataModule&) {
                                         return std::make_shared<CalibrationError>(args.bins);
                                       });
}
