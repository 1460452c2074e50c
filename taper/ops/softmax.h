#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// e^x / sum(e^x) along dim, computed in dtype if one is given. A line of only -inf gives NaN.
/// Throws on integers without a floating dtype.
/// variants: method, out
Tensor softmax(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype = std::nullopt);
/// ln(softmax(x)) along dim, without overflow.
/// variants: method, out
Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype = std::nullopt);

}  // namespace taper
