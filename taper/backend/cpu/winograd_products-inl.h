// The matrix products of Winograd's convolution, on operands that lie as they are read. Included
// once per Highway target.
#if defined(TAPER_WINOGRAD_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_WINOGRAD_PRODUCTS_INL_H_
#undef TAPER_WINOGRAD_PRODUCTS_INL_H_
#else
#define TAPER_WINOGRAD_PRODUCTS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX2
namespace {

using D = hn::ScalableTag<float>;
using V = hn::VFromD<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

// Accumulators fill the registers: kVecs vectors of columns, and rows as there is room.
#if HWY_TARGET <= HWY_AVX3
constexpr int kVecs = 4;
constexpr int RowsFor(int vecs) { return vecs == 4 ? 6 : vecs == 3 ? 8 : 12; }
#else
constexpr int kVecs = 2;
constexpr int RowsFor(int) { return 6; }
#endif

/// c[rows, strip] (+)= a[rows, depth] b[depth, strip]; columns of b and c are adjacent.
struct Product {
  const float* a;
  int64_t a_row, a_col;
  const float* b;
  int64_t b_row;
  float* c;
  int64_t c_row, depth;
  bool add;
};

template <int R, int N>
HWY_NOINLINE void MultiplyTile(const Product& p, int64_t row) {
  const D d;
  V acc[R][N];
  const float* a[R];
  float* const c = p.c + row * p.c_row;
#pragma GCC unroll 12
  for (int i = 0; i < R; ++i) {
    a[i] = p.a + (row + i) * p.a_row;
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      acc[i][j] = p.add ? hn::LoadU(d, c + i * p.c_row + j * kLanes) : hn::Zero(d);
    }
  }
  const float* b = p.b;
  // Unrolled: counting takes ports that the FMAs want.
#pragma GCC unroll 4
  for (int64_t k = 0, at = 0; k < p.depth; ++k, at += p.a_col, b += p.b_row) {
    V column[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) column[j] = hn::LoadU(d, b + j * kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < R; ++i) {
      const V x = hn::Set(d, a[i][at]);
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) acc[i][j] = hn::MulAdd(x, column[j], acc[i][j]);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) hn::StoreU(acc[i][j], d, c + i * p.c_row + j * kLanes);
  }
}

// A tile of `rows` rows: each height is a function of its own.
template <int R, int N>
HWY_INLINE void TileOfRows(const Product& p, int64_t row, int64_t rows) {
  if constexpr (R > 1) {
    if (rows < R) return TileOfRows<R - 1, N>(p, row, rows);
  }
  MultiplyTile<R, N>(p, row);
}

// All rows, in tiles of nearly equal height: a short last tile would wait for the FMA's latency.
template <int N>
HWY_INLINE void MultiplyStrip(const Product& p, int64_t rows) {
  constexpr int kMost = RowsFor(N);
  const int64_t tiles = (rows + kMost - 1) / kMost;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t first = rows * i / tiles;
    TileOfRows<kMost, N>(p, first, rows * (i + 1) / tiles - first);
  }
}

/// Vectors of the next strip when `left` remain.
HWY_INLINE int StripVecs(int64_t left) {
  if (left == kVecs + 1 && kVecs > 2) return kVecs - 1;
  return static_cast<int>(std::min<int64_t>(left, kVecs));
}

// c[rows, columns] (+)= a b, columns a multiple of the lanes. With strip_step, b lies in strips of
// their own width, strip_step rows each.
HWY_INLINE void Multiply(Product p, int64_t rows, int64_t columns, int64_t strip_step) {
  for (int64_t left = columns / kLanes; left > 0;) {
    const int vecs = StripVecs(left);
    const int64_t width = vecs * kLanes;
    if (strip_step != 0) p.b_row = width;
    switch (vecs) {
      case 1:
        MultiplyStrip<1>(p, rows);
        break;
      case 2:
        MultiplyStrip<2>(p, rows);
        break;
#if HWY_TARGET <= HWY_AVX3
      case 3:
        MultiplyStrip<3>(p, rows);
        break;
#endif
      default:
        MultiplyStrip<kVecs>(p, rows);
    }
    p.b += strip_step != 0 ? strip_step * width : width;
    p.c += width;
    left -= vecs;
  }
}

}  // namespace
#endif

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();
#endif
