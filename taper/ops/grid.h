#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "taper/tensor/tensor.h"

// Tensors laid out against each other: grids, products, combinations, blocks.
namespace taper TAPER_API {

/// Coordinates of a grid: the i-th result, of the sizes of all inputs together, holds the i-th
/// input along its own dimension. Inputs have at most one dimension and one type; the results are
/// expanded views. indexing "xy" swaps the first two dimensions.
std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing = "ij");
/// All choices of one element of each one-dimensional tensor, one row each: [product of lengths,
/// count], the last tensor varying fastest. A single tensor is returned as it is.
Tensor cartesian_prod(TensorList tensors);
/// All choices of r elements of a one-dimensional tensor, one row each, in the order of the
/// elements: [count, r]. with_replacement: an element may be chosen again.
/// variants: method
Tensor combinations(const Tensor& self, int64_t r = 2, bool with_replacement = false);
/// The powers 0 to N - 1 of a one-dimensional tensor's elements along a new last dimension, the
/// highest first unless increasing; N is the number of elements unless given.
Tensor vander(const Tensor& x, std::optional<int64_t> N = std::nullopt, bool increasing = false);
/// Matrices along the diagonal of a larger one, zeros elsewhere. Fewer dimensions count as one row.
Tensor block_diag(TensorList tensors);
/// The rows and columns of the elements on and below (above) a diagonal of a row x col matrix: [2,
/// count], int64 unless options name a type.
Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0,
                    const TensorOptions& options = {});
Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0,
                    const TensorOptions& options = {});
/// The Kronecker product: every element of self times all of other, block by block.
/// variants: method
Tensor kron(const Tensor& self, const Tensor& other);

}  // namespace taper
