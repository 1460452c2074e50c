#pragma once

#include <cmath>

#include "taper/backend/cpu/special_functions.h"
#include "taper/kernel/pointwise.h"

// Bessel functions and their kin, of double numbers.
namespace taper::cpu {

/// sum of (-sign)^k (m - 1)(m - 9)...(m - (2k - 1)^2) / (k! (8x)^k) with m = 4 order^2: what
/// Hankel's expansions of I (sign 1) and K (sign -1) have in common. For x >= 30 twenty terms do.
inline double hankel_sum(int order, double x, double sign) {
  const double m = 4.0 * order * order;
  double term = 1, sum = 1;
  for (int k = 1; k <= 20; ++k) {
    term *= -sign * (m - (2 * k - 1) * (2 * k - 1)) / (k * 8 * x);
    sum += term;
  }
  return sum;
}

/// I(x) = sum (x/2)^(2k + order) / (k! (k + order)!) for 0 <= x < 30. The standard library's takes
/// lgamma there, which writes a global.
inline double bessel_i_series(int order, double x) {
  const double y = x * x / 4;
  double term = order == 0 ? 1 : x / 2, sum = term;
  for (int k = 1; term > sum * 1e-17; ++k) {
    term *= y / (static_cast<double>(k) * (k + order));
    sum += term;
  }
  return sum;
}

/// e^-|x| I(x), order 0 or 1.
inline double scaled_bessel_i(int order, double x) {
  const double a = std::fabs(x);
  if (std::isnan(a)) return x;
  double value = 0;
  if (a < 30) {
    value = std::exp(-a) * bessel_i_series(order, a);
  } else if (!std::isinf(a)) {
    value = hankel_sum(order, a, 1) / std::sqrt(2 * kPi * a);
  }
  return order % 2 != 0 && std::signbit(x) ? -value : value;
}
/// I(x), order 0 or 1.
inline double bessel_i(int order, double x) {
  const double a = std::fabs(x);
  if (std::isnan(a)) return x;
  if (std::isinf(a)) return order % 2 != 0 ? x : a;
  if (a >= 30) {
    const double half = std::exp(a / 2);  // e^a itself may exceed a double where I(x) does not
    return scaled_bessel_i(order, x) * half * half;
  }
  const double value = bessel_i_series(order, a);
  return order % 2 != 0 && std::signbit(x) ? -value : value;
}

/// e^x K(x); infinite at 0, NaN below.
inline double scaled_bessel_k(int order, double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNan;
  if (x < 30) return std::exp(x) * std::cyl_bessel_k(static_cast<double>(order), x);
  if (std::isinf(x)) return 0;
  return std::sqrt(kPi / (2 * x)) * hankel_sum(order, x, -1);
}
inline double bessel_k(int order, double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNan;
  if (x < 30) return std::cyl_bessel_k(static_cast<double>(order), x);
  return std::exp(-x) * scaled_bessel_k(order, x);
}

/// Airy's function by Bessel functions of order 1/3: near 0 by its own series, Ai(0) f(x) +
/// Ai'(0) g(x), which does not cancel there; beyond -10^4, where they lose their phase, by the
/// leading term of its expansion.
inline double airy_ai(double x) {
  if (!std::isfinite(x)) return kNan;
  if (x > -3.5 && x < 0.5) {
    const double cube = x * x * x;
    double f = 1, g = x, sum_f = f, sum_g = g;
    for (int k = 3; k <= 60; k += 3) {
      f *= cube / (k * (k - 1));
      g *= cube / (k * (k + 1));
      sum_f += f;
      sum_g += g;
    }
    return 0.35502805388781723926 * sum_f - 0.25881940379280679840 * sum_g;
  }
  const double a = std::fabs(x), root = std::sqrt(a), z = 2 * a * root / 3, third = 1.0 / 3;
  if (x > 0) return z > 700 ? 0 : root / (kPi * std::sqrt(3.0)) * std::cyl_bessel_k(third, z);
  if (a > 1e4) return std::sin(z + kPi / 4) / std::sqrt(kPi * root);
  return root / 2 * (std::cyl_bessel_j(third, z) - std::cyl_neumann(third, z) / std::sqrt(3.0));
}

inline double bessel(Bessel kind, double x) {
  switch (kind) {
    case Bessel::j0:
      return ::j0(x);
    case Bessel::j1:
      return ::j1(x);
    case Bessel::y0:
      return x == 0 ? -kInf : x < 0 ? kNan : ::y0(x);
    case Bessel::y1:
      return x == 0 ? -kInf : x < 0 ? kNan : ::y1(x);
    case Bessel::k0:
      return bessel_k(0, x);
    case Bessel::k1:
      return bessel_k(1, x);
    case Bessel::scaled_i0:
      return scaled_bessel_i(0, x);
    case Bessel::scaled_i1:
      return scaled_bessel_i(1, x);
    case Bessel::scaled_k0:
      return scaled_bessel_k(0, x);
    case Bessel::scaled_k1:
      return scaled_bessel_k(1, x);
    case Bessel::airy:
      return airy_ai(x);
  }
  return kNan;
}

}  // namespace taper::cpu
