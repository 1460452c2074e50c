#include "taper/kernel/reduction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/backend/cpu/reduce_walk.h"

namespace taper::cpu {
namespace {

/// Parts that all reductions share: the working type and how elements get there.
struct Common {
  const ReduceCore* core;
  LoadFn load = nullptr;    // null: x has the working type
  LoadFn gather = nullptr;  // never null
  int64_t work_item;

  Common(CoreOp op, ScalarType from, ScalarType work, bool nonzero)
      : core(&reduce_core(op, work)), work_item(elementSize(work)) {
    gather = nonzero ? load_nonzero_function(from) : load_function(from, work);
    if (nonzero || from != work) load = gather;
  }
};

template <class T>
using WideOf = std::conditional_t<std::is_same_v<T, int64_t>, int64_t, double>;

template <class T>
struct Fold : Common {
  using Result = T;
  using Total = WideOf<T>;
  CoreOp op;
  ReduceOp what;
  double count;
  char* out;
  int64_t out_item;
  ScalarType out_type;
  StoreFn store;

  Fold(CoreOp o, ReduceOp w, ConstView x, View target, int64_t n)
      : Common(o, x.dtype(), scalar_type_of<T>, w >= ReduceOp::any),
        op(o),
        what(w),
        count(static_cast<double>(n)),
        out(static_cast<char*>(target.raw_data())),
        out_item(elementSize(target.dtype())),
        out_type(target.dtype()),
        store(store_function(scalar_type_of<Total>, target.dtype())) {}

