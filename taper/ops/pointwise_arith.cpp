#include "taper/ops/pointwise_arith.h"

#include <cmath>
#include <limits>

#include "taper/ops/bodies.h"
#include "taper/ops/complex.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

/// An argument as a backward sees it again: a saved tensor or a number.
struct Value {
  const Tensor& tensor;
  const Scalar& number;
};
Tensor operator*(const Tensor& t, const Value& v) {
  return v.tensor.defined() ? mul(t, v.tensor) : mul(t, v.number);
}
Tensor operator/(const Tensor& t, const Value& v) {
  return v.tensor.defined() ? div(t, v.tensor) : div(t, v.number);
}
/// A number as a backward needs it: conjugated, as its saved tensors are.
Scalar number_of(const Arg& a) { return a.is_number() ? a.number().conj() : Scalar(); }

Tensor scaled(const Tensor& t, const Scalar& factor) {
  return factor.equal(1) ? t : mul(t, factor);
}

void check_alpha(const char* op, const Scalar& alpha, ScalarType type) {
  TAPER_CHECK(!alpha.isBoolean() || type == kBool, op,
              ": Boolean alpha only supported for Boolean results.");
  TAPER_CHECK(isComplexType(type) || !alpha.isComplex(), op,
              ": For non-complex input tensors, argument alpha must not be a complex number.");
  TAPER_CHECK(isDifferentiableType(type) || alpha.isIntegral(true), op,
              ": For integral input tensors, argument alpha must not be a floating point number.");
}

Tensor add_or_sub(const Out& out, bool subtract, const Arg& a, const Arg& b, const Scalar& alpha) {
  const BinaryOp op{subtract ? "sub" : "add", subtract ? "SubBackward0" : "AddBackward0",
                    subtract ? sub_kernel : add_kernel};
  const ScalarType type = result_type(a, b);
  if (!alpha.equal(1)) check_alpha(op.name, alpha, type);
  const Scalar factor = (subtract ? -alpha : alpha).conj();
  return binary(out, op, a, b, Params(alpha), type, type, [factor](Backward& g) {
    if (g.wants(0)) give(g, 0, g.grad());
    if (g.wants(1)) give(g, 1, scaled(g.grad(), factor));
  });
}

Tensor subtraction(const Out& out, const Arg& a, const Arg& b, const Scalar& alpha) {
  const bool a_bool = a.dtype() == kBool, b_bool = b.dtype() == kBool;
  TAPER_CHECK_AS(DTypeError, !(a_bool && b_bool),
                 "sub: Subtraction, the `-` operator, with two bool tensors is not supported. Use "
                 "the `^` or `logical_xor()` operator instead.");
  TAPER_CHECK_AS(DTypeError, !a_bool && !b_bool,
                 "sub: Subtraction, the `-` operator, with a bool tensor is not supported. If you "
                 "are trying to invert a mask, use the `~` or `logical_not()` operator instead.");
  return add_or_sub(out, true, a, b, alpha);
}

Tensor product(const Out& out, const Arg& a, const Arg& b) {
  const BinaryOp op{"mul", "MulBackward0", mul_kernel, Needs::second, Needs::first};
  const ScalarType type = result_type(a, b);
  return binary(out, op, a, b, {}, type, type, [n = number_of(b)](Backward& g) {
    if (g.wants(0)) give(g, 0, g.grad() * Value{g.saved(1), n});
    if (g.wants(1)) give(g, 1, mul(g.grad(), g.saved(0)));
  });
}

Tensor quotient(const Out& out, const Arg& a, const Arg& b) {
  const BinaryOp op{"div", "DivBackward0", div_kernel, Needs::second, Needs::any};
  const ScalarType type = to_floating(result_type(a, b));
  const Scalar numerator = number_of(a), divisor = number_of(b);
  return binary(out, op, a, b, {}, type, type, [numerator, divisor](Backward& g) {
    const Value b{g.saved(1), divisor};
    if (g.wants(0)) give(g, 0, g.grad() / b);
    if (g.wants(1)) {
      // -g a / b^2, in the order that overflows last.
      const Arg a = g.saved(0).defined() ? Arg(g.saved(0)) : Arg(numerator);
      give(g, 1, neg(mul(g.grad() / b, quotient(Out(), a, g.saved(1)))));
    }
  });
}

