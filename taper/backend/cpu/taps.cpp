#include "taper/backend/cpu/taps.h"

#include <algorithm>

#include "taper/backend/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/taps.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace {

using D = hn::CappedTag<float, 16>;
using V = hn::VFromD<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

// Accumulators fill the registers: filters x vectors of pixels, and filters x taps.
#if HWY_TARGET <= HWY_AVX3
constexpr int kFilters = 8, kVecs = 3;
constexpr int kSumFilters = 3, kSumTaps = 9;
#else
constexpr int kFilters = 4, kVecs = 2;
constexpr int kSumFilters = 2, kSumTaps = 5;
#endif

HWY_INLINE void StoreFirst(V v, float* to, int64_t n) {
  const D d;
  if (n >= kLanes) return hn::StoreU(v, d, to);
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(n)), d, to);
#else
  HWY_ALIGN float lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  std::copy_n(lanes, n, to);
#endif
}

HWY_INLINE V LoadFirst(const float* from, int64_t n) {
  const D d;
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(n)), d, from);
#else
  HWY_ALIGN float lanes[hn::MaxLanes(D())] = {};
  std::copy_n(from, n, lanes);
  return hn::Load(d, lanes);
#endif
}

// Keeps a loaded vector in its register: GCC would rather load it again for each of its uses, and
// unaligned loads are what bounds these loops.
HWY_INLINE V InRegister(V v) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC_ACTUAL
  asm("" : "+v"(v.raw));
#endif
  return v;
}

// N vectors of pixels from p on, of kFilters filters from k on.
template <int N>
HWY_INLINE void ForwardTile(const TapPlanes& x, const float* weight, const float* bias,
                            int64_t filters, int64_t k, int64_t p, float* out, int64_t stride) {
  const D d;
  const int64_t padded = tap_filters(filters);
  V acc[kFilters][N];
#pragma GCC unroll 8
  for (int i = 0; i < kFilters; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) acc[i][j] = hn::Set(d, bias[k + i]);
  }
  for (int64_t tap = 0; tap < x.taps; ++tap) {
    const float* pixels = x.planes + x.offset[tap] + p;
    const float* w = weight + tap * padded + k;
    V v[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) v[j] = InRegister(hn::LoadU(d, pixels + j * kLanes));
#pragma GCC unroll 8
    for (int i = 0; i < kFilters; ++i) {
      const V s = hn::Set(d, w[i]);
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) acc[i][j] = hn::MulAdd(s, v[j], acc[i][j]);
    }
  }
  const int64_t tail = x.pixels - p - (N - 1) * kLanes;
#pragma GCC unroll 8
  for (int i = 0; i < kFilters; ++i) {
    if (k + i >= filters) break;
    float* to = out + (k + i) * stride + p;
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      hwy::Prefetch(to + kFilters * stride + j * kLanes);
      StoreFirst(acc[i][j], to + j * kLanes, j == N - 1 ? tail : kLanes);
    }
  }
}

}  // namespace

void Forward(const TapPlanes& x, const float* weight, const float* bias, int64_t filters,
             float* out, int64_t stride) {
  for (int64_t k = 0; k < filters; k += kFilters) {
    int64_t p = 0;
    for (; p + (kVecs - 1) * kLanes < x.pixels; p += kVecs * kLanes) {
      ForwardTile<kVecs>(x, weight, bias, filters, k, p, out, stride);
    }
    for (; p < x.pixels; p += kLanes) ForwardTile<1>(x, weight, bias, filters, k, p, out, stride);
  }
}

