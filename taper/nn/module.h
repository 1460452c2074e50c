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
#include "taper/nn/derived_tensors.h"
#include "taper/nn/forward_table.h"
#include "taper/nn/hooks.h"
#include "taper/nn/parameter.h"
#include "taper/nn/state_dict.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace serialize {
class InputArchive;
class OutputArchive;
}  // namespace serialize
namespace nn {

template <class Contained>
class ModuleHolder;
namespace detail {
class CloneScope;
bool has_call_hooks(const Module& module);
/// Notes that this thread calls the module, and returns the module in whose forward() it does so,
/// or null. Warns when the module has state and no module has registered it.
const Module* enter_call(const Module& module);
void leave_call(const Module* caller);
/// Adds the hooks of all modules, then the module's own.
void collect_hooks(const Module& module, HookKind kind, std::vector<HookSet::Entry>& to);
/// The module's hooks, made when there are none; it ends with the module.
std::shared_ptr<HookSet> hook_set(Module& module);
}  // namespace detail

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
  Module(const Module& other);
  Module& operator=(const Module&) = default;
  virtual ~Module();

  /// The given name, or the type's.
  const std::string& name() const;

  /// A deep copy without hooks; what is shared within the tree (a tied weight, a submodule that
  /// stands twice) is shared within the copy. Throws unless the class derives from Cloneable.
  virtual std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const;

  /// Calls function on every module of the tree and returns this module; names are joined with
  /// dots, after name_prefix. The forms that hand out shared_ptrs throw when the module itself is
  /// held by none.
  Module& apply(const ModuleApplyFunction& function, ApplyOrder order = ApplyOrder::PostOrder);
  const Module& apply(const ConstModuleApplyFunction& function,
                      ApplyOrder order = ApplyOrder::PostOrder) const;
  Module& apply(const NamedModuleApplyFunction& function,
                const std::string& name_prefix = std::string(),
                ApplyOrder order = ApplyOrder::PostOrder);
  const Module& apply(const ConstNamedModuleApplyFunction& function,
                      const std::string& name_prefix = std::string(),
                      ApplyOrder order = ApplyOrder::PostOrder) const;
  const Module& apply(const ModulePointerApplyFunction& function,
                      ApplyOrder order = ApplyOrder::PostOrder) const;
  const Module& apply(const NamedModulePointerApplyFunction& function,
                      const std::string& name_prefix = std::string(),
                      ApplyOrder order = ApplyOrder::PostOrder) const;

  /// The defined parameters (buffers) of this module, then of its submodules with recurse.
  std::vector<Tensor> parameters(bool recurse = true) const;
  TensorMap named_parameters(bool recurse = true, bool remove_duplicate = true) const;
  TensorMap named_parameters(const std::string& prefix, bool recurse = true,
                             bool remove_duplicate = true) const;
  TensorMap named_parameters(const char* prefix, bool recurse = true,
                             bool remove_duplicate = true) const {
    return named_parameters(std::string(prefix), recurse, remove_duplicate);
  }
  std::vector<Tensor> buffers(bool recurse = true) const;
  TensorMap named_buffers(bool recurse = true, bool remove_duplicate = true) const;
  TensorMap named_buffers(const std::string& prefix, bool recurse = true,
                          bool remove_duplicate = true) const;
  TensorMap named_buffers(const char* prefix, bool recurse = true,
                          bool remove_duplicate = true) const {
    return named_buffers(std::string(prefix), recurse, remove_duplicate);
  }
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
  /// Puts a submodule at a dotted path, in the place of the one there or as a new one. Throws when
  /// the target is empty, a parent does not exist, or a parameter has the name. The owner's own
  /// holder, if it has one, still refers to the old module.
  template <class ModuleType>
  void set_submodule(std::string_view target, std::shared_ptr<ModuleType> module) {
    place_submodule(target, std::move(module), detail::forward_table_or_null<ModuleType>());
  }
  template <class ModuleType>
  void set_submodule(std::string_view target, const ModuleHolder<ModuleType>& module_holder) {
    set_submodule(target, module_holder.ptr());
  }

  /// The parameters and persistent buffers of the tree under their names after prefix (which ends
  /// in a dot, or is empty), duplicates included. They share memory with the module's; with
  /// keep_vars they are the module's own, else they stand outside the graph.
  StateDict state_dict(const std::string& prefix = std::string(), bool keep_vars = false) const;
  void state_dict(StateDict& destination, const std::string& prefix = std::string(),
                  bool keep_vars = false) const;
  /// Copies a dict's tensors into the module's, outside the graph; with assign the module's tensors
  /// take over the dict's memory and type instead, and keep their identity and requires_grad, but
  /// not their gradients. Throws on another shape, and when strict on missing and unexpected keys,
  /// one error that names all; then nothing has changed.
  IncompatibleKeys load_state_dict(const StateDict& state_dict, bool strict = true,
                                   bool assign = false);
  /// State beside the parameters and buffers, in a tensor of any form; it stands in state dicts as
  /// "_extra_state". An undefined tensor, the default, is none.
  virtual Tensor get_extra_state() const;
  /// Takes over what get_extra_state() gave; throws unless overridden.
  virtual void set_extra_state(const Tensor& state);
  /// Writes state_dict() to the archive, and loads what the archive holds as load_state_dict()
  /// does; taper::save(module, path) and taper::load(module, path) call these.
  virtual void save(serialize::OutputArchive& archive) const;
  virtual void load(serialize::InputArchive& archive);
  /// The version of the form in which the class keeps its state.
  virtual int64_t _version() const;

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
  Module& requires_grad_(bool requires_grad = true);
  /// to(kHalf), to(kBFloat16), to(kCPU).
  void half() { to(kHalf); }
  void bfloat16() { to(kBFloat16); }
  void cpu() { to(Device(kCPU)); }