/// floor and trunc have no slope.
void give_zeros(Backward& g) {
  for (size_t i = 0; i < 2; ++i) {
    if (g.wants(i)) g.set(i, zeros(g.sizes(i), g.dtype(i)));
  }
}

Tensor rounded_quotient(const Out& out, const Arg& a, const Arg& b, bool floor) {
  const BinaryOp op{floor ? "floor_divide" : "div", "DivBackward1",
                    floor ? div_floor_kernel : div_trunc_kernel};
  ScalarType type = result_type(a, b);
  if (type == kBool) type = to_floating(type);
  return binary(out, op, a, b, {}, type, type, give_zeros);
}

Tensor quotient(const Out& out, const Arg& a, const Arg& b,
                std::optional<std::string_view> rounding_mode) {
  if (!rounding_mode) return quotient(out, a, b);
  const bool floor = *rounding_mode == "floor";
  TAPER_CHECK_AS(ConfigError, floor || *rounding_mode == "trunc",
                 "div: expected rounding_mode to be one of None, 'trunc', or 'floor' but found '",
                 *rounding_mode, "'");
  return rounded_quotient(out, a, b, floor);
}

/// The remainder of floor (Python's %) or truncated (C's fmod) division.
Tensor modulo(const Out& out, const Arg& a, const Arg& b, bool floor) {
  const BinaryOp op{floor ? "remainder" : "fmod", floor ? "RemainderBackward0" : "FmodBackward0",
                    floor ? remainder_kernel : fmod_kernel, Needs::second, Needs::second};
  const ScalarType type = result_type(a, b);
  TAPER_CHECK_AS(DTypeError, type != kBool, op.name, ": \"", op.name,
                 "\" not implemented for 'Bool'");
  return binary(out, op, a, b, {}, type, type, [floor, n = number_of(a)](Backward& g) {
    if (g.wants(0)) give(g, 0, g.grad());
    if (g.wants(1)) {
      const Arg divisor = g.saved(1);
      const Arg whole = g.saved(0).defined() ? Arg(g.saved(0)) : Arg(n);
      give(g, 1, neg(mul(g.grad(), rounded_quotient(Out(), whole, divisor, floor))));
    }
  });
}

/// g b a^(b - 1), which is 0 where b is.
Tensor pow_grad_base(const Tensor& grad, const Tensor& base, const Value& exponent) {
  if (!exponent.tensor.defined()) {
    if (exponent.number.equal(0)) return zeros_like(grad);
    const Scalar& e = exponent.number;
    const Scalar less = e.isComplex()         ? Scalar(e.toComplexDouble() - Complex<double>(1))
                        : e.isFloatingPoint() ? Scalar(e.toDouble() - 1)
                                              : Scalar(e.toLong() - 1);
    return mul(grad, mul(pow(base, less), exponent.number));
  }
  const Tensor& e = exponent.tensor;
  return where(eq(e, 0), Scalar(0), mul(grad, mul(e, pow(base, sub(e, 1)))));
}

/// ln(a) as a factor of `like`, which it makes complex only where that is complex already.
Tensor times_log(const Tensor& like, const Scalar& a) {
  if (!a.isComplex() && !(like.is_complex() && a.toDouble() < 0)) {
    return mul(like, std::log(a.toDouble()));
  }
  // A number as its backward sees it is conjugated: below the branch cut.
  const Complex<double> z =
      a.isComplex() ? a.toComplexDouble() : Complex<double>(a.toDouble(), -0.0);
  return mul(like, Complex<double>(std::log(std::hypot(z.re, z.im)), std::atan2(z.im, z.re)));
}

/// Where b, or its real part, is at least 0.
Tensor not_below_zero(const Tensor& b) { return ge(b.real(), 0); }

