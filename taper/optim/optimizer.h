#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "taper/base/arg.h"
#include "taper/base/function.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace optim {

/// What an optimizer remembers of one parameter; each optimizer derives its own.
class OptimizerParamState {
 public:
  virtual ~OptimizerParamState() = default;
  virtual std::unique_ptr<OptimizerParamState> clone() const;
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
};

template <class Derived>
class OptimizerCloneableOptions : public OptimizerOptions {
 public:
  std::unique_ptr<OptimizerOptions> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
};

/// Parameters that are updated with the same options.
class OptimizerParamGroup {
 public:
  OptimizerParamGroup(std::vector<Tensor> params) : params_(std::move(params)) {}
  OptimizerParamGroup(std::vector<Tensor> params, std::unique_ptr<OptimizerOptions> options)
      : params_(std::move(params)), options_(std::move(options)) {}
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

 private:
  std::vector<Tensor> params_;
  std::unique_ptr<OptimizerOptions> options_;
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

/// Base of all optimizers: parameter groups, their options, and a state per parameter.
class Optimizer {
 public:
  /// A loss that is computed anew, with its gradients, when a step asks for it.
  using LossClosure = Function<Tensor()>;

  /// Throws on an empty list, on a parameter that is no leaf, and on one that comes twice in
  /// different groups. A group without options gets the defaults.
  explicit Optimizer(std::vector<OptimizerParamGroup> param_groups,
                     std::unique_ptr<OptimizerOptions> defaults);
  explicit Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) = default;
  virtual ~Optimizer();

  /// Updates every parameter that has a gradient. With a closure, calls it first (gradients on)
  /// and returns its loss.
  virtual Tensor step(LossClosure closure = nullptr) = 0;
  /// Drops the gradients of all parameters, or fills them with zeros.
  void zero_grad(bool set_to_none = true);

  void add_param_group(const OptimizerParamGroup& param_group);
  /// Adds parameters to the first group.
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

 protected:
  /// Calls the closure, if any, with gradients on.
  static Tensor call(const LossClosure& closure);

  std::vector<OptimizerParamGroup> param_groups_;
  OptimizerStates state_;
  std::unique_ptr<OptimizerOptions> defaults_;

 private:
  void check_param(const Tensor& param) const;
};

}  // namespace optim
}  // namespace taper
