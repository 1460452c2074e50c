#include "tests/support/accuracy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>

#include "taper/base/parallel.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/special.h"

namespace taper::testing {
namespace {

using Real = long double;
constexpr Real kPi = 3.14159265358979323846264338327950288L;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

/// The product PyTorch takes: NaN at -infinity, where the factor is 0.
double times(double x, double factor) { return x == kInf ? x : x * factor; }

double gelu_tanh_of(double x) {
  const double k = 2 * std::sqrt(2 / static_cast<double>(kPi));
  return times(x, sigmoid_of(k * (x + 0.044715 * x * x * x)));
}

/// The cotangent of pi x for x in (0, 1).
Real cot_pi(Real x) { return x > 0.5L ? -cot_pi(1 - x) : 1 / std::tan(kPi * x); }

/// For x > 0: recurrence to 20, then ln x - 1/2x - sum B_2k / (2k x^2k).
Real digamma_above_zero(Real x) {
  Real shift = 0;
  for (; x < 20; x += 1) shift -= 1 / x;
  const Real coefficients[] = {1 / 12.0L,  -1 / 120.0L,     1 / 252.0L, -1 / 240.0L,
                               1 / 132.0L, -691 / 32760.0L, 1 / 12.0L};
  Real power = 1, series = 0;
  for (Real c : coefficients) series += c * (power /= x * x);
  return shift + std::log(x) - 0.5L / x - series;
}

double digamma_of(double x) {
  if (x == 0) return std::copysign(kInf, -x);
  if (x < 0 && x == std::floor(x)) return kNan;
  const Real wide = x;
  if (x > 0) return static_cast<double>(digamma_above_zero(wide));
  if (x > -0.25) return static_cast<double>(digamma_above_zero(1 + wide) - 1 / wide);
  return static_cast<double>(digamma_above_zero(1 - wide) - kPi * cot_pi(wide - std::floor(wide)));
}

double lgamma_of(double x) {
  int sign = 0;
  return static_cast<double>(::lgammal_r(x, &sign));
}

/// Newton from a bound below the root: erf is concave, so no step goes beyond it.
double erfinv_of(double x) {
  if (!(std::fabs(x) < 1)) return std::fabs(x) == 1 ? std::copysign(kInf, x) : kNan;
  const Real a = std::fabs(x), rest = 1 - a;
  Real y = std::sqrt(-kPi / 4 * std::log1p(-a * a));
  for (int i = 0; i < 7 && a > 0; ++i) {
    const Real error = a < 0.5L ? a - std::erf(y) : std::erfc(y) - rest;
    y += error / (2 / std::sqrt(kPi) * std::exp(-y * y));
  }
  return std::copysign(static_cast<double>(y), x);
}

/// Newton on the logarithm of erfc.
double ndtri_of(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -kInf : p == 1 ? kInf : kNan;
  const double root = std::sqrt(2.0);
  if (p > 0.25 && p < 0.75) return root * erfinv_of(2 * p - 1);
  const Real q = p < 0.5 ? 2 * Real(p) : 2 * (1 - Real(p));
  Real y = std::sqrt(-std::log(q));
  for (int i = 0; i < 8; ++i) {
    const Real tail = std::erfc(y);
    y += (std::log(tail) - std::log(q)) * tail / (2 / std::sqrt(kPi) * std::exp(-y * y));
  }
  return static_cast<double>((p < 0.5 ? -1 : 1) * std::sqrt(2.0L) * y);
}

/// 1 - 1/(2 z^2) + 1 3/(2 z^2)^2 - ...: erfc(z) z sqrt(pi) e^(z^2) for large z.
Real erfc_series(Real z) {
  const Real y = -1 / (2 * z * z);
  Real term = 1, sum = 1;
  for (int k = 1; k < 10; ++k) {
    term *= (2 * k - 1) * y;
    sum += term;
  }
  return sum;
}

double erfcx_of(double x) {
  if (std::isinf(x)) return x > 0 ? 0 : kInf;
  const Real z = x;
  if (x > 25) return static_cast<double>(erfc_series(z) / (z * std::sqrt(kPi)));
  return static_cast<double>(std::exp(z * z) * std::erfc(z));
}

double log_ndtr_of(double x) {
  if (std::isinf(x)) return x > 0 ? -0.0 : -kInf;
  const Real z = Real(x) / std::sqrt(2.0L);
  if (x < -100) {
    return static_cast<double>(std::log(erfc_series(-z) / (2 * -z * std::sqrt(kPi))) - z * z);
  }
  if (x < -1) return static_cast<double>(std::log(std::erfc(-z) / 2));
  return static_cast<double>(std::log1p(-std::erfc(z) / 2));
}

/// e^-|x| I_order(x): the power series, whose terms are positive, and far out the asymptotic one.
double scaled_bessel_i(int order, double x, bool scaled) {
  if (std::isnan(x)) return x;
  const Real a = std::fabs(x);
  Real value = 0;
  if (std::isinf(x)) {
    value = scaled ? 0 : kInf;
  } else if (a < 100) {
    Real term = order == 0 ? 1 : a / 2, sum = term;
    for (int k = 1; term > 1e-22L * sum; ++k) {
      term *= a * a / (Real(4) * k * (k + order));
      sum += term;
    }
    value = scaled ? sum * std::exp(-a) : sum;
  } else {
    const Real mu = 4 * order * order;
    Real term = 1, sum = 1;
    for (int k = 1; k < 9; ++k) {
      term *= -(mu - Real(2 * k - 1) * (2 * k - 1)) / (8 * k * a);
      sum += term;
    }
    value = sum / std::sqrt(2 * kPi * a) * (scaled ? 1 : std::exp(a));
  }
  return static_cast<double>(order == 1 && std::signbit(x) ? -value : value);
}

double entr_of(double x) { return x < 0 ? -kInf : x == 0 ? 0 : 0 - x * std::log(x); }
double logit_of(double x) {
  return x < 0 || x > 1 ? kNan : static_cast<double>(std::log(Real(x)) - std::log1p(-Real(x)));
}

#define TAPER_ACCURACY(name, bound, expression)                                                    \
  {                                                                                                \
#name, [](const Tensor& x) { return name(x); },                                                \
                                                 [](double x) -> double { return expression; },    \
                                                                                             bound \
  }

std::vector<UnaryFunction> make_functions() {
  return {
      TAPER_ACCURACY(exp, 1, std::exp(x)),
      TAPER_ACCURACY(exp2, 1, std::exp2(x)),
      TAPER_ACCURACY(expm1, 1, std::expm1(x)),
      TAPER_ACCURACY(log, 1, std::log(x)),
      TAPER_ACCURACY(log1p, 1, std::log1p(x)),
      TAPER_ACCURACY(log2, 1, std::log2(x)),
      TAPER_ACCURACY(log10, 1, std::log10(x)),
      TAPER_ACCURACY(sqrt, 0.5, std::sqrt(x)),
      TAPER_ACCURACY(rsqrt, 1, 1 / std::sqrt(x)),
      TAPER_ACCURACY(reciprocal, 0.5, 1 / x),
      TAPER_ACCURACY(square, 0.5, x * x),
      TAPER_ACCURACY(frac, 0, x - std::trunc(x)),
      TAPER_ACCURACY(floor, 0, std::floor(x)),
      TAPER_ACCURACY(ceil, 0, std::ceil(x)),
      TAPER_ACCURACY(trunc, 0, std::trunc(x)),
      TAPER_ACCURACY(round, 0, std::nearbyint(x)),
      TAPER_ACCURACY(sin, 1, std::sin(x)),
      TAPER_ACCURACY(cos, 1, std::cos(x)),
      TAPER_ACCURACY(tan, 1, std::tan(x)),
      TAPER_ACCURACY(asin, 1, std::asin(x)),
      TAPER_ACCURACY(acos, 1, std::acos(x)),
      TAPER_ACCURACY(atan, 1, std::atan(x)),
      TAPER_ACCURACY(sinh, 1, std::sinh(x)),
      TAPER_ACCURACY(cosh, 1, std::cosh(x)),
      TAPER_ACCURACY(tanh, 1, std::tanh(x)),
      TAPER_ACCURACY(asinh, 1, std::asinh(x)),
      TAPER_ACCURACY(acosh, 1, std::acosh(x)),
      TAPER_ACCURACY(atanh, 1, std::atanh(x)),
      TAPER_ACCURACY(sigmoid, 1, sigmoid_of(x)),
      TAPER_ACCURACY(silu, 1, times(x, sigmoid_of(x))),
      TAPER_ACCURACY(gelu, 1, times(x, std::erfc(-x * std::sqrt(0.5)) / 2)),
      {"gelu_tanh", [](const Tensor& x) { return gelu(x, "tanh"); }, gelu_tanh_of, 1},
      TAPER_ACCURACY(erf, 2, std::erf(x)),
      TAPER_ACCURACY(erfc, 1, std::erfc(x)),
      TAPER_ACCURACY(erfinv, 4, erfinv_of(x)),
      TAPER_ACCURACY(lgamma, 4, lgamma_of(x)),
      TAPER_ACCURACY(digamma, 4, digamma_of(x)),
      TAPER_ACCURACY(logit, 4, logit_of(x)),
      TAPER_ACCURACY(i0, 4, scaled_bessel_i(0, x, false)),
      TAPER_ACCURACY(special_i1, 4, scaled_bessel_i(1, x, false)),
      TAPER_ACCURACY(special_i0e, 4, scaled_bessel_i(0, x, true)),
      TAPER_ACCURACY(special_i1e, 4, scaled_bessel_i(1, x, true)),
      TAPER_ACCURACY(special_entr, 4, entr_of(x)),
      TAPER_ACCURACY(special_erfcx, 4, erfcx_of(x)),
      TAPER_ACCURACY(special_ndtr, 4, std::erfc(-x * std::sqrt(0.5)) / 2),
      TAPER_ACCURACY(special_log_ndtr, 4, log_ndtr_of(x)),
      TAPER_ACCURACY(special_ndtri, 4, ndtri_of(x)),
  };
}
#undef TAPER_ACCURACY

}  // namespace

const std::vector<UnaryFunction>& unary_functions() {
  static const std::vector<UnaryFunction> functions = make_functions();
  return functions;
}

double float_ulps(float got, double exact) {
  const float want = static_cast<float>(exact);
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) == std::isnan(got) ? 0 : kInf;
  if (std::isinf(exact) || exact == 0) {
    return got == want && std::signbit(got) == std::signbit(want) ? 0 : kInf;
  }
  if (std::signbit(got) != std::signbit(want)) return kInf;
  int exponent = 0;
  std::frexp(exact, &exponent);
  using Float = std::numeric_limits<float>;
  exponent = std::min(std::max(exponent, Float::min_exponent), Float::max_exponent);
  const double value = std::isinf(got) ? std::copysign(0x1p128, exact) : got;
  if (std::isinf(got) && std::fabs(exact) > 0x1p128) return 0;
  return std::fabs(value - exact) / std::ldexp(1.0, exponent - Float::digits);
}

