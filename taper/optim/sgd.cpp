#include "taper/optim/sgd.h"

#include <algorithm>

#include "taper/optim/step.h"

namespace taper::optim {
namespace {

struct SGDRule {
  using Options = SGDOptions;
  using State = SGDParamState;
  using Args = SgdArgs;

  explicit SGDRule(const Options& o)
      : args{o.lr(), o.momentum(), o.dampening(), o.weight_decay(), o.nesterov(), o.maximize()} {}

  bool keeps_state() const { return args.momentum != 0; }
  void place(State& s, StatePlaces places) const {
    // An empty buffer becomes the gradient.
    places.entry.scalar[0] = !s.momentum_buffer().defined();
    places.set(0, s.momentum_buffer(), false);
  }
  void advance(State*, StepTensor&) const {}

  Args args;
};

struct ASGDRule {
  using Options = ASGDOptions;
  using State = ASGDParamState;
  using Args = AsgdArgs;

  explicit ASGDRule(const Options& o) : args{o.lambd(), o.weight_decay(), o.maximize()}, o(o) {}

  void place(State& s, StatePlaces places) const { places.set(0, s.ax()); }
  void advance(State* s, StepTensor& entry) const {
    if (s->step() == 0) s->eta(o.lr());
    entry.scalar[0] = s->eta();
    entry.scalar[1] = s->mu();
    const double step = static_cast<double>(++s->step());
    s->eta(o.lr() / std::pow(1 + o.lambd() * o.lr() * step, o.alpha()));
    s->mu(1 / std::max(1.0, step - o.t0()));
  }

  Args args;
  const Options& o;
};

struct RpropRule {
  using Options = RpropOptions;
  using State = RpropParamState;
  using Args = RpropArgs;

  explicit RpropRule(const Options& o)
      : args{std::get<0>(o.etas()), std::get<1>(o.etas()), std::get<0>(o.step_sizes()),
             std::get<1>(o.step_sizes()), o.maximize()},
        lr(o.lr()) {}

  void place(State& s, StatePlaces places) const {
    places.set(0, s.prev());
    const bool first = !s.step_size().defined();
    places.set(1, s.step_size(), false);
    if (first) s.step_size().fill_(lr);
  }
  void advance(State* s, StepTensor&) const { ++s->step(); }

  Args args;
  double lr;
};

struct LionRule {
  using Options = LionOptions;
  using State = LionParamState;
  using Args = LionArgs;

  explicit LionRule(const Options& o)
      : args{o.lr(), std::get<0>(o.betas()), std::get<1>(o.betas()), o.weight_decay(),
             o.maximize()} {}

  void place(State& s, StatePlaces places) const { places.set(0, s.exp_avg()); }
  void advance(State*, StepTensor&) const {}

  Args args;
};

}  // namespace

void SGDOptions::check() const {
  check_common("SGD", lr_, 0, weight_decay_);
  check_setting(momentum_ >= 0, "SGD", "momentum value", momentum_);
  TAPER_CHECK_AS(ConfigError, !nesterov_ || (momentum_ > 0 && dampening_ == 0),
                 "SGD: Nesterov momentum requires a momentum and zero dampening");
}

void SGDOptions::fields(Fields& f) {
  f("lr", lr_);
  f("momentum", momentum_);
  f("dampening", dampening_);
  f("weight_decay", weight_decay_);
  f("nesterov", nesterov_, Fields::kOptional);
  f("maximize", maximize_, Fields::kOptional);
}

void SGDParamState::fields(Fields& f) {
  f.buffer("momentum_buffer", momentum_buffer_, Fields::kOptional);
}

Tensor SGD::step(LossClosure closure) { return fused_step<SGDRule>(*this, closure); }

void ASGDOptions::check() const { check_common("ASGD", lr_, 0, weight_decay_); }

void ASGDOptions::fields(Fields& f) {
  f("lr", lr_);
  f("lambd", lambd_);
  f("alpha", alpha_);
  f("t0", t0_);
  f("weight_decay", weight_decay_);
  f("maximize", maximize_, Fields::kOptional);
}

void ASGDParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.scalar("eta", eta_);
  f.scalar("mu", mu_);
  f.buffer("ax", ax_);
}

Tensor ASGD::step(LossClosure closure) { return fused_step<ASGDRule>(*this, closure); }

void RpropOptions::check() const {
  const auto [minus, plus] = etas_;
  check_setting(lr_ >= 0, "Rprop", "learning rate", lr_);
  TAPER_CHECK_AS(ConfigError, 0 < minus && minus < 1 && 1 < plus,
                 "Rprop: Invalid eta values: ", minus, ", ", plus);
}

void RpropOptions::fields(Fields& f) {
  f("lr", lr_);
  f("etas", etas_);
  f("step_sizes", step_sizes_);
  f("maximize", maximize_, Fields::kOptional);
}

void RpropParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("prev", prev_);
  f.buffer("step_size", step_size_);
}

Tensor Rprop::step(LossClosure closure) { return fused_step<RpropRule>(*this, closure); }

void LionOptions::check() const {
  check_common("Lion", lr_, 0, weight_decay_);
  check_betas("Lion", betas_);
}

void LionOptions::fields(Fields& f) {
  f("lr", lr_);
  f("betas", betas_);
  f("weight_decay", weight_decay_);
  f("maximize", maximize_, Fields::kOptional);
}

void LionParamState::fields(Fields& f) { f.buffer("exp_avg", exp_avg_); }

Tensor Lion::step(LossClosure closure) { return fused_step<LionRule>(*this, closure); }

TAPER_OPTIMIZER_COMPILED_ONCE(, SGDOptions, SGDParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, ASGDOptions, ASGDParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, RpropOptions, RpropParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, LionOptions, LionParamState);

}  // namespace taper::optim
