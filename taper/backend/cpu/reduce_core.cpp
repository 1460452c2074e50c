#include "taper/backend/cpu/reduce_core.h"

#include <algorithm>

#include "taper/backend/cpu/simd.h"
#include "taper/core/convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/reduce_core.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "taper/backend/cpu/simd_sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {

template <class Op, class T>
void rows_of(const void* x, int64_t row_stride, int64_t row_count, int64_t n, void* results) {
  const T* row = static_cast<const T*>(x);
  T* out = static_cast<T*>(results);
  for (int64_t r = 0; r < row_count; ++r, row += row_stride) out[r] = row_total<Op>(row, n);
}

/// Joins all rows of a source, each mapped by f(vector, column).
template <class Op, class T, class Map>
HWY_INLINE const T* join_rows(ColumnPartials<Op, T>& block, RowSource& source, Map&& map) {
  const void* rows;
  int64_t stride, count, done = 0;
  source.rewind();
  while (source.next(rows, stride, count)) {
    const T* row = static_cast<const T*>(rows);
    for (int64_t r = 0; r < count; ++r, ++done, row += stride) {
      block.add_row(done, source.columns(), [&](int64_t c, int64_t n) HWY_ATTR {
        return map(load_columns(row + c, n), c);
      });
    }
  }
  return block.join(done, source.columns());
}

/// Few rows at one distance: straight from memory, in blocks of kB vectors. Returns the columns
/// done.
template <class Op, class T, int kB>
int64_t few_rows(const T* rows, int64_t stride, int64_t n, int64_t columns, int64_t from, T* out) {
  const Tag<T> d;
  int64_t c = from;
  for (; c + kB * kLanes<T> <= columns; c += kB * kLanes<T>) {
    hn::Vec<Tag<T>> totals[kB];
    RowTree<Op, T, 1, kB>::run(rows + c, stride, n, 0, totals);
#pragma GCC unroll 8
    for (int b = 0; b < kB; ++b) hn::StoreU(totals[b], d, out + c + b * kLanes<T>);
  }
  return c;
}

template <class Op, class T>
void columns_of(RowSource& source, void* results) {
  if (source.row_count() <= 32 && source.columns() >= kLanes<T>) {
    const void* rows;
    int64_t stride, count;
    source.rewind();
    source.next(rows, stride, count);
    if (count == source.row_count()) {
      const T* first = static_cast<const T*>(rows);
      T* out = static_cast<T*>(results);
      int64_t done = few_rows<Op, T, 4>(first, stride, count, source.columns(), 0, out);
      done = few_rows<Op, T, 1>(first, stride, count, source.columns(), done, out);
      if (done == source.columns()) return;
      // The last columns once more, with those before them.
      done = source.columns() - kLanes<T>;
      few_rows<Op, T, 1>(first, stride, count, source.columns(), done, out);
      return;
    }
  }
  ColumnPartials<Op, T> block;
  const T* sums =
      join_rows(block, source, [](auto x, int64_t) HWY_ATTR { return Op::map(Tag<T>(), x); });
  std::copy_n(sums, source.columns(), static_cast<T*>(results));
}

// Moments of a chunk: the mean first, then squares about it while the chunk is in the cache.
template <class T>
void moment_rows(const void* x, int64_t row_stride, int64_t row_count, int64_t n, void* results) {
  const T* row = static_cast<const T*>(x);
  Moments* out = static_cast<Moments*>(results);
  const Tag<T> d;
  for (int64_t r = 0; r < row_count; ++r, row += row_stride) {
    const T shift = static_cast<T>(static_cast<double>(row_total<SumOp>(row, n)) / double(n));
    const auto s = hn::Set(d, shift);
    Partials<SumOp, T> first, second;
    first.clear();
    second.clear();
    int64_t i = 0;
    const auto add = [&](int64_t k, auto x0) HWY_ATTR {
      first.add_vector(k, x0);
      second.add_vector(k, hn::Mul(x0, x0));
    };
    for (; i + kPartials <= n; i += kPartials) {
#pragma GCC unroll 64
      for (int64_t k = 0; k < kVectors<T>; ++k) {
        add(k, hn::Sub(hn::LoadU(d, row + i + k * kLanes<T>), s));
      }
    }
#pragma GCC unroll 64
    for (int64_t k = 0; k < kVectors<T>; ++k) {
      const int64_t left = n - i - k * kLanes<T>;
      if (left >= kLanes<T>) {
        add(k, hn::Sub(hn::LoadU(d, row + i + k * kLanes<T>), s));
      } else if (left > 0) {
        const auto x0 = hn::Sub(load_part(d, row + i + k * kLanes<T>, left), s);
        add(k, hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(left)), x0));
      }
    }
    const double s1 = static_cast<double>(first.total());
    const double s2 = static_cast<double>(second.total());
    out[r] = {static_cast<double>(shift) + s1 / double(n), s2 - s1 * s1 / double(n)};
  }
}

