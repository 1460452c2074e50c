#pragma once

#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// The elements where the mask is true, in one dimension.
/// variants: method, out
Tensor masked_select(const Tensor& self, const Tensor& mask);

/// self with a number where the mask, broadcast to self's sizes, is true.
/// variants: method, inplace
Tensor masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value);
/// self with the value of a tensor without dimensions where the mask is true.
/// variants: method, inplace
Tensor masked_fill(const Tensor& self, const Tensor& mask, const Tensor& value);

/// self with the elements of source, in order, where the mask is true.
/// variants: method, inplace
Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source);

/// The indices of the elements other than zero, one row each: int64 of [count, dim].
/// variants: method
Tensor nonzero(const Tensor& self);
/// nonzero() as one tensor for each dimension.
/// variants: method
std::vector<Tensor> nonzero_numpy(const Tensor& self);
/// Same as nonzero().
/// variants: method
Tensor argwhere(const Tensor& self);
/// Same as nonzero_numpy().
std::vector<Tensor> where(const Tensor& condition);

/// The last two dimensions' elements on and below a diagonal, the rest zero.
/// variants: method, inplace
Tensor tril(const Tensor& self, int64_t diagonal = 0);
/// The last two dimensions' elements on and above a diagonal, the rest zero.
/// variants: method, inplace
Tensor triu(const Tensor& self, int64_t diagonal = 0);

}  // namespace taper
