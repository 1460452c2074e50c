#pragma once

#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "taper/nn/any_value.h"

namespace taper TAPER_API {
namespace nn {

class Module;

namespace detail {

/// How an AnyModule calls a module whose type it has forgotten.
struct ForwardTable {
  /// forward(Tensor) -> Tensor, or null when the module has none.
  Tensor (*tensor)(void* module, const Tensor& input);
  /// forward with values of any type, which are checked.
  AnyValue (*any)(void* module, std::vector<AnyValue>& arguments);
  const std::type_info* type;
  /// The module at its own type, or null when it is of another.
  void* (*cast)(Module* module);
};

[[noreturn]] void fail_argument_count(const std::type_info& type, size_t expected, size_t got);
[[noreturn]] void fail_argument(size_t index, const std::type_info& expected,
                                const std::type_info& got);

template <class T>
std::decay_t<T>& argument(std::vector<AnyValue>& arguments, size_t i) {
  auto* value = arguments[i].template try_get<T>();
  if (value == nullptr) fail_argument(i, typeid(std::decay_t<T>), arguments[i].type_info());
  return *value;
}

/// Reaches what TAPER_FORWARD_HAS_DEFAULT_ARGS declares, whatever its access.
struct DefaultArguments {
  /// Appends the defaults of the arguments that are missing, as far as the module declares them.
  template <class M>
  static void complete(std::vector<AnyValue>& arguments) {
    if constexpr (requires { M::forward_default_arguments(); }) {
      for (auto& [index, value] : M::forward_default_arguments()) {
        if (index == arguments.size()) arguments.push_back(std::move(value));
      }
    }
  }
};

template <class M, class... Args, size_t... I>
AnyValue call_with(M& module, std::vector<AnyValue>& arguments, std::index_sequence<I...>) {
  if (arguments.size() < sizeof...(Args)) DefaultArguments::complete<M>(arguments);
  if (arguments.size() != sizeof...(Args)) {
    fail_argument_count(typeid(M), sizeof...(Args), arguments.size());
  }
  return AnyValue(module.forward(static_cast<Args&&>(argument<Args>(arguments, I))...));
}

template <class M, class R, class C, class... Args>
AnyValue call(M& module, std::vector<AnyValue>& arguments, R (C::*)(Args...)) {
  return call_with<M, Args...>(module, arguments, std::index_sequence_for<Args...>());
}
template <class M, class R, class C, class... Args>
AnyValue call(M& module, std::vector<AnyValue>& arguments, R (C::*)(Args...) const) {
  return call_with<M, Args...>(module, arguments, std::index_sequence_for<Args...>());
}

template <class M>
concept TakesTensor = requires(M& m, const Tensor& t) {
  requires std::is_convertible_v<decltype(m.forward(t)), Tensor>;
};
/// forward() of one tensor gives something else, as a recurrent layer's does.
template <class M>
concept OpensTensor = !TakesTensor<M> && requires(M & m, const Tensor& t) {
  AnyValue(m.forward(t));
};

template <class M>
Tensor call_tensor(void* module, const Tensor& input) {
  return static_cast<M*>(module)->forward(input);
}

template <class M>
AnyValue call_any(void* module, std::vector<AnyValue>& arguments) {
  M& m = *static_cast<M*>(module);
  // With one tensor, arguments that forward has defaults for may be left out.
  if constexpr (TakesTensor<M> || OpensTensor<M>) {
    if (arguments.size() == 1 && arguments[0].template try_get<Tensor>() != nullptr) {
      const Tensor& input = *arguments[0].template try_get<Tensor>();
      if constexpr (TakesTensor<M>) return AnyValue(Tensor(m.forward(input)));
      if constexpr (OpensTensor<M>) return AnyValue(m.forward(input));
    }
  }
  if constexpr (requires { &M::forward; }) {
    return call(m, arguments, &M::forward);
  } else {
    static_assert(TakesTensor<M>,
                  "AnyModule takes modules whose forward() is no template, or is "
                  "callable with a Tensor");
    if (arguments.size() != 1) fail_argument_count(typeid(M), 1, arguments.size());
    fail_argument(0, typeid(Tensor), arguments[0].type_info());
  }
}

template <class M>
constexpr auto tensor_forward() -> Tensor (*)(void*, const Tensor&) {
  if constexpr (TakesTensor<M>) {
    return &call_tensor<M>;
  } else {
    return nullptr;
  }
}

template <class M>
void* cast_module(Module* module) {
  return dynamic_cast<M*>(module);
}

template <class M>
inline constexpr ForwardTable forward_table{tensor_forward<M>(), &call_any<M>, &typeid(M),
                                            &cast_module<M>};

// Whether values of these types can be held by an AnyValue.
template <class T>
inline constexpr bool is_storable = std::is_copy_constructible_v<std::decay_t<T>>;
template <class Forward>
inline constexpr bool has_storable_types = false;
template <class R, class C, class... Args>
inline constexpr bool has_storable_types<R (C::*)(Args...)> = is_storable<R> &&
                                                              (is_storable<Args> && ...);
template <class R, class C, class... Args>
inline constexpr bool has_storable_types<R (C::*)(Args...) const> = is_storable<R> &&
                                                                    (is_storable<Args> && ...);

/// The table of a type, or null for one that an AnyModule cannot call.
template <class M>
const ForwardTable* forward_table_or_null() {
  if constexpr (requires { &M::forward; }) {
    if constexpr (has_storable_types<decltype(&M::forward)>) return &forward_table<M>;
  } else if constexpr (TakesTensor<M>) {
    return &forward_table<M>;
  }
  return nullptr;
}

}  // namespace detail

}  // namespace nn
}  // namespace taper

/// In a module's class: the defaults of forward's last arguments as pairs of position and value, in
/// order, so that AnyModule and Sequential can leave them out, which no pointer to forward tells:
/// TAPER_FORWARD_HAS_DEFAULT_ARGS({1, AnyValue(2)}, {2, AnyValue(3.5)})
#define TAPER_FORWARD_HAS_DEFAULT_ARGS(...)                                                  \
  friend struct ::taper::nn::detail::DefaultArguments;                                       \
  static std::vector<std::pair<size_t, ::taper::nn::AnyValue>> forward_default_arguments() { \
    return {__VA_ARGS__};                                                                    \
  }
