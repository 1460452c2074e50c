#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "taper/nn/hooks.h"
#include "taper/nn/module.h"

namespace taper TAPER_API {
namespace nn {
namespace detail {

[[noreturn]] void fail_argument(size_t index, const std::type_info& expected,
                                const std::type_info& got);
[[noreturn]] void fail_hooked_count(const Module& module, size_t expected, size_t got);
[[noreturn]] void fail_hooked_output(const Module& module, const std::type_info& expected,
                                     const std::type_info& got);

// Debug builds watch calls for modules that were never registered.
struct UnwatchedCall {
  explicit UnwatchedCall(const Module&) {}
};
class WatchedCall {
 public:
  explicit WatchedCall(const Module& module) : caller_(enter_call(module)) {}
  ~WatchedCall() { leave_call(caller_); }
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;

 private:
  const Module* caller_;
};
#ifdef NDEBUG
using CallScope = UnwatchedCall;
#else
using CallScope = WatchedCall;
#endif

/// One call of a module with its hooks.
struct HookedCall {
  Module& module;
  ValueList arguments;
  AnyValue output;
  bool arguments_replaced = false;  // by a hook
  bool arguments_hooked = false;    // their tensors are views for backward hooks
  bool output_changed = false;
};

/// Runs the hooks of the module and of all modules around forward, which reads the arguments and
/// sets the output.
void run_hooked(HookedCall& call, const Function<void()>& forward);
bool has_call_hooks(const Module& module);

/// Whether any module has hooks: what a call asks first.
inline bool any_call_hooks() { return call_hooks_in_use.load(std::memory_order_relaxed) != 0; }

/// The type that hooks see: Parameters and their kin as plain tensors.
template <class T>
using HookValue =
    std::conditional_t<std::is_base_of_v<Tensor, std::decay_t<T>>, Tensor, std::decay_t<T>>;

/// A copy for the hooks; empty for a type that has none.
template <class T>
AnyValue copy_for_hooks(T& value) {
  if constexpr (std::is_same_v<std::remove_cv_t<T>, AnyValue>) {
    return value;
  } else if constexpr (std::is_copy_constructible_v<HookValue<T>>) {
    return AnyValue(HookValue<T>(value));
  } else {
    return AnyValue();
  }
}

/// An argument as the hooks left it, in the form in which it was passed.
template <class Arg>
decltype(auto) changed_argument(const HookedCall& call, size_t index, AnyValue& value,
                                std::remove_reference_t<Arg>& arg) {
  using Value = HookValue<Arg>;
  if constexpr (!std::is_copy_constructible_v<Value>) {
    return static_cast<Arg&&>(arg);
  } else {
    // What is opaque, and no hook has replaced, is the caller's own: forward() may write to it.
    if constexpr (std::is_lvalue_reference_v<Arg> && !may_hold_tensors<Value> &&
                  std::is_same_v<std::remove_cvref_t<Arg>, Value>) {
      if (!call.arguments_replaced) return static_cast<Arg>(arg);
    }
    Value* changed;
    if constexpr (std::is_same_v<Value, AnyValue>) {
      changed = &value;
    } else {
      changed = value.try_get<Value>();
      if (changed == nullptr) fail_argument(index, typeid(Value), value.type_info());
    }
    if constexpr (!std::is_lvalue_reference_v<Arg>) {
      return Value(*changed);
    } else if constexpr (std::is_const_v<std::remove_reference_t<Arg>>) {
      return static_cast<const Value&>(*changed);
    } else {
      return static_cast<Value&>(*changed);
    }
  }
}

template <class F, size_t... I, class... Args>
decltype(auto) call_changed(HookedCall& call, const F& function, std::index_sequence<I...>,
                            Args&&... args) {
  if (call.arguments.size() != sizeof...(Args)) {
    fail_hooked_count(call.module, sizeof...(Args), call.arguments.size());
  }
  return function(changed_argument<Args>(call, I, call.arguments[I], args)...);
}

/// function(args...), which calls the module's forward(), with the hooks around it if there are
/// any.
template <class F, class... Args>
TAPER_COLD auto call_hooked(Module& module, const F& function, Args&&... args)
    -> decltype(function(std::forward<Args>(args)...)) {
  using R = decltype(function(std::forward<Args>(args)...));
  if (!has_call_hooks(module)) return function(std::forward<Args>(args)...);
  HookedCall call{module, {}, {}};
  call.arguments.reserve(sizeof...(Args));
  (call.arguments.push_back(copy_for_hooks(args)), ...);
  const auto forward = [&]() -> R {
    if (!call.arguments_replaced && !call.arguments_hooked)
      return function(std::forward<Args>(args)...);
    return call_changed(call, function, std::index_sequence_for<Args...>(),
                        std::forward<Args>(args)...);
  };
  if constexpr (std::is_void_v<R>) {
    run_hooked(call, [&] { forward(); });
  } else if constexpr (std::is_reference_v<R>) {
    std::remove_reference_t<R>* result = nullptr;
    run_hooked(call, [&] {
      auto&& reference = forward();
      result = &reference;
      call.output = copy_for_hooks(reference);
    });
    // What a reference refers to cannot be replaced, but a tensor's handle can.
    if (call.output_changed) fail_hooked_output(module, typeid(R), typeid(void));
    return static_cast<R>(*result);
  } else {
    std::optional<std::remove_cv_t<R>> result;
    run_hooked(call, [&] {
      result.emplace(forward());
      call.output = copy_for_hooks(*result);
    });
    if (call.output_changed) {
      auto* changed = [&] {
        if constexpr (std::is_same_v<R, AnyValue>) {
          return &call.output;
        } else {
          return call.output.try_get<HookValue<R>>();
        }
      }();
      if (changed == nullptr) {
        fail_hooked_output(module, typeid(HookValue<R>), call.output.type_info());
      }
      if constexpr (std::is_convertible_v<HookValue<R>, R>) return std::move(*changed);
    }
    return *std::move(result);
  }
}

}  // namespace detail

/// Calls a module's forward() with its hooks, and those of all modules, around it. This is what a
/// holder's call operator does; a plain module.forward(x) runs no hooks. Debug builds warn when a
/// module that is called in the forward() of another has state and was never registered.
template <class M, class... Args>
[[gnu::always_inline]] inline decltype(auto) call(M& module, Args&&... args) {
  if constexpr (std::is_base_of_v<Module, M>) {
    [[maybe_unused]] const detail::CallScope scope(module);
    if (detail::any_call_hooks()) [[unlikely]] {
      const auto forward = [&](auto&&... a) -> decltype(auto) {
        return module.forward(std::forward<decltype(a)>(a)...);
      };
      return detail::call_hooked(module, forward, std::forward<Args>(args)...);
    }
    return module.forward(std::forward<Args>(args)...);
  } else {
    return module.forward(std::forward<Args>(args)...);
  }
}

}  // namespace nn
}  // namespace taper
