#include "taper/optim/step.h"

#include <algorithm>

#include "taper/core/sizes.h"

namespace taper::optim {
namespace {

bool is_dense(const TensorImpl& t) {
  return t.is_contiguous() || is_non_overlapping_and_dense(t.sizes(), t.strides());
}

bool fits(const TensorImpl& t, const TensorImpl& param) {
  return t.dtype() == param.dtype() && t.sizes() == param.sizes() && t.strides() == param.strides();
}

}  // namespace

Staging::Ready Staging::stage_copies(const Tensor& param, const Tensor& grad) {
  TAPER_CHECK_AS(ShapeError, grad.sizes() == param.sizes(), "Optimizer: the gradient's sizes ",
                 grad.sizes(), " are not the parameter's sizes ", param.sizes());
  TAPER_CHECK_AS(DTypeError, isFloatingType(param.scalar_type()),
                 "Optimizer: expected a floating parameter but got ",
                 toString(param.scalar_type()));
  Ready ready{param.impl_ptr(), grad.impl_ptr()};
  if (!is_dense(*ready.param)) {
    Tensor copy(TensorImpl::empty("Optimizer", param.sizes(), param.scalar_type()));
    copy.copy_(param);
    ready.param = copy.impl_ptr();
    written_.push_back({param, std::move(copy)});
  }
  if (!fits(*ready.grad, *ready.param)) {
    Tensor copy(TensorImpl::empty_like(*ready.param, ready.param->dtype()));
    copy.copy_(grad);
    ready.grad = copy.impl_ptr();
    read_.push_back(std::move(copy));
  }
  return ready;
}

const TensorImpl* Staging::fit(Tensor& state, const TensorImpl& param, bool zeros) {
  if (state.defined() && fits(state.impl(), param)) return state.impl_ptr();
  Tensor made(TensorImpl::empty_like(param, param.dtype()));
  if (state.defined()) {
    made.copy_(state);
  } else if (zeros) {
    made.zero_();
  }
  state = std::move(made);
  return state.impl_ptr();
}

void Staging::finish() {
  for (const Copy& w : written_) w.param.copy_(w.copy);
  start();
}

namespace detail {

void StepScratch::start() {
  entries.clear();
  states.clear();
  ends.clear();
  made.clear();
  made_states.clear();
  staging.start();
}

void StepScratch::undo(OptimizerStates& optimizer_states) {
  for (Tensor* tensor : made) *tensor = Tensor();
  for (OptimizerStates::Slot& slot : optimizer_states.slots()) {
    const auto end = made_states.end();
    if (std::find(made_states.begin(), end, slot.state.get()) != end) slot.state.reset();
  }
}

}  // namespace detail

}  // namespace taper::optim
