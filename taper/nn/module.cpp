#include "taper/nn/module.h"

#include <ostream>
#include <sstream>
#include <unordered_set>

#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"
#include "taper/base/demangle.h"
#include "taper/nn/derived.h"

namespace taper::nn {
namespace {

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + '.' + name;
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
  static TensorMap named(const Module& root, TensorMap Module::*dict, const std::string& prefix,
                         bool recurse, bool remove_duplicate) {
    TensorMap result((root.*dict).key_description());
    Walk walk{remove_duplicate};
    walk.each_tensor(root, dict, recurse,
                     [&](const std::string& module, const std::string& name, const Tensor& tensor) {
                       const std::string path = module.empty() ? prefix : join(prefix, module);
                       result.insert(join(path, name), tensor);
                     });
    return result;
  }
};

Module::Module() = default;
Module::Module(std::string name) : name_(std::move(name)) {}
Module::Module(const Module& other)
    : std::enable_shared_from_this<Module>(other),
      parameters_(other.parameters_),
      buffers_(other.buffers_),
      children_(other.children_),
      transient_buffers_(other.transient_buffers_),
      members_(other.members_),
      derived_(other.derived_),
      name_(other.name_),
      is_training_(other.is_training_) {
  members_.copied_from = &typeid(other);
}
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

Module& Module::apply(const ModuleApplyFunction& function, ApplyOrder order) {
  visit([&](const std::string&, Module& m, const std::shared_ptr<Module>&) { function(m); }, {},
        nullptr, order);
  return *this;
}
const Module& Module::apply(const ConstModuleApplyFunction& function, ApplyOrder order) const {
  visit([&](const std::string&, Module& m, const std::shared_ptr<Module>&) { function(m); }, {},
        nullptr, order);
  return *this;
}
Module& Module::apply(const NamedModuleApplyFunction& function, const std::string& name_prefix,
                      ApplyOrder order) {
  visit([&](const std::string& name, Module& m,
            const std::shared_ptr<Module>&) { function(name, m); },
        name_prefix, nullptr, order);
  return *this;
}
const Module& Module::apply(const ConstNamedModuleApplyFunction& function,
                            const std::string& name_prefix, ApplyOrder order) const {
  visit([&](const std::string& name, Module& m,
            const std::shared_ptr<Module>&) { function(name, m); },
        name_prefix, nullptr, order);
  return *this;
}
const Module& Module::apply(const ModulePointerApplyFunction& function, ApplyOrder order) const {
  visit([&](const std::string&, Module&, const std::shared_ptr<Module>& p) { function(p); }, {},
        self(), order);
  return *this;
}
const Module& Module::apply(const NamedModulePointerApplyFunction& function,
                            const std::string& name_prefix, ApplyOrder order) const {
  visit([&](const std::string& name, Module&,
            const std::shared_ptr<Module>& p) { function(name, p); },
        name_prefix, self(), order);
  return *this;
}

std::vector<Tensor> Module::parameters(bool recurse) const {
  return Walk::list(*this, &Module::parameters_, recurse);
}
Module::TensorMap Module::named_parameters(bool recurse, bool remove_duplicate) const {
  return named_parameters(std::string(), recurse, remove_duplicate);
}
Module::TensorMap Module::named_parameters(const std::string& prefix, bool recurse,
                                           bool remove_duplicate) const {
  return Walk::named(*this, &Module::parameters_, prefix, recurse, remove_duplicate);
}
std::vector<Tensor> Module::buffers(bool recurse) const {
  return Walk::list(*this, &Module::buffers_, recurse);
}
Module::TensorMap Module::named_buffers(bool recurse, bool remove_duplicate) const {
  return named_buffers(std::string(), recurse, remove_duplicate);
}
Module::TensorMap Module::named_buffers(const std::string& prefix, bool recurse,
                                        bool remove_duplicate) const {
  return Walk::named(*this, &Module::buffers_, prefix, recurse, remove_duplicate);
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
  for (const auto& rule : detail::ModuleAccess::rules(*this)) {
    Tensor* const computed = tensor_member(rule->name());
    if (computed != nullptr && computed->defined()) *computed = change(computed->detach());
  }
}

void Module::to(Dtype dtype, bool non_blocking) {
  TAPER_CHECK_AS(DTypeError, isDifferentiableType(dtype),
                 "Module::to: nn.Module.to only accepts floating point or complex dtypes, but got "
                 "desired dtype=",
                 dtype);
  for (const auto& child : children_) {
    if (child.value()) child.value()->to(dtype, non_blocking);
  }
  change_tensors(
      [&](const Tensor& t) { return isDifferentiableType(t.scalar_type()) ? t.to(dtype) : t; });
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

Module& Module::requires_grad_(bool requires_grad) {
  for (const Tensor& parameter : parameters()) parameter.requires_grad_(requires_grad);
  return *this;
}

void Module::pretty_print(std::ostream& stream) const { stream << name(); }

bool Module::is_serializable() const { return true; }

bool Module::prints_runs() const { return false; }

std::string Module::tree_text() const {
  std::ostringstream own;
  pretty_print(own);
  if (children_.is_empty()) return own.str();
  std::string text = detail::with_parametrized_name(*this, own.str()) + "(\n";
  for (size_t i = 0; i < children_.size();) {
    const auto text_at = [&](size_t at) {
      const std::shared_ptr<Module>& child = children_[at].value();
      return child ? child->tree_text() : std::string("None");
    };
    const std::string block = text_at(i);
    size_t end = i + 1;
    while (prints_runs() && end < children_.size() && text_at(end) == block) ++end;
    text += str("  (", children_[i].key());
    if (end - i > 1) text += str('-', children_[end - 1].key());
    text += "): ";
    if (end - i > 1) text += str(end - i, " x ");
    for (const char c : block) text += c == '\n' ? "\n  " : std::string(1, c);
    text += '\n';
    i = end;
  }
  return text + ')';
}

std::ostream& operator<<(std::ostream& stream, const Module& module) {
  return stream << module.tree_text();
}

}  // namespace taper::nn
