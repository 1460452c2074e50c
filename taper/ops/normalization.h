#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Normalisation. Half types compute in float32.
namespace taper TAPER_API {

/// (x - mean) / sqrt(var + eps) * weight + bias over the last dimensions, which must have the
/// sizes normalized_shape, as must weight and bias; the variance is the biased one.
Tensor layer_norm(const Tensor& input, IntArrayRef normalized_shape,
                  const std::optional<Tensor>& weight = {}, const std::optional<Tensor>& bias = {},
                  double eps = 1e-5, bool cudnn_enable = true);
/// layer_norm(), and the mean and 1 / sqrt(var + eps) of every group, kept as size 1.
std::tuple<Tensor, Tensor, Tensor> native_layer_norm(const Tensor& input,
                                                     IntArrayRef normalized_shape,
                                                     const std::optional<Tensor>& weight,
                                                     const std::optional<Tensor>& bias, double eps);
/// (x - mean) / sqrt(var + eps) * weight + bias for each channel of [N, C, ...]. In training mean
/// and (biased) variance are those of the batch, and the running ones, where given, become
/// (1 - momentum) * running + momentum * batch, with the unbiased variance; otherwise the running
/// ones are used.
Tensor batch_norm(const Tensor& input, const std::optional<Tensor>& weight,
                  const std::optional<Tensor>& bias, const std::optional<Tensor>& running_mean,
                  const std::optional<Tensor>& running_var, bool training, double momentum,
                  double eps, bool cudnn_enabled = true);
/// batch_norm() of every sample by itself; running statistics are averages over the samples.
Tensor instance_norm(const Tensor& input, const std::optional<Tensor>& weight,
                     const std::optional<Tensor>& bias, const std::optional<Tensor>& running_mean,
                     const std::optional<Tensor>& running_var, bool use_input_stats,
                     double momentum, double eps, bool cudnn_enabled = true);
/// The channels of [N, C, ...] in num_groups groups, each normalised over its channels and places;
/// weight and bias have C elements.
Tensor group_norm(const Tensor& input, int64_t num_groups, const std::optional<Tensor>& weight = {},
                  const std::optional<Tensor>& bias = {}, double eps = 1e-5,
                  bool cudnn_enabled = true);

}  // namespace taper