  Total start() const {
    using Limits = std::numeric_limits<Total>;
    switch (op) {
      case CoreOp::prod:
        return Total(1);
      case CoreOp::max:
        return Limits::has_infinity ? -Limits::infinity() : Limits::min();
      case CoreOp::min:
        return Limits::has_infinity ? Limits::infinity() : Limits::max();
      default:
        return Total(0);
    }
  }
  void combine(Total& total, const Result& value, int64_t, int64_t) const {
    const Total v = static_cast<Total>(value);
    using U = std::conditional_t<std::is_same_v<Total, double>, double, uint64_t>;
    switch (op) {
      case CoreOp::prod:
        total = static_cast<Total>(static_cast<U>(total) * static_cast<U>(v));
        break;
      case CoreOp::max:
        if (v > total || v != v) total = v;
        break;
      case CoreOp::min:
        if (v < total || v != v) total = v;
        break;
      default:
        total = static_cast<Total>(static_cast<U>(total) + static_cast<U>(v));
    }
  }
  void finish(Total* totals, int64_t n, int64_t offset, int64_t stride) const {
    if constexpr (std::is_same_v<Total, double>) {
      if (what == ReduceOp::mean) {
        for (int64_t k = 0; k < n; ++k) totals[k] /= count;
      } else if (what == ReduceOp::sq_norm) {
        for (int64_t k = 0; k < n; ++k) totals[k] = std::sqrt(totals[k]);
      }
    }
    if (out_type == scalar_type_of<T> && stride == 1) {
      T* to = reinterpret_cast<T*>(out) + offset;
      for (int64_t k = 0; k < n; ++k) to[k] = static_cast<T>(totals[k]);
      return;
    }
    store(totals, n, out + offset * out_item, stride);
  }
};

CoreOp core_op(ReduceOp what) {
  switch (what) {
    case ReduceOp::prod:
      return CoreOp::prod;
    case ReduceOp::amax:
    case ReduceOp::any:
      return CoreOp::max;
    case ReduceOp::amin:
    case ReduceOp::all:
      return CoreOp::min;
    case ReduceOp::abs_sum:
      return CoreOp::abs_sum;
    case ReduceOp::sq_norm:
      return CoreOp::sq_sum;
    default:
      return CoreOp::sum;
  }
}

template <class T>
void fold(View out, ConstView x, const Plan& plan, ReduceOp what) {
  const int64_t count = plan.inner.numel * plan.outer.numel;
  const Fold<T> red(core_op(what), what, x, out, count);
  Runner<Fold<T>>(x, plan, red).run();
}

/// A whole contiguous tensor of the working type that is small enough for one thread: the same tree
/// without a plan. Returns whether it was one.
template <class T>
bool fold_small(View out, ConstView x, uint64_t dims, ReduceOp what) {
  const int64_t n = x.numel(), rank = x.dim();
  if (n == 0 || n > kReduceGrain || !x.is_contiguous() || x.dtype() != scalar_type_of<T>)
    return false;
  if (what >= ReduceOp::any || out.numel() != 1) return false;
  int64_t inner = 1;
  for (int64_t d = rank - 1; d >= 0 && inner < kMergeUntil; --d) {
    if (dims >> d & 1) inner *= x.size(d);
  }
  if (inner > kChunk) return false;
  const Fold<T> red(core_op(what), what, x, out, n);
  auto total = red.start();
  T results[kMaxColumns];
  for (int64_t first = 0; first < n; first += inner * kMaxColumns) {
    const int64_t rows = std::min(kMaxColumns, (n - first) / inner);
    red.core->rows(x.data<T>() + first, inner, rows, inner, results);
    for (int64_t r = 0; r < rows; ++r) red.combine(total, results[r], 0, inner);
  }
  red.finish(&total, 1, 0, 1);
  return true;
}

/// The columns of a small matrix, summed to consecutive elements: a bias's gradient. One chunk, so
/// the same sums without a plan. Returns whether it was one.
bool sum_columns_small(View out, ConstView x, uint64_t dims, ReduceOp what) {
  if (what != ReduceOp::sum || x.dim() != 2 || dims != 1 || x.dtype() != kFloat) return false;
  const int64_t rows = x.size(0), columns = x.size(1), stride = x.stride(0);
  if (rows == 0 || columns == 0 || rows > kChunk || x.numel() > kReduceGrain) return false;
  // A gradient that sum() expanded has one column, repeated.
  const bool repeated = x.stride(1) == 0;
  if ((x.stride(1) != 1 && !repeated) || out.dtype() != kFloat || !out.is_contiguous()) {
    return false;
  }
  const ReduceCore& core = reduce_core(CoreOp::sum, kFloat);
  const RunList runs{1, &rows, &stride};
  const int64_t distinct = repeated ? 1 : columns;
  float* const to = out.data<float>();
  for (int64_t first = 0; first < distinct; first += kMaxColumns) {
    const float* from = x.data<float>() + first;
    RowSource source(runs, reinterpret_cast<const char*>(from), sizeof(float), 0, rows,
                     std::min(kMaxColumns, distinct - first), nullptr, nullptr, sizeof(float));
    core.columns(source, to + first);
  }
  if (repeated) std::fill(to + 1, to + columns, to[0]);
  return true;
}

template <class T>
struct Best : Common {
  struct Total {
    T value;
    int64_t index;
  };
  using Result = ValueIndex<T>;
  bool largest;
  char* values;
  int64_t* indices;
  ScalarType value_type;
  int64_t value_item;
  StoreFn store;

  Best(bool most, ConstView x, View v, View i)
      : Common(most ? CoreOp::argmax : CoreOp::argmin, x.dtype(), scalar_type_of<T>, false),
        largest(most),
        values(v.defined() ? static_cast<char*>(v.raw_data()) : nullptr),
        indices(i.defined() ? i.data<int64_t>() : nullptr),
        value_type(x.dtype()),
        value_item(elementSize(x.dtype())),
        store(store_function(scalar_type_of<T>, x.dtype())) {}

