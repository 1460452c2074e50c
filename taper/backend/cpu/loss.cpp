#include "taper/kernel/loss.h"

#include <algorithm>
#include <cmath>

#include "taper/backend/cpu/reduce_core.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"

#ifndef TAPER_LOSS_CODE
#define TAPER_LOSS_CODE
namespace taper::cpu {
namespace {

/// The vector code of one element type.
struct LossCode {
  void (*values)(void* out, const void* x, const void* y, int64_t n, PairLoss loss, double beta);
  double (*sum)(const void* x, const void* y, int64_t n, PairLoss loss, double beta);
  void (*slopes)(void* out, const void* grad, const void* x, const void* y, int64_t n,
                 PairLoss loss, double beta, double scale);
  void (*row)(const void* x, const void* weight, int64_t n, bool smoothed, double* results);
  void (*row_slopes)(void* out, const void* x, const void* weight, int64_t n, double lse,
                     double scale, double smooth);
};

}  // namespace
}  // namespace taper::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/loss.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "taper/backend/cpu/simd_sum-inl.h"
#include "taper/backend/cpu/vmath_wide-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {

namespace vm = taper::HWY_NAMESPACE::vm;

template <class T>
HWY_INLINE hn::Vec<Tag<T>> used_only(hn::Vec<Tag<T>> v, int64_t n) {
  if (n == kLanes<T>) return v;
  return hn::IfThenElseZero(hn::FirstN(Tag<T>(), static_cast<size_t>(n)), v);
}

template <class T>
HWY_INLINE hn::Vec<Tag<T>> pair_value(PairLoss loss, hn::Vec<Tag<T>> diff, T beta) {
  const Tag<T> d;
  const auto size = hn::Abs(diff), limit = hn::Set(d, beta), half = hn::Set(d, T(0.5));
  const auto square = hn::Mul(diff, diff);
  switch (loss) {
    case PairLoss::mse:
      return square;
    case PairLoss::l1:
      return size;
    case PairLoss::smooth_l1:
      return hn::IfThenElse(hn::Lt(size, limit), hn::Div(hn::Mul(half, square), limit),
                            hn::Sub(size, hn::Mul(half, limit)));
    default:
      return hn::IfThenElse(hn::Le(size, limit), hn::Mul(half, square),
                            hn::Mul(limit, hn::Sub(size, hn::Mul(half, limit))));
  }
}
template <class T>
HWY_INLINE hn::Vec<Tag<T>> pair_slope(PairLoss loss, hn::Vec<Tag<T>> diff, T beta) {
  const Tag<T> d;
  const auto zero = hn::Zero(d), one = hn::Set(d, T(1)), limit = hn::Set(d, beta);
  // NaN passes, 0 stays 0.
  const auto sign = hn::IfThenElse(hn::Gt(diff, zero), one,
                                   hn::IfThenElse(hn::Lt(diff, zero), hn::Neg(one), diff));
  const auto inside = hn::Lt(hn::Abs(diff), limit);
  switch (loss) {
    case PairLoss::mse:
      return hn::Add(diff, diff);
    case PairLoss::l1:
      return sign;
    case PairLoss::smooth_l1:
      return hn::IfThenElse(inside, hn::Div(diff, limit), sign);
    default:
      return hn::IfThenElse(inside, diff, hn::Mul(sign, limit));
  }
}

template <class T>
void pair_values(void* out, const void* x_data, const void* y_data, int64_t n, PairLoss loss,
                 double beta) {
  const T* x = static_cast<const T*>(x_data);
  const T* y = static_cast<const T*>(y_data);
  T* to = static_cast<T*>(out);
  over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    const auto diff = hn::Sub(load_columns(x + i, m), load_columns(y + i, m));
    store_columns<T>(pair_value<T>(loss, diff, static_cast<T>(beta)), to + i, m);
  });
}
template <class T>
double pair_sum(const void* x_data, const void* y_data, int64_t n, PairLoss loss, double beta) {
  const T* x = static_cast<const T*>(x_data);
  const T* y = static_cast<const T*>(y_data);
  return chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    const auto diff = hn::Sub(load_columns(x + i, m), load_columns(y + i, m));
    return used_only<T>(pair_value<T>(loss, diff, static_cast<T>(beta)), m);
  });
}
/// grad null: `scale` alone.
template <class T>
void pair_slopes(void* out, const void* grad, const void* x_data, const void* y_data, int64_t n,
                 PairLoss loss, double beta, double scale) {
  const T* x = static_cast<const T*>(x_data);
  const T* y = static_cast<const T*>(y_data);
  const T* g = static_cast<const T*>(grad);
  T* to = static_cast<T*>(out);
  const auto factor = hn::Set(Tag<T>(), static_cast<T>(scale));
  over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    const auto diff = hn::Sub(load_columns(x + i, m), load_columns(y + i, m));
    auto v = hn::Mul(pair_slope<T>(loss, diff, static_cast<T>(beta)), factor);
    if (g != nullptr) v = hn::Mul(v, load_columns(g + i, m));
    store_columns<T>(v, to + i, m);
  });
}

