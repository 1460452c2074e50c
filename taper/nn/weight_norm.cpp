#include <ostream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/derived.h"
#include "taper/nn/parametrizations.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/statistics.h"
#include "taper/ops/view.h"

namespace taper::nn::utils {
namespace {

using nn::detail::ModuleAccess;

/// The norms over all dimensions but one, with the sizes of the others 1; over all without one.
Tensor norm_except(const Tensor& v, std::optional<int64_t> dim) {
  if (!dim) return v.norm(2);
  TAPER_CHECK_AS(IndexError, *dim >= 0 && *dim < v.dim(),
                 "weight_norm: Dimension out of range (expected to be in range of [0, ",
                 v.dim() - 1, "], but got ", *dim, ")");
  DimVector sizes(static_cast<size_t>(v.dim()), 1);
  sizes[static_cast<size_t>(*dim)] = v.size(*dim);
  return v.unsqueeze(-1).transpose(0, *dim).flatten(1).norm(2, {1}).view(sizes);
}

Tensor normed(const Tensor& v, const Tensor& g, std::optional<int64_t> dim) {
  return v.mul(g.div(norm_except(v, dim)));
}

class WeightNormRule final : public nn::detail::DerivedRule {
 public:
  WeightNormRule(const std::string& name, std::optional<int64_t> dim)
      : DerivedRule(name), dim_(dim) {}
  Tensor compute(Module& module) const override {
    auto& parameters = ModuleAccess::parameters(module);
    return normed(parameters[name() + "_v"], parameters[name() + "_g"], dim_);
  }

 private:
  std::optional<int64_t> dim_;
};

/// Python's -1 is no dimension.
std::optional<int64_t> given_dim(std::optional<int64_t> dim) {
  return dim == -1 ? std::nullopt : dim;
}

}  // namespace

namespace parametrizations {

void WeightNormImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::utils::parametrizations::_WeightNorm()";
}

Tensor WeightNormImpl::forward(const Tensor& weight_g, const Tensor& weight_v) {
  return normed(weight_v, weight_g, dim_);
}

std::pair<Tensor, Tensor> WeightNormImpl::right_inverse(const Tensor& weight) {
  return {norm_except(weight, dim_), weight.clone()};
}

void detail::weight_norm(Module& module, const std::string& name, std::optional<int64_t> dim) {
  parametrize::register_parametrization(module, name,
                                        std::make_shared<WeightNormImpl>(given_dim(dim)));
}

}  // namespace parametrizations

void detail::weight_norm(Module& module, const std::string& name, std::optional<int64_t> dim) {
  dim = given_dim(dim);
  TAPER_CHECK(ModuleAccess::find_rule<WeightNormRule>(module, name) == nullptr,
              "weight_norm: Cannot register two weight_norm hooks on the same parameter ", name);
  const Tensor weight = ModuleAccess::parameter(module, name, "weight_norm");
  const Tensor g = norm_except(weight.detach(), dim), v = weight.detach();
  for (const char* end : {"_g", "_v"}) ModuleAccess::check_free(module, name + end, "weight_norm");
  ModuleAccess::take(module, name);
  ModuleAccess::add_parameter(module, name + "_g", g, weight.requires_grad());
  ModuleAccess::add_parameter(module, name + "_v", v, weight.requires_grad());
  auto rule = std::make_shared<const WeightNormRule>(name, dim);
  const Tensor value = rule->compute(module);
  ModuleAccess::add_rule(module, std::move(rule), value);
}

void detail::remove_weight_norm(Module& module, const std::string& name) {
  const auto rule = ModuleAccess::find_rule<WeightNormRule>(module, name);
  TAPER_CHECK(rule != nullptr, "remove_weight_norm: weight_norm of '", name, "' not found in ",
              module.name());
  const NoGradGuard no_grad;
  const Tensor weight = rule->compute(module);
  weight.set_requires_grad(ModuleAccess::parameters(module)[name + "_v"].requires_grad());
  ModuleAccess::remove_rule(module, name);
  module.unregister_parameter(name + "_g");
  module.unregister_parameter(name + "_v");
  ModuleAccess::put_back(module, name, weight, true, "remove_weight_norm");
}

}  // namespace taper::nn::utils

namespace taper::nn {
template class Cloneable<utils::parametrizations::WeightNormImpl>;
}  // namespace taper::nn
