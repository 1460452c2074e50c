// Longer than other files: the kernels of one target are compiled, and tuned, together.
#include "taper/backend/cpu/gemm.h"

#include <algorithm>

#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"

#ifndef TAPER_GEMM_TABLE
#define TAPER_GEMM_TABLE
namespace taper::cpu {
namespace {
struct GemmTable {
  void (*single)(const GemmArgs<float>&);
  void (*twice)(const GemmArgs<double>&);
  GemmWay (*choose_single)(const GemmArgs<float>&);
  GemmWay (*choose_twice)(const GemmArgs<double>&);
};
}  // namespace
}  // namespace taper::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/gemm.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3)
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/transpose4-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A tile's accumulators fill the registers: 8 x 3 of 32 with AVX-512, 4 x 3 of 16 with AVX2.
#if HWY_TARGET <= HWY_AVX3
constexpr int kRows = 8, kVecs = 3;
#elif HWY_TARGET == HWY_AVX2
constexpr int kRows = 4, kVecs = 3;
#else
constexpr int kRows = 4, kVecs = 2;
#endif
// A packed block of a is 320 KB, of b 960 KB: both stay in L2.
constexpr int64_t kDepth = 320;
constexpr int64_t kRowBlock = 256;
constexpr int64_t kColBlock = 768;
constexpr int64_t kAhead = 6;  // rows of b that are fetched to L1 before their turn
template <class T>
struct TileArgs {
  int64_t k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row;
  T alpha, beta;
  const T* bias;
  bool bias_per_row;
  int64_t tail;   // columns of the last vector
  bool prefetch;  // c is far away
};

// Loads and stores of the first `count` elements; nothing past them is touched.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::VFromD<D> LoadFirst(D d, const T* p, int64_t count) {
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)] = {};
  for (int64_t i = 0; i < count; ++i) padded[i] = p[i];
  return hn::Load(d, padded);
#endif
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void StoreFirst(hn::VFromD<D> v, D d, T* p, int64_t count) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)] = {};
  hn::Store(v, d, padded);
  for (int64_t i = 0; i < count; ++i) p[i] = padded[i];
#endif
}

// One tile of R rows and V vectors; the last vector is partial when kTail.
template <class T, int R, int V, bool kTail>
HWY_NOINLINE void Tile(const TileArgs<T>& t) {
  const hn::ScalableTag<T> d;
  using Vec = hn::VFromD<decltype(d)>;
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  Vec acc[R][V];
  const T* row[R];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
    row[i] = t.a + i * t.a_row;
#pragma GCC unroll 8
    for (int j = 0; j < V; ++j) acc[i][j] = hn::Zero(d);
  }
  if (t.prefetch) {
    for (int i = 0; i < R; ++i) {
      for (int j = 0; j < V; ++j) hwy::Prefetch(t.c + i * t.c_row + j * kLanes);
    }
  }
  const T* b = t.b;
  const int64_t b_row = t.b_row, step = t.a_col;  // 0 in an expanded factor
  for (int64_t p = 0, left = t.k; left != 0; --left, p += step, b += b_row) {
    if constexpr (R == kRows && V == kVecs && !kTail) {
      for (int j = 0; j < V; ++j) hwy::Prefetch(b + kAhead * b_row + j * kLanes);
    }
    Vec column[V];
#pragma GCC unroll 8
    for (int j = 0; j < V; ++j) {
      column[j] =
          kTail && j == V - 1 ? LoadFirst(d, b + j * kLanes, t.tail) : hn::LoadU(d, b + j * kLanes);
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const Vec x = hn::Set(d, row[i][p]);
#pragma GCC unroll 8
      for (int j = 0; j < V; ++j) acc[i][j] = hn::MulAdd(x, column[j], acc[i][j]);
    }
  }
  const Vec alpha = hn::Set(d, t.alpha), beta = hn::Set(d, t.beta);
  const bool reads = t.beta != T(0);
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
    T* c = t.c + i * t.c_row;
