#include "taper/backend/cpu/pool2x2.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/pool2x2.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX3
using D = hn::ScalableTag<float>;
using V = hn::VFromD<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

HWY_INLINE hn::MFromD<D> First(int64_t n) {
  return hn::FirstN(D(), static_cast<size_t>(std::clamp<int64_t>(n, 0, kLanes)));
}

// `n` outputs, at most a vector of them: neighbours are parted by their place, even or odd.
HWY_INLINE void MaxVector(const float* top, const float* bottom, float* out, uint8_t* index,
                          int64_t n) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint8_t, D> db;
  const auto low = First(2 * n), high = First(2 * n - kLanes);
  const V a = hn::MaskedLoad(low, d, top), b = hn::MaskedLoad(high, d, top + kLanes);
  const V c = hn::MaskedLoad(low, d, bottom), e = hn::MaskedLoad(high, d, bottom + kLanes);
  const V v[4] = {hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a), hn::ConcatEven(d, e, c),
                  hn::ConcatOdd(d, e, c)};
  V best = v[0];
  auto where = hn::Zero(di);
#pragma GCC unroll 3
  for (int q = 1; q < 4; ++q) {
    const auto wins = hn::Or(hn::Gt(v[q], best), hn::IsNaN(v[q]));
    best = hn::IfThenElse(wins, v[q], best);
    where = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, q), where);
  }
  hn::BlendedStore(best, First(n), d, out);
  if (index == nullptr) return;
  hn::BlendedStore(hn::DemoteTo(db, where), hn::FirstN(db, static_cast<size_t>(n)), db, index);
}

HWY_INLINE void SpreadVector(const float* grad, const uint8_t* index, float* top, float* bottom,
                             int64_t n) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint8_t, D> db;
  const V g = hn::MaskedLoad(First(n), d, grad);
  const auto where =
      hn::PromoteTo(di, hn::MaskedLoad(hn::FirstN(db, static_cast<size_t>(n)), db, index));
  // Output x takes part j = x / 2 where that names x % 2, in the upper row, or 2 + x % 2.
  const auto count = hn::Iota(di, 0);
  const auto odd = hn::And(count, hn::Set(di, 1));
  for (int64_t half = 0; half < 2; ++half) {
    const int64_t left = 2 * n - half * kLanes;
    if (left <= 0) return;
    const auto source =
        hn::Add(hn::ShiftRight<1>(count), hn::Set(di, static_cast<int32_t>(half * kLanes / 2)));
    const auto lanes = hn::IndicesFromVec(d, source);
    const V wide = hn::TableLookupLanes(g, lanes);
    const auto place = hn::TableLookupLanes(where, hn::IndicesFromVec(di, source));
    const auto part = [&](int32_t first) HWY_ATTR {
      const auto mask = hn::Eq(place, hn::Add(odd, hn::Set(di, first)));
      return hn::IfThenElseZero(hn::RebindMask(d, mask), wide);
    };
    hn::BlendedStore(part(0), First(left), d, top + half * kLanes);
    hn::BlendedStore(part(2), First(left), d, bottom + half * kLanes);
  }
}

void MaxRow(const float* top, const float* bottom, float* out, uint8_t* index, int64_t count) {
  for (int64_t j = 0; j < count; j += kLanes) {
    MaxVector(top + 2 * j, bottom + 2 * j, out + j, index == nullptr ? nullptr : index + j,
              std::min(kLanes, count - j));
  }
}
void SpreadRow(const float* grad, const uint8_t* index, float* top, float* bottom, int64_t count) {
  for (int64_t j = 0; j < count; j += kLanes) {
    SpreadVector(grad + j, index + j, top + 2 * j, bottom + 2 * j, std::min(kLanes, count - j));
  }
}
#else
#if HWY_TARGET != HWY_SCALAR
template <class D>
HWY_INLINE void MaxVectors(D d, const float* top, const float* bottom, float* out, uint8_t* index,
                           int64_t count, int64_t& j) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint8_t, D> db;
  using V = hn::VFromD<D>;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
  for (; j + kLanes <= count; j += kLanes) {
    V v[4];
    hn::LoadInterleaved2(d, top + 2 * j, v[0], v[1]);
    hn::LoadInterleaved2(d, bottom + 2 * j, v[2], v[3]);
    V best = v[0];
    auto where = hn::Zero(di);
#pragma GCC unroll 3
    for (int q = 1; q < 4; ++q) {
      const auto wins = hn::Or(hn::Gt(v[q], best), hn::IsNaN(v[q]));
      best = hn::IfThenElse(wins, v[q], best);
      where = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, q), where);
    }
    hn::StoreU(best, d, out + j);
    if (index != nullptr) hn::StoreU(hn::DemoteTo(db, where), db, index + j);
  }
}

