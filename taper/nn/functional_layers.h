#pragma once

#include <tuple>

#include "taper/nn/activation.h"
#include "taper/nn/conv.h"
#include "taper/nn/distance.h"
#include "taper/nn/functional.h"
#include "taper/nn/loss.h"
#include "taper/nn/pooling.h"
#include "taper/nn/vision.h"

// The other layers as functions; each is described beside its module.
namespace taper TAPER_API {
namespace nn::functional {

#define TAPER_OF_ONE(name, Layer)            \
  using Layer##FuncOptions = Layer##Options; \
  Tensor name(const Tensor& input, const Layer##FuncOptions& options = {})
TAPER_OF_ONE(celu, CELU);
TAPER_OF_ONE(selu, SELU);
TAPER_OF_ONE(glu, GLU);
TAPER_OF_ONE(hardshrink, Hardshrink);
TAPER_OF_ONE(softshrink, Softshrink);
TAPER_OF_ONE(hardsigmoid, Hardsigmoid);
TAPER_OF_ONE(hardswish, Hardswish);
TAPER_OF_ONE(mish, Mish);
#undef TAPER_OF_ONE
using ThresholdFuncOptions = ThresholdOptions;
using SoftminFuncOptions = SoftmaxFuncOptions;
Tensor threshold(const Tensor& input, const ThresholdFuncOptions& options);
Tensor softmin(const Tensor& input, const SoftminFuncOptions& options);
Tensor logsigmoid(const Tensor& input);
Tensor prelu(const Tensor& input, const Tensor& weight);
struct RReLUFuncOptions {
  TAPER_ARG(double, lower) = 1.0 / 8.0;
  TAPER_ARG(double, upper) = 1.0 / 3.0;
  TAPER_ARG(bool, training) = false;
  TAPER_ARG(bool, inplace) = false;
};
Tensor rrelu(const Tensor& input, const RReLUFuncOptions& options = {});

/// y = x1^T W x2 + b on the last dimensions; weight [out, in1, in2].
Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias = {});
using CosineSimilarityFuncOptions = CosineSimilarityOptions;
using PairwiseDistanceFuncOptions = PairwiseDistanceOptions;
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2,
                         const CosineSimilarityFuncOptions& options = {});
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2,
                         const PairwiseDistanceFuncOptions& options = {});
/// See taper::pdist() and taper::one_hot().
Tensor pdist(const Tensor& input, double p = 2);
Tensor one_hot(const Tensor& tensor, int64_t num_classes = -1);
using PixelShuffleFuncOptions = PixelShuffleOptions;
using PixelUnshuffleFuncOptions = PixelUnshuffleOptions;
Tensor pixel_shuffle(const Tensor& input, const PixelShuffleFuncOptions& options);
Tensor pixel_unshuffle(const Tensor& input, const PixelUnshuffleFuncOptions& options);
Tensor channel_shuffle(const Tensor& input, int64_t groups);

using Conv3dFuncOptions = ConvFuncOptions<3>;
/// weight [out, in / groups, kernel depth, height, width].
Tensor conv3d(const Tensor& input, const Tensor& weight, const Conv3dFuncOptions& options = {});
template <size_t D>
struct ConvTransposeFuncOptions {
  TAPER_ARG(Tensor, bias) = Tensor();
  TAPER_ARG(ExpandingArray<D>, stride) = 1;
  TAPER_ARG(ExpandingArray<D>, padding) = 0;
  TAPER_ARG(ExpandingArray<D>, output_padding) = 0;
  TAPER_ARG(int64_t, groups) = 1;
  TAPER_ARG(ExpandingArray<D>, dilation) = 1;
};
// conv_transpose: weight [in, out / groups, kernel...]. Pools with indices give each value's place
// within its plane too.
#define TAPER_OF_DIMENSIONS(D)                                                     \
  using ConvTranspose##D##dFuncOptions = ConvTransposeFuncOptions<D>;              \
  Tensor conv_transpose##D##d(const Tensor& input, const Tensor& weight,           \
                              const ConvTranspose##D##dFuncOptions& options = {}); \
  using AdaptiveMaxPool##D##dFuncOptions = AdaptiveMaxPool##D##dOptions;           \
  Tensor adaptive_max_pool##D##d(const Tensor& input,                              \
                                 const AdaptiveMaxPool##D##dFuncOptions& options); \
  std::tuple<Tensor, Tensor> adaptive_max_pool##D##d_with_indices(                 \
      const Tensor& input, const AdaptiveMaxPool##D##dFuncOptions& options)
