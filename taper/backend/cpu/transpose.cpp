#include "taper/backend/cpu/transpose.h"

#include <algorithm>
#include <cstring>

#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/transpose.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// to[j * to_stride + i] = from[i * from_stride + j]; strides in bytes, rows i, columns j.
template <class T>
HWY_ATTR void transpose_loop(char* to, int64_t to_stride, const char* from, int64_t from_stride,
                             int64_t rows, int64_t columns) {
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) {
      std::memcpy(to + j * to_stride + i * sizeof(T), from + i * from_stride + j * sizeof(T),
                  sizeof(T));
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// A vector whose 128-bit block b is read from p + b * stride.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const char* p, int64_t stride) {
  using T = hn::TFromD<D>;
  if constexpr (hn::MaxLanes(D()) * sizeof(T) == 16) {
    return hn::LoadU(d, reinterpret_cast<const T*>(p));
  } else {
    const hn::Half<D> half;
    const int64_t blocks = hn::MaxLanes(D()) * sizeof(T) / 32;
    return hn::Combine(d, load_blocks(half, p + blocks * stride, stride),
                       load_blocks(half, p, stride));
  }
}

template <bool stream, class D, class V>
HWY_INLINE void put(D d, V v, char* to) {
  auto* p = reinterpret_cast<hn::TFromD<D>*>(to);
  if constexpr (stream) {
    hn::Stream(v, d, p);
  } else {
    hn::StoreU(v, d, p);
  }
}

// As transpose_loop, on full vectors of rows and 16 bytes of columns at a time.
template <class T, bool stream>
HWY_ATTR void transpose_vectors(char* to, int64_t to_stride, const char* from, int64_t from_stride,
                                int64_t rows, int64_t columns) {
  const hn::ScalableTag<T> d;
  const hn::RepartitionToWide<hn::ScalableTag<uint32_t>> dw;
  constexpr int64_t step = 16 / sizeof(T);
  const int64_t lanes = hn::Lanes(d);
  for (int64_t i = 0; i < rows; i += lanes) {
    const char* in = from + i * from_stride;
    char* out = to + i * sizeof(T);
    for (int64_t j = 0; j < columns; j += step, in += 16, out += step * to_stride) {
      // Block b of vector r holds row i + step b + r.
      if constexpr (sizeof(T) == 4) {
        const auto a = load_blocks(d, in, 4 * from_stride);
        const auto b = load_blocks(d, in + from_stride, 4 * from_stride);
        const auto c = load_blocks(d, in + 2 * from_stride, 4 * from_stride);
        const auto e = load_blocks(d, in + 3 * from_stride, 4 * from_stride);
        const auto ab0 = hn::BitCast(dw, hn::InterleaveLower(d, a, b));
        const auto ab1 = hn::BitCast(dw, hn::InterleaveUpper(d, a, b));
        const auto ce0 = hn::BitCast(dw, hn::InterleaveLower(d, c, e));
        const auto ce1 = hn::BitCast(dw, hn::InterleaveUpper(d, c, e));
        put<stream>(d, hn::BitCast(d, hn::InterleaveLower(dw, ab0, ce0)), out);
        put<stream>(d, hn::BitCast(d, hn::InterleaveUpper(dw, ab0, ce0)), out + to_stride);
        put<stream>(d, hn::BitCast(d, hn::InterleaveLower(dw, ab1, ce1)), out + 2 * to_stride);
        put<stream>(d, hn::BitCast(d, hn::InterleaveUpper(dw, ab1, ce1)), out + 3 * to_stride);
      } else {
        const auto a = load_blocks(d, in, 2 * from_stride);
        const auto b = load_blocks(d, in + from_stride, 2 * from_stride);
        put<stream>(d, hn::InterleaveLower(d, a, b), out);
        put<stream>(d, hn::InterleaveUpper(d, a, b), out + to_stride);
      }
    }
  }
}
#endif

template <class T>
void transpose_block(char* to, int64_t to_stride, const char* from, int64_t from_stride,
                     int64_t rows, int64_t columns, bool stream) {
  (void)stream;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) >= 4) {
    const int64_t lanes = hn::Lanes(hn::ScalableTag<T>()), step = 16 / sizeof(T);
    const int64_t whole_rows = rows / lanes * lanes, whole_columns = columns / step * step;
    if (stream) {
      transpose_vectors<T, true>(to, to_stride, from, from_stride, whole_rows, whole_columns);
    } else {
      transpose_vectors<T, false>(to, to_stride, from, from_stride, whole_rows, whole_columns);
    }
    transpose_loop<T>(to + whole_columns * to_stride, to_stride, from + whole_columns * sizeof(T),
                      from_stride, whole_rows, columns - whole_columns);
    transpose_loop<T>(to + whole_rows * sizeof(T), to_stride, from + whole_rows * from_stride,
                      from_stride, rows - whole_rows, columns);
    return;
  }
#endif
  transpose_loop<T>(to, to_stride, from, from_stride, rows, columns);
}

}  // namespace

cpu::TransposeFn find_transpose(int64_t size) {
  switch (size) {
    case 1:
      return transpose_block<uint8_t>;
    case 2:
      return transpose_block<uint16_t>;
    case 4:
      return transpose_block<uint32_t>;
    default:
      return transpose_block<uint64_t>;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
HWY_EXPORT(find_transpose);

namespace cpu {
namespace {
constexpr int64_t kBlock = 64;              // rows and columns of a cache block
constexpr int64_t kStreamBytes = 16 << 20;  // beyond this, stores past the caches win
}  // namespace

TransposeFn transpose_fn(int64_t size) { return HWY_DYNAMIC_DISPATCH(find_transpose)(size); }

void copy_transposed(const StridedPlan& plan, char* const* bases, int d, int64_t size) {
  const TransposeFn transpose = transpose_fn(size);
  const int64_t rows = plan.size[0], columns = plan.size[d];
  const int64_t row_blocks = (rows + kBlock - 1) / kBlock;
  const int64_t column_blocks = (columns + kBlock - 1) / kBlock;
  const int64_t from_stride = plan.strides[1][0], to_stride = plan.strides[0][d];
  StridedPlan rest = plan;
  for (int k : {d, 0}) rest.drop(k);
  const int64_t outer = rest.numel(), numel = outer * rows * columns;
  bool aligned = reinterpret_cast<uintptr_t>(bases[0]) % 64 == 0 && to_stride % 64 == 0;
  for (int k = 0; k < rest.rank; ++k) aligned &= rest.strides[0][k] % 64 == 0;
  const bool stream = aligned && numel * size >= kStreamBytes;
  const int64_t blocks = row_blocks * column_blocks;
  parallel_for(0, outer * blocks, std::max<int64_t>(1, 32768 / (kBlock * kBlock)),
               [&](int64_t first, int64_t last) {
                 StridedCursor c;
                 for (int64_t t = first; t < last; ++t) {
                   const int64_t block = t % blocks;
                   if (t == first || block == 0) c.seek(rest, bases, t / blocks);
                   const int64_t i = block % row_blocks * kBlock;
                   const int64_t j = block / row_blocks * kBlock;
                   transpose(c.at[0] + j * to_stride + i * size, to_stride,
                             c.at[1] + i * from_stride + j * size, from_stride,
                             std::min(kBlock, rows - i), std::min(kBlock, columns - j), stream);
                 }
                 // Streamed stores become visible before the region's end.
                 if (stream) __builtin_ia32_sfence();
               });
}

}  // namespace cpu
}  // namespace taper
#endif