template <class T>
void moment_columns(RowSource& source, void* results) {
  constexpr int64_t kWidth = column_block(sizeof(T));
  const int64_t n = source.row_count(), columns = source.columns();
  Moments* out = static_cast<Moments*>(results);
  const Tag<T> d;
  ColumnPartials<SumOp, T> block;
  HWY_ALIGN T shift[kWidth];
  const T* sums = join_rows(block, source, [](auto x, int64_t) HWY_ATTR { return x; });
  std::fill_n(shift, kWidth, T(0));
  for (int64_t c = 0; c < columns; ++c) {
    shift[c] = static_cast<T>(static_cast<double>(sums[c]) / double(n));
  }
  sums = join_rows(block, source,
                   [&](auto x, int64_t c) HWY_ATTR { return hn::Sub(x, hn::Load(d, shift + c)); });
  for (int64_t c = 0; c < columns; ++c) out[c].mean = static_cast<double>(sums[c]);
  sums = join_rows(block, source, [&](auto x, int64_t c) HWY_ATTR {
    const auto centred = hn::Sub(x, hn::Load(d, shift + c));
    return hn::Mul(centred, centred);
  });
  for (int64_t c = 0; c < columns; ++c) {
    const double s1 = out[c].mean;
    out[c] = {static_cast<double>(shift[c]) + s1 / double(n),
              static_cast<double>(sums[c]) - s1 * s1 / double(n)};
  }
}

// The position of the best element: the best value first, then where it first stands.
template <class Op, class T>
void position_rows(const void* x, int64_t row_stride, int64_t row_count, int64_t n, void* results) {
  const T* row = static_cast<const T*>(x);
  auto* out = static_cast<ValueIndex<T>*>(results);
  const Tag<T> d;
  for (int64_t r = 0; r < row_count; ++r, row += row_stride) {
    const T best = row_total<Op>(row, n);
    const auto wanted = hn::Set(d, best);
    const bool nan = best != best;
    int64_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) {
      const auto v = hn::LoadU(d, row + i);
      const auto hit = nan ? is_nan(d, v) : hn::Eq(v, wanted);
      if (!hn::AllFalse(d, hit)) break;
    }
    while (i < n && !(nan ? row[i] != row[i] : row[i] == best)) ++i;
    out[r] = {row[i], i};
  }
}

template <class Op, class T>
void position_columns(RowSource& source, void* results) {
  constexpr int64_t kWidth = column_block(sizeof(T));
  HWY_ALIGN T best[kWidth];
  HWY_ALIGN T where[kWidth];  // below kChunk, exact in any T
  const Tag<T> d;
  const void* rows;
  int64_t stride, count, done = 0;
  source.rewind();
  while (source.next(rows, stride, count)) {
    const T* row = static_cast<const T*>(rows);
    for (int64_t r = 0; r < count; ++r, ++done, row += stride) {
      const auto index = hn::Set(d, static_cast<T>(done));
      over_columns<T>(source.columns(), [&](int64_t c, int64_t n) HWY_ATTR {
        const auto v = load_columns(row + c, n);
        if (done == 0) {
          hn::Store(v, d, best + c);
          hn::Store(index, d, where + c);
          return;
        }
        const auto b = hn::Load(d, best + c);
        // Strictly better, or the first NaN. Op::join gives a for ties and for a NaN in a.
        const auto joined = Op::join(d, b, v);
        const auto kept = hn::Or(hn::Eq(joined, b), is_nan(d, b));
        hn::Store(hn::IfThenElse(kept, b, joined), d, best + c);
        hn::Store(hn::IfThenElse(kept, hn::Load(d, where + c), index), d, where + c);
      });
    }
  }
  auto* out = static_cast<ValueIndex<T>*>(results);
  for (int64_t c = 0; c < source.columns(); ++c) out[c] = {best[c], int64_t(where[c])};
}