#pragma GCC unroll 8
    for (int j = 0; j < V; ++j) {
      const bool partial = kTail && j == V - 1;
      T* at = c + j * kLanes;
      Vec v = hn::Mul(acc[i][j], alpha);
      if (reads) v = hn::MulAdd(beta, partial ? LoadFirst(d, at, t.tail) : hn::LoadU(d, at), v);
      if (t.bias != nullptr) {
        const T* bias = t.bias + j * kLanes;
        v = hn::Add(v, t.bias_per_row ? hn::Set(d, t.bias[i])
                       : partial      ? LoadFirst(d, bias, t.tail)
                                      : hn::LoadU(d, bias));
      }
      if (partial) {
        StoreFirst(v, d, at, t.tail);
      } else {
        hn::StoreU(v, d, at);
      }
    }
  }
}

template <class T, int R>
HWY_INLINE void TileOfRows(const TileArgs<T>& t, int vecs, bool tail) {
  switch (vecs) {
    case 1:
      return tail ? Tile<T, R, 1, true>(t) : Tile<T, R, 1, false>(t);
    case 2:
      return tail ? Tile<T, R, 2, true>(t) : Tile<T, R, 2, false>(t);
    default:
      return tail ? Tile<T, R, kVecs, true>(t) : Tile<T, R, kVecs, false>(t);
  }
}

template <class T>
HWY_INLINE void RunTile(const TileArgs<T>& t, int64_t rows, int vecs, bool tail) {
  switch (rows) {
    case 1:
      return TileOfRows<T, 1>(t, vecs, tail);
    case 2:
      return TileOfRows<T, 2>(t, vecs, tail);
    case 3:
      return TileOfRows<T, 3>(t, vecs, tail);
    case 4:
      return TileOfRows<T, 4>(t, vecs, tail);
#if HWY_TARGET <= HWY_AVX3
    case 5:
      return TileOfRows<T, 5>(t, vecs, tail);
    case 6:
      return TileOfRows<T, 6>(t, vecs, tail);
    case 7:
      return TileOfRows<T, 7>(t, vecs, tail);
#endif
    default:
      return TileOfRows<T, kRows>(t, vecs, tail);
  }
}

// The next strip's vectors of `left` remaining: full ones, then 2 + 2 in place of 3 + 1.
HWY_INLINE int StripVecs(int64_t left) {
  if (left == kVecs + 1 && kVecs == 3) return 2;
  return static_cast<int>(std::min<int64_t>(left, kVecs));
}

#if HWY_TARGET != HWY_SCALAR
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void TransposeStrips(D d, const T* from, int64_t from_row, T* to, int64_t to_row,
                                int64_t rows, int64_t cols, int64_t& j) {
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
  for (; j + kLanes <= cols; j += kLanes) {
    const T* f = from + j * from_row;
    for (int64_t i = TransposeStrip(d, f, from_row, to + j, to_row, rows); i < rows; ++i) {
      for (int64_t q = 0; q < kLanes; ++q) to[i * to_row + j + q] = f[q * from_row + i];
    }
  }
}
#endif

// to[i * to_row + j] = from[j * from_row + i] for i < rows, j < cols.
template <class T>
HWY_NOINLINE void Transpose(const T* from, int64_t from_row, T* to, int64_t to_row, int64_t rows,
                            int64_t cols) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  TransposeStrips(d, from, from_row, to, to_row, rows, cols, j);
#if HWY_TARGET <= HWY_AVX3
  TransposeStrips(hn::Half<decltype(d)>(), from, from_row, to, to_row, rows, cols, j);
#endif
  TransposeStrips(hn::Full128<T>(), from, from_row, to, to_row, rows, cols, j);
#endif
  for (; j < cols; ++j) {
    for (int64_t i = 0; i < rows; ++i) to[i * to_row + j] = from[j * from_row + i];
  }
}

