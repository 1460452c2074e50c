#include "metrics/r2.h"

#include <limits>

#include "taper/taper.h"
#include "taper/train/project.h"

namespace train = taper::train;
using taper::IValue;
using taper::Tensor;

namespace {

// 1 - sum (y - output)^2 / sum (y - mean y)^2 over all samples.
class R2 : public train::Metric {
 public:
  std::string name() const override { return "r2"; }
  void add(const train::BatchResult& batch) override {
    const Tensor y = batch.target.to(taper::kDouble);
    const Tensor wrong = y - batch.output.to(taper::kDouble).view_as(y);
    sums_ += taper::stack({taper::tensor(static_cast<double>(y.numel()), taper::kDouble), y.sum(),
                           y.square().sum(), wrong.square().sum()});
  }
  double value() const override {
    const double count = sums_[0].item<double>(), sum = sums_[1].item<double>();
    const double around = sums_[2].item<double>() - (count > 0 ? sum * sum / count : 0);
    if (around <= 0) return std::numeric_limits<double>::quiet_NaN();
    return 1 - sums_[3].item<double>() / around;
  }
  void reset() override { sums_.zero_(); }
  std::unique_ptr<train::Metric> clone() const override { return std::make_unique<R2>(); }
  IValue state_dict() const override { return IValue::dict({{"sums", sums_.clone()}}); }
  void load_state_dict(const IValue& state) override { sums_.copy_(state.at("sums").toTensor()); }

 private:
  Tensor sums_ = taper::zeros({4}, taper::kDouble);  // samples, y, y^2, error^2
};

}  // namespace

void add_r2(train::Project& project) {
  project.metrics.add("R2", "share of the variance that is explained",
                      [](train::DataModule&) { return std::make_shared<R2>(); });
}