  /// Hooks around the calls of this module (nn::call, a holder's call operator). See HookKind for
  /// what each sees and may return: nothing, or what replaces a value.
  template <class Hook>
  RemovableHandle register_forward_pre_hook(Hook hook, HookOptions options = {}) {
    return add_hook(HookKind::kForwardPre, detail::make_hook<ForwardPreHook>(std::move(hook)),
                    typeid(Hook), options);
  }
  template <class Hook>
  RemovableHandle register_forward_hook(Hook hook, HookOptions options = {}) {
    return add_hook(HookKind::kForward, detail::make_hook<ForwardHook>(std::move(hook)),
                    typeid(Hook), options);
  }
  template <class Hook>
  RemovableHandle register_full_backward_pre_hook(Hook hook, HookOptions options = {}) {
    return add_hook(HookKind::kFullBackwardPre,
                    detail::make_hook<FullBackwardPreHook>(std::move(hook)), typeid(Hook), options);
  }
  template <class Hook>
  RemovableHandle register_full_backward_hook(Hook hook, HookOptions options = {}) {
    return add_hook(HookKind::kFullBackward, detail::make_hook<FullBackwardHook>(std::move(hook)),
                    typeid(Hook), options);
  }
  /// Hooks around state_dict() and load_state_dict().
  template <class Hook>
  RemovableHandle register_state_dict_pre_hook(Hook hook) {
    return add_hook(HookKind::kStateDictPre, detail::make_hook<StateDictPreHook>(std::move(hook)),
                    typeid(Hook), {});
  }
  template <class Hook>
  RemovableHandle register_state_dict_post_hook(Hook hook) {
    return add_hook(HookKind::kStateDict, detail::make_hook<StateDictHook>(std::move(hook)),
                    typeid(Hook), {});
  }
  template <class Hook>
  RemovableHandle register_load_state_dict_pre_hook(Hook hook) {
    return add_hook(HookKind::kLoadStateDictPre,
                    detail::make_hook<LoadStateDictPreHook>(std::move(hook)), typeid(Hook), {});
  }
  template <class Hook>
  RemovableHandle register_load_state_dict_post_hook(Hook hook) {
    return add_hook(HookKind::kLoadStateDictPost,
                    detail::make_hook<LoadStateDictPostHook>(std::move(hook)), typeid(Hook), {});
  }
  /// The module's hooks, each kind in the order in which they run.
  std::vector<HookInfo> hooks() const;

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

