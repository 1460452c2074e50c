#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/function.h"
#include "taper/nn/any_value.h"

namespace taper TAPER_API {
namespace nn {

class Module;
class StateDict;
struct IncompatibleKeys;
struct LoadStateDictContext;

/// When a hook of a module is called. The first four run around a call of the module (nn::call, a
/// holder's call operator, a container's call of its children), never around a plain forward().
enum class HookKind {
  kForwardPre,
  kForward,
  kFullBackwardPre,
  kFullBackward,
  kStateDictPre,
  kStateDict,
  kLoadStateDictPre,
  kLoadStateDictPost,
  kParameterRegistration,
  kBufferRegistration,
  kModuleRegistration,
};
const char* to_string(HookKind kind);

/// Before forward(): sees the arguments; what it returns replaces them.
using ForwardPreHook = Function<std::optional<ValueList>(Module&, const ValueList& arguments)>;
/// After forward(): sees the arguments and the result; what it returns replaces the result.
using ForwardHook =
    Function<std::optional<AnyValue>(Module&, const ValueList& arguments, const AnyValue& output)>;
/// When the gradients of the module's outputs are known, one for each tensor of the output
/// (undefined where none came); what it returns replaces them.
using FullBackwardPreHook =
    Function<std::optional<std::vector<Tensor>>(Module&, const std::vector<Tensor>& grad_output)>;
/// When the gradients of the module's inputs are known, one for each argument (undefined where it
/// is no tensor or needs no gradient); what it returns replaces them.
using FullBackwardHook = Function<std::optional<std::vector<Tensor>>(
    Module&, const std::vector<Tensor>& grad_input, const std::vector<Tensor>& grad_output)>;
/// Before a module adds its tensors to a state dict.
using StateDictPreHook = Function<void(Module&, const std::string& prefix, bool keep_vars)>;
/// After the module and its children did; may change the dict in place.
using StateDictHook = Function<void(Module&, StateDict&, const std::string& prefix)>;
/// Before a module takes its tensors from a state dict, which the hook may change (a copy).
using LoadStateDictPreHook = Function<void(Module&, LoadStateDictContext&)>;
/// After the module and its children did; may change the lists of keys in place.
using LoadStateDictPostHook = Function<void(Module&, IncompatibleKeys&)>;
/// Sees what any module is about to register; a defined result is registered instead.
using TensorRegistrationHook = Function<Tensor(Module&, const std::string& name, const Tensor&)>;
using ModuleRegistrationHook = Function<std::shared_ptr<Module>(Module&, const std::string& name,
                                                                const std::shared_ptr<Module>&)>;

/// How a hook is registered: before the ones that are there; for forward hooks also: called even
/// when forward() or another hook throws.
struct HookOptions {
  bool prepend = false;
  bool always_call = false;
};

/// One registered hook: its kind, the number that its handle has, and the type of the callable.
struct HookInfo {
  HookKind kind;
  int64_t id;
  bool always_call;
  std::string callable;
};

namespace detail {

/// The hooks of one module, or the ones of all modules, in the order in which they run.
class HookSet {
 public:
  struct Entry {
    int64_t id;
    HookKind kind;
    bool always_call;
    const std::type_info* callable;
    std::shared_ptr<const void> function;  // of the kind's type

    template <class F>
    const F& as() const {
      return *static_cast<const F*>(function.get());
    }
  };

  /// owner is null for the hooks of all modules.
  explicit HookSet(Module* owner) : owner_(owner) {}
  HookSet(const HookSet&) = delete;
  HookSet& operator=(const HookSet&) = delete;
  ~HookSet();

  int64_t add(HookKind kind, std::shared_ptr<const void> function, const std::type_info& callable,
              HookOptions options);
  /// Returns what was removed, or null. It may hold anything, so the caller lets go of it last.
  std::shared_ptr<const void> remove(int64_t id);
  /// Adds copies of the hooks of one kind.
  void collect(HookKind kind, std::vector<Entry>& to) const;
  bool has(HookKind kind) const { return counts_[static_cast<size_t>(kind)] != 0; }
  bool has_call_hooks() const;
  std::vector<HookInfo> list() const;
  Module* owner() const { return owner_; }

 private:
  void count(HookKind kind, uint32_t change);

  Module* owner_;
  std::vector<Entry> entries_;
  uint32_t counts_[11] = {};
};

/// What a copy of a module does not take over.
struct ModuleIdentity {
  ModuleIdentity() = default;
  ModuleIdentity(const ModuleIdentity&) {}
  ModuleIdentity& operator=(const ModuleIdentity&) { return *this; }  // NOLINT: keeps its own

