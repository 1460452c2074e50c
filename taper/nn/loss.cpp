#include "taper/nn/loss.h"

#include <ostream>

#include "taper/ops/loss.h"

namespace taper::nn {
namespace {

/// A handle of its own over the same memory, so that a clone of the module shares nothing.
Tensor own(const Tensor& weight) { return weight.defined() ? weight.detach() : weight; }

}  // namespace

void L1LossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::L1Loss()"; }
Tensor L1LossImpl::forward(const Tensor& input, const Tensor& target) {
  return l1_loss(input, target, options.reduction().index());
}

void MSELossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::MSELoss()"; }
Tensor MSELossImpl::forward(const Tensor& input, const Tensor& target) {
  return mse_loss(input, target, options.reduction().index());
}

void SmoothL1LossImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::SmoothL1Loss()";
}
Tensor SmoothL1LossImpl::forward(const Tensor& input, const Tensor& target) {
  return smooth_l1_loss(input, target, options.reduction().index(), options.beta());
}

BCELossImpl::BCELossImpl(BCELossOptions o) : options(std::move(o)) { BCELossImpl::reset(); }
void BCELossImpl::reset() { options.weight() = register_buffer("weight", own(options.weight())); }
void BCELossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::BCELoss()"; }
Tensor BCELossImpl::forward(const Tensor& input, const Tensor& target) {
  return binary_cross_entropy(input, target, options.weight(), options.reduction().index());
}

BCEWithLogitsLossImpl::BCEWithLogitsLossImpl(BCEWithLogitsLossOptions o) : options(std::move(o)) {
  BCEWithLogitsLossImpl::reset();
}
void BCEWithLogitsLossImpl::reset() {
  options.weight() = register_buffer("weight", own(options.weight()));
  options.pos_weight() = register_buffer("pos_weight", own(options.pos_weight()));
}
void BCEWithLogitsLossImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::BCEWithLogitsLoss()";
}
Tensor BCEWithLogitsLossImpl::forward(const Tensor& input, const Tensor& target) {
  return binary_cross_entropy_with_logits(input, target, options.weight(), options.pos_weight(),
                                          options.reduction().index());
}

NLLLossImpl::NLLLossImpl(NLLLossOptions o) : options(std::move(o)) { NLLLossImpl::reset(); }
void NLLLossImpl::reset() { weight = register_buffer("weight", own(options.weight())); }
void NLLLossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::NLLLoss()"; }
Tensor NLLLossImpl::forward(const Tensor& input, const Tensor& target) {
  return nll_loss_nd(input, target, weight, options.reduction().index(), options.ignore_index());
}

CrossEntropyLossImpl::CrossEntropyLossImpl(CrossEntropyLossOptions o) : options(std::move(o)) {
  CrossEntropyLossImpl::reset();
}
void CrossEntropyLossImpl::reset() { weight = register_buffer("weight", own(options.weight())); }
void CrossEntropyLossImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::CrossEntropyLoss()";
}
Tensor CrossEntropyLossImpl::forward(const Tensor& input, const Tensor& target) {
  return cross_entropy_loss(input, target, weight, options.reduction().index(),
                            options.ignore_index(), options.label_smoothing());
}

template class Cloneable<L1LossImpl>;
template class Cloneable<MSELossImpl>;
template class Cloneable<SmoothL1LossImpl>;
template class Cloneable<BCELossImpl>;
template class Cloneable<BCEWithLogitsLossImpl>;
template class Cloneable<NLLLossImpl>;
template class Cloneable<CrossEntropyLossImpl>;

}  // namespace taper::nn
