// Vector partials and their fixed tree, shared by the kernels that sum rows: element i of a chunk
// goes to partial i % 64; partials p and p + 32 are joined, then 16, 8, 4, 2, 1. The order does
// not depend on the vector width. Included once per Highway target.
#if defined(TAPER_SIMD_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_SIMD_SUM_INL_H_
#undef TAPER_SIMD_SUM_INL_H_
#else
#define TAPER_SIMD_SUM_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
inline constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag<T>()));
template <class T>
inline constexpr int64_t kVectors = 64 / kLanes<T>;

/// The first n < lanes elements, zeros behind; never reads past them.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_part(D d, const T* p, int64_t n) {
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(n)), d, p);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(D())] = {};
  std::memcpy(lanes, p, static_cast<size_t>(n) * sizeof(T));
  return hn::Load(d, lanes);
#endif
}
/// Writes the first n < lanes elements.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_part(hn::Vec<D> v, D d, T* p, int64_t n) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(n)), d, p);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  std::memcpy(p, lanes, static_cast<size_t>(n) * sizeof(T));
#endif
}

template <class D>
HWY_INLINE hn::Mask<D> is_nan(D, hn::Vec<D> v) {
  return hn::IsNaN(v);  // Ne is an ordered comparison here
}

// Operations: identity(), map(x) before joining, join(a, b). A join with the identity must leave
// what a partial can hold unchanged, so that absent partials may be skipped.
struct SumOp {
  static constexpr bool kZeroIdentity = true;
  template <class T>
  static constexpr T identity() {
    return T(0);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> map(D, hn::Vec<D> x) {
    return x;
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> join(D, hn::Vec<D> a, hn::Vec<D> b) {
    return hn::Add(a, b);
  }
};
struct AbsSumOp : SumOp {
  template <class D>
  static HWY_INLINE hn::Vec<D> map(D, hn::Vec<D> x) {
    return hn::Abs(x);
  }
};
struct SqSumOp : SumOp {
  template <class D>
  static HWY_INLINE hn::Vec<D> map(D, hn::Vec<D> x) {
    return hn::Mul(x, x);
  }
};
struct ProdOp : SumOp {
  static constexpr bool kZeroIdentity = false;
  template <class T>
  static constexpr T identity() {
    return T(1);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> join(D, hn::Vec<D> a, hn::Vec<D> b) {
    return hn::Mul(a, b);
  }
};
struct MaxOp : ProdOp {
  template <class T>
  static constexpr T identity() {
    return -std::numeric_limits<T>::infinity();
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> join(D d, hn::Vec<D> a, hn::Vec<D> b) {
#if HWY_TARGET <= HWY_AVX2
    // x86's max gives b when either is NaN: a NaN in a has to be put back.
    return hn::IfThenElse(is_nan(d, a), a, hn::Max(a, b));
#else
    return hn::IfThenElse(is_nan(d, a), a, hn::IfThenElse(hn::Gt(a, b), a, b));
#endif
  }
};
struct MinOp : ProdOp {
  template <class T>
  static constexpr T identity() {
    return std::numeric_limits<T>::infinity();
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> join(D d, hn::Vec<D> a, hn::Vec<D> b) {
#if HWY_TARGET <= HWY_AVX2
    return hn::IfThenElse(is_nan(d, a), a, hn::Min(a, b));
#else
    return hn::IfThenElse(is_nan(d, a), a, hn::IfThenElse(hn::Lt(a, b), a, b));
#endif
  }
};

/// Joins the lanes of one vector: halves, quarters and so on (unqualified calls: the one-lane
/// target has no UpperHalf).
template <class Op, class D>
HWY_INLINE hn::TFromD<D> join_lanes([[maybe_unused]] D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return join_lanes<Op>(half, Op::join(half, LowerHalf(half, v), UpperHalf(half, v)));
  }
}

/// The 64 partials of one row.
template <class Op, class T>
struct Partials {
  using D = Tag<T>;
  using V = hn::Vec<D>;
  static constexpr int64_t kN = kLanes<T>;
  static constexpr int64_t kV = kVectors<T>;
  V v[kV];

  HWY_INLINE void clear() {
    const D d;
#pragma GCC unroll 64
    for (int64_t k = 0; k < kV; ++k) v[k] = hn::Set(d, Op::template identity<T>());
  }
  HWY_INLINE void add_vector(int64_t k, V x) { v[k] = Op::join(D(), v[k], Op::map(D(), x)); }
  HWY_INLINE void add_block(const T* x) {
#pragma GCC unroll 64
    for (int64_t k = 0; k < kV; ++k) add_vector(k, hn::LoadU(D(), x + k * kN));
  }
  /// The lanes past n hold the identity.
  static HWY_INLINE V part(const T* x, int64_t n) {
    const D d;
    const V loaded = load_part(d, x, n);
    if constexpr (Op::kZeroIdentity) return loaded;
    return hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(n)), loaded,
                          hn::Set(d, Op::template identity<T>()));
  }
  HWY_INLINE void add_tail(const T* x, int64_t n) {
#pragma GCC unroll 64
    for (int64_t k = 0; k < kV; ++k) {
      const int64_t left = n - k * kN;
      if (left >= kN) {
        add_vector(k, hn::LoadU(D(), x + k * kN));
      } else if (left > 0) {
        add_vector(k, part(x + k * kN, left));
      }
    }
  }
  HWY_INLINE void add_row(const T* x, int64_t n) {
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) add_block(x + i);
    if (i < n) add_tail(x + i, n - i);
  }
  HWY_INLINE T total() {
    const D d;
#pragma GCC unroll 8
    for (int64_t h = kV / 2; h >= 1; h /= 2) {
#pragma GCC unroll 64
      for (int64_t k = 0; k < h; ++k) v[k] = Op::join(d, v[k], v[k + h]);
    }
    return join_lanes<Op>(d, v[0]);
  }
};

/// Row total of one chunk (n <= 4096 for the contract of reductions; longer works too).
template <class Op, class T>
HWY_INLINE T row_total(const T* x, int64_t n) {
  const Tag<T> d;
  if (n <= kLanes<T>) {
    // One vector: 0 + x, as the full tree starts, then its lanes.
    const auto x0 = n == kLanes<T> ? hn::LoadU(d, x) : Partials<Op, T>::part(x, n);
    const auto start = hn::Set(d, Op::template identity<T>());
    return join_lanes<Op>(d, Op::join(d, start, Op::map(d, x0)));
  }
  Partials<Op, T> p;
  p.clear();
  p.add_row(x, n);
  return p.total();
}

/// Calls f(column, lanes used) over a row in vectors, the last one partly filled.
template <class T, class F>
HWY_INLINE void over_columns(int64_t columns, F&& f) {
  int64_t c = 0;
  for (; c + kLanes<T> <= columns; c += kLanes<T>) f(c, kLanes<T>);
  if (c < columns) f(c, columns - c);
}
template <class T>
HWY_INLINE hn::Vec<Tag<T>> load_columns(const T* p, int64_t n) {
  const Tag<T> d;
  return n == kLanes<T> ? hn::LoadU(d, p) : load_part(d, p, n);
}
template <class T>
HWY_INLINE void store_columns(hn::Vec<Tag<T>> v, T* p, int64_t n) {
  const Tag<T> d;
  if (n == kLanes<T>) {
    hn::StoreU(v, d, p);
  } else {
    store_part(v, d, p, n);
  }
}

/// The partials of every column of a block of up to 512 bytes: partial p of column c at
/// [p * kWidth + c].
template <class Op, class T>
struct ColumnPartials {
  static constexpr int64_t kWidth = 512 / sizeof(T);
  HWY_ALIGN T partials[64 * kWidth];

