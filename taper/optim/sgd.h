#pragma once

#include <tuple>

#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

struct SGDOptions : public OptimizerCloneableOptions<SGDOptions> {
  SGDOptions(double lr = 1e-3) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-3;
  TAPER_ARG(double, momentum) = 0;
  TAPER_ARG(double, dampening) = 0;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, nesterov) = false;
  TAPER_ARG(bool, maximize) = false;
};

struct SGDParamState : public OptimizerCloneableParamState<SGDParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(Tensor, momentum_buffer) = {};
};

/// Stochastic gradient descent, as torch.optim.SGD, with g = grad + weight_decay * p:
/// b = momentum * b + (1 - dampening) g (b = g at the first step), p = p - lr * b;
/// Nesterov: p = p - lr * (g + momentum * b).
class SGD : public detail::OptimizerOf<SGDOptions, SGDParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct ASGDOptions : public OptimizerCloneableOptions<ASGDOptions> {
  ASGDOptions(double lr = 1e-2) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-2;
  TAPER_ARG(double, lambd) = 1e-4;
  TAPER_ARG(double, alpha) = 0.75;
  /// The step at which averaging starts.
  TAPER_ARG(double, t0) = 1e6;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, maximize) = false;
};

/// ax is the average of the parameter.
struct ASGDParamState : public OptimizerCloneableParamState<ASGDParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(double, eta) = 0;
  TAPER_ARG(double, mu) = 1;
  TAPER_ARG(Tensor, ax) = {};
};

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992), as torch.optim.ASGD:
/// p = p (1 - lambd * eta) - eta * g with eta = lr at first, then lr / (1 + lambd * lr * t)^alpha;
/// ax = ax + mu (p - ax) with mu = 1 / max(1, t - t0).
class ASGD : public detail::OptimizerOf<ASGDOptions, ASGDParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct RpropOptions : public OptimizerCloneableOptions<RpropOptions> {
  RpropOptions(double lr = 1e-2) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  /// The first step size.
  TAPER_ARG(double, lr) = 1e-2;
  using pair_t = std::tuple<double, double>;
  TAPER_ARG(pair_t, etas) = pair_t(0.5, 1.2);
  TAPER_ARG(pair_t, step_sizes) = pair_t(1e-6, 50);
  TAPER_ARG(bool, maximize) = false;
};

struct RpropParamState : public OptimizerCloneableParamState<RpropParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, prev) = {};
  TAPER_ARG(Tensor, step_size) = {};
};

/// Resilient backpropagation (Riedmiller and Braun, 1993), as torch.optim.Rprop: a step size per
/// element, times etas[1] while its gradient keeps its sign and times etas[0] when it turns (the
/// gradient then counts as 0), within step_sizes; p = p - sign(g) * step_size.
class Rprop : public detail::OptimizerOf<RpropOptions, RpropParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct LionOptions : public OptimizerCloneableOptions<LionOptions> {
  LionOptions(double lr = 1e-4) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-4;
  using betas_t = std::tuple<double, double>;
  TAPER_ARG(betas_t, betas) = betas_t(0.9, 0.99);
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, maximize) = false;
};

struct LionParamState : public OptimizerCloneableParamState<LionParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(Tensor, exp_avg) = {};
};

/// Evolved sign momentum (Chen et al., 2023), in no version of torch.optim:
/// p = p (1 - lr * weight_decay) - lr * sign(b1 m + (1 - b1) g), m = b2 m + (1 - b2) g.
class Lion : public detail::OptimizerOf<LionOptions, LionParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

TAPER_OPTIMIZER_COMPILED_ONCE(extern, SGDOptions, SGDParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, ASGDOptions, ASGDParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, RpropOptions, RpropParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, LionOptions, LionParamState);

}  // namespace optim
}  // namespace taper
