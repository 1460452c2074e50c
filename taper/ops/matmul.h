#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

// Matrix products. Types never promote: all operands share one, which may be any but Bool. Half
// types accumulate in float32, integers wrap. Sizes that do not fit throw a ShapeError.
namespace taper TAPER_API {

/// Sum of the products of two vectors of one length, without dimensions.
/// variants: method, out
Tensor dot(const Tensor& self, const Tensor& tensor);
/// Matrix [n, k] times vector [k].
/// variants: method, out
Tensor mv(const Tensor& self, const Tensor& vec);
/// Matrix [n, k] times matrix [k, m]; nothing broadcasts.
/// variants: method, out
Tensor mm(const Tensor& self, const Tensor& mat2);
/// Matrix products of a batch: [b, n, k] times [b, k, m].
/// variants: method, out
Tensor bmm(const Tensor& self, const Tensor& mat2);
/// The product by rank: of vectors dot(), of matrices mm(), of matrix and vector mv(); else over
/// the last two dimensions of each, the others broadcast, and a vector counts as a row (left) or
/// a column (right) that the result drops.
/// variants: method, out
Tensor matmul(const Tensor& self, const Tensor& other);
/// beta * self + alpha * mat1 mat2, with self broadcast to [n, m]; beta = 0 ignores self's values.
/// variants: method, inplace, out
Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1,
             const Scalar& alpha = 1);
/// beta * self + alpha * mat vec, with self broadcast to [n]; beta = 0 ignores self's values.
/// variants: method, inplace, out
Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1,
             const Scalar& alpha = 1);
/// beta * self + alpha * bmm(batch1, batch2), with self broadcast; beta = 0 ignores its values.
/// variants: method, inplace, out
Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2,
               const Scalar& beta = 1, const Scalar& alpha = 1);
/// The matrix self[i] * vec2[j] of two vectors.
/// variants: method, out
Tensor outer(const Tensor& self, const Tensor& vec2);
/// Same as outer().
/// variants: method, out
Tensor ger(const Tensor& self, const Tensor& vec2);
/// input W^T + bias over the last dimension: [..., in] to [..., out], weight [out, in], bias [out].
Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias = {});

}  // namespace taper
