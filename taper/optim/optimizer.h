#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taper/base/arg.h"
#include "taper/base/function.h"
#include "taper/base/ordered_dict.h"
#include "taper/optim/fields.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace serialize {
class InputArchive;
class OutputArchive;
}  // namespace serialize
namespace optim {

/// What an optimizer remembers of one parameter; each optimizer derives its own.
class OptimizerParamState {
 public:
  virtual ~OptimizerParamState() = default;
  virtual std::unique_ptr<OptimizerParamState> clone() const;
  /// Walks the members that state dicts keep, under Python's names.
  virtual void fields(Fields& fields);
};

template <class Derived>
class OptimizerCloneableParamState : public OptimizerParamState {
 public:
  std::unique_ptr<OptimizerParamState> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
};

/// The settings of a parameter group; each optimizer derives its own.
class OptimizerOptions {
 public:
  virtual ~OptimizerOptions() = default;
  virtual std::unique_ptr<OptimizerOptions> clone() const;
  /// The learning rate; throws where the optimizer has none.
  virtual double get_lr() const;
  virtual void set_lr(double lr);
  /// Throws ConfigError when a setting is out of range.
  virtual void check() const {}
  /// Walks the members that state dicts keep, under Python's names.
  virtual void fields(Fields& fields);
};

/// Options with a member lr need not say how to read and set it.
template <class Derived>
class OptimizerCloneableOptions : public OptimizerOptions {
 public:
  std::unique_ptr<OptimizerOptions> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
  double get_lr() const override {
    if constexpr (requires(const Derived& d) { d.lr(); }) {
      return static_cast<const Derived&>(*this).lr();
    } else {
      return OptimizerOptions::get_lr();
    }
  }
  void set_lr(double lr) override {
    if constexpr (requires(Derived & d) { d.lr(lr); }) {
      static_cast<Derived&>(*this).lr(lr);
    } else {
      OptimizerOptions::set_lr(lr);
    }
  }
};

/// Parameters that are updated with the same options.
class OptimizerParamGroup {
 public:
  OptimizerParamGroup(std::vector<Tensor> params) : params_(std::move(params)) {}
  OptimizerParamGroup(std::vector<Tensor> params, std::unique_ptr<OptimizerOptions> options)
      : params_(std::move(params)), options_(std::move(options)) {}
  /// With names (as of Module::named_parameters()), by which state dicts are then matched.
  OptimizerParamGroup(const OrderedDict<std::string, Tensor>& named_params,
                      std::unique_ptr<OptimizerOptions> options = nullptr);
  OptimizerParamGroup(const OptimizerParamGroup& other);
  OptimizerParamGroup& operator=(const OptimizerParamGroup& other);
  OptimizerParamGroup(OptimizerParamGroup&&) = default;
  OptimizerParamGroup& operator=(OptimizerParamGroup&&) = default;

  bool has_options() const { return options_ != nullptr; }
  /// Throws when the group has none.
  OptimizerOptions& options();
  const OptimizerOptions& options() const;
  void set_options(std::unique_ptr<OptimizerOptions> options) { options_ = std::move(options); }
  std::vector<Tensor>& params() { return params_; }
  const std::vector<Tensor>& params() const { return params_; }
  /// The parameters' names; empty when they have none.
  const std::vector<std::string>& param_names() const { return names_; }

  /// Numbers that schedulers keep in a group, by Python's names ("initial_lr"); null when absent.
  const double* find_number(std::string_view name) const;
  void set_number(std::string_view name, double value);
  using Numbers = std::vector<std::pair<std::string, double>>;
  const Numbers& numbers() const { return numbers_; }
  void set_numbers(Numbers numbers) { numbers_ = std::move(numbers); }

 private:
  std::vector<Tensor> params_;
  std::unique_ptr<OptimizerOptions> options_;
  std::vector<std::string> names_;
  Numbers numbers_;
};

/// The states of an optimizer by parameter. They lie in the order of the parameters, so that a
/// step looks nothing up.
class OptimizerStates {
 public:
  struct Slot {
    Tensor param;
    std::unique_ptr<OptimizerParamState> state;  // null before the parameter's first step
  };

