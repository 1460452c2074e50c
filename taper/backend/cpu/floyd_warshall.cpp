#include "taper/kernel/floyd_warshall.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "taper/backend/cpu/scratch.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/floyd_warshall.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef TAPER_FLOYD_WARSHALL_ONCE_
#define TAPER_FLOYD_WARSHALL_ONCE_
namespace taper::cpu {

/// Nodes that paths may pass through from one step to the next, and columns that n is padded to.
constexpr int64_t kBlock = 64;
/// Columns of a packed tile: 256 bytes, the widest that stays in registers.
template <class T>
constexpr int64_t kTile = 256 / static_cast<int64_t>(sizeof(T));
/// The type of predecessors: as wide as the distances, so that one mask chooses both.
template <class T>
using Before = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

/// Distances and the predecessors that go with them; the latter are null when nobody asks.
template <class T>
struct Paths {
  T* to = nullptr;
  Before<T>* before = nullptr;

  Paths at(int64_t i) const { return {to + i, before == nullptr ? nullptr : before + i}; }
};

/// c[i, j] = min(c[i, j], a[i, k] + b[k, j]) over `depth` k for `rows` rows and the columns of one
/// tile. b is packed, [depth, kTile].
template <class T>
struct MinPlusArgs {
  int64_t rows, depth;
  const T* a;
  int64_t a_row;
  Paths<T> b, c;
  int64_t c_row;
};

/// The nodes of one block, in place: d and its rows begin at the block's first node.
template <class T>
struct CloseArgs {
  int64_t nodes;
  Paths<T> d;
  int64_t row;
};

}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));

/// Where a sum is less than c, takes it, and its predecessors. A NaN, which only negative cycles
/// make, never is less.
template <bool kBefore, class D, class V, class P>
HWY_INLINE void keep_less(D, V sum, P sum_before, V& c, P& c_before) {
  if constexpr (kBefore) {
    const auto less = hn::Lt(sum, c);
    c = hn::IfThenElse(less, sum, c);
    c_before = hn::IfThenElse(hn::RebindMask(hn::RebindToSigned<D>(), less), sum_before, c_before);
  } else {
    c = hn::Min(sum, c);
  }
}

/// kR rows and kV vectors of a tile, in registers over all k.
template <bool kBefore, int kR, int kV, class T>
HWY_INLINE void min_plus_registers(const MinPlusArgs<T>& x, int64_t i, int64_t column) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  hn::Vec<decltype(d)> c[kR][kV];
  hn::Vec<decltype(di)> p[kR][kV];
