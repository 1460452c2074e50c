#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taper/nn/cloneable.h"
#include "taper/nn/module_holder.h"
#include "taper/nn/parameter.h"

namespace taper TAPER_API {
namespace nn {
namespace detail {

/// A position that may be negative (-1 is the last); throws an IndexError out of range.
size_t list_position(int64_t index, size_t size);
/// The positions of Python's list[begin:end:step]; throws when step is 0.
std::vector<size_t> slice_positions(int64_t begin, int64_t end, int64_t step, size_t size);

/// A holder, a shared_ptr or a module (which is moved to the heap), as a shared_ptr.
template <class M>
std::shared_ptr<Module> to_module_ptr(M&& module) {
  using Type = std::remove_cvref_t<M>;
  if constexpr (std::is_base_of_v<Module, Type>) {
    return std::make_shared<Type>(std::forward<M>(module));
  } else if constexpr (requires { typename Type::ContainedType; }) {
    return module.ptr();
  } else {
    return std::forward<M>(module);
  }
}

}  // namespace detail

/// A list of modules that registers them, named "0", "1", ...; it has no forward(). Positions may
/// be negative: -1 is the last; out of range they throw an IndexError.
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

  /// Adds a module: a holder, a shared_ptr or a module.
  void push_back(std::shared_ptr<Module> module);
  template <class M>
  void push_back(M&& module) {
    push_back(detail::to_module_ptr(std::forward<M>(module)));
  }
  /// As push_back, under Python's name.
  template <class M>
  void append(M&& module) {
    push_back(detail::to_module_ptr(std::forward<M>(module)));
  }
  template <class Container>
  void extend(const Container& modules) {
    for (const auto& module : modules) push_back(module);
  }
  /// Puts a module before a position (size() appends); the ones behind are renumbered.
  void insert(int64_t index, std::shared_ptr<Module> module);
  template <class M>
  void insert(int64_t index, M&& module) {
    insert(index, detail::to_module_ptr(std::forward<M>(module)));
  }
  /// Puts a module in the place of the one at a position.
  template <class M>
  void set(int64_t index, M&& module) {
    replace_module(std::to_string(detail::list_position(index, size())),
                   detail::to_module_ptr(std::forward<M>(module)));
  }
  /// Removes the module at a position; the ones behind are renumbered.
  void erase(int64_t index) { pop(index); }
  /// As erase(), and returns the module.
  std::shared_ptr<Module> pop(int64_t index);
  /// A ModuleList of the modules from begin to before end, in steps, as Python's slices: it shares
  /// them and numbers them anew.
  std::shared_ptr<ModuleListImpl> slice(int64_t begin, int64_t end = INT64_MAX,
                                        int64_t step = 1) const;

  Iterator begin() { return modules_.begin(); }
  Iterator end() { return modules_.end(); }
  ConstIterator begin() const { return modules_.begin(); }
  ConstIterator end() const { return modules_.end(); }
  size_t size() const { return modules_.size(); }
  bool is_empty() const { return modules_.empty(); }

  /// The module at a position, as type T; throws on another type.
  template <class T>
  T& at(int64_t index) const {
    return *ptr<T>(index);
  }
  std::shared_ptr<Module> ptr(int64_t index) const {
    return modules_[detail::list_position(index, modules_.size())];
  }
  template <class T>
  std::shared_ptr<T> ptr(int64_t index) const {
    auto module = std::dynamic_pointer_cast<T>(ptr(index));
    if (module == nullptr) fail_cast(index, typeid(T));
    return module;
  }
  std::shared_ptr<Module> operator[](int64_t index) const { return ptr(index); }

 protected:
  void children_changed(const detail::ForwardTable* table) override;
  bool prints_runs() const override { return true; }

 private:
  void renumber();
  [[noreturn]] void fail_cast(int64_t index, const std::type_info& wanted) const;

