#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Functions of one tensor. Integers give the default floating type, except where it says that they
// stay. float32 results are within 1 ulp (erf 2), special values as in IEEE 754.
namespace taper TAPER_API {

/// |self|; integers stay.
/// variants: method, inplace, out
Tensor abs(const Tensor& self);
/// Same as abs().
/// variants: method, inplace, out
Tensor absolute(const Tensor& self);
/// -self; integers stay. Throws on bool.
/// variants: method, inplace, out
Tensor neg(const Tensor& self);
/// Same as neg().
/// variants: method, inplace, out
Tensor negative(const Tensor& self);
/// self. Throws on bool.
/// variants: method
Tensor positive(const Tensor& self);
/// -1, 0 or 1; 0 for NaN. Integers stay.
/// variants: method, inplace, out
Tensor sign(const Tensor& self);
/// Same as sign().
/// variants: method, inplace, out
Tensor sgn(const Tensor& self);
/// self * self; integers stay.
/// variants: method, inplace, out
Tensor square(const Tensor& self);
/// The largest integer that is not above; integers stay.
/// variants: method, inplace, out
Tensor floor(const Tensor& self);
/// The smallest integer that is not below; integers stay.
/// variants: method, inplace, out
Tensor ceil(const Tensor& self);
/// The integer part; integers stay.
/// variants: method, inplace, out
Tensor trunc(const Tensor& self);
/// Same as trunc().
/// variants: method, inplace, out
Tensor fix(const Tensor& self);
/// The nearest integer, halves to even; integers stay.
/// variants: method, inplace, out
Tensor round(const Tensor& self);
/// The nearest multiple of 10^-decimals, halves to even: round(self * 10^decimals) / 10^decimals.
/// Integers only with decimals 0.
/// variants: method, inplace, out
Tensor round(const Tensor& self, int64_t decimals);
/// self - trunc(self).
/// variants: method, inplace, out
Tensor frac(const Tensor& self);
/// 1 / self.
/// variants: method, inplace, out
Tensor reciprocal(const Tensor& self);
/// Square root; NaN below 0.
/// variants: method, inplace, out
Tensor sqrt(const Tensor& self);
/// 1 / sqrt(self).
/// variants: method, inplace, out
Tensor rsqrt(const Tensor& self);
/// e to the power self.
/// variants: method, inplace, out
Tensor exp(const Tensor& self);
/// 2 to the power self.
/// variants: method, inplace, out
Tensor exp2(const Tensor& self);
/// exp(self) - 1, precise near 0.
/// variants: method, inplace, out
Tensor expm1(const Tensor& self);
/// Natural logarithm.
/// variants: method, inplace, out
Tensor log(const Tensor& self);
/// log(1 + self), precise near 0.
/// variants: method, inplace, out
Tensor log1p(const Tensor& self);
/// Logarithm to base 2.
/// variants: method, inplace, out
Tensor log2(const Tensor& self);
/// Logarithm to base 10.
/// variants: method, inplace, out
Tensor log10(const Tensor& self);
/// Sine.
/// variants: method, inplace, out
Tensor sin(const Tensor& self);
/// Cosine.
/// variants: method, inplace, out
Tensor cos(const Tensor& self);
/// Tangent.
/// variants: method, inplace, out
Tensor tan(const Tensor& self);
/// Hyperbolic tangent.
/// variants: method, inplace, out
Tensor tanh(const Tensor& self);
/// 1 / (1 + exp(-self)).
/// variants: method, inplace, out
Tensor sigmoid(const Tensor& self);
/// 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to self.
/// variants: method, inplace, out
Tensor erf(const Tensor& self);
/// 1 - erf(self), precise for large self.
/// variants: method, inplace, out
Tensor erfc(const Tensor& self);
/// min(max(self, min), max), each where given; NaN stays. Integers stay. Throws without bounds.
/// variants: method, inplace, out
Tensor clamp(const Tensor& self, const std::optional<Scalar>& min,
             const std::optional<Scalar>& max = std::nullopt);
/// min(max(self, min), max), each where defined, broadcast.
/// variants: method, inplace, out
Tensor clamp(const Tensor& self, const std::optional<Tensor>& min,
             const std::optional<Tensor>& max = std::nullopt);
/// Same as clamp().
/// variants: method, inplace, out
Tensor clip(const Tensor& self, const std::optional<Scalar>& min,
            const std::optional<Scalar>& max = std::nullopt);
/// Same as clamp().
/// variants: method, inplace, out
Tensor clip(const Tensor& self, const std::optional<Tensor>& min,
            const std::optional<Tensor>& max = std::nullopt);
/// max(self, min).
/// variants: method, inplace, out
Tensor clamp_min(const Tensor& self, const Scalar& min);
/// max(self, min), broadcast.
/// variants: method, inplace, out
Tensor clamp_min(const Tensor& self, const Tensor& min);
/// min(self, max).
/// variants: method, inplace, out
Tensor clamp_max(const Tensor& self, const Scalar& max);
/// min(self, max), broadcast.
/// variants: method, inplace, out
Tensor clamp_max(const Tensor& self, const Tensor& max);
/// NaN and infinities replaced: by nan, posinf and neginf, or 0 and the largest finite values.
/// variants: method, inplace, out
Tensor nan_to_num(const Tensor& self, std::optional<double> nan = std::nullopt,
                  std::optional<double> posinf = std::nullopt,
                  std::optional<double> neginf = std::nullopt);

inline Tensor operator-(const Tensor& a) { return neg(a); }
inline Tensor operator+(const Tensor& a) { return positive(a); }

}  // namespace taper
