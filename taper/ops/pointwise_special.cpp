#include "taper/ops/pointwise_special.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/kernel/frexp.h"
#include "taper/ops/bodies.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/pointwise_util.h"
#include "taper/ops/reduction.h"

namespace taper {
namespace {

constexpr double kLnPi = 1.14472988584940017414;
constexpr double kRootPi = 1.77245385090551602730;

Tensor bessel_i1(const Tensor& self) {
  return smooth(Out(), "special_i1", "SpecialI1Backward0", i1_kernel, self, {},
                [](const Tensor& x) {
                  // i0(x) - i1(x) / x, which is 1/2 at 0.
                  const Tensor zero = eq(x, 0);
                  const Tensor safe = where(zero, Scalar(1.0), x);
                  return where(zero, Scalar(0.5), sub(i0(x), div(bessel_i1(safe), safe)));
                });
}

ScalarType floating_result(const Arg& a, const Arg& b) { return to_floating(result_type(a, b)); }

Tensor with_sign(const Out& out, const Arg& a, const Arg& b) {
  const BinaryOp op{"copysign",   "CopysignBackward0", copysign_kernel,
                    Needs::first, Needs::nothing,      Needs::first};
  const ScalarType type = floating_result(a, b);
  return binary(out, op, a, b, {}, type, type, [](Backward& g) {
    // The sign that was changed is that of result / a; at 0 there is no slope.
    if (g.wants(0)) {
      const Tensor &x = g.saved(0), &r = g.saved(2);
      const Tensor ratio = div(r, where(eq(x, 0), Scalar(1.0), x));
      give(g, 0, where(eq(x, 0), Scalar(0), mul(g.grad(), ratio)));
    }
    if (g.wants(1)) g.set(1, zeros(g.sizes(1), g.dtype(1)));
  });
}

Tensor x_times_log(const Out& out, const Arg& a, const Arg& b) {
  const BinaryOp op{"xlogy", "XlogyBackward0", xlogy_kernel, Needs::any, Needs::any};
  const ScalarType type = floating_result(a, b);
  const Scalar x = a.is_number() ? a.number() : Scalar(), y = b.is_number() ? b.number() : Scalar();
  return binary(out, op, a, b, {}, type, type, [x, y](Backward& g) {
    if (g.wants(0)) {
      const Tensor factor = taper::ne(g.saved(0), 0).to(g.dtype(0));
      give(g, 0,
           mul(g.grad(),
               g.saved(1).defined() ? taper::xlogy(factor, g.saved(1)) : taper::xlogy(factor, y)));
    }
    if (g.wants(1)) {
      const Tensor scaled = g.saved(0).defined() ? mul(g.grad(), g.saved(0)) : mul(g.grad(), x);
      give(g, 1, div(scaled, g.saved(1)));
    }
  });
}

/// The logarithm of a sum of powers; the gradient's shares are base^(x - result).
template <class Power>
Tensor log_sum(const Out& out, const char* name, const char* node, const BinaryKernel& kernel,
               const Tensor& self, const Tensor& other, Power power) {
  const BinaryOp op{name, node, kernel, Needs::first, Needs::second, Needs::any};
  const ScalarType type = result_type(self, other);
  TAPER_CHECK_AS(DTypeError, isFloatingType(type), name, ": \"", name,
                 "_cpu\" not implemented for '", type, "'");
  return binary(out, op, self, other, {}, type, type, [power](Backward& g) {
    for (size_t i = 0; i < 2; ++i) {
      if (!g.wants(i)) continue;
      // Two equal infinities share nothing: their difference is NaN, as in PyTorch.
      give(g, i, mul(g.grad(), power(sub(g.saved(i), g.saved(2)))));
    }
  });
}

/// The gradient goes to the element that was taken, the first where both are equal.
Tensor number_extreme(const Out& out, const Tensor& a, const Tensor& b, bool larger) {
  const BinaryOp op{larger ? "fmax" : "fmin", larger ? "FmaxBackward0" : "FminBackward0",
                    larger ? fmax_kernel : fmin_kernel, Needs::any, Needs::any};
  const ScalarType type = result_type(a, b);
  return binary(out, op, a, b, {}, type, type, [larger](Backward& g) {
    const Tensor &x = g.saved(0), &y = g.saved(1);
    const Tensor first = logical_or(larger ? ge(x, y) : le(x, y), isnan(y));
    if (g.wants(0)) give(g, 0, where(first, g.grad(), Scalar(0)));
    if (g.wants(1)) give(g, 1, where(first, Scalar(0), g.grad()));
  });
}

Tensor of_integers(const Out& out, const char* name, const BinaryKernel& kernel, const Arg& a,
                   const Arg& b) {
  const ScalarType type = result_type(a, b);
  TAPER_CHECK_AS(DTypeError, isIntegralType(type, false), name, ": \"", name,
                 "_cpu\" not implemented for '", type, "'");
  const BinaryOp op{name, name, kernel};
  return binary(out, op, a, b, {}, type, type, [](Backward&) {});
}

Tensor powers_of_two(const Tensor& exponent) { return pow(Scalar(2.0), exponent); }

Tensor in_float64(const Out& out, const Tensor& target, Tensor result) {
  if (!out.is_fresh()) {
    TAPER_CHECK_AS(DTypeError, out.target()->scalar_type() == result.scalar_type(),
                   "float_power: the output should have dtype ", result.scalar_type(), ", but got ",
                   out.target()->scalar_type());
  }
  return out.give("float_power", std::move(result), {target});
}

/// float_power() computes in float64, or in complex128.
ScalarType widest(const Tensor& self, ScalarType other) {
  return self.is_complex() || isComplexType(other) ? kComplexDouble : kDouble;
}

Tensor infinite(const Out& out, const char* name, const Tensor& self, bool positive) {
  TAPER_CHECK_AS(DTypeError, !self.is_complex(), name, ": ", name,
                 " does not support complex inputs, got ", self.scalar_type());
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor found = self.is_floating_point()
                           ? taper::eq(self.detach(), positive ? infinity : -infinity)
                           : zeros(self.sizes(), kBool);
  return out.give(name, found, {self});
}

}  // namespace

std::tuple<Tensor, Tensor> frexp(const Tensor& self) {
  check_floating("frexp", self);
  const ScalarType type = self.scalar_type();
  Tensor mantissa = new_tensor("frexp", self.sizes(), type);
  Tensor exponent = new_tensor("frexp", self.sizes(), kInt);
  const Operand x(self.impl_ptr());
  frexp_mantissa_kernel(self.device(), out_view(mantissa), x, {}, type);
  frexp_exponent_kernel(self.device(), out_view(exponent), x, {}, type);
  record({.name = "FrexpBackward0",
          .outputs = {mantissa},
          .inputs = {self},
          .save = {exponent},
          .backward = [](Backward& g) {
            g.set(0, div(g.grad(), powers_of_two(g.saved(0).to(g.dtype(0)))));
          }});
  return {mantissa, exponent};
}

namespace body {

Tensor lgamma(Out out, const Tensor& self) {
  return smooth(out, "lgamma", "LgammaBackward0", lgamma_kernel, self, {},
                [](const Tensor& x) { return taper::digamma(x); });
}
Tensor digamma(Out out, const Tensor& self) {
  return smooth(out, "digamma", "DigammaBackward0", digamma_kernel, self, {},
                [](const Tensor& x) { return taper::polygamma(1, x); });
}
Tensor mvlgamma(Out out, const Tensor& self, int64_t p) {
  TAPER_CHECK(p >= 1, "mvlgamma: p has to be greater than or equal to 1, got ", p);
  TAPER_CHECK(p < 1 << 20, "mvlgamma: p is too large, got ", p);
  return composite(out, "mvlgamma", self, {self}, [&](const Tensor& x) {
    const double dp = static_cast<double>(p);
    Tensor sum = taper::add(taper::lgamma(x), 0.25 * dp * (dp - 1) * kLnPi);
    for (int64_t i = 1; i < p; ++i) {
      sum = taper::add(sum, taper::lgamma(taper::sub(x, 0.5 * static_cast<double>(i))));
    }
    return sum;
  });
}
Tensor erfinv(Out out, const Tensor& self) {
  const UnaryOp op{"erfinv", "ErfinvBackward0", erfinv_kernel, UnaryOp::result};
  return unary(out, op, self, to_floating(self.scalar_type()), {}, [](Backward& g) {
    const Tensor slope = taper::mul(taper::exp(taper::square(g.saved(0))), kRootPi / 2);
    give(g, 0, taper::mul(g.grad(), slope));
  });
}
Tensor i0(Out out, const Tensor& self) {
  return smooth(out, "i0", "I0Backward0", i0_kernel, self, {}, bessel_i1);
}
Tensor logit(Out out, const Tensor& self, std::optional<double> eps) {
  return composite(out, "logit", self, {self}, [&](const Tensor& given) {
    const Tensor x = given.to(to_floating(given.scalar_type()));
    const Tensor inside = eps ? taper::clamp(x, *eps, 1 - *eps) : x;
    const Tensor wide = precise(inside);  // near 1/2 float32 loses all digits
    return taper::log(taper::div(wide, rsub(wide, 1))).to(x.scalar_type());
  });
}

Tensor hypot(Out out, const Tensor& self, const Tensor& other) {
  const BinaryOp op{"hypot",      "HypotBackward0", hypot_kernel,
                    Needs::first, Needs::second,    Needs::any};
  const ScalarType type = result_type(self, other);
  TAPER_CHECK_AS(DTypeError, isFloatingType(type), "hypot: \"hypot_cpu\" not implemented for '",
                 type, "'");
  return binary(out, op, self, other, {}, type, type, [](Backward& g) {
    for (size_t i = 0; i < 2; ++i) {
      if (g.wants(i)) give(g, i, taper::mul(g.grad(), taper::div(g.saved(i), g.saved(2))));
    }
  });
}
Tensor copysign(Out out, const Tensor& self, const Tensor& other) {
  return with_sign(out, self, other);
}
Tensor copysign(Out out, const Tensor& self, const Scalar& other) {
  return with_sign(out, self, other);
}
Tensor nextafter(Out out, const Tensor& self, const Tensor& other) {
  const BinaryOp op{"nextafter", "NextafterBackward0", nextafter_kernel};
  const ScalarType type = result_type(self, other);
  TAPER_CHECK_AS(DTypeError, type == kFloat || type == kDouble,
                 "nextafter: \"nextafter_cpu\" not implemented for '", type, "'");
  return binary(out, op, self, other, {}, type, type, [](Backward&) {
    throw Error("nextafter: the derivative for 'nextafter' is not implemented.");
  });
}
Tensor ldexp(Out out, const Tensor& self, const Tensor& other) {
  return mul(out, self, powers_of_two(other));
}
Tensor float_power(Out out, const Tensor& self, const Tensor& exponent) {
  const ScalarType type = widest(self, exponent.scalar_type());
  return in_float64(out, self, taper::pow(self.to(type), exponent.to(type)));
}
Tensor float_power(Out out, const Tensor& self, const Scalar& exponent) {
  const Tensor base = self.to(widest(self, exponent.type()));
  const Scalar power = exponent.isComplex() ? exponent : Scalar(exponent.toDouble());
  return in_float64(out, self, taper::pow(base, power));
}
Tensor logaddexp(Out out, const Tensor& self, const Tensor& other) {
  return log_sum(out, "logaddexp", "LogaddexpBackward0", logaddexp_kernel, self, other,
                 [](const Tensor& x) { return taper::exp(x); });
}
Tensor logaddexp2(Out out, const Tensor& self, const Tensor& other) {
  return log_sum(out, "logaddexp2", "Logaddexp2Backward0", logaddexp2_kernel, self, other,
                 [](const Tensor& x) { return taper::exp2(x); });
}
Tensor xlogy(Out out, const Tensor& self, const Tensor& other) {
  return x_times_log(out, self, other);
}
Tensor xlogy(Out out, const Tensor& self, const Scalar& other) {
  return x_times_log(out, self, other);
}

Tensor fmax(Out out, const Tensor& self, const Tensor& other) {
  return number_extreme(out, self, other, true);
}
Tensor fmin(Out out, const Tensor& self, const Tensor& other) {
  return number_extreme(out, self, other, false);
}
Tensor heaviside(Out out, const Tensor& self, const Tensor& values) {
  const BinaryOp op{"heaviside", "HeavisideBackward0", heaviside_kernel};
  const ScalarType type = self.scalar_type();
  TAPER_CHECK_AS(DTypeError, type == values.scalar_type(),
                 "heaviside: heaviside is not yet implemented for tensors with different dtypes, "
                 "got ",
                 type, " and ", values.scalar_type());
  return binary(out, op, self, values, {}, type, type, [](Backward&) {
    throw Error("heaviside: the derivative for 'heaviside' is not implemented.");
  });
}
Tensor gcd(Out out, const Tensor& self, const Tensor& other) {
  return of_integers(out, "gcd", gcd_kernel, self, other);
}
Tensor lcm(Out out, const Tensor& self, const Tensor& other) {
  return of_integers(out, "lcm", lcm_kernel, self, other);
}
Tensor bitwise_left_shift(Out out, const Tensor& self, const Tensor& other) {
  return of_integers(out, "bitwise_left_shift", shift_left_kernel, self, other);
}
Tensor bitwise_left_shift(Out out, const Tensor& self, const Scalar& other) {
  return of_integers(out, "bitwise_left_shift", shift_left_kernel, self, other);
}
Tensor bitwise_right_shift(Out out, const Tensor& self, const Tensor& other) {
  return of_integers(out, "bitwise_right_shift", shift_right_kernel, self, other);
}
Tensor bitwise_right_shift(Out out, const Tensor& self, const Scalar& other) {
  return of_integers(out, "bitwise_right_shift", shift_right_kernel, self, other);
}

Tensor signbit(Out out, const Tensor& self) {
  Tensor r = out.make("signbit", self.sizes(), kBool, {self}, self.impl_ptr());
  signbit_kernel(r.device(), out_view(r), Operand(self.impl_ptr()), {}, self.scalar_type());
  return r;
}
Tensor isposinf(Out out, const Tensor& self) { return infinite(out, "isposinf", self, true); }
Tensor isneginf(Out out, const Tensor& self) { return infinite(out, "isneginf", self, false); }

}  // namespace body

namespace {

Tensor polygamma_of(const Out& out, int64_t n, const Tensor& self) {
  TAPER_CHECK(n >= 0, "polygamma: polygamma(n, x) does not support negative n, got ", n);
  return smooth(out, "polygamma", "PolygammaBackward0", polygamma_kernel, self, Params(Scalar(n)),
                [n](const Tensor& x) { return polygamma(std::min(n, INT64_MAX - 1) + 1, x); });
}

}  // namespace

Tensor polygamma(int64_t n, const Tensor& self) { return polygamma_of(Out(), n, self); }
Tensor& polygamma_(Tensor& self, int64_t n) {
  polygamma_of(Out::inplace(self), n, self);
  return self;
}
Tensor bitwise_left_shift(const Scalar& self, const Tensor& other) {
  return of_integers(Out(), "bitwise_left_shift", shift_left_kernel, self, other);
}
Tensor bitwise_right_shift(const Scalar& self, const Tensor& other) {
  return of_integers(Out(), "bitwise_right_shift", shift_right_kernel, self, other);
}
Tensor special_i1(const Tensor& self) { return bessel_i1(self); }
Tensor float_power(const Scalar& self, const Tensor& exponent) {
  return taper::pow(self.isComplex() ? self : Scalar(self.toDouble()),
                    exponent.to(widest(exponent, self.type())));
}
Tensor xlogy(const Scalar& self, const Tensor& other) { return x_times_log(Out(), self, other); }

Tensor isreal(const Tensor& self) {
  return self.is_complex() ? self.imag().eq(0) : ones(self.sizes(), kBool);
}
bool is_same_size(const Tensor& self, const Tensor& other) { return self.sizes() == other.sizes(); }
bool is_nonzero(const Tensor& self) {
  TAPER_CHECK(self.numel() != 0, "is_nonzero: Boolean value of Tensor with no values is ambiguous");
  TAPER_CHECK(self.numel() == 1,
              "is_nonzero: Boolean value of Tensor with more than one value is ambiguous, got ",
              self.numel());
  return self.item().toDouble() != 0;
}

}  // namespace taper
