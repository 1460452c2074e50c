#pragma once

#include "taper/base/arg.h"
#include "taper/nn/enum.h"
#include "taper/nn/functional_loss.h"
#include "taper/nn/plain_layer.h"

// Losses as modules. Reduction: kMean (over elements, or weighted samples), kSum or kNone.
namespace taper TAPER_API {
namespace nn {

#define TAPER_LOSS_OPTIONS(Name)                                      \
  struct Name##Options {                                              \
    Name##Options(ReductionType reduction) : reduction_(reduction) {} \
    Name##Options() = default;                                        \
    TAPER_ARG(ReductionType, reduction) = kMean;                      \
  }
TAPER_LOSS_OPTIONS(L1Loss);
TAPER_LOSS_OPTIONS(MSELoss);
TAPER_LOSS_OPTIONS(MultiLabelMarginLoss);
TAPER_LOSS_OPTIONS(SoftMarginLoss);
#undef TAPER_LOSS_OPTIONS

struct SmoothL1LossOptions {
  SmoothL1LossOptions(ReductionType reduction = kMean) : reduction_(reduction) {}
  TAPER_ARG(ReductionType, reduction) = kMean;
  TAPER_ARG(double, beta) = 1.0;
};
struct BCELossOptions {
  TAPER_ARG(Tensor, weight) = {};
  TAPER_ARG(ReductionType, reduction) = kMean;
};
struct BCEWithLogitsLossOptions {
  TAPER_ARG(Tensor, weight) = {};
  TAPER_ARG(ReductionType, reduction) = kMean;
  TAPER_ARG(Tensor, pos_weight) = {};
};
struct NLLLossOptions {
  TAPER_ARG(Tensor, weight) = {};
  TAPER_ARG(int64_t, ignore_index) = -100;
  TAPER_ARG(ReductionType, reduction) = kMean;
};
struct CrossEntropyLossOptions {
  TAPER_ARG(Tensor, weight) = {};
  TAPER_ARG(int64_t, ignore_index) = -100;
  TAPER_ARG(ReductionType, reduction) = kMean;
  TAPER_ARG(double, label_smoothing) = 0.0;
};
struct KLDivLossOptions {
  using Reduction = Choice<enumtype::kNone, enumtype::kMean, enumtype::kSum, enumtype::kBatchMean>;
  KLDivLossOptions(Reduction reduction = kMean) : reduction_(reduction) {}
  /// kBatchMean divides by the size of the first dimension, which makes the divergence.
  TAPER_ARG(Reduction, reduction) = kMean;
  /// The target holds logarithms too.
  TAPER_ARG(bool, log_target) = false;
};
struct HuberLossOptions {
  HuberLossOptions(ReductionType reduction = kMean) : reduction_(reduction) {}
  TAPER_ARG(ReductionType, reduction) = kMean;
  TAPER_ARG(double, delta) = 1.0;
};
struct HingeEmbeddingLossOptions {
  TAPER_ARG(double, margin) = 1.0;
  TAPER_ARG(ReductionType, reduction) = kMean;
};
struct MarginRankingLossOptions {
  TAPER_ARG(double, margin) = 0;
  TAPER_ARG(ReductionType, reduction) = kMean;
};
using CosineEmbeddingLossOptions = MarginRankingLossOptions;
struct MultiMarginLossOptions {
  /// 1 or 2.
  TAPER_ARG(int64_t, p) = 1;
  TAPER_ARG(double, margin) = 1.0;
  TAPER_ARG(Tensor, weight) = Tensor();
  TAPER_ARG(ReductionType, reduction) = kMean;
};
struct TripletMarginLossOptions {
  TAPER_ARG(double, margin) = 1.0;
  TAPER_ARG(double, p) = 2.0;
  TAPER_ARG(double, eps) = 1e-6;
  /// The distance from the positive to the negative counts where it is the smaller one.
  TAPER_ARG(bool, swap) = false;
  TAPER_ARG(ReductionType, reduction) = kMean;
};
struct PoissonNLLLossOptions {
  TAPER_ARG(bool, log_input) = true;
  TAPER_ARG(bool, full) = false;
  TAPER_ARG(double, eps) = 1e-8;
  TAPER_ARG(ReductionType, reduction) = kMean;
};
struct CTCLossOptions {
  TAPER_ARG(int64_t, blank) = 0;
  TAPER_ARG(ReductionType, reduction) = kMean;
  TAPER_ARG(bool, zero_infinity) = false;
};
using MultiLabelSoftMarginLossOptions = functional::MultilabelSoftMarginLossFuncOptions;
using TripletMarginWithDistanceLossOptions = functional::TripletMarginWithDistanceLossFuncOptions;
using GaussianNLLLossOptions = functional::GaussianNLLLossFuncOptions;

#define TAPER_LOSS(Name) \
  TAPER_PLAIN_LAYER(Name, Name##Options, Tensor forward(const Tensor& input, const Tensor& target))
#define TAPER_TERNARY_LOSS(Name, a, b, c) \
  TAPER_PLAIN_LAYER(Name, Name##Options,  \
                    Tensor forward(const Tensor& a, const Tensor& b, const Tensor& c))

/// |x - y|.
TAPER_LOSS(L1Loss);

/// (x - y)^2.
TAPER_LOSS(MSELoss);

/// (x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2.
TAPER_LOSS(SmoothL1Loss);

/// -(y log x + (1 - y) log(1 - x)), with logarithms no lower than -100.
class BCELossImpl : public Cloneable<BCELossImpl> {
 public:
  explicit BCELossImpl(BCELossOptions options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  BCELossOptions options;
};
TAPER_LAYER(BCELoss);

/// BCELoss of sigmoid(x), computed without overflow; pos_weight scales the positive part.
class BCEWithLogitsLossImpl : public Cloneable<BCEWithLogitsLossImpl> {
 public:
  explicit BCEWithLogitsLossImpl(BCEWithLogitsLossOptions options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  BCEWithLogitsLossOptions options;
};
TAPER_LAYER(BCEWithLogitsLoss);

/// Minus the log-probability [N, C, ...] of each target class [N, ...]; the mean weighs each
/// sample by its class's weight, and ignore_index counts for nothing.
class NLLLossImpl : public Cloneable<NLLLossImpl> {
 public:
  explicit NLLLossImpl(NLLLossOptions options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  NLLLossOptions options;
  Tensor weight;
};
TAPER_LAYER(NLLLoss);

/// NLLLoss of log_softmax(x, 1); targets are class indices [N, ...] or probabilities [N, C, ...].
class CrossEntropyLossImpl : public Cloneable<CrossEntropyLossImpl> {
 public:
  explicit CrossEntropyLossImpl(CrossEntropyLossOptions options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  CrossEntropyLossOptions options;
  Tensor weight;
};
TAPER_LAYER(CrossEntropyLoss);

/// NLLLoss, its old name for images.
using NLLLoss2dImpl = NLLLossImpl;
using NLLLoss2d = NLLLoss;

/// y (log y - x).
TAPER_LOSS(KLDivLoss);
/// (x - y)^2 / 2 where |x - y| <= delta, else delta (|x - y| - delta / 2).
TAPER_LOSS(HuberLoss);
/// x where y is 1, max(0, margin - x) where it is -1.
TAPER_LOSS(HingeEmbeddingLoss);
/// max(0, margin - x[y] + x[i])^p over the other classes i; see taper::multi_margin_loss().
class MultiMarginLossImpl : public Cloneable<MultiMarginLossImpl> {
 public:
  /// Throws unless p is 1 or 2.
  explicit MultiMarginLossImpl(MultiMarginLossOptions options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  MultiMarginLossOptions options;
  Tensor weight;
};
TAPER_LAYER(MultiMarginLoss);
/// Margins between the classes that the target lists, until its first -1, and all others.
TAPER_LOSS(MultiLabelMarginLoss);
/// functional::multilabel_soft_margin_loss().
class MultiLabelSoftMarginLossImpl : public Cloneable<MultiLabelSoftMarginLossImpl> {
 public:
  explicit MultiLabelSoftMarginLossImpl(MultiLabelSoftMarginLossOptions options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  MultiLabelSoftMarginLossOptions options;
};
TAPER_LAYER(MultiLabelSoftMarginLoss);
/// log(1 + exp(-y x)).
TAPER_LOSS(SoftMarginLoss);
/// max(0, -y (x1 - x2) + margin).
TAPER_TERNARY_LOSS(MarginRankingLoss, input1, input2, target);
/// 1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where it is -1.
TAPER_TERNARY_LOSS(CosineEmbeddingLoss, input1, input2, target);
/// max(0, d(anchor, positive) - d(anchor, negative) + margin), d the p-norm.
TAPER_TERNARY_LOSS(TripletMarginLoss, anchor, positive, negative);
/// TripletMarginLoss with any distance.
TAPER_TERNARY_LOSS(TripletMarginWithDistanceLoss, anchor, positive, negative);
/// exp(x) - y x, or x - y log(x + eps) without log_input; full adds Stirling's log(y!).
TAPER_LOSS(PoissonNLLLoss);
/// functional::gaussian_nll_loss().
TAPER_TERNARY_LOSS(GaussianNLLLoss, input, target, var);
/// Connectionist temporal classification (Graves et al., 2006); see taper::ctc_loss().
TAPER_PLAIN_LAYER(CTCLoss, CTCLossOptions,
                  Tensor forward(const Tensor& log_probs, const Tensor& targets,
                                 const Tensor& input_lengths, const Tensor& target_lengths));
#undef TAPER_LOSS
#undef TAPER_TERNARY_LOSS

}  // namespace nn
}  // namespace taper
