#pragma once

#include <cmath>

#include "taper/backend/cpu/special_functions.h"

// The incomplete gamma functions, and those of the normal distribution's tail.
namespace taper::cpu {

/// ln(1 + u) - u for u > -1.
inline double log1p_rest(double u) {
  if (std::fabs(u) > 0.3) return std::log1p(u) - u;
  // -u^2/2 + u^3/3 - ...
  double power = u * u, sum = 0;
  for (int k = 2; k < 60; ++k) {
    const double term = power / k;
    sum += k % 2 == 0 ? -term : term;
    if (std::fabs(term) < 1e-18 * std::fabs(sum)) break;
    power *= u;
  }
  return sum;
}

/// x^a e^-x / gamma(a + 1), without the cancellation of its logarithms for large a.
inline double gamma_density(double a, double x) {
  if (a < 10) return std::exp(a * std::log(x) - x - log_gamma(a + 1));
  const double y = 1 / (a * a);
  const double stirling = (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y / 1680))) / a;
  return std::exp(a * log1p_rest((x - a) / a) - stirling) / std::sqrt(2 * kPi * a);
}

/// Temme's expansion for a large a, of P or, with the other sign, of Q. Near x = a, where alone
/// both differ from 0 and 1, two coefficients of few terms do.
inline double gamma_share_of_large(double a, double x, double sign) {
  const double u = (x - a) / a;
  const double eta = std::copysign(std::sqrt(-2 * log1p_rest(u)), u);
  const double first =
      -1.0 / 3 +
      eta * (1.0 / 12 +
             eta * (-2.0 / 135 + eta * (1.0 / 864 + eta * (1.0 / 2835 - eta * 139 / 777600))));
  const double second = -1.0 / 540 + eta * (-1.0 / 288 + eta * (1.0 / 378 - eta * 77 / 77760));
  const double rest = std::exp(-a * eta * eta / 2) / std::sqrt(2 * kPi * a) * (first + second / a);
  return 0.5 * std::erfc(sign * eta * std::sqrt(a / 2)) + sign * rest;
}

/// ln gamma(1 + a) for a in [0, 1); 1 + a would round a small one away.
inline double log_gamma_above_one(double a) {
  if (a > 0.1) return log_gamma(1 + a);
  double power = -a, sum = -0.57721566490153286061 * a;
  for (int k = 2; k < 16; ++k) {
    power *= -a;
    sum += hurwitz_zeta(k, 1) * power / k;
  }
  return sum;
}

/// Q(a, x) below 1, where 1 - P would lose what is small: by the series of the lower function.
inline double small_upper_gamma_share(double a, double x) {
  double factor = 1, sum = 0;
  for (int k = 1; k < 40; ++k) {
    factor *= -x / k;
    sum += factor / (a + k);
  }
  const double log_power = a * std::log(x) - log_gamma_above_one(a);
  return -std::expm1(log_power) - a * std::exp(log_power) * sum;
}

/// P(a, x) where upper is false, Q(a, x) = 1 - P(a, x) where it is true: the series below a + 1,
/// the continued fraction (Lentz) above.
inline double gamma_share(double a, double x, bool upper) {
  if (!(a >= 0) || !(x >= 0) || (a == 0 && x == 0)) return kNan;
  if (std::isinf(a)) return std::isinf(x) ? kNan : upper ? 1 : 0;
  if (a == 0 || std::isinf(x)) return upper ? 0 : 1;
  if (x == 0) return upper ? 1 : 0;
  if (a > 1e5) return gamma_share_of_large(a, x, upper ? 1 : -1);
  if (upper && a < 1 && x < 1) return small_upper_gamma_share(a, x);
  const double density = gamma_density(a, x);
  constexpr int kMost = 5000;  // about 8 sqrt(a) terms are needed
  if (x < a + 1) {
    double term = 1, sum = 1;
    for (int k = 1; k < kMost && term > 1e-17 * sum; ++k) {
      term *= x / (a + k);
      sum += term;
    }
    return upper ? 1 - density * sum : density * sum;
  }
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, fraction = d;
  for (int k = 1; k < kMost; ++k) {
    const double an = -k * (k - a);
    b += 2;
    d = an * d + b;
    if (std::fabs(d) < kTiny) d = kTiny;
    c = b + an / c;
    if (std::fabs(c) < kTiny) c = kTiny;
    d = 1 / d;
    fraction *= d * c;
    if (std::fabs(d * c - 1) < 1e-16) break;
  }
  const double rest = density * a * fraction;
  return upper ? rest : 1 - rest;
}

/// e^(x^2) erfc(x).
inline double scaled_erfc(double x) {
  if (x < 10) return x < -27 ? kInf : std::exp(x * x) * std::erfc(x);
  if (std::isinf(x)) return 0;
  // The asymptotic series 1 - 1/(2x^2) + 1 3/(2x^2)^2 - ...
  const double y = -1 / (2 * x * x);
  double term = 1, sum = 1;
  for (int k = 1; k < 16; ++k) {
    term *= (2 * k - 1) * y;
    sum += term;
  }
  return sum / (x * std::sqrt(kPi));
}

/// The inverse of erfc on (0, 1].
inline double erfc_inverse(double q) { return q == 1 ? 0 : erf_inverse(1 - q, q); }

/// The quantile of the standard normal distribution.
inline double normal_quantile(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -kInf : p == 1 ? kInf : kNan;
  if (p == 0.5) return 0;
  const double root = std::sqrt(2.0);
  return p <= 0.5 ? -root * erfc_inverse(2 * p) : root * erfc_inverse(2 * (1 - p));
}

/// The logarithm of the standard normal distribution.
inline double log_normal_share(double x) {
  const double z = x / std::sqrt(2.0);
  if (x < -1) return std::log(scaled_erfc(-z) / 2) - z * z;
  return std::log1p(-std::erfc(z) / 2);
}

}  // namespace taper::cpu