void WorstError::merge(const WorstError& other) {
  if (other.ulps > ulps) *this = other;
}

std::string WorstError::text(const UnaryFunction& function) const {
  char text[200];
  std::snprintf(text, sizeof(text), "%s: at most %.3f ulp, at %.9g (%a): %.9g, exactly %.17g",
                function.name, ulps, static_cast<double>(input), static_cast<double>(input),
                static_cast<double>(got), function.exact(input));
  return text;
}

WorstError worst_error(const UnaryFunction& function, const std::vector<float>& inputs) {
  const Tensor y = function.op(tensor(inputs));
  const float* out = y.const_data_ptr<float>();
  WorstError worst;
  std::mutex mutex;
  parallel_for(0, y.numel(), 4096, [&](int64_t first, int64_t last) {
    WorstError part;
    for (int64_t i = first; i < last; ++i) {
      const float x = inputs[static_cast<size_t>(i)];
      const double ulps = float_ulps(out[i], function.exact(x));
      if (ulps > part.ulps) part = {ulps, x, out[i]};
    }
    const std::lock_guard lock(mutex);
    worst.merge(part);
  });
  return worst;
}

WorstError worst_error(const UnaryFunction& function, uint64_t first, uint64_t end,
                       uint64_t stride) {
  constexpr size_t kChunk = size_t{1} << 20;
  WorstError worst;
  std::vector<float> inputs;
  for (uint64_t bits = first; bits < end; bits += stride) {
    inputs.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    if (inputs.size() < kChunk && bits + stride < end) continue;
    worst.merge(worst_error(function, inputs));
    inputs.clear();
  }
  return worst;
}

}  // namespace taper::testing
