#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

// Running totals along a dimension.
namespace taper TAPER_API {

/// out[i] = x[0] + ... + x[i] along dim; integers and bool in int64, float32 in double.
/// variants: method
Tensor cumsum(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype = std::nullopt);
/// out[i] = x[0] * ... * x[i] along dim; integers and bool in int64, float32 in double.
/// variants: method
Tensor cumprod(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype = std::nullopt);

}  // namespace taper
