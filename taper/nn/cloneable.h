#pragma once

#include <memory>
#include <optional>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/module.h"

namespace taper TAPER_API {
namespace nn {

/// Gives a module a deep copy: Derived registers everything in reset(), which its constructors
/// call; a copy runs reset() anew and then takes over the values.
template <class Derived>
class Cloneable : public virtual Module {
 public:
  using Module::Module;

  /// Registers parameters, buffers and submodules, and initialises them.
  virtual void reset() = 0;

  /// Throws when reset() does not register what this module holds.
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override {
    NoGradGuard no_grad;
    auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
    Module& target = *copy;
    target.parameters_.clear();
    target.buffers_.clear();
    target.transient_buffers_.clear();
    target.children_.clear();
    copy->reset();
    target.copy_state(*this, device);
    return copy;
  }

 private:
  void clone_(Module& other, const std::optional<Device>& device) final {
    auto clone = std::dynamic_pointer_cast<Derived>(other.clone(device));
    TAPER_CHECK(clone != nullptr,
                "Attempted to clone submodule, but it is of a different type than the submodule it "
                "was to be cloned into");
    static_cast<Derived&>(*this) = std::move(*clone);
  }
};

}  // namespace nn
}  // namespace taper
