#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Largest and smallest elements. NaN counts as larger than all in max and as smaller in min.
namespace taper TAPER_API {

/// The largest element. Throws on none. Ties share the gradient.
/// variants: method
Tensor max(const Tensor& self);
/// The smallest element. Throws on none. Ties share the gradient.
/// variants: method
Tensor min(const Tensor& self);
/// The largest elements along dim and where they stand, the first of ties.
/// variants: method
std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim = false);
/// The smallest elements along dim and where they stand, the first of ties.
/// variants: method
std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim = false);
/// Same as maximum().
/// variants: method, out
Tensor max(const Tensor& self, const Tensor& other);
/// Same as minimum().
/// variants: method, out
Tensor min(const Tensor& self, const Tensor& other);
/// The largest elements over dimensions (all if none is named). Ties share the gradient.
/// variants: method, out
Tensor amax(const Tensor& self, IntArrayRef dim = {}, bool keepdim = false);
/// The smallest elements over dimensions (all if none is named). Ties share the gradient.
/// variants: method, out
Tensor amin(const Tensor& self, IntArrayRef dim = {}, bool keepdim = false);
/// amin and amax, over all or one dimension.
/// variants: method
std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt,
                                   bool keepdim = false);
/// Where the largest element stands, the first of ties: in row-major order, or along dim. int64.
/// variants: method
Tensor argmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false);
/// Where the smallest element stands, the first of ties: in row-major order, or along dim. int64.
/// variants: method
Tensor argmin(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false);

}  // namespace taper
