#include "taper/nn/parametrize.h"

#include <atomic>
#include <ostream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/containers.h"
#include "taper/nn/derived.h"
#include "taper/nn/lazy.h"

namespace taper::nn::utils::parametrize {
namespace {

using nn::detail::ModuleAccess;

constexpr const char* kChild = "parametrizations";

/// Computes a tensor with the module's list for it.
class ParametrizeRule final : public nn::detail::DerivedRule {
 public:
  using DerivedRule::DerivedRule;
  Tensor compute(Module& module) const override;
  bool is_cached() const override { return true; }
};

std::shared_ptr<ParametrizationList> find_list(const Module& module, const std::string& name) {
  const auto rule = ModuleAccess::find_rule<ParametrizeRule>(module, name);
  if (rule == nullptr) return nullptr;
  return std::dynamic_pointer_cast<ParametrizationList>(
      module.get_submodule(str(kChild, '.', name)));
}

std::shared_ptr<ParametrizationList> get_list(const char* op, const Module& module,
                                              const std::string& name) {
  auto list = find_list(module, name);
  TAPER_CHECK(list != nullptr, op, ": Module ", module.name(),
              " does not have a parametrization on ", name);
  return list;
}

Tensor ParametrizeRule::compute(Module& module) const {
  return get_list("forward", module, name())->forward();
}

/// The tensors that the last parametrization's inverse begins with and the first one's ends with.
detail::Inverse invert(std::vector<detail::Step>& steps, const Tensor& value, bool all) {
  const NoGradGuard no_grad;
  detail::Inverse inverse{{value}, true};
  for (size_t i = steps.size(); i-- > 0;) {
    Module& module = *steps[i].module.ptr();
    TAPER_CHECK(!all || steps[i].inverse != nullptr, "parametrization ", module.name(),
                " does not implement right_inverse.");
    if (steps[i].inverse == nullptr) continue;
    TAPER_CHECK(inverse.is_tensor,
                "right_inverse: only the first parametrization may give several "
                "tensors, got them from ",
                module.name());
    auto result = steps[i].inverse(module, inverse.tensors[0]);
    TAPER_CHECK(!all || result.has_value(), "parametrization ", module.name(),
                " cannot tell its right_inverse.");
    if (result) inverse = *std::move(result);
    for (const Tensor& tensor : inverse.tensors) {
      TAPER_CHECK(tensor.defined(),
                  "'right_inverse' must return a Tensor or a Sequence of tensors. "
                  "Got an undefined one from ",
                  module.name());
    }
  }
  TAPER_CHECK(!inverse.tensors.empty(),
              "'right_inverse' must return a Tensor or a Sequence of "
              "tensors. Got none");
  return inverse;
}

}  // namespace

ParametrizationList::ParametrizationList(detail::Step step, const Tensor& original,
                                         bool is_parameter, bool unsafe)
    : is_parameter_(is_parameter) {
  const std::shared_ptr<Module> module = step.module.ptr();
  steps_.push_back(std::move(step));
  const detail::Inverse inverse = invert(steps_, original, false);
  is_tensor_ = inverse.is_tensor;
  count_ = inverse.tensors.size();
  const Tensor before = original.detach();
  register_module("0", module);
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    if (is_parameter) {
      register_parameter(name, tensor, original.requires_grad());
    } else {
      register_buffer(name, tensor);
    }
  };
  if (is_tensor_) {
    TAPER_CHECK_AS(DTypeError, inverse.tensors[0].scalar_type() == original.scalar_type(),
                   "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                   "original.dtype: ",
                   original.scalar_type(),
                   "\nright_inverse(original).dtype: ", inverse.tensors[0].scalar_type());
    add("original", original);
    if (!inverse.tensors[0].is_same(original)) original.set_data(inverse.tensors[0].detach());
  } else {
    for (size_t i = 0; i < count_; ++i) add(original_name(i), inverse.tensors[i].detach());
  }
  try {
    value_ = forward();
    check_value(value_, before, unsafe);
  } catch (...) {
    if (is_tensor_) original.set_data(before);
    throw;
  }
}

