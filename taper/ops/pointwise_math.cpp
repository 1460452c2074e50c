#include "taper/ops/pointwise_math.h"

#include <cmath>
#include <limits>

#include "taper/ops/bodies.h"
#include "taper/ops/complex_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

constexpr double kLn2 = 0.69314718055994530942, kLn10 = 2.30258509299404568402;
constexpr double kTwoOverSqrtPi = 1.12837916709551257390;

/// An op whose result is floating; integers are computed in the default type.
template <class F>
Tensor real(const Out& out, const UnaryOp& op, const Tensor& self, F backward) {
  return unary(out, op, self, to_floating(self.scalar_type()), {}, backward);
}
/// An op that keeps self's type.
template <class F>
Tensor same(const Out& out, const UnaryOp& op, const Tensor& self, F backward) {
  return unary(out, op, self, self.scalar_type(), {}, backward);
}

/// Steps have no slope.
void no_slope(Backward& g) { g.set(0, zeros_like(g.grad())); }

/// max(x, bound) (min when upper); a NaN on either side is the result.
Tensor limited(const Tensor& x, const Tensor& bound, bool upper) {
  Tensor outside = upper ? gt(x, bound) : lt(x, bound);
  if (bound.is_floating_point()) outside = logical_or(outside, isnan(bound));
  return where(outside, bound, x);
}

/// limited() as an op: clamp_min, or clamp_max when upper.
Tensor limit(const Out& out, const char* name, const Tensor& self, const Tensor& bound,
             bool upper) {
  return composite(out, name, self, {self, bound},
                   [&](const Tensor& x) { return limited(x, bound, upper); });
}

/// The gradient passes where the input lies between the bounds, both included.
template <class F>
Tensor bounded(const Out& out, const UnaryOp& op, const Tensor& self, Params params, F inside) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool, op.name, ": \"", op.name,
                 "\" not implemented for 'Bool'");
  ScalarType type = self.scalar_type();
  for (const Scalar& bound : params) type = promoteTypes(type, result_type(self, bound));
  return unary(out, op, self, type, params, [inside](Backward& g) {
    give(g, 0, where(inside(g.saved(0)), g.grad(), Scalar(0)));
  });
}

}  // namespace

namespace body {

Tensor abs(Out out, const Tensor& self) {
  if (self.is_complex()) return complex_abs(out, self);
  return same(out, {"abs", "AbsBackward0", abs_kernel, UnaryOp::self}, self,
              [](Backward& g) { g.set(0, mul(g.grad(), sgn(g.saved(0)))); });
}
Tensor absolute(Out out, const Tensor& self) { return abs(out, self); }
Tensor neg(Out out, const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool,
                 "neg: Negation, the `-` operator, on a bool tensor is not supported. If you are "
                 "trying to invert a mask, use the `~` or `logical_not()` operator instead.");
  return same(out, {"neg", "NegBackward0", neg_kernel}, self,
              [](Backward& g) { g.set(0, neg(Out(), g.grad())); });
}
Tensor negative(Out out, const Tensor& self) { return neg(out, self); }
Tensor sign(Out out, const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, !self.is_complex(),
                 "sign: Unlike NumPy, sign is not intended to support complex numbers. Please use "
                 "sgn instead.");
  return same(out, {"sign", "SignBackward0", sign_kernel}, self, no_slope);
}
Tensor sgn(Out out, const Tensor& self) {
  return self.is_complex() ? complex_sgn(out, self) : sign(out, self);
}
Tensor square(Out out, const Tensor& self) {
  const ScalarType type = self.scalar_type() == kBool ? kLong : self.scalar_type();
  return unary(out, {"square", "PowBackward0", square_kernel, UnaryOp::self}, self, type, {},
               [](Backward& g) { g.set(0, mul(g.grad(), mul(g.saved(0), 2))); });
}
Tensor floor(Out out, const Tensor& self) {
  return same(out, {"floor", "FloorBackward0", floor_kernel}, self, no_slope);
}
Tensor ceil(Out out, const Tensor& self) {
  return same(out, {"ceil", "CeilBackward0", ceil_kernel}, self, no_slope);
}
Tensor trunc(Out out, const Tensor& self) {
  return same(out, {"trunc", "TruncBackward0", trunc_kernel}, self, no_slope);
}
Tensor fix(Out out, const Tensor& self) { return trunc(out, self); }
Tensor round(Out out, const Tensor& self) {
  return same(out, {"round", "RoundBackward0", round_kernel}, self, no_slope);
}
Tensor round(Out out, const Tensor& self, int64_t decimals) {
  if (decimals == 0) return round(out, self);
  check_floating("round", self);
  const double power = std::pow(10.0, std::abs(static_cast<double>(decimals)));
  const Tensor x = self.detach();
  const Tensor whole = taper::round(decimals > 0 ? mul(x, power) : div(x, power));
  Tensor result = out.give("round", decimals > 0 ? div(whole, power) : mul(whole, power), {self});
  record({.name = "RoundBackward1",
          .outputs = {result},
          .inputs = {self},
          .inplace = out.is_inplace(),
          .backward = no_slope});
  return result;
}
Tensor frac(Out out, const Tensor& self) {
  check_floating("frac", self);
  return same(out, {"frac", "FracBackward0", frac_kernel}, self,
              [](Backward& g) { g.set(0, g.grad()); });
}

