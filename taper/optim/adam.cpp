#include "taper/optim/adam.h"

#include "taper/optim/step.h"

namespace taper::optim {
namespace {

/// What the members of the family share: running moments, corrected for the steps taken so far.
template <class SomeOptions, class SomeState, class SomeArgs>
struct MomentsRule {
  using Options = SomeOptions;
  using State = SomeState;
  using Args = SomeArgs;

  MomentsRule(const Options& o, const Args& kernel_args)
      : args(kernel_args), corrections(std::get<0>(o.betas()), std::get<1>(o.betas())) {}

  void place(State& s, StatePlaces places) const {
    places.set(0, s.exp_avg());
    places.set(1, s.exp_avg_sq());
  }

  Args args;
  BiasCorrections corrections;
};

struct AdamRule : MomentsRule<AdamOptions, AdamParamState, AdamArgs> {
  explicit AdamRule(const Options& o)
      : MomentsRule(o, {o.lr(), std::get<0>(o.betas()), std::get<1>(o.betas()), o.eps(),
                        o.weight_decay(), o.decoupled_weight_decay(), o.amsgrad(), o.maximize()}) {}

  void place(State& s, StatePlaces places) const {
    MomentsRule::place(s, places);
    if (args.amsgrad) places.set(2, s.max_exp_avg_sq());
  }
  void advance(State* s, StepTensor& entry) {
    if (corrections.set(++s->step())) {
      step_size = args.lr / corrections.first;
      root = std::sqrt(corrections.second);
    }
    entry.scalar[0] = step_size;
    entry.scalar[1] = root;
  }

  double step_size = 0, root = 1;
};

/// The options of AdamW differ in their defaults only.
struct AdamWRule : AdamRule {
  using Options = AdamWOptions;
  using AdamRule::AdamRule;
};

struct NAdamRule : MomentsRule<NAdamOptions, NAdamParamState, NAdamArgs> {
  explicit NAdamRule(const Options& o)
      : MomentsRule(o, {o.lr(), std::get<0>(o.betas()), std::get<1>(o.betas()), o.eps(),
                        o.weight_decay(), o.decoupled_weight_decay(), o.maximize()}),
        momentum_decay(o.momentum_decay()) {}

  double mu(int64_t step) const {
    return args.beta1 * (1 - 0.5 * std::pow(0.96, static_cast<double>(step) * momentum_decay));
  }
  void advance(State* s, StepTensor& entry) {
    if (corrections.set(++s->step())) {
      now = mu(s->step());
      next = mu(s->step() + 1);
      root = std::sqrt(corrections.second);
    }
    s->mu_product() *= now;
    entry.scalar[0] = args.lr * (1 - now) / (1 - s->mu_product());
    entry.scalar[1] = args.lr * next / (1 - s->mu_product() * next);
    entry.scalar[2] = root;
  }

  double momentum_decay;
  double now = 0, next = 0, root = 1;
};

struct RAdamRule : MomentsRule<RAdamOptions, RAdamParamState, RAdamArgs> {
  explicit RAdamRule(const Options& o)
      : MomentsRule(o, {o.lr(), std::get<0>(o.betas()), std::get<1>(o.betas()), o.eps(),
                        o.weight_decay(), o.decoupled_weight_decay(), o.maximize()}) {}

  void advance(State* s, StepTensor& entry) {
    if (corrections.set(++s->step())) {
      const double most = 2 / (1 - args.beta2) - 1;
      const double rho =
          most - 2 * static_cast<double>(s->step()) * (1 - corrections.second) / corrections.second;
      rectified = rho > 5;
      step_size = args.lr / corrections.first;
      if (rectified) {
        step_size *= std::sqrt(corrections.second * (rho - 4) * (rho - 2) * most /
                               ((most - 4) * (most - 2) * rho));
      }
    }
    entry.scalar[0] = step_size;
    entry.scalar[1] = rectified;
  }

  double step_size = 0;
  bool rectified = false;
};

struct AdamaxRule : MomentsRule<AdamaxOptions, AdamaxParamState, AdamaxArgs> {
  explicit AdamaxRule(const Options& o)
      : MomentsRule(o, {std::get<0>(o.betas()), std::get<1>(o.betas()), o.eps(), o.weight_decay(),
                        o.maximize()}),
        lr(o.lr()) {}