// Copies depth x width values, at strides (k_stride, w_stride), to rows of `padded` elements;
// what lies past width is zero.
template <class T>
HWY_NOINLINE void PackPanel(const T* from, int64_t k_stride, int64_t w_stride, int64_t depth,
                            int64_t width, int64_t padded, T* to) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  if (w_stride == 1) {
    for (int64_t k = 0; k < depth; ++k) {
      const T* f = from + k * k_stride;
      T* t = to + k * padded;
      int64_t j = 0;
      for (; j + kLanes <= width; j += kLanes) hn::StoreU(hn::LoadU(d, f + j), d, t + j);
      for (; j < width; ++j) t[j] = f[j];
      for (; j < padded; ++j) t[j] = T(0);
    }
    return;
  }
  if (k_stride == 1) {
    Transpose(from, w_stride, to, padded, depth, width);
  } else {
    for (int64_t k = 0; k < depth; ++k) {
      for (int64_t j = 0; j < width; ++j) to[k * padded + j] = from[k * k_stride + j * w_stride];
    }
  }
  if (width < padded) {
    for (int64_t k = 0; k < depth; ++k) {
      for (int64_t j = width; j < padded; ++j) to[k * padded + j] = T(0);
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// The sums of four float vectors' lanes.
template <class V>
HWY_INLINE hn::VFromD<hn::Full128<float>> Sums4(V a, V b, V c, V e) {
  const hn::ScalableTag<float> d;
  const hn::RepartitionToWide<decltype(d)> wide;
  const V ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const V ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto x = hn::BitCast(wide, ab), y = hn::BitCast(wide, ce);
  const V per_block = hn::Add(hn::BitCast(d, hn::InterleaveLower(wide, x, y)),
                              hn::BitCast(d, hn::InterleaveUpper(wide, x, y)));
#if HWY_TARGET <= HWY_AVX3
  const hn::Half<decltype(d)> half;
  const auto h = hn::Add(hn::LowerHalf(half, per_block), hn::UpperHalf(half, per_block));
  const hn::Half<decltype(half)> quarter;
  return hn::Add(hn::LowerHalf(quarter, h), hn::UpperHalf(quarter, h));
#elif HWY_TARGET == HWY_AVX2
  const hn::Half<decltype(d)> half;
  return hn::Add(hn::LowerHalf(half, per_block), hn::UpperHalf(half, per_block));
#else
  return per_block;
#endif
}
#endif

// What becomes of one sum.
template <class T>
HWY_INLINE void Finish(const GemmArgs<T>& g, int64_t i, int64_t j, T sum) {
  T* c = g.c + i * g.c_row + j;
  T v = g.alpha * sum;
  if (g.beta != T(0)) v += g.beta * *c;
  if (g.bias != nullptr) v += g.bias[g.bias_per_row ? i : j];
  *c = v;
}

#if HWY_TARGET != HWY_SCALAR
// The sums of W vectors, W a multiple of 4 or 1.
template <class T, int W, class V>
HWY_INLINE void FinishDots(const GemmArgs<T>& g, int64_t i, int64_t j, const V (&acc)[W]) {
  const hn::ScalableTag<T> d;
  if constexpr (sizeof(T) == 4 && W % 4 == 0) {
    const hn::Full128<T> quad;
    T* c = g.c + i * g.c_row + j;
#pragma GCC unroll 2
    for (int q = 0; q < W; q += 4) {
      auto v = hn::Mul(Sums4(acc[q], acc[q + 1], acc[q + 2], acc[q + 3]), hn::Set(quad, g.alpha));
      if (g.beta != T(0)) v = hn::MulAdd(hn::Set(quad, g.beta), hn::LoadU(quad, c + q), v);
      if (g.bias != nullptr) {
        v = hn::Add(v, g.bias_per_row ? hn::Set(quad, g.bias[i]) : hn::LoadU(quad, g.bias + j + q));
      }
      hn::StoreU(v, quad, c + q);
    }
  } else {
    for (int q = 0; q < W; ++q) Finish(g, i, j + q, hn::GetLane(hn::SumOfLanes(d, acc[q])));
  }
}
#endif

// c[i, j .. j + W) of R rows of a with W rows of b, both with adjacent k.
template <class T, int R, int W>
HWY_INLINE void Dots(const GemmArgs<T>& g, int64_t i0, int64_t j0) {
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < W; ++j) {
      T s = 0;
      for (int64_t p = 0; p < g.k; ++p) {
        s += g.a[(i0 + i) * g.a_row + p] * g.b[(j0 + j) * g.b_col + p];
      }
      Finish(g, i0 + i, j0 + j, s);
    }
  }
#else
  const hn::ScalableTag<T> d;
  using Vec = hn::VFromD<decltype(d)>;
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  Vec acc[R][W];
  const T* a[R];
  const T* b[W];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
    a[i] = g.a + (i0 + i) * g.a_row;
#pragma GCC unroll 8
    for (int j = 0; j < W; ++j) acc[i][j] = hn::Zero(d);
  }