  std::vector<std::shared_ptr<Module>> modules_;
};
TAPER_LAYER(ModuleList);

/// A ModuleList of the modules of both, numbered anew; they are shared.
ModuleList operator+(const ModuleList& a, const ModuleList& b);
/// Appends the modules of b to a.
ModuleList& operator+=(ModuleList& a, const ModuleList& b);

/// A module and its key: {"conv", nn::Conv2d(1, 2, 3)}.
class NamedModule {
 public:
  template <class M>
  NamedModule(std::string name, M&& module)
      : name_(std::move(name)), module_(detail::to_module_ptr(std::forward<M>(module))) {}
  const std::string& name() const { return name_; }
  const std::shared_ptr<Module>& module() const { return module_; }

 private:
  std::string name_;
  std::shared_ptr<Module> module_;
};

/// A dictionary of modules that registers them under their keys, in the order of insertion; it has
/// no forward(). A key must be fit for a submodule's name.
class ModuleDictImpl : public Cloneable<ModuleDictImpl> {
 public:
  using Iterator = std::vector<ModuleMap::Item>::const_iterator;

  ModuleDictImpl() = default;
  explicit ModuleDictImpl(std::initializer_list<NamedModule> modules) { update(modules); }
  explicit ModuleDictImpl(
      const std::vector<std::pair<std::string, std::shared_ptr<Module>>>& pairs) {
    update(pairs);
  }
  explicit ModuleDictImpl(const ModuleMap& modules) { update(modules); }

  void reset() override {}
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

  /// Adds a module (a holder, a shared_ptr or a module), or puts it in the place of the key's.
  template <class M>
  void set(const std::string& key, M&& module) {
    set_ptr(key, detail::to_module_ptr(std::forward<M>(module)));
  }
  /// As set() for each in order; when one throws, the ones before it stay.
  void update(std::initializer_list<NamedModule> modules);
  void update(const std::vector<std::pair<std::string, std::shared_ptr<Module>>>& pairs);
  void update(const ModuleMap& modules);
  void update(const ModuleDictImpl& modules) { update(modules.own_children()); }
  /// Removes a key and returns its module; throws when there is none.
  std::shared_ptr<Module> pop(const std::string& key);
  void clear();

  /// Items of (key(), value()), in order.
  Iterator begin() const { return own_children().items().begin(); }
  Iterator end() const { return own_children().items().end(); }
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> items() const;
  std::vector<std::string> keys() const;
  std::vector<std::shared_ptr<Module>> values() const;
  size_t size() const { return own_children().size(); }
  bool empty() const { return own_children().is_empty(); }
  bool contains(const std::string& key) const { return own_children().contains(key); }

  /// The module of a key; throws when there is none, and when it is of another type than T.
  std::shared_ptr<Module> operator[](const std::string& key) const;
  template <class T>
  T& at(const std::string& key) const {
    auto module = std::dynamic_pointer_cast<T>((*this)[key]);
    if (module == nullptr) fail_cast(key, typeid(T));
    return *module;
  }

 private:
  void set_ptr(const std::string& key, std::shared_ptr<Module> module);
  [[noreturn]] void fail_cast(const std::string& key, const std::type_info& wanted) const;
};
extern template class Cloneable<ModuleDictImpl>;

class ModuleDict : public ModuleHolder<ModuleDictImpl> {
 public:
  using ModuleHolder<ModuleDictImpl>::ModuleHolder;
  using Impl = ModuleDictImpl;
  ModuleDict() = default;
  ModuleDict(std::initializer_list<NamedModule> modules);
};

/// A list of parameters that registers them, named "0", "1", ...; it has no forward(). A tensor
/// that is no leaf, or does not require gradients, is added as Parameter(tensor); a Parameter keeps
/// its requires_grad.
class ParameterListImpl : public Cloneable<ParameterListImpl> {
 public:
  using Iterator = TensorMap::Iterator;

