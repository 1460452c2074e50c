#pragma once

#include <cmath>

#include "taper/backend/cpu/special_functions.h"
#include "taper/kernel/pointwise.h"

// Orthogonal polynomials of double numbers, by their recurrences.
namespace taper::cpu {

/// p(n) of p(k + 1) = (a(k) x + b(k)) p(k) - c(k) p(k - 1), from p(0) = 1 and p(1).
template <class Step>
double recurrence(int64_t n, double first, Step step) {
  if (n == 0) return 1;
  double before = 1, now = first;
  for (int64_t k = 1; k < n && !std::isnan(now); ++k) {
    const double next = step(static_cast<double>(k), now, before);
    before = now;
    now = next;
  }
  return now;
}

/// Chebyshev's four: p(k + 1) = 2x p(k) - p(k - 1); first is p(1).
inline double chebyshev(int64_t n, double x, double first) {
  return recurrence(n, first, [x](double, double p, double q) { return 2 * x * p - q; });
}

/// The value of degree trunc(degree); 0 below degree 0, NaN above 10^6, where a recurrence would
/// take long and mean nothing.
inline double polynomial(Polynomial kind, double x, double degree) {
  if (std::isnan(x) || std::isnan(degree)) return kNan;
  if (degree <= -1) return 0;
  if (degree > 1e6) return kNan;
  const int64_t n = static_cast<int64_t>(degree);
  switch (kind) {
    case Polynomial::chebyshev_t:
      return chebyshev(n, x, x);
    case Polynomial::chebyshev_u:
      return chebyshev(n, x, 2 * x);
    case Polynomial::chebyshev_v:
      return chebyshev(n, x, 2 * x - 1);
    case Polynomial::chebyshev_w:
      return chebyshev(n, x, 2 * x + 1);
    case Polynomial::hermite_h:
      return recurrence(n, 2 * x,
                        [x](double k, double p, double q) { return 2 * x * p - 2 * k * q; });
    case Polynomial::hermite_he:
      return recurrence(n, x, [x](double k, double p, double q) { return x * p - k * q; });
    case Polynomial::laguerre_l:
      return recurrence(n, 1 - x, [x](double k, double p, double q) {
        return ((2 * k + 1 - x) * p - k * q) / (k + 1);
      });
    case Polynomial::legendre_p:
      return recurrence(n, x, [x](double k, double p, double q) {
        return ((2 * k + 1) * x * p - k * q) / (k + 1);
      });
  }
  return kNan;
}

}  // namespace taper::cpu
