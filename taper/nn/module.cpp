#include "taper/nn/module.h"

#include <algorithm>
#include <ostream>
#include <unordered_set>

#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"
#include "taper/base/demangle.h"

namespace taper::nn {
namespace {

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + '.' + name;
}

/// The part of a path after its last dot; path keeps what stands before.
std::string take_last(std::string_view& path) {
  const size_t dot = path.rfind('.');
  std::string last(dot == std::string_view::npos ? path : path.substr(dot + 1));
  path = dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
  return last;
}

}  // namespace

/// Depth-first, each module before its children, in the order of registration.
struct Module::Walk {
  bool remove_duplicate;
  std::unordered_set<const void*> modules = {};
  std::unordered_set<const void*> tensors = {};

  /// Calls f(name, module, pointer); the root has no pointer.
  template <class F>
  void each(const std::string& name, const Module& module, const std::shared_ptr<Module>& pointer,
            const F& f) {
    if (remove_duplicate && !modules.insert(&module).second) return;
    f(name, module, pointer);
    for (const auto& child : module.children_) {
      if (child.value()) each(join(name, child.key()), *child.value(), child.value(), f);
    }
  }
  /// Calls f(name, tensor) for the defined tensors of one of the module's dictionaries.
  template <class F>
  void each_tensor(const Module& root, TensorMap Module::*dict, bool recurse, const F& f) {
    const auto own = [&](const std::string& name, const Module& module,
                         const std::shared_ptr<Module>&) {
      for (const auto& item : module.*dict) {
        const Tensor& tensor = item.value();
        if (!tensor.defined()) continue;
        if (remove_duplicate && !tensors.insert(tensor.impl_ptr()).second) continue;
        f(name, item.key(), tensor);
      }
    };
    if (recurse) {
      each(std::string(), root, nullptr, own);
    } else {
      own(std::string(), root, nullptr);
    }
  }
  static std::vector<Tensor> list(const Module& root, TensorMap Module::*dict, bool recurse) {
    std::vector<Tensor> result;
    Walk walk{true};
    walk.each_tensor(root, dict, recurse,
                     [&](const std::string&, const std::string&, const Tensor& tensor) {
                       result.push_back(tensor);
                     });
    return result;
  }
  static TensorMap named(const Module& root, TensorMap Module::*dict, bool recurse,
                         bool remove_duplicate) {
    TensorMap result((root.*dict).key_description());
    Walk walk{remove_duplicate};
    walk.each_tensor(root, dict, recurse,
                     [&](const std::string& module, const std::string& name, const Tensor& tensor) {
                       result.insert(join(module, name), tensor);
                     });
    return result;
  }
};

Module::Module() = default;
Module::Module(std::string name) : name_(std::move(name)) {}
Module::~Module() = default;

const std::string& Module::name() const {
  if (!name_) name_ = demangle(typeid(*this));
  return *name_;
}

std::shared_ptr<Module> Module::clone(const std::optional<Device>&) const {
  TAPER_CHECK(false, "clone() has not been implemented for ", name(),
              ". Subclass taper::nn::Cloneable<", name(),
              "> instead of taper::nn::Module to inherit the ability to clone.");
  return nullptr;
}

void Module::clone_(Module&, const std::optional<Device>&) {}

namespace {

void check_cloned(size_t got, size_t expected, const char* what, const char* plural) {
  TAPER_CHECK(got == expected, "The cloned module does not have the same number of ", plural,
              " as the original module after calling reset(). Are you sure you called register_",
              what, "() inside reset() and not the constructor?");
}

void copy_values(const Module::TensorMap& from, Module::TensorMap& to,
                 const std::optional<Device>& device) {
  for (const auto& item : from) {
    const Tensor& source = item.value();
    if (!source.defined()) continue;
    to[item.key()].set_data(device && !(source.device() == *device)
                                ? source.detach().to(*device, source.scalar_type())
                                : source.detach().clone());
    if (source.is_leaf()) to[item.key()].set_requires_grad(source.requires_grad());
  }
}

}  // namespace

void Module::copy_state(const Module& other, const std::optional<Device>& device) {
  check_cloned(parameters_.size(), other.parameters_.size(), "parameter", "parameters");
  copy_values(other.parameters_, parameters_, device);
  check_cloned(buffers_.size(), other.buffers_.size(), "buffer", "buffers");
  copy_values(other.buffers_, buffers_, device);
  check_cloned(children_.size(), other.children_.size(), "module", "child modules");
  for (const auto& child : other.children_) {
    if (child.value()) children_[child.key()]->clone_(*child.value(), device);
  }
}

