#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Special functions, and arithmetic of two tensors beyond the four operations. Integers give the
// default floating type, except where it says that they stay. Sizes broadcast, types promote.
namespace taper TAPER_API {

/// ln |gamma(self)|.
/// variants: method, inplace, out
Tensor lgamma(const Tensor& self);
/// The derivative of lgamma(); infinite at 0, NaN at negative integers.
/// variants: method, inplace, out
Tensor digamma(const Tensor& self);
/// The n-th derivative of digamma(), n >= 0.
/// variants: method
Tensor polygamma(int64_t n, const Tensor& self);
/// polygamma() of self, in self's memory.
/// variants: method
Tensor& polygamma_(Tensor& self, int64_t n);
/// The logarithm of the p-variate gamma function: p (p - 1) / 4 ln(pi) + sum of lgamma(self - i /
/// 2) for i < p. Meant for elements above (p - 1) / 2.
/// variants: method, inplace, out
Tensor mvlgamma(const Tensor& self, int64_t p);
/// The inverse of erf(): infinite at 1, NaN beyond.
/// variants: method, inplace, out
Tensor erfinv(const Tensor& self);
/// The modified Bessel function of the first kind of order 0.
/// variants: method, inplace, out
Tensor i0(const Tensor& self);
/// The modified Bessel function of the first kind of order 1.
Tensor special_i1(const Tensor& self);
/// ln(self / (1 - self)); with eps, of self clamped to [eps, 1 - eps].
/// variants: method, inplace, out
Tensor logit(const Tensor& self, std::optional<double> eps = std::nullopt);

/// sqrt(self^2 + other^2) without overflow on the way.
/// variants: method, inplace, out
Tensor hypot(const Tensor& self, const Tensor& other);
/// self's magnitude with other's sign.
/// variants: method, inplace, out
Tensor copysign(const Tensor& self, const Tensor& other);
/// self's magnitude with other's sign.
/// variants: method, inplace, out
Tensor copysign(const Tensor& self, const Scalar& other);
/// The next number of the type after self towards other; float32 and float64 only.
/// variants: method, inplace, out
Tensor nextafter(const Tensor& self, const Tensor& other);
/// self 2^other.
/// variants: method, inplace, out
Tensor ldexp(const Tensor& self, const Tensor& other);
/// self = mantissa 2^exponent with |mantissa| in [0.5, 1) and an int32 exponent; 0, infinities and
/// NaN have exponent 0. Floating types.
/// variants: method
std::tuple<Tensor, Tensor> frexp(const Tensor& self);
/// self to the power exponent, in float64.
/// variants: method, inplace, out
Tensor float_power(const Tensor& self, const Tensor& exponent);
/// self to the power exponent, in float64.
/// variants: method, inplace, out
Tensor float_power(const Tensor& self, const Scalar& exponent);
/// self to the power exponent, in float64.
Tensor float_power(const Scalar& self, const Tensor& exponent);
/// ln(e^self + e^other) without overflow on the way.
/// variants: method, out
Tensor logaddexp(const Tensor& self, const Tensor& other);
/// log2(2^self + 2^other) without overflow on the way.
/// variants: method, out
Tensor logaddexp2(const Tensor& self, const Tensor& other);
/// self ln(other), 0 where self is 0, NaN where other is NaN.
/// variants: method, inplace, out
Tensor xlogy(const Tensor& self, const Tensor& other);
/// self ln(other), 0 where self is 0, NaN where other is NaN.
/// variants: method, inplace, out
Tensor xlogy(const Tensor& self, const Scalar& other);
/// self ln(other), 0 where self is 0, NaN where other is NaN.
Tensor xlogy(const Scalar& self, const Tensor& other);

/// The larger of two elements; a NaN gives way to a number. Integers stay.
/// variants: method, out
Tensor fmax(const Tensor& self, const Tensor& other);
/// The smaller of two elements; a NaN gives way to a number. Integers stay.
/// variants: method, out
Tensor fmin(const Tensor& self, const Tensor& other);
/// 0 below 0, 1 above, values at 0; NaN stays, integers stay. Both have one type.
/// variants: method, inplace, out
Tensor heaviside(const Tensor& self, const Tensor& values);
/// The greatest common divisor of integers, not negative.
/// variants: method, inplace, out
Tensor gcd(const Tensor& self, const Tensor& other);
/// The least common multiple of integers, not negative unless it overflows.
/// variants: method, inplace, out
Tensor lcm(const Tensor& self, const Tensor& other);
/// self's bits other places to the left; integers only.
/// variants: method, inplace, out
Tensor bitwise_left_shift(const Tensor& self, const Tensor& other);
/// self's bits other places to the left; integers only.
/// variants: method, inplace, out
Tensor bitwise_left_shift(const Tensor& self, const Scalar& other);
Tensor bitwise_left_shift(const Scalar& self, const Tensor& other);
/// self's bits other places to the right, the sign filling up; integers only.
/// variants: method, inplace, out
Tensor bitwise_right_shift(const Tensor& self, const Tensor& other);
/// self's bits other places to the right, the sign filling up; integers only.
/// variants: method, inplace, out
Tensor bitwise_right_shift(const Tensor& self, const Scalar& other);
Tensor bitwise_right_shift(const Scalar& self, const Tensor& other);

/// Whether the sign bit is set: of negative numbers, -0 and NaNs with a sign.
/// variants: method, out
Tensor signbit(const Tensor& self);
/// Whether an element is plus infinity.
/// variants: method, out
Tensor isposinf(const Tensor& self);
/// Whether an element is minus infinity.
/// variants: method, out
Tensor isneginf(const Tensor& self);
/// Whether an element is real: all are.
/// variants: method
Tensor isreal(const Tensor& self);
/// Whether two tensors have the same sizes.
/// variants: method
bool is_same_size(const Tensor& self, const Tensor& other);
/// Whether the only element is not zero; throws unless there is exactly one.
/// variants: method
bool is_nonzero(const Tensor& self);

inline Tensor operator<<(const Tensor& a, const Tensor& b) { return bitwise_left_shift(a, b); }
inline Tensor operator<<(const Tensor& a, const Scalar& b) { return bitwise_left_shift(a, b); }
inline Tensor operator>>(const Tensor& a, const Tensor& b) { return bitwise_right_shift(a, b); }
inline Tensor operator>>(const Tensor& a, const Scalar& b) { return bitwise_right_shift(a, b); }

}  // namespace taper