  ParameterListImpl() = default;
  template <class... Tensors>
  requires(std::is_base_of_v<Tensor, std::remove_cvref_t<Tensors>>&&...) explicit ParameterListImpl(
      Tensors&&... tensors) {
    (append(std::forward<Tensors>(tensors)), ...);
  }

  void reset() override {}
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

  void append(const Tensor& tensor);
  void append(const Parameter& parameter);
  void append(const TensorMap::Item& item) { append(item.value()); }
  template <class Container>
  void extend(const Container& tensors) {
    for (const auto& tensor : tensors) append(tensor);
  }
  ParameterListImpl& operator+=(const ParameterListImpl& other);
  /// Puts another in the place of the one at a position.
  void set(int64_t index, const Tensor& tensor);
  void set(int64_t index, const Parameter& parameter);
  /// A ParameterList of the parameters from begin to before end, in steps, which it shares.
  std::shared_ptr<ParameterListImpl> slice(int64_t begin, int64_t end = INT64_MAX,
                                           int64_t step = 1) const;

  /// Items of (key(), value()), in order.
  Iterator begin() { return parameters_.begin(); }
  Iterator end() { return parameters_.end(); }
  size_t size() const { return parameters_.size(); }
  bool is_empty() const { return parameters_.is_empty(); }
  /// The parameter at a position, which may be negative; throws an IndexError out of range.
  Tensor& at(int64_t index) { return *parameters_[detail::list_position(index, size())]; }
  const Tensor& at(int64_t index) const {
    return *parameters_[detail::list_position(index, size())];
  }
  Tensor& operator[](int64_t index) { return at(index); }
  const Tensor& operator[](int64_t index) const { return at(index); }

 protected:
  Tensor* tensor_member(const std::string& name) override { return parameters_.find(name); }
};
TAPER_LAYER(ParameterList);

/// A dictionary of parameters that registers them under their keys, in the order of insertion; it
/// has no forward(). Tensors are taken as a ParameterList takes them.
class ParameterDictImpl : public Cloneable<ParameterDictImpl> {
 public:
  using Iterator = TensorMap::Iterator;

  ParameterDictImpl() = default;
  explicit ParameterDictImpl(const TensorMap& tensors) { update(tensors); }

  void reset() override {}
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

  /// Adds a parameter; throws when the key is taken.
  Tensor& insert(const std::string& key, const Tensor& tensor);
  Tensor& insert(const std::string& key, const Parameter& parameter);
  /// Adds a parameter, or puts it in the place of the key's.
  void set(const std::string& key, const Tensor& tensor);
  void set(const std::string& key, const Parameter& parameter);
  /// As set() for each in order.
  void update(const TensorMap& tensors);
  void update(const ParameterDictImpl& other);
  /// Removes a key and returns its parameter; throws when there is none.
  Tensor pop(const std::string& key);
  /// Removes the last key and returns it with its parameter; throws when empty.
  std::pair<std::string, Tensor> popitem();
  void clear() { parameters_.clear(); }

  /// Items of (key(), value()), in order.
  Iterator begin() { return parameters_.begin(); }
  Iterator end() { return parameters_.end(); }
  std::vector<std::pair<std::string, Tensor>> items() const;
  std::vector<std::string> keys() const;
  std::vector<Tensor> values() const;
  size_t size() const { return parameters_.size(); }
  bool empty() const { return parameters_.is_empty(); }
  bool contains(const std::string& key) const { return parameters_.contains(key); }
  /// The parameter of a key; throws when there is none.
  Tensor& operator[](const std::string& key);
  const Tensor& operator[](const std::string& key) const;
  /// The parameter of a key, or the default.
  Tensor get(const std::string& key, const Tensor& default_value = {}) const;
  /// The parameter of a key, which is added when there is none.
  Tensor& setdefault(const std::string& key, const Tensor& default_value = {});

 protected:
  Tensor* tensor_member(const std::string& name) override { return parameters_.find(name); }
};
TAPER_LAYER(ParameterDict);

}  // namespace nn
}  // namespace taper
