#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// out[i][j][k] = self[i][index[i][j][k]][k] for dim 1 of 3; out has the sizes of index, an int64
/// tensor. Throws an IndexError where an index is not in [0, size(dim)).
/// variants: method, out
Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad = false);
/// gather() after index and self are broadcast but for dim; without dim both are flattened.
/// variants: method
Tensor take_along_dim(const Tensor& self, const Tensor& indices,
                      std::optional<int64_t> dim = std::nullopt);
/// The slices of a dimension that a one-dimensional integer index names.
/// variants: method, out
Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index);
/// The elements of the flattened tensor that index names, in index's sizes.
/// variants: method, out
Tensor take(const Tensor& self, const Tensor& index);
/// self with self[i][index[i][j][k]][k] = src[i][j][k] for dim 1 of 3. Where indices repeat, the
/// last wins.
/// variants: method, inplace, out
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);
/// self with a number at each place that index names.
/// variants: method, inplace, out
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value);
/// self with src added (reduce "add") or multiplied ("multiply") at the places that index names.
/// variants: method, inplace, out
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
               std::string_view reduce);
/// self with a number added ("add") to or multiplied ("multiply") into each place that index names,
/// as often as it names it.
/// variants: method, inplace, out
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value,
               std::string_view reduce);
/// self with src[i][j][k] added to self[i][index[i][j][k]][k] for dim 1 of 3.
/// variants: method, inplace, out
Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);
/// self with src[i][j][k] combined into self[i][index[i][j][k]][k] for dim 1 of 3. reduce: "sum",
/// "prod", "mean", "amax", "amin". Without include_self what is written to starts from src alone.
/// Ties of amax and amin share the gradient.
/// variants: method, inplace
Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self = true);
/// scatter_reduce() of the slices of source into those that index names; "prod", "mean", "amax" or
/// "amin".
/// variants: method, inplace
Tensor index_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                    std::string_view reduce, bool include_self = true);
/// self with source[i] at (or, accumulate: added to) the element index[i] of the flattened tensor;
/// negative indices count from the end.
/// variants: method, inplace
Tensor put(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate = false);
/// self with alpha times the slices of source added to those that index names.
/// variants: method, inplace
Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha = 1);
/// self with the slices of source in place of those that index names.
/// variants: method, inplace
Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source);
/// self with a number in the slices that index names.
/// variants: method, inplace
Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value);
/// Row weight[i] for each element i of indices. The row padding_idx, unless negative, gets no
/// gradient.
Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx = -1,
                 bool scale_grad_by_freq = false, bool sparse = false);
/// int64 with a new last dimension of num_classes (-1: the largest class + 1), 1 at the class.
Tensor one_hot(const Tensor& self, int64_t num_classes = -1);

}  // namespace taper
