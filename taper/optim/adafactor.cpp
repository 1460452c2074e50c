#include "taper/optim/adafactor.h"

#include <algorithm>
#include <limits>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/optim/step.h"

namespace taper::optim {
namespace {

/// The type in which a parameter's step is computed.
ScalarType compute_type(const Tensor& param) {
  return param.scalar_type() == kDouble ? kDouble : kFloat;
}

double epsilon_of(ScalarType type) {
  switch (type) {
    case kDouble:
      return std::numeric_limits<double>::epsilon();
    case kFloat:
      return std::numeric_limits<float>::epsilon();
    case kHalf:
      return 0x1p-10;
    default:
      return 0x1p-7;
  }
}

double root_mean_square(const Tensor& t) { return std::sqrt(t.square().mean().item<double>()); }

/// Calls update(options, state, param, grad) for every parameter with a gradient and elements,
/// after all that a user can get wrong is checked. The gradient comes in the type of computation.
template <class Options, class State, class Update>
Tensor tensor_step(Optimizer& optimizer, const char* name, const Optimizer::LossClosure& closure,
                   const Update& update) {
  Tensor loss = detail::StepAccess::begin(optimizer, closure);
  NoGradGuard no_grad;
  for (const OptimizerParamGroup& group : optimizer.param_groups()) {
    options_of<Options>(group);
    for (const Tensor& param : group.params()) {
      const Tensor* grad = gradient_of(param);
      if (grad == nullptr) continue;
      TAPER_CHECK_AS(ShapeError, grad->sizes() == param.sizes(), name, ": the gradient's sizes ",
                     grad->sizes(), " are not the parameter's sizes ", param.sizes());
      TAPER_CHECK_AS(DTypeError, isFloatingType(param.scalar_type()), name,
                     ": expected a floating parameter but got ", toString(param.scalar_type()));
    }
  }
  size_t index = 0;
  for (const OptimizerParamGroup& group : optimizer.param_groups()) {
    for (const Tensor& param : group.params()) {
      std::unique_ptr<OptimizerParamState>& slot = optimizer.state().at(index++, param);
      const Tensor* grad = gradient_of(param);
      if (grad == nullptr || param.numel() == 0) continue;
      update(options_of<Options>(group), state_in<State>(slot), param,
             grad->to(compute_type(param)));
    }
  }
  detail::StepAccess::end(optimizer);
  return loss;
}

/// A state tensor in the type of computation, zeros when there is none.
Tensor& in_type(Tensor& state, IntArrayRef sizes, ScalarType type) {
  if (!state.defined()) state = zeros(sizes, type);
  if (state.scalar_type() != type) state = state.to(type);
  return state;
}

/// The estimated variance of each element, or of its row and column.
Tensor variance_of(AdafactorParamState& s, const Tensor& grad, double rest, double eps) {
  const Tensor square = grad.square();
  if (grad.dim() < 2) {
    return in_type(s.variance(), grad.sizes(), grad.scalar_type()).lerp_(square, rest).clone();
  }
  const Tensor rows = square.mean({-1}, true), columns = square.mean({-2}, true);
  const Tensor& row_var = in_type(s.row_var(), rows.sizes(), grad.scalar_type());
  const Tensor& col_var = in_type(s.col_var(), columns.sizes(), grad.scalar_type());
  row_var.lerp_(rows, rest);
  col_var.lerp_(columns, rest);
  return row_var.mul(col_var).div_(row_var.mean({-2}, true).clamp_min_(eps));
}

void update_adafactor(const AdafactorOptions& o, AdafactorParamState& s, const Tensor& param,
                      const Tensor& grad) {
  const double step = static_cast<double>(++s.step());
  const double eps1 = std::get<0>(o.eps()).value_or(epsilon_of(param.scalar_type()));
  const double rate = std::min(o.lr(), 1 / std::sqrt(step));
  const double alpha =
      std::max(std::get<1>(o.eps()), root_mean_square(param.to(grad.scalar_type()))) * rate;
  if (o.weight_decay() != 0) param.mul_(1 - o.lr() * o.weight_decay());
  const Tensor g = o.maximize() ? grad.neg() : grad;
  Tensor update = variance_of(s, g, std::pow(step, o.beta2_decay()), eps1);
  update.clamp_min_(eps1 * eps1).rsqrt_().mul_(g);
  const double excess = std::max(1.0, root_mean_square(update) / o.d());
  param.add_(update, -alpha / excess);
}

/// Brings the singular values of a matrix near to one.
Tensor orthogonalized(const Tensor& matrix, const MuonOptions& o) {
  const auto [a, b, c] = o.ns_coefficients();
  const bool is_tall = matrix.size(0) > matrix.size(1);
  Tensor x = is_tall ? matrix.t() : matrix;
  x = x.div(std::max(std::sqrt(x.square().sum().item<double>()), o.eps()));
  for (int64_t i = 0; i < o.ns_steps(); ++i) {
    const Tensor gram = x.mm(x.t());
    x = x.mul(a).add_(gram.mul(b).add_(gram.mm(gram), c).mm(x));
  }
  return is_tall ? x.t() : x;
}

void update_muon(const MuonOptions& o, MuonParamState& s, const Tensor& param, const Tensor& grad) {
  Tensor& buffer = in_type(s.momentum_buffer(), grad.sizes(), grad.scalar_type());
  buffer.lerp_(grad, 1 - o.momentum());
  const Tensor x = orthogonalized(o.nesterov() ? grad.lerp(buffer, o.momentum()) : buffer, o);
  const double rows = static_cast<double>(param.size(0));
  const double columns = static_cast<double>(param.size(1));
  const double ratio = o.adjust_lr_fn().value_or("original") == "original"
                           ? std::sqrt(std::max(1.0, rows / columns))
                           : 0.2 * std::sqrt(std::max(rows, columns));
  param.mul_(1 - o.lr() * o.weight_decay());
  param.add_(x, -o.lr() * ratio);
}

/// The checks of settings in the words of these two.
void check_bound(bool is_valid, const char* text, double value) {
  TAPER_CHECK_AS(ConfigError, is_valid, text, value);
}

}  // namespace

void AdafactorOptions::check() const {
  const auto [eps1, eps2] = eps_;
  check_bound(lr_ >= 0, "Adafactor: Learning rate should be >= 0 but is: ", lr_);
  check_bound(beta2_decay_ <= 0, "Adafactor: beta2_decay should be <= 0 but is: ", beta2_decay_);
  check_bound(!(eps1 && !(*eps1 >= 0)),
              "Adafactor: epsilon1 should be >= 0 but is: ", eps1.value_or(0));
  check_bound(eps2 >= 0, "Adafactor: epsilon2 should be >= 0 but is: ", eps2);
  check_bound(d_ >= 1, "Adafactor: Clipping threshold d should be >= 1 but is: ", d_);
  check_bound(weight_decay_ >= 0, "Adafactor: weight_decay should be >= 0 but is: ", weight_decay_);
}

void AdafactorOptions::fields(Fields& f) {
  f("lr", lr_);
  f("beta2_decay", beta2_decay_);
  f("eps", eps_);
  f("d", d_);
  f("weight_decay", weight_decay_);
  f("maximize", maximize_, Fields::kOptional);
}

void AdafactorParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.factor("row_var", row_var_, -1);
  f.factor("col_var", col_var_, -2);
  f.factor("variance", variance_, 0);
}