  /// Parameters that have a state.
  size_t size() const;
  bool empty() const { return size() == 0; }
  bool contains(const Tensor& param) const;
  /// The state of a parameter, null when it has none yet.
  OptimizerParamState* find(const Tensor& param) const;
  /// The place of a parameter's state, made empty when there is none.
  std::unique_ptr<OptimizerParamState>& operator[](const Tensor& param);
  /// Forgets every state, or one parameter's.
  void clear() { slots_.clear(); }
  void erase(const Tensor& param);
  /// All places, some with a null state.
  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }

  /// The place of the i-th parameter, counted over all groups.
  std::unique_ptr<OptimizerParamState>& at(size_t i, const Tensor& param) {
    if (i < slots_.size() && slots_[i].param.is_same(param)) [[likely]]
      return slots_[i].state;
    return move_to(i, param);
  }

 private:
  std::unique_ptr<OptimizerParamState>& move_to(size_t i, const Tensor& param);

  std::vector<Slot> slots_;
};

namespace detail {
struct StepScratch;
struct StepAccess;
}  // namespace detail

/// Base of all optimizers: parameter groups, their options, and a state per parameter.
class Optimizer {
 public:
  /// A loss that is computed anew, with its gradients, when a step asks for it.
  using LossClosure = Function<Tensor()>;

  /// Throws on an empty list, on a parameter that is no leaf, and on one that comes twice. A group
  /// without options gets the defaults.
  explicit Optimizer(std::vector<OptimizerParamGroup> param_groups,
                     std::unique_ptr<OptimizerOptions> defaults);
  explicit Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) noexcept;
  virtual ~Optimizer();

  /// Updates every parameter that has a gradient. With a closure, calls it first (gradients on)
  /// and returns its loss.
  virtual Tensor step(LossClosure closure = nullptr) = 0;
  /// Drops the gradients of all parameters, or fills them with zeros.
  void zero_grad(bool set_to_none = true);

  void add_param_group(const OptimizerParamGroup& param_group);
  /// Adds parameters to the first group, which must have no names.
  void add_parameters(const std::vector<Tensor>& parameters);
  /// The parameters of the first group.
  const std::vector<Tensor>& parameters() const;
  std::vector<Tensor>& parameters();
  /// Number of parameters in all groups.
  size_t size() const;

  OptimizerOptions& defaults() { return *defaults_; }
  const OptimizerOptions& defaults() const { return *defaults_; }
  std::vector<OptimizerParamGroup>& param_groups() { return param_groups_; }
  const std::vector<OptimizerParamGroup>& param_groups() const { return param_groups_; }
  OptimizerStates& state() { return state_; }
  const OptimizerStates& state() const { return state_; }

  /// What Python's state_dict() holds: {"state": {index: {name: tensor or number}},
  /// "param_groups": [{option: value, ..., "params": [index, ...]}]}. Tensors share memory with
  /// the optimizer's.
  IValue state_dict() const;
  /// Takes over copies of what Taper's or Python's state_dict() gave for the same optimizer over
  /// the same parameters in the same order; where both sides know names, states go to the names.
  /// Throws ConfigError or ShapeError on other groups, names, keys, kinds, sizes and settings; then
  /// nothing has changed.
  void load_state_dict(const IValue& state_dict);
  /// Writes state_dict() to the archive, and loads what the archive holds as load_state_dict()
  /// does; taper::save(optimizer, path) and taper::load(optimizer, path) call these.
  void save(serialize::OutputArchive& archive) const;
  void load(serialize::InputArchive& archive);

  /// Calls hook(optimizer) before (after) every step; the id goes to remove_hook().
  using StepHook = Function<void(Optimizer&)>;
  int64_t register_step_pre_hook(StepHook hook);
  int64_t register_step_post_hook(StepHook hook);
  /// Calls hook(optimizer) before state_dict(), and hook(optimizer, dict), which may change the
  /// dict, on what it gives. With prepend before the hooks that are there.
  using StateDictPreHook = Function<void(const Optimizer&)>;
  using StateDictPostHook = Function<void(const Optimizer&, IValue& state_dict)>;
  int64_t register_state_dict_pre_hook(StateDictPreHook hook, bool prepend = false);
  int64_t register_state_dict_post_hook(StateDictPostHook hook, bool prepend = false);
  /// Calls hook(optimizer, dict) before load_state_dict() reads the dict, a copy which the hook may
  /// change, and hook(optimizer) after it has loaded.
  using LoadStateDictPreHook = Function<void(Optimizer&, IValue& state_dict)>;
  using LoadStateDictPostHook = Function<void(Optimizer&)>;
  int64_t register_load_state_dict_pre_hook(LoadStateDictPreHook hook, bool prepend = false);
  int64_t register_load_state_dict_post_hook(LoadStateDictPostHook hook, bool prepend = false);
  void remove_hook(int64_t id);
  /// Steps so far; -1 when the optimizer does not count them.
  int64_t step_calls() const { return step_calls_; }

 protected:
  /// Calls the closure, if any, with gradients on.
  static Tensor call(const LossClosure& closure);
  /// An empty state, into which load_state_dict() reads one parameter's.
  virtual std::unique_ptr<OptimizerParamState> new_state() const;
  /// What a step begins and ends with: the hooks, and the closure.
  Tensor begin_step(const LossClosure& closure);
  void end_step();

  int64_t step_calls_ = -1;

  std::vector<OptimizerParamGroup> param_groups_;
  OptimizerStates state_;
  std::unique_ptr<OptimizerOptions> defaults_;

 private:
  friend struct detail::StepAccess;
  struct StateLoad;
  enum class HookKind { kStepPre, kStepPost, kSavePre, kSavePost, kLoadPre, kLoadPost };
  struct Hook {
    int64_t id;
    HookKind kind;
    Function<void(Optimizer&, IValue* state_dict)> call;
  };
  void check_param(const Tensor& param) const;
  template <class F>
  int64_t add_hook(HookKind kind, F hook, bool prepend = false);
  void run_hooks(HookKind kind, IValue* state_dict = nullptr);
  IValue pack_state() const;
  void load_state(const IValue& state_dict);

  std::unique_ptr<detail::StepScratch> scratch_;
  std::vector<Hook> hooks_;
  int64_t last_hook_ = 0;
};