template <class D>
HWY_INLINE void SpreadVectors(D d, const float* grad, const uint8_t* index, float* top,
                              float* bottom, int64_t count, int64_t& j) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint8_t, D> db;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
  for (; j + kLanes <= count; j += kLanes) {
    const auto g = hn::LoadU(d, grad + j);
    const auto where = hn::PromoteTo(di, hn::LoadU(db, index + j));
    const auto part = [&](int q) HWY_ATTR {
      return hn::IfThenElseZero(hn::RebindMask(d, hn::Eq(where, hn::Set(di, q))), g);
    };
    hn::StoreInterleaved2(part(0), part(1), d, top + 2 * j);
    hn::StoreInterleaved2(part(2), part(3), d, bottom + 2 * j);
  }
}
#endif

void MaxRow(const float* top, const float* bottom, float* out, uint8_t* index, int64_t count) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  MaxVectors(hn::ScalableTag<float>(), top, bottom, out, index, count, j);
  MaxVectors(hn::CappedTag<float, 8>(), top, bottom, out, index, count, j);
  MaxVectors(hn::CappedTag<float, 4>(), top, bottom, out, index, count, j);
#endif
  for (; j < count; ++j) {
    const float v[4] = {top[2 * j], top[2 * j + 1], bottom[2 * j], bottom[2 * j + 1]};
    int best = 0;
    for (int q = 1; q < 4; ++q) {
      if (v[q] > v[best] || v[q] != v[q]) best = q;
    }
    out[j] = v[best];
    if (index != nullptr) index[j] = static_cast<uint8_t>(best);
  }
}

void SpreadRow(const float* grad, const uint8_t* index, float* top, float* bottom, int64_t count) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  SpreadVectors(hn::ScalableTag<float>(), grad, index, top, bottom, count, j);
  SpreadVectors(hn::CappedTag<float, 8>(), grad, index, top, bottom, count, j);
  SpreadVectors(hn::CappedTag<float, 4>(), grad, index, top, bottom, count, j);
#endif
  for (; j < count; ++j) {
    top[2 * j] = index[j] == 0 ? grad[j] : 0;
    top[2 * j + 1] = index[j] == 1 ? grad[j] : 0;
    bottom[2 * j] = index[j] == 2 ? grad[j] : 0;
    bottom[2 * j + 1] = index[j] == 3 ? grad[j] : 0;
  }
}

#endif

void MaxPlane(const float* in, int64_t in_row, float* out, int64_t out_row, uint8_t* index,
              int64_t rows, int64_t cols) {
  for (int64_t i = 0; i < rows; ++i, in += 2 * in_row, out += out_row) {
    MaxRow(in, in + in_row, out, index, cols);
    if (index != nullptr) index += cols;
  }
}
void SpreadPlane(const float* grad, int64_t grad_row, const uint8_t* index, float* to,
                 int64_t to_row, int64_t rows, int64_t cols) {
  for (int64_t i = 0; i < rows; ++i, grad += grad_row, index += cols, to += 2 * to_row) {
    SpreadRow(grad, index, to, to + to_row, cols);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {
HWY_EXPORT(MaxPlane);
HWY_EXPORT(SpreadPlane);
}  // namespace

void max_pool2x2_plane(const float* in, int64_t in_row, float* out, int64_t out_row, uint8_t* index,
                       int64_t rows, int64_t cols) {
  HWY_DYNAMIC_DISPATCH(MaxPlane)(in, in_row, out, out_row, index, rows, cols);
}
void max_pool2x2_spread_plane(const float* grad, int64_t grad_row, const uint8_t* index, float* to,
                              int64_t to_row, int64_t rows, int64_t cols) {
  HWY_DYNAMIC_DISPATCH(SpreadPlane)(grad, grad_row, index, to, to_row, rows, cols);
}

}  // namespace taper::cpu
#endif
