#include "taper/ops/pointwise_trig.h"

#include "taper/ops/bodies.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

constexpr double kPi = 3.14159265358979323846;

Tensor scaled_angle(const Out& out, const char* name, const Tensor& self, double factor) {
  return composite(out, name, self, {self}, [&](const Tensor& x) { return mul(x, factor); });
}

}  // namespace

namespace body {

Tensor asin(Out out, const Tensor& self) {
  return smooth(out, "asin", "AsinBackward0", asin_kernel, self, {},
                [](const Tensor& x) { return taper::rsqrt(rsub(taper::square(x), 1)); });
}
Tensor arcsin(Out out, const Tensor& self) { return asin(out, self); }
Tensor acos(Out out, const Tensor& self) {
  return smooth(out, "acos", "AcosBackward0", acos_kernel, self, {}, [](const Tensor& x) {
    return taper::neg(taper::rsqrt(rsub(taper::square(x), 1)));
  });
}
Tensor arccos(Out out, const Tensor& self) { return acos(out, self); }
Tensor atan(Out out, const Tensor& self) {
  return smooth(out, "atan", "AtanBackward0", atan_kernel, self, {},
                [](const Tensor& x) { return taper::reciprocal(taper::add(taper::square(x), 1)); });
}
Tensor arctan(Out out, const Tensor& self) { return atan(out, self); }

Tensor sinh(Out out, const Tensor& self) {
  return smooth(out, "sinh", "SinhBackward0", sinh_kernel, self, {},
                [](const Tensor& x) { return taper::cosh(x); });
}
Tensor cosh(Out out, const Tensor& self) {
  return smooth(out, "cosh", "CoshBackward0", cosh_kernel, self, {},
                [](const Tensor& x) { return taper::sinh(x); });
}
Tensor asinh(Out out, const Tensor& self) {
  return smooth(out, "asinh", "AsinhBackward0", asinh_kernel, self, {},
                [](const Tensor& x) { return taper::rsqrt(taper::add(taper::square(x), 1)); });
}
Tensor arcsinh(Out out, const Tensor& self) { return asinh(out, self); }
Tensor acosh(Out out, const Tensor& self) {
  return smooth(out, "acosh", "AcoshBackward0", acosh_kernel, self, {}, [](const Tensor& x) {
    // The roots apart: the root of the product has another branch in half the plane.
    if (x.is_complex()) {
      return taper::mul(taper::rsqrt(taper::add(x, 1)), taper::rsqrt(taper::sub(x, 1)));
    }
    return taper::rsqrt(taper::sub(taper::square(x), 1));
  });
}
Tensor arccosh(Out out, const Tensor& self) { return acosh(out, self); }
Tensor atanh(Out out, const Tensor& self) {
  return smooth(out, "atanh", "AtanhBackward0", atanh_kernel, self, {},
                [](const Tensor& x) { return taper::reciprocal(rsub(taper::square(x), 1)); });
}
Tensor arctanh(Out out, const Tensor& self) { return atanh(out, self); }

Tensor sinc(Out out, const Tensor& self) {
  return composite(out, "sinc", self, {self}, [](const Tensor& x) {
    const Tensor angle = taper::mul(x, kPi);
    // Both gradients of the quotient stay finite: at 0 it is not computed.
    const Tensor zero = taper::eq(x, 0);
    const Tensor safe = where(zero, Scalar(1.0), angle);
    return where(zero, Scalar(1.0), taper::div(taper::sin(safe), safe));
  });
}
Tensor deg2rad(Out out, const Tensor& self) {
  return scaled_angle(out, "deg2rad", self, kPi / 180);
}
Tensor rad2deg(Out out, const Tensor& self) {
  return scaled_angle(out, "rad2deg", self, 180 / kPi);
}

}  // namespace body
}  // namespace taper
