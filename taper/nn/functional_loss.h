#pragma once

#include <optional>

#include "taper/base/arg.h"
#include "taper/base/function.h"
#include "taper/nn/enum.h"
#include "taper/tensor/tensor.h"

// Functions that stand only here, not among the ops: losses, sampling, bags of embeddings.
namespace taper TAPER_API {
namespace nn::functional {

struct MultilabelSoftMarginLossFuncOptions {
  /// Of the classes.
  TAPER_ARG(Tensor, weight) = Tensor();
  TAPER_ARG(ReductionType, reduction) = kMean;
};
/// -mean over the classes (the last dimension) of y ln sigmoid(x) + (1 - y) ln sigmoid(-x).
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target,
                                   const MultilabelSoftMarginLossFuncOptions& options = {});

struct TripletMarginWithDistanceLossFuncOptions {
  using Distance = Function<Tensor(const Tensor&, const Tensor&)>;
  /// taper::pairwise_distance() unless given.
  TAPER_ARG(std::optional<Distance>, distance_function) = std::nullopt;
  TAPER_ARG(double, margin) = 1;
  TAPER_ARG(bool, swap) = false;
  TAPER_ARG(ReductionType, reduction) = kMean;
};
/// taper::triplet_margin_loss() with any distance.
Tensor triplet_margin_with_distance_loss(
    const Tensor& anchor, const Tensor& positive, const Tensor& negative,
    const TripletMarginWithDistanceLossFuncOptions& options = {});

struct GaussianNLLLossFuncOptions {
  /// Adds the constant ln(2 pi) / 2.
  TAPER_ARG(bool, full) = false;
  TAPER_ARG(double, eps) = 1e-6;
  TAPER_ARG(ReductionType, reduction) = kMean;
};
/// (ln v + (x - y)^2 / v) / 2 with v = max(var, eps), whose gradient is that of var; var has
/// input's sizes, or a last dimension of 1, or none. Throws on a negative variance.
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var,
                         const GaussianNLLLossFuncOptions& options = {});

struct GumbelSoftmaxFuncOptions {
  TAPER_ARG(double, tau) = 1;
  /// One-hot, with the gradient of the soft samples.
  TAPER_ARG(bool, hard) = false;
  TAPER_ARG(int64_t, dim) = -1;
};
/// softmax((logits + g) / tau) along dim with g drawn from Gumbel(0, 1).
Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxFuncOptions& options = {});

/// x / (1 + |x|).
Tensor softsign(const Tensor& input);
/// x - tanh(x).
Tensor tanhshrink(const Tensor& input);

struct EmbeddingBagFuncOptions {
  using Mode = Choice<enumtype::kSum, enumtype::kMean, enumtype::kMax>;
  /// Where the bags of a one-dimensional input begin.
  TAPER_ARG(Tensor, offsets) = Tensor();
  /// Rows with a larger norm are shortened, in place, before they are read.
  TAPER_ARG(std::optional<double>, max_norm) = std::nullopt;
  TAPER_ARG(double, norm_type) = 2;
  TAPER_ARG(bool, scale_grad_by_freq) = false;
  TAPER_ARG(Mode, mode) = kMean;
  TAPER_ARG(bool, sparse) = false;
  TAPER_ARG(Tensor, per_sample_weights) = Tensor();
  TAPER_ARG(bool, include_last_offset) = false;
  TAPER_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
};
/// See taper::embedding_bag(). A two-dimensional input holds a bag in each row.
Tensor embedding_bag(const Tensor& input, const Tensor& weight,
                     const EmbeddingBagFuncOptions& options = {});

}  // namespace nn::functional
}  // namespace taper
