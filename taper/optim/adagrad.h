#pragma once

#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

struct AdagradOptions : public OptimizerCloneableOptions<AdagradOptions> {
  AdagradOptions(double lr = 1e-2) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-2;
  TAPER_ARG(double, lr_decay) = 0;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(double, initial_accumulator_value) = 0;
  TAPER_ARG(double, eps) = 1e-10;
  TAPER_ARG(bool, maximize) = false;
};

struct AdagradParamState : public OptimizerCloneableParamState<AdagradParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, sum) = {};
};

/// Adagrad (Duchi, Hazan and Singer, 2011), as torch.optim.Adagrad: s = s + g^2,
/// p = p - lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps). Parameters have their state from the
/// start.
class Adagrad : public detail::OptimizerOf<AdagradOptions, AdagradParamState> {
 public:
  explicit Adagrad(std::vector<OptimizerParamGroup> param_groups, AdagradOptions defaults = {});
  explicit Adagrad(std::vector<Tensor> params, AdagradOptions defaults = {});
  explicit Adagrad(const OrderedDict<std::string, Tensor>& named_params,
                   AdagradOptions defaults = {});
  Tensor step(LossClosure closure = nullptr) override;
};

struct RMSpropOptions : public OptimizerCloneableOptions<RMSpropOptions> {
  RMSpropOptions(double lr = 1e-2) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-2;
  TAPER_ARG(double, alpha) = 0.99;
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(double, momentum) = 0;
  TAPER_ARG(bool, centered) = false;
  TAPER_ARG(bool, maximize) = false;
};

struct RMSpropParamState : public OptimizerCloneableParamState<RMSpropParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, square_avg) = {};
  TAPER_ARG(Tensor, momentum_buffer) = {};
  TAPER_ARG(Tensor, grad_avg) = {};
};

/// RMSprop (Hinton, 2012), as torch.optim.RMSprop: v = alpha v + (1 - alpha) g^2,
/// b = momentum * b + g / (sqrt(v) + eps), p = p - lr * b; centered: v less the square of the mean
/// gradient, kept like v.
class RMSprop : public detail::OptimizerOf<RMSpropOptions, RMSpropParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct AdadeltaOptions : public OptimizerCloneableOptions<AdadeltaOptions> {
  AdadeltaOptions(double lr = 1.0) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1.0;
  TAPER_ARG(double, rho) = 0.9;
  TAPER_ARG(double, eps) = 1e-6;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, maximize) = false;
};

struct AdadeltaParamState : public OptimizerCloneableParamState<AdadeltaParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, square_avg) = {};
  TAPER_ARG(Tensor, acc_delta) = {};
};

/// Adadelta (Zeiler, 2012), as torch.optim.Adadelta: v = rho v + (1 - rho) g^2,
/// d = sqrt(u + eps) / sqrt(v + eps) * g, u = rho u + (1 - rho) d^2, p = p - lr * d.
class Adadelta : public detail::OptimizerOf<AdadeltaOptions, AdadeltaParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

TAPER_OPTIMIZER_COMPILED_ONCE(extern, AdagradOptions, AdagradParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, RMSpropOptions, RMSpropParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, AdadeltaOptions, AdadeltaParamState);

}  // namespace optim
}  // namespace taper