/// ln(sum of e^x) of a row.
template <class T>
HWY_INLINE double row_lse(const T* x, int64_t n) {
  const Tag<T> d;
  const T most = row_total<MaxOp>(x, n);
  // A row of -inf alone (or with +inf) keeps its limit.
  const T shift = std::isfinite(most) ? most : T(0);
  const auto s = hn::Set(d, shift);
  const double sum = chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    return used_only<T>(vm::exp(d, hn::Sub(load_columns(x + i, m), s)), m);
  });
  return std::log(sum) + static_cast<double>(shift);
}

/// results: lse, and when smoothed the sum over c of w[c] (lse - x[c]).
template <class T>
void cross_entropy_row(const void* x_data, const void* weight_data, int64_t n, bool smoothed,
                       double* results) {
  const Tag<T> d;
  const T* x = static_cast<const T*>(x_data);
  const T* w = static_cast<const T*>(weight_data);
  results[0] = row_lse(x, n);
  results[1] = 0;
  if (smoothed) {
    const auto lse = hn::Set(d, static_cast<T>(results[0]));
    results[1] = chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      auto v = hn::Sub(lse, load_columns(x + i, m));
      if (w != nullptr) v = hn::Mul(v, load_columns(w + i, m));
      return used_only<T>(v, m);
    });
  }
}
/// out = e^(x - lse) * scale - w * smooth.
template <class T>
void cross_entropy_slopes(void* out_data, const void* x_data, const void* weight_data, int64_t n,
                          double lse, double scale, double smooth) {
  const Tag<T> d;
  const T* x = static_cast<const T*>(x_data);
  const T* w = static_cast<const T*>(weight_data);
  T* out = static_cast<T*>(out_data);
  const auto shift = hn::Set(d, static_cast<T>(lse));
  const auto factor = hn::Set(d, static_cast<T>(scale));
  const auto less = hn::Set(d, static_cast<T>(smooth));
  over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    auto v = hn::Mul(vm::exp(d, hn::Sub(load_columns(x + i, m), shift)), factor);
    if (smooth != 0) {
      v = hn::Sub(v, w != nullptr ? hn::Mul(less, load_columns(w + i, m)) : less);
    }
    store_columns<T>(v, out + i, m);
  });
}

const LossCode* find_loss(bool is_double) {
  static constexpr LossCode kFloats{pair_values<float>, pair_sum<float>, pair_slopes<float>,
                                    cross_entropy_row<float>, cross_entropy_slopes<float>};
  static constexpr LossCode kDoubles{pair_values<double>, pair_sum<double>, pair_slopes<double>,
                                     cross_entropy_row<double>, cross_entropy_slopes<double>};
  return is_double ? &kDoubles : &kFloats;
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(find_loss);

constexpr int64_t kGrain = 32768;
/// Elements that one piece of a sum has, whatever the threads.
constexpr int64_t kPiece = 16 * kChunk;

const LossCode& code_of(ScalarType t) { return *HWY_DYNAMIC_DISPATCH(find_loss)(t == kDouble); }

double load_one(const void* data, ScalarType t, int64_t i) {
  return t == kDouble ? static_cast<const double*>(data)[i]
                      : static_cast<double>(static_cast<const float*>(data)[i]);
}
void store_one(void* data, ScalarType t, int64_t i, double value) {
  if (t == kDouble) {
    static_cast<double*>(data)[i] = value;
  } else {
    static_cast<float*>(data)[i] = static_cast<float>(value);
  }
}
const char* bytes(ConstView v) { return static_cast<const char*>(v.raw_data()); }
char* bytes(View v) { return static_cast<char*>(v.raw_data()); }

int64_t grain_for(int64_t work) {
  return std::max<int64_t>(1, kGrain / std::max<int64_t>(work, 1));
}

/// The class of a row; -1 where ignored. Throws on a number that is no class.
int64_t class_of(ConstView target, int64_t i, int64_t classes, int64_t ignore_index) {
  const int64_t t = target.data<int64_t>()[i];
  if (t == ignore_index) return -1;
  TAPER_CHECK_AS(IndexError, t >= 0 && t < classes, "nll_loss: Target ", t,
                 " is out of bounds: expected a class in [0, ", classes, ")");
  return t;
}
double weight_of(ConstView weight, int64_t c) {
  return weight.defined() ? load_one(weight.raw_data(), weight.dtype(), c) : 1.0;
}

}  // namespace

void pair_loss(View out, ConstView x, ConstView y, PairLoss loss, double beta, double scale) {
  const LossCode& code = code_of(x.dtype());
  const int64_t n = x.numel(), item = elementSize(x.dtype());
  if (scale == 0) {
    parallel_for(0, n, kGrain, [&](int64_t first, int64_t last) {
      code.values(bytes(out) + first * item, bytes(x) + first * item, bytes(y) + first * item,
                  last - first, loss, beta);
    });
    return;
  }
  if (n <= kPiece) {
    const double total = code.sum(bytes(x), bytes(y), n, loss, beta);
    store_one(out.raw_data(), out.dtype(), 0, total * scale);
    return;
  }
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  Scratch<double> sums(pieces);
  parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const int64_t at = p * kPiece;
      sums[p] = code.sum(bytes(x) + at * item, bytes(y) + at * item, std::min(kPiece, n - at), loss,
                         beta);
    }
  });
  double total = 0;
  for (int64_t p = 0; p < pieces; ++p) total += sums[p];
  store_one(out.raw_data(), out.dtype(), 0, total * scale);
}