// Integers: any order gives the same result, so plain loops do and the compiler vectorises them.
struct IntSum {
  static constexpr int64_t kIdentity = 0;
  static int64_t join(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
};
struct IntAbsSum {
  static constexpr int64_t kIdentity = 0;
  static int64_t join(int64_t a, int64_t b) {
    const uint64_t u = static_cast<uint64_t>(b);
    return static_cast<int64_t>(static_cast<uint64_t>(a) + (b < 0 ? 0 - u : u));
  }
};
struct IntSqSum {
  static constexpr int64_t kIdentity = 0;
  static int64_t join(int64_t a, int64_t b) {
    const uint64_t u = static_cast<uint64_t>(b);
    return static_cast<int64_t>(static_cast<uint64_t>(a) + u * u);
  }
};
struct IntProd {
  static constexpr int64_t kIdentity = 1;
  static int64_t join(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
};
struct IntMax {
  static constexpr int64_t kIdentity = std::numeric_limits<int64_t>::min();
  static int64_t join(int64_t a, int64_t b) { return a > b ? a : b; }
  static bool better(int64_t a, int64_t b) { return a > b; }
};
struct IntMin {
  static constexpr int64_t kIdentity = std::numeric_limits<int64_t>::max();
  static int64_t join(int64_t a, int64_t b) { return a < b ? a : b; }
  static bool better(int64_t a, int64_t b) { return a < b; }
};

template <class Op>
void int_rows(const void* x, int64_t row_stride, int64_t row_count, int64_t n, void* results) {
  const int64_t* row = static_cast<const int64_t*>(x);
  int64_t* out = static_cast<int64_t*>(results);
  for (int64_t r = 0; r < row_count; ++r, row += row_stride) {
    int64_t total = Op::kIdentity;
    for (int64_t i = 0; i < n; ++i) total = Op::join(total, row[i]);
    out[r] = total;
  }
}
template <class Op>
void int_columns(RowSource& source, void* results) {
  int64_t* out = static_cast<int64_t*>(results);
  const int64_t columns = source.columns();
  std::fill_n(out, columns, Op::kIdentity);
  const void* rows;
  int64_t stride, count;
  source.rewind();
  while (source.next(rows, stride, count)) {
    const int64_t* row = static_cast<const int64_t*>(rows);
    for (int64_t r = 0; r < count; ++r, row += stride) {
      for (int64_t c = 0; c < columns; ++c) out[c] = Op::join(out[c], row[c]);
    }
  }
}
template <class Op>
void int_position_rows(const void* x, int64_t row_stride, int64_t row_count, int64_t n,
                       void* results) {
  const int64_t* row = static_cast<const int64_t*>(x);
  auto* out = static_cast<ValueIndex<int64_t>*>(results);
  for (int64_t r = 0; r < row_count; ++r, row += row_stride) {
    int64_t total = Op::kIdentity, i = 0;
    for (int64_t k = 0; k < n; ++k) total = Op::join(total, row[k]);
    while (i + 1 < n && row[i] != total) ++i;
    out[r] = {row[i], i};
  }
}
template <class Op>
void int_position_columns(RowSource& source, void* results) {
  auto* out = static_cast<ValueIndex<int64_t>*>(results);
  const void* rows;
  int64_t stride, count, done = 0;
  source.rewind();
  while (source.next(rows, stride, count)) {
    const int64_t* row = static_cast<const int64_t*>(rows);
    for (int64_t r = 0; r < count; ++r, ++done, row += stride) {
      for (int64_t c = 0; c < source.columns(); ++c) {
        if (done == 0 || Op::better(row[c], out[c].value)) out[c] = {row[c], done};
      }
    }
  }
}

template <class T>
const ReduceCore* float_core(CoreOp op) {
  static constexpr ReduceCore kCores[] = {
      {rows_of<SumOp, T>, columns_of<SumOp, T>},
      {rows_of<AbsSumOp, T>, columns_of<AbsSumOp, T>},
      {rows_of<SqSumOp, T>, columns_of<SqSumOp, T>},
      {rows_of<ProdOp, T>, columns_of<ProdOp, T>},
      {rows_of<MaxOp, T>, columns_of<MaxOp, T>},
      {rows_of<MinOp, T>, columns_of<MinOp, T>},
      {position_rows<MaxOp, T>, position_columns<MaxOp, T>},
      {position_rows<MinOp, T>, position_columns<MinOp, T>},
      {moment_rows<T>, moment_columns<T>},
  };
  return &kCores[static_cast<int>(op)];
}
const ReduceCore* int_core(CoreOp op) {
  static constexpr ReduceCore kCores[] = {
      {int_rows<IntSum>, int_columns<IntSum>},
      {int_rows<IntAbsSum>, int_columns<IntAbsSum>},
      {int_rows<IntSqSum>, int_columns<IntSqSum>},
      {int_rows<IntProd>, int_columns<IntProd>},
      {int_rows<IntMax>, int_columns<IntMax>},
      {int_rows<IntMin>, int_columns<IntMin>},
      {int_position_rows<IntMax>, int_position_columns<IntMax>},
      {int_position_rows<IntMin>, int_position_columns<IntMin>},
      {nullptr, nullptr},
  };
  return &kCores[static_cast<int>(op)];
}
const ReduceCore* find_core(CoreOp op, ScalarType work) {
  if (work == kFloat) return float_core<float>(op);
  return work == kDouble ? float_core<double>(op) : int_core(op);
}

template <class From, class To>
void load_elements(const void* source, int64_t stride, int64_t n, void* target) {
  const From* from = static_cast<const From*>(source);
  To* to = static_cast<To*>(target);
  int64_t i = 0;
  if (stride == 1) {
    if constexpr (std::is_same_v<To, float> && sizeof(From) == 2 && !std::is_integral_v<From>) {
      using Lane = std::conditional_t<std::is_same_v<From, Half>, hwy::float16_t, hwy::bfloat16_t>;
      const Tag<float> d;
      const hn::Rebind<Lane, Tag<float>> narrow;
      for (; i + kLanes<float> <= n; i += kLanes<float>) {
        hn::StoreU(hn::PromoteTo(d, hn::LoadU(narrow, reinterpret_cast<const Lane*>(from + i))), d,
                   to + i);
      }
    }
    for (; i < n; ++i) to[i] = convert<To>(from[i]);
    return;
  }
  for (; i < n; ++i) to[i] = convert<To>(from[i * stride]);
}
template <class From>
void load_nonzero(const void* source, int64_t stride, int64_t n, void* target) {
  const From* from = static_cast<const From*>(source);
  int64_t* to = static_cast<int64_t*>(target);
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (sizeof(From) == 2 && !std::is_integral_v<From>) {
      to[i] = static_cast<float>(from[i * stride]) != 0;
    } else {
      to[i] = from[i * stride] != From(0);
    }
  }
}
template <class From, class To>
void store_elements(const void* source, int64_t n, void* target, int64_t stride) {
  const From* from = static_cast<const From*>(source);
  To* to = static_cast<To*>(target);
  for (int64_t i = 0; i < n; ++i) to[i * stride] = convert<To>(from[i]);
}

template <class Work>
LoadFn load_to(ScalarType from) {
  return visit_dtype(from, [](auto x) -> LoadFn { return load_elements<decltype(x), Work>; });
}
LoadFn find_load(ScalarType from, ScalarType work) {
  if (work == kFloat) return load_to<float>(from);
  return work == kDouble ? load_to<double>(from) : load_to<int64_t>(from);
}
LoadFn find_nonzero(ScalarType from) {
  return visit_dtype(from, [](auto x) -> LoadFn { return load_nonzero<decltype(x)>; });
}
template <class Work>
StoreFn store_from(ScalarType to) {
  return visit_dtype(to, [](auto x) -> StoreFn { return store_elements<Work, decltype(x)>; });
}
StoreFn find_store(ScalarType work, ScalarType to) {
  if (work == kFloat) return store_from<float>(to);
  return work == kDouble ? store_from<double>(to) : store_from<int64_t>(to);
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {

HWY_EXPORT(find_core);
HWY_EXPORT(find_load);
HWY_EXPORT(find_nonzero);
HWY_EXPORT(find_store);

const ReduceCore& reduce_core(CoreOp op, ScalarType work) {
  return *HWY_DYNAMIC_DISPATCH(find_core)(op, work);
}
LoadFn load_function(ScalarType from, ScalarType work) {
  return HWY_DYNAMIC_DISPATCH(find_load)(from, work);
}
LoadFn load_nonzero_function(ScalarType from) { return HWY_DYNAMIC_DISPATCH(find_nonzero)(from); }
StoreFn store_function(ScalarType work, ScalarType to) {
  return HWY_DYNAMIC_DISPATCH(find_store)(work, to);
}

bool RowSource::next(const void*& rows, int64_t& row_stride, int64_t& row_count) {
  if (done_ >= count_) return false;
  int64_t offset = 0, index = first_ + done_;
  int64_t run = count_ - done_, step = 0;
  for (int d = runs_.count - 1; d >= 0; --d) {
    const int64_t at = index % runs_.sizes[d];
    index /= runs_.sizes[d];
    offset += at * runs_.strides[d];
    if (d == runs_.count - 1) {
      run = std::min(run, runs_.sizes[d] - at);
      step = runs_.strides[d];
    }
  }
  const char* at = base_ + offset * item_;
  if (load_ == nullptr) {
    rows = at;
    row_stride = step;
  } else {
    run = std::min(run, kConvertRows);
    for (int64_t r = 0; r < run; ++r) {
      load_(at + r * step * item_, 1, columns_, buffer_ + r * columns_ * work_item_);
    }
    rows = buffer_;
    row_stride = columns_;
  }
  row_count = run;
  done_ += run;
  return true;
}

}  // namespace taper::cpu
#endif