Tensor Adafactor::step(LossClosure closure) {
  return tensor_step<AdafactorOptions, AdafactorParamState>(*this, "Adafactor", closure,
                                                            update_adafactor);
}

Muon::Muon(std::vector<OptimizerParamGroup> param_groups, MuonOptions defaults)
    : OptimizerOf(std::move(param_groups), std::move(defaults)) {
  check_params();
}

Muon::Muon(std::vector<Tensor> params, MuonOptions defaults)
    : OptimizerOf(std::move(params), std::move(defaults)) {
  check_params();
}

Muon::Muon(const OrderedDict<std::string, Tensor>& named_params, MuonOptions defaults)
    : OptimizerOf(named_params, std::move(defaults)) {
  check_params();
}

void Muon::check_params() const {
  for (const OptimizerParamGroup& group : param_groups_) {
    for (const Tensor& param : group.params()) {
      TAPER_CHECK_AS(ConfigError, param.dim() == 2,
                     "Muon: Muon only supports 2D parameters whereas we found a parameter with "
                     "size: ",
                     param.sizes());
    }
  }
}

void MuonOptions::check() const {
  check_bound(lr_ >= 0, "Muon: Learning rate should be >= 0 but is: ", lr_);
  check_bound(momentum_ >= 0, "Muon: momentum should be >= 0 but is: ", momentum_);
  check_bound(weight_decay_ >= 0, "Muon: weight decay should be >= 0 but is: ", weight_decay_);
  TAPER_CHECK_AS(ConfigError, ns_steps_ >= 0 && ns_steps_ < 100,
                 "Muon: Number of steps must be less than 100 for computational efficiency, got ",
                 ns_steps_);
  const std::string adjust = adjust_lr_fn_.value_or("original");
  TAPER_CHECK_AS(ConfigError, adjust == "original" || adjust == "match_rms_adamw",
                 "Muon: Adjust learning rate function ", adjust, " is not supported");
}

void MuonOptions::fields(Fields& f) {
  f("lr", lr_);
  f("weight_decay", weight_decay_);
  f("momentum", momentum_);
  f("nesterov", nesterov_);
  f("ns_coefficients", ns_coefficients_);
  f("eps", eps_);
  f("ns_steps", ns_steps_);
  f("adjust_lr_fn", adjust_lr_fn_);
}

void MuonParamState::fields(Fields& f) { f.buffer("momentum_buffer", momentum_buffer_); }

Tensor Muon::step(LossClosure closure) {
  check_params();
  return tensor_step<MuonOptions, MuonParamState>(*this, "Muon", closure, update_muon);
}

TAPER_OPTIMIZER_COMPILED_ONCE(, AdafactorOptions, AdafactorParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, MuonOptions, MuonParamState);

}  // namespace taper::optim
