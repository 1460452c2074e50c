#pragma once

#include "taper/tensor/generator.h"
#include "taper/tensor/tensor.h"

// Activations made of other ops. Floating types; NaN stays NaN.
namespace taper TAPER_API {

/// a * sigmoid(b) of the halves a and b of dimension dim, whose size is even.
Tensor glu(const Tensor& self, int64_t dim = -1);
/// |self| > lambd ? self : 0.
/// variants: method
Tensor hardshrink(const Tensor& self, const Scalar& lambd = 0.5);
/// self - lambd above lambd, self + lambd below -lambd, 0 between. Throws on a negative lambd.
Tensor softshrink(const Tensor& self, const Scalar& lambd = 0.5);
/// self > 0 ? self : weight * self; weight has one element, or one for each channel (dimension 1).
/// variants: method
Tensor prelu(const Tensor& self, const Tensor& weight);
/// leaky_relu() whose slope is drawn between lower and upper for each element in training, else
/// their mean.
Tensor rrelu(const Tensor& self, const Scalar& lower = 0.125, const Scalar& upper = 1.0 / 3,
             bool training = false, const std::optional<Generator>& generator = std::nullopt);
/// rrelu() in place.
Tensor& rrelu_(Tensor& self, const Scalar& lower = 0.125, const Scalar& upper = 1.0 / 3,
               bool training = false, const std::optional<Generator>& generator = std::nullopt);

}  // namespace taper
