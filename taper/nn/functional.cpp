#include "taper/nn/functional.h"

#include <cmath>
#include <limits>

#include "taper/nn/normalization.h"
#include "taper/ops/convolution.h"
#include "taper/ops/creation.h"
#include "taper/ops/dropout.h"
#include "taper/ops/embedding.h"
#include "taper/ops/loss.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/normalization.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/pooling.h"
#include "taper/ops/scatter.h"
#include "taper/ops/softmax.h"
#include "taper/ops/statistics.h"
#include "taper/ops/variants.h"

namespace taper::nn::functional {

Tensor relu(const Tensor& input, const ReLUFuncOptions& options) {
  return options.inplace() ? input.relu_() : input.relu();
}

Tensor relu6(const Tensor& input, const ReLU6FuncOptions& options) {
  Tensor self = input;
  return options.inplace() ? taper::relu6_(self) : taper::relu6(input);
}

Tensor silu(const Tensor& input, const SiLUFuncOptions& options) {
  Tensor self = input;
  return options.inplace() ? taper::silu_(self) : taper::silu(input);
}

Tensor leaky_relu(const Tensor& input, const LeakyReLUFuncOptions& options) {
  Tensor self = input;
  return options.inplace() ? taper::leaky_relu_(self, options.negative_slope())
                           : taper::leaky_relu(input, options.negative_slope());
}

Tensor elu(const Tensor& input, const ELUFuncOptions& options) {
  Tensor self = input;
  return options.inplace() ? taper::elu_(self, options.alpha())
                           : taper::elu(input, options.alpha());
}

Tensor gelu(const Tensor& input, const GELUFuncOptions& options) {
  return taper::gelu(input, options.approximate());
}

Tensor hardtanh(const Tensor& input, const HardtanhFuncOptions& options) {
  Tensor self = input;
  return options.inplace() ? taper::hardtanh_(self, options.min_val(), options.max_val())
                           : taper::hardtanh(input, options.min_val(), options.max_val());
}

Tensor softplus(const Tensor& input, const SoftplusFuncOptions& options) {
  return taper::softplus(input, options.beta(), options.threshold());
}

Tensor softmax(const Tensor& input, const SoftmaxFuncOptions& options) {
  return taper::softmax(input, options.dim(), options.dtype());
}

Tensor log_softmax(const Tensor& input, const LogSoftmaxFuncOptions& options) {
  return taper::log_softmax(input, options.dim(), options.dtype());
}

Tensor tanh(const Tensor& input) { return input.tanh(); }
Tensor sigmoid(const Tensor& input) { return input.sigmoid(); }

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  return taper::linear(input, weight, bias);
}

Tensor conv1d(const Tensor& input, const Tensor& weight, const Conv1dFuncOptions& o) {
  if (o.padding().is_same()) {
    return taper::conv1d(input, weight, o.bias(), o.stride(), "same", o.dilation(), o.groups());
  }
  return taper::conv1d(input, weight, o.bias(), o.stride(), o.padding().values(), o.dilation(),
                       o.groups());
}

Tensor conv2d(const Tensor& input, const Tensor& weight, const Conv2dFuncOptions& o) {
  if (o.padding().is_same()) {
    return taper::conv2d(input, weight, o.bias(), o.stride(), "same", o.dilation(), o.groups());
  }
  return taper::conv2d(input, weight, o.bias(), o.stride(), o.padding().values(), o.dilation(),
                       o.groups());
}

Tensor max_pool1d(const Tensor& input, const MaxPool1dFuncOptions& o) {
  return taper::max_pool1d(input, o.kernel_size(), o.stride(), o.padding(), o.dilation(),
                           o.ceil_mode());
}

Tensor max_pool2d(const Tensor& input, const MaxPool2dFuncOptions& o) {
  return taper::max_pool2d(input, o.kernel_size(), o.stride(), o.padding(), o.dilation(),
                           o.ceil_mode());
}

