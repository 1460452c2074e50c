#include "taper/nn/functional_layers.h"

#include "taper/nn/dropout.h"
#include "taper/ops/contraction.h"
#include "taper/ops/convolution.h"
#include "taper/ops/distance.h"
#include "taper/ops/loss.h"
#include "taper/ops/normalization.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/scatter.h"
#include "taper/ops/variants.h"

// A layer without state is its options: the functions call it.
namespace taper::nn::functional {
namespace {

template <class Layer, class Options>
Tensor dropped(const Tensor& input, const Options& o) {
  Layer layer(DropoutOptions(o.p()).inplace(o.inplace()));
  layer.train(o.training());
  return layer.forward(input);
}

}  // namespace

#define TAPER_OF_ONE(name, Layer)                                       \
  Tensor name(const Tensor& input, const Layer##FuncOptions& options) { \
    return Layer##Impl(options).forward(input);                         \
  }
TAPER_OF_ONE(celu, CELU)
TAPER_OF_ONE(selu, SELU)
TAPER_OF_ONE(glu, GLU)
TAPER_OF_ONE(hardshrink, Hardshrink)
TAPER_OF_ONE(softshrink, Softshrink)
TAPER_OF_ONE(hardsigmoid, Hardsigmoid)
TAPER_OF_ONE(hardswish, Hardswish)
TAPER_OF_ONE(mish, Mish)
TAPER_OF_ONE(threshold, Threshold)
TAPER_OF_ONE(pixel_shuffle, PixelShuffle)
TAPER_OF_ONE(pixel_unshuffle, PixelUnshuffle)
TAPER_OF_ONE(avg_pool1d, AvgPool1d)
TAPER_OF_ONE(avg_pool3d, AvgPool3d)
TAPER_OF_ONE(adaptive_avg_pool1d, AdaptiveAvgPool1d)
TAPER_OF_ONE(adaptive_avg_pool3d, AdaptiveAvgPool3d)
TAPER_OF_ONE(max_pool3d, MaxPool3d)
TAPER_OF_ONE(adaptive_max_pool1d, AdaptiveMaxPool1d)
TAPER_OF_ONE(adaptive_max_pool2d, AdaptiveMaxPool2d)
TAPER_OF_ONE(adaptive_max_pool3d, AdaptiveMaxPool3d)

#define TAPER_WITH_INDICES(name, Layer)                                               \
  std::tuple<Tensor, Tensor> name##_with_indices(const Tensor& input,                 \
                                                 const Layer##FuncOptions& options) { \
    return Layer##Impl(options).forward_with_indices(input);                          \
  }
TAPER_WITH_INDICES(max_pool1d, MaxPool1d)
TAPER_WITH_INDICES(max_pool3d, MaxPool3d)
TAPER_WITH_INDICES(adaptive_max_pool1d, AdaptiveMaxPool1d)
TAPER_WITH_INDICES(adaptive_max_pool2d, AdaptiveMaxPool2d)
TAPER_WITH_INDICES(adaptive_max_pool3d, AdaptiveMaxPool3d)

Tensor softmin(const Tensor& input, const SoftminFuncOptions& options) {
  return softmax(input.neg(), options);
}
Tensor logsigmoid(const Tensor& input) { return log_sigmoid(input); }
Tensor prelu(const Tensor& input, const Tensor& weight) { return taper::prelu(input, weight); }
Tensor rrelu(const Tensor& input, const RReLUFuncOptions& o) {
  RReLUImpl layer(RReLUOptions().lower(o.lower()).upper(o.upper()).inplace(o.inplace()));
  layer.train(o.training());
  return layer.forward(input);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias) {
  return taper::bilinear(input1, input2, weight, bias);
}
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2,
                         const CosineSimilarityFuncOptions& options) {
  return CosineSimilarityImpl(options).forward(x1, x2);
}
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2,
                         const PairwiseDistanceFuncOptions& options) {
  return PairwiseDistanceImpl(options).forward(x1, x2);
}
Tensor pdist(const Tensor& input, double p) { return taper::pdist(input, p); }
Tensor one_hot(const Tensor& tensor, int64_t num_classes) {
  return taper::one_hot(tensor, num_classes);
}
Tensor channel_shuffle(const Tensor& input, int64_t groups) {
  return ChannelShuffleImpl(groups).forward(input);
}