void ParametrizationList::check_value(const Tensor& value, const Tensor& before,
                                      bool unsafe) const {
  if (unsafe) return;
  TAPER_CHECK_AS(DTypeError, value.scalar_type() == before.scalar_type(),
                 "Registering a parametrization may not change the dtype of the tensor, unless "
                 "`unsafe` flag is enabled.\nunparametrized dtype: ",
                 before.scalar_type(), "\nparametrized dtype: ", value.scalar_type());
  TAPER_CHECK_AS(ShapeError, value.sizes() == before.sizes(),
                 "Registering a parametrization may not change the shape of the tensor, unless "
                 "`unsafe` flag is enabled.\nunparametrized shape: ",
                 before.sizes(), "\nparametrized shape: ", value.sizes());
}

Tensor ParametrizationList::run(detail::Step& step, ValueList arguments) {
  AnyValue value = step.module.any_call(arguments);
  const Tensor* const tensor = value.try_get<Tensor>();
  TAPER_CHECK(tensor != nullptr && tensor->defined(),
              "A parametrization must return a tensor. Got ",
              tensor != nullptr ? "an undefined one" : demangle(value.type_info()), " from ",
              step.module.ptr()->name());
  return *tensor;
}

Tensor ParametrizationList::forward() {
  ValueList arguments;
  for (size_t i = 0; i < count_; ++i) arguments.push_back(AnyValue(original(i)));
  Tensor value = run(steps_[0], std::move(arguments));
  for (size_t i = 1; i < steps_.size(); ++i) {
    ValueList next;
    next.push_back(AnyValue(value));
    value = run(steps_[i], std::move(next));
  }
  return value;
}

void ParametrizationList::right_inverse(const Tensor& value) {
  TAPER_CHECK(value.defined(), "right_inverse: got an undefined tensor");
  const detail::Inverse inverse = invert(steps_, value, true);
  TAPER_CHECK(inverse.tensors.size() == count_ && inverse.is_tensor == is_tensor_,
              "'right_inverse' must return a sequence of tensors of length ", count_,
              ". Got a sequence of length ", inverse.tensors.size(), '.');
  for (size_t i = 0; i < count_; ++i) {
    TAPER_CHECK_AS(DTypeError, inverse.tensors[i].scalar_type() == original(i).scalar_type(),
                   "Tensor ", i, " returned by `right_inverse` has dtype ",
                   inverse.tensors[i].scalar_type(), " while `", original_name(i), "` has dtype ",
                   original(i).scalar_type());
  }
  for (size_t i = 0; i < count_; ++i) original(i).set_data(inverse.tensors[i].detach());
}

void ParametrizationList::append(detail::Step step, bool unsafe) {
  const Tensor before = forward();
  ValueList arguments;
  arguments.push_back(AnyValue(before));
  Tensor value = run(step, std::move(arguments));
  check_value(value, before, unsafe);
  if (!unsafe && step.inverse != nullptr) {
    std::vector<detail::Step> only{step};
    const detail::Inverse inverse = invert(only, value, false);
    TAPER_CHECK(inverse.is_tensor, "parametrization.right_inverse must return a tensor. Got ",
                inverse.tensors.size());
    TAPER_CHECK_AS(DTypeError, inverse.tensors[0].scalar_type() == before.scalar_type(),
                   "The tensor returned by parametrization.right_inverse must have the same dtype "
                   "as the module's, unless the `unsafe` flag is enabled: got ",
                   inverse.tensors[0].scalar_type(), ", expected ", before.scalar_type());
    TAPER_CHECK_AS(ShapeError, inverse.tensors[0].sizes() == before.sizes(),
                   "The tensor returned by parametrization.right_inverse must have the same shape "
                   "as the module's, unless the `unsafe` flag is enabled: got ",
                   inverse.tensors[0].sizes(), ", expected ", before.sizes());
  }
  register_module(std::to_string(steps_.size()), step.module.ptr());
  steps_.push_back(std::move(step));
  value_ = std::move(value);
}

std::string ParametrizationList::original_name(size_t index) const {
  return is_tensor_ ? "original" : str("original", index);
}

Tensor ParametrizationList::original(size_t index) const {
  Tensor* const entry = const_cast<ParametrizationList*>(this)->tensor_member(original_name(index));
  TAPER_CHECK(entry != nullptr, "ParametrizationList: there is no ", original_name(index));
  return *entry;
}

Tensor* ParametrizationList::tensor_member(const std::string& name) {
  Tensor* const parameter = ModuleAccess::parameters(*this).find(name);
  return parameter != nullptr ? parameter : ModuleAccess::buffers(*this).find(name);
}

