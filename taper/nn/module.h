#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taper/base/function.h"
#include "taper/base/ordered_dict.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace nn {

template <class Contained>
class ModuleHolder;

/// The order in which Module::apply visits a tree: children first, as Python's, or LibTorch's
/// module first, where a child that stands twice is visited twice.
enum class ApplyOrder { PostOrder, PreOrder };

/// Base of all layers and networks: named parameters, buffers and submodules, as torch.nn.Module.
/// A subclass registers them in its constructor and defines forward(). Iteration follows the order
/// of registration; what is reached by several paths is listed once, under its first name.
class Module : public std::enable_shared_from_this<Module> {
 public:
  using ModuleApplyFunction = Function<void(Module&)>;
  using ConstModuleApplyFunction = Function<void(const Module&)>;
  using NamedModuleApplyFunction = Function<void(const std::string&, Module&)>;
  using ConstNamedModuleApplyFunction = Function<void(const std::string&, const Module&)>;
  using ModulePointerApplyFunction = Function<void(const std::shared_ptr<Module>&)>;
  using NamedModulePointerApplyFunction =
      Function<void(const std::string&, const std::shared_ptr<Module>&)>;
  using TensorMap = OrderedDict<std::string, Tensor>;
  using ModuleMap = OrderedDict<std::string, std::shared_ptr<Module>>;

  Module();
  /// Gives the module a name other than its type's.
  explicit Module(std::string name);
  Module(const Module&) = default;
  Module& operator=(const Module&) = default;
  virtual ~Module();

  /// The given name, or the type's.
  const std::string& name() const;

  /// A deep copy. Throws unless the class derives from Cloneable.
  virtual std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const;

  /// Calls function on every module of the tree; names are joined with dots, after name_prefix.
  /// The forms that hand out shared_ptrs throw when the module itself is held by none.
  void apply(const ModuleApplyFunction& function, ApplyOrder order = ApplyOrder::PostOrder);
  void apply(const ConstModuleApplyFunction& function,
             ApplyOrder order = ApplyOrder::PostOrder) const;
  void apply(const NamedModuleApplyFunction& function,
             const std::string& name_prefix = std::string(),
             ApplyOrder order = ApplyOrder::PostOrder);
  void apply(const ConstNamedModuleApplyFunction& function,
             const std::string& name_prefix = std::string(),
             ApplyOrder order = ApplyOrder::PostOrder) const;
  void apply(const ModulePointerApplyFunction& function,
             ApplyOrder order = ApplyOrder::PostOrder) const;
  void apply(const NamedModulePointerApplyFunction& function,
             const std::string& name_prefix = std::string(),
             ApplyOrder order = ApplyOrder::PostOrder) const;

  /// The defined parameters (buffers) of this module, then of its submodules with recurse.
  std::vector<Tensor> parameters(bool recurse = true) const;
  TensorMap named_parameters(bool recurse = true, bool remove_duplicate = true) const;
  std::vector<Tensor> buffers(bool recurse = true) const;
  TensorMap named_buffers(bool recurse = true, bool remove_duplicate = true) const;
  /// All modules of the tree, each before its children. With include_self the module itself must
  /// be held by a shared_ptr.
  std::vector<std::shared_ptr<Module>> modules(bool include_self = true) const;
  ModuleMap named_modules(const std::string& name_prefix = std::string(), bool include_self = true,
                          bool remove_duplicate = true) const;
  /// The direct submodules.
  std::vector<std::shared_ptr<Module>> children() const;
  ModuleMap named_children() const;

  /// The submodule, parameter or buffer at a dotted path; throws where the path ends.
  std::shared_ptr<Module> get_submodule(std::string_view target) const;
  Tensor get_parameter(std::string_view target) const;
  Tensor get_buffer(std::string_view target) const;

  /// Sets training mode in the module, then in its children.
  virtual void train(bool on = true);
  void eval();
  virtual bool is_training() const noexcept;

