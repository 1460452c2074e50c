// Transposition of strips through the registers, in blocks of 128 bits. Included once per Highway
// target.
#if defined(TAPER_TRANSPOSE4_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_TRANSPOSE4_INL_H_
#undef TAPER_TRANSPOSE4_INL_H_
#else
#define TAPER_TRANSPOSE4_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// A vector whose 128-bit blocks come from rows `stride` apart.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::VFromD<D> LoadBlocks(D d, const T* p, int64_t stride) {
  if constexpr (sizeof(T) * hn::MaxLanes(D()) == 16) {
    return hn::LoadU(d, p);
  } else {
    const hn::Half<D> half;
    constexpr int64_t kBlocks = static_cast<int64_t>(hn::MaxLanes(half) * sizeof(T) / 16);
    return hn::Combine(d, LoadBlocks(half, p + kBlocks * stride, stride),
                       LoadBlocks(half, p, stride));
  }
}

// to[i * to_row + j] = from[j * from_row + i] for i < rows and one vector of j; returns the rows
// done. Each 128-bit block is transposed in place (4 x 4 floats or 2 x 2 doubles).
template <class D, class T = hn::TFromD<D>>
HWY_INLINE int64_t TransposeStrip(D d, const T* from, int64_t from_row, T* to, int64_t to_row,
                                  int64_t rows) {
  constexpr int64_t kBlock = 16 / sizeof(T);
  const int64_t next = kBlock * from_row;
  int64_t i = 0;
  for (; i + kBlock <= rows; i += kBlock) {
    const T* f = from + i;
    T* t = to + i * to_row;
    const auto a0 = LoadBlocks(d, f, next), a1 = LoadBlocks(d, f + from_row, next);
    if constexpr (sizeof(T) == 4) {
      const auto a2 = LoadBlocks(d, f + 2 * from_row, next);
      const auto a3 = LoadBlocks(d, f + 3 * from_row, next);
      const auto b0 = hn::InterleaveLower(d, a0, a2), b1 = hn::InterleaveLower(d, a1, a3);
      const auto b2 = hn::InterleaveUpper(d, a0, a2), b3 = hn::InterleaveUpper(d, a1, a3);
      hn::StoreU(hn::InterleaveLower(d, b0, b1), d, t);
      hn::StoreU(hn::InterleaveUpper(d, b0, b1), d, t + to_row);
      hn::StoreU(hn::InterleaveLower(d, b2, b3), d, t + 2 * to_row);
      hn::StoreU(hn::InterleaveUpper(d, b2, b3), d, t + 3 * to_row);
    } else {
      hn::StoreU(hn::InterleaveLower(d, a0, a1), d, t);
      hn::StoreU(hn::InterleaveUpper(d, a0, a1), d, t + to_row);
    }
  }
  return i;
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();
#endif
