#pragma once

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/enum.h"
#include "taper/nn/module_holder.h"

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

/// |x - y|.
class L1LossImpl : public Cloneable<L1LossImpl> {
 public:
  explicit L1LossImpl(L1LossOptions options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  L1LossOptions options;
};
TAPER_LAYER(L1Loss);

/// (x - y)^2.
class MSELossImpl : public Cloneable<MSELossImpl> {
 public:
  explicit MSELossImpl(MSELossOptions options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  MSELossOptions options;
};
TAPER_LAYER(MSELoss);

/// (x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2.
class SmoothL1LossImpl : public Cloneable<SmoothL1LossImpl> {
 public:
  explicit SmoothL1LossImpl(SmoothL1LossOptions options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  SmoothL1LossOptions options;
};
TAPER_LAYER(SmoothL1Loss);

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

}  // namespace nn
}  // namespace taper
