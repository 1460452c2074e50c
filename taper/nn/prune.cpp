#include "taper/nn/prune.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/derived.h"
#include "taper/nn/utils.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/indexing.h"
#include "taper/ops/masking.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/scatter.h"
#include "taper/ops/sorting.h"
#include "taper/ops/statistics.h"
#include "taper/ops/view.h"

namespace taper::nn::utils::prune {
namespace {

using nn::detail::ModuleAccess;

class PruneRule final : public nn::detail::DerivedRule {
 public:
  using DerivedRule::DerivedRule;
  Tensor compute(Module& module) const override {
    const Tensor original = ModuleAccess::parameters(module)[name() + "_orig"];
    return ModuleAccess::buffers(module)[name() + "_mask"].to(original.scalar_type()).mul(original);
  }
};

/// The mask without the elements at these places.
Tensor without(const Tensor& mask, const Tensor& places) {
  return mask.reshape(-1).index_fill(0, places, 0).view(mask.sizes());
}

/// The channels' dimension; throws for a vector, and out of range.
int64_t channel_dim(const Tensor& t, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, t.dim() > 1,
                 "prune: Structured pruning can only be applied to multidimensional tensors. Found "
                 "tensor of shape ",
                 t.sizes(), " with ", t.dim(), " dims");
  TAPER_CHECK_AS(IndexError, dim >= -t.dim() && dim < t.dim(), "prune: Invalid index ", dim,
                 " for tensor of size ", t.sizes());
  return dim < 0 ? dim + t.dim() : dim;
}

DimVector other_dims(const Tensor& t, int64_t dim) {
  DimVector others;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (d != dim) others.push_back(d);
  }
  return others;
}

void check_sizes(const char* what, const Tensor& got, const Tensor& expected) {
  TAPER_CHECK_AS(ShapeError, got.sizes() == expected.sizes(), "prune: ", what,
                 " should have the same shape as the parameter, got ", got.sizes(), ", expected ",
                 expected.sizes());
}

/// The mask after one more method, which looks at what the mask leaves.
Tensor combine(const BasePruningMethod& method, const Tensor& t, const Tensor& mask) {
  if (method.type() == PruningType::kGlobal) return method.compute_mask(t, mask);
  if (method.type() == PruningType::kUnstructured) {
    const Tensor flat = mask.reshape(-1), left = flat.eq(1).nonzero().squeeze(1);
    const Tensor part =
        method.compute_mask(t.reshape(-1).index_select(0, left), flat.index_select(0, left));
    return flat.index_copy(0, left, part.to(flat.scalar_type())).view(mask.sizes());
  }
  const int64_t dim = channel_dim(t, method.dim());
  const Tensor left = mask.sum(other_dims(t, dim)).ne(0).nonzero().squeeze(1);
  const Tensor part = method.compute_mask(t.index_select(dim, left), mask.index_select(dim, left));
  return mask.index_copy(dim, left, part.to(mask.scalar_type()));
}

}  // namespace

Amount::Amount(double value, bool is_count) : value_(value), is_count_(is_count) {
  TAPER_CHECK_AS(ConfigError, value >= 0 && (is_count || value <= 1), "prune: amount=", value,
                 " should either be a float in the range [0, 1] or a non-negative integer");
}

int64_t Amount::of(int64_t size) const {
  if (!is_count_) return std::llrint(value_ * static_cast<double>(size));
  TAPER_CHECK_AS(ConfigError, value_ <= static_cast<double>(size), "prune: amount=", value_,
                 " should be smaller than the number of parameters to prune=", size);
  return static_cast<int64_t>(value_);
}

Tensor BasePruningMethod::prune(const Tensor& t, const Tensor& default_mask,
                                const Tensor& importance_scores) const {
  if (importance_scores.defined()) check_sizes("importance_scores", importance_scores, t);
  const Tensor& scores = importance_scores.defined() ? importance_scores : t;
  const Tensor mask = default_mask.defined() ? default_mask : ones_like(t);
  return t.mul(compute_mask(scores.detach(), mask));
}

Tensor Identity::compute_mask(const Tensor&, const Tensor& default_mask) const {
  return default_mask;
}

Tensor RandomUnstructured::compute_mask(const Tensor& t, const Tensor& default_mask) const {
  const int64_t count = amount_.of(t.numel());
  if (count == 0) return default_mask.clone();
  return without(default_mask, std::get<1>(rand_like(t).reshape(-1).topk(count)));
}

Tensor L1Unstructured::compute_mask(const Tensor& t, const Tensor& default_mask) const {
  const int64_t count = amount_.of(t.numel());
  if (count == 0) return default_mask.clone();
  return without(default_mask, std::get<1>(t.abs().reshape(-1).topk(count, -1, false)));
}

Tensor RandomStructured::compute_mask(const Tensor& t, const Tensor& default_mask) const {
  const int64_t dim = channel_dim(t, dim_), channels = t.size(dim), count = amount_.of(channels);
  if (count == 0) return default_mask;
  const Tensor draws = rand({channels});
  const Tensor kept = draws.gt(std::get<0>(draws.kthvalue(count))).to(default_mask.scalar_type());
  DimVector sizes(static_cast<size_t>(t.dim()), 1);
  sizes[static_cast<size_t>(dim)] = channels;
  return default_mask.mul(kept.view(sizes));
}

Tensor LnStructured::compute_mask(const Tensor& t, const Tensor& default_mask) const {
  const int64_t dim = channel_dim(t, dim_), channels = t.size(dim), count = amount_.of(channels);
  if (count == 0) return default_mask;
  const Tensor norms = norm(t, Scalar(n_), other_dims(t, dim), false);
  const Tensor kept = std::get<1>(norms.topk(channels - count));
  return zeros_like(default_mask).index_fill(dim, kept, 1).mul(default_mask);
}