#pragma GCC unroll 8
  for (int j = 0; j < W; ++j) b[j] = g.b + (j0 + j) * g.b_col;
  int64_t p = 0;
  for (; p + kLanes <= g.k; p += kLanes) {
    Vec x[R];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) x[i] = hn::LoadU(d, a[i] + p);
#pragma GCC unroll 8
    for (int j = 0; j < W; ++j) {
      const Vec y = hn::LoadU(d, b[j] + p);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) acc[i][j] = hn::MulAdd(x[i], y, acc[i][j]);
    }
  }
  if (p < g.k) {
    const int64_t rest = g.k - p;
#pragma GCC unroll 8
    for (int j = 0; j < W; ++j) {
      const Vec y = LoadFirst(d, b[j] + p, rest);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        acc[i][j] = hn::MulAdd(LoadFirst(d, a[i] + p, rest), y, acc[i][j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) FinishDots<T, W>(g, i0 + i, j0, acc[i]);
#endif
}

template <class T, int R>
HWY_NOINLINE void DotRows(const GemmArgs<T>& g, int64_t i) {
  int64_t j = 0;
  // One row alone needs more sums in flight against the FMA's latency.
  if constexpr (R == 1 && HWY_TARGET <= HWY_AVX3) {
    for (; j + 8 <= g.n; j += 8) Dots<T, R, 8>(g, i, j);
  }
  for (; j + 4 <= g.n; j += 4) Dots<T, R, 4>(g, i, j);
  for (; j < g.n; ++j) Dots<T, R, 1>(g, i, j);
}

// One row times a matrix with adjacent columns: more columns in flight than a tile has, and two
// sets of sums against the latency of the FMA.
template <class T, int V, bool kTail>
HWY_INLINE void RowTile(const GemmArgs<T>& g, int64_t j0, int64_t tail) {
  const hn::ScalableTag<T> d;
  using Vec = hn::VFromD<decltype(d)>;
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  Vec even[V], odd[V];
#pragma GCC unroll 4
  for (int j = 0; j < V; ++j) even[j] = odd[j] = hn::Zero(d);
  const T* b = g.b + j0;
  const T* a = g.a;
  const auto load = [&](const T* p)
                        HWY_ATTR { return kTail ? LoadFirst(d, p, tail) : hn::LoadU(d, p); };
  int64_t p = 0;
  for (; p + 2 <= g.k; p += 2, a += 2 * g.a_col, b += 2 * g.b_row) {
    const Vec x = hn::Set(d, a[0]), y = hn::Set(d, a[g.a_col]);
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) {
      even[j] = hn::MulAdd(x, load(b + j * kLanes), even[j]);
      odd[j] = hn::MulAdd(y, load(b + g.b_row + j * kLanes), odd[j]);
    }
  }
  if (p < g.k) {
    const Vec x = hn::Set(d, a[0]);
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) even[j] = hn::MulAdd(x, load(b + j * kLanes), even[j]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < V; ++j) {
    const int64_t at = j0 + j * kLanes;
    Vec v = hn::Mul(hn::Set(d, g.alpha), hn::Add(even[j], odd[j]));
    if (g.beta != T(0)) v = hn::MulAdd(hn::Set(d, g.beta), load(g.c + at), v);
    if (g.bias != nullptr) {
      v = hn::Add(v, g.bias_per_row ? hn::Set(d, g.bias[0]) : load(g.bias + at));
    }
    if (kTail) {
      StoreFirst(v, d, g.c + at, tail);
    } else {
      hn::StoreU(v, d, g.c + at);
    }
  }
}

template <class T>
void OneRow(const GemmArgs<T>& g) {
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  int64_t j = 0;
  for (; j + 4 * kLanes <= g.n; j += 4 * kLanes) RowTile<T, 4, false>(g, j, 0);
  for (; j + kLanes <= g.n; j += kLanes) RowTile<T, 1, false>(g, j, 0);
  if (j < g.n) RowTile<T, 1, true>(g, j, g.n - j);
}

// Where a block's operands lie: in place or packed.
template <class T>
struct Operand {
  const T* data;
  int64_t stride;  // a: of k; b: of k
  int64_t step;    // a: of rows, within a panel; b: unused
  int64_t panel;   // from one panel of kRows rows (a), or one column (b), to the next
};

// All tiles of rows x cols: a panel of a stays in L1, the strips of b stream past it from L2.
template <class T>
void RunTiles(const GemmArgs<T>& g, int64_t i0, int64_t rows, int64_t j0, int64_t cols,
              int64_t depth, const Operand<T>& a, const Operand<T>& b, bool first) {
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  TileArgs<T> t;
  t.k = depth;
  t.a_row = a.step;
  t.a_col = a.stride;
  t.c_row = g.c_row;
  t.alpha = g.alpha;
  t.beta = first ? g.beta : T(1);
  t.bias_per_row = g.bias_per_row;
  t.prefetch = depth >= 64 && g.m * g.n > 65536;
  for (int64_t i = 0; i < rows; i += kRows) {
    int64_t vecs_left = (cols + kLanes - 1) / kLanes;
    for (int64_t j = 0; j < cols;) {
      const int vecs = StripVecs(vecs_left);
      const int64_t width = std::min<int64_t>(vecs * kLanes, cols - j);
      t.tail = width - (vecs - 1) * kLanes;
      t.b = b.data + j * b.panel;
      // A packed strip is as wide as its own vectors.
      t.b_row = b.stride != 0 ? b.stride : vecs * kLanes;
      t.a = a.data + (i / kRows) * a.panel;
      t.c = g.c + (i0 + i) * g.c_row + j0 + j;
      t.bias = !first || g.bias == nullptr ? nullptr
               : g.bias_per_row            ? g.bias + i0 + i
                                           : g.bias + j0 + j;
      RunTile(t, std::min<int64_t>(kRows, rows - i), vecs, t.tail != kLanes);
      vecs_left -= vecs;
      j += width;
    }
  }
}

template <class T>
void PackB(const GemmArgs<T>& g, int64_t p0, int64_t depth, int64_t j0, int64_t cols, T* to) {
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  int64_t vecs_left = (cols + kLanes - 1) / kLanes;
  for (int64_t j = 0; j < cols;) {
    const int64_t strip = StripVecs(vecs_left) * kLanes;
    const int64_t width = std::min(strip, cols - j);
    PackPanel(g.b + p0 * g.b_row + (j0 + j) * g.b_col, g.b_row, g.b_col, depth, width, strip,
              to + j * depth);
    vecs_left -= strip / kLanes;
    j += width;
  }
}

template <class T>
void PackA(const GemmArgs<T>& g, int64_t i0, int64_t rows, int64_t p0, int64_t depth, T* to) {
  const T* from = g.a + i0 * g.a_row + p0 * g.a_col;
  const int64_t whole = g.a_row == 1 ? rows / kRows * kRows : 0;
  // Adjacent rows: whole lines of the source feed all panels at once.
  const hn::CappedTag<T, kRows> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(decltype(d)()));
  for (int64_t k = 0; k < depth && whole > 0; ++k) {
    const T* f = from + k * g.a_col;
    T* t = to + k * kRows;
    for (int64_t i = 0; i < whole; i += kRows, t += kRows * depth) {
      for (int64_t q = 0; q < kRows; q += kLanes) hn::StoreU(hn::LoadU(d, f + i + q), d, t + q);
    }
  }
  for (int64_t i = whole; i < rows; i += kRows) {
    PackPanel(from + i * g.a_row, g.a_col, g.a_row, depth, std::min<int64_t>(kRows, rows - i),
              kRows, to + i * depth);
  }
}