namespace detail {

/// An optimizer with options and states of one type each.
template <class Options, class State>
class OptimizerOf : public Optimizer {
 public:
  /// Throws when a setting is out of range, and what Optimizer's constructor throws.
  explicit OptimizerOf(std::vector<OptimizerParamGroup> param_groups, Options defaults = {})
      : Optimizer(std::move(param_groups), std::make_unique<Options>(std::move(defaults))) {
    step_calls_ = 0;
  }
  explicit OptimizerOf(std::vector<Tensor> params, Options defaults = {})
      : Optimizer(std::move(params), std::make_unique<Options>(std::move(defaults))) {
    step_calls_ = 0;
  }
  explicit OptimizerOf(const OrderedDict<std::string, Tensor>& named_params, Options defaults = {})
      : OptimizerOf(std::vector<OptimizerParamGroup>{OptimizerParamGroup(named_params)},
                    std::move(defaults)) {}

 protected:
  std::unique_ptr<OptimizerParamState> new_state() const override {
    return std::make_unique<State>();
  }
};

}  // namespace detail

}  // namespace optim
}  // namespace taper

/// For an optimizer of the library: what its options, state and base need is compiled once, where
/// its source says this without `extern`, and not by every program.
#define TAPER_OPTIMIZER_COMPILED_ONCE(extern, Options, State) \
  extern template class OptimizerCloneableOptions<Options>;   \
  extern template class OptimizerCloneableParamState<State>;  \
  extern template class detail::OptimizerOf<Options, State>
