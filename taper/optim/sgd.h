#pragma once

#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

struct SGDOptions : public OptimizerCloneableOptions<SGDOptions> {
  SGDOptions(double lr = 1e-3) : lr_(lr) {}
  double get_lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }

  TAPER_ARG(double, lr) = 1e-3;
  TAPER_ARG(double, momentum) = 0;
  TAPER_ARG(double, dampening) = 0;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, nesterov) = false;
  TAPER_ARG(bool, maximize) = false;
};

struct SGDParamState : public OptimizerCloneableParamState<SGDParamState> {
  TAPER_ARG(Tensor, momentum_buffer) = {};
};

/// Stochastic gradient descent, as torch.optim.SGD, with g = grad + weight_decay * p:
/// b = momentum * b + (1 - dampening) g (b = g at the first step), p = p - lr * b;
/// Nesterov: p = p - lr * (g + momentum * b).
class SGD : public Optimizer {
 public:
  /// Throws when a setting is out of range.
  explicit SGD(std::vector<OptimizerParamGroup> param_groups, SGDOptions defaults = {});
  explicit SGD(std::vector<Tensor> params, SGDOptions defaults = {});
  ~SGD() override;
  Tensor step(LossClosure closure = nullptr) override;

 private:
  struct Scratch;
  size_t step_group(const OptimizerParamGroup& group, size_t first);

  std::unique_ptr<Scratch> scratch_;
};

}  // namespace optim
}  // namespace taper
