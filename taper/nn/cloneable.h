#pragma once

#include <memory>
#include <optional>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/module.h"

namespace taper TAPER_API {
namespace nn {
namespace detail {

struct CloneMemo;
/// Chooses the constructor of a layer that does not call reset().
struct NoReset {};

/// One module's part in the making of a deep copy. The outermost scope remembers which tensors and
/// submodules have been copied, so that what is shared in the original is shared in the copy.
class CloneScope {
 public:
  CloneScope();
  ~CloneScope();
  CloneScope(const CloneScope&) = delete;
  CloneScope& operator=(const CloneScope&) = delete;

  /// Empties the copy: its reset() comes next, and registers what the original has.
  void begin_reset(Module& copy, const Module& original);
  /// After reset(): takes over the original's values; throws when they do not correspond.
  void end_reset(Module& copy, const Module& original, const std::optional<Device>& device);
  /// Takes over the original's values where the copy has the same names.
  void take_values(Module& copy, const Module& original, const std::optional<Device>& device);
  /// Replaces the parameters and buffers that a plain copy shares with its original.
  void copy_tensors(Module& copy, const std::optional<Device>& device);

  /// While a copy is reset: what it is to hold instead of what it registers, because another part
  /// of the copy holds it.
  static Tensor shared_tensor(const Module& copy, const std::string& name, const Tensor& fresh);
  static std::shared_ptr<Module> shared_module(const Module& copy, const std::string& name,
                                               const std::shared_ptr<Module>& fresh);

 private:
  void copy_rules(Module& copy, const Module& original, const std::optional<Device>& device);
  /// The copy of a tensor: the one there is, or a new one.
  Tensor copy_of(const Tensor& tensor, const std::optional<Device>& device);

  CloneMemo* memo_;
  CloneMemo* outer_ = nullptr;  // set aside, for a scope of its own
  bool owner_;
  Module* before_copy_ = nullptr;
  const Module* before_original_ = nullptr;
};

/// The copy of a submodule, within the copy that is being made: the one there is, or a new one.
std::shared_ptr<Module> clone_within(const Module& module, const std::optional<Device>& device);
/// As clone_within(), always a new one.
std::shared_ptr<Module> clone_anew(const Module& module, const std::optional<Device>& device);

}  // namespace detail

/// Gives a module a deep copy: Derived registers everything in reset(), which its constructors
/// call, and keeps what register_parameter() and its kin return; a copy runs reset() anew and then
/// takes over the values.
template <class Derived>
class Cloneable : public virtual Module {
 public:
  using Module::Module;

  /// Registers parameters, buffers and submodules, and initialises them.
  virtual void reset() = 0;

  /// Throws when reset() does not register what this module holds.
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override {
    NoGradGuard no_grad;
    detail::CloneScope scope;
    auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
    scope.begin_reset(*copy, *this);
    copy->reset();
    scope.end_reset(*copy, *this, device);
    return copy;
  }

 private:
  void clone_(const Module& other, const std::optional<Device>& device) final {
    auto clone = std::dynamic_pointer_cast<Derived>(detail::clone_anew(other, device));
    TAPER_CHECK(clone != nullptr,
                "Attempted to clone submodule, but it is of a different type than the submodule it "
                "was to be cloned into");
    static_cast<Derived&>(*this) = std::move(*clone);
  }
};

}  // namespace nn
}  // namespace taper
