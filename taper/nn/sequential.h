#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taper/nn/any_module.h"
#include "taper/nn/cloneable.h"

namespace taper TAPER_API {
namespace nn {

/// Modules called one after another, each with what the one before returned; they may take and
/// return values of any type. Children are named "0", "1", ... unless names are given.
class SequentialImpl : public Cloneable<SequentialImpl> {
 public:
  using Iterator = std::vector<AnyModule>::iterator;
  using ConstIterator = std::vector<AnyModule>::const_iterator;

  SequentialImpl() = default;
  template <class... Modules>
  requires(sizeof...(Modules) > 1 ||
           !(std::is_same_v<std::remove_cvref_t<Modules>, SequentialImpl> &&
             ...)) explicit SequentialImpl(Modules&&... modules) {
    modules_.reserve(sizeof...(Modules));
    (push_back(std::forward<Modules>(modules)), ...);
  }
  explicit SequentialImpl(OrderedDict<std::string, AnyModule>&& modules);
  explicit SequentialImpl(std::initializer_list<NamedAnyModule> modules);

  void reset() override {}
  /// A Sequential with clones of the modules.
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

  /// Throws when empty, and when a value's type is not what the next module takes.
  template <class R = Tensor, class... Inputs>
  R forward(Inputs&&... inputs) {
    if constexpr (std::is_same_v<R, Tensor> && sizeof...(Inputs) == 1 &&
                  (std::is_same_v<std::remove_cvref_t<Inputs>, Tensor> && ...)) {
      return forward_tensor(inputs...);
    } else {
      check_not_empty();
      AnyValue value = modules_[0].any_forward(std::forward<Inputs>(inputs)...);
      for (size_t i = 1; i < modules_.size(); ++i) {
        value = modules_[i].any_forward(std::move(value));
      }
      auto* result = value.template try_get<R>();
      if (result == nullptr) fail_return(value.type_info(), typeid(R));
      return std::move(*result);
    }
  }

  /// Adds a module: a holder, a shared_ptr, a module or an AnyModule; a name or the next number.
  template <class M>
  void push_back(M&& module) {
    push_back(std::to_string(modules_.size()), std::forward<M>(module));
  }
  template <class M>
  void push_back(std::string name, M&& module) {
    add(std::move(name), AnyModule(std::forward<M>(module)));
  }
  void push_back(NamedAnyModule module) { add(module.name(), module.module()); }
  template <class Container>
  void extend(const Container& modules) {
    for (const auto& module : modules) push_back(module);
  }

  Iterator begin() { return modules_.begin(); }
  Iterator end() { return modules_.end(); }
  ConstIterator begin() const { return modules_.begin(); }
  ConstIterator end() const { return modules_.end(); }
  size_t size() const { return modules_.size(); }
  bool is_empty() const { return modules_.empty(); }

  /// The module at a position, as type T; throws past the end and on another type.
  template <class T>
  T& at(size_t index) const {
    return element(index).get<T>();
  }
  const std::shared_ptr<Module>& ptr(size_t index) const { return element(index).ptr(); }
  template <class T>
  std::shared_ptr<T> ptr(size_t index) const {
    return element(index).ptr<T>();
  }
  const std::shared_ptr<Module>& operator[](size_t index) const { return ptr(index); }

 private:
  void add(std::string name, AnyModule module);
  Tensor forward_tensor(const Tensor& input);
  void check_not_empty() const;
  [[noreturn]] static void fail_return(const std::type_info& got, const std::type_info& wanted);
  const AnyModule& element(size_t index) const {
    TAPER_CHECK_AS(IndexError, index < modules_.size(), "Index out of range");
    return modules_[index];
  }

  std::vector<AnyModule> modules_;
};

class Sequential : public ModuleHolder<SequentialImpl> {
 public:
  using ModuleHolder<SequentialImpl>::ModuleHolder;
  using Impl = SequentialImpl;
  Sequential() : ModuleHolder() {}
  Sequential(std::initializer_list<NamedAnyModule> modules)
      : ModuleHolder(std::make_shared<SequentialImpl>(modules)) {}