  /// Converts the floating parameters and buffers (and gradients) and moves all; they keep their
  /// identity, so optimizers stay valid. Throws when dtype is not floating.
  virtual void to(Device device, Dtype dtype, bool non_blocking = false);
  virtual void to(Dtype dtype, bool non_blocking = false);
  virtual void to(Device device, bool non_blocking = false);
  /// Drops the gradients of all parameters, or fills them with zeros.
  virtual void zero_grad(bool set_to_none = true);
  /// Sets requires_grad on all parameters.
  void requires_grad_(bool requires_grad = true);

  /// This module as the given type (a module or its holder), or null when it is another.
  template <class ModuleType>
  auto* as() noexcept {
    if constexpr (requires { typename ModuleType::ContainedType; }) {
      return dynamic_cast<typename ModuleType::ContainedType*>(this);
    } else {
      return dynamic_cast<ModuleType*>(this);
    }
  }
  template <class ModuleType>
  const auto* as() const noexcept {
    const auto* module = const_cast<Module*>(this)->template as<ModuleType>();
    return module;
  }

  /// Writes the module's own line; a subclass adds its arguments.
  virtual void pretty_print(std::ostream& stream) const;
  /// Whether the module holds state that a file could keep.
  virtual bool is_serializable() const;

  /// Adds a parameter and sets its requires_grad; an undefined one keeps its place and is skipped.
  /// Throws on an empty name, one with a dot, and one that is taken.
  Tensor& register_parameter(std::string name, Tensor tensor, bool requires_grad = true);
  /// Adds a tensor that is no parameter. Files leave out the ones that are not persistent.
  Tensor& register_buffer(std::string name, Tensor tensor, bool persistent = true);
  /// Adds a submodule and returns it.
  template <class ModuleType>
  std::shared_ptr<ModuleType> register_module(std::string name,
                                              std::shared_ptr<ModuleType> module) {
    add_child(std::move(name), module);
    return module;
  }
  template <class ModuleType>
  std::shared_ptr<ModuleType> register_module(std::string name,
                                              ModuleHolder<ModuleType> module_holder) {
    return register_module(std::move(name), module_holder.ptr());
  }
  /// Puts another submodule in the place of one; throws when there is none of this name.
  template <class ModuleType>
  std::shared_ptr<ModuleType> replace_module(const std::string& name,
                                             std::shared_ptr<ModuleType> module) {
    children_[name] = module;
    return module;
  }
  template <class ModuleType>
  std::shared_ptr<ModuleType> replace_module(const std::string& name,
                                             ModuleHolder<ModuleType> module_holder) {
    return replace_module(name, module_holder.ptr());
  }
  /// Throws when there is no submodule of this name.
  void unregister_module(const std::string& name);
  /// Whether a buffer of this module is left out of files.
  bool is_persistent_buffer(const std::string& name) const;

  /// Prints the tree.
  friend std::ostream& operator<<(std::ostream& stream, const Module& module);

 protected:
  /// The direct submodules under every name, duplicates included.
  const ModuleMap& own_children() const { return children_; }

  TensorMap parameters_{"Parameter"};

 private:
  template <class Derived>
  friend class Cloneable;

  using Visit = Function<void(const std::string&, Module&, const std::shared_ptr<Module>&)>;

  /// Copies other, which has the same type, into this.
  virtual void clone_(Module& other, const std::optional<Device>& device);
  /// Takes over the values of other, after a reset(); throws when they do not correspond.
  void copy_state(const Module& other, const std::optional<Device>& device);
  std::shared_ptr<Module> self() const;
  void visit(const Visit& function, const std::string& name, const std::shared_ptr<Module>& pointer,
             ApplyOrder order) const;
  void add_child(std::string name, std::shared_ptr<Module> module);
  void check_name(const std::string& kind, const std::string& name, const TensorMap* own) const;
  template <class Change>
  void change_tensors(const Change& change);
  void print_tree(std::ostream& stream, const std::string& indentation) const;
  struct Walk;

  TensorMap buffers_{"Buffer"};
  ModuleMap children_{"Submodule"};
  std::vector<std::string> transient_buffers_;
  mutable std::optional<std::string> name_;
  bool is_training_ = true;
};

}  // namespace nn
}  // namespace taper