void pair_loss_backward(View grad_x, ConstView grad, ConstView x, ConstView y, PairLoss loss,
                        double beta, double scale) {
  const LossCode& code = code_of(x.dtype());
  const int64_t n = x.numel(), item = elementSize(x.dtype());
  const bool one = grad.numel() == 1 && n != 1;
  if (one || n == 1) scale *= load_one(grad.raw_data(), grad.dtype(), 0);
  const bool each = !one && n != 1;
  parallel_for(0, n, kGrain, [&](int64_t first, int64_t last) {
    const int64_t at = first * item;
    code.slopes(bytes(grad_x) + at, each ? bytes(grad) + at : nullptr, bytes(x) + at, bytes(y) + at,
                last - first, loss, beta, scale);
  });
}

void cross_entropy(View loss, View weights, View lse, ConstView x, ConstView target,
                   ConstView weight, int64_t ignore_index, double smoothing) {
  const LossCode& code = code_of(x.dtype());
  const int64_t rows = x.size(0), classes = x.size(1), item = elementSize(x.dtype());
  const ScalarType type = x.dtype();
  parallel_for(0, rows, grain_for(4 * classes), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      double row[2];
      const void* w = weight.defined() ? weight.raw_data() : nullptr;
      const char* at = bytes(x) + i * classes * item;
      const int64_t t = class_of(target, i, classes, ignore_index);
      code.row(at, w, classes, smoothing != 0 && t >= 0, row);
      store_one(lse.raw_data(), type, i, row[0]);
      const double wt = t < 0 ? 0 : weight_of(weight, t);
      double value = t < 0 ? 0 : wt * (1 - smoothing) * (row[0] - load_one(at, type, t));
      if (smoothing != 0) value += smoothing / double(classes) * row[1];
      store_one(loss.raw_data(), type, i, value);
      store_one(weights.raw_data(), type, i, wt);
    }
  });
}

void cross_entropy_backward(View grad_x, ConstView factor, ConstView x, ConstView lse,
                            ConstView target, ConstView weight, int64_t ignore_index,
                            double smoothing) {
  const LossCode& code = code_of(x.dtype());
  const int64_t rows = x.size(0), classes = x.size(1), item = elementSize(x.dtype());
  const ScalarType type = x.dtype();
  const void* w = weight.defined() ? weight.raw_data() : nullptr;
  double all = static_cast<double>(classes);
  if (w != nullptr) {
    all = 0;
    for (int64_t c = 0; c < classes; ++c) all += weight_of(weight, c);
  }
  const double share = smoothing / double(classes);
  parallel_for(0, rows, grain_for(2 * classes), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      char* to = bytes(grad_x) + i * classes * item;
      const int64_t t = class_of(target, i, classes, ignore_index);
      if (t < 0) {
        std::fill_n(to, classes * item, 0);
        continue;
      }
      const double f = load_one(factor.raw_data(), type, i);
      const double own = weight_of(weight, t) * (1 - smoothing) * f;
      code.row_slopes(to, bytes(x) + i * classes * item, w, classes,
                      load_one(lse.raw_data(), type, i), own + share * all * f, share * f);
      store_one(to, type, t, load_one(to, type, t) - own);
    }
  });
}

void nll_loss(View loss, View weights, ConstView x, ConstView target, ConstView weight,
              int64_t ignore_index) {
  const int64_t n = target.numel(), classes = x.size(1);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t t = class_of(target, i, classes, ignore_index);
    const double wt = t < 0 ? 0 : weight_of(weight, t);
    double value = 0;
    if (t >= 0) {
      int64_t at = t * x.stride(1), rest = i;
      for (int64_t d = x.dim() - 1; d >= 0; --d) {
        if (d == 1) continue;
        at += rest % x.size(d) * x.stride(d);
        rest /= x.size(d);
      }
      value = -wt * load_one(x.raw_data(), x.dtype(), at);
    }
    store_one(loss.raw_data(), x.dtype(), i, value);
    store_one(weights.raw_data(), x.dtype(), i, wt);
  }
}

void nll_loss_backward(View grad_x, ConstView factor, ConstView target, ConstView weight,
                       int64_t ignore_index) {
  const int64_t n = target.numel(), samples = grad_x.size(0), classes = grad_x.size(1);
  const int64_t places = samples == 0 ? 0 : n / samples;
  std::fill_n(bytes(grad_x), grad_x.numel() * elementSize(grad_x.dtype()), 0);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t t = class_of(target, i, classes, ignore_index);
    if (t < 0) continue;
    const double f = load_one(factor.raw_data(), factor.dtype(), i);
    store_one(grad_x.raw_data(), grad_x.dtype(), (i / places * classes + t) * places + i % places,
              -weight_of(weight, t) * f);
  }
}

}  // namespace taper::cpu
#endif
