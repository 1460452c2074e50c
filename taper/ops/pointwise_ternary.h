#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Ops of three tensors. Sizes broadcast; types promote.
namespace taper TAPER_API {

/// self where condition, else other. condition is a bool tensor.
/// variants: method
Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other);
/// self where condition, else other.
Tensor where(const Tensor& condition, const Scalar& self, const Tensor& other);
/// self where condition, else other.
/// variants: method
Tensor where(const Tensor& condition, const Tensor& self, const Scalar& other);
/// self where condition, else other.
Tensor where(const Tensor& condition, const Scalar& self, const Scalar& other);
/// self + weight * (end - self).
/// variants: method, inplace, out
Tensor lerp(const Tensor& self, const Tensor& end, const Tensor& weight);
/// self + weight * (end - self).
/// variants: method, inplace, out
Tensor lerp(const Tensor& self, const Tensor& end, const Scalar& weight);
/// self + value * tensor1 * tensor2.
/// variants: method, inplace, out
Tensor addcmul(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value = 1);
/// self + value * tensor1 / tensor2. Throws on integers.
/// variants: method, inplace, out
Tensor addcdiv(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value = 1);

}  // namespace taper
