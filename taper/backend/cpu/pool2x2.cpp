#include "taper/backend/cpu/pool2x2.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/pool2x2.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {
HWY_EXPORT(MaxRow);
HWY_EXPORT(SpreadRow);
}  // namespace

void max_pool2x2_row(const float* top, const float* bottom, float* out, uint8_t* index,
                     int64_t count) {
  HWY_DYNAMIC_DISPATCH(MaxRow)(top, bottom, out, index, count);
}
void max_pool2x2_spread_row(const float* grad, const uint8_t* index, float* top, float* bottom,
                            int64_t count) {
  HWY_DYNAMIC_DISPATCH(SpreadRow)(grad, index, top, bottom, count);
}

}  // namespace taper::cpu
#endif
