#pragma once

#include <optional>
#include <vector>

#include "taper/tensor/tensor.h"

// Differences between neighbours along a dimension, and sums of areas under them.
namespace taper TAPER_API {

/// x[i + 1] - x[i] along dim, n times over; prepend and append are joined to x first. Of bool it is
/// whether the two differ.
/// variants: method
Tensor diff(const Tensor& self, int64_t n = 1, int64_t dim = -1,
            const std::optional<Tensor>& prepend = std::nullopt,
            const std::optional<Tensor>& append = std::nullopt);
/// The area under y along dim by trapezoids, sum of (y[i] + y[i + 1]) / 2 times dx, or times
/// x[i + 1] - x[i]. x has y's size along dim: one dimension, or any that broadcast.
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1);
Tensor trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
/// Same as trapezoid().
Tensor trapz(const Tensor& y, const Tensor& x, int64_t dim = -1);
Tensor trapz(const Tensor& y, double dx = 1, int64_t dim = -1);
/// The running sums of trapezoid(), one fewer than y has elements along dim.
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1);
Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
/// The slope along each of dim (all if none is named), exact for parabolas between the ends; at the
/// ends exact for lines (edge_order 1) or parabolas (2). Points are spacing apart.
std::vector<Tensor> gradient(const Tensor& self, const Scalar& spacing = 1, IntArrayRef dim = {},
                             int64_t edge_order = 1);
/// gradient() with a spacing for each dimension.
std::vector<Tensor> gradient(const Tensor& self, ArrayRef<Scalar> spacing, IntArrayRef dim = {},
                             int64_t edge_order = 1);
/// gradient() of values at the points that one tensor for each dimension lists.
std::vector<Tensor> gradient(const Tensor& self, TensorList spacing, IntArrayRef dim = {},
                             int64_t edge_order = 1);

}  // namespace taper