  std::shared_ptr<HookSet> hooks;
  bool is_registered = false;  // some module has it, or had it, as a submodule
};

/// Hooks in the process that run around calls; while it is 0, a call costs one comparison more
/// than forward().
extern std::atomic<uint32_t> call_hooks_in_use;

// What a hook may return, brought to the kind's result: nothing (void, nullopt, an undefined
// tensor, an empty value) keeps what there is.

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;

template <class R>
bool is_nothing(const R& result) {
  if constexpr (std::is_same_v<R, Tensor>) {
    return !result.defined();
  } else if constexpr (std::is_same_v<R, AnyValue>) {
    return result.is_empty();
  } else {
    return false;
  }
}
template <class R>
AnyValue to_value(R result) {
  if constexpr (std::is_same_v<R, AnyValue>) {
    return result;
  } else {
    return AnyValue(std::move(result));
  }
}

/// New arguments: a ValueList or a tuple is all of them, anything else the only one.
template <class R>
std::optional<ValueList> convert_result(R result, std::optional<ValueList>*) {
  if constexpr (std::is_same_v<R, std::nullopt_t>) {
    return std::nullopt;
  } else if constexpr (std::is_same_v<R, ValueList>) {
    return result;
  } else if constexpr (is_tuple<R>) {
    ValueList values;
    std::apply([&](auto&... v) { (values.push_back(to_value(std::move(v))), ...); }, result);
    return values;
  } else {
    if (is_nothing(result)) return std::nullopt;
    ValueList values;
    values.push_back(to_value(std::move(result)));
    return values;
  }
}
template <class R>
std::optional<AnyValue> convert_result(R result, std::optional<AnyValue>*) {
  if constexpr (std::is_same_v<R, std::nullopt_t>) {
    return std::nullopt;
  } else {
    if (is_nothing(result)) return std::nullopt;
    return to_value(std::move(result));
  }
}
/// Gradients: a list or a tuple of tensors, or the only one.
template <class R>
std::optional<std::vector<Tensor>> convert_result(R result, std::optional<std::vector<Tensor>>*) {
  if constexpr (std::is_same_v<R, std::nullopt_t>) {
    return std::nullopt;
  } else if constexpr (is_tuple<R>) {
    return std::apply([](auto&... t) { return std::vector<Tensor>{t...}; }, result);
  } else if constexpr (std::is_same_v<R, Tensor>) {
    if (!result.defined()) return std::nullopt;
    return std::vector<Tensor>{std::move(result)};
  } else {
    return std::vector<Tensor>(std::move(result));
  }
}

template <class Result, class R>
Result to_result(R result) {
  if constexpr (std::is_same_v<R, Result>) {
    return result;
  } else if constexpr (is_optional<R>) {
    if (!result) return std::nullopt;
    return convert_result(*std::move(result), static_cast<Result*>(nullptr));
  } else {
    return convert_result(std::move(result), static_cast<Result*>(nullptr));
  }
}

/// Wraps a user's callable as a function of the kind's type.
template <class Hook, class Result, class... Args>
Function<Result(Args...)> adapt_hook(Hook hook, Function<Result(Args...)>*) {
  using R = std::invoke_result_t<Hook&, Args...>;
  if constexpr (std::is_void_v<Result> || std::is_same_v<R, Result>) {
    return Function<Result(Args...)>(std::move(hook));
  } else if constexpr (std::is_void_v<R>) {
    return [hook = std::move(hook)](Args... args) mutable {
      hook(static_cast<Args>(args)...);
      return Result();
    };
  } else if constexpr (is_optional<Result>) {
    return [hook = std::move(hook)](Args... args) mutable {
      return to_result<Result>(hook(static_cast<Args>(args)...));
    };
  } else {
    return Function<Result(Args...)>(std::move(hook));
  }
}
template <class Kind, class Hook>
std::shared_ptr<const void> make_hook(Hook hook) {
  return std::make_shared<const Kind>(adapt_hook(std::move(hook), static_cast<Kind*>(nullptr)));
}

}  // namespace detail

/// What registering a hook returns. Letting go of it keeps the hook; remove() ends it, once or more
/// often, also after the module is gone.
class RemovableHandle {
 public:
  RemovableHandle() = default;
  RemovableHandle(std::weak_ptr<detail::HookSet> set, int64_t id) : set_(std::move(set)), id_(id) {}
  void remove();
  int64_t id() const { return id_; }

 private:
  std::weak_ptr<detail::HookSet> set_;
  int64_t id_ = -1;
};

namespace detail {
RemovableHandle add_global_hook(HookKind kind, std::shared_ptr<const void> function,
                                const std::type_info& callable, HookOptions options);
}

// Hooks of all modules. They run before a module's own; results as of the module's own.

template <class Hook>
RemovableHandle register_module_forward_pre_hook(Hook hook) {
  return detail::add_global_hook(
      HookKind::kForwardPre, detail::make_hook<ForwardPreHook>(std::move(hook)), typeid(Hook), {});
}
template <class Hook>
RemovableHandle register_module_forward_hook(Hook hook, bool always_call = false) {
  return detail::add_global_hook(HookKind::kForward,
                                 detail::make_hook<ForwardHook>(std::move(hook)), typeid(Hook),
                                 {false, always_call});
}
template <class Hook>
RemovableHandle register_module_full_backward_pre_hook(Hook hook) {
  return detail::add_global_hook(HookKind::kFullBackwardPre,
                                 detail::make_hook<FullBackwardPreHook>(std::move(hook)),
                                 typeid(Hook), {});
}
template <class Hook>
RemovableHandle register_module_full_backward_hook(Hook hook) {
  return detail::add_global_hook(HookKind::kFullBackward,
                                 detail::make_hook<FullBackwardHook>(std::move(hook)), typeid(Hook),
                                 {});
}
template <class Hook>
RemovableHandle register_module_parameter_registration_hook(Hook hook) {
  return detail::add_global_hook(HookKind::kParameterRegistration,
                                 detail::make_hook<TensorRegistrationHook>(std::move(hook)),
                                 typeid(Hook), {});
}
template <class Hook>
RemovableHandle register_module_buffer_registration_hook(Hook hook) {
  return detail::add_global_hook(HookKind::kBufferRegistration,
                                 detail::make_hook<TensorRegistrationHook>(std::move(hook)),
                                 typeid(Hook), {});
}
template <class Hook>
RemovableHandle register_module_module_registration_hook(Hook hook) {
  return detail::add_global_hook(HookKind::kModuleRegistration,
                                 detail::make_hook<ModuleRegistrationHook>(std::move(hook)),
                                 typeid(Hook), {});
}
/// The hooks of all modules, in the order of registration.
std::vector<HookInfo> global_hooks();

}  // namespace nn
}  // namespace taper