std::shared_ptr<Module> Module::self() const {
  std::shared_ptr<const Module> pointer = weak_from_this().lock();
  TAPER_CHECK(pointer != nullptr,
              "It looks like you attempted to retrieve your top-level module as a shared_ptr, but "
              "it is not stored in a shared_ptr. Use std::make_shared<",
              name(),
              "> instead of creating your module on the stack, or pass include_self=false.");
  return std::const_pointer_cast<Module>(pointer);
}

void Module::visit(const Visit& function, const std::string& name,
                   const std::shared_ptr<Module>& pointer, ApplyOrder order) const {
  Module& module = const_cast<Module&>(*this);
  if (order == ApplyOrder::PreOrder) function(name, module, pointer);
  std::unordered_set<const Module*> seen;
  for (const auto& child : children_) {
    if (!child.value()) continue;
    if (order == ApplyOrder::PostOrder && !seen.insert(child.value().get()).second) continue;
    child.value()->visit(function, join(name, child.key()), child.value(), order);
  }
  if (order == ApplyOrder::PostOrder) function(name, module, pointer);
}

void Module::apply(const ModuleApplyFunction& function, ApplyOrder order) {
  visit([&](const std::string&, Module& m, const std::shared_ptr<Module>&) { function(m); }, {},
        nullptr, order);
}
void Module::apply(const ConstModuleApplyFunction& function, ApplyOrder order) const {
  visit([&](const std::string&, Module& m, const std::shared_ptr<Module>&) { function(m); }, {},
        nullptr, order);
}
void Module::apply(const NamedModuleApplyFunction& function, const std::string& name_prefix,
                   ApplyOrder order) {
  visit([&](const std::string& name, Module& m,
            const std::shared_ptr<Module>&) { function(name, m); },
        name_prefix, nullptr, order);
}
void Module::apply(const ConstNamedModuleApplyFunction& function, const std::string& name_prefix,
                   ApplyOrder order) const {
  visit([&](const std::string& name, Module& m,
            const std::shared_ptr<Module>&) { function(name, m); },
        name_prefix, nullptr, order);
}
void Module::apply(const ModulePointerApplyFunction& function, ApplyOrder order) const {
  visit([&](const std::string&, Module&, const std::shared_ptr<Module>& p) { function(p); }, {},
        self(), order);
}
void Module::apply(const NamedModulePointerApplyFunction& function, const std::string& name_prefix,
                   ApplyOrder order) const {
  visit([&](const std::string& name, Module&,
            const std::shared_ptr<Module>& p) { function(name, p); },
        name_prefix, self(), order);
}

std::vector<Tensor> Module::parameters(bool recurse) const {
  return Walk::list(*this, &Module::parameters_, recurse);
}
Module::TensorMap Module::named_parameters(bool recurse, bool remove_duplicate) const {
  return Walk::named(*this, &Module::parameters_, recurse, remove_duplicate);
}
std::vector<Tensor> Module::buffers(bool recurse) const {
  return Walk::list(*this, &Module::buffers_, recurse);
}
Module::TensorMap Module::named_buffers(bool recurse, bool remove_duplicate) const {
  return Walk::named(*this, &Module::buffers_, recurse, remove_duplicate);
}

std::vector<std::shared_ptr<Module>> Module::modules(bool include_self) const {
  return named_modules({}, include_self).values();
}

Module::ModuleMap Module::named_modules(const std::string& name_prefix, bool include_self,
                                        bool remove_duplicate) const {
  ModuleMap result("Submodule");
  if (include_self) result.insert(name_prefix, self());
  Walk{remove_duplicate}.each(
      name_prefix, *this, nullptr,
      [&](const std::string& name, const Module&, const std::shared_ptr<Module>& pointer) {
        if (pointer) result.insert(name, pointer);
      });
  return result;
}

std::vector<std::shared_ptr<Module>> Module::children() const { return named_children().values(); }

Module::ModuleMap Module::named_children() const {
  ModuleMap result("Submodule");
  std::unordered_set<const Module*> seen;
  for (const auto& child : children_) {
    if (child.value() && seen.insert(child.value().get()).second) {
      result.insert(child.key(), child.value());
    }
  }
  return result;
}

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

void Module::train(bool on) {
  is_training_ = on;
  for (const auto& child : children_) {
    if (child.value()) child.value()->train(on);
  }
}
void Module::eval() { train(false); }
bool Module::is_training() const noexcept { return is_training_; }

