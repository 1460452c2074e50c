#include "taper/nn/cloneable.h"

#include <unordered_map>
#include <unordered_set>

#include "taper/nn/derived.h"

namespace taper::nn {
namespace detail {

/// What one deep copy has copied so far.
struct CloneMemo {
  std::unordered_map<const TensorImpl*, Tensor> tensors;
  std::unordered_map<const Module*, std::shared_ptr<Module>> modules;
  std::unordered_set<const Module*> filled;  // whose copy has the original's values
  // The copy that is being reset, and its original.
  Module* copy = nullptr;
  const Module* original = nullptr;
};

namespace {

constinit thread_local CloneMemo* current_memo = nullptr;
/// The next scope belongs to the current memo: a clone() that a reset() makes by itself does not.
constinit thread_local bool joins_memo = false;

class JoinGuard {
 public:
  JoinGuard() { joins_memo = current_memo != nullptr; }
  ~JoinGuard() { joins_memo = false; }
  JoinGuard(const JoinGuard&) = delete;
  JoinGuard& operator=(const JoinGuard&) = delete;
};

Tensor copy_tensor(const Tensor& source, const std::optional<Device>& device) {
  return device && !(source.device() == *device) ? source.detach().to(*device, source.scalar_type())
                                                 : source.detach().clone();
}

void copy_values(const Module::TensorMap& from, Module::TensorMap& to,
                 const std::optional<Device>& device) {
  for (const auto& item : from) {
    const Tensor& source = item.value();
    if (!source.defined()) continue;
    Tensor& target = to[item.key()];
    if (!target.defined()) {
      target = copy_tensor(source, device);
    } else {
      target.set_data(copy_tensor(source, device));
    }
    if (source.is_leaf()) target.set_requires_grad(source.requires_grad());
  }
}

void check_cloned(size_t got, size_t expected, const char* what, const char* plural) {
  TAPER_CHECK(got == expected, "The cloned module does not have the same number of ", plural,
              " as the original module after calling reset(). Are you sure you called register_",
              what, "() inside reset() and not the constructor?");
}

}  // namespace

CloneScope::CloneScope() : owner_(!std::exchange(joins_memo, false)) {
  if (owner_) {
    outer_ = std::exchange(current_memo, new CloneMemo);
  }
  memo_ = current_memo;
}

CloneScope::~CloneScope() {
  if (owner_) {
    delete std::exchange(current_memo, outer_);
  } else if (before_copy_ != nullptr) {
    memo_->copy = before_copy_;
    memo_->original = before_original_;
  }
}

void CloneScope::begin_reset(Module& copy, const Module& original) {
  copy.parameters_.clear();
  copy.buffers_.clear();
  copy.transient_buffers_.clear();
  copy.children_.clear();
  copy.derived_ = {};
  before_copy_ = std::exchange(memo_->copy, &copy);
  before_original_ = std::exchange(memo_->original, &original);
}

void CloneScope::end_reset(Module& copy, const Module& original,
                           const std::optional<Device>& device) {
  memo_->copy = std::exchange(before_copy_, nullptr);
  memo_->original = before_original_;
  take_values(copy, original, device);
}

void CloneScope::copy_rules(Module& copy, const Module& original,
                            const std::optional<Device>& device) {
  ModuleAccess::copy_rules(
      copy, original, [&](const Tensor& tensor) { return copy_of(tensor, device); },
      [&](const Module& child) { return clone_within(child, device); });
}

Tensor CloneScope::copy_of(const Tensor& tensor, const std::optional<Device>& device) {
  Tensor& copied = memo_->tensors[tensor.impl_ptr()];
  if (!copied.defined()) {
    copied = copy_tensor(tensor, device);
    if (tensor.is_leaf()) copied.set_requires_grad(tensor.requires_grad());
  }
  return copied;
}

void CloneScope::take_values(Module& copy, const Module& original,
                             const std::optional<Device>& device) {
  copy_rules(copy, original, device);
  check_cloned(copy.parameters_.size(), original.parameters_.size(), "parameter", "parameters");
  copy_values(original.parameters_, copy.parameters_, device);
  check_cloned(copy.buffers_.size(), original.buffers_.size(), "buffer", "buffers");
  copy_values(original.buffers_, copy.buffers_, device);
  check_cloned(copy.children_.size(), original.children_.size(), "module", "child modules");
  for (const auto& child : original.children_) {
    if (!child.value()) continue;
    const std::shared_ptr<Module>& target = copy.children_[child.key()];
    TAPER_CHECK(target != child.value(), "clone: reset() of ", copy.name(),
                " registers the submodule '", child.key(),
                "' of the original. Make it anew in reset(): member = register_module(name, "
                "Type(options)).");
    if (memo_->filled.insert(child.value().get()).second) target->clone_(*child.value(), device);
  }
}

void CloneScope::copy_tensors(Module& copy, const std::optional<Device>& device) {
  const auto copy_all = [&](Module::TensorMap& tensors) {
    for (auto& item : tensors) {
      if (item.value().defined()) item.value() = copy_of(item.value(), device);
    }
  };
  copy_all(copy.parameters_);
  copy_all(copy.buffers_);
}

Tensor CloneScope::shared_tensor(const Module& copy, const std::string& name, const Tensor& fresh) {
  if (current_memo == nullptr || current_memo->copy != &copy) return fresh;
  const Module& original = *current_memo->original;
  const Tensor* source = original.parameters_.find(name);
  if (source == nullptr) source = original.buffers_.find(name);
  if (source == nullptr || !source->defined() || !fresh.defined()) return fresh;
  return current_memo->tensors.try_emplace(source->impl_ptr(), fresh).first->second;
}

std::shared_ptr<Module> CloneScope::shared_module(const Module& copy, const std::string& name,
                                                  const std::shared_ptr<Module>& fresh) {
  if (current_memo == nullptr || current_memo->copy != &copy) return fresh;
  const std::shared_ptr<Module>* source = current_memo->original->children_.find(name);
  if (source == nullptr || !*source || !fresh) return fresh;
  return current_memo->modules.try_emplace(source->get(), fresh).first->second;
}

std::shared_ptr<Module> clone_anew(const Module& module, const std::optional<Device>& device) {
  JoinGuard join;
  return module.clone(device);
}

std::shared_ptr<Module> clone_within(const Module& module, const std::optional<Device>& device) {
  if (current_memo == nullptr) return module.clone(device);
  const auto found = current_memo->modules.find(&module);
  if (found != current_memo->modules.end()) return found->second;
  std::shared_ptr<Module> copy = clone_anew(module, device);
  current_memo->modules[&module] = copy;
  current_memo->filled.insert(&module);
  return copy;
}

}  // namespace detail

/// A module that cannot make itself anew: the one that its owner's reset() made is filled.
void Module::clone_(const Module& other, const std::optional<Device>& device) {
  const detail::JoinGuard join;
  detail::CloneScope().take_values(*this, other, device);
}

}  // namespace taper::nn