  Total start() const { return {T(0), -1}; }
  void combine(Total& total, const Result& r, int64_t position, int64_t) const {
    const bool nan = r.value != r.value;
    const bool better = largest ? r.value > total.value : r.value < total.value;
    if (total.index < 0 || (nan ? total.value == total.value : better)) {
      total = {r.value, position + r.index};
    }
  }
  void finish(Total* totals, int64_t n, int64_t offset, int64_t stride) const {
    for (int64_t k = 0; k < n; ++k) {
      const int64_t at = offset + k * stride;
      if (indices != nullptr) indices[at] = totals[k].index;
      if (values != nullptr) store(&totals[k].value, 1, values + at * value_item, 1);
    }
  }
};

template <class T>
struct Variance : Common {
  struct Total {
    double count, mean, m2;
  };
  using Result = Moments;
  double correction;
  bool take_sqrt;
  View var, mean;
  StoreFn store_var;
  StoreFn store_mean;

  Variance(ConstView x, View v, View m, double minus, bool root)
      : Common(CoreOp::var, x.dtype(), scalar_type_of<T>, false),
        correction(minus),
        take_sqrt(root),
        var(v),
        mean(m),
        store_var(store_function(kDouble, v.dtype())),
        store_mean(m.defined() ? store_function(kDouble, m.dtype()) : nullptr) {}

  Total start() const { return {0, 0, 0}; }
  // Chan et al.: the squares of two sets about their common mean.
  void combine(Total& t, const Result& r, int64_t, int64_t n) const {
    const double count = t.count + double(n);
    const double apart = r.mean - t.mean;
    if (t.count == 0) {
      t = {count, r.mean, r.m2};
      return;
    }
    t.mean += apart * (double(n) / count);
    t.m2 += r.m2 + apart * apart * (t.count * (double(n) / count));
    t.count = count;
  }
  void finish(Total* totals, int64_t n, int64_t offset, int64_t stride) const {
    for (int64_t k = 0; k < n; ++k) {
      const Total& t = totals[k];
      const double free = std::max(0.0, t.count - correction);
      // m2 may round below 0; NaN stays.
      double v = (t.m2 < 0 ? 0.0 : t.m2) / free;
      if (t.count == 0) v = std::numeric_limits<double>::quiet_NaN();
      if (take_sqrt) v = std::sqrt(v);
      const double m = t.count == 0 ? std::numeric_limits<double>::quiet_NaN() : t.mean;
      put(var, store_var, v, offset + k * stride);
      if (mean.defined()) put(mean, store_mean, m, offset + k * stride);
    }
  }
  static void put(View to, StoreFn store, double v, int64_t at) {
    store(&v, 1, static_cast<char*>(to.raw_data()) + at * elementSize(to.dtype()), 1);
  }
};

}  // namespace

void reduce(View out, ConstView x, uint64_t dims, ReduceOp what) {
  const ScalarType work = what >= ReduceOp::any ? kLong : work_type(out.dtype());
  if (work == kFloat &&
      (fold_small<float>(out, x, dims, what) || sum_columns_small(out, x, dims, what))) {
    return;
  }
  const Plan plan(x, dims, out, work);
  if (work == kFloat) {
    fold<float>(out, x, plan, what);
  } else if (work == kDouble) {
    fold<double>(out, x, plan, what);
  } else {
    fold<int64_t>(out, x, plan, what);
  }
}

void max_with_index(View values, View indices, ConstView x, uint64_t dims, bool largest) {
  // Both outputs are new tensors of one geometry; the plan needs one.
  const View shape = indices.defined() ? indices : values;
  const ScalarType work = work_type(x.dtype());
  const Plan plan(x, dims, shape, work);
  const auto run = [&](auto zero) {
    const Best<decltype(zero)> red(largest, x, values, indices);
    Runner<Best<decltype(zero)>>(x, plan, red).run();
  };
  if (work == kFloat) return run(float());
  if (work == kDouble) return run(double());
  run(int64_t());
}

void var(View var, View mean, ConstView x, uint64_t dims, double correction, bool take_sqrt) {
  const ScalarType work = work_type(x.dtype());
  const Plan plan(x, dims, var, work);
  const auto run = [&](auto zero) {
    const Variance<decltype(zero)> red(x, var, mean, correction, take_sqrt);
    Runner<Variance<decltype(zero)>>(x, plan, red).run();
  };
  if (work == kDouble) return run(double());
  run(float());
}

}  // namespace taper::cpu
