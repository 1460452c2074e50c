#include "taper/optim/adam.h"

#include "taper/optim/step.h"

namespace taper::optim {
namespace {

constexpr Fields::Presence kOptional = Fields::Presence::optional;

/// Adam and AdamW differ in their options' defaults only.
template <class SomeOptions>
struct AdamRule {
  using Options = SomeOptions;
  using State = AdamParamState;
  using Args = AdamArgs;

  explicit AdamRule(const AdamOptions& o)
      : args{o.lr(),
             std::get<0>(o.betas()),
             std::get<1>(o.betas()),
             o.eps(),
             o.weight_decay(),
             o.decoupled_weight_decay(),
             o.amsgrad(),
             o.maximize()},
        corrections(args.beta1, args.beta2) {}

  static bool keeps_state() { return true; }
  void place(State& s, StatePlaces places) const {
    places.set(0, s.exp_avg());
    places.set(1, s.exp_avg_sq());
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

  Args args;
  BiasCorrections corrections;
  double step_size = 0, root = 1;
};

struct NAdamRule {
  using Options = NAdamOptions;
  using State = NAdamParamState;
  using Args = NAdamArgs;

  explicit NAdamRule(const Options& o)
      : args{o.lr(),      std::get<0>(o.betas()), std::get<1>(o.betas()),
             o.eps(),     o.weight_decay(),       o.decoupled_weight_decay(),
             o.maximize()},
        momentum_decay(o.momentum_decay()),
        corrections(args.beta1, args.beta2) {}

  static bool keeps_state() { return true; }
  void place(State& s, StatePlaces places) const {
    places.set(0, s.exp_avg());
    places.set(1, s.exp_avg_sq());
  }
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

  Args args;
  double momentum_decay;
  BiasCorrections corrections;
  double now = 0, next = 0, root = 1;
};

struct RAdamRule {
  using Options = RAdamOptions;
  using State = RAdamParamState;
  using Args = RAdamArgs;

  explicit RAdamRule(const Options& o)
      : args{o.lr(),      std::get<0>(o.betas()), std::get<1>(o.betas()),
             o.eps(),     o.weight_decay(),       o.decoupled_weight_decay(),
             o.maximize()},
        corrections(args.beta1, args.beta2) {}

  static bool keeps_state() { return true; }
  void place(State& s, StatePlaces places) const {
    places.set(0, s.exp_avg());
    places.set(1, s.exp_avg_sq());
  }
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

  Args args;
  BiasCorrections corrections;
  double step_size = 0;
  bool rectified = false;
};

struct AdamaxRule {
  using Options = AdamaxOptions;
  using State = AdamaxParamState;
  using Args = AdamaxArgs;

  explicit AdamaxRule(const Options& o)
      : args{std::get<0>(o.betas()), std::get<1>(o.betas()), o.eps(), o.weight_decay(),
             o.maximize()},
        lr(o.lr()),
        corrections(args.beta1, args.beta2) {}

  static bool keeps_state() { return true; }
  void place(State& s, StatePlaces places) const {
    places.set(0, s.exp_avg());
    places.set(1, s.exp_inf());
  }
  void advance(State* s, StepTensor& entry) {
    corrections.set(++s->step());
    entry.scalar[0] = lr / corrections.first;
  }

  Args args;
  double lr;
  BiasCorrections corrections;
};

}  // namespace

void AdamOptions::check() const {
  const char* name = decoupled_weight_decay_ ? "AdamW" : "Adam";
  check_common(name, lr_, eps_, weight_decay_);
  check_betas(name, betas_);
}

void AdamOptions::fields(Fields& f) {
  f("lr", lr_);
  f("betas", betas_);
  f("eps", eps_);
  f("weight_decay", weight_decay_);
  f("amsgrad", amsgrad_, kOptional);
  f("maximize", maximize_, kOptional);
  f("decoupled_weight_decay", decoupled_weight_decay_, kOptional);
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
  f.buffer("max_exp_avg_sq", max_exp_avg_sq_, kOptional);
}

Tensor Adam::step(LossClosure closure) { return fused_step<AdamRule<AdamOptions>>(*this, closure); }
Tensor AdamW::step(LossClosure closure) {
  return fused_step<AdamRule<AdamWOptions>>(*this, closure);
}

void NAdamOptions::check() const {
  check_common("NAdam", lr_, eps_, weight_decay_);
  check_betas("NAdam", betas_);
  check_setting(momentum_decay_ >= 0, "NAdam", "momentum_decay value", momentum_decay_);
}

void NAdamOptions::fields(Fields& f) {
  f("lr", lr_);
  f("betas", betas_);
  f("eps", eps_);
  f("weight_decay", weight_decay_);
  f("momentum_decay", momentum_decay_);
  f("decoupled_weight_decay", decoupled_weight_decay_, kOptional);
  f("maximize", maximize_, kOptional);
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
  f("lr", lr_);
  f("betas", betas_);
  f("eps", eps_);
  f("weight_decay", weight_decay_);
  f("maximize", maximize_, kOptional);
  f("decoupled_weight_decay", decoupled_weight_decay_, kOptional);
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
  f("lr", lr_);
  f("betas", betas_);
  f("eps", eps_);
  f("weight_decay", weight_decay_);
  f("maximize", maximize_, kOptional);
}

void AdamaxParamState::fields(Fields& f) {
  f.scalar("step", step_);
  f.buffer("exp_avg", exp_avg_);
  f.buffer("exp_inf", exp_inf_);
}

Tensor Adamax::step(LossClosure closure) { return fused_step<AdamaxRule>(*this, closure); }

}  // namespace taper::optim