  void place(State& s, StatePlaces places) const {
    places.set(0, s.exp_avg());
    places.set(1, s.exp_inf());
  }
  void advance(State* s, StepTensor& entry) {
    corrections.set(++s->step());
    entry.scalar[0] = lr / corrections.first;
  }

  double lr;
};

template <class Options>
void common_fields(Fields& f, Options& o) {
  f("lr", o.lr());
  f("betas", o.betas());
  f("eps", o.eps());
  f("weight_decay", o.weight_decay());
}

}  // namespace

void AdamOptions::check() const {
  const char* name = decoupled_weight_decay_ ? "AdamW" : "Adam";
  check_common(name, lr_, eps_, weight_decay_);
  check_betas(name, betas_);
}

void AdamOptions::fields(Fields& f) {
  common_fields(f, *this);
  f("amsgrad", amsgrad_, Fields::kOptional);
  f("maximize", maximize_, Fields::kOptional);
  f("decoupled_weight_decay", decoupled_weight_decay_, Fields::kOptional);
}

std::unique_ptr<OptimizerOptions> AdamWOptions::clone() const {
  return std::make_unique<AdamWOptions>(*this);
}

void AdamWOptions::fields(Fields& f) {
  AdamOptions::fields(f);
  decoupled_weight_decay(true);  // whatever was loaded
}

void AdamParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("exp_avg", exp_avg_);
  f.buffer("exp_avg_sq", exp_avg_sq_);
  f.buffer("max_exp_avg_sq", max_exp_avg_sq_, Fields::kOptional);
}

Tensor Adam::step(LossClosure closure) { return fused_step<AdamRule>(*this, closure); }
Tensor AdamW::step(LossClosure closure) { return fused_step<AdamWRule>(*this, closure); }

void NAdamOptions::check() const {
  check_common("NAdam", lr_, eps_, weight_decay_);
  check_betas("NAdam", betas_);
  check_setting(momentum_decay_ >= 0, "NAdam", "momentum_decay value", momentum_decay_);
}

void NAdamOptions::fields(Fields& f) {
  common_fields(f, *this);
  f("momentum_decay", momentum_decay_);
  f("decoupled_weight_decay", decoupled_weight_decay_, Fields::kOptional);
  f("maximize", maximize_, Fields::kOptional);
}

void NAdamParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.scalar("mu_product", mu_product_);
  f.buffer("exp_avg", exp_avg_);
  f.buffer("exp_avg_sq", exp_avg_sq_);
}

Tensor NAdam::step(LossClosure closure) { return fused_step<NAdamRule>(*this, closure); }

void RAdamOptions::check() const {
  check_common("RAdam", lr_, eps_, weight_decay_);
  check_betas("RAdam", betas_);
}

void RAdamOptions::fields(Fields& f) {
  common_fields(f, *this);
  f("maximize", maximize_, Fields::kOptional);
  f("decoupled_weight_decay", decoupled_weight_decay_, Fields::kOptional);
}

void RAdamParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("exp_avg", exp_avg_);
  f.buffer("exp_avg_sq", exp_avg_sq_);
}

Tensor RAdam::step(LossClosure closure) { return fused_step<RAdamRule>(*this, closure); }

void AdamaxOptions::check() const {
  check_common("Adamax", lr_, eps_, weight_decay_);
  check_betas("Adamax", betas_);
}

void AdamaxOptions::fields(Fields& f) {
  common_fields(f, *this);
  f("maximize", maximize_, Fields::kOptional);
}

void AdamaxParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("exp_avg", exp_avg_);
  f.buffer("exp_inf", exp_inf_);
}

Tensor Adamax::step(LossClosure closure) { return fused_step<AdamaxRule>(*this, closure); }

TAPER_OPTIMIZER_COMPILED_ONCE(, AdamOptions, AdamParamState);
template class detail::OptimizerOf<AdamWOptions, AdamParamState>;
TAPER_OPTIMIZER_COMPILED_ONCE(, NAdamOptions, NAdamParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, RAdamOptions, RAdamParamState);
TAPER_OPTIMIZER_COMPILED_ONCE(, AdamaxOptions, AdamaxParamState);

}  // namespace taper::optim
