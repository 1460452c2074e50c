#include <ostream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/conv.h"
#include "taper/nn/derived.h"
#include "taper/nn/functional.h"
#include "taper/nn/lazy.h"
#include "taper/nn/parametrizations.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/view.h"

namespace taper::nn::utils {
namespace {

using nn::detail::ModuleAccess;

Tensor unit(const Tensor& vector, double eps) {
  return functional::normalize(vector, functional::NormalizeFuncOptions().dim(0).eps(eps));
}

/// The weight with dimension dim for rows and all others for columns.
Tensor as_matrix(const Tensor& weight, int64_t dim) {
  if (dim == 0) return weight.flatten(1);
  DimVector order{dim};
  for (int64_t d = 0; d < weight.dim(); ++d) {
    if (d != dim) order.push_back(d);
  }
  return weight.permute(order).flatten(1);
}

/// Random directions for the rows and the columns.
std::pair<Tensor, Tensor> start(const Tensor& matrix, double eps) {
  const Tensor u = empty({matrix.size(0)}, matrix.options()).normal_(0, 1);
  const Tensor v = empty({matrix.size(1)}, matrix.options()).normal_(0, 1);
  return {unit(u, eps), unit(v, eps)};
}

void check_options(int64_t n_power_iterations) {
  TAPER_CHECK_AS(ConfigError, n_power_iterations > 0,
                 "spectral_norm: Expected n_power_iterations to be positive, but got "
                 "n_power_iterations=",
                 n_power_iterations);
}

int64_t checked_dim(const Tensor& weight, int64_t dim) {
  const int64_t rank = weight.dim();
  TAPER_CHECK_AS(IndexError, dim >= -rank && dim < rank,
                 "spectral_norm: Dimension out of range (expected to be in range of [", -rank, ", ",
                 rank - 1, "] but got ", dim, ")");
  return dim < 0 ? dim + rank : dim;
}

int64_t default_dim(const Module& module, std::optional<int64_t> dim) {
  const bool is_transposed = module.as<ConvTranspose1d>() != nullptr ||
                             module.as<ConvTranspose2d>() != nullptr ||
                             module.as<ConvTranspose3d>() != nullptr;
  return dim.value_or(is_transposed ? 1 : 0);
}

/// The form of older files: <name>_orig, <name>_u, <name>_v.
class SpectralNormRule final : public nn::detail::DerivedRule {
 public:
  SpectralNormRule(const std::string& name, int64_t n_power_iterations, int64_t dim, double eps)
      : DerivedRule(name), n_power_iterations_(n_power_iterations), dim_(dim), eps_(eps) {}
  Tensor compute(Module& module) const override { return compute(module, module.is_training()); }
  Tensor compute(Module& module, bool iterate) const {
    const Tensor weight = ModuleAccess::parameters(module)[name() + "_orig"];
    const Tensor u = ModuleAccess::buffers(module)[name() + "_u"];
    const Tensor v = ModuleAccess::buffers(module)[name() + "_v"];
    const Tensor matrix = as_matrix(weight, dim_);
    if (iterate) {
      const NoGradGuard no_grad;
      for (int64_t i = 0; i < n_power_iterations_; ++i) {
        v.copy_(unit(mv(matrix.t(), u), eps_));
        u.copy_(unit(mv(matrix, v), eps_));
      }
    }
    // Copies: the next forward pass changes u and v before this one's backward may come.
    return weight.div(dot(u.clone(), mv(matrix, v.clone())));
  }

