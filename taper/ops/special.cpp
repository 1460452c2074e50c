#include "taper/ops/special.h"

#include <cmath>
#include <numbers>

#include "taper/ops/bodies.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

ScalarType floating_result(const Arg& a, const Arg& b) { return to_floating(result_type(a, b)); }

[[noreturn]] void fail_derivative(const char* name) {
  throw Error(str(name, ": the derivative for '", name, "' is not implemented."));
}

/// x^(a - 1) e^-x / gamma(a).
Tensor gamma_slope(const Tensor& a, const Tensor& x) {
  return exp(sub(sub(xlogy(sub(a, 1), x), x), taper::lgamma(a)));
}

/// P or Q; their slopes in x differ by the sign.
Tensor incomplete_gamma(const Out& out, const char* name, const BinaryKernel& kernel,
                        const Tensor& a, const Tensor& x, bool upper) {
  const BinaryOp op{name, name, kernel, Needs::second, Needs::second};
  const ScalarType type = result_type(a, x);
  TAPER_CHECK_AS(DTypeError, isFloatingType(type), name, ": \"", name,
                 "_cpu\" not implemented for '", type, "'");
  return binary(out, op, a, x, {}, type, type, [name, upper](Backward& g) {
    if (g.wants(0)) fail_derivative(name);
    const Tensor grad = mul(g.grad(), gamma_slope(g.saved(0), g.saved(1)));
    give(g, 1, upper ? neg(grad) : grad);
  });
}

Tensor bessel(const Out& out, const char* name, Bessel kind, const Tensor& self) {
  if (self.is_complex()) fail_complex(name, self.scalar_type());
  const UnaryOp op{name, name, bessel_kernel};
  const Scalar number(static_cast<int64_t>(kind));
  return unary(out, op, self, to_floating(self.scalar_type()), Params(number),
               [name](Backward&) { fail_derivative(name); });
}

Tensor polynomial(const Out& out, const char* name, Polynomial kind, const Arg& x, const Arg& n) {
  const BinaryOp op{name, name, polynomial_kernel};
  const ScalarType type = floating_result(x, n);
  if (isComplexType(type)) fail_complex(name, type);
  const Scalar number(static_cast<int64_t>(kind));
  return binary(out, op, x, n, Params(number), type, type,
                [name](Backward&) { fail_derivative(name); });
}
Tensor shifted(const Tensor& x) { return sub(mul(x, 2), 1); }
Scalar shifted(const Scalar& x) { return Scalar(2 * x.toDouble() - 1); }

/// a ln(1 + b), as xlogy() is of a and 1 + b.
Tensor x_times_log1p(const Tensor& a, const Tensor& b) {
  const Tensor nothing = logical_and(eq(a, 0), logical_not(isnan(b)));
  return mul(a, log1p(where(nothing, Scalar(0), b)));
}
Tensor number_like(const Scalar& value, const Tensor& other) {
  return scalar_tensor(value, to_floating(other.scalar_type()));
}

Tensor zeta(const Out& out, const Arg& s, const Arg& q) {
  const char* const name = "special_zeta";
  const BinaryOp op{name, "SpecialZetaBackward0", zeta_kernel, Needs::second, Needs::second};
  const ScalarType type = floating_result(s, q);
  const Scalar number = s.is_number() ? s.number() : Scalar();
  return binary(out, op, s, q, {}, type, type, [name, number](Backward& g) {
    if (g.wants(0)) fail_derivative(name);
    const Tensor& at = g.saved(1);
    const Tensor order = g.saved(0).defined() ? g.saved(0) : number_like(number, at);
    give(g, 1, mul(g.grad(), mul(neg(order), special_zeta(add(order, 1), at))));
  });
}

}  // namespace

