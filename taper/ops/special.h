#pragma once

#include <optional>
#include <vector>

#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/softmax.h"
#include "taper/ops/statistics.h"

// Special functions of torch.special, under LibTorch's names: special_i0e(x) and special::i0e(x).
// Results are good to about 1e-13, rounded to the type; integers give the default floating type.
// Bessel and Airy functions and polynomials have no gradient, as in PyTorch.
namespace taper TAPER_API {

/// The lower incomplete gamma function over gamma(self): P(self, other). NaN unless both are
/// non-negative. The gradient is that with respect to other.
/// variants: method, inplace, out
Tensor igamma(const Tensor& self, const Tensor& other);
/// The upper incomplete gamma function over gamma(self): Q(self, other) = 1 - P(self, other).
/// variants: method, inplace, out
Tensor igammac(const Tensor& self, const Tensor& other);

/// -self ln(self): 0 at 0, minus infinity below 0.
/// variants: out
Tensor special_entr(const Tensor& self);
/// e^(self^2) erfc(self), which does not underflow.
/// variants: out
Tensor special_erfcx(const Tensor& self);
/// e^-|self| i0(self).
/// variants: out
Tensor special_i0e(const Tensor& self);
/// e^-|self| special_i1(self).
/// variants: out
Tensor special_i1e(const Tensor& self);
/// The share of the standard normal distribution below self.
/// variants: out
Tensor special_ndtr(const Tensor& self);
/// ln(special_ndtr(self)), precise where that is tiny.
/// variants: out
Tensor special_log_ndtr(const Tensor& self);
/// The inverse of special_ndtr(): infinite at 0 and 1, NaN beyond.
/// variants: out
Tensor special_ndtri(const Tensor& self);
/// sin(self) / self, 1 at 0.
/// variants: out
Tensor special_spherical_bessel_j0(const Tensor& self);
/// The Bessel function of the first kind of order 0.
/// variants: out
Tensor special_bessel_j0(const Tensor& self);
/// The Bessel function of the first kind of order 1.
/// variants: out
Tensor special_bessel_j1(const Tensor& self);
/// The Bessel function of the second kind of order 0; minus infinity at 0, NaN below.
/// variants: out
Tensor special_bessel_y0(const Tensor& self);
/// The Bessel function of the second kind of order 1; minus infinity at 0, NaN below.
/// variants: out
Tensor special_bessel_y1(const Tensor& self);
/// Same as i0().
/// variants: out
Tensor special_modified_bessel_i0(const Tensor& self);
/// Same as special_i1().
/// variants: out
Tensor special_modified_bessel_i1(const Tensor& self);
/// The modified Bessel function of the second kind of order 0; infinite at 0, NaN below.
/// variants: out
Tensor special_modified_bessel_k0(const Tensor& self);
/// The modified Bessel function of the second kind of order 1; infinite at 0, NaN below.
/// variants: out
Tensor special_modified_bessel_k1(const Tensor& self);
/// e^self special_modified_bessel_k0(self).
/// variants: out
Tensor special_scaled_modified_bessel_k0(const Tensor& self);
/// e^self special_modified_bessel_k1(self).
/// variants: out
Tensor special_scaled_modified_bessel_k1(const Tensor& self);
/// The Airy function Ai.
/// variants: out
Tensor special_airy_ai(const Tensor& self);

/// self ln(1 + other), 0 where self is 0, NaN where other is NaN.
/// variants: out
Tensor special_xlog1py(const Tensor& self, const Tensor& other);
Tensor special_xlog1py(const Tensor& self, const Scalar& other);
Tensor special_xlog1py(const Scalar& self, const Tensor& other);
/// Hurwitz' zeta function, sum of 1 / (k + other)^self over k >= 0. The gradient is that with
/// respect to other.
/// variants: out
Tensor special_zeta(const Tensor& self, const Tensor& other);
Tensor special_zeta(const Tensor& self, const Scalar& other);
Tensor special_zeta(const Scalar& self, const Tensor& other);

// Polynomials of degree trunc(n): 0 for a negative one, NaN above 10^6.
/// The Chebyshev polynomial of the first kind in self of degree n.
/// variants: out
Tensor special_chebyshev_polynomial_t(const Tensor& self, const Tensor& n);
Tensor special_chebyshev_polynomial_t(const Tensor& self, const Scalar& n);
Tensor special_chebyshev_polynomial_t(const Scalar& self, const Tensor& n);
/// The Chebyshev polynomial of the second kind in self of degree n.
/// variants: out
Tensor special_chebyshev_polynomial_u(const Tensor& self, const Tensor& n);
Tensor special_chebyshev_polynomial_u(const Tensor& self, const Scalar& n);
Tensor special_chebyshev_polynomial_u(const Scalar& self, const Tensor& n);
/// The Chebyshev polynomial of the third kind in self of degree n.
/// variants: out
Tensor special_chebyshev_polynomial_v(const Tensor& self, const Tensor& n);
Tensor special_chebyshev_polynomial_v(const Tensor& self, const Scalar& n);
Tensor special_chebyshev_polynomial_v(const Scalar& self, const Tensor& n);
/// The Chebyshev polynomial of the fourth kind in self of degree n.
/// variants: out
Tensor special_chebyshev_polynomial_w(const Tensor& self, const Tensor& n);
Tensor special_chebyshev_polynomial_w(const Tensor& self, const Scalar& n);
Tensor special_chebyshev_polynomial_w(const Scalar& self, const Tensor& n);
/// special_chebyshev_polynomial_t(2 self - 1, n).
/// variants: out
Tensor special_shifted_chebyshev_polynomial_t(const Tensor& self, const Tensor& n);
Tensor special_shifted_chebyshev_polynomial_t(const Tensor& self, const Scalar& n);
Tensor special_shifted_chebyshev_polynomial_t(const Scalar& self, const Tensor& n);
/// special_chebyshev_polynomial_u(2 self - 1, n).
/// variants: out
Tensor special_shifted_chebyshev_polynomial_u(const Tensor& self, const Tensor& n);
Tensor special_shifted_chebyshev_polynomial_u(const Tensor& self, const Scalar& n);
Tensor special_shifted_chebyshev_polynomial_u(const Scalar& self, const Tensor& n);
/// special_chebyshev_polynomial_v(2 self - 1, n).
/// variants: out
Tensor special_shifted_chebyshev_polynomial_v(const Tensor& self, const Tensor& n);
Tensor special_shifted_chebyshev_polynomial_v(const Tensor& self, const Scalar& n);
Tensor special_shifted_chebyshev_polynomial_v(const Scalar& self, const Tensor& n);
/// special_chebyshev_polynomial_w(2 self - 1, n).
/// variants: out
Tensor special_shifted_chebyshev_polynomial_w(const Tensor& self, const Tensor& n);
Tensor special_shifted_chebyshev_polynomial_w(const Tensor& self, const Scalar& n);
Tensor special_shifted_chebyshev_polynomial_w(const Scalar& self, const Tensor& n);
/// The Hermite polynomial H (of physics) in self of degree n.
/// variants: out
Tensor special_hermite_polynomial_h(const Tensor& self, const Tensor& n);
Tensor special_hermite_polynomial_h(const Tensor& self, const Scalar& n);
Tensor special_hermite_polynomial_h(const Scalar& self, const Tensor& n);
/// The Hermite polynomial He (of statistics) in self of degree n.
/// variants: out
Tensor special_hermite_polynomial_he(const Tensor& self, const Tensor& n);
Tensor special_hermite_polynomial_he(const Tensor& self, const Scalar& n);
Tensor special_hermite_polynomial_he(const Scalar& self, const Tensor& n);
/// The Laguerre polynomial in self of degree n.
/// variants: out
Tensor special_laguerre_polynomial_l(const Tensor& self, const Tensor& n);
Tensor special_laguerre_polynomial_l(const Tensor& self, const Scalar& n);
Tensor special_laguerre_polynomial_l(const Scalar& self, const Tensor& n);
/// The Legendre polynomial in self of degree n.
/// variants: out
Tensor special_legendre_polynomial_p(const Tensor& self, const Tensor& n);
Tensor special_legendre_polynomial_p(const Tensor& self, const Scalar& n);
Tensor special_legendre_polynomial_p(const Scalar& self, const Tensor& n);

namespace special {

inline Tensor entr(const Tensor& self) { return special_entr(self); }
inline Tensor erfcx(const Tensor& self) { return special_erfcx(self); }
inline Tensor i0e(const Tensor& self) { return special_i0e(self); }
inline Tensor i1e(const Tensor& self) { return special_i1e(self); }
inline Tensor ndtr(const Tensor& self) { return special_ndtr(self); }
inline Tensor log_ndtr(const Tensor& self) { return special_log_ndtr(self); }
inline Tensor ndtri(const Tensor& self) { return special_ndtri(self); }
inline Tensor spherical_bessel_j0(const Tensor& self) { return special_spherical_bessel_j0(self); }
inline Tensor bessel_j0(const Tensor& self) { return special_bessel_j0(self); }
inline Tensor bessel_j1(const Tensor& self) { return special_bessel_j1(self); }
inline Tensor bessel_y0(const Tensor& self) { return special_bessel_y0(self); }
inline Tensor bessel_y1(const Tensor& self) { return special_bessel_y1(self); }
inline Tensor modified_bessel_i0(const Tensor& self) { return special_modified_bessel_i0(self); }
inline Tensor modified_bessel_i1(const Tensor& self) { return special_modified_bessel_i1(self); }
inline Tensor modified_bessel_k0(const Tensor& self) { return special_modified_bessel_k0(self); }
inline Tensor modified_bessel_k1(const Tensor& self) { return special_modified_bessel_k1(self); }
inline Tensor scaled_modified_bessel_k0(const Tensor& self) {
  return special_scaled_modified_bessel_k0(self);
}
inline Tensor scaled_modified_bessel_k1(const Tensor& self) {
  return special_scaled_modified_bessel_k1(self);
}
inline Tensor airy_ai(const Tensor& self) { return special_airy_ai(self); }
inline Tensor digamma(const Tensor& self) { return taper::digamma(self); }
inline Tensor psi(const Tensor& self) { return taper::digamma(self); }
inline Tensor erf(const Tensor& self) { return taper::erf(self); }
inline Tensor erfc(const Tensor& self) { return taper::erfc(self); }
inline Tensor erfinv(const Tensor& self) { return taper::erfinv(self); }
inline Tensor exp2(const Tensor& self) { return taper::exp2(self); }
inline Tensor expit(const Tensor& self) { return taper::sigmoid(self); }
inline Tensor expm1(const Tensor& self) { return taper::expm1(self); }
inline Tensor gammaln(const Tensor& self) { return taper::lgamma(self); }
inline Tensor i0(const Tensor& self) { return taper::i0(self); }
inline Tensor i1(const Tensor& self) { return taper::special_i1(self); }
inline Tensor log1p(const Tensor& self) { return taper::log1p(self); }
inline Tensor sinc(const Tensor& self) { return taper::sinc(self); }
inline Tensor round(const Tensor& self, int64_t decimals = 0) {
  return taper::round(self, decimals);
}
inline Tensor logit(const Tensor& self, std::optional<double> eps = std::nullopt) {
  return taper::logit(self, eps);
}
inline Tensor multigammaln(const Tensor& self, int64_t p) { return taper::mvlgamma(self, p); }
inline Tensor polygamma(int64_t n, const Tensor& self) { return taper::polygamma(n, self); }
inline Tensor logsumexp(const Tensor& self, IntArrayRef dims, bool keepdim = false) {
  return taper::logsumexp(self, dims, keepdim);
}
inline Tensor softmax(const Tensor& self, int64_t dim,
                      std::optional<ScalarType> dtype = std::nullopt) {
  return taper::softmax(self, dim, dtype);
}
inline Tensor log_softmax(const Tensor& self, int64_t dim,
                          std::optional<ScalarType> dtype = std::nullopt) {
  return taper::log_softmax(self, dim, dtype);
}
inline Tensor gammainc(const Tensor& self, const Tensor& other) { return igamma(self, other); }
inline Tensor gammaincc(const Tensor& self, const Tensor& other) { return igammac(self, other); }

// Of two tensors, or of a tensor and a number.
template <class A, class B>
Tensor xlog1py(const A& a, const B& b) {
  return special_xlog1py(a, b);
}
template <class A, class B>
Tensor zeta(const A& a, const B& b) {
  return special_zeta(a, b);
}
template <class A, class B>
Tensor chebyshev_polynomial_t(const A& a, const B& b) {
  return special_chebyshev_polynomial_t(a, b);
}
template <class A, class B>
Tensor chebyshev_polynomial_u(const A& a, const B& b) {
  return special_chebyshev_polynomial_u(a, b);
}
template <class A, class B>
Tensor chebyshev_polynomial_v(const A& a, const B& b) {
  return special_chebyshev_polynomial_v(a, b);
}
template <class A, class B>
Tensor chebyshev_polynomial_w(const A& a, const B& b) {
  return special_chebyshev_polynomial_w(a, b);
}
template <class A, class B>
Tensor shifted_chebyshev_polynomial_t(const A& a, const B& b) {
  return special_shifted_chebyshev_polynomial_t(a, b);
}
template <class A, class B>
Tensor shifted_chebyshev_polynomial_u(const A& a, const B& b) {
  return special_shifted_chebyshev_polynomial_u(a, b);
}
template <class A, class B>
Tensor shifted_chebyshev_polynomial_v(const A& a, const B& b) {
  return special_shifted_chebyshev_polynomial_v(a, b);
}
template <class A, class B>
Tensor shifted_chebyshev_polynomial_w(const A& a, const B& b) {
  return special_shifted_chebyshev_polynomial_w(a, b);
}
template <class A, class B>
Tensor hermite_polynomial_h(const A& a, const B& b) {
  return special_hermite_polynomial_h(a, b);
}
template <class A, class B>
Tensor hermite_polynomial_he(const A& a, const B& b) {
  return special_hermite_polynomial_he(a, b);
}
template <class A, class B>
Tensor laguerre_polynomial_l(const A& a, const B& b) {
  return special_laguerre_polynomial_l(a, b);
}
template <class A, class B>
Tensor legendre_polynomial_p(const A& a, const B& b) {
  return special_legendre_polynomial_p(a, b);
}
template <class A, class B>
Tensor xlogy(const A& a, const B& b) {
  return taper::xlogy(a, b);
}

}  // namespace special
}  // namespace taper
