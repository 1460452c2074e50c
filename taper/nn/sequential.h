#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taper/nn/any_module.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/containers.h"

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
  /// As push_back, under Python's name.
  template <class M>
  void append(M&& module) {
    push_back(std::forward<M>(module));
  }
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

  // Positions may be negative: -1 is the last. Out of range they throw an IndexError.

  /// Puts a module before a position (size() appends); children are renumbered.
  template <class M>
  void insert(int64_t index, M&& module) {
    insert_any(index, AnyModule(std::forward<M>(module)));
  }
  /// Puts a module in the place of the one at a position, under its name.
  template <class M>
  void set(int64_t index, M&& module) {
    set_any(index, AnyModule(std::forward<M>(module)));
  }
  /// Removes the module at a position; children are renumbered.
  void erase(int64_t index) { pop(index); }
  /// As erase(), and returns the module.
  AnyModule pop(int64_t index);
  /// A Sequential of the modules from begin to before end, in steps, as Python's slices: it shares
  /// them and keeps their names.
  std::shared_ptr<SequentialImpl> slice(int64_t begin, int64_t end = INT64_MAX,
                                        int64_t step = 1) const;

  /// The module at a position, as type T; throws on another type.
  template <class T>
  T& at(int64_t index) const {
    return element(index).get<T>();
  }
  const std::shared_ptr<Module>& ptr(int64_t index) const { return element(index).ptr(); }
  template <class T>
  std::shared_ptr<T> ptr(int64_t index) const {
    return element(index).ptr<T>();
  }
  const std::shared_ptr<Module>& operator[](int64_t index) const { return ptr(index); }

 protected:
  void children_changed(const detail::ForwardTable* table) override;

 private:
  void add(std::string name, AnyModule module);
  void insert_any(int64_t index, AnyModule module);
  void set_any(int64_t index, AnyModule module);
  void renumber();
  AnyModule callable(const std::shared_ptr<Module>& module,
                     const detail::ForwardTable* table) const;
  Tensor forward_tensor(const Tensor& input);
  /// The modules from one on that takes or gives no single tensor.
  Tensor forward_any(size_t first, const Tensor& input);
  void check_not_empty() const;
  [[noreturn]] static void fail_return(const std::type_info& got, const std::type_info& wanted);
  const AnyModule& element(int64_t index) const {
    return modules_[detail::list_position(index, modules_.size())];
  }

  std::vector<AnyModule> modules_;
};
extern template class Cloneable<SequentialImpl>;

class Sequential : public ModuleHolder<SequentialImpl> {
 public:
  using ModuleHolder<SequentialImpl>::ModuleHolder;
  using Impl = SequentialImpl;
  Sequential();
  Sequential(std::initializer_list<NamedAnyModule> modules);

  /// As SequentialImpl::forward, with the Sequential's hooks around it.
  template <class R = Tensor, class... Inputs>
  R operator()(Inputs&&... inputs) {
    SequentialImpl& impl = *get();
    [[maybe_unused]] const detail::CallScope scope(impl);
    if (detail::any_call_hooks()) [[unlikely]] {
      const auto forward = [&](auto&&... values) -> R {
        return impl.template forward<R>(std::forward<decltype(values)>(values)...);
      };
      return detail::call_hooked(impl, forward, std::forward<Inputs>(inputs)...);
    }
    return impl.template forward<R>(std::forward<Inputs>(inputs)...);
  }
};

/// A Sequential of the modules of both, numbered anew; they are shared.
Sequential operator+(const Sequential& a, const Sequential& b);
/// Appends the modules of b to a.
Sequential& operator+=(Sequential& a, const Sequential& b);
/// A Sequential of the modules, times over, all shared; throws unless times > 0.
Sequential operator*(const Sequential& modules, int64_t times);
inline Sequential operator*(int64_t times, const Sequential& modules) { return modules * times; }
Sequential& operator*=(Sequential& modules, int64_t times);

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
TAPER_LAYER(Functional);

}  // namespace nn
}  // namespace taper
