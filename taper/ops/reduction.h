#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

// Sums, products and truth over dimensions. An empty list of dimensions means all; negative ones
// count from the end, one named twice throws. keepdim leaves reduced dimensions with size 1. The
// order of a sum follows from the shape alone: layout and thread count change no bit.
namespace taper TAPER_API {

/// Sum of all elements; integers and bool sum in int64, half types in float32.
/// variants: method
Tensor sum(const Tensor& self, std::optional<ScalarType> dtype = std::nullopt);
/// Sum over dimensions; integers and bool sum in int64, half types in float32.
/// variants: method, out
Tensor sum(const Tensor& self, IntArrayRef dim, bool keepdim = false,
           std::optional<ScalarType> dtype = std::nullopt);
/// Mean of all elements. Throws on integers unless dtype is floating; of none it is NaN.
/// variants: method
Tensor mean(const Tensor& self, std::optional<ScalarType> dtype = std::nullopt);
/// Mean over dimensions. Throws on integers unless dtype is floating.
/// variants: method, out
Tensor mean(const Tensor& self, IntArrayRef dim, bool keepdim = false,
            std::optional<ScalarType> dtype = std::nullopt);
/// Sum over dimensions with NaN taken as 0.
/// variants: method
Tensor nansum(const Tensor& self, IntArrayRef dim = {}, bool keepdim = false,
              std::optional<ScalarType> dtype = std::nullopt);
/// Mean over dimensions of what is not NaN; NaN where nothing is left. Floating types only.
/// variants: method
Tensor nanmean(const Tensor& self, IntArrayRef dim = {}, bool keepdim = false,
               std::optional<ScalarType> dtype = std::nullopt);
/// Product of all elements; integers and bool in int64.
/// variants: method
Tensor prod(const Tensor& self, std::optional<ScalarType> dtype = std::nullopt);
/// Product over a dimension; integers and bool in int64.
/// variants: method, out
Tensor prod(const Tensor& self, int64_t dim, bool keepdim = false,
            std::optional<ScalarType> dtype = std::nullopt);

/// Whether some element is not 0: bool, or uint8 for uint8.
/// variants: method
Tensor any(const Tensor& self);
/// Whether some element along a dimension is not 0.
/// variants: method, out
Tensor any(const Tensor& self, int64_t dim, bool keepdim = false);
/// Whether no element is 0; true for none.
/// variants: method
Tensor all(const Tensor& self);
/// Whether no element along a dimension is 0.
/// variants: method, out
Tensor all(const Tensor& self, int64_t dim, bool keepdim = false);
/// How many elements are not 0, an int64.
/// variants: method
Tensor count_nonzero(const Tensor& self, IntArrayRef dim = {});
/// Sum of the diagonal of a matrix.
/// variants: method
Tensor trace(const Tensor& self);

}  // namespace taper
