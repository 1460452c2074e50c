#pragma once

#include <algorithm>

#include "taper/base/array_ref.h"
#include "taper/base/parallel.h"

namespace taper::cpu {

/// Elements of work below which a second thread does not pay.
inline constexpr int64_t kRowsGrain = 1 << 15;

inline int64_t product(IntArrayRef sizes) {
  int64_t n = 1;
  for (int64_t size : sizes) n *= size;
  return n;
}

/// Rows of a shape: all dimensions but the last.
inline int64_t count_rows(IntArrayRef sizes) {
  return sizes.empty() ? 1 : product(sizes.slice(0, sizes.size() - 1));
}
inline int64_t last_of(IntArrayRef values, int64_t none) {
  return values.empty() ? none : values.back();
}

/// Calls f(at) for the rows [first, last) in order; at[k] is the row's start by the k-th strides.
template <size_t N, class F>
void for_rows(IntArrayRef sizes, const IntArrayRef (&strides)[N], int64_t first, int64_t last,
              F&& f) {
  const int64_t outer = std::max<int64_t>(static_cast<int64_t>(sizes.size()) - 1, 0);
  DimVector index(outer, 0);
  int64_t at[N] = {};
  int64_t rest = first;
  for (int64_t d = outer - 1; d >= 0 && rest > 0; --d) {
    index[d] = rest % sizes[d];
    rest /= sizes[d];
    for (size_t k = 0; k < N; ++k) at[k] += index[d] * strides[k][d];
  }
  for (int64_t row = first; row < last; ++row) {
    f(at);
    for (int64_t d = outer - 1; d >= 0; --d) {
      for (size_t k = 0; k < N; ++k) at[k] += strides[k][d];
      if (++index[d] < sizes[d]) break;
      for (size_t k = 0; k < N; ++k) at[k] -= sizes[d] * strides[k][d];
      index[d] = 0;
    }
  }
}

/// All rows of a shape, in order, on this thread.
template <size_t N, class F>
void for_all_rows(IntArrayRef sizes, const IntArrayRef (&strides)[N], F&& f) {
  if (last_of(sizes, 1) == 0) return;
  for_rows<N>(sizes, strides, 0, count_rows(sizes), f);
}

/// All rows of a shape, split over the threads.
template <size_t N, class F>
void parallel_rows(IntArrayRef sizes, const IntArrayRef (&strides)[N], F&& f) {
  const int64_t row = last_of(sizes, 1);
  if (row == 0) return;
  parallel_for(0, count_rows(sizes), std::max<int64_t>(kRowsGrain / row, 1),
               [&](int64_t first, int64_t last) { for_rows<N>(sizes, strides, first, last, f); });
}

/// An element of 16 bytes for code that only moves elements and masks them in bits.
struct Bits128 {
  uint64_t low, high;
  Bits128(uint64_t both = 0) : low(both), high(both) {}
  Bits128(uint64_t l, uint64_t h) : low(l), high(h) {}
  Bits128 operator-() const { return {0 - low, 0 - high}; }
  Bits128 operator~() const { return {~low, ~high}; }
  Bits128 operator&(const Bits128& o) const { return {low & o.low, high & o.high}; }
  Bits128 operator|(const Bits128& o) const { return {low | o.low, high | o.high}; }
};

/// Calls f with a value of an unsigned type of this many bytes: for code that only moves elements.
template <class F>
void visit_size(int64_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(uint8_t());
    case 2:
      return f(uint16_t());
    case 4:
      return f(uint32_t());
    case 8:
      return f(uint64_t());
    default:
      return f(Bits128());
  }
}

}  // namespace taper::cpu
