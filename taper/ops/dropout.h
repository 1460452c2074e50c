#pragma once

#include <optional>

#include "taper/tensor/generator.h"
#include "taper/tensor/tensor.h"

// Dropout. Masks are drawn by counter from the default generator's seed: which elements fall
// depends neither on layout nor on threads, but on the call and the position in row-major order.
// Throws unless 0 <= p <= 1. Without train, and with p = 0, the input is returned as it is.
namespace taper TAPER_API {

/// Each element is 0 with probability p, else x / (1 - p).
/// variants: inplace
Tensor dropout(const Tensor& self, double p, bool train);
/// dropout() of whole channels: of [N, C, ...] each [n, c] falls as one.
/// variants: inplace
Tensor feature_dropout(const Tensor& self, double p, bool train);
/// Dropout to the negative limit of SELU, then scaled so that mean and variance stay.
/// variants: inplace
Tensor alpha_dropout(const Tensor& self, double p, bool train);
/// Each element is 1 with probability x, else 0.
/// variants: method
Tensor bernoulli(const Tensor& self, const std::optional<Generator>& generator = std::nullopt);
/// Each element is 1 with probability p, else 0.
/// variants: method
Tensor bernoulli(const Tensor& self, double p,
                 const std::optional<Generator>& generator = std::nullopt);
/// Fills with 1 with probability p, else 0.
/// variants: method
Tensor& bernoulli_(Tensor& self, double p = 0.5,
                   const std::optional<Generator>& generator = std::nullopt);
/// Fills with 1 with the probabilities of a tensor that broadcasts, else 0.
/// variants: method
Tensor& bernoulli_(Tensor& self, const Tensor& p,
                   const std::optional<Generator>& generator = std::nullopt);

}  // namespace taper
