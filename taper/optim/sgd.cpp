#include "taper/optim/sgd.h"

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/optim.h"
#include "taper/optim/step.h"

namespace taper::optim {
namespace {

void check(const SGDOptions& o) {
  TAPER_CHECK_AS(ConfigError, o.lr() >= 0, "SGD: Invalid learning rate: ", o.lr());
  TAPER_CHECK_AS(ConfigError, o.momentum() >= 0, "SGD: Invalid momentum value: ", o.momentum());
  TAPER_CHECK_AS(ConfigError, o.weight_decay() >= 0,
                 "SGD: Invalid weight_decay value: ", o.weight_decay());
  TAPER_CHECK_AS(ConfigError, !o.nesterov() || (o.momentum() > 0 && o.dampening() == 0),
                 "SGD: Nesterov momentum requires a momentum and zero dampening");
}

}  // namespace

struct SGD::Scratch {
  std::vector<SgdTensor> entries;
  Staging staging;
};

SGD::SGD(std::vector<OptimizerParamGroup> param_groups, SGDOptions defaults)
    : Optimizer(std::move(param_groups), std::make_unique<SGDOptions>(defaults)) {
  check(defaults);
}

SGD::SGD(std::vector<Tensor> params, SGDOptions defaults)
    : Optimizer(std::move(params), std::make_unique<SGDOptions>(defaults)) {
  check(defaults);
}

SGD::~SGD() = default;

size_t SGD::step_group(const OptimizerParamGroup& group, size_t index) {
  const auto& o = static_cast<const SGDOptions&>(group.options());
  const SgdArgs args{o.lr(),           o.momentum(), o.dampening(),
                     o.weight_decay(), o.nesterov(), o.maximize()};
  if (!scratch_) scratch_ = std::make_unique<Scratch>();
  std::vector<SgdTensor>& entries = scratch_->entries;
  entries.clear();
  scratch_->staging.start();
  for (const Tensor& param : group.params()) {
    std::unique_ptr<OptimizerParamState>& slot = state_.at(index++, param);
    const Tensor* grad = gradient_of(param);
    if (grad == nullptr) continue;
    const auto [p, g] = scratch_->staging.stage(param, *grad);
    SgdTensor entry;
    entry.param = View(p);
    entry.grad = ConstView(g);
    entry.first = false;
    if (args.momentum != 0) {
      if (!slot) slot = std::make_unique<SGDParamState>();
      Tensor& buffer = static_cast<SGDParamState&>(*slot).momentum_buffer();
      entry.first = !buffer.defined();
      entry.momentum_buffer = View(Staging::state(buffer, *p, false));
      entry.momentum_buffer.impl()->bump_version();
    }
    p->bump_version();
    entries.push_back(entry);
  }
  if (!entries.empty()) {
    sgd_step_kernel(entries.front().param.device(), args, entries);
    scratch_->staging.finish();
  }
  return index;
}

Tensor SGD::step(LossClosure closure) {
  Tensor loss = call(closure);
  NoGradGuard no_grad;
  size_t next = 0;
  for (const OptimizerParamGroup& group : param_groups_) next = step_group(group, next);
  return loss;
}

}  // namespace taper::optim
