#pragma once

#include <cmath>
#include <limits>

// Special functions of double numbers, good to about 1e-13: for functions without vector code.
namespace taper::cpu {

inline constexpr double kPi = 3.14159265358979323846;
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

/// ln |gamma(x)|, without the C library's global sign.
inline double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

/// The derivative of log_gamma: recurrence to x >= 10, then the asymptotic series
/// ln x - 1/2x - sum B_2k / (2k x^2k). Infinite at 0 (against its sign), NaN at negative integers.
inline double digamma(double x) {
  if (x == 0) return std::copysign(kInf, -x);
  if (x < 0) {
    if (x == std::floor(x)) return kNan;
    if (x > -0.25) return digamma(1 + x) - 1 / x;
    return digamma(1 - x) - kPi / std::tan(kPi * (x - std::floor(x)));
  }
  double shift = 0;
  for (; x < 10; x += 1) shift -= 1 / x;
  const double y = 1 / (x * x);
  const double series =
      y *
      (1.0 / 12 -
       y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * 691.0 / 32760)))));
  return shift + std::log(x) - 0.5 / x - series;
}

/// Hurwitz' zeta(s, q) = sum 1 / (q + k)^s for s > 1: a sum to q + k >= 10, then Euler-Maclaurin.
inline double hurwitz_zeta(double s, double q) {
  if (s == 1) return kInf;
  if (s < 1 || std::isnan(s) || std::isnan(q)) return kNan;
  if (q <= 0) {
    if (q == std::floor(q)) return kInf;
    if (s != std::floor(s)) return kNan;
  }
  if (q < -16) {
    // The terms below 0 are, but for the sign, those from their fraction up to 1 - q.
    const double below = hurwitz_zeta(s, std::ceil(q) - q) - hurwitz_zeta(s, 1 - q);
    return hurwitz_zeta(s, q - std::floor(q)) + (std::fmod(s, 2) == 0 ? below : -below);
  }
  double sum = 0;
  for (; q < 10; q += 1) sum += std::pow(q, -s);
  if (std::isinf(q)) return sum;
  // The rest: integral, half of the first term, and the derivatives with B_2k / (2k)!.
  const double term = std::pow(q, -s);
  sum += q * term / (s - 1) + 0.5 * term;
  const double coefficients[] = {1.0 / 12,           -1.0 / 720,     1.0 / 30240,
                                 -1.0 / 1209600,     1.0 / 47900160, -691.0 / 1307674368000.0,
                                 1.0 / 74724249600.0};
  double factor = s * term / q;
  for (int k = 0; k < 7; ++k) {
    sum += coefficients[k] * factor;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
  }
  return sum;
}

/// The n-th derivative of digamma, (-1)^(n+1) n! zeta(n + 1, x); digamma itself for n = 0.
inline double polygamma(int64_t n, double x) {
  if (n == 0) return digamma(x);
  if (std::isinf(x) && x < 0) return kNan;  // no limit among the poles
  const double value =
      std::exp(log_gamma(static_cast<double>(n) + 1)) * hurwitz_zeta(static_cast<double>(n) + 1, x);
  return n % 2 != 0 ? value : -value;
}

/// The y > 0 with erf(y) = a and erfc(y) = rest = 1 - a, in (0, 1): Winitzki's approximation,
/// refined by Halley's method on the smaller of the two, which keeps its precision near 0 and 1.
inline double erf_inverse(double a, double rest) {
  const double l = std::log(rest * (1 + a)), c = 2 / (kPi * 0.147) + l / 2;
  double y = std::sqrt(std::sqrt(c * c - l / 0.147) - c);
  for (int i = 0; i < 3; ++i) {
    const double error = a < 0.5 ? std::erf(y) - a : rest - std::erfc(y);
    const double step = error / (2 / std::sqrt(kPi) * std::exp(-y * y));
    y -= step / (1 + y * step);
  }
  return y;
}

/// x = mantissa 2^exponent with |mantissa| in [0.5, 1); 0, infinities and NaN have exponent 0.
struct SplitNumber {
  double mantissa;
  int exponent;
};
inline SplitNumber split_number(double x) {
  if (!std::isfinite(x)) return {x, 0};
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return {mantissa, exponent};
}

/// The inverse of erf.
inline double erf_inverse(double x) {
  if (!(std::fabs(x) < 1)) return std::fabs(x) == 1 ? std::copysign(kInf, x) : kNan;
  if (x == 0) return x;
  return std::copysign(erf_inverse(std::fabs(x), 1 - std::fabs(x)), x);
}

/// ln(e^a + e^b).
inline double log_add_exp(double a, double b) {
  if (a == b && std::isinf(a)) return a;
  return std::fmax(a, b) + std::log1p(std::exp(-std::fabs(a - b))) + (a != a || b != b ? kNan : 0);
}

/// a ln(b), 0 where a is, unless b is NaN.
inline double x_log_y(double a, double b) {
  if (b != b) return b;
  return a == 0 ? 0 : a * std::log(b);
}

}  // namespace taper::cpu