  /// As SequentialImpl::forward.
  template <class R = Tensor, class... Inputs>
  R operator()(Inputs&&... inputs) {
    return get()->template forward<R>(std::forward<Inputs>(inputs)...);
  }
};

/// A list of modules that registers them, named "0", "1", ...; it has no forward().
class ModuleListImpl : public Cloneable<ModuleListImpl> {
 public:
  using Iterator = std::vector<std::shared_ptr<Module>>::iterator;
  using ConstIterator = std::vector<std::shared_ptr<Module>>::const_iterator;

  ModuleListImpl() = default;
  template <class... Modules>
  requires(sizeof...(Modules) > 1 ||
           !(std::is_same_v<std::remove_cvref_t<Modules>, ModuleListImpl> &&
             ...)) explicit ModuleListImpl(Modules&&... modules) {
    (push_back(std::forward<Modules>(modules)), ...);
  }

  void reset() override {}
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

  void push_back(std::shared_ptr<Module> module);
  template <class M>
  requires std::is_base_of_v<Module, std::remove_cvref_t<M>>
  void push_back(M&& module) {
    push_back(
        std::shared_ptr<Module>(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))));
  }
  template <class M>
  void push_back(const ModuleHolder<M>& holder) {
    push_back(std::shared_ptr<Module>(holder.ptr()));
  }
  template <class Container>
  void extend(const Container& modules) {
    for (const auto& module : modules) push_back(module);
  }
  /// Puts a module before position index; throws when index > size().
  void insert(size_t index, std::shared_ptr<Module> module);
  template <class M>
  requires std::is_base_of_v<Module, std::remove_cvref_t<M>>
  void insert(size_t index, M&& module) {
    insert(index, std::shared_ptr<Module>(
                      std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))));
  }
  template <class M>
  void insert(size_t index, const ModuleHolder<M>& holder) {
    insert(index, std::shared_ptr<Module>(holder.ptr()));
  }

  Iterator begin() { return modules_.begin(); }
  Iterator end() { return modules_.end(); }
  ConstIterator begin() const { return modules_.begin(); }
  ConstIterator end() const { return modules_.end(); }
  size_t size() const { return modules_.size(); }
  bool is_empty() const { return modules_.empty(); }

  /// The module at a position, as type T; throws past the end and on another type.
  template <class T>
  T& at(size_t index) const {
    return *ptr<T>(index);
  }
  std::shared_ptr<Module> ptr(size_t index) const {
    TAPER_CHECK_AS(IndexError, index < modules_.size(), "Index out of range");
    return modules_[index];
  }
  template <class T>
  std::shared_ptr<T> ptr(size_t index) const {
    auto module = std::dynamic_pointer_cast<T>(ptr(index));
    if (module == nullptr) fail_cast(index, typeid(T));
    return module;
  }
  std::shared_ptr<Module> operator[](size_t index) const { return ptr(index); }

 private:
  [[noreturn]] void fail_cast(size_t index, const std::type_info& wanted) const;

  std::vector<std::shared_ptr<Module>> modules_;
};
TAPER_MODULE(ModuleList);

/// Wraps a function as a module without parameters, for use in Sequential:
/// Functional(relu) or Functional(elu, 1, 0, 1), whose further arguments are bound.
class FunctionalImpl : public Cloneable<FunctionalImpl> {
 public:
  using FunctionType = Function<Tensor(Tensor)>;

  explicit FunctionalImpl(FunctionType function) : function_(std::move(function)) {}
  template <class F, class... Args>
  requires(sizeof...(Args) > 0) explicit FunctionalImpl(F function, Args... args)
      : function_([=](Tensor input) { return function(std::move(input), args...); }) {}

  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(Tensor input) { return function_(std::move(input)); }
  bool is_serializable() const override { return false; }

 private:
  FunctionType function_;
};
TAPER_MODULE(Functional);

}  // namespace nn
}  // namespace taper
