#include "taper/kernel/ctc.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

template <class T>
constexpr T kNever = -std::numeric_limits<T>::infinity();

template <class T>
T log_sum(T a, T b) {
  const T most = std::max(a, b);
  return most == kNever<T> ? most : most + std::log(std::exp(a - most) + std::exp(b - most));
}

/// One sample: its states are blank, target 0, blank, target 1 ... blank.
template <class T>
struct Paths {
  const T* log_probs;  // of the first step
  int64_t step;        // to the next one's
  const int64_t* targets;
  int64_t count, steps, blank;

  int64_t states() const { return 2 * count + 1; }
  int64_t label(int64_t s) const { return s % 2 == 0 ? blank : targets[s / 2]; }
  T log_prob(int64_t t, int64_t s) const { return log_probs[t * step + label(s)]; }
  /// Whether a path may go from state s - 2 to s.
  bool may_skip(int64_t s) const { return s % 2 == 1 && s > 1 && label(s) != label(s - 2); }
};

template <class T>
Paths<T> paths_of(ConstView log_probs, ConstView targets, ConstView plan, int64_t n,
                  int64_t blank) {
  const int64_t* p = plan.data<int64_t>() + 3 * n;
  const int64_t samples = log_probs.size(1), classes = log_probs.size(2);
  return {log_probs.data<T>() + n * classes,
          samples * classes,
          targets.data<int64_t>() + p[0],
          p[1],
          p[2],
          blank};
}

template <class T>
T forward(const Paths<T>& p, T* alpha, int64_t row) {
  if (p.steps == 0) return p.count == 0 ? T(0) : -kNever<T>;
  const int64_t states = p.states();
  for (int64_t s = 0; s < states; ++s) alpha[s] = s < 2 ? p.log_prob(0, s) : kNever<T>;
  for (int64_t t = 1; t < p.steps; ++t) {
    const T* before = alpha + (t - 1) * row;
    T* now = alpha + t * row;
    for (int64_t s = 0; s < states; ++s) {
      T sum = before[s];
      if (s > 0) sum = log_sum(sum, before[s - 1]);
      if (p.may_skip(s)) sum = log_sum(sum, before[s - 2]);
      now[s] = sum + p.log_prob(t, s);
    }
  }
  const T* last = alpha + (p.steps - 1) * row;
  return -(states > 1 ? log_sum(last[states - 1], last[states - 2]) : last[0]);
}

// The endings' probabilities run backwards in place; `share` collects a step's classes.
template <class T>
void backward(const Paths<T>& p, const T* alpha, int64_t row, T loss, T factor, T* grad,
              int64_t classes, T* beta, T* share) {
  const int64_t states = p.states();
  for (int64_t t = p.steps - 1; t >= 0; --t) {
    for (int64_t s = 0; s < states; ++s) {
      T sum = kNever<T>;
      if (t == p.steps - 1) {
        if (s >= states - 2) sum = 0;
      } else {
        // beta[s + 1] and beta[s + 2] still hold the step behind.
        sum = beta[s];
        if (s + 1 < states) sum = log_sum(sum, beta[s + 1]);
        if (s + 2 < states && p.may_skip(s + 2)) sum = log_sum(sum, beta[s + 2]);
      }
      beta[s] = sum + p.log_prob(t, s);
    }
    std::fill_n(share, classes, kNever<T>);
    for (int64_t s = 0; s < states; ++s) {
      T& of_class = share[p.label(s)];
      of_class = log_sum(of_class, alpha[t * row + s] + beta[s]);
    }
    for (int64_t c = 0; c < classes; ++c) {
      const T lp = p.log_probs[t * p.step + c];
      const bool none = share[c] == kNever<T> && loss != -kNever<T>;
      const T part = none ? T(0) : std::exp(share[c] + loss - lp);
      grad[t * p.step + c] = (std::exp(lp) - part) * factor;
    }
  }
}

template <class F>
void visit(ScalarType dtype, F f) {
  dtype == kDouble ? f(double()) : f(float());
}

}  // namespace

void ctc_loss(View loss, View alpha, ConstView log_probs, ConstView targets, ConstView plan,
              int64_t blank) {
  const int64_t row = alpha.size(2), sample = alpha.size(1) * row;
  visit(log_probs.dtype(), [&](auto tag) {
    using T = decltype(tag);
    parallel_for(0, loss.numel(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        loss.data<T>()[n] = forward(paths_of<T>(log_probs, targets, plan, n, blank),
                                    alpha.data<T>() + n * sample, row);
      }
    });
  });
}

void ctc_loss_backward(View grad, ConstView factor, ConstView loss, ConstView alpha,
                       ConstView log_probs, ConstView targets, ConstView plan, int64_t blank,
                       bool zero_infinity) {
  const int64_t row = alpha.size(2), sample = alpha.size(1) * row, classes = grad.size(2);
  visit(log_probs.dtype(), [&](auto tag) {
    using T = decltype(tag);
    std::fill_n(grad.data<T>(), grad.numel(), T(0));
    parallel_for(0, loss.numel(), 1, [&](int64_t begin, int64_t end) {
      Scratch<T> beta(static_cast<size_t>(row)), share(static_cast<size_t>(classes));
      for (int64_t n = begin; n < end; ++n) {
        const T value = loss.data<T>()[n];
        if (zero_infinity && value == -kNever<T>) continue;
        backward(paths_of<T>(log_probs, targets, plan, n, blank), alpha.data<T>() + n * sample, row,
                 value, factor.data<T>()[n], grad.data<T>() + n * classes, classes, beta.data(),
                 share.data());
      }
    });
  });
}

}  // namespace taper::cpu
