#pragma once

#include <tuple>

#include "taper/nn/conv.h"
#include "taper/nn/linear.h"
#include "taper/nn/normalization.h"

namespace taper TAPER_API {
namespace nn::utils {

/// Weight and bias of the one convolution that does what a convolution (transposed or not) followed
/// by a batch normalisation in evaluation does: w s and (b - mean) s + bn_bias, per output channel,
/// with s = bn_weight / sqrt(var + eps). What is undefined of conv_bias, bn_weight and bn_bias
/// counts as 0, 1 and 0. The results keep the types of conv_weight and conv_bias, and whether these
/// require gradients. Throws ShapeError unless every vector has an element for each output channel.
std::tuple<Tensor, Tensor> fuse_conv_bn_weights(const Tensor& conv_weight, const Tensor& conv_bias,
                                                const Tensor& running_mean,
                                                const Tensor& running_var, double eps,
                                                const Tensor& bn_weight, const Tensor& bn_bias,
                                                bool transpose = false);
/// As fuse_conv_bn_weights(), of a linear layer; vectors of one element count for every feature.
std::tuple<Tensor, Tensor> fuse_linear_bn_weights(const Tensor& linear_weight,
                                                  const Tensor& linear_bias,
                                                  const Tensor& running_mean,
                                                  const Tensor& running_var, double eps,
                                                  const Tensor& bn_weight, const Tensor& bn_bias);

// The one layer that does what the two do in evaluation, with tensors of its own. Throw ConfigError
// for a layer in training, one without running statistics and one whose weight is no parameter
// (parametrised or pruned), and ShapeError for other numbers of channels (so of groups of a
// transposed convolution).
Conv1d fuse_conv_bn_eval(const Conv1d& conv, const BatchNorm1d& bn);
Conv2d fuse_conv_bn_eval(const Conv2d& conv, const BatchNorm2d& bn);
Conv3d fuse_conv_bn_eval(const Conv3d& conv, const BatchNorm3d& bn);
ConvTranspose1d fuse_conv_bn_eval(const ConvTranspose1d& conv, const BatchNorm1d& bn);
ConvTranspose2d fuse_conv_bn_eval(const ConvTranspose2d& conv, const BatchNorm2d& bn);
ConvTranspose3d fuse_conv_bn_eval(const ConvTranspose3d& conv, const BatchNorm3d& bn);
/// For inputs [N, features]; of [N, 1, L] where the normalisation has one channel.
Linear fuse_linear_bn_eval(const Linear& linear, const BatchNorm1d& bn);

}  // namespace nn::utils
}  // namespace taper