Tensor conv3d(const Tensor& input, const Tensor& weight, const Conv3dFuncOptions& o) {
  if (o.padding().is_same()) {
    return taper::conv3d(input, weight, o.bias(), o.stride(), "same", o.dilation(), o.groups());
  }
  return taper::conv3d(input, weight, o.bias(), o.stride(), o.padding().values(), o.dilation(),
                       o.groups());
}
#define TAPER_TRANSPOSED(name, Options)                                                      \
  Tensor name(const Tensor& input, const Tensor& weight, const Options& o) {                 \
    return taper::name(input, weight, o.bias(), o.stride(), o.padding(), o.output_padding(), \
                       o.groups(), o.dilation());                                            \
  }
TAPER_TRANSPOSED(conv_transpose1d, ConvTranspose1dFuncOptions)
TAPER_TRANSPOSED(conv_transpose2d, ConvTranspose2dFuncOptions)
TAPER_TRANSPOSED(conv_transpose3d, ConvTranspose3dFuncOptions)

Tensor dropout1d(const Tensor& input, const Dropout1dFuncOptions& options) {
  return dropped<Dropout1dImpl>(input, options);
}
Tensor dropout2d(const Tensor& input, const Dropout2dFuncOptions& options) {
  return dropped<Dropout2dImpl>(input, options);
}
Tensor dropout3d(const Tensor& input, const Dropout3dFuncOptions& options) {
  return dropped<Dropout3dImpl>(input, options);
}
Tensor alpha_dropout(const Tensor& input, const AlphaDropoutFuncOptions& options) {
  return dropped<AlphaDropoutImpl>(input, options);
}
Tensor feature_alpha_dropout(const Tensor& input, const FeatureAlphaDropoutFuncOptions& options) {
  return dropped<FeatureAlphaDropoutImpl>(input, options);
}
Tensor instance_norm(const Tensor& input, const InstanceNormFuncOptions& o) {
  if (o.use_input_stats()) nn::detail::check_several_values(input, true);
  return taper::instance_norm(input, o.weight(), o.bias(), o.running_mean(), o.running_var(),
                              o.use_input_stats(), o.momentum(), o.eps(), false);
}

#define TAPER_LOSS_OF_TWO(name, Layer, Name)                                                 \
  Tensor name(const Tensor& input, const Tensor& target, const Name##FuncOptions& options) { \
    return Layer##Impl(options).forward(input, target);                                      \
  }
TAPER_LOSS_OF_TWO(kl_div, KLDivLoss, KLDiv)
TAPER_LOSS_OF_TWO(huber_loss, HuberLoss, HuberLoss)
TAPER_LOSS_OF_TWO(hinge_embedding_loss, HingeEmbeddingLoss, HingeEmbeddingLoss)
TAPER_LOSS_OF_TWO(multi_margin_loss, MultiMarginLoss, MultiMarginLoss)
TAPER_LOSS_OF_TWO(multilabel_margin_loss, MultiLabelMarginLoss, MultilabelMarginLoss)
TAPER_LOSS_OF_TWO(soft_margin_loss, SoftMarginLoss, SoftMarginLoss)
TAPER_LOSS_OF_TWO(poisson_nll_loss, PoissonNLLLoss, PoissonNLLLoss)

#define TAPER_LOSS_OF_THREE(name, Layer)                                      \
  Tensor name(const Tensor& input1, const Tensor& input2, const Tensor& last, \
              const Layer##FuncOptions& options) {                            \
    return Layer##Impl(options).forward(input1, input2, last);                \
  }
TAPER_LOSS_OF_THREE(margin_ranking_loss, MarginRankingLoss)
TAPER_LOSS_OF_THREE(cosine_embedding_loss, CosineEmbeddingLoss)
TAPER_LOSS_OF_THREE(triplet_margin_loss, TripletMarginLoss)

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CTCLossFuncOptions& options) {
  return CTCLossImpl(options).forward(log_probs, targets, input_lengths, target_lengths);
}

}  // namespace taper::nn::functional