  /// Joins row number `done` of a chunk; f(column, lanes used) is its mapped vector.
  template <class F>
  HWY_INLINE void add_row(int64_t done, int64_t columns, F&& f) {
    const Tag<T> d;
    T* sums = partials + (done % 64) * kWidth;
    if (done < 64) {
      const auto identity = hn::Set(d, Op::template identity<T>());
      over_columns<T>(columns, [&](int64_t c, int64_t n) HWY_ATTR {
        hn::Store(Op::join(d, identity, f(c, n)), d, sums + c);
      });
    } else {
      over_columns<T>(columns, [&](int64_t c, int64_t n) HWY_ATTR {
        hn::Store(Op::join(d, hn::Load(d, sums + c), f(c, n)), d, sums + c);
      });
    }
  }
  /// The fixed tree; partials that got no row are the identity and are left out.
  HWY_INLINE const T* join(int64_t row_count, int64_t columns) {
    const Tag<T> d;
    const int64_t used = row_count < 64 ? row_count : 64;
    for (int64_t h = 32; h >= 1; h /= 2) {
      for (int64_t p = 0; p < h && p + h < used; ++p) {
        T* a = partials + p * kWidth;
        const T* b = a + h * kWidth;
        for (int64_t c = 0; c < columns; c += kLanes<T>) {
          hn::Store(Op::join(d, hn::Load(d, a + c), hn::Load(d, b + c)), d, a + c);
        }
      }
    }
    return partials;
  }
};

/// Partials p, p + step, p + 2 step ... of kB vectors of columns, joined by the fixed tree: rows
/// are read where they stand, no partial is stored. For up to 32 rows.
template <class Op, class T, int kStep, int kB>
struct RowTree {
  using V = hn::Vec<Tag<T>>;
  static HWY_INLINE void run(const T* rows, int64_t stride, int64_t n, int64_t p, V (&out)[kB]) {
    RowTree<Op, T, 2 * kStep, kB>::run(rows, stride, n, p, out);
    if (p + kStep < n) {
      V other[kB];
      RowTree<Op, T, 2 * kStep, kB>::run(rows, stride, n, p + kStep, other);
#pragma GCC unroll 8
      for (int b = 0; b < kB; ++b) out[b] = Op::join(Tag<T>(), out[b], other[b]);
    }
  }
};
template <class Op, class T, int kB>
struct RowTree<Op, T, 32, kB> {
  using V = hn::Vec<Tag<T>>;
  static HWY_INLINE void run(const T* rows, int64_t stride, int64_t, int64_t p, V (&out)[kB]) {
    const Tag<T> d;
    const T* row = rows + p * stride;
#pragma GCC unroll 8
    for (int b = 0; b < kB; ++b) {
      const V x = Op::map(d, hn::LoadU(d, row + b * kLanes<T>));
      out[b] = Op::join(d, hn::Set(d, Op::template identity<T>()), x);
    }
  }
};

/// Sum of f(position, lanes used) over [0, n) by the tree of reductions: chunks of 4,096, their
/// sums in double. f gives zeros in the lanes past those used.
template <class T, class F>
HWY_INLINE double chunked_sum(int64_t n, F&& f) {
  if (n <= kLanes<T>) {
    const Tag<T> d;
    return static_cast<double>(join_lanes<SumOp>(d, hn::Add(hn::Zero(d), f(int64_t(0), n))));
  }
  double total = 0;
  for (int64_t start = 0; start < n; start += 4096) {
    const int64_t end = n - start < 4096 ? n : start + 4096;
    Partials<SumOp, T> p;
    p.clear();
    int64_t i = start;
    for (; i + 64 <= end; i += 64) {
#pragma GCC unroll 64
      for (int64_t k = 0; k < kVectors<T>; ++k) {
        p.add_vector(k, f(i + k * kLanes<T>, kLanes<T>));
      }
    }
#pragma GCC unroll 64
    for (int64_t k = 0; k < kVectors<T>; ++k) {
      const int64_t left = end - i - k * kLanes<T>;
      if (left > 0) p.add_vector(k, f(i + k * kLanes<T>, left < kLanes<T> ? left : kLanes<T>));
    }
    total += static_cast<double>(p.total());
  }
  return total;
}

/// The same for a block of columns over n rows; f(row, column, lanes used). Totals in double.
template <class T, class F>
HWY_INLINE void chunked_column_sums(int64_t n, int64_t columns, double* totals, F&& f) {
  ColumnPartials<SumOp, T> block;
  for (int64_t c = 0; c < columns; ++c) totals[c] = 0;
  for (int64_t start = 0; start < n; start += 4096) {
    const int64_t count = n - start < 4096 ? n - start : 4096;
    for (int64_t r = 0; r < count; ++r) {
      block.add_row(r, columns,
                    [&](int64_t c, int64_t lanes) HWY_ATTR { return f(start + r, c, lanes); });
    }
    const T* sums = block.join(count, columns);
    for (int64_t c = 0; c < columns; ++c) totals[c] += static_cast<double>(sums[c]);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#endif