Tensor reciprocal(Out out, const Tensor& self) {
  return real(out, {"reciprocal", "ReciprocalBackward0", reciprocal_kernel, UnaryOp::result}, self,
              [](Backward& g) {
                const Tensor& r = g.saved(0);
                g.set(0, taper::neg(mul(g.grad(), mul(r, r))));
              });
}
Tensor sqrt(Out out, const Tensor& self) {
  return real(out, {"sqrt", "SqrtBackward0", sqrt_kernel, UnaryOp::result}, self,
              [](Backward& g) { g.set(0, div(g.grad(), mul(g.saved(0), 2))); });
}
Tensor rsqrt(Out out, const Tensor& self) {
  return real(out, {"rsqrt", "RsqrtBackward0", rsqrt_kernel, UnaryOp::result}, self,
              [](Backward& g) { g.set(0, mul(mul(g.grad(), pow(g.saved(0), 3)), -0.5)); });
}

Tensor exp(Out out, const Tensor& self) {
  return real(out, {"exp", "ExpBackward0", exp_kernel, UnaryOp::result}, self,
              [](Backward& g) { g.set(0, mul(g.grad(), g.saved(0))); });
}
Tensor exp2(Out out, const Tensor& self) {
  return real(out, {"exp2", "Exp2Backward0", exp2_kernel, UnaryOp::result}, self,
              [](Backward& g) { g.set(0, mul(mul(g.grad(), g.saved(0)), kLn2)); });
}
Tensor expm1(Out out, const Tensor& self) {
  return real(out, {"expm1", "Expm1Backward0", expm1_kernel, UnaryOp::result}, self,
              [](Backward& g) { g.set(0, mul(g.grad(), add(g.saved(0), 1))); });
}
Tensor log(Out out, const Tensor& self) {
  return real(out, {"log", "LogBackward0", log_kernel, UnaryOp::self}, self,
              [](Backward& g) { give(g, 0, div(g.grad(), g.saved(0))); });
}
Tensor log1p(Out out, const Tensor& self) {
  return real(out, {"log1p", "Log1PBackward0", log1p_kernel, UnaryOp::self}, self,
              [](Backward& g) { g.set(0, div(g.grad(), add(g.saved(0), 1))); });
}
Tensor log2(Out out, const Tensor& self) {
  return real(out, {"log2", "Log2Backward0", log2_kernel, UnaryOp::self}, self,
              [](Backward& g) { g.set(0, div(g.grad(), mul(g.saved(0), kLn2))); });
}
Tensor log10(Out out, const Tensor& self) {
  return real(out, {"log10", "Log10Backward0", log10_kernel, UnaryOp::self}, self,
              [](Backward& g) { g.set(0, div(g.grad(), mul(g.saved(0), kLn10))); });
}

Tensor sin(Out out, const Tensor& self) {
  return real(out, {"sin", "SinBackward0", sin_kernel, UnaryOp::self}, self,
              [](Backward& g) { g.set(0, mul(g.grad(), taper::cos(g.saved(0)))); });
}
Tensor cos(Out out, const Tensor& self) {
  return real(out, {"cos", "CosBackward0", cos_kernel, UnaryOp::self}, self,
              [](Backward& g) { g.set(0, taper::neg(mul(g.grad(), taper::sin(g.saved(0))))); });
}
Tensor tan(Out out, const Tensor& self) {
  return real(out, {"tan", "TanBackward0", tan_kernel, UnaryOp::result}, self,
              [](Backward& g) { g.set(0, mul(g.grad(), add(taper::square(g.saved(0)), 1))); });
}
Tensor tanh(Out out, const Tensor& self) {
  return real(out, {"tanh", "TanhBackward0", tanh_kernel, UnaryOp::result}, self, [](Backward& g) {
    give_fused(g, tanh_backward_kernel, {}, [](const Tensor& grad, const Tensor& y) {
      return mul(grad, rsub(taper::square(y), 1));
    });
  });
}
Tensor sigmoid(Out out, const Tensor& self) {
  return real(out, {"sigmoid", "SigmoidBackward0", sigmoid_kernel, UnaryOp::result}, self,
              [](Backward& g) {
                give_fused(g, sigmoid_backward_kernel, {}, [](const Tensor& grad, const Tensor& y) {
                  return mul(grad, mul(rsub(y, 1), y));
                });
              });
}
Tensor erf(Out out, const Tensor& self) {
  return real(out, {"erf", "ErfBackward0", erf_kernel, UnaryOp::self}, self, [](Backward& g) {
    const Tensor density = taper::exp(taper::neg(taper::square(g.saved(0))));
    g.set(0, mul(g.grad(), mul(density, kTwoOverSqrtPi)));
  });
}
Tensor erfc(Out out, const Tensor& self) {
  return real(out, {"erfc", "ErfcBackward0", erfc_kernel, UnaryOp::self}, self, [](Backward& g) {
    const Tensor density = taper::exp(taper::neg(taper::square(g.saved(0))));
    g.set(0, mul(g.grad(), mul(density, -kTwoOverSqrtPi)));
  });
}

