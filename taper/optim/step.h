#pragma once

#include <cmath>
#include <typeinfo>
#include <vector>

#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"
#include "taper/kernel/optim.h"
#include "taper/optim/optimizer.h"
#include "taper/tensor/tensor.h"

// What the fused steps share.
namespace taper::optim {

/// The gradient of a parameter, or null when it has none.
inline const Tensor* gradient_of(const Tensor& param) {
  const VariableState* state = VariableState::of(param.impl());
  return state != nullptr && state->grad.defined() ? &state->grad : nullptr;
}

/// Makes the tensors of one parameter fit for a fused kernel: one type, one dense geometry. Those
/// that fit are used as they are; for the others copies live until finish(), which writes
/// strided parameters back.
class Staging {
 public:
  /// param and grad of one parameter, ready for the kernel.
  struct Ready {
    const TensorImpl* param;
    const TensorImpl* grad;
  };
  Ready stage(const Tensor& param, const Tensor& grad) {
    const TensorImpl& p = param.impl();
    const TensorImpl& g = grad.impl();
    if (p.is_contiguous() && is_fast(g, p) && isFloatingType(p.dtype())) [[likely]]
      return {&p, &g};
    return stage_copies(param, grad);
  }
  /// A state tensor with the geometry and type of a staged parameter: made when undefined
  /// (zeros, or uninitialised), converted when it does not fit.
  static const TensorImpl* state(Tensor& state, const TensorImpl& param, bool zeros = true) {
    if (state.defined() && param.is_contiguous() && is_fast(state.impl(), param)) [[likely]]
      return state.impl_ptr();
    return fit(state, param, zeros);
  }
  /// Forgets what an update that threw has left.
  void start() {
    written_.clear();
    read_.clear();
  }
  void finish();

 private:
  static bool is_fast(const TensorImpl& t, const TensorImpl& param) {
    return t.is_contiguous() && t.dtype() == param.dtype() && t.sizes() == param.sizes();
  }
  struct Copy {
    Tensor param, copy;
  };
  Ready stage_copies(const Tensor& param, const Tensor& grad);
  static const TensorImpl* fit(Tensor& state, const TensorImpl& param, bool zeros);

