#pragma once

#include <tuple>

#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

struct AdamOptions : public OptimizerCloneableOptions<AdamOptions> {
  AdamOptions(double lr = 1e-3) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-3;
  using betas_t = std::tuple<double, double>;
  TAPER_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, amsgrad) = false;
  TAPER_ARG(bool, maximize) = false;
  /// The decay scales the parameter instead of joining the gradient, as in AdamW.
  TAPER_ARG(bool, decoupled_weight_decay) = false;
};

/// AdamOptions with a decoupled weight decay of 1e-2.
struct AdamWOptions : public AdamOptions {
  AdamWOptions(double lr = 1e-3) : AdamOptions(lr) {
    weight_decay(1e-2).decoupled_weight_decay(true);
  }
  /// What a chain of setters returns.
  AdamWOptions(const AdamOptions& options) : AdamOptions(options) { decoupled_weight_decay(true); }
  std::unique_ptr<OptimizerOptions> clone() const override;
  void fields(Fields& fields) override;
};

struct AdamParamState : public OptimizerCloneableParamState<AdamParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, exp_avg) = {};
  TAPER_ARG(Tensor, exp_avg_sq) = {};
  TAPER_ARG(Tensor, max_exp_avg_sq) = {};
};
using AdamWParamState = AdamParamState;

/// Adam (Kingma and Ba, 2015), as torch.optim.Adam:
/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// p = p - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps), where g includes weight_decay * p.
class Adam : public detail::OptimizerOf<AdamOptions, AdamParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as torch.optim.AdamW:
/// p = p (1 - lr * weight_decay) before Adam's step on the bare gradient.
class AdamW : public detail::OptimizerOf<AdamWOptions, AdamParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct NAdamOptions : public OptimizerCloneableOptions<NAdamOptions> {
  NAdamOptions(double lr = 2e-3) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 2e-3;
  using betas_t = std::tuple<double, double>;
  TAPER_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(double, momentum_decay) = 4e-3;
  TAPER_ARG(bool, decoupled_weight_decay) = false;
  TAPER_ARG(bool, maximize) = false;
};

struct NAdamParamState : public OptimizerCloneableParamState<NAdamParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(double, mu_product) = 1;
  TAPER_ARG(Tensor, exp_avg) = {};
  TAPER_ARG(Tensor, exp_avg_sq) = {};
};

/// Adam with Nesterov momentum (Dozat, 2016), as torch.optim.NAdam: with m and v as in Adam,
/// mu_t = b1 (1 - 0.96^(t * momentum_decay) / 2) and M_t the product of mu_1 to mu_t,
/// p = p - lr ((1 - mu_t) / (1 - M_t) g + mu_(t+1) / (1 - M_(t+1)) m) /
/// (sqrt(v / (1 - b2^t)) + eps).
class NAdam : public detail::OptimizerOf<NAdamOptions, NAdamParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct RAdamOptions : public OptimizerCloneableOptions<RAdamOptions> {
  RAdamOptions(double lr = 1e-3) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-3;
  using betas_t = std::tuple<double, double>;
  TAPER_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, decoupled_weight_decay) = false;
  TAPER_ARG(bool, maximize) = false;
};

struct RAdamParamState : public OptimizerCloneableParamState<RAdamParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, exp_avg) = {};
  TAPER_ARG(Tensor, exp_avg_sq) = {};
};

/// Adam with a rectified adaptive rate (Liu et al., 2020), as torch.optim.RAdam: with
/// rho = rho_inf - 2 t b2^t / (1 - b2^t) and rho_inf = 2 / (1 - b2) - 1, Adam's step times
/// sqrt((rho - 4)(rho - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho)) where rho > 5 (eps then
/// stands beside sqrt(v)), else p = p - lr / (1 - b1^t) * m.
class RAdam : public detail::OptimizerOf<RAdamOptions, RAdamParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct AdamaxOptions : public OptimizerCloneableOptions<AdamaxOptions> {
  AdamaxOptions(double lr = 2e-3) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 2e-3;
  using betas_t = std::tuple<double, double>;
  TAPER_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, maximize) = false;
};

struct AdamaxParamState : public OptimizerCloneableParamState<AdamaxParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, exp_avg) = {};
  TAPER_ARG(Tensor, exp_inf) = {};
};

/// Adam with the maximum norm (Kingma and Ba, 2015), as torch.optim.Adamax:
/// m = b1 m + (1 - b1) g, u = max(b2 u, |g| + eps), p = p - lr / (1 - b1^t) * m / u.
class Adamax : public detail::OptimizerOf<AdamaxOptions, AdamaxParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

TAPER_OPTIMIZER_COMPILED_ONCE(extern, AdamOptions, AdamParamState);
extern template class detail::OptimizerOf<AdamWOptions, AdamParamState>;
TAPER_OPTIMIZER_COMPILED_ONCE(extern, NAdamOptions, NAdamParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, RAdamOptions, RAdamParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, AdamaxOptions, AdamaxParamState);

}  // namespace optim
}  // namespace taper
