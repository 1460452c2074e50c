#include "taper/kernel/softmax.h"

#include <algorithm>
#include <cmath>

#include "taper/backend/cpu/reduce_core.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/softmax.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "taper/backend/cpu/simd_sum-inl.h"
#include "taper/backend/cpu/vmath_wide-inl.h"

#ifndef TAPER_SOFTMAX_CODE
#define TAPER_SOFTMAX_CODE
namespace taper::cpu {
namespace {

/// Code for one line (contiguous, may work in place) and for a block of neighbouring lines. b is
/// the second operand of a backward.
struct SoftmaxCode {
  void (*line)(void* out, const void* a, const void* b, int64_t n);
  void (*columns)(void* out, int64_t out_stride, const void* a, int64_t a_stride, const void* b,
                  int64_t b_stride, int64_t n, int64_t columns);
};

}  // namespace
}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace vm = taper::HWY_NAMESPACE::vm;

/// Lanes past the n used become zero, so that they add nothing.
template <class T>
HWY_INLINE hn::Vec<Tag<T>> only(hn::Vec<Tag<T>> v, int64_t n) {
  if (n == kLanes<T>) return v;
  return hn::IfThenElseZero(hn::FirstN(Tag<T>(), static_cast<size_t>(n)), v);
}

template <class T, bool kLog>
void softmax_line(void* out_data, const void* x_data, const void*, int64_t n) {
  const Tag<T> d;
  T* out = static_cast<T*>(out_data);
  const T* x = static_cast<const T*>(x_data);
  const auto most = hn::Set(d, row_total<MaxOp>(x, n));
  const double sum = chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    const auto e = vm::exp(d, hn::Sub(load_columns(x + i, m), most));
    if constexpr (!kLog) store_columns(e, out + i, m);
    return only<T>(e, m);
  });
  if constexpr (kLog) {
    const auto shift = hn::Set(d, static_cast<T>(std::log(sum)));
    over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      store_columns(hn::Sub(hn::Sub(load_columns(x + i, m), most), shift), out + i, m);
    });
  } else {
    const auto divisor = hn::Set(d, static_cast<T>(sum));
    over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      store_columns(hn::Div(load_columns<T>(out + i, m), divisor), out + i, m);
    });
  }
}

template <class T, bool kLog>
void softmax_columns(void* out_data, int64_t out_stride, const void* x_data, int64_t x_stride,
                     const void*, int64_t, int64_t n, int64_t columns) {
  const Tag<T> d;
  constexpr int64_t kWidth = column_block(sizeof(T));
  T* out = static_cast<T*>(out_data);
  const T* x = static_cast<const T*>(x_data);
  HWY_ALIGN T most[kWidth];
  HWY_ALIGN T scale[kWidth];
  over_columns<T>(columns, [&](int64_t c, int64_t m) HWY_ATTR {
    auto v = hn::Set(d, MaxOp::identity<T>());
    for (int64_t r = 0; r < n; ++r) v = MaxOp::join(d, v, load_columns(x + r * x_stride + c, m));
    hn::Store(v, d, most + c);
  });
  double totals[kWidth];
  chunked_column_sums<T>(n, columns, totals, [&](int64_t r, int64_t c, int64_t m) HWY_ATTR {
    const auto shifted = hn::Sub(load_columns(x + r * x_stride + c, m), hn::Load(d, most + c));
    const auto e = vm::exp(d, shifted);
    if constexpr (!kLog) store_columns(e, out + r * out_stride + c, m);
    return e;
  });
  for (int64_t c = 0; c < columns; ++c) {
    scale[c] = static_cast<T>(kLog ? std::log(totals[c]) : totals[c]);
  }
  for (int64_t r = 0; r < n; ++r) {
    over_columns<T>(columns, [&](int64_t c, int64_t m) HWY_ATTR {
      T* to = out + r * out_stride + c;
      const auto s = hn::Load(d, scale + c);
      if constexpr (kLog) {
        const auto v = load_columns(x + r * x_stride + c, m);
        store_columns(hn::Sub(hn::Sub(v, hn::Load(d, most + c)), s), to, m);
      } else {
        store_columns(hn::Div(load_columns<T>(to, m), s), to, m);
      }
    });
  }
}

