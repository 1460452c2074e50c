#pragma once

#include "taper/tensor/tensor.h"

// Inverse trigonometric and hyperbolic functions. Integers give the default floating type. float32
// results are within 1 ulp, special values as in IEEE 754.
namespace taper TAPER_API {

/// Arc sine, in [-pi/2, pi/2]; NaN beyond 1.
/// variants: method, inplace, out
Tensor asin(const Tensor& self);
/// Same as asin().
/// variants: method, inplace, out
Tensor arcsin(const Tensor& self);
/// Arc cosine, in [0, pi]; NaN beyond 1.
/// variants: method, inplace, out
Tensor acos(const Tensor& self);
/// Same as acos().
/// variants: method, inplace, out
Tensor arccos(const Tensor& self);
/// Arc tangent, in [-pi/2, pi/2].
/// variants: method, inplace, out
Tensor atan(const Tensor& self);
/// Same as atan().
/// variants: method, inplace, out
Tensor arctan(const Tensor& self);
/// Hyperbolic sine.
/// variants: method, inplace, out
Tensor sinh(const Tensor& self);
/// Hyperbolic cosine.
/// variants: method, inplace, out
Tensor cosh(const Tensor& self);
/// Inverse hyperbolic sine.
/// variants: method, inplace, out
Tensor asinh(const Tensor& self);
/// Same as asinh().
/// variants: method, inplace, out
Tensor arcsinh(const Tensor& self);
/// Inverse hyperbolic cosine; NaN below 1.
/// variants: method, inplace, out
Tensor acosh(const Tensor& self);
/// Same as acosh().
/// variants: method, inplace, out
Tensor arccosh(const Tensor& self);
/// Inverse hyperbolic tangent; infinite at 1, NaN beyond.
/// variants: method, inplace, out
Tensor atanh(const Tensor& self);
/// Same as atanh().
/// variants: method, inplace, out
Tensor arctanh(const Tensor& self);
/// sin(pi self) / (pi self); 1 at 0.
/// variants: method, inplace, out
Tensor sinc(const Tensor& self);
/// Degrees to radians.
/// variants: method, inplace, out
Tensor deg2rad(const Tensor& self);
/// Radians to degrees.
/// variants: method, inplace, out
Tensor rad2deg(const Tensor& self);

}  // namespace taper
