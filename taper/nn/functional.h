#pragma once

#include <optional>
#include <tuple>
#include <vector>

#include "taper/nn/activation.h"
#include "taper/nn/conv.h"
#include "taper/nn/dropout.h"
#include "taper/nn/embedding.h"
#include "taper/nn/loss.h"
#include "taper/nn/normalization.h"
#include "taper/nn/pooling.h"
#include "taper/ops/attention.h"

// Layers as functions, with LibTorch's names and options. What a module keeps (weights, training
// mode) is an argument or an option here.
namespace taper TAPER_API {
namespace nn::functional {

using ReLUFuncOptions = ReLUOptions;
using ReLU6FuncOptions = ReLU6Options;
using SiLUFuncOptions = SiLUOptions;
using LeakyReLUFuncOptions = LeakyReLUOptions;
using ELUFuncOptions = ELUOptions;
using GELUFuncOptions = GELUOptions;
using HardtanhFuncOptions = HardtanhOptions;
using SoftplusFuncOptions = SoftplusOptions;
using MaxPool1dFuncOptions = MaxPool1dOptions;
using MaxPool2dFuncOptions = MaxPool2dOptions;
using AvgPool2dFuncOptions = AvgPool2dOptions;
using AdaptiveAvgPool2dFuncOptions = AdaptiveAvgPool2dOptions;
using L1LossFuncOptions = L1LossOptions;
using MSELossFuncOptions = MSELossOptions;
using SmoothL1LossFuncOptions = SmoothL1LossOptions;
using BinaryCrossEntropyFuncOptions = BCELossOptions;
using BinaryCrossEntropyWithLogitsFuncOptions = BCEWithLogitsLossOptions;
using NLLLossFuncOptions = NLLLossOptions;
using CrossEntropyFuncOptions = CrossEntropyLossOptions;

struct SoftmaxFuncOptions {
  SoftmaxFuncOptions(int64_t dim) : dim_(dim) {}
  TAPER_ARG(int64_t, dim);
  /// The type to convert the input to first.
  TAPER_ARG(std::optional<Dtype>, dtype) = std::nullopt;
};
using LogSoftmaxFuncOptions = SoftmaxFuncOptions;

template <size_t D>
struct ConvFuncOptions {
  TAPER_ARG(Tensor, bias) = Tensor();
  TAPER_ARG(ExpandingArray<D>, stride) = 1;
  TAPER_ARG(ConvPadding<D>, padding) = 0;
  TAPER_ARG(ExpandingArray<D>, dilation) = 1;
  TAPER_ARG(int64_t, groups) = 1;
};
using Conv1dFuncOptions = ConvFuncOptions<1>;
using Conv2dFuncOptions = ConvFuncOptions<2>;

struct DropoutFuncOptions {
  TAPER_ARG(double, p) = 0.5;
  TAPER_ARG(bool, training) = true;
  TAPER_ARG(bool, inplace) = false;
};
struct EmbeddingFuncOptions {
  TAPER_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
  /// Rows with a larger norm are shortened, in place, before they are read.
  TAPER_ARG(std::optional<double>, max_norm) = std::nullopt;
  TAPER_ARG(double, norm_type) = 2;
  TAPER_ARG(bool, scale_grad_by_freq) = false;
  TAPER_ARG(bool, sparse) = false;
};
struct BatchNormFuncOptions {
  TAPER_ARG(Tensor, weight) = Tensor();
  TAPER_ARG(Tensor, bias) = Tensor();
  TAPER_ARG(bool, training) = false;
  TAPER_ARG(std::optional<double>, momentum) = 0.1;
  TAPER_ARG(double, eps) = 1e-5;
};
struct LayerNormFuncOptions {
  LayerNormFuncOptions(std::vector<int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  TAPER_ARG(std::vector<int64_t>, normalized_shape);
  TAPER_ARG(Tensor, weight) = Tensor();
  TAPER_ARG(Tensor, bias) = Tensor();
  TAPER_ARG(double, eps) = 1e-5;
};
struct GroupNormFuncOptions {
  GroupNormFuncOptions(int64_t num_groups) : num_groups_(num_groups) {}
  TAPER_ARG(int64_t, num_groups);
  TAPER_ARG(Tensor, weight) = Tensor();
  TAPER_ARG(Tensor, bias) = Tensor();
  TAPER_ARG(double, eps) = 1e-5;
};
struct NormalizeFuncOptions {
  TAPER_ARG(double, p) = 2.0;
  TAPER_ARG(int64_t, dim) = 1;
  TAPER_ARG(double, eps) = 1e-12;
};

// Each activation is described beside its module (taper/nn/activation.h).
Tensor relu(const Tensor& input, const ReLUFuncOptions& options = {});
Tensor relu6(const Tensor& input, const ReLU6FuncOptions& options = {});
Tensor silu(const Tensor& input, const SiLUFuncOptions& options = {});
Tensor leaky_relu(const Tensor& input, const LeakyReLUFuncOptions& options = {});
Tensor elu(const Tensor& input, const ELUFuncOptions& options = {});
Tensor gelu(const Tensor& input, const GELUFuncOptions& options = {});
Tensor hardtanh(const Tensor& input, const HardtanhFuncOptions& options = {});
Tensor softplus(const Tensor& input, const SoftplusFuncOptions& options = {});
Tensor softmax(const Tensor& input, const SoftmaxFuncOptions& options);
Tensor log_softmax(const Tensor& input, const LogSoftmaxFuncOptions& options);
Tensor tanh(const Tensor& input);
Tensor sigmoid(const Tensor& input);

/// y = x W^T + b on the last dimension: x [..., in], weight [out, in], bias [out] or undefined.
Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias = {});
/// weight [out, in / groups, kernel].
Tensor conv1d(const Tensor& input, const Tensor& weight, const Conv1dFuncOptions& options = {});
/// weight [out, in / groups, kernel height, kernel width].
Tensor conv2d(const Tensor& input, const Tensor& weight, const Conv2dFuncOptions& options = {});

Tensor max_pool1d(const Tensor& input, const MaxPool1dFuncOptions& options);
Tensor max_pool2d(const Tensor& input, const MaxPool2dFuncOptions& options);
/// Also the position of each value within its plane.
std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& input,
                                                   const MaxPool2dFuncOptions& options);
Tensor avg_pool2d(const Tensor& input, const AvgPool2dFuncOptions& options);
Tensor adaptive_avg_pool2d(const Tensor& input, const AdaptiveAvgPool2dFuncOptions& options);

/// Throws unless p lies in [0, 1].
Tensor dropout(const Tensor& input, const DropoutFuncOptions& options = {});
/// The rows of weight that input names.
Tensor embedding(const Tensor& input, const Tensor& weight,
                 const EmbeddingFuncOptions& options = {});
/// Training updates running_mean and running_var where they are defined.
Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormFuncOptions& options = {});
Tensor layer_norm(const Tensor& input, const LayerNormFuncOptions& options);
Tensor group_norm(const Tensor& input, const GroupNormFuncOptions& options);
/// x / max(p-norm of x along dim, eps).
Tensor normalize(const Tensor& input, const NormalizeFuncOptions& options = {});
using taper::scaled_dot_product_attention;

// Each loss is described beside its module (taper/nn/loss.h).
Tensor l1_loss(const Tensor& input, const Tensor& target, const L1LossFuncOptions& options = {});
Tensor mse_loss(const Tensor& input, const Tensor& target, const MSELossFuncOptions& options = {});
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target,
                      const SmoothL1LossFuncOptions& options = {});
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            const BinaryCrossEntropyFuncOptions& options = {});
Tensor binary_cross_entropy_with_logits(
    const Tensor& input, const Tensor& target,
    const BinaryCrossEntropyWithLogitsFuncOptions& options = {});
Tensor nll_loss(const Tensor& input, const Tensor& target, const NLLLossFuncOptions& options = {});
Tensor cross_entropy(const Tensor& input, const Tensor& target,
                     const CrossEntropyFuncOptions& options = {});

}  // namespace nn::functional
}  // namespace taper