std::shared_ptr<Module> ParametrizationList::clone(const std::optional<Device>& device) const {
  const NoGradGuard no_grad;
  nn::detail::CloneScope scope;
  auto copy = std::make_shared<ParametrizationList>(*this);
  scope.copy_tensors(*copy, device);
  ModuleMap children("Submodule");
  for (size_t i = 0; i < steps_.size(); ++i) {
    const AnyModule& module = steps_[i].module;
    copy->steps_[i].module =
        AnyModule(nn::detail::clone_within(*module.module_, device), *module.table_);
    children.insert(std::to_string(i), copy->steps_[i].module.ptr());
  }
  copy->set_children(std::move(children));
  return copy;
}

void ParametrizationList::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::utils::parametrize::ParametrizationList";
}

namespace detail {
namespace {

void begin(Module& module, const std::string& name, Step step, bool unsafe) {
  nn::detail::check_initialized(module, "register_parametrization");
  const Tensor* entry = ModuleAccess::parameters(module).find(name);
  const bool is_parameter = entry != nullptr;
  if (entry == nullptr) entry = ModuleAccess::buffers(module).find(name);
  TAPER_CHECK(entry != nullptr && entry->defined(), "register_parametrization: Module '",
              module.name(),
              "' does not have a parameter, a buffer, or a parametrized element "
              "with name '",
              name, "'");
  TAPER_CHECK(&ModuleAccess::member(module, name, "register_parametrization") != entry,
              "register_parametrization: '", name, "' of ", module.name(),
              " is read by name: only a tensor in a member can be parametrized");
  const bool has_others = is_parametrized(module);
  TAPER_CHECK(has_others || !ModuleAccess::children(module).contains(kChild),
              "register_parametrization: ", module.name(), " has a submodule '", kChild, "'");
  auto list = std::make_shared<ParametrizationList>(std::move(step), *entry, is_parameter, unsafe);
  ModuleAccess::take(module, name);
  if (!has_others) module.register_module(kChild, ModuleDict());
  module.get_submodule(kChild)->register_module(name, list);
  ModuleAccess::add_rule(module, std::make_shared<const ParametrizeRule>(name), list->take_value());
}

}  // namespace

void register_step(Module& module, const std::string& name, Step step, bool unsafe) {
  step.module.ptr()->train(module.is_training());
  const auto list = find_list(module, name);
  if (list == nullptr) return begin(module, name, std::move(step), unsafe);
  list->append(std::move(step), unsafe);
  ModuleAccess::member(module, name, "register_parametrization") = list->take_value();
}

bool is_parametrized(const Module& module) {
  for (const auto& rule : ModuleAccess::rules(module)) {
    if (dynamic_cast<const ParametrizeRule*>(rule.get()) != nullptr) return true;
  }
  return false;
}

bool is_parametrized(const Module& module, const std::string& name) {
  return ModuleAccess::find_rule<ParametrizeRule>(module, name) != nullptr;
}

void remove(Module& module, const std::string& name, bool leave_parametrized) {
  const auto list = get_list("remove_parametrizations", module, name);
  TAPER_CHECK(list->is_tensor() || leave_parametrized,
              "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
              "parametrized in terms of a sequence of tensors.");
  Tensor tensor = list->original(0);
  if (leave_parametrized) {
    const NoGradGuard no_grad;
    const Tensor value = list->forward().detach();
    if (list->is_tensor()) {
      tensor.set_data(value);
    } else {
      const bool requires_grad = tensor.requires_grad();
      tensor = value.clone();
      tensor.set_requires_grad(requires_grad);
    }
  }
  ModuleAccess::remove_rule(module, name);
  module.get_submodule(kChild)->unregister_module(name);
  if (!is_parametrized(module)) module.unregister_module(kChild);
  ModuleAccess::put_back(module, name, tensor, list->is_parameter(), "remove_parametrizations");
}

void assign(Module& module, const std::string& name, const Tensor& value) {
  const auto list = get_list("assign", module, name);
  list->right_inverse(value);
  ModuleAccess::member(module, name, "assign") = list->forward();
}

}  // namespace detail

namespace {

constinit thread_local uint64_t cache_depth = 0;
constinit thread_local uint64_t cache_number = 0;
constinit std::atomic<uint64_t> caches{0};

}  // namespace

cached::cached() {
  if (cache_depth++ == 0) cache_number = ++caches;
}

cached::~cached() { --cache_depth; }

}  // namespace taper::nn::utils::parametrize

namespace taper::nn::detail {

uint64_t current_cache() {
  return utils::parametrize::cache_depth == 0 ? 0 : utils::parametrize::cache_number;
}

}  // namespace taper::nn::detail
