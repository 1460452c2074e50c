// Names: what a module registers, replaces and drops, and the paths to the parts of a tree.
#include <algorithm>

#include "taper/base/demangle.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/derived.h"
#include "taper/nn/global_hooks.h"
#include "taper/nn/module.h"

namespace taper::nn {
namespace {

/// The part of a path after its last dot; path keeps what stands before.
std::string take_last(std::string_view& path) {
  const size_t dot = path.rfind('.');
  std::string last(dot == std::string_view::npos ? path : path.substr(dot + 1));
  path = dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
  return last;
}

/// What the registration hooks of all modules make of something.
template <class Hook, class T>
T run_registration_hooks(HookKind kind, Module& module, const std::string& name, T registered) {
  if (!detail::has_global_registration_hooks()) return registered;
  std::vector<detail::HookSet::Entry> hooks;
  detail::collect_global_hooks(kind, hooks);
  for (const auto& hook : hooks) {
    T changed = hook.template as<Hook>()(module, name, registered);
    bool is_defined;
    if constexpr (std::is_same_v<T, Tensor>) {
      is_defined = changed.defined();
    } else {
      is_defined = changed != nullptr;
    }
    if (is_defined) registered = std::move(changed);
  }
  return registered;
}

}  // namespace

std::shared_ptr<Module> Module::get_submodule(std::string_view target) const {
  if (target.empty()) return self();
  const Module* module = this;
  std::shared_ptr<Module> pointer;
  while (true) {
    const size_t dot = target.find('.');
    const std::string atom(target.substr(0, dot));
    const std::shared_ptr<Module>* child = module->children_.find(atom);
    const bool is_tensor = module->parameters_.contains(atom) || module->buffers_.contains(atom);
    TAPER_CHECK(!is_tensor, "get_submodule: `", atom, "` is not an nn.Module");
    TAPER_CHECK(child != nullptr && *child, "get_submodule: ", module->name(),
                " has no attribute `", atom, "`");
    pointer = *child;
    if (dot == std::string_view::npos) return pointer;
    module = pointer.get();
    target.remove_prefix(dot + 1);
  }
}

Tensor Module::get_parameter(std::string_view target) const {
  const std::string name = take_last(target);
  const std::shared_ptr<Module> holder = target.empty() ? nullptr : get_submodule(target);
  const Module& module = holder ? *holder : *this;
  const Tensor* parameter = module.parameters_.find(name);
  TAPER_CHECK(
      parameter != nullptr || module.buffers_.contains(name) || module.children_.contains(name),
      "get_parameter: ", module.name(), " has no attribute `", name, "`");
  TAPER_CHECK(parameter != nullptr && parameter->defined(), "get_parameter: `", name,
              "` is not an nn.Parameter");
  return *parameter;
}

Tensor Module::get_buffer(std::string_view target) const {
  const std::string name = take_last(target);
  const std::shared_ptr<Module> holder = target.empty() ? nullptr : get_submodule(target);
  const Module& module = holder ? *holder : *this;
  const Tensor* buffer = module.buffers_.find(name);
  TAPER_CHECK(
      buffer != nullptr || module.parameters_.contains(name) || module.children_.contains(name),
      "get_buffer: ", module.name(), " has no attribute `", name, "`");
  TAPER_CHECK(buffer != nullptr, "get_buffer: `", name, "` is not a buffer");
  return *buffer;
}

void Module::place_submodule(std::string_view target, std::shared_ptr<Module> module,
                             const detail::ForwardTable* table) {
  TAPER_CHECK(!target.empty(), "set_submodule: Cannot set the submodule without a target name!");
  const std::string name = take_last(target);
  const std::shared_ptr<Module> holder = target.empty() ? nullptr : get_submodule(target);
  Module& parent = holder ? *holder : *this;
  TAPER_CHECK(!parent.parameters_.contains(name), "set_submodule: cannot assign '",
              module ? module->name() : std::string("null"), "' as parameter '", name,
              "' (torch.nn.Parameter or None expected)");
  if (parent.children_.contains(name)) {
    parent.replace_child(name, std::move(module), table, &cast_child<Module>);
    return;
  }
  // As an assignment in Python, a module takes a buffer's name away from it.
  if (parent.buffers_.contains(name)) parent.unregister_buffer(name);
  parent.add_child(name, std::move(module), table, &cast_child<Module>);
}

void Module::check_name(const std::string& kind, const std::string& name,
                        const TensorMap* own) const {
  TAPER_CHECK(!name.empty(), kind, " name must not be empty");
  TAPER_CHECK(name.find('.') == std::string::npos, kind, " name must not contain a dot (got '",
              name, "')");
  const bool taken = (own != &parameters_ && parameters_.contains(name)) ||
                     (own != &buffers_ && buffers_.contains(name)) ||
                     (own != nullptr && children_.contains(name)) ||
                     detail::ModuleAccess::has_rule(*this, name);
  TAPER_CHECK(!taken, kind, " '", name, "': attribute '", name, "' already exists");
}

void Module::check_parameter(const std::string& name, const Tensor& tensor,
                             bool requires_grad) const {
  if (!tensor.defined()) {
    if (requires_grad) {
      warn(
          "An undefined tensor cannot require grad. Ignoring the `requires_grad=true` function "
          "parameter.");
    }
    return;
  }
  TAPER_CHECK(tensor.is_leaf(), "Cannot assign non-leaf Tensor to parameter '", name,
              "'. Model parameters must be created explicitly. To express '", name,
              "' as a function of another Tensor, compute the value in the forward() method.");
  tensor.set_requires_grad(requires_grad);
}

Tensor& Module::register_parameter(std::string name, Tensor tensor, bool requires_grad) {
  check_name("Parameter", name, &parameters_);
  TAPER_CHECK(!parameters_.contains(name), "Parameter '", name, "' already defined");
  check_parameter(name, tensor, requires_grad);
  tensor = run_registration_hooks<TensorRegistrationHook>(HookKind::kParameterRegistration, *this,
                                                          name, std::move(tensor));
  tensor = detail::CloneScope::shared_tensor(*this, name, tensor);
  return parameters_.insert(std::move(name), std::move(tensor));
}

Tensor& Module::register_parameter(std::string name, Tensor* member, Tensor tensor,
                                   bool requires_grad) {
  TAPER_CHECK(member != nullptr, "register_parameter: the member of '", name, "' is null");
  Tensor& entry = register_parameter(name, std::move(tensor), requires_grad);
  bind_member(name, member);
  *member = entry;
  return entry;
}

Tensor& Module::register_buffer(std::string name, Tensor* member, Tensor tensor, bool persistent) {
  TAPER_CHECK(member != nullptr, "register_buffer: the member of '", name, "' is null");
  Tensor& entry = register_buffer(name, std::move(tensor), persistent);
  bind_member(name, member);
  *member = entry;
  return entry;
}

void Module::bind_member(const std::string& name, Tensor* member) {
  const std::ptrdiff_t distance = reinterpret_cast<char*>(member) - reinterpret_cast<char*>(this);
  // A copy of a module registers anew what its class made: none of the old places counts.
  if (std::exchange(members_.copied_from, nullptr) != nullptr) members_.distances.clear();
  for (auto& [known, at] : members_.distances) {
    if (known == name) {
      at = distance;
      return;
    }
  }
  members_.distances.emplace_back(name, distance);
}

Tensor* Module::tensor_member(const std::string& name) {
  if (members_.copied_from != nullptr && *members_.copied_from != typeid(*this)) return nullptr;
  for (const auto& [known, distance] : members_.distances) {
    if (known != name) continue;
    if (distance != detail::TensorMembers::kNoMember) {
      return reinterpret_cast<Tensor*>(reinterpret_cast<char*>(this) + distance);
    }
    Tensor* const parameter = parameters_.find(name);
    return parameter != nullptr ? parameter : buffers_.find(name);
  }
  return nullptr;
}

Tensor& Module::register_buffer(std::string name, Tensor tensor, bool persistent) {
  check_name("Buffer", name, &buffers_);
  TAPER_CHECK(!buffers_.contains(name), "Buffer '", name, "' already defined");
  tensor = run_registration_hooks<TensorRegistrationHook>(HookKind::kBufferRegistration, *this,
                                                          name, std::move(tensor));
  tensor = detail::CloneScope::shared_tensor(*this, name, tensor);
  Tensor& buffer = buffers_.insert(name, std::move(tensor));
  if (!persistent) transient_buffers_.push_back(std::move(name));
  return buffer;
}

Tensor& Module::replace_parameter(const std::string& name, Tensor tensor, bool requires_grad) {
  Tensor& place = parameters_[name];
  check_parameter(name, tensor, requires_grad);
  place = run_registration_hooks<TensorRegistrationHook>(HookKind::kParameterRegistration, *this,
                                                         name, std::move(tensor));
  if (Tensor* const member = tensor_member(name); member != nullptr) *member = place;
  return place;
}

Tensor& Module::replace_buffer(const std::string& name, Tensor tensor) {
  Tensor& place = buffers_[name];
  place = run_registration_hooks<TensorRegistrationHook>(HookKind::kBufferRegistration, *this, name,
                                                         std::move(tensor));
  if (Tensor* const member = tensor_member(name); member != nullptr) *member = place;
  return place;
}

void Module::unregister_parameter(const std::string& name) {
  TAPER_CHECK(parameters_.contains(name), "No Parameter with name `", name, "` is registered");
  parameters_.erase(name);
  std::erase_if(members_.distances, [&](const auto& known) { return known.first == name; });
}

void Module::unregister_buffer(const std::string& name) {
  TAPER_CHECK(buffers_.contains(name), "No Buffer with name `", name, "` is registered");
  buffers_.erase(name);
  std::erase(transient_buffers_, name);
  std::erase_if(members_.distances, [&](const auto& known) { return known.first == name; });
}

bool Module::is_persistent_buffer(const std::string& name) const {
  return buffers_.contains(name) && std::find(transient_buffers_.begin(), transient_buffers_.end(),
                                              name) == transient_buffers_.end();
}

void Module::children_changed(const detail::ForwardTable*) {}

std::shared_ptr<Module> Module::hooked_child(const std::string& name,
                                             std::shared_ptr<Module> module, CastChild cast) {
  module = run_registration_hooks<ModuleRegistrationHook>(HookKind::kModuleRegistration, *this,
                                                          name, std::move(module));
  module = detail::CloneScope::shared_module(*this, name, module);
  const std::type_info* missed = module ? cast(module.get()) : nullptr;
  TAPER_CHECK(missed == nullptr, this->name(), ": the submodule to register as '", name, "' is a ",
              module->name(), ", expected a ", demangle(*missed));
  if (module) module->identity_.is_registered = true;
  return module;
}

std::shared_ptr<Module> Module::add_child(std::string name, std::shared_ptr<Module> module,
                                          const detail::ForwardTable* table, CastChild cast) {
  check_name("Submodule", name, nullptr);
  TAPER_CHECK(!children_.contains(name), "Submodule '", name, "' already defined");
  module = hooked_child(name, std::move(module), cast);
  children_.insert(name, module);
  try {
    children_changed(table);
  } catch (...) {
    children_.erase(name);
    throw;
  }
  return module;
}

std::shared_ptr<Module> Module::replace_child(const std::string& name,
                                              std::shared_ptr<Module> module,
                                              const detail::ForwardTable* table, CastChild cast) {
  TAPER_CHECK(children_.contains(name), "Submodule '", name, "' is not defined");
  module = hooked_child(name, std::move(module), cast);
  std::shared_ptr<Module> before = std::exchange(children_[name], module);
  try {
    children_changed(table);
  } catch (...) {
    children_[name] = std::move(before);
    throw;
  }
  return module;
}

void Module::unregister_module(const std::string& name) {
  TAPER_CHECK(children_.contains(name), "No Module with name `", name, "` is registered");
  children_.erase(name);
  children_changed(nullptr);
}

}  // namespace taper::nn