template <class T, bool kLog>
HWY_INLINE hn::Vec<Tag<T>> slope(hn::Vec<Tag<T>> g, hn::Vec<Tag<T>> y, hn::Vec<Tag<T>> sum) {
  if constexpr (kLog) return hn::Sub(g, hn::Mul(vm::exp(Tag<T>(), y), sum));
  return hn::Mul(y, hn::Sub(g, sum));
}

template <class T, bool kLog>
void backward_line(void* out_data, const void* g_data, const void* y_data, int64_t n) {
  const Tag<T> d;
  T* out = static_cast<T*>(out_data);
  const T* g = static_cast<const T*>(g_data);
  const T* y = static_cast<const T*>(y_data);
  const double total = chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    const auto v = load_columns(g + i, m);
    if constexpr (kLog) return v;
    return hn::Mul(v, load_columns(y + i, m));
  });
  const auto sum = hn::Set(d, static_cast<T>(total));
  over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
    store_columns(slope<T, kLog>(load_columns(g + i, m), load_columns(y + i, m), sum), out + i, m);
  });
}

template <class T, bool kLog>
void backward_columns(void* out_data, int64_t out_stride, const void* g_data, int64_t g_stride,
                      const void* y_data, int64_t y_stride, int64_t n, int64_t columns) {
  const Tag<T> d;
  constexpr int64_t kWidth = column_block(sizeof(T));
  T* out = static_cast<T*>(out_data);
  const T* g = static_cast<const T*>(g_data);
  const T* y = static_cast<const T*>(y_data);
  double totals[kWidth];
  HWY_ALIGN T sums[kWidth] = {};
  chunked_column_sums<T>(n, columns, totals, [&](int64_t r, int64_t c, int64_t m) HWY_ATTR {
    const auto v = load_columns(g + r * g_stride + c, m);
    if constexpr (kLog) return v;
    return hn::Mul(v, load_columns(y + r * y_stride + c, m));
  });
  for (int64_t c = 0; c < columns; ++c) sums[c] = static_cast<T>(totals[c]);
  for (int64_t r = 0; r < n; ++r) {
    over_columns<T>(columns, [&](int64_t c, int64_t m) HWY_ATTR {
      const auto v = slope<T, kLog>(load_columns(g + r * g_stride + c, m),
                                    load_columns(y + r * y_stride + c, m), hn::Load(d, sums + c));
      store_columns(v, out + r * out_stride + c, m);
    });
  }
}

