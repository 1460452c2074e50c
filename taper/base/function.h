#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// Of a signature, a callable value; of any other type, the base of a custom function
/// (autograd/function.h). LibTorch's name for that is autograd::Function: were there two templates,
/// a program that uses both namespaces could name neither.
template <class T>
class Function;

/// A copyable callable value; std::function without the cost of <functional> in every user's
/// build. Callables of up to 96 bytes, as backward passes with a
/// convolution's geometry have, are stored in place.
template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) {}
  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, Function>) &&
      std::is_invocable_r_v<R, std::decay_t<F>&, Args...> Function(F&& f) {
    using Callable = std::decay_t<F>;
    if constexpr (fits<Callable>()) {
      new (storage_) Callable(std::forward<F>(f));
    } else {
      *reinterpret_cast<Callable**>(storage_) = new Callable(std::forward<F>(f));
    }
    invoke_ = &invoke<Callable>;
    // A trivial callable is copied as bytes: no manager, no call.
    if constexpr (!(fits<Callable>() && std::is_trivially_copyable_v<Callable>)) {
      manage_ = &manage<Callable>;
    }
  }
  Function(const Function& other) : invoke_(other.invoke_), manage_(other.manage_) {
    if (manage_) {
      manage_(Op::copy, storage_, const_cast<unsigned char*>(other.storage_));
    } else {
      copy_bytes(other);
    }
  }
  Function(Function&& other) noexcept : invoke_(other.invoke_), manage_(other.manage_) {
    if (manage_) {
      manage_(Op::move, storage_, other.storage_);
    } else {
      copy_bytes(other);
    }
    other.invoke_ = nullptr;
    other.manage_ = nullptr;
  }
  Function& operator=(Function other) noexcept {
    this->~Function();
    new (this) Function(std::move(other));
    return *this;
  }
  ~Function() {
    if (manage_) manage_(Op::destroy, storage_, nullptr);
  }

  explicit operator bool() const { return invoke_ != nullptr; }
  R operator()(Args... args) const {
    return invoke_(const_cast<unsigned char*>(storage_), std::forward<Args>(args)...);
  }

 private:
  enum class Op { copy, move, destroy };
  static constexpr size_t kInline = 96;

  template <class F>
  static constexpr bool fits() {
    return sizeof(F) <= kInline && alignof(F) <= 16 && std::is_nothrow_move_constructible_v<F>;
  }
  template <class F>
  static F* object(unsigned char* storage) {
    if constexpr (fits<F>()) return std::launder(reinterpret_cast<F*>(storage));
    return *reinterpret_cast<F**>(storage);
  }
  template <class F>
  static R invoke(unsigned char* storage, Args... args) {
    return (*object<F>(storage))(std::forward<Args>(args)...);
  }
  template <class F>
  static void manage(Op op, unsigned char* to, unsigned char* from) {
    if (op == Op::destroy) {
      if constexpr (fits<F>()) {
        object<F>(to)->~F();
      } else {
        delete object<F>(to);
      }
    } else if constexpr (fits<F>()) {
      if (op == Op::copy) {
        new (to) F(*object<F>(from));
      } else {
        new (to) F(std::move(*object<F>(from)));
        object<F>(from)->~F();
      }
    } else {
      F* source = object<F>(from);
      *reinterpret_cast<F**>(to) = op == Op::copy ? new F(*source) : source;
    }
  }
  // Bytes past the callable's own are copied as they are, never read.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
  void copy_bytes(const Function& other) {
    for (size_t i = 0; i < kInline; ++i) storage_[i] = other.storage_[i];
  }
#pragma GCC diagnostic pop

  R (*invoke_)(unsigned char*, Args...) = nullptr;
  void (*manage_)(Op, unsigned char*, unsigned char*) = nullptr;
  alignas(16) unsigned char storage_[kInline];
};

}  // namespace taper