namespace {

// sums[k, tap] of R filters and T taps.
template <int R, int T>
HWY_INLINE void GradientTile(const TapPlanes& x, int64_t tap, const float* grad, int64_t stride,
                             float* sums, int64_t sums_stride) {
  const D d;
  V acc[R][T];
  const float* from[T];
  // Memory holds 16 lanes; narrower vectors use the first ones.
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) {
    from[t] = x.planes + x.offset[tap + t];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) acc[i][t] = hn::LoadU(d, sums + i * sums_stride + t * kTapLanes);
  }
  int64_t p = 0;
  const auto step = [&](auto load) HWY_ATTR {
    V g[R];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      // The next filters' planes: far away, and too short for the hardware to foresee them.
      hwy::Prefetch(grad + (R + i) * stride + p);
      g[i] = load(grad + i * stride + p);
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const V v = InRegister(hn::LoadU(d, from[t] + p));
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) acc[i][t] = hn::MulAdd(g[i], v, acc[i][t]);
    }
  };
  for (; p + kLanes <= x.pixels; p += kLanes) {
    step([d](const float* at) HWY_ATTR { return hn::LoadU(d, at); });
  }
  if (p < x.pixels) {
    const int64_t rest = x.pixels - p;
    step([rest](const float* at) HWY_ATTR { return LoadFirst(at, rest); });
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) hn::StoreU(acc[i][t], d, sums + i * sums_stride + t * kTapLanes);
  }
}

template <int R, int T>
HWY_NOINLINE void GradientTaps(const TapPlanes& x, int64_t tap, int64_t taps, const float* grad,
                               int64_t stride, float* sums, int64_t sums_stride) {
  if constexpr (T > 1) {
    if (taps < T) return GradientTaps<R, T - 1>(x, tap, taps, grad, stride, sums, sums_stride);
  }
  GradientTile<R, T>(x, tap, grad, stride, sums, sums_stride);
}

template <int R>
void GradientRows(const TapPlanes& x, const float* grad, int64_t stride, float* sums, float* bias) {
  const D d;
  // The taps in groups of nearly equal size.
  const int64_t groups = (x.taps + kSumTaps - 1) / kSumTaps;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t tap = x.taps * g / groups;
    GradientTaps<R, kSumTaps>(x, tap, x.taps * (g + 1) / groups - tap, grad, stride,
                              sums + tap * kTapLanes, x.taps * kTapLanes);
  }
  for (int i = 0; i < R; ++i) {
    const float* from = grad + i * stride;
    V even = hn::LoadU(d, bias + i * kTapLanes), odd = hn::Zero(d);
    int64_t p = 0;
    for (; p + 2 * kLanes <= x.pixels; p += 2 * kLanes) {
      even = hn::Add(even, hn::LoadU(d, from + p));
      odd = hn::Add(odd, hn::LoadU(d, from + p + kLanes));
    }
    for (; p < x.pixels; p += kLanes) {
      even = hn::Add(even, LoadFirst(from + p, std::min(kLanes, x.pixels - p)));
    }
    hn::StoreU(hn::Add(even, odd), d, bias + i * kTapLanes);
  }
}

}  // namespace

void Gradient(const TapPlanes& x, const float* grad, int64_t stride, int64_t filters, float* sums,
              float* bias) {
  int64_t k = 0;
  for (; k + kSumFilters <= filters; k += kSumFilters) {
    GradientRows<kSumFilters>(x, grad + k * stride, stride, sums + k * x.taps * kTapLanes,
                              bias + k * kTapLanes);
  }
  for (; k < filters; ++k) {
    GradientRows<1>(x, grad + k * stride, stride, sums + k * x.taps * kTapLanes,
                    bias + k * kTapLanes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {
HWY_EXPORT(Forward);
HWY_EXPORT(Gradient);
}  // namespace

void taps_forward(const TapPlanes& x, const float* weight, const float* bias, int64_t filters,
                  float* out, int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(Forward)(x, weight, bias, filters, out, out_stride);
}
void taps_gradient(const TapPlanes& x, const float* grad, int64_t grad_stride, int64_t filters,
                   float* sums, float* bias) {
  HWY_DYNAMIC_DISPATCH(Gradient)(x, grad, grad_stride, filters, sums, bias);
}

}  // namespace taper::cpu
#endif
