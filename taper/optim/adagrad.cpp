#include "taper/optim/adagrad.h"

#include "taper/optim/step.h"

namespace taper::optim {
namespace {

struct AdagradRule {
  using Options = AdagradOptions;
  using State = AdagradParamState;
  using Args = AdagradArgs;

  explicit AdagradRule(const Options& o) : args{o.eps(), o.weight_decay(), o.maximize()}, o(o) {}

  void place(State& s, StatePlaces places) const {
    const bool first = !s.sum().defined();
    places.set(0, s.sum(), false);
    if (first) s.sum().fill_(o.initial_accumulator_value());
  }
  void advance(State* s, StepTensor& entry) const {
    entry.scalar[0] = o.lr() / (1 + static_cast<double>(s->step()) * o.lr_decay());
    ++s->step();
  }

  Args args;
  const Options& o;
};

struct RMSpropRule {
  using Options = RMSpropOptions;
  using State = RMSpropParamState;
  using Args = RMSpropArgs;

  explicit RMSpropRule(const Options& o)
      : args{o.lr(), o.alpha(), o.eps(), o.weight_decay(), o.momentum(), o.maximize()},
        centered(o.centered()) {}

  void place(State& s, StatePlaces places) const {
    places.set(0, s.square_avg());
    if (args.momentum > 0) places.set(1, s.momentum_buffer());
    if (centered) places.set(2, s.grad_avg());
  }
  void advance(State* s, StepTensor&) const { ++s->step(); }

  Args args;
  bool centered;
};

struct AdadeltaRule {
  using Options = AdadeltaOptions;
  using State = AdadeltaParamState;
  using Args = AdadeltaArgs;

  explicit AdadeltaRule(const Options& o)
      : args{o.lr(), o.rho(), o.eps(), o.weight_decay(), o.maximize()} {}

  void place(State& s, StatePlaces places) const {
    places.set(0, s.square_avg());
    places.set(1, s.acc_delta());
  }
  void advance(State* s, StepTensor&) const { ++s->step(); }

  Args args;
};

/// As in Python, where a dict without states cannot be continued from.
void make_states(Optimizer& optimizer) {
  size_t index = 0;
  Staging staging;
  std::vector<Tensor*> made;
  for (const OptimizerParamGroup& group : optimizer.param_groups()) {
    const AdagradRule rule(options_of<AdagradOptions>(group));
    for (const Tensor& param : group.params()) {
      auto& state = state_in<AdagradParamState>(optimizer.state().at(index++, param));
      StepTensor entry;
      rule.place(state, StatePlaces{entry, *staging.stage(param, param.detach()).param, made});
    }
  }
}

}  // namespace

Adagrad::Adagrad(std::vector<OptimizerParamGroup> param_groups, AdagradOptions defaults)
    : OptimizerOf(std::move(param_groups), defaults) {
  make_states(*this);
}

Adagrad::Adagrad(std::vector<Tensor> params, AdagradOptions defaults)
    : OptimizerOf(std::move(params), defaults) {
  make_states(*this);
}

Adagrad::Adagrad(const OrderedDict<std::string, Tensor>& named_params, AdagradOptions defaults)
    : OptimizerOf(named_params, defaults) {
  make_states(*this);
}

void AdagradOptions::check() const {
  check_common("Adagrad", lr_, eps_, weight_decay_);
  check_setting(lr_decay_ >= 0, "Adagrad", "lr_decay value", lr_decay_);
  check_setting(initial_accumulator_value_ >= 0, "Adagrad", "initial_accumulator_value value",
                initial_accumulator_value_);
}

void AdagradOptions::fields(Fields& f) {
  f("lr", lr_);
  f("lr_decay", lr_decay_);
  f("eps", eps_);
  f("weight_decay", weight_decay_);
  f("initial_accumulator_value", initial_accumulator_value_);
  f("maximize", maximize_, Fields::kOptional);
}

void AdagradParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("sum", sum_);
}

Tensor Adagrad::step(LossClosure closure) { return fused_step<AdagradRule>(*this, closure); }

void RMSpropOptions::check() const {
  check_common("RMSprop", lr_, eps_, weight_decay_);
  check_setting(momentum_ >= 0, "RMSprop", "momentum value", momentum_);
  check_setting(alpha_ >= 0, "RMSprop", "alpha value", alpha_);
}

void RMSpropOptions::fields(Fields& f) {
  f("lr", lr_);
  f("momentum", momentum_, Fields::kOptional);
  f("alpha", alpha_);
  f("eps", eps_);
  f("centered", centered_, Fields::kOptional);
  f("weight_decay", weight_decay_);
  f("maximize", maximize_, Fields::kOptional);
}

void RMSpropParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("square_avg", square_avg_);
  f.buffer("momentum_buffer", momentum_buffer_, Fields::kOptional);
  f.buffer("grad_avg", grad_avg_, Fields::kOptional);
}

Tensor RMSprop::step(LossClosure closure) { return fused_step<RMSpropRule>(*this, closure); }

void AdadeltaOptions::check() const {
  check_common("Adadelta", lr_, eps_, weight_decay_);
  check_setting(rho_ >= 0 && rho_ <= 1, "Adadelta", "rho value", rho_);
}

void AdadeltaOptions::fields(Fields& f) {
  f("lr", lr_);
  f("rho", rho_);
  f("eps", eps_);
  f("weight_decay", weight_decay_);
  f("maximize", maximize_, Fields::kOptional);
}

void AdadeltaParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("square_avg", square_avg_);
  f.buffer("acc_delta", acc_delta_);
}

Tensor Adadelta::step(LossClosure closure) { return fused_step<AdadeltaRule>(*this, closure); }

TAPER_OPTIMIZER_COMPILED_ONCE(, AdagradOptions, AdagradParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, RMSpropOptions, RMSpropParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, AdadeltaOptions, AdadeltaParamState);

}  // namespace taper::optim