  std::vector<Copy> written_;
  std::vector<Tensor> read_;
};

/// The options of a group; throws when they are another optimizer's.
template <class Options>
const Options& options_of(const OptimizerParamGroup& group) {
  const OptimizerOptions& options = group.options();
  TAPER_CHECK_AS(ConfigError, typeid(options) == typeid(Options),
                 "Optimizer: a parameter group has another optimizer's options");
  return static_cast<const Options&>(options);
}

/// The state in a slot, made when there is none; throws when it is another optimizer's.
template <class State>
State& state_in(std::unique_ptr<OptimizerParamState>& slot) {
  if (!slot) slot = std::make_unique<State>();
  const OptimizerParamState& state = *slot;
  TAPER_CHECK_AS(ConfigError, typeid(state) == typeid(State),
                 "Optimizer: a parameter has another optimizer's state");
  return static_cast<State&>(*slot);
}

/// The places of a rule's states in one entry of a fused step; made lists the new ones.
struct StatePlaces {
  StepTensor& entry;
  const TensorImpl& param;
  std::vector<Tensor*>& made;
  void set(int i, Tensor& state, bool zeros = true) const {
    if (!state.defined()) [[unlikely]]
      made.push_back(&state);
    entry.state[i] = View(Staging::state(state, param, zeros));
    entry.state[i].impl()->bump_version();
  }
};

namespace detail {

/// What a step needs and the next one finds again.
struct StepScratch {
  std::vector<StepTensor> entries;
  std::vector<OptimizerParamState*> states;
  std::vector<size_t> ends;  // of each group's entries
  std::vector<Tensor*> made;
  std::vector<OptimizerParamState*> made_states;
  Staging staging;
  void start();
  /// After a failure: forgets the states that the step made, for they hold nothing yet.
  void undo(OptimizerStates& states);
};

struct StepAccess {
  static StepScratch& scratch(Optimizer& optimizer) {
    if (!optimizer.scratch_) optimizer.scratch_ = std::make_unique<StepScratch>();
    optimizer.scratch_->start();
    return *optimizer.scratch_;
  }
  static Tensor begin(Optimizer& optimizer, const Optimizer::LossClosure& closure) {
    return optimizer.begin_step(closure);
  }
  static void end(Optimizer& optimizer) { optimizer.end_step(); }
};

}  // namespace detail

template <class Rule>
bool keeps_state(const Rule& rule) {
  if constexpr (requires { rule.keeps_state(); }) return rule.keeps_state();
  return true;
}

/// Finds the tensors of all groups' steps; all that can fail does so here.
template <class Rule>
void stage_step(Optimizer& optimizer, detail::StepScratch& scratch) {
  using State = typename Rule::State;
  size_t index = 0;
  for (const OptimizerParamGroup& group : optimizer.param_groups()) {
    const Rule rule(options_of<typename Rule::Options>(group));
    for (const Tensor& param : group.params()) {
      std::unique_ptr<OptimizerParamState>& slot = optimizer.state().at(index++, param);
      const Tensor* grad = gradient_of(param);
      if (grad == nullptr) continue;
      const auto [p, g] = scratch.staging.stage(param, *grad);
      StepTensor& entry = scratch.entries.emplace_back();
      entry.param = View(p);
      entry.grad = ConstView(g);
      p->bump_version();
      State* state = nullptr;
      if (keeps_state(rule)) {
        const bool is_new = slot == nullptr;
        state = &state_in<State>(slot);
        if (is_new) scratch.made_states.push_back(state);
        rule.place(*state, StatePlaces{entry, *p, scratch.made});
      }
      scratch.states.push_back(state);
    }
    scratch.ends.push_back(scratch.entries.size());
  }
}

/// One step of an optimizer whose elements do not depend on each other. A rule is made from a
/// group's options and says
///   Options, State, Args            its types,
///   args                            what the kernel is to know of the group,
///   keeps_state()                   whether parameters have a state (without it they do),
///   place(State&, StatePlaces)      which of the state's tensors the kernel updates,
///   advance(State*, StepTensor&)    the numbers of one step; must not throw.
template <class Rule>
Tensor fused_step(Optimizer& optimizer, const Optimizer::LossClosure& closure) {
  Tensor loss = detail::StepAccess::begin(optimizer, closure);
  NoGradGuard no_grad;
  detail::StepScratch& scratch = detail::StepAccess::scratch(optimizer);
  try {
    stage_step<Rule>(optimizer, scratch);
  } catch (...) {
    scratch.undo(optimizer.state());
    throw;
  }
  size_t first = 0, group = 0;
  for (const size_t end : scratch.ends) {
    Rule rule(options_of<typename Rule::Options>(optimizer.param_groups()[group++]));
    for (size_t i = first; i < end; ++i) {
      rule.advance(static_cast<typename Rule::State*>(scratch.states[i]), scratch.entries[i]);
    }
    if (end > first) {
      const ArrayRef<StepTensor> entries(scratch.entries.data() + first, end - first);
      optimizer_step_kernel<typename Rule::Args>(entries[0].param.device(), rule.args, entries);
    }
    first = end;
  }
  scratch.staging.finish();
  detail::StepAccess::end(optimizer);
  return loss;
}

/// 1 - beta^step of two betas, computed anew only when the count is another than before: most
/// parameters of a group share it.
class BiasCorrections {
 public:
  BiasCorrections(double beta1, double beta2) : beta1_(beta1), beta2_(beta2) {}
  /// Whether the values changed.
  bool set(int64_t step) {
    if (step == step_) [[likely]]
      return false;
    step_ = step;
    first = 1 - std::pow(beta1_, static_cast<double>(step));
    second = 1 - std::pow(beta2_, static_cast<double>(step));
    return true;
  }
  double first = 1, second = 1;

 private:
  double beta1_, beta2_;
  int64_t step_ = -1;
};

/// The checks of settings, with Python's words.
inline void check_setting(bool is_valid, const char* optimizer, const char* what, double value) {
  TAPER_CHECK_AS(ConfigError, is_valid, optimizer, ": Invalid ", what, ": ", value);
}
inline void check_betas(const char* optimizer, const std::tuple<double, double>& betas) {
  const auto [first, second] = betas;
  check_setting(first >= 0 && first < 1, optimizer, "beta parameter at index 0", first);
  check_setting(second >= 0 && second < 1, optimizer, "beta parameter at index 1", second);
}
inline void check_common(const char* optimizer, double lr, double eps, double weight_decay) {
  check_setting(lr >= 0, optimizer, "learning rate", lr);
  check_setting(eps >= 0, optimizer, "epsilon value", eps);
  check_setting(weight_decay >= 0, optimizer, "weight_decay value", weight_decay);
}

}  // namespace taper::optim