/// g a^b ln(a), which is 0 where a is 0 and b >= 0.
Tensor pow_grad_exponent(const Tensor& grad, const Value& base, const Tensor& exponent,
                         const Tensor& result) {
  if (!base.tensor.defined()) {
    if (base.number.equal(0)) {
      return where(not_below_zero(exponent), Scalar(0),
                   mul(grad, mul(result, -std::numeric_limits<double>::infinity())));
    }
    return mul(grad, times_log(result, base.number));
  }
  const Tensor zero = logical_and(eq(base.tensor, 0), not_below_zero(exponent));
  // Of a negative real base with a complex exponent, the logarithm is complex.
  const bool real_base = result.is_complex() && !base.tensor.is_complex();
  const Tensor a = real_base ? base.tensor.to(result.scalar_type()).conj() : base.tensor;
  return where(zero, Scalar(0), mul(grad, mul(result, log(a))));
}

Tensor power(const Out& out, const Arg& a, const Arg& b) {
  const BinaryOp op{"pow",
                    "PowBackward0",
                    pow_kernel,
                    Needs::any,
                    b.is_number() ? Needs::nothing : Needs::any,
                    Needs::second};
  const ScalarType type = result_type(a, b);
  TAPER_CHECK(!(b.is_number() && isIntegralType(type, true) && b.number().toLong() < 0),
              "pow: Integers to negative integer powers are not allowed.");
  const Scalar base = number_of(a), exponent = number_of(b);
  return binary(out, op, a, b, {}, type, type, [base, exponent](Backward& g) {
    if (g.wants(0)) {
      give(g, 0, pow_grad_base(g.grad(), g.saved(0), Value{g.saved(1), exponent}));
    }
    if (g.wants(1)) {
      give(g, 1, pow_grad_exponent(g.grad(), Value{g.saved(0), base}, g.saved(1), g.saved(2)));
    }
  });
}

/// The gradient goes to the larger (smaller) element, in halves where both are equal.
Tensor extreme(const Out& out, const Tensor& a, const Tensor& b, bool larger) {
  const BinaryOp op{larger ? "maximum" : "minimum",
                    larger ? "MaximumBackward0" : "MinimumBackward0",
                    larger ? maximum_kernel : minimum_kernel, Needs::any, Needs::any};
  const ScalarType type = result_type(a, b);
  return binary(out, op, a, b, {}, type, type, [larger](Backward& g) {
    const Tensor shared = where(eq(g.saved(0), g.saved(1)), div(g.grad(), 2), g.grad());
    const Tensor below = larger ? lt(g.saved(0), g.saved(1)) : gt(g.saved(0), g.saved(1));
    const Tensor above = larger ? gt(g.saved(0), g.saved(1)) : lt(g.saved(0), g.saved(1));
    if (g.wants(0)) give(g, 0, where(below, Scalar(0), shared));
    if (g.wants(1)) give(g, 1, where(above, Scalar(0), shared));
  });
}

}  // namespace