#pragma GCC unroll 8
  for (int r = 0; r < kR; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kV; ++v) {
      const Paths<T> from = x.c.at((i + r) * x.c_row + column + v * kLanes<T>);
      c[r][v] = hn::LoadU(d, from.to);
      p[r][v] = hn::Zero(di);
      if constexpr (kBefore) p[r][v] = hn::LoadU(di, from.before);
    }
  }
  for (int64_t k = 0; k < x.depth; ++k) {
    hn::Vec<decltype(d)> b[kV];
    hn::Vec<decltype(di)> q[kV];
#pragma GCC unroll 8
    for (int v = 0; v < kV; ++v) {
      const Paths<T> from = x.b.at(k * kTile<T> + column + v * kLanes<T>);
      b[v] = hn::Load(d, from.to);
      q[v] = hn::Zero(di);
      if constexpr (kBefore) q[v] = hn::Load(di, from.before);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kR; ++r) {
      const auto a = hn::Set(d, x.a[(i + r) * x.a_row + k]);
#pragma GCC unroll 8
      for (int v = 0; v < kV; ++v) {
        keep_less<kBefore>(d, hn::Add(a, b[v]), q[v], c[r][v], p[r][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kR; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kV; ++v) {
      const Paths<T> into = x.c.at((i + r) * x.c_row + column + v * kLanes<T>);
      hn::StoreU(c[r][v], d, into.to);
      if constexpr (kBefore) hn::StoreU(p[r][v], di, into.before);
    }
  }
}

// Sums in registers: 6 x 4 of 32 with AVX-512, else 3 x 4 of 16; with predecessors half of that.
#if HWY_TARGET <= HWY_AVX3
constexpr int kRows = 6, kVectors = 4, kRowsBefore = 3, kVectorsBefore = 4;
#else
constexpr int kRows = 3, kVectors = 4, kRowsBefore = 2, kVectorsBefore = 2;
#endif

template <bool kBefore, class T>
HWY_INLINE void min_plus(const MinPlusArgs<T>& x) {
  constexpr int kR = kBefore ? kRowsBefore : kRows;
  constexpr int kV = kBefore ? kVectorsBefore : kVectors;
  for (int64_t column = 0; column < kTile<T>; column += kV * kLanes<T>) {
    int64_t i = 0;
    for (; i + kR <= x.rows; i += kR) min_plus_registers<kBefore, kR, kV>(x, i, column);
    for (; i < x.rows; ++i) min_plus_registers<kBefore, 1, kV>(x, i, column);
  }
}

template <bool kBefore, class T>
HWY_INLINE void close(const CloseArgs<T>& x) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  for (int64_t k = 0; k < x.nodes; ++k) {
    for (int64_t i = 0; i < x.nodes; ++i) {
      if (i == k) continue;
      const auto a = hn::Set(d, x.d.to[i * x.row + k]);
      for (int64_t j = 0; j < kBlock; j += kLanes<T>) {
        const Paths<T> from = x.d.at(k * x.row + j), into = x.d.at(i * x.row + j);
        auto c = hn::LoadU(d, into.to);
        auto p = hn::Zero(di), q = p;
        if constexpr (kBefore) p = hn::LoadU(di, into.before), q = hn::LoadU(di, from.before);
        keep_less<kBefore>(d, hn::Add(a, hn::LoadU(d, from.to)), q, c, p);
        hn::StoreU(c, d, into.to);
        if constexpr (kBefore) hn::StoreU(p, di, into.before);
      }
    }
  }
}

void min_plus_f32(const MinPlusArgs<float>& x) {
  x.c.before == nullptr ? min_plus<false>(x) : min_plus<true>(x);
}
void min_plus_f64(const MinPlusArgs<double>& x) {
  x.c.before == nullptr ? min_plus<false>(x) : min_plus<true>(x);
}
void close_f32(const CloseArgs<float>& x) {
  x.d.before == nullptr ? close<false>(x) : close<true>(x);
}
void close_f64(const CloseArgs<double>& x) {
  x.d.before == nullptr ? close<false>(x) : close<true>(x);
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(min_plus_f32);
HWY_EXPORT(min_plus_f64);
HWY_EXPORT(close_f32);
HWY_EXPORT(close_f64);

void run(const MinPlusArgs<float>& x) { HWY_DYNAMIC_DISPATCH(min_plus_f32)(x); }
void run(const MinPlusArgs<double>& x) { HWY_DYNAMIC_DISPATCH(min_plus_f64)(x); }
void run(const CloseArgs<float>& x) { HWY_DYNAMIC_DISPATCH(close_f32)(x); }
void run(const CloseArgs<double>& x) { HWY_DYNAMIC_DISPATCH(close_f64)(x); }

/// The matrix with rows padded to whole blocks, so that no vector is cut.
template <class T>
class Matrix {
 public:
  Matrix(int64_t n, T* distances, Before<T>* predecessors)
      : n_(n),
        // One line more than the block needs: rows a power of two apart share few cache sets.
        row_((n + kBlock - 1) / kBlock * kBlock + 64 / static_cast<int64_t>(sizeof(T))),
        given_{distances, predecessors},
        to_(static_cast<size_t>(n * row_)),
        before_(predecessors == nullptr ? 0 : static_cast<size_t>(n * row_)),
        panel_to_(static_cast<size_t>(kBlock * row_)),
        panel_before_(predecessors == nullptr ? 0 : static_cast<size_t>(kBlock * row_)),
        all_{to_.data(), before_.data()} {}

  void solve() {
    each_row([&](int64_t i) {
      const Paths<T> from = given_.at(i * n_), into = all_.at(i * row_);
      std::copy_n(from.to, n_, into.to);
      std::fill(into.to + n_, into.to + row_, std::numeric_limits<T>::infinity());
      if (into.before == nullptr) return;
      std::copy_n(from.before, n_, into.before);
      std::fill(into.before + n_, into.before + row_, Before<T>(0));
    });
    through_all_blocks();
    each_row([&](int64_t i) {
      const Paths<T> from = all_.at(i * row_), into = given_.at(i * n_);
      std::copy_n(from.to, n_, into.to);
      if (into.before != nullptr) std::copy_n(from.before, n_, into.before);
    });
  }

 private:
  /// The packed rows of the block: tile by tile, [kBlock, kTile] each.
  Paths<T> panel(int64_t tile) const {
    return Paths<T>{panel_to_.data(), panel_before_.data()}.at(tile * kBlock * kTile<T>);
  }
  int64_t tiles() const { return (n_ + kTile<T> - 1) / kTile<T>; }

  template <class Copy>
  void each_row(const Copy& copy) {
    parallel_for(0, n_, 1 + 32768 / n_, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) copy(i);
    });
  }

  int64_t blocks() const { return (n_ + kBlock - 1) / kBlock; }

  /// The work in steps of one block, and a step in three phases: paths between the block's nodes,
  /// paths from them, one task a tile, then paths to them and all others, one task a block of rows.
  /// Tasks are taken in this order by whichever thread is free, and begin when all of the phases
  /// before are done: a thread that gets no processor delays nobody, as it would with a team that
  /// meets after every phase.
  void through_all_blocks() {
    const int64_t to_rows = 1 + tiles(), per_step = to_rows + blocks(), all = blocks() * per_step;
    std::atomic<int64_t> next{0}, done{0};
    const int64_t parts = n_ < 2 * kBlock ? 1 : std::min<int64_t>(blocks(), get_num_threads());
    parallel_for(0, parts, 1, [&](int64_t, int64_t) {
      for (int64_t i = next++; i < all; i = next++) {
        const int64_t first = i / per_step * kBlock, task = i % per_step;
        const int64_t before = i - task + (task == 0 ? 0 : task < to_rows ? 1 : to_rows);
        while (done.load(std::memory_order_acquire) < before) std::this_thread::yield();
        if (task == 0) {
          run(CloseArgs<T>{depth_of(first), all_.at(first * row_ + first), row_});
        } else if (task < to_rows) {
          tile_from_block(first, task - 1);
        } else {
          block_of_rows(first, (task - to_rows) * kBlock);
        }
        done.fetch_add(1, std::memory_order_acq_rel);
      }
    });
  }

  int64_t depth_of(int64_t first) const { return std::min(kBlock, n_ - first); }
  /// Whether the tile's columns are nodes of the block.
  static bool is_own(int64_t first, int64_t tile) {
    return tile * kTile<T> / kBlock == first / kBlock;
  }

  void tile_from_block(int64_t first, int64_t tile) {
    const int64_t depth = depth_of(first);
    pack(first, depth, tile);
    if (is_own(first, tile)) return;
    run(MinPlusArgs<T>{depth, depth, all_.at(first * row_ + first).to, row_, panel(tile),
                       all_.at(first * row_ + tile * kTile<T>), row_});
    pack(first, depth, tile);
  }

  void block_of_rows(int64_t first, int64_t i) {
    if (i == first) return;
    const int64_t depth = depth_of(first), rows = depth_of(i);
    // The ways to the block, as they were: they are read while they are written.
    alignas(64) T old[kBlock * kBlock];
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(all_.at((i + r) * row_ + first).to, depth, old + r * kBlock);
    }
    for (const bool own : {true, false}) {
      const Paths<T> ways = all_.at(i * row_ + first);
      for (int64_t tile = 0; tile < tiles(); ++tile) {
        if (is_own(first, tile) != own) continue;
        run(MinPlusArgs<T>{rows, depth, own ? old : ways.to, own ? kBlock : row_, panel(tile),
                           all_.at(i * row_ + tile * kTile<T>), row_});
      }
    }
  }

  void pack(int64_t first, int64_t depth, int64_t tile) {
    for (int64_t k = 0; k < depth; ++k) {
      const Paths<T> from = all_.at((first + k) * row_ + tile * kTile<T>);
      const Paths<T> into = panel(tile).at(k * kTile<T>);
      std::copy_n(from.to, kTile<T>, into.to);
      if (into.before != nullptr) std::copy_n(from.before, kTile<T>, into.before);
    }
  }

  int64_t n_, row_;
  Paths<T> given_;
  Scratch<T> to_;
  Scratch<Before<T>> before_;
  Scratch<T> panel_to_;
  Scratch<Before<T>> panel_before_;
  Paths<T> all_;
};

}  // namespace

void floyd_warshall(View distances, View predecessors) {
  const int64_t n = distances.size(0);
  if (n == 0) return;
  const auto solve = [&](auto zero) {
    using T = decltype(zero);
    Matrix<T>(n, distances.data<T>(),
              predecessors.defined() ? predecessors.data<Before<T>>() : nullptr)
        .solve();
  };
  distances.dtype() == kFloat ? solve(float()) : solve(double());
}

}  // namespace taper::cpu
#endif
