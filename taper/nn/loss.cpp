#include "taper/nn/loss.h"

#include <ostream>

#include "taper/ops/ctc.h"
#include "taper/ops/loss.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"

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
void BCELossImpl::reset() { register_buffer("weight", &options.weight(), own(options.weight())); }
void BCELossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::BCELoss()"; }
Tensor BCELossImpl::forward(const Tensor& input, const Tensor& target) {
  return binary_cross_entropy(input, target, options.weight(), options.reduction().index());
}

BCEWithLogitsLossImpl::BCEWithLogitsLossImpl(BCEWithLogitsLossOptions o) : options(std::move(o)) {
  BCEWithLogitsLossImpl::reset();
}
void BCEWithLogitsLossImpl::reset() {
  register_buffer("weight", &options.weight(), own(options.weight()));
  register_buffer("pos_weight", &options.pos_weight(), own(options.pos_weight()));
}
void BCEWithLogitsLossImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::BCEWithLogitsLoss()";
}
Tensor BCEWithLogitsLossImpl::forward(const Tensor& input, const Tensor& target) {
  return binary_cross_entropy_with_logits(input, target, options.weight(), options.pos_weight(),
                                          options.reduction().index());
}

NLLLossImpl::NLLLossImpl(NLLLossOptions o) : options(std::move(o)) { NLLLossImpl::reset(); }
void NLLLossImpl::reset() { register_buffer("weight", &weight, own(options.weight())); }
void NLLLossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::NLLLoss()"; }
Tensor NLLLossImpl::forward(const Tensor& input, const Tensor& target) {
  return nll_loss_nd(input, target, weight, options.reduction().index(), options.ignore_index());
}

CrossEntropyLossImpl::CrossEntropyLossImpl(CrossEntropyLossOptions o) : options(std::move(o)) {
  CrossEntropyLossImpl::reset();
}
void CrossEntropyLossImpl::reset() { register_buffer("weight", &weight, own(options.weight())); }
void CrossEntropyLossImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::CrossEntropyLoss()";
}
Tensor CrossEntropyLossImpl::forward(const Tensor& input, const Tensor& target) {
  return cross_entropy_loss(input, target, weight, options.reduction().index(),
                            options.ignore_index(), options.label_smoothing());
}

#define TAPER_LOSS(Name, call)                                                           \
  void Name##Impl::pretty_print(std::ostream& stream) const {                            \
    stream << "taper::nn::" #Name "()";                                                  \
  }                                                                                      \
  Tensor Name##Impl::forward(const Tensor& input, const Tensor& target) { return call; } \
  template class Cloneable<Name##Impl>
#define TAPER_TERNARY_LOSS(Name, call)                                                           \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                    \
    stream << "taper::nn::" #Name "()";                                                          \
  }                                                                                              \
  Tensor Name##Impl::forward(const Tensor& a, const Tensor& b, const Tensor& c) { return call; } \
  template class Cloneable<Name##Impl>

TAPER_LOSS(HuberLoss, huber_loss(input, target, options.reduction().index(), options.delta()));
TAPER_LOSS(HingeEmbeddingLoss,
           hinge_embedding_loss(input, target, options.margin(), options.reduction().index()));
TAPER_LOSS(MultiLabelMarginLoss,
           multilabel_margin_loss(input, target, options.reduction().index()));
TAPER_LOSS(SoftMarginLoss, soft_margin_loss(input, target, options.reduction().index()));
TAPER_LOSS(PoissonNLLLoss, poisson_nll_loss(input, target, options.log_input(), options.full(),
                                            options.eps(), options.reduction().index()));
TAPER_LOSS(MultiMarginLoss, multi_margin_loss(input, target, options.p(), options.margin(), weight,
                                              options.reduction().index()));
TAPER_LOSS(MultiLabelSoftMarginLoss,
           functional::multilabel_soft_margin_loss(input, target, options));
TAPER_TERNARY_LOSS(MarginRankingLoss,
                   margin_ranking_loss(a, b, c, options.margin(), options.reduction().index()));
TAPER_TERNARY_LOSS(CosineEmbeddingLoss,
                   cosine_embedding_loss(a, b, c, options.margin(), options.reduction().index()));
TAPER_TERNARY_LOSS(TripletMarginLoss,
                   triplet_margin_loss(a, b, c, options.margin(), options.p(), options.eps(),
                                       options.swap(), options.reduction().index()));
TAPER_TERNARY_LOSS(TripletMarginWithDistanceLoss,
                   functional::triplet_margin_with_distance_loss(a, b, c, options));
TAPER_TERNARY_LOSS(GaussianNLLLoss, functional::gaussian_nll_loss(a, b, c, options));

void KLDivLossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::KLDivLoss()"; }
Tensor KLDivLossImpl::forward(const Tensor& input, const Tensor& target) {
  if (!options.reduction().is<enumtype::kBatchMean>()) {
    return kl_div(input, target, options.reduction().index(), options.log_target());
  }
  TAPER_CHECK_AS(ShapeError, input.dim() > 0,
                 "KLDivLoss: kBatchMean needs a batch, got an input without dimensions");
  return kl_div(input, target, Reduction::Sum, options.log_target())
      .div(static_cast<double>(input.size(0)));
}

MultiMarginLossImpl::MultiMarginLossImpl(MultiMarginLossOptions o) : options(std::move(o)) {
  MultiMarginLossImpl::reset();
}
void MultiMarginLossImpl::reset() {
  TAPER_CHECK_AS(ConfigError, options.p() == 1 || options.p() == 2,
                 "MultiMarginLoss: only p == 1 and p == 2 supported, got ", options.p());
  register_buffer("weight", &weight, own(options.weight()));
}

MultiLabelSoftMarginLossImpl::MultiLabelSoftMarginLossImpl(MultiLabelSoftMarginLossOptions o)
    : options(std::move(o)) {
  MultiLabelSoftMarginLossImpl::reset();
}
void MultiLabelSoftMarginLossImpl::reset() {
  register_buffer("weight", &options.weight(), own(options.weight()));
}

void CTCLossImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::CTCLoss()"; }
Tensor CTCLossImpl::forward(const Tensor& log_probs, const Tensor& targets,
                            const Tensor& input_lengths, const Tensor& target_lengths) {
  return ctc_loss(log_probs, targets, input_lengths, target_lengths, options.blank(),
                  options.reduction().index(), options.zero_infinity());
}

template class Cloneable<KLDivLossImpl>;
template class Cloneable<CTCLossImpl>;
template class Cloneable<L1LossImpl>;
template class Cloneable<MSELossImpl>;
template class Cloneable<SmoothL1LossImpl>;
template class Cloneable<BCELossImpl>;
template class Cloneable<BCEWithLogitsLossImpl>;
template class Cloneable<NLLLossImpl>;
template class Cloneable<CrossEntropyLossImpl>;

}  // namespace taper::nn