namespace body {

Tensor igamma(Out out, const Tensor& self, const Tensor& other) {
  return incomplete_gamma(out, "igamma", igamma_kernel, self, other, false);
}
Tensor igammac(Out out, const Tensor& self, const Tensor& other) {
  return incomplete_gamma(out, "igammac", igammac_kernel, self, other, true);
}

Tensor special_entr(Out out, const Tensor& self) {
  return composite(out, "special_entr", self, {self}, [](const Tensor& x) {
    const Tensor y = x.is_floating_point() ? x : x.to(get_default_dtype());
    const Tensor inside = rsub(taper::xlogy(y, where(lt(y, 0), Scalar(1.0), y)), 0);  // not -0
    return where(lt(y, 0), Scalar(-INFINITY), inside);
  });
}
Tensor special_erfcx(Out out, const Tensor& self) {
  return smooth(out, "special_erfcx", "SpecialErfcxBackward0", erfcx_kernel, self, {},
                [](const Tensor& x) {
                  return sub(mul(mul(x, 2), taper::special_erfcx(x)), 2 * std::numbers::inv_sqrtpi);
                });
}
Tensor special_i0e(Out out, const Tensor& self) {
  if (self.is_complex()) fail_complex("special_i0e", self.scalar_type());
  const Scalar kind(static_cast<int64_t>(Bessel::scaled_i0));
  return smooth(out, "special_i0e", "SpecialI0EBackward0", bessel_kernel, self, Params(kind),
                [](const Tensor& x) {
                  return sub(taper::special_i1e(x), mul(sign(x), taper::special_i0e(x)));
                });
}
Tensor special_i1e(Out out, const Tensor& self) {
  if (self.is_complex()) fail_complex("special_i1e", self.scalar_type());
  const Scalar kind(static_cast<int64_t>(Bessel::scaled_i1));
  return smooth(out, "special_i1e", "SpecialI1EBackward0", bessel_kernel, self, Params(kind),
                [](const Tensor& x) {
                  // i0e(x) - i1e(x) (sign(x) + 1 / x), which is 1/2 at 0.
                  const Tensor zero = eq(x, 0), safe = where(zero, Scalar(1.0), x);
                  const Tensor taken =
                      mul(taper::special_i1e(safe), add(sign(safe), reciprocal(safe)));
                  return where(zero, Scalar(0.5), sub(taper::special_i0e(x), taken));
                });
}
Tensor special_ndtr(Out out, const Tensor& self) {
  return composite(out, "special_ndtr", self, {self}, [](const Tensor& x) {
    // The tail is as steep as x is large.
    const ScalarType type = to_floating(x.scalar_type());
    return mul(erfc(mul(precise(x), -std::numbers::sqrt2 / 2)), 0.5).to(type);
  });
}
Tensor special_log_ndtr(Out out, const Tensor& self) {
  return smooth(out, "special_log_ndtr", "SpecialLogNdtrBackward0", log_ndtr_kernel, self, {},
                [](const Tensor& x) {
                  // The density over the share: sqrt(2 / pi) / erfcx(-x / sqrt(2)).
                  const double scale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
                  const Tensor tail = taper::special_erfcx(mul(x, -std::numbers::sqrt2 / 2));
                  return mul(reciprocal(tail), scale);
                });
}
Tensor special_ndtri(Out out, const Tensor& self) {
  return smooth(
      out, "special_ndtri", "SpecialNdtriBackward0", ndtri_kernel, self, {}, [](const Tensor& x) {
        const Tensor quantile = taper::special_ndtri(x);
        return mul(exp(mul(square(quantile), 0.5)), std::numbers::sqrt2 / std::numbers::inv_sqrtpi);
      });
}
Tensor special_spherical_bessel_j0(Out out, const Tensor& self) {
  return composite(out, "special_spherical_bessel_j0", self, {self}, [](const Tensor& x) {
    const Tensor values = sinc(mul(x, std::numbers::inv_pi));
    return where(isinf(x), Scalar(0), values);
  });
}
Tensor special_modified_bessel_i0(Out out, const Tensor& self) { return body::i0(out, self); }
Tensor special_modified_bessel_i1(Out out, const Tensor& self) {
  return out.give("special_modified_bessel_i1", special_i1(self), {self});
}

#define TAPER_BESSEL(name, kind)                       \
  Tensor special_##name(Out out, const Tensor& self) { \
    return bessel(out, "special_" #name, kind, self);  \
  }
TAPER_BESSEL(bessel_j0, Bessel::j0)
TAPER_BESSEL(bessel_j1, Bessel::j1)
TAPER_BESSEL(bessel_y0, Bessel::y0)
TAPER_BESSEL(bessel_y1, Bessel::y1)
TAPER_BESSEL(modified_bessel_k0, Bessel::k0)
TAPER_BESSEL(modified_bessel_k1, Bessel::k1)
TAPER_BESSEL(scaled_modified_bessel_k0, Bessel::scaled_k0)
TAPER_BESSEL(scaled_modified_bessel_k1, Bessel::scaled_k1)
TAPER_BESSEL(airy_ai, Bessel::airy)
#undef TAPER_BESSEL

Tensor special_xlog1py(Out out, const Tensor& self, const Tensor& other) {
  return out.give("special_xlog1py", x_times_log1p(self, other), {self, other});
}
Tensor special_zeta(Out out, const Tensor& self, const Tensor& other) {
  return zeta(out, self, other);
}

}  // namespace body

