#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Variances, norms and ln-sum-exp over dimensions; an empty list of dimensions means all.
namespace taper TAPER_API {

/// sum((x - mean)^2) / max(0, n - 1), or / n when not unbiased.
/// variants: method
Tensor var(const Tensor& self, StrictBool unbiased = true);
/// Variance over dimensions, / max(0, n - correction).
/// variants: method
Tensor var(const Tensor& self, OptionalIntArrayRef dim, Correction correction = {},
           bool keepdim = false);
/// Root of the variance.
/// variants: method
Tensor std(const Tensor& self, StrictBool unbiased = true);
/// Root of the variance over dimensions.
/// variants: method
Tensor std(const Tensor& self, OptionalIntArrayRef dim, Correction correction = {},
           bool keepdim = false);
/// Variance and mean.
std::tuple<Tensor, Tensor> var_mean(const Tensor& self, StrictBool unbiased = true);
std::tuple<Tensor, Tensor> var_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    Correction correction = {}, bool keepdim = false);
/// Standard deviation and mean.
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, StrictBool unbiased = true);
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    Correction correction = {}, bool keepdim = false);

/// (sum |x|^p)^(1/p) of all elements; p = infinity gives the largest, 0 the count of those not 0.
/// variants: method
Tensor norm(const Tensor& self, const Scalar& p = 2);
/// The p-norm of all elements in another type.
/// variants: method
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, ScalarType dtype);
/// The p-norm over dimensions.
/// variants: method
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, IntArrayRef dim,
            bool keepdim = false);
/// The p-norm over dimensions in another type.
/// variants: method
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, IntArrayRef dim, bool keepdim,
            ScalarType dtype);
/// ln(sum of e^x) over dimensions, without overflow.
/// variants: method
Tensor logsumexp(const Tensor& self, IntArrayRef dim, bool keepdim = false);

/// The covariances of the rows of a matrix (variables by observations), / max(0, n - correction).
/// fweights count each observation (integers), aweights weigh it: one dimension each.
/// variants: method
Tensor cov(const Tensor& self, int64_t correction = 1,
           const std::optional<Tensor>& fweights = std::nullopt,
           const std::optional<Tensor>& aweights = std::nullopt);
/// The correlations of the rows of a matrix: cov() over both standard deviations, in [-1, 1].
/// variants: method
Tensor corrcoef(const Tensor& self);
/// The p-norm of self - other, which broadcast.
/// variants: method
Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p = 2);
/// self with each slice along dim whose p-norm exceeds maxnorm scaled down to it.
/// variants: method, inplace
Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm);

}  // namespace taper
