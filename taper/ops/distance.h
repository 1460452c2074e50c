#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

// Distances and angles between vectors. Floating types; a distance of 0 has gradient 0.
namespace taper TAPER_API {

/// The p-norm of x1 - x2 + eps over the last dimension; x1 and x2 broadcast. Integers count as the
/// default type.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6,
                         bool keepdim = false);
/// x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along dim; x1 and x2 broadcast.
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim = 1, double eps = 1e-8);
/// The p-norm of the difference of every two rows of [n, m], row 0's first: [n (n - 1) / 2].
Tensor pdist(const Tensor& self, double p = 2);
/// The p-norm of the difference of every row of x1 [..., n, m] and every one of x2 [..., k, m]:
/// [..., n, k]. For p = 2 a matrix product serves where compute_mode is 1 or, with 0 (or none),
/// n or k is more than 25: faster, and exact to the rounding of the squared lengths; 2 forbids it.
Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2,
             std::optional<int64_t> compute_mode = std::nullopt);

}  // namespace taper
