#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Activations. NaN stays NaN.
namespace taper TAPER_API {

/// max(self, 0); integers stay.
/// variants: method, inplace, out
Tensor relu(const Tensor& self);
/// min(max(self, 0), 6); integers stay.
/// variants: inplace
Tensor relu6(const Tensor& self);
/// self > 0 ? self : negative_slope * self.
/// variants: inplace, out
Tensor leaky_relu(const Tensor& self, const Scalar& negative_slope = 0.01);
/// self > 0 ? scale * self : scale * alpha * (exp(input_scale * self) - 1).
/// variants: inplace, out
Tensor elu(const Tensor& self, const Scalar& alpha = 1, const Scalar& scale = 1,
           const Scalar& input_scale = 1);
/// elu() with the constants of self-normalising networks (https://arxiv.org/abs/1706.02515).
/// variants: inplace
Tensor selu(const Tensor& self);
/// max(0, self) + min(0, alpha * (exp(self / alpha) - 1)).
/// variants: inplace
Tensor celu(const Tensor& self, const Scalar& alpha = 1);
/// self * P(X <= self) for a standard normal X; with approximate = "tanh",
/// 0.5 * self * (1 + tanh(sqrt(2 / pi) * (self + 0.044715 * self^3))).
/// variants: inplace, out
Tensor gelu(const Tensor& self, std::string_view approximate = "none");
/// self * sigmoid(self).
/// variants: inplace, out
Tensor silu(const Tensor& self);
/// self * tanh(softplus(self)).
/// variants: inplace
Tensor mish(const Tensor& self);
/// log(1 + exp(beta * self)) / beta; self itself where beta * self > threshold.
/// variants: out
Tensor softplus(const Tensor& self, const Scalar& beta = 1, const Scalar& threshold = 20);
/// log(sigmoid(self)).
Tensor log_sigmoid(const Tensor& self);
/// min(max(self, min_val), max_val).
/// variants: inplace, out
Tensor hardtanh(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1);
/// min(max(self + 3, 0), 6) / 6.
/// variants: inplace, out
Tensor hardsigmoid(const Tensor& self);
/// self * min(max(self + 3, 0), 6) / 6.
/// variants: inplace, out
Tensor hardswish(const Tensor& self);
/// self > threshold ? self : value.
/// variants: inplace, out
Tensor threshold(const Tensor& self, const Scalar& threshold, const Scalar& value);

}  // namespace taper
