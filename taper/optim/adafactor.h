#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

struct AdafactorOptions : public OptimizerCloneableOptions<AdafactorOptions> {
  AdafactorOptions(double lr = 1e-2) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-2;
  TAPER_ARG(double, beta2_decay) = -0.8;
  /// The least root of a variance (none: the type's epsilon), and the least scale of a parameter.
  using eps_t = std::tuple<std::optional<double>, double>;
  TAPER_ARG(eps_t, eps) = eps_t(std::nullopt, 1e-3);
  TAPER_ARG(double, d) = 1;
  TAPER_ARG(double, weight_decay) = 0;
  TAPER_ARG(bool, maximize) = false;
};

/// Matrices (of the last two dimensions) keep row_var and col_var, others variance.
struct AdafactorParamState : public OptimizerCloneableParamState<AdafactorParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, step) = 0;
  TAPER_ARG(Tensor, row_var) = {};
  TAPER_ARG(Tensor, col_var) = {};
  TAPER_ARG(Tensor, variance) = {};
};

/// Adafactor (Shazeer and Stern, 2018), as torch.optim.Adafactor: with b = 1 - t^beta2_decay,
/// R = b R + (1 - b) mean over columns of g^2, C likewise over rows, V = R C / mean(R);
/// U = g / max(sqrt(V), eps1), p = p (1 - lr * weight_decay) -
/// max(eps2, RMS(p)) min(lr, 1 / sqrt(t)) U / max(1, RMS(U) / d). Half types compute and keep
/// their variances in float32.
class Adafactor : public detail::OptimizerOf<AdafactorOptions, AdafactorParamState> {
 public:
  using OptimizerOf::OptimizerOf;
  Tensor step(LossClosure closure = nullptr) override;
};

struct MuonOptions : public OptimizerCloneableOptions<MuonOptions> {
  MuonOptions(double lr = 1e-3) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1e-3;
  TAPER_ARG(double, weight_decay) = 0.1;
  TAPER_ARG(double, momentum) = 0.95;
  TAPER_ARG(bool, nesterov) = true;
  using coefficients_t = std::tuple<double, double, double>;
  TAPER_ARG(coefficients_t, ns_coefficients) = coefficients_t(3.4445, -4.775, 2.0315);
  TAPER_ARG(double, eps) = 1e-7;
  TAPER_ARG(int64_t, ns_steps) = 5;
  /// "original" (also when none): the rate times sqrt(max(1, rows / columns));
  /// "match_rms_adamw": times 0.2 sqrt(max(rows, columns)).
  TAPER_ARG(std::optional<std::string>, adjust_lr_fn) = std::nullopt;
};

struct MuonParamState : public OptimizerCloneableParamState<MuonParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(Tensor, momentum_buffer) = {};
};

/// Momentum orthogonalized by Newton-Schulz iterations (Jordan et al., 2024), as torch.optim.Muon,
/// for matrices: m = momentum * m + (1 - momentum) g, X = g + momentum (m - g) (or m without
/// nesterov) over its norm, ns_steps times X = a X + (b A + c A^2) X with A = X X^T, and
/// p = p (1 - lr * weight_decay) - adjusted rate * X. The iterations run in the parameter's type,
/// halves in float32, where Python's run in bfloat16.
class Muon : public detail::OptimizerOf<MuonOptions, MuonParamState> {
 public:
  /// Throws, as step() does, when a parameter is no matrix.
  explicit Muon(std::vector<OptimizerParamGroup> param_groups, MuonOptions defaults = {});
  explicit Muon(std::vector<Tensor> params, MuonOptions defaults = {});
  explicit Muon(const OrderedDict<std::string, Tensor>& named_params, MuonOptions defaults = {});
  Tensor step(LossClosure closure = nullptr) override;

 private:
  void check_params() const;
};

TAPER_OPTIMIZER_COMPILED_ONCE(extern, AdafactorOptions, AdafactorParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(extern, MuonOptions, MuonParamState);

}  // namespace optim
}  // namespace taper
