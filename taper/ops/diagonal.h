#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// The diagonal of a matrix, or a matrix with the elements of a one-dimensional tensor on its
/// diagonal. diagonal > 0 lies above the main one.
/// variants: method
Tensor diag(const Tensor& self, int64_t diagonal = 0);
/// diag() of all elements in one dimension.
/// variants: method
Tensor diagflat(const Tensor& self, int64_t offset = 0);
/// Matrices in dimensions dim1 and dim2 of the result, with the last dimension of self on their
/// diagonals and zeros elsewhere.
/// variants: method
Tensor diag_embed(const Tensor& self, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1);
/// Fills the diagonal of a matrix, or of a tensor whose sizes are all equal. wrap: a tall matrix
/// goes on after a row without one.
/// variants: method
Tensor& fill_diagonal_(Tensor& self, const Scalar& fill_value, bool wrap = false);

/// self with src in place of its diagonal().
/// variants: method
Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0,
                        int64_t dim2 = 1);
/// self with src in place of its select().
/// variants: method
Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index);
/// self with src in place of its slice().
/// variants: method
Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim = 0,
                     std::optional<int64_t> start = std::nullopt,
                     std::optional<int64_t> end = std::nullopt, int64_t step = 1);
/// self with src in place of its as_strided().
/// variants: method
Tensor as_strided_scatter(const Tensor& self, const Tensor& src, IntArrayRef size,
                          IntArrayRef stride, std::optional<int64_t> storage_offset = std::nullopt);

}  // namespace taper
