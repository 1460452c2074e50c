#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/nn/any_value.h"
#include "taper/nn/module.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {
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

template <class M, class... Args, size_t... I>
AnyValue call_with(M& module, std::vector<AnyValue>& arguments, std::index_sequence<I...>) {
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

template <class M>
Tensor call_tensor(void* module, const Tensor& input) {
  return static_cast<M*>(module)->forward(input);
}

template <class M>
AnyValue call_any(void* module, std::vector<AnyValue>& arguments) {
  M& m = *static_cast<M*>(module);
  // With one tensor, arguments that forward has defaults for may be left out.
  if constexpr (TakesTensor<M>) {
    if (arguments.size() == 1 && arguments[0].template try_get<Tensor>() != nullptr) {
      return AnyValue(Tensor(m.forward(*arguments[0].template try_get<Tensor>())));
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

}  // namespace detail

/// A module of any type with a forward(), called without knowing the type. Copies share it.
class AnyModule {
 public:
  AnyModule() = default;
  template <class M>
  explicit AnyModule(std::shared_ptr<M> module)
      : object_(module.get()), table_(&detail::forward_table<M>), module_(std::move(module)) {}
  template <class M>
  explicit AnyModule(const ModuleHolder<M>& holder) : AnyModule(holder.ptr()) {}
  template <class M>
  requires std::is_base_of_v<Module, std::remove_cvref_t<M>>
  explicit AnyModule(M&& module)
      : AnyModule(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))) {}
  template <class M>
  AnyModule& operator=(std::shared_ptr<M> module) {
    return *this = AnyModule(std::move(module));
  }

  bool is_empty() const { return module_ == nullptr; }
  /// A module of the same type with copied parameters; throws where it cannot be cloned.
  AnyModule clone(const std::optional<Device>& device = std::nullopt) const;

  /// Calls forward() and returns what it returns; throws when the types do not fit.
  template <class R = Tensor, class... Args>
  R forward(Args&&... args) {
    check("forward");
    if constexpr (std::is_same_v<R, Tensor> && sizeof...(Args) == 1 &&
                  (std::is_same_v<std::remove_cvref_t<Args>, Tensor> && ...)) {
      if (table_->tensor != nullptr) return table_->tensor(object_, args...);
    }
    return any_forward(std::forward<Args>(args)...).template get<R>();
  }
  template <class... Args>
  AnyValue any_forward(Args&&... args) {
    check("forward");
    std::vector<AnyValue> values;
    values.reserve(sizeof...(Args));
    (values.push_back(as_value(std::forward<Args>(args))), ...);
    return table_->any(object_, values);
  }

  /// The module as type T; throws when it is of another type.
  template <class T>
  requires std::is_base_of_v<Module, T> T& get() const {
    check("get");
    T* module = dynamic_cast<T*>(module_.get());
    if (module == nullptr) fail_cast(typeid(T));
    return *module;
  }
  template <class T>
  requires requires { typename T::ContainedType; }
  T get() const { return T(ptr<typename T::ContainedType>()); }
  const std::shared_ptr<Module>& ptr() const {
    check("ptr");
    return module_;
  }
  template <class T>
  std::shared_ptr<T> ptr() const {
    get<T>();
    return std::dynamic_pointer_cast<T>(module_);
  }
  const std::type_info& type_info() const {
    check("type_info");
    return *table_->type;
  }

 private:
  void check(const char* method) const {
    TAPER_CHECK(module_ != nullptr, "Cannot call ", method, "() on an empty AnyModule");
  }
  [[noreturn]] void fail_cast(const std::type_info& wanted) const;
  static AnyValue as_value(AnyValue&& value) { return std::move(value); }
  static AnyValue as_value(const AnyValue& value) { return value; }
  template <class T>
  static AnyValue as_value(T&& value) {
    return AnyValue(std::forward<T>(value));
  }

  void* object_ = nullptr;  // the module at its own type
  const detail::ForwardTable* table_ = nullptr;
  std::shared_ptr<Module> module_;
};

/// A module and its name in a container: {"conv", nn::Conv2d(1, 2, 3)}.
class NamedAnyModule {
 public:
  template <class M>
  NamedAnyModule(std::string name, M&& module)
      : name_(std::move(name)), module_(std::forward<M>(module)) {}
  const std::string& name() const { return name_; }
  AnyModule& module() { return module_; }
  const AnyModule& module() const { return module_; }

 private:
  std::string name_;
  AnyModule module_;
};

}  // namespace nn
}  // namespace taper
