#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/nn/any_value.h"
#include "taper/nn/call.h"
#include "taper/nn/forward_table.h"
#include "taper/nn/module.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {
namespace utils::parametrize {
class ParametrizationList;
}  // namespace utils::parametrize

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

  /// Calls forward(), with the module's hooks, and returns what it returns; throws when the types
  /// do not fit.
  template <class R = Tensor, class... Args>
  R forward(Args&&... args) {
    check("forward");
    if constexpr (std::is_same_v<R, Tensor> && sizeof...(Args) == 1 &&
                  (std::is_same_v<std::remove_cvref_t<Args>, Tensor> && ...)) {
      if (table_->tensor != nullptr && !detail::any_call_hooks()) {
        return table_->tensor(object_, args...);
      }
    }
    return any_forward(std::forward<Args>(args)...).template get<R>();
  }
  template <class... Args>
  AnyValue any_forward(Args&&... args) {
    check("forward");
    std::vector<AnyValue> values;
    values.reserve(sizeof...(Args));
    (values.push_back(as_value(std::forward<Args>(args))), ...);
    return any_call(values);
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
  friend class SequentialImpl;
  friend class utils::parametrize::ParametrizationList;

  /// A module whose type is only known by its table.
  AnyModule(std::shared_ptr<Module> module, const detail::ForwardTable& table);
  AnyValue any_call(ValueList& arguments);
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