template <class Change>
void Module::change_tensors(const Change& change) {
  NoGradGuard no_grad;
  const auto apply_to = [&](const Tensor& tensor) {
    if (tensor.defined()) tensor.set_data(change(tensor));
  };
  for (const auto& item : parameters_) {
    apply_to(item.value());
    if (item.value().defined()) apply_to(item.value().grad());
  }
  for (const auto& item : buffers_) apply_to(item.value());
}

void Module::to(Dtype dtype, bool non_blocking) {
  TAPER_CHECK_AS(DTypeError, isFloatingType(dtype),
                 "Module::to: nn.Module.to only accepts floating point or complex dtypes, but got "
                 "desired dtype=",
                 dtype);
  for (const auto& child : children_) {
    if (child.value()) child.value()->to(dtype, non_blocking);
  }
  change_tensors([&](const Tensor& t) { return t.is_floating_point() ? t.to(dtype) : t; });
}

void Module::to(Device device, bool non_blocking) {
  for (const auto& child : children_) {
    if (child.value()) child.value()->to(device, non_blocking);
  }
  change_tensors([&](const Tensor& t) { return t.to(device, t.scalar_type()); });
}

void Module::to(Device device, Dtype dtype, bool non_blocking) {
  to(dtype, non_blocking);
  to(device, non_blocking);
}

void Module::zero_grad(bool set_to_none) {
  for (const Tensor& parameter : parameters()) {
    VariableState* state = VariableState::of(parameter.impl());
    if (state == nullptr || !state->grad.defined()) continue;
    if (set_to_none) {
      state->grad.reset();
      continue;
    }
    if (!state->grad.is_leaf()) state->grad.detach_();
    state->grad.set_requires_grad(false).zero_();
  }
}

void Module::requires_grad_(bool requires_grad) {
  for (const Tensor& parameter : parameters()) parameter.requires_grad_(requires_grad);
}

void Module::check_name(const std::string& kind, const std::string& name,
                        const TensorMap* own) const {
  TAPER_CHECK(!name.empty(), kind, " name must not be empty");
  TAPER_CHECK(name.find('.') == std::string::npos, kind, " name must not contain a dot (got '",
              name, "')");
  const bool taken = (own != &parameters_ && parameters_.contains(name)) ||
                     (own != &buffers_ && buffers_.contains(name)) ||
                     (own != nullptr && children_.contains(name));
  TAPER_CHECK(!taken, kind, " '", name, "': attribute '", name, "' already exists");
}

Tensor& Module::register_parameter(std::string name, Tensor tensor, bool requires_grad) {
  check_name("Parameter", name, &parameters_);
  if (!tensor.defined()) {
    if (requires_grad) {
      warn(
          "An undefined tensor cannot require grad. Ignoring the `requires_grad=true` function "
          "parameter.");
    }
  } else {
    tensor.set_requires_grad(requires_grad);
  }
  return parameters_.insert(std::move(name), std::move(tensor));
}

Tensor& Module::register_buffer(std::string name, Tensor tensor, bool persistent) {
  check_name("Buffer", name, &buffers_);
  Tensor& buffer = buffers_.insert(name, std::move(tensor));
  if (!persistent) transient_buffers_.push_back(std::move(name));
  return buffer;
}

bool Module::is_persistent_buffer(const std::string& name) const {
  return buffers_.contains(name) && std::find(transient_buffers_.begin(), transient_buffers_.end(),
                                              name) == transient_buffers_.end();
}

void Module::add_child(std::string name, std::shared_ptr<Module> module) {
  check_name("Submodule", name, nullptr);
  children_.insert(std::move(name), std::move(module));
}

void Module::unregister_module(const std::string& name) {
  TAPER_CHECK(children_.contains(name), "No Module with name `", name, "` is registered");
  children_.erase(name);
}

void Module::pretty_print(std::ostream& stream) const { stream << name(); }

bool Module::is_serializable() const { return true; }

void Module::print_tree(std::ostream& stream, const std::string& indentation) const {
  pretty_print(stream);
  if (children_.is_empty()) return;
  stream << "(\n";
  const std::string inner = indentation + "  ";
  for (const auto& child : children_) {
    stream << inner << '(' << child.key() << "): ";
    if (child.value()) {
      child.value()->print_tree(stream, inner);
    } else {
      stream << "None";
    }
    stream << '\n';
  }
  stream << indentation << ')';
}

std::ostream& operator<<(std::ostream& stream, const Module& module) {
  module.print_tree(stream, "");
  return stream;
}

}  // namespace taper::nn