std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& input,
                                                   const MaxPool2dFuncOptions& o) {
  return taper::max_pool2d_with_indices(input, o.kernel_size(), o.stride(), o.padding(),
                                        o.dilation(), o.ceil_mode());
}

Tensor avg_pool2d(const Tensor& input, const AvgPool2dFuncOptions& o) {
  return taper::avg_pool2d(input, o.kernel_size(), o.stride(), o.padding(), o.ceil_mode(),
                           o.count_include_pad(), o.divisor_override());
}

Tensor adaptive_avg_pool2d(const Tensor& input, const AdaptiveAvgPool2dFuncOptions& options) {
  return taper::adaptive_avg_pool2d(input, options.sizes());
}

Tensor dropout(const Tensor& input, const DropoutFuncOptions& options) {
  TAPER_CHECK_AS(ConfigError, options.p() >= 0 && options.p() <= 1,
                 "dropout probability has to be between 0 and 1, but got ", options.p());
  Tensor self = input;
  return options.inplace() ? taper::dropout_(self, options.p(), options.training())
                           : taper::dropout(input, options.p(), options.training());
}

Tensor embedding(const Tensor& input, const Tensor& weight, const EmbeddingFuncOptions& options) {
  int64_t padding_idx = -1;
  if (options.padding_idx()) {
    padding_idx = *options.padding_idx();
    TAPER_CHECK_AS(IndexError, padding_idx >= -weight.size(0) && padding_idx < weight.size(0),
                   "embedding: Padding_idx must be within num_embeddings, got ", padding_idx,
                   " of ", weight.size(0));
    if (padding_idx < 0) padding_idx += weight.size(0);
  }
  if (options.max_norm()) {
    Tensor rows = weight.detach();
    embedding_renorm_(rows, input, *options.max_norm(), options.norm_type());
  }
  return taper::embedding(weight, input, padding_idx, options.scale_grad_by_freq(),
                          options.sparse());
}

Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormFuncOptions& o) {
  if (o.training()) nn::detail::check_several_values(input, false);
  return taper::batch_norm(input, o.weight(), o.bias(), running_mean, running_var, o.training(),
                           o.momentum().value_or(0.1), o.eps(), false);
}

Tensor layer_norm(const Tensor& input, const LayerNormFuncOptions& o) {
  return taper::layer_norm(input, o.normalized_shape(), o.weight(), o.bias(), o.eps());
}

Tensor group_norm(const Tensor& input, const GroupNormFuncOptions& o) {
  return taper::group_norm(input, o.num_groups(), o.weight(), o.bias(), o.eps());
}

Tensor normalize(const Tensor& input, const NormalizeFuncOptions& o) {
  const Tensor norm = taper::norm(input, o.p(), {o.dim()}, true);
  return input.div(taper::clamp_min(norm, o.eps()).expand_as(input));
}

Tensor l1_loss(const Tensor& input, const Tensor& target, const L1LossFuncOptions& options) {
  return taper::l1_loss(input, target, options.reduction().index());
}

Tensor mse_loss(const Tensor& input, const Tensor& target, const MSELossFuncOptions& options) {
  return taper::mse_loss(input, target, options.reduction().index());
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target,
                      const SmoothL1LossFuncOptions& options) {
  return taper::smooth_l1_loss(input, target, options.reduction().index(), options.beta());
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            const BinaryCrossEntropyFuncOptions& options) {
  return taper::binary_cross_entropy(input, target, options.weight(), options.reduction().index());
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsFuncOptions& options) {
  return taper::binary_cross_entropy_with_logits(input, target, options.weight(),
                                                 options.pos_weight(), options.reduction().index());
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const NLLLossFuncOptions& options) {
  return taper::nll_loss_nd(input, target, options.weight(), options.reduction().index(),
                            options.ignore_index());
}

Tensor cross_entropy(const Tensor& input, const Tensor& target,
                     const CrossEntropyFuncOptions& options) {
  return taper::cross_entropy_loss(input, target, options.weight(), options.reduction().index(),
                                   options.ignore_index(), options.label_smoothing());
}

}  // namespace taper::nn::functional