Tensor clamp(Out out, const Tensor& self, const std::optional<Scalar>& min,
             const std::optional<Scalar>& max) {
  TAPER_CHECK(min || max, "clamp: At least one of 'min' or 'max' must not be None");
  if (!min) return clamp_max(out, self, *max);
  if (!max) return clamp_min(out, self, *min);
  const Scalar bounds[] = {*min, *max};
  return bounded(
      out, {"clamp", "ClampBackward1", clamp_kernel, UnaryOp::self}, self, bounds,
      [low = *min, high = *max](const Tensor& x) { return logical_and(ge(x, low), le(x, high)); });
}
Tensor clamp(Out out, const Tensor& self, const std::optional<Tensor>& min,
             const std::optional<Tensor>& max) {
  const bool low = min && min->defined(), high = max && max->defined();
  TAPER_CHECK(low || high, "clamp: At least one of 'min' or 'max' must not be None");
  const TensorArgs::Arg args[] = {self, min, max};
  return composite(out, "clamp", self, {args[0], args[1], args[2]}, [&](const Tensor& x) {
    const Tensor r = low ? limited(x, *min, false) : x;
    return high ? limited(r, *max, true) : r;
  });
}
Tensor clip(Out out, const Tensor& self, const std::optional<Scalar>& min,
            const std::optional<Scalar>& max) {
  return clamp(out, self, min, max);
}
Tensor clip(Out out, const Tensor& self, const std::optional<Tensor>& min,
            const std::optional<Tensor>& max) {
  return clamp(out, self, min, max);
}
Tensor clamp_min(Out out, const Tensor& self, const Scalar& min) {
  return bounded(out, {"clamp_min", "ClampMinBackward0", clamp_min_kernel, UnaryOp::self}, self,
                 Params(min), [min](const Tensor& x) { return ge(x, min); });
}
Tensor clamp_min(Out out, const Tensor& self, const Tensor& min) {
  return limit(out, "clamp_min", self, min, false);
}
Tensor clamp_max(Out out, const Tensor& self, const Scalar& max) {
  return bounded(out, {"clamp_max", "ClampMaxBackward0", clamp_max_kernel, UnaryOp::self}, self,
                 Params(max), [max](const Tensor& x) { return le(x, max); });
}
Tensor clamp_max(Out out, const Tensor& self, const Tensor& max) {
  return limit(out, "clamp_max", self, max, true);
}

Tensor nan_to_num(Out out, const Tensor& self, std::optional<double> nan,
                  std::optional<double> posinf, std::optional<double> neginf) {
  const ScalarType type = self.scalar_type();
  if (isComplexType(type)) fail_complex("nan_to_num", type);
  const double largest = visit_dtype(type, [](auto tag) -> double {
    using T = decltype(tag);
    if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::max();
    return std::is_same_v<T, Half> ? 65504.0 : 0x1.fep127;
  });
  const double infinity = std::numeric_limits<double>::infinity();
  return composite(out, "nan_to_num", self, {self}, [&](const Tensor& x) {
    if (!isFloatingType(type)) return x.clone();
    Tensor r = where(isnan(x), Scalar(nan.value_or(0)), x);
    r = where(eq(r, infinity), Scalar(posinf.value_or(largest)), r);
    return where(eq(r, -infinity), Scalar(neginf.value_or(-largest)), r);
  });
}

}  // namespace body

Tensor positive(const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool,
                 "positive: The `+` operator, on a bool tensor is not supported.");
  return self;
}

}  // namespace taper
