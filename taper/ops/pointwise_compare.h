#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Comparisons and logic: bool tensors. Sizes broadcast, types promote before they are compared.
// Comparisons with NaN are false, but != true.
namespace taper TAPER_API {

/// self == other.
/// variants: method, inplace, out
Tensor eq(const Tensor& self, const Tensor& other);
/// self == other.
/// variants: method, inplace, out
Tensor eq(const Tensor& self, const Scalar& other);
/// self != other.
/// variants: method, inplace, out
Tensor ne(const Tensor& self, const Tensor& other);
/// self != other.
/// variants: method, inplace, out
Tensor ne(const Tensor& self, const Scalar& other);
/// Same as ne().
/// variants: method, inplace, out
Tensor not_equal(const Tensor& self, const Tensor& other);
/// Same as ne().
/// variants: method, inplace, out
Tensor not_equal(const Tensor& self, const Scalar& other);
/// self < other.
/// variants: method, inplace, out
Tensor lt(const Tensor& self, const Tensor& other);
/// self < other.
/// variants: method, inplace, out
Tensor lt(const Tensor& self, const Scalar& other);
/// Same as lt().
/// variants: method, inplace, out
Tensor less(const Tensor& self, const Tensor& other);
/// Same as lt().
/// variants: method, inplace, out
Tensor less(const Tensor& self, const Scalar& other);
/// self <= other.
/// variants: method, inplace, out
Tensor le(const Tensor& self, const Tensor& other);
/// self <= other.
/// variants: method, inplace, out
Tensor le(const Tensor& self, const Scalar& other);
/// Same as le().
/// variants: method, inplace, out
Tensor less_equal(const Tensor& self, const Tensor& other);
/// Same as le().
/// variants: method, inplace, out
Tensor less_equal(const Tensor& self, const Scalar& other);
/// self > other.
/// variants: method, inplace, out
Tensor gt(const Tensor& self, const Tensor& other);
/// self > other.
/// variants: method, inplace, out
Tensor gt(const Tensor& self, const Scalar& other);
/// Same as gt().
/// variants: method, inplace, out
Tensor greater(const Tensor& self, const Tensor& other);
/// Same as gt().
/// variants: method, inplace, out
Tensor greater(const Tensor& self, const Scalar& other);
/// self >= other.
/// variants: method, inplace, out
Tensor ge(const Tensor& self, const Tensor& other);
/// self >= other.
/// variants: method, inplace, out
Tensor ge(const Tensor& self, const Scalar& other);
/// Same as ge().
/// variants: method, inplace, out
Tensor greater_equal(const Tensor& self, const Tensor& other);
/// Same as ge().
/// variants: method, inplace, out
Tensor greater_equal(const Tensor& self, const Scalar& other);

/// Whether both are not zero.
/// variants: method, inplace, out
Tensor logical_and(const Tensor& self, const Tensor& other);
/// Whether one is not zero.
/// variants: method, inplace, out
Tensor logical_or(const Tensor& self, const Tensor& other);
/// Whether exactly one is not zero.
/// variants: method, inplace, out
Tensor logical_xor(const Tensor& self, const Tensor& other);
/// Whether an element is zero.
/// variants: method, inplace, out
Tensor logical_not(const Tensor& self);
/// Bits by and; integers and bool only.
/// variants: method, inplace, out
Tensor bitwise_and(const Tensor& self, const Tensor& other);
/// Bits by and; integers and bool only.
/// variants: method, inplace, out
Tensor bitwise_and(const Tensor& self, const Scalar& other);
Tensor bitwise_and(const Scalar& self, const Tensor& other);
/// Bits by or; integers and bool only.
/// variants: method, inplace, out
Tensor bitwise_or(const Tensor& self, const Tensor& other);
/// Bits by or; integers and bool only.
/// variants: method, inplace, out
Tensor bitwise_or(const Tensor& self, const Scalar& other);
Tensor bitwise_or(const Scalar& self, const Tensor& other);
/// Bits by xor; integers and bool only.
/// variants: method, inplace, out
Tensor bitwise_xor(const Tensor& self, const Tensor& other);
/// Bits by xor; integers and bool only.
/// variants: method, inplace, out
Tensor bitwise_xor(const Tensor& self, const Scalar& other);
Tensor bitwise_xor(const Scalar& self, const Tensor& other);
/// Inverted bits; of bool, the other value.
/// variants: method, inplace, out
Tensor bitwise_not(const Tensor& self);

/// Whether an element is NaN.
/// variants: method
Tensor isnan(const Tensor& self);
/// Whether an element is infinite.
/// variants: method
Tensor isinf(const Tensor& self);
/// Whether an element is neither infinite nor NaN.
/// variants: method
Tensor isfinite(const Tensor& self);
/// Whether |self - other| <= atol + rtol * |other|, or both are the same infinity.
/// variants: method
Tensor isclose(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08,
               bool equal_nan = false);
/// Whether all elements are isclose().
/// variants: method
bool allclose(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08,
              bool equal_nan = false);
/// Whether sizes and all elements are equal; throws when the types differ.
/// variants: method
bool equal(const Tensor& self, const Tensor& other);

// Operators: each is the function of its name.
inline Tensor operator==(const Tensor& a, const Tensor& b) { return eq(a, b); }
inline Tensor operator==(const Tensor& a, const Scalar& b) { return eq(a, b); }
inline Tensor operator==(const Scalar& a, const Tensor& b) { return eq(b, a); }
inline Tensor operator!=(const Tensor& a, const Tensor& b) { return ne(a, b); }
inline Tensor operator!=(const Tensor& a, const Scalar& b) { return ne(a, b); }
inline Tensor operator!=(const Scalar& a, const Tensor& b) { return ne(b, a); }
inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator<(const Tensor& a, const Scalar& b) { return lt(a, b); }
inline Tensor operator<(const Scalar& a, const Tensor& b) { return gt(b, a); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return le(a, b); }
inline Tensor operator<=(const Tensor& a, const Scalar& b) { return le(a, b); }
inline Tensor operator<=(const Scalar& a, const Tensor& b) { return ge(b, a); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator>(const Tensor& a, const Scalar& b) { return gt(a, b); }
inline Tensor operator>(const Scalar& a, const Tensor& b) { return lt(b, a); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return ge(a, b); }
inline Tensor operator>=(const Tensor& a, const Scalar& b) { return ge(a, b); }
inline Tensor operator>=(const Scalar& a, const Tensor& b) { return le(b, a); }
inline Tensor operator&(const Tensor& a, const Tensor& b) { return bitwise_and(a, b); }
inline Tensor operator&(const Tensor& a, const Scalar& b) { return bitwise_and(a, b); }
inline Tensor operator&(const Scalar& a, const Tensor& b) { return bitwise_and(b, a); }
inline Tensor operator|(const Tensor& a, const Tensor& b) { return bitwise_or(a, b); }
inline Tensor operator|(const Tensor& a, const Scalar& b) { return bitwise_or(a, b); }
inline Tensor operator|(const Scalar& a, const Tensor& b) { return bitwise_or(b, a); }
inline Tensor operator^(const Tensor& a, const Tensor& b) { return bitwise_xor(a, b); }
inline Tensor operator^(const Tensor& a, const Scalar& b) { return bitwise_xor(a, b); }
inline Tensor operator^(const Scalar& a, const Tensor& b) { return bitwise_xor(b, a); }
inline Tensor operator~(const Tensor& a) { return bitwise_not(a); }
inline Tensor operator!(const Tensor& a) { return logical_not(a); }

}  // namespace taper
