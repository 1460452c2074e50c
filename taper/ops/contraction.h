#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Sums of products over chosen dimensions, each brought to one batched matrix product.
namespace taper TAPER_API {

/// Einstein's summation: "ij,jk->ik" names each operand's dimensions by letters; a letter that the
/// result does not name is summed over. Without "->" the result has the letters that occur once, in
/// alphabetical order. "..." stands for dimensions that broadcast; a letter twice in one operand
/// takes its diagonal; blanks are ignored.
Tensor einsum(std::string_view equation, TensorList operands);
/// The sum of products over the dimensions dims_self of self and dims_other of other, pair by pair;
/// what is left of self comes first, then what is left of other.
/// variants: out
Tensor tensordot(const Tensor& self, const Tensor& other, IntArrayRef dims_self,
                 IntArrayRef dims_other);
/// The sum of products over the last dimensions, which must be equal; a product where one of the
/// two has no dimension.
/// variants: method, out
Tensor inner(const Tensor& self, const Tensor& other);
/// dot() of two vectors; for complex numbers of the first one's conjugate.
/// variants: method, out
Tensor vdot(const Tensor& self, const Tensor& other);
/// beta * self + alpha * outer(vec1, vec2).
/// variants: method, inplace, out
Tensor addr(const Tensor& self, const Tensor& vec1, const Tensor& vec2, const Scalar& beta = 1,
            const Scalar& alpha = 1);
/// beta * self + alpha * the sum of the products batch1[i] batch2[i].
/// variants: method, inplace, out
Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2,
              const Scalar& beta = 1, const Scalar& alpha = 1);
/// The product of matrices in the order that needs the fewest multiplications.
Tensor chain_matmul(TensorList matrices);
/// The cross product of vectors of three along a dimension: dim, or the first one of size 3.
/// variants: method, out
Tensor cross(const Tensor& self, const Tensor& other, std::optional<int64_t> dim = std::nullopt);
/// x1 weight[o] x2 + bias[o] for rows of x1 and x2: weight [out, in1, in2].
Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const std::optional<Tensor>& bias = std::nullopt);

}  // namespace taper
