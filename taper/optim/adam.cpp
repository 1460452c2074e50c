#include "taper/optim/adam.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/optim.h"
#include "taper/optim/step.h"

namespace taper::optim {
namespace detail {
namespace {

/// The bias corrections of a step count; most parameters of a group share the count.
class BiasCorrection {
 public:
  explicit BiasCorrection(const AdamArgs& args) : args_(args) {}
  void set(AdamTensor& entry, int64_t step) {
    if (step != step_) [[unlikely]] {
      step_ = step;
      step_size_ = args_.lr / (1 - std::pow(args_.beta1, static_cast<double>(step)));
      sqrt_ = std::sqrt(1 - std::pow(args_.beta2, static_cast<double>(step)));
    }
    entry.step_size = step_size_;
    entry.bias_correction2_sqrt = sqrt_;
  }

 private:
  const AdamArgs& args_;
  int64_t step_ = -1;
  double step_size_ = 0, sqrt_ = 0;
};

void check_beta(double beta, int index) {
  TAPER_CHECK_AS(ConfigError, beta >= 0 && beta < 1, "Adam: Invalid beta parameter at index ",
                 index, ": ", beta);
}

}  // namespace

struct AdamBase::Scratch {
  std::vector<AdamTensor> entries;
  Staging staging;
};

AdamBase::~AdamBase() = default;

void AdamBase::check(const AdamSettings& s) {
  TAPER_CHECK_AS(ConfigError, s.lr >= 0, "Adam: Invalid learning rate: ", s.lr);
  TAPER_CHECK_AS(ConfigError, s.eps >= 0, "Adam: Invalid epsilon value: ", s.eps);
  check_beta(std::get<0>(s.betas), 0);
  check_beta(std::get<1>(s.betas), 1);
  TAPER_CHECK_AS(ConfigError, s.weight_decay >= 0,
                 "Adam: Invalid weight_decay value: ", s.weight_decay);
}

size_t AdamBase::step_group(const OptimizerParamGroup& group, const AdamSettings& s, size_t index) {
  const AdamArgs args{s.lr,
                      std::get<0>(s.betas),
                      std::get<1>(s.betas),
                      s.eps,
                      s.weight_decay,
                      s.decoupled,
                      s.amsgrad,
                      s.maximize};
  if (!scratch_) scratch_ = std::make_unique<Scratch>();
  std::vector<AdamTensor>& entries = scratch_->entries;
  entries.clear();
  scratch_->staging.start();
  BiasCorrection correction(args);
  for (const Tensor& param : group.params()) {
    std::unique_ptr<OptimizerParamState>& slot = state_.at(index++, param);
    const Tensor* grad = gradient_of(param);
    if (grad == nullptr) continue;
    if (!slot) slot = std::make_unique<AdamParamState>();
    auto& state = static_cast<AdamParamState&>(*slot);
    const auto [p, g] = scratch_->staging.stage(param, *grad);
    AdamTensor entry;
    entry.param = View(p);
    entry.grad = ConstView(g);
    entry.exp_avg = View(Staging::state(state.exp_avg(), *p));
    entry.exp_avg_sq = View(Staging::state(state.exp_avg_sq(), *p));
    if (args.amsgrad) entry.max_exp_avg_sq = View(Staging::state(state.max_exp_avg_sq(), *p));
    correction.set(entry, ++state.step());
    p->bump_version();
    entry.exp_avg.impl()->bump_version();
    entry.exp_avg_sq.impl()->bump_version();
    if (args.amsgrad) entry.max_exp_avg_sq.impl()->bump_version();
    entries.push_back(entry);
  }
  if (!entries.empty()) {
    adam_step_kernel(entries.front().param.device(), args, entries);
    scratch_->staging.finish();
  }
  return index;
}

}  // namespace detail

namespace {

template <class Options>
detail::AdamSettings settings_of(const OptimizerOptions& options, bool decoupled) {
  const auto& o = static_cast<const Options&>(options);
  return {o.lr(), o.betas(), o.eps(), o.weight_decay(), o.amsgrad(), o.maximize(), decoupled};
}

}  // namespace

Adam::Adam(std::vector<OptimizerParamGroup> param_groups, AdamOptions defaults)
    : AdamBase(std::move(param_groups), std::make_unique<AdamOptions>(defaults)) {
  check(settings_of<AdamOptions>(defaults, false));
}

Adam::Adam(std::vector<Tensor> params, AdamOptions defaults)
    : AdamBase(std::move(params), std::make_unique<AdamOptions>(defaults)) {
  check(settings_of<AdamOptions>(defaults, false));
}

Tensor Adam::step(LossClosure closure) {
  Tensor loss = call(closure);
  NoGradGuard no_grad;
  size_t next = 0;
  for (const OptimizerParamGroup& group : param_groups_) {
    next = step_group(group, settings_of<AdamOptions>(group.options(), false), next);
  }
  return loss;
}

AdamW::AdamW(std::vector<OptimizerParamGroup> param_groups, AdamWOptions defaults)
    : AdamBase(std::move(param_groups), std::make_unique<AdamWOptions>(defaults)) {
  check(settings_of<AdamWOptions>(defaults, true));
}

AdamW::AdamW(std::vector<Tensor> params, AdamWOptions defaults)
    : AdamBase(std::move(params), std::make_unique<AdamWOptions>(defaults)) {
  check(settings_of<AdamWOptions>(defaults, true));
}

Tensor AdamW::step(LossClosure closure) {
  Tensor loss = call(closure);
  NoGradGuard no_grad;
  size_t next = 0;
  for (const OptimizerParamGroup& group : param_groups_) {
    next = step_group(group, settings_of<AdamWOptions>(group.options(), true), next);
  }
  return loss;
}

}  // namespace taper::optim