TAPER_OF_DIMENSIONS(1);
TAPER_OF_DIMENSIONS(2);
TAPER_OF_DIMENSIONS(3);
#undef TAPER_OF_DIMENSIONS
#define TAPER_OF_ODD_DIMENSIONS(D)                                                     \
  using AvgPool##D##dFuncOptions = AvgPool##D##dOptions;                               \
  Tensor avg_pool##D##d(const Tensor& input, const AvgPool##D##dFuncOptions& options); \
  using AdaptiveAvgPool##D##dFuncOptions = AdaptiveAvgPool##D##dOptions;               \
  Tensor adaptive_avg_pool##D##d(const Tensor& input,                                  \
                                 const AdaptiveAvgPool##D##dFuncOptions& options);     \
  std::tuple<Tensor, Tensor> max_pool##D##d_with_indices(const Tensor& input,          \
                                                         const MaxPoolOptions<D>& options)
TAPER_OF_ODD_DIMENSIONS(1);
TAPER_OF_ODD_DIMENSIONS(3);
#undef TAPER_OF_ODD_DIMENSIONS
using MaxPool3dFuncOptions = MaxPool3dOptions;
Tensor max_pool3d(const Tensor& input, const MaxPool3dFuncOptions& options);

using Dropout1dFuncOptions = DropoutFuncOptions;
using Dropout2dFuncOptions = DropoutFuncOptions;
using Dropout3dFuncOptions = DropoutFuncOptions;
struct AlphaDropoutFuncOptions {
  TAPER_ARG(double, p) = 0.5;
  TAPER_ARG(bool, training) = false;
  TAPER_ARG(bool, inplace) = false;
};
using FeatureAlphaDropoutFuncOptions = AlphaDropoutFuncOptions;
Tensor dropout1d(const Tensor& input, const Dropout1dFuncOptions& options = {});
Tensor dropout2d(const Tensor& input, const Dropout2dFuncOptions& options = {});
Tensor dropout3d(const Tensor& input, const Dropout3dFuncOptions& options = {});
Tensor alpha_dropout(const Tensor& input, const AlphaDropoutFuncOptions& options = {});
Tensor feature_alpha_dropout(const Tensor& input,
                             const FeatureAlphaDropoutFuncOptions& options = {});
struct InstanceNormFuncOptions {
  TAPER_ARG(Tensor, running_mean) = Tensor();
  TAPER_ARG(Tensor, running_var) = Tensor();
  TAPER_ARG(Tensor, weight) = Tensor();
  TAPER_ARG(Tensor, bias) = Tensor();
  TAPER_ARG(bool, use_input_stats) = true;
  TAPER_ARG(double, momentum) = 0.1;
  TAPER_ARG(double, eps) = 1e-5;
};
Tensor instance_norm(const Tensor& input, const InstanceNormFuncOptions& options = {});

#define TAPER_LOSS_OF_TWO(name, Layer, Name) \
  using Name##FuncOptions = Layer##Options;  \
  Tensor name(const Tensor& input, const Tensor& target, const Name##FuncOptions& options = {})
TAPER_LOSS_OF_TWO(kl_div, KLDivLoss, KLDiv);
TAPER_LOSS_OF_TWO(huber_loss, HuberLoss, HuberLoss);
TAPER_LOSS_OF_TWO(hinge_embedding_loss, HingeEmbeddingLoss, HingeEmbeddingLoss);
TAPER_LOSS_OF_TWO(multi_margin_loss, MultiMarginLoss, MultiMarginLoss);
TAPER_LOSS_OF_TWO(multilabel_margin_loss, MultiLabelMarginLoss, MultilabelMarginLoss);
TAPER_LOSS_OF_TWO(soft_margin_loss, SoftMarginLoss, SoftMarginLoss);
TAPER_LOSS_OF_TWO(poisson_nll_loss, PoissonNLLLoss, PoissonNLLLoss);
#undef TAPER_LOSS_OF_TWO
#define TAPER_LOSS_OF_THREE(name, Layer)                                      \
  using Layer##FuncOptions = Layer##Options;                                  \
  Tensor name(const Tensor& input1, const Tensor& input2, const Tensor& last, \
              const Layer##FuncOptions& options = {})
TAPER_LOSS_OF_THREE(margin_ranking_loss, MarginRankingLoss);
TAPER_LOSS_OF_THREE(cosine_embedding_loss, CosineEmbeddingLoss);
TAPER_LOSS_OF_THREE(triplet_margin_loss, TripletMarginLoss);
#undef TAPER_LOSS_OF_THREE
using CTCLossFuncOptions = CTCLossOptions;
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CTCLossFuncOptions& options = {});

}  // namespace nn::functional
}  // namespace taper
