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

#if HWY_TARGET != HWY_SCALAR
namespace {

/// The largest of the four values of each window, the first of equal ones or a NaN, and its number.
template <class D, class V, class I>
HWY_INLINE void Largest(D, const V (&v)[4], V& best, I& where) {
  const hn::RebindToSigned<D> di;
  best = v[0];
  where = hn::Zero(di);
#pragma GCC unroll 3
  for (int q = 1; q < 4; ++q) {
    const auto wins = hn::Or(hn::Gt(v[q], best), hn::IsNaN(v[q]));
    best = hn::IfThenElse(wins, v[q], best);
    where = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, q), where);
  }
}

}  // namespace
#endif

#if HWY_TARGET <= HWY_AVX3
namespace {

using D = hn::ScalableTag<float>;
using V = hn::VFromD<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

using DB = hn::Rebind<uint8_t, D>;

/// The lanes in use when a vector of outputs holds n of them: of the outputs, their indices, and
/// the two vectors of a row of inputs.
struct Lanes {
  hn::MFromD<D> out, low, high;
  hn::MFromD<DB> index;
  bool wide;  // high is not empty
  explicit Lanes(int64_t n)
      : out(First(n)),
        low(First(2 * n)),
        high(First(2 * n - kLanes)),
        index(hn::FirstN(DB(), static_cast<size_t>(n))),
        wide(2 * n > kLanes) {}
  static hn::MFromD<D> First(int64_t n) {
    return hn::FirstN(D(), static_cast<size_t>(std::clamp<int64_t>(n, 0, kLanes)));
  }
};

// Neighbours are parted by their place, even or odd.
HWY_INLINE void MaxVector(const float* top, const float* bottom, float* out, uint8_t* index,
                          const Lanes& lanes) {
  const D d;
  const V a = hn::MaskedLoad(lanes.low, d, top), b = hn::MaskedLoad(lanes.high, d, top + kLanes);
  const V c = hn::MaskedLoad(lanes.low, d, bottom);
  const V e = hn::MaskedLoad(lanes.high, d, bottom + kLanes);
  const V v[4] = {hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a), hn::ConcatEven(d, e, c),
                  hn::ConcatOdd(d, e, c)};
  V best;
  hn::VFromD<hn::RebindToSigned<D>> where;
  Largest(D(), v, best, where);
  hn::BlendedStore(best, lanes.out, d, out);
  if (index != nullptr) hn::BlendedStore(hn::DemoteTo(DB(), where), lanes.index, DB(), index);
}

HWY_INLINE void SpreadVector(const float* grad, const uint8_t* index, float* top, float* bottom,
                             const Lanes& lanes) {
  const D d;
  const hn::RebindToSigned<D> di;
  const V g = hn::MaskedLoad(lanes.out, d, grad);
  const auto where = hn::PromoteTo(di, hn::MaskedLoad(lanes.index, DB(), index));
  // Output x takes part j = x / 2 where that names x % 2, in the upper row, or 2 + x % 2.
  const auto count = hn::Iota(di, 0);
  const auto odd = hn::And(count, hn::Set(di, 1));
  const auto half = [&](int32_t first, hn::MFromD<D> used) HWY_ATTR {
    const auto source = hn::Add(hn::ShiftRight<1>(count), hn::Set(di, first / 2));
    const V wide = hn::TableLookupLanes(g, hn::IndicesFromVec(d, source));
    const auto place = hn::TableLookupLanes(where, hn::IndicesFromVec(di, source));
    const auto part = [&](int32_t row) HWY_ATTR {
      const auto mask = hn::Eq(place, hn::Add(odd, hn::Set(di, 2 * row)));
      return hn::IfThenElseZero(hn::RebindMask(d, mask), wide);
    };
    hn::BlendedStore(part(0), used, d, top + first);
    hn::BlendedStore(part(1), used, d, bottom + first);
  };
  half(0, lanes.low);
  if (lanes.wide) half(static_cast<int32_t>(kLanes), lanes.high);
}

}  // namespace

void MaxPlane(const float* in, int64_t in_row, float* out, int64_t out_row, uint8_t* index,
              int64_t rows, int64_t cols) {
  const Lanes all(kLanes), rest(cols % kLanes);
  const int64_t whole = cols / kLanes * kLanes;
  for (int64_t i = 0; i < rows; ++i, in += 2 * in_row, out += out_row) {
    for (int64_t j = 0; j < whole; j += kLanes) {
      MaxVector(in + 2 * j, in + in_row + 2 * j, out + j, index == nullptr ? nullptr : index + j,
                all);
    }
    if (whole < cols) {
      MaxVector(in + 2 * whole, in + in_row + 2 * whole, out + whole,
                index == nullptr ? nullptr : index + whole, rest);
    }
    if (index != nullptr) index += cols;
  }
}
void SpreadPlane(const float* grad, int64_t grad_row, const uint8_t* index, float* to,
                 int64_t to_row, int64_t rows, int64_t cols) {
  const Lanes all(kLanes), rest(cols % kLanes);
  const int64_t whole = cols / kLanes * kLanes;
  for (int64_t i = 0; i < rows; ++i, grad += grad_row, index += cols, to += 2 * to_row) {
    for (int64_t j = 0; j < whole; j += kLanes) {
      SpreadVector(grad + j, index + j, to + 2 * j, to + to_row + 2 * j, all);
    }
    if (whole < cols) {
      SpreadVector(grad + whole, index + whole, to + 2 * whole, to + to_row + 2 * whole, rest);
    }
  }
}
#else
namespace {

#if HWY_TARGET != HWY_SCALAR
template <class D>
HWY_INLINE void MaxVectors(D d, const float* top, const float* bottom, float* out, uint8_t* index,
                           int64_t count, int64_t& j) {
  const hn::Rebind<uint8_t, D> db;
  using V = hn::VFromD<D>;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
  for (; j + kLanes <= count; j += kLanes) {
    V v[4];
    hn::LoadInterleaved2(d, top + 2 * j, v[0], v[1]);
    hn::LoadInterleaved2(d, bottom + 2 * j, v[2], v[3]);
    V best;
    hn::VFromD<hn::RebindToSigned<D>> where;
    Largest(d, v, best, where);
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

}  // namespace

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
#endif

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
