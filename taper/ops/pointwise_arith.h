#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Arithmetic of two and three tensors. Sizes broadcast; types promote by PyTorch's rules
// (result_type). In place and out=, a result type that cannot be cast to the target's throws a
// DTypeError, and sizes that do not fit a ShapeError.
namespace taper TAPER_API {

// Sums and products.
/// self + alpha * other.
/// variants: method, inplace, out
Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
/// self + alpha * other.
/// variants: method, inplace, out
Tensor add(const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
/// self - alpha * other. Throws on bool tensors.
/// variants: method, inplace, out
Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
/// self - alpha * other. Throws on bool tensors.
/// variants: method, inplace, out
Tensor sub(const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
/// Same as sub().
/// variants: method, inplace, out
Tensor subtract(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
/// Same as sub().
/// variants: method, inplace, out
Tensor subtract(const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
/// other - alpha * self.
Tensor rsub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
/// other - alpha * self.
Tensor rsub(const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
/// self * other.
/// variants: method, inplace, out
Tensor mul(const Tensor& self, const Tensor& other);
/// self * other.
/// variants: method, inplace, out
Tensor mul(const Tensor& self, const Scalar& other);
/// Same as mul().
/// variants: method, inplace, out
Tensor multiply(const Tensor& self, const Tensor& other);
/// Same as mul().
/// variants: method, inplace, out
Tensor multiply(const Tensor& self, const Scalar& other);

// Quotients. An integer divided by zero throws an Error with PyTorch's "ZeroDivisionError".
/// self / other; integers give the default floating type.
/// variants: method, inplace, out
Tensor div(const Tensor& self, const Tensor& other);
/// self / other; integers give the default floating type.
/// variants: method, inplace, out
Tensor div(const Tensor& self, const Scalar& other);
/// self / other, rounded: rounding_mode is "floor", "trunc" (both keep integers) or none.
/// variants: method, inplace, out
Tensor div(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode);
/// self / other, rounded: rounding_mode is "floor", "trunc" (both keep integers) or none.
/// variants: method, inplace, out
Tensor div(const Tensor& self, const Scalar& other, std::optional<std::string_view> rounding_mode);
/// Same as div().
/// variants: method, inplace, out
Tensor divide(const Tensor& self, const Tensor& other);
/// Same as div().
/// variants: method, inplace, out
Tensor divide(const Tensor& self, const Scalar& other);
/// Same as div().
/// variants: method, inplace, out
Tensor divide(const Tensor& self, const Tensor& other,
              std::optional<std::string_view> rounding_mode);
/// Same as div().
/// variants: method, inplace, out
Tensor divide(const Tensor& self, const Scalar& other,
              std::optional<std::string_view> rounding_mode);
/// Same as div().
/// variants: method, inplace, out
Tensor true_divide(const Tensor& self, const Tensor& other);
/// Same as div().
/// variants: method, inplace, out
Tensor true_divide(const Tensor& self, const Scalar& other);
/// floor(self / other).
/// variants: method, inplace, out
Tensor floor_divide(const Tensor& self, const Tensor& other);
/// floor(self / other).
/// variants: method, inplace, out
Tensor floor_divide(const Tensor& self, const Scalar& other);
/// self - floor(self / other) * other: Python's %, with the sign of other.
/// variants: method, inplace, out
Tensor remainder(const Tensor& self, const Tensor& other);
/// self - floor(self / other) * other: Python's %, with the sign of other.
/// variants: method, inplace, out
Tensor remainder(const Tensor& self, const Scalar& other);
Tensor remainder(const Scalar& self, const Tensor& other);
/// self - trunc(self / other) * other: C's fmod, with the sign of self.
/// variants: method, inplace, out
Tensor fmod(const Tensor& self, const Tensor& other);
/// self - trunc(self / other) * other: C's fmod, with the sign of self.
/// variants: method, inplace, out
Tensor fmod(const Tensor& self, const Scalar& other);

// Powers and extremes.
/// self to the power exponent. Integers to a negative integer number throw.
/// variants: method, inplace, out
Tensor pow(const Tensor& self, const Tensor& exponent);
/// self to the power exponent. Integers to a negative integer number throw.
/// variants: method, inplace, out
Tensor pow(const Tensor& self, const Scalar& exponent);
/// self to the power exponent.
Tensor pow(const Scalar& self, const Tensor& exponent);
/// The larger of two elements; NaN when one is NaN.
/// variants: method, out
Tensor maximum(const Tensor& self, const Tensor& other);
/// The smaller of two elements; NaN when one is NaN.
/// variants: method, out
Tensor minimum(const Tensor& self, const Tensor& other);
/// The angle of the point (other, self), in (-pi, pi].
/// variants: method, inplace, out
Tensor atan2(const Tensor& self, const Tensor& other);
/// Same as atan2().
/// variants: method, inplace, out
Tensor arctan2(const Tensor& self, const Tensor& other);

// Operators: each is the function of its name.
inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator+(const Tensor& a, const Scalar& b) { return add(a, b); }
inline Tensor operator+(const Scalar& a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator-(const Tensor& a, const Scalar& b) { return sub(a, b); }
inline Tensor operator-(const Scalar& a, const Tensor& b) { return rsub(b, a); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(const Tensor& a, const Scalar& b) { return mul(a, b); }
inline Tensor operator*(const Scalar& a, const Tensor& b) { return mul(b, a); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator/(const Tensor& a, const Scalar& b) { return div(a, b); }
Tensor operator/(const Scalar& a, const Tensor& b);
inline Tensor operator%(const Tensor& a, const Tensor& b) { return remainder(a, b); }
inline Tensor operator%(const Tensor& a, const Scalar& b) { return remainder(a, b); }
Tensor operator%(const Scalar& a, const Tensor& b);

}  // namespace taper