int64_t RoundUp(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

// An operand read in place must be cheap to reach: adjacent columns (b), few rows' pages (a).
template <class T>
bool InPlaceA(const GemmArgs<T>& g) {
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  return g.n <= 2 * kVecs * kLanes || g.m * g.k * static_cast<int64_t>(sizeof(T)) <= 65536;
}
template <class T>
bool InPlaceB(const GemmArgs<T>& g) {
  // A stride of 0 would read as a packed strip.
  return g.b_col == 1 && g.b_row != 0 &&
         (g.m <= 2 * kRows || g.k * g.b_row * static_cast<int64_t>(sizeof(T)) <= 65536);
}

template <class T>
HWY_NOINLINE void Blocked(const GemmArgs<T>& g) {
  constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));
  const int64_t depth_block = std::min(g.k, kDepth);
  const int64_t col_block = std::min(g.n, kColBlock), row_block = std::min(g.m, kRowBlock);
  const bool a_in_place = InPlaceA(g), b_in_place = InPlaceB(g);
  constexpr int64_t kLocal = 4096 / sizeof(T);
  alignas(64) T local[kLocal];
  const int64_t a_count = a_in_place ? 0 : RoundUp(RoundUp(row_block, kRows) * depth_block, 16);
  const int64_t b_count = b_in_place ? 0 : RoundUp(col_block, kLanes) * depth_block;
  const bool small = a_count + b_count <= kLocal;
  Scratch<T> scratch(small ? 0 : static_cast<size_t>(a_count + b_count));
  T* const a_packed = small ? local : scratch.data();
  T* const b_packed = a_packed + a_count;
  for (int64_t p = 0; p < g.k; p += kDepth) {
    const int64_t depth = std::min(kDepth, g.k - p);
    for (int64_t j = 0; j < g.n; j += kColBlock) {
      const int64_t cols = std::min(kColBlock, g.n - j);
      Operand<T> b{g.b + p * g.b_row + j, g.b_row, 0, 1};
      if (!b_in_place) {
        PackB(g, p, depth, j, cols, b_packed);
        b = {b_packed, 0, 0, depth};
      }
      for (int64_t i = 0; i < g.m; i += kRowBlock) {
        const int64_t rows = std::min(kRowBlock, g.m - i);
        Operand<T> a{g.a + i * g.a_row + p * g.a_col, g.a_col, g.a_row, kRows * g.a_row};
        if (!a_in_place) {
          PackA(g, i, rows, p, depth, a_packed);
          a = {a_packed, kRows, 1, kRows * depth};
        }
        RunTiles(g, i, rows, j, cols, depth, a, b, p == 0);
      }
    }
  }
}