namespace body {

Tensor add(Out out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
  return add_or_sub(out, false, self, other, alpha);
}
Tensor add(Out out, const Tensor& self, const Scalar& other, const Scalar& alpha) {
  return add_or_sub(out, false, self, other, alpha);
}
Tensor sub(Out out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
  return subtraction(out, self, other, alpha);
}
Tensor sub(Out out, const Tensor& self, const Scalar& other, const Scalar& alpha) {
  return subtraction(out, self, other, alpha);
}
Tensor subtract(Out out, const Tensor& self, const Tensor& other, const Scalar& alpha) {
  return subtraction(out, self, other, alpha);
}
Tensor subtract(Out out, const Tensor& self, const Scalar& other, const Scalar& alpha) {
  return subtraction(out, self, other, alpha);
}
Tensor mul(Out out, const Tensor& self, const Tensor& other) { return product(out, self, other); }
Tensor mul(Out out, const Tensor& self, const Scalar& other) { return product(out, self, other); }
Tensor multiply(Out out, const Tensor& self, const Tensor& other) {
  return product(out, self, other);
}
Tensor multiply(Out out, const Tensor& self, const Scalar& other) {
  return product(out, self, other);
}

Tensor div(Out out, const Tensor& self, const Tensor& other) { return quotient(out, self, other); }
Tensor div(Out out, const Tensor& self, const Scalar& other) { return quotient(out, self, other); }
Tensor div(Out out, const Tensor& self, const Tensor& other,
           std::optional<std::string_view> rounding_mode) {
  return quotient(out, self, other, rounding_mode);
}
Tensor div(Out out, const Tensor& self, const Scalar& other,
           std::optional<std::string_view> rounding_mode) {
  return quotient(out, self, other, rounding_mode);
}
Tensor divide(Out out, const Tensor& self, const Tensor& other) {
  return quotient(out, self, other);
}
Tensor divide(Out out, const Tensor& self, const Scalar& other) {
  return quotient(out, self, other);
}
Tensor divide(Out out, const Tensor& self, const Tensor& other,
              std::optional<std::string_view> rounding_mode) {
  return quotient(out, self, other, rounding_mode);
}
Tensor divide(Out out, const Tensor& self, const Scalar& other,
              std::optional<std::string_view> rounding_mode) {
  return quotient(out, self, other, rounding_mode);
}
Tensor true_divide(Out out, const Tensor& self, const Tensor& other) {
  return quotient(out, self, other);
}
Tensor true_divide(Out out, const Tensor& self, const Scalar& other) {
  return quotient(out, self, other);
}
Tensor floor_divide(Out out, const Tensor& self, const Tensor& other) {
  return rounded_quotient(out, self, other, true);
}
Tensor floor_divide(Out out, const Tensor& self, const Scalar& other) {
  return rounded_quotient(out, self, other, true);
}
Tensor remainder(Out out, const Tensor& self, const Tensor& other) {
  return modulo(out, self, other, true);
}
Tensor remainder(Out out, const Tensor& self, const Scalar& other) {
  return modulo(out, self, other, true);
}
Tensor fmod(Out out, const Tensor& self, const Tensor& other) {
  return modulo(out, self, other, false);
}
Tensor fmod(Out out, const Tensor& self, const Scalar& other) {
  return modulo(out, self, other, false);
}

Tensor pow(Out out, const Tensor& self, const Tensor& exponent) {
  return power(out, self, exponent);
}
Tensor pow(Out out, const Tensor& self, const Scalar& exponent) {
  return power(out, self, exponent);
}
Tensor maximum(Out out, const Tensor& self, const Tensor& other) {
  return extreme(out, self, other, true);
}
Tensor minimum(Out out, const Tensor& self, const Tensor& other) {
  return extreme(out, self, other, false);
}
Tensor atan2(Out out, const Tensor& self, const Tensor& other) {
  const BinaryOp op{"atan2", "Atan2Backward0", atan2_kernel, Needs::any, Needs::any};
  const ScalarType type = to_floating(result_type(self, other));
  return binary(out, op, self, other, {}, type, type, [](Backward& g) {
    const Tensor &y = g.saved(0), &x = g.saved(1);
    const Tensor scaled = div(g.grad(), add(taper::mul(y, y), taper::mul(x, x)));
    if (g.wants(0)) give(g, 0, taper::mul(scaled, x));
    if (g.wants(1)) give(g, 1, neg(taper::mul(scaled, y)));
  });
}
Tensor arctan2(Out out, const Tensor& self, const Tensor& other) { return atan2(out, self, other); }

}  // namespace body

Tensor rsub(const Tensor& self, const Tensor& other, const Scalar& alpha) {
  return subtraction(Out(), other, self, alpha);
}
Tensor rsub(const Tensor& self, const Scalar& other, const Scalar& alpha) {
  return subtraction(Out(), other, self, alpha);
}
Tensor pow(const Scalar& self, const Tensor& exponent) { return power(Out(), self, exponent); }
Tensor operator/(const Scalar& a, const Tensor& b) { return quotient(Out(), a, b); }
Tensor operator%(const Scalar& a, const Tensor& b) { return remainder(a, b); }
Tensor remainder(const Scalar& self, const Tensor& other) {
  return modulo(Out(), self, other, true);
}

}  // namespace taper
