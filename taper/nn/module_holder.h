#pragma once

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <type_traits>
#include <utility>

#include "taper/base/error.h"
#include "taper/nn/call.h"

namespace taper TAPER_API {
namespace nn {

/// A shared pointer to a module that is made with the module's own constructor arguments and
/// called like a function: copies share the module.
template <class Contained>
class ModuleHolder {
 protected:
  std::shared_ptr<Contained> impl_;

 public:
  using ContainedType = Contained;
  using Impl = Contained;

  /// Makes the module by its default constructor; `= nullptr` makes an empty holder.
  ModuleHolder() : impl_(make_default()) {
    static_assert(std::is_default_constructible_v<Contained>,
                  "this module has no default constructor: use = nullptr for an empty holder");
  }
  ModuleHolder(std::nullptr_t) {}
  template <class Head, class... Tail>
  requires(sizeof...(Tail) > 0 ||
           (!std::is_base_of_v<ModuleHolder, std::remove_cvref_t<Head>> &&
            !std::is_convertible_v<
                Head, std::shared_ptr<Contained>>)) explicit ModuleHolder(Head&& head,
                                                                          Tail&&... tail)
      : impl_(std::make_shared<Contained>(std::forward<Head>(head), std::forward<Tail>(tail)...)) {}
  ModuleHolder(std::shared_ptr<Contained> module) : impl_(std::move(module)) {}

  explicit operator bool() const { return !is_empty(); }
  bool is_empty() const { return impl_ == nullptr; }

  Contained* operator->() { return get(); }
  const Contained* operator->() const { return get(); }
  Contained& operator*() { return *get(); }
  const Contained& operator*() const { return *get(); }
  /// The module; throws when the holder is empty.
  Contained* get() {
    check();
    return impl_.get();
  }
  const Contained* get() const {
    check();
    return impl_.get();
  }
  const std::shared_ptr<Contained>& ptr() const {
    check();
    return impl_;
  }

  /// Calls the module's forward(), with its hooks around it (nn::call).
  template <class C = Contained, class... Args>
  auto operator()(Args&&... args)
      -> decltype(std::declval<C&>().forward(std::forward<Args>(args)...)) {
    check();
    return call(static_cast<C&>(*impl_), std::forward<Args>(args)...);
  }

 private:
  static std::shared_ptr<Contained> make_default() {
    if constexpr (std::is_default_constructible_v<Contained>) {
      return std::make_shared<Contained>();
    } else {
      return nullptr;
    }
  }
  void check() const { TAPER_CHECK(impl_ != nullptr, "Accessing empty ModuleHolder"); }
};

/// Prints the module's tree; throws when the holder is empty.
template <class Contained>
std::ostream& operator<<(std::ostream& stream, const ModuleHolder<Contained>& module) {
  return stream << *module;
}

}  // namespace nn
}  // namespace taper

/// Declares class Name, the holder of ImplType.
#define TAPER_MODULE_IMPL(Name, ImplType)                    \
  class Name : public ::taper::nn::ModuleHolder<ImplType> {  \
   public:                                                   \
    using ::taper::nn::ModuleHolder<ImplType>::ModuleHolder; \
    using Impl = ImplType;                                   \
  }
/// Declares class Name, the holder of NameImpl.
#define TAPER_MODULE(Name) TAPER_MODULE_IMPL(Name, Name##Impl)
/// As TAPER_MODULE, for a layer of the library: a program compiles nothing for the layers that it
/// does not name, and its clone() is compiled once, where its source says
/// `template class Cloneable<NameImpl>;`.
#define TAPER_LAYER(Name)                      \
  extern template class Cloneable<Name##Impl>; \
  using Name = ModuleHolder<Name##Impl>