// All rows, as many at a time as there are registers for.
template <class T>
void AllDots(const GemmArgs<T>& g) {
  constexpr int64_t kDotRows = HWY_TARGET <= HWY_AVX3 ? 6 : 2;
  int64_t i = 0;
  for (; i + kDotRows <= g.m; i += kDotRows) DotRows<T, kDotRows>(g, i);
  switch (g.m - i) {
    case 0:
      return;
    case 1:
      return DotRows<T, 1>(g, i);
#if HWY_TARGET <= HWY_AVX3
    case 2:
      return DotRows<T, 2>(g, i);
    case 3:
      return DotRows<T, 3>(g, i);
    case 4:
      return DotRows<T, 4>(g, i);
    default:
      return DotRows<T, 5>(g, i);
#endif
  }
}

// Products of rows need no packing, which few rows or few columns do not repay (measured).
template <class T>
GemmWay Choose(const GemmArgs<T>& g) {
  if (g.a_col == 1 && g.b_row == 1 && (g.b_col != 1 || g.n == 1)) {
    const bool few = g.m <= 16 || g.n <= 16 || (g.m <= 32 && g.k >= 512);
    if (g.m <= 4 || (few && g.k >= 128 && g.k <= 1536)) return GemmWay::dots;
  }
  return g.m == 1 && g.b_col == 1 ? GemmWay::one_row : GemmWay::tiles;
}