template <class T>
SoftmaxCode code_for(bool backward, bool log) {
  if (backward) {
    if (log) return {backward_line<T, true>, backward_columns<T, true>};
    return {backward_line<T, false>, backward_columns<T, false>};
  }
  if (log) return {softmax_line<T, true>, softmax_columns<T, true>};
  return {softmax_line<T, false>, softmax_columns<T, false>};
}
SoftmaxCode find_softmax(bool is_double, bool backward, bool log) {
  return is_double ? code_for<double>(backward, log) : code_for<float>(backward, log);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(find_softmax);

constexpr int64_t kGrain = 16384;

/// One operand walked along dim: its base, strides and type.
struct Operand {
  const char* base;
  const int64_t* strides;
  int64_t along, item;
  LoadFn load;
  bool present, native;

  Operand(ConstView t, int64_t dim, ScalarType work)
      : base(nullptr),
        strides(nullptr),
        along(1),
        item(0),
        load(nullptr),
        present(t.defined()),
        native(true) {
    if (!present) return;
    base = static_cast<const char*>(t.raw_data());
    strides = t.strides().data();
    along = t.dim() == 0 ? 1 : t.stride(dim);
    item = elementSize(t.dtype());
    load = load_function(t.dtype(), work);
    native = t.dtype() == work;
  }
};

struct Walk {
  const SoftmaxCode& code;
  IntArrayRef sizes;
  int64_t dim, n, lines;
  Operand out, a, b;
  ScalarType work;
  StoreFn store;

  bool contiguous() const {
    return out.native && a.native && b.native && out.along == 1 && a.along == 1 && b.along == 1;
  }
  /// A kept dimension whose neighbours lie next to each other in every operand, or -1.
  int64_t dense_dim() const {
    if (!(out.native && a.native && b.native)) return -1;
    for (int64_t d = static_cast<int64_t>(sizes.size()) - 1; d >= 0; --d) {
      if (d != dim && sizes[d] >= 4 && out.strides[d] == 1 && a.strides[d] == 1 &&
          (!b.present || b.strides[d] == 1)) {
        return d;
      }
    }
    return -1;
  }
  /// Element offset of a line (or of a block's line when one dimension is left out).
  int64_t offset(const Operand& o, int64_t line, int64_t skip) const {
    int64_t at = 0;
    for (int64_t d = static_cast<int64_t>(sizes.size()) - 1; d >= 0; --d) {
      if (d == dim || d == skip) continue;
      if (o.present) at += line % sizes[d] * o.strides[d];
      line /= sizes[d];
    }
    return at * o.item;
  }
  char* target(int64_t offset) const { return const_cast<char*>(out.base) + offset; }

  void run() const {
    if (lines == 0 || n == 0) return;
    const int64_t skip = contiguous() ? -1 : dense_dim();
    if (skip >= 0) return run_columns(skip);
    parallel_for(0, lines, std::max<int64_t>(1, kGrain / n), [&](int64_t first, int64_t last) {
      if (contiguous()) {
        for (int64_t i = first; i < last; ++i) {
          code.line(target(offset(out, i, -1)), a.base + offset(a, i, -1),
                    b.base + offset(b, i, -1), n);
        }
      } else {
        packed_lines(first, last);
      }
    });
  }

  void packed_lines(int64_t first, int64_t last) const {
    const int64_t bytes = n * elementSize(work);
    Scratch<char> one(bytes), two(b.present ? bytes : 0);
    for (int64_t i = first; i < last; ++i) {
      a.load(a.base + offset(a, i, -1), a.along, n, one.data());
      if (b.present) b.load(b.base + offset(b, i, -1), b.along, n, two.data());
      code.line(one.data(), one.data(), two.data(), n);
      store(one.data(), n, target(offset(out, i, -1)), out.along);
    }
  }

  void run_columns(int64_t skip) const {
    const int64_t width = column_block(elementSize(work));
    const int64_t blocks = (sizes[skip] + width - 1) / width;
    const int64_t total = lines / sizes[skip] * blocks;
    const int64_t work_each = std::min(width, sizes[skip]) * n;
    parallel_for(0, total, std::max<int64_t>(1, kGrain / work_each),
                 [&](int64_t first, int64_t last) {
                   for (int64_t i = first; i < last; ++i) {
                     const int64_t c = i % blocks * width, line = i / blocks;
                     code.columns(target(offset(out, line, skip) + c * out.item), out.along,
                                  a.base + offset(a, line, skip) + c * a.item, a.along,
                                  b.base + offset(b, line, skip) + c * b.item, b.along, n,
                                  std::min(width, sizes[skip] - c));
                   }
                 });
  }
};

void walk(View out, ConstView a, ConstView b, int64_t dim, bool log) {
  const ScalarType work = work_type(out.dtype());
  const SoftmaxCode code = HWY_DYNAMIC_DISPATCH(find_softmax)(work == kDouble, b.defined(), log);
  const int64_t n = a.dim() == 0 ? 1 : a.size(dim);
  const Walk w{code,
               a.sizes(),
               dim,
               n,
               n == 0 ? 0 : a.numel() / n,
               Operand(out, dim, work),
               Operand(a, dim, work),
               Operand(b, dim, work),
               work,
               store_function(work, out.dtype())};
  w.run();
}

}  // namespace

void softmax(View out, ConstView x, int64_t dim, bool log) { walk(out, x, ConstView(), dim, log); }

void softmax_backward(View grad_in, ConstView grad, ConstView out, int64_t dim, bool log) {
  walk(grad_in, grad, out, dim, log);
}

}  // namespace taper::cpu
#endif