 private:
  int64_t n_power_iterations_, dim_;
  double eps_;
};

}  // namespace

namespace parametrizations {

SpectralNormImpl::SpectralNormImpl(const Tensor& weight, int64_t n_power_iterations, int64_t dim,
                                   double eps)
    : n_power_iterations_(n_power_iterations), dim_(checked_dim(weight, dim)), eps_(eps) {
  check_options(n_power_iterations);
  if (weight.dim() <= 1) return;
  const NoGradGuard no_grad;
  const Tensor matrix = as_matrix(weight, dim_);
  std::tie(u_, v_) = start(matrix, eps_);
  reset();
  iterate(matrix, 15);
}

void SpectralNormImpl::reset() {
  if (!u_.defined()) return;
  register_buffer("_u", &u_, u_.clone());
  register_buffer("_v", &v_, v_.clone());
}

void SpectralNormImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::utils::parametrizations::_SpectralNorm()";
}

void SpectralNormImpl::iterate(const Tensor& matrix, int64_t steps) {
  const NoGradGuard no_grad;
  for (int64_t i = 0; i < steps; ++i) {
    u_.copy_(unit(mv(matrix, v_), eps_));
    v_.copy_(unit(mv(matrix.t(), u_), eps_));
  }
}

Tensor SpectralNormImpl::forward(const Tensor& weight) {
  if (!u_.defined()) return unit(weight, eps_);
  const Tensor matrix = as_matrix(weight, dim_);
  if (is_training()) iterate(matrix, n_power_iterations_);
  // Copies: the next forward pass changes u and v before this one's backward may come.
  return weight.div(dot(u_.clone(), mv(matrix, v_.clone())));
}

Tensor detail::weight_of(Module& module, const std::string& name, const char* op) {
  const Tensor* weight = ModuleAccess::parameters(module).find(name);
  if (weight == nullptr) weight = ModuleAccess::buffers(module).find(name);
  if (weight == nullptr && parametrize::is_parametrized(module, name)) {
    weight = &ModuleAccess::member(module, name, op);
  }
  TAPER_CHECK(weight != nullptr && weight->defined(), op, ": Module '", module.name(),
              "' has no parameter or buffer with name '", name, "'");
  nn::detail::check_initialized(module, op);
  return *weight;
}

void detail::spectral_norm(Module& module, const std::string& name, int64_t n_power_iterations,
                           double eps, std::optional<int64_t> dim) {
  const Tensor weight = weight_of(module, name, "spectral_norm");
  auto norm = std::make_shared<SpectralNormImpl>(weight.detach(), n_power_iterations,
                                                 default_dim(module, dim), eps);
  parametrize::register_parametrization(module, name, std::move(norm));
}

}  // namespace parametrizations

void detail::spectral_norm(Module& module, const std::string& name, int64_t n_power_iterations,
                           double eps, std::optional<int64_t> dim) {
  check_options(n_power_iterations);
  TAPER_CHECK(ModuleAccess::find_rule<SpectralNormRule>(module, name) == nullptr,
              "spectral_norm: Cannot register two spectral_norm hooks on the same parameter ",
              name);
  const Tensor weight = ModuleAccess::parameter(module, name, "spectral_norm");
  const int64_t rows = checked_dim(weight, default_dim(module, dim));
  for (const char* end : {"_orig", "_u", "_v"}) {
    ModuleAccess::check_free(module, name + end, "spectral_norm");
  }
  const auto [u, v] = start(as_matrix(weight.detach(), rows), eps);
  ModuleAccess::take(module, name);
  ModuleAccess::add_parameter(module, name + "_orig", weight, weight.requires_grad());
  ModuleAccess::add_buffer(module, name + "_u", u);
  ModuleAccess::add_buffer(module, name + "_v", v);
  // Not computed yet: that would take a step.
  ModuleAccess::add_rule(
      module, std::make_shared<const SpectralNormRule>(name, n_power_iterations, rows, eps),
      weight.detach());
}

void detail::remove_spectral_norm(Module& module, const std::string& name) {
  const auto rule = ModuleAccess::find_rule<SpectralNormRule>(module, name);
  TAPER_CHECK(rule != nullptr, "remove_spectral_norm: spectral_norm of '", name, "' not found in ",
              module.name());
  const NoGradGuard no_grad;
  const Tensor weight = rule->compute(module, false);
  weight.set_requires_grad(ModuleAccess::parameters(module)[name + "_orig"].requires_grad());
  ModuleAccess::remove_rule(module, name);
  module.unregister_parameter(name + "_orig");
  module.unregister_buffer(name + "_u");
  module.unregister_buffer(name + "_v");
  ModuleAccess::put_back(module, name, weight, true, "remove_spectral_norm");
}

}  // namespace taper::nn::utils

namespace taper::nn {
template class Cloneable<utils::parametrizations::SpectralNormImpl>;
}  // namespace taper::nn