template <class T>
void Gemm(const GemmArgs<T>& g) {
  const GemmWay way = g.way == GemmWay::choose ? Choose(g) : g.way;
  if (way == GemmWay::dots) return AllDots(g);
  if (way == GemmWay::one_row) return OneRow(g);
  if (g.k <= kDepth && InPlaceA(g) && InPlaceB(g)) {
    const Operand<T> a{g.a, g.a_col, g.a_row, kRows * g.a_row}, b{g.b, g.b_row, 0, 1};
    return RunTiles(g, 0, g.m, 0, g.n, g.k, a, b, true);
  }
  Blocked(g);
}

// The two entries, so that the target is looked up once.
const GemmTable* Table() {
  static constexpr GemmTable kTable{&Gemm<float>, &Gemm<double>, &Choose<float>, &Choose<double>};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(Table);

const GemmTable& table() {
  static const GemmTable& chosen = *HWY_DYNAMIC_DISPATCH(Table)();
  return chosen;
}

// Without k, or with nothing to scale, c only takes beta and the bias.
template <class T>
void scale_and_bias(const GemmArgs<T>& g) {
  for (int64_t i = 0; i < g.m; ++i) {
    T* c = g.c + i * g.c_row;
    for (int64_t j = 0; j < g.n; ++j) {
      T v = g.beta == T(0) ? T(0) : g.beta * c[j];
      if (g.bias != nullptr) v += g.bias[g.bias_per_row ? i : j];
      c[j] = v;
    }
  }
}

void call(const GemmArgs<float>& g) { table().single(g); }
void call(const GemmArgs<double>& g) { table().twice(g); }
GemmWay choose(const GemmArgs<float>& g) { return table().choose_single(g); }
GemmWay choose(const GemmArgs<double>& g) { return table().choose_twice(g); }

template <class T>
void run_serial(const GemmArgs<T>& g) {
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) return scale_and_bias(g);
  call(g);
}

// A cell of the result; every element keeps its order of summation.
template <class T>
GemmArgs<T> cell(const GemmArgs<T>& g, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
  GemmArgs<T> part = g;
  part.m = i1 - i0;
  part.n = j1 - j0;
  part.a += i0 * g.a_row;
  part.b += j0 * g.b_col;
  part.c += i0 * g.c_row + j0;
  if (g.bias != nullptr) part.bias += g.bias_per_row ? i0 : j0;
  return part;
}

// Below this many multiply-adds a second thread costs more than it brings.
constexpr int64_t kParallelWork = int64_t{1} << 20;
constexpr int64_t kUnit = 16;  // parts are whole in this many rows or columns

template <class T>
void run_parallel(const GemmArgs<T>& g) {
  int64_t work = 0;
  if (__builtin_mul_overflow(g.m * g.n, g.k, &work)) work = INT64_MAX;
  if (work < 2 * kParallelWork) return run_serial(g);
  const int64_t parts = std::min<int64_t>(get_num_threads(), work / kParallelWork);
  if (parts <= 1) return run_serial(g);
  // A grid of cells, as square as the number of parts allows, for the least packing.
  int64_t across = 1;
  for (int64_t c = 1; c <= parts; ++c) {
    if (parts % c != 0) continue;
    const auto cost = [&](int64_t q) { return g.m * q + g.n * (parts / q); };
    if (cost(c) < cost(across)) across = c;
  }
  const int64_t down = parts / across;
  GemmArgs<T> whole = g;
  whole.way = choose(g);
  const auto edge = [](int64_t size, int64_t part, int64_t of) {
    return part == of ? size : std::min(size, size * part / of / kUnit * kUnit);
  };
  parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      const int64_t r = part / across, c = part % across;
      gemm_serial(cell(whole, edge(g.m, r, down), edge(g.m, r + 1, down), edge(g.n, c, across),
                       edge(g.n, c + 1, across)));
    }
  });
}

}  // namespace

void gemm_serial(const GemmArgs<float>& g) { run_serial(g); }
void gemm_serial(const GemmArgs<double>& g) { run_serial(g); }
void gemm_parallel(const GemmArgs<float>& g) { run_parallel(g); }
void gemm_parallel(const GemmArgs<double>& g) { run_parallel(g); }

}  // namespace taper::cpu
#endif
