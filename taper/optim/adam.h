#pragma once

#include <tuple>

#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

struct AdamOptions : public OptimizerCloneableOptions<AdamOptions> {
  AdamOptions(double lr = 1e-3) : lr_(lr) {}
  double get_lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }

  TAPER_ARG(double, lr) = 1e-3;
  using betas_t = std::tuple<double, double>;
  TAPER_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, amsgrad) = false;
  TAPER_ARG(bool, maximize) = false;
};

/// As AdamOptions, with a weight decay of 1e-2.
struct AdamWOptions : public OptimizerCloneableOptions<AdamWOptions> {
  AdamWOptions(double lr = 1e-3) : lr_(lr) {}
  double get_lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }

  TAPER_ARG(double, lr) = 1e-3;
  using betas_t = std::tuple<double, double>;
  TAPER_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(double, weight_decay) = 1e-2;
  TAPER_ARG(bool, amsgrad) = false;
  TAPER_ARG(bool, maximize) = false;
};

struct AdamParamState : public OptimizerCloneableParamState<AdamParamState> {
  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, exp_avg) = {};
  TAPER_ARG(Tensor, exp_avg_sq) = {};
  TAPER_ARG(Tensor, max_exp_avg_sq) = {};
};
using AdamWParamState = AdamParamState;

namespace detail {

/// What Adam and AdamW share: the settings of a group, and the fused step.
struct AdamSettings {
  double lr;
  std::tuple<double, double> betas;
  double eps, weight_decay;
  bool amsgrad, maximize, decoupled;
};

class AdamBase : public Optimizer {
 public:
  ~AdamBase() override;

 protected:
  using Optimizer::Optimizer;
  static void check(const AdamSettings& settings);
  /// Updates group `group`, whose first parameter is number `first` of all; returns the next.
  size_t step_group(const OptimizerParamGroup& group, const AdamSettings& settings, size_t first);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace detail

/// Adam (Kingma and Ba, 2015), as torch.optim.Adam:
/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// p = p - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps), where g includes weight_decay * p.
class Adam : public detail::AdamBase {
 public:
  /// Throws when a setting is out of range.
  explicit Adam(std::vector<OptimizerParamGroup> param_groups, AdamOptions defaults = {});
  explicit Adam(std::vector<Tensor> params, AdamOptions defaults = {});
  Tensor step(LossClosure closure = nullptr) override;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as torch.optim.AdamW:
/// p = p (1 - lr * weight_decay) before Adam's step on the bare gradient.
class AdamW : public detail::AdamBase {
 public:
  /// Throws when a setting is out of range.
  explicit AdamW(std::vector<OptimizerParamGroup> param_groups, AdamWOptions defaults = {});
  explicit AdamW(std::vector<Tensor> params, AdamWOptions defaults = {});
  Tensor step(LossClosure closure = nullptr) override;
};

}  // namespace optim
}  // namespace taper