Tensor CustomFromMask::compute_mask(const Tensor&, const Tensor& default_mask) const {
  TAPER_CHECK(mask_.defined(), "custom_from_mask: got an undefined mask");
  check_sizes("mask", mask_, default_mask);
  return default_mask.mul(mask_.to(default_mask.scalar_type()));
}

PruningContainer::PruningContainer(const std::vector<Method>& methods) {
  for (const Method& method : methods) add_pruning_method(method);
}

void PruningContainer::add_pruning_method(Method method) {
  TAPER_CHECK_AS(ConfigError, method != nullptr,
                 "PruningContainer: null is not a BasePruningMethod subclass");
  methods_.push_back(std::move(method));
}

Tensor PruningContainer::compute_mask(const Tensor& t, const Tensor& default_mask) const {
  TAPER_CHECK_AS(ConfigError, !methods_.empty(), "PruningContainer: has no pruning method");
  return combine(*methods_.back(), t, default_mask);
}

const PruningContainer::Method& PruningContainer::operator[](size_t i) const {
  TAPER_CHECK_AS(IndexError, i < methods_.size(), "PruningContainer: index ", i,
                 " is out of range for ", methods_.size(), " methods");
  return methods_[i];
}

namespace detail {

void apply(Module& module, const std::string& name, const BasePruningMethod& method,
           const Tensor& importance_scores) {
  const NoGradGuard no_grad;
  const bool again = ModuleAccess::find_rule<PruneRule>(module, name) != nullptr;
  const std::string original_name = name + "_orig", mask_name = name + "_mask";
  const Tensor original = again ? ModuleAccess::parameters(module)[original_name]
                                : ModuleAccess::parameter(module, name, "prune");
  if (importance_scores.defined()) check_sizes("importance_scores", importance_scores, original);
  const Tensor before =
      again ? ModuleAccess::buffers(module)[mask_name].clone() : ones_like(original);
  const Tensor scores =
      importance_scores.defined() ? importance_scores.detach() : original.detach().mul(before);
  Tensor mask = again ? combine(method, scores, before) : method.compute_mask(scores, before);
  check_sizes("the mask", mask, original);
  mask = mask.detach().to(original.scalar_type());
  const AutoGradMode with_grad(true);
  if (again) {
    ModuleAccess::buffers(module)[mask_name] = mask;
    const auto rule = ModuleAccess::find_rule<PruneRule>(module, name);
    ModuleAccess::member(module, name, "prune") = rule->compute(module);
    return;
  }
  for (const std::string& added : {original_name, mask_name}) {
    ModuleAccess::check_free(module, added, "prune");
  }
  ModuleAccess::take(module, name);
  ModuleAccess::add_parameter(module, original_name, original, original.requires_grad());
  ModuleAccess::add_buffer(module, mask_name, mask);
  auto rule = std::make_shared<const PruneRule>(name);
  const Tensor value = rule->compute(module);
  ModuleAccess::add_rule(module, std::move(rule), value);
}

void remove(Module& module, const std::string& name) {
  const auto rule = ModuleAccess::find_rule<PruneRule>(module, name);
  TAPER_CHECK(rule != nullptr, "prune::remove: Parameter '", name, "' of module ", module.name(),
              " has to be pruned before pruning can be removed");
  const NoGradGuard no_grad;
  const Tensor original = ModuleAccess::parameters(module)[name + "_orig"];
  original.set_data(rule->compute(module).detach());
  ModuleAccess::remove_rule(module, name);
  module.unregister_parameter(name + "_orig");
  module.unregister_buffer(name + "_mask");
  ModuleAccess::put_back(module, name, original, true, "prune::remove");
}

bool is_pruned(const Module& module) {
  for (const auto& rule : ModuleAccess::rules(module)) {
    if (dynamic_cast<const PruneRule*>(rule.get()) != nullptr) return true;
  }
  for (const auto& child : module.children()) {
    if (is_pruned(*child)) return true;
  }
  return false;
}

}  // namespace detail

void global_unstructured(const std::vector<PruneTarget>& parameters,
                         const BasePruningMethod& method) {
  TAPER_CHECK(method.type() == PruningType::kUnstructured,
              "global_unstructured: Only \"unstructured\" PRUNING_TYPE supported for the "
              "`pruning_method`.");
  TAPER_CHECK(!parameters.empty(), "global_unstructured: got no parameters");
  std::vector<Tensor> scores, masks;
  {
    const NoGradGuard no_grad;
    for (const PruneTarget& target : parameters) {
      Module& module = *target.module;
      const bool again = ModuleAccess::find_rule<PruneRule>(module, target.name) != nullptr;
      const Tensor value =
          again ? ModuleAccess::parameters(module)[target.name + "_orig"].detach().mul(
                      ModuleAccess::buffers(module)[target.name + "_mask"])
                : ModuleAccess::parameter(module, target.name, "global_unstructured").detach();
      const bool given = target.importance_scores.defined();
      if (given) check_sizes("importance_scores", target.importance_scores, value);
      scores.push_back(given ? target.importance_scores.detach() : value);
      masks.push_back(again ? ModuleAccess::buffers(module)[target.name + "_mask"]
                            : ones_like(value));
    }
  }
  const Tensor mask =
      combine(method, parameters_to_vector(scores), parameters_to_vector(masks)).detach();
  int64_t start = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor part = mask.narrow(0, start, masks[i].numel()).view(masks[i].sizes());
    custom_from_mask(*parameters[i].module, parameters[i].name, part);
    start += masks[i].numel();
  }
}

}  // namespace taper::nn::utils::prune
