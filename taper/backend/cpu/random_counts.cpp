#include <cmath>

#include "taper/backend/cpu/special_functions.h"
#include "taper/kernel/random.h"

namespace taper::cpu {
namespace {

double log_factorial(double k) { return log_gamma(k + 1); }

/// A number in (0, 1].
double positive(RandomEngine& engine) { return 1 - engine.uniform(); }

/// Waits, added up: one uniform number for each event.
double poisson_by_waits(double rate, RandomEngine& engine) {
  const double least = std::exp(-rate);
  double count = 0;
  for (double product = positive(engine); product > least; product *= positive(engine)) ++count;
  return count;
}

/// Transformed rejection, Hoermann 1993 (PTRS): rates of 10 and more.
double poisson_by_rejection(double rate, RandomEngine& engine) {
  const double b = 0.931 + 2.53 * std::sqrt(rate), a = -0.059 + 0.02483 * b;
  const double scale = 1.1239 + 1.1328 / (b - 3.4), inner = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = engine.uniform() - 0.5, v = positive(engine);
    const double us = 0.5 - std::abs(u);
    if (us == 0) continue;
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= inner) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * scale / (a / (us * us) + b)) <= k * std::log(rate) - rate - log_factorial(k)) {
      return k;
    }
  }
}

/// Trials up to each success, added up.
double binomial_by_waits(double count, double prob, RandomEngine& engine) {
  const double scale = std::log1p(-prob);
  double wins = 0;
  for (double used = 0;; ++wins) {
    used += std::fmax(1, std::ceil(std::log(positive(engine)) / scale));
    if (used > count) return wins;
  }
}

/// Transformed rejection, Hoermann 1993 (BTRS): prob of at most 0.5, means of 10 and more.
double binomial_by_rejection(double count, double prob, RandomEngine& engine) {
  const double deviation = std::sqrt(count * prob * (1 - prob));
  const double b = 1.15 + 2.53 * deviation, a = -0.0873 + 0.0248 * b + 0.01 * prob;
  const double middle = count * prob + 0.5, inner = 0.92 - 4.2 / b;
  const double scale = (2.83 + 5.1 / b) * deviation, odds = std::log(prob / (1 - prob));
  const double mode = std::floor((count + 1) * prob);
  const double top = log_factorial(mode) + log_factorial(count - mode);
  for (;;) {
    const double u = engine.uniform() - 0.5, v = positive(engine);
    const double us = 0.5 - std::abs(u);
    if (us == 0) continue;
    const double k = std::floor((2 * a / us + b) * u + middle);
    if (k < 0 || k > count) continue;
    if (us >= 0.07 && v <= inner) return k;
    if (std::log(v * scale / (a / (us * us) + b)) <=
        top - log_factorial(k) - log_factorial(count - k) + (k - mode) * odds) {
      return k;
    }
  }
}

double draw_binomial(double count, double prob, RandomEngine& engine) {
  if (prob > 0.5) return count - draw_binomial(count, 1 - prob, engine);
  if (count == 0 || prob == 0) return 0;
  return count * prob < 10 ? binomial_by_waits(count, prob, engine)
                           : binomial_by_rejection(count, prob, engine);
}

}  // namespace

void poisson(View out, ConstView rate, RandomEngine& engine) {
  double* to = out.data<double>();
  const double* from = rate.data<double>();
  for (int64_t i = 0; i < out.numel(); ++i) {
    to[i] =
        from[i] < 10 ? poisson_by_waits(from[i], engine) : poisson_by_rejection(from[i], engine);
  }
}

void binomial(View out, ConstView count, ConstView prob, RandomEngine& engine) {
  double* to = out.data<double>();
  const double *n = count.data<double>(), *p = prob.data<double>();
  for (int64_t i = 0; i < out.numel(); ++i) to[i] = draw_binomial(n[i], p[i], engine);
}

}  // namespace taper::cpu