  /// Adds a parameter and sets its requires_grad (a Parameter keeps its own); an undefined one
  /// keeps its place and is skipped. Throws on an empty name, one with a dot, one that is taken,
  /// and a tensor that an op made.
  Tensor& register_parameter(std::string name, Tensor tensor, bool requires_grad = true);
  Tensor& register_parameter(std::string name, const Parameter& parameter) {
    return register_parameter(std::move(name), static_cast<const Tensor&>(parameter),
                              parameter.requires_grad());
  }
  /// As above, and sets a member of this module to the parameter, which forward() is to read:
  /// functional_call() and the parametrizations of nn::utils point it elsewhere.
  Tensor& register_parameter(std::string name, Tensor* member, Tensor tensor,
                             bool requires_grad = true);
  /// Adds a tensor that is no parameter. State dicts leave out the ones that are not persistent.
  Tensor& register_buffer(std::string name, Tensor tensor, bool persistent = true);
  Tensor& register_buffer(std::string name, const Buffer& buffer) {
    return register_buffer(std::move(name), static_cast<const Tensor&>(buffer),
                           buffer.persistent());
  }
  Tensor& register_buffer(std::string name, Tensor* member, Tensor tensor, bool persistent = true);
  /// Puts another tensor in the place of one, and in its member where that is known, and returns
  /// it; a buffer stays persistent or not. Throws when there is none of this name.
  Tensor& replace_parameter(const std::string& name, Tensor tensor, bool requires_grad = true);
  Tensor& replace_parameter(const std::string& name, const Parameter& parameter) {
    return replace_parameter(name, static_cast<const Tensor&>(parameter),
                             parameter.requires_grad());
  }
  Tensor& replace_buffer(const std::string& name, Tensor tensor);
  /// Throw when there is none of this name.
  void unregister_parameter(const std::string& name);
  void unregister_buffer(const std::string& name);
  /// Adds a submodule and returns it.
  template <class ModuleType>
  std::shared_ptr<ModuleType> register_module(std::string name,
                                              std::shared_ptr<ModuleType> module) {
    return std::dynamic_pointer_cast<ModuleType>(
        add_child(std::move(name), std::move(module), nullptr, &cast_child<ModuleType>));
  }
  template <class ModuleType>
  std::shared_ptr<ModuleType> register_module(std::string name,
                                              ModuleHolder<ModuleType> module_holder) {
    return register_module(std::move(name), module_holder.ptr());
  }
  /// As register_module, under Python's name.
  template <class ModuleType>
  auto add_module(std::string name, ModuleType module) {
    return register_module(std::move(name), std::move(module));
  }
  /// Puts another submodule in the place of one; throws when there is none of this name.
  template <class ModuleType>
  std::shared_ptr<ModuleType> replace_module(const std::string& name,
                                             std::shared_ptr<ModuleType> module) {
    return std::dynamic_pointer_cast<ModuleType>(
        replace_child(name, std::move(module), detail::forward_table_or_null<ModuleType>(),
                      &cast_child<ModuleType>));
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

  friend std::ostream& operator<<(std::ostream& stream, const Module& module);

 protected:
  /// The direct submodules under every name, duplicates included.
  const ModuleMap& own_children() const { return children_; }
  /// Replaces them all, for containers that renumber.
  void set_children(ModuleMap children) { children_ = std::move(children); }
  /// Called after a submodule was added, replaced or removed; a container that lists its submodules
  /// brings its list up to date. table says how to call the new one, if that is known.
  virtual void children_changed(const detail::ForwardTable* table);
  /// Where forward() finds the tensor that was registered under this name: the member it was
  /// registered with, or null. A class that keeps its tensors in a container overrides it.
  virtual Tensor* tensor_member(const std::string& name);
  /// Whether equal neighbours print as one line: (0-2): 3 x Linear(...).
  virtual bool prints_runs() const;

  TensorMap parameters_{"Parameter"};

 private:
  template <class Derived>
  friend class Cloneable;
  friend class detail::CloneScope;
  friend bool detail::has_call_hooks(const Module& module);
  friend const Module* detail::enter_call(const Module& module);
  friend void detail::collect_hooks(const Module& module, HookKind kind,
                                    std::vector<detail::HookSet::Entry>& to);
  friend std::shared_ptr<detail::HookSet> detail::hook_set(Module& module);
  friend struct detail::ModuleAccess;

  using Visit = Function<void(const std::string&, Module&, const std::shared_ptr<Module>&)>;

  /// Copies other, which has the same type, into this.
  virtual void clone_(const Module& other, const std::optional<Device>& device);
  std::shared_ptr<Module> self() const;
  void visit(const Visit& function, const std::string& name, const std::shared_ptr<Module>& pointer,
             ApplyOrder order) const;
  // The type that a submodule was given as, which one that a hook registers instead must have too.
  using CastChild = const std::type_info* (*)(const Module* child);
  /// Null when the child is a ModuleType, else that type.
  template <class ModuleType>
  static const std::type_info* cast_child(const Module* child) {
    return dynamic_cast<const ModuleType*>(child) != nullptr ? nullptr : &typeid(ModuleType);
  }
  std::shared_ptr<Module> hooked_child(const std::string& name, std::shared_ptr<Module> module,
                                       CastChild cast);
  std::shared_ptr<Module> add_child(std::string name, std::shared_ptr<Module> module,
                                    const detail::ForwardTable* table, CastChild cast);
  std::shared_ptr<Module> replace_child(const std::string& name, std::shared_ptr<Module> module,
                                        const detail::ForwardTable* table, CastChild cast);
  void place_submodule(std::string_view target, std::shared_ptr<Module> module,
                       const detail::ForwardTable* table);
  RemovableHandle add_hook(HookKind kind, std::shared_ptr<const void> function,
                           const std::type_info& callable, HookOptions options);
  struct StateLoad;
  void check_name(const std::string& kind, const std::string& name, const TensorMap* own) const;
  void bind_member(const std::string& name, Tensor* member);
  void check_parameter(const std::string& name, const Tensor& tensor, bool requires_grad) const;
  template <class Change>
  void change_tensors(const Change& change);
  std::string tree_text() const;
  struct Walk;

  TensorMap buffers_{"Buffer"};
  ModuleMap children_{"Submodule"};
  std::vector<std::string> transient_buffers_;
  detail::ModuleIdentity identity_;
  detail::TensorMembers members_;
  detail::DerivedTensors derived_;
  mutable std::optional<std::string> name_;
  bool is_training_ = true;
};

/// Prints the tree, a line for each module: the type, its arguments, its children indented.
std::ostream& operator<<(std::ostream& stream, const Module& module);

}  // namespace nn
}  // namespace taper