Tensor special_xlog1py(const Tensor& self, const Scalar& other) {
  return x_times_log1p(self, number_like(other, self));
}
Tensor special_xlog1py(const Scalar& self, const Tensor& other) {
  return x_times_log1p(number_like(self, other), other);
}
Tensor special_zeta(const Tensor& self, const Scalar& other) { return zeta(Out(), self, other); }
Tensor special_zeta(const Scalar& self, const Tensor& other) { return zeta(Out(), self, other); }

#define TAPER_POLYNOMIAL(name, kind)                                       \
  Tensor body::special_##name(Out out, const Tensor& x, const Tensor& n) { \
    return polynomial(out, "special_" #name, kind, x, n);                  \
  }                                                                        \
  Tensor special_##name(const Tensor& x, const Scalar& n) {                \
    return polynomial(Out(), "special_" #name, kind, x, n);                \
  }                                                                        \
  Tensor special_##name(const Scalar& x, const Tensor& n) {                \
    return polynomial(Out(), "special_" #name, kind, x, n);                \
  }
TAPER_POLYNOMIAL(hermite_polynomial_h, Polynomial::hermite_h)
TAPER_POLYNOMIAL(hermite_polynomial_he, Polynomial::hermite_he)
TAPER_POLYNOMIAL(laguerre_polynomial_l, Polynomial::laguerre_l)
TAPER_POLYNOMIAL(legendre_polynomial_p, Polynomial::legendre_p)
TAPER_POLYNOMIAL(chebyshev_polynomial_t, Polynomial::chebyshev_t)
TAPER_POLYNOMIAL(chebyshev_polynomial_u, Polynomial::chebyshev_u)
TAPER_POLYNOMIAL(chebyshev_polynomial_v, Polynomial::chebyshev_v)
TAPER_POLYNOMIAL(chebyshev_polynomial_w, Polynomial::chebyshev_w)
#undef TAPER_POLYNOMIAL

#define TAPER_SHIFTED(kind)                                                              \
  Tensor body::special_shifted_chebyshev_polynomial_##kind(Out out, const Tensor& x,     \
                                                           const Tensor& n) {            \
    return polynomial(out, "special_shifted_chebyshev_polynomial_" #kind,                \
                      Polynomial::chebyshev_##kind, shifted(x), n);                      \
  }                                                                                      \
  Tensor special_shifted_chebyshev_polynomial_##kind(const Tensor& x, const Scalar& n) { \
    return special_chebyshev_polynomial_##kind(shifted(x), n);                           \
  }                                                                                      \
  Tensor special_shifted_chebyshev_polynomial_##kind(const Scalar& x, const Tensor& n) { \
    return special_chebyshev_polynomial_##kind(shifted(x), n);                           \
  }
TAPER_SHIFTED(t)
TAPER_SHIFTED(u)
TAPER_SHIFTED(v)
TAPER_SHIFTED(w)
#undef TAPER_SHIFTED

}  // namespace taper
