#include "taper/backend/cpu/convert.h"

#include <cstring>

#include "taper/backend/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/convert.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/core/convert.h"

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// By value, not through Half's functions, so that the compiler sees one loop to vectorise.
template <class To, class From>
void convert_loop(void* to, const void* from, int64_t n) {
  auto* HWY_RESTRICT t = static_cast<To*>(to);
  const auto* HWY_RESTRICT f = static_cast<const From*>(from);
  for (int64_t i = 0; i < n; ++i) t[i] = convert<To>(f[i]);
}

#if HWY_TARGET != HWY_SCALAR
// The hardware's conversions keep a NaN's payload; core/half.h gives one quiet NaN per sign, and
// so must every path: such lanes, rare, go through it.
void half_from_float(void* to, const void* from, int64_t n) {
  auto* t = static_cast<Half*>(to);
  const auto* f = static_cast<const float*>(from);
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, f + i);
    if (HWY_LIKELY(hn::AllFalse(d, hn::IsNaN(v)))) {
      hn::StoreU(hn::DemoteTo(dh, v), dh, reinterpret_cast<hwy::float16_t*>(t + i));
    } else {
      convert_loop<Half, float>(t + i, f + i, lanes);
    }
  }
  convert_loop<Half, float>(t + i, f + i, n - i);
}
void float_from_half(void* to, const void* from, int64_t n) {
  auto* t = static_cast<float*>(to);
  const auto* f = static_cast<const Half*>(from);
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(f + i)));
    if (HWY_LIKELY(hn::AllFalse(d, hn::IsNaN(v)))) {
      hn::StoreU(v, d, t + i);
    } else {
      convert_loop<float, Half>(t + i, f + i, lanes);
    }
  }
  convert_loop<float, Half>(t + i, f + i, n - i);
}
#endif

template <class To, class From>
cpu::ConvertFn pick() {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (std::is_same_v<To, Half> && std::is_same_v<From, float>) return half_from_float;
  if constexpr (std::is_same_v<To, float> && std::is_same_v<From, Half>) return float_from_half;
#endif
  return convert_loop<To, From>;
}

cpu::ConvertFn find(ScalarType to, ScalarType from) {
  return visit_dtype(to, [from](auto t) {
    return visit_dtype(from, [](auto f) { return pick<decltype(t), decltype(f)>(); });
  });
}

template <class T>
void gather_loop(T* HWY_RESTRICT to, const char* HWY_RESTRICT from, int64_t stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) std::memcpy(to + i, from + i * stride, sizeof(T));
}
template <class T>
void scatter_loop(char* HWY_RESTRICT to, int64_t stride, const T* HWY_RESTRICT from, int64_t n) {
  for (int64_t i = 0; i < n; ++i) std::memcpy(to + i * stride, from + i, sizeof(T));
}
// An element of 16 bytes.
struct Pair {
  uint64_t words[2];
};
template <class T>
void splat_loop(T* to, const void* value, int64_t n) {
  T v;
  std::memcpy(&v, value, sizeof v);
  for (int64_t i = 0; i < n; ++i) to[i] = v;
}

}  // namespace

cpu::ConvertFn convert_fn(ScalarType to, ScalarType from) { return find(to, from); }

void gather(void* to, const char* from, int64_t stride, int64_t n, int64_t size) {
  if (stride == size) {
    std::memcpy(to, from, n * size);
    return;
  }
  switch (size) {
    case 1:
      return gather_loop(static_cast<uint8_t*>(to), from, stride, n);
    case 2:
      return gather_loop(static_cast<uint16_t*>(to), from, stride, n);
    case 4:
      return gather_loop(static_cast<uint32_t*>(to), from, stride, n);
    case 8:
      return gather_loop(static_cast<uint64_t*>(to), from, stride, n);
    default:
      return gather_loop(static_cast<Pair*>(to), from, stride, n);
  }
}

void scatter(char* to, int64_t stride, const void* from, int64_t n, int64_t size) {
  if (stride == size) {
    std::memcpy(to, from, n * size);
    return;
  }
  switch (size) {
    case 1:
      return scatter_loop(to, stride, static_cast<const uint8_t*>(from), n);
    case 2:
      return scatter_loop(to, stride, static_cast<const uint16_t*>(from), n);
    case 4:
      return scatter_loop(to, stride, static_cast<const uint32_t*>(from), n);
    case 8:
      return scatter_loop(to, stride, static_cast<const uint64_t*>(from), n);
    default:
      return scatter_loop(to, stride, static_cast<const Pair*>(from), n);
  }
}

void splat(void* to, const void* value, int64_t n, int64_t size) {
  switch (size) {
    case 1:
      return splat_loop(static_cast<uint8_t*>(to), value, n);
    case 2:
      return splat_loop(static_cast<uint16_t*>(to), value, n);
    case 4:
      return splat_loop(static_cast<uint32_t*>(to), value, n);
    case 8:
      return splat_loop(static_cast<uint64_t*>(to), value, n);
    default:
      return splat_loop(static_cast<Pair*>(to), value, n);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
HWY_EXPORT(convert_fn);
HWY_EXPORT(gather);
HWY_EXPORT(scatter);
HWY_EXPORT(splat);

namespace cpu {
ConvertFn convert_fn(ScalarType to, ScalarType from) {
  if (isComplexType(to) || isComplexType(from)) return complex_convert_fn(to, from);
  return HWY_DYNAMIC_DISPATCH(taper::convert_fn)(to, from);
}
void gather(void* to, const char* from, int64_t stride, int64_t n, int64_t size) {
  HWY_DYNAMIC_DISPATCH(gather)(to, from, stride, n, size);
}
void scatter(char* to, int64_t stride, const void* from, int64_t n, int64_t size) {
  HWY_DYNAMIC_DISPATCH(scatter)(to, stride, from, n, size);
}
void splat(void* to, const void* value, int64_t n, int64_t size) {
  HWY_DYNAMIC_DISPATCH(splat)(to, value, n, size);
}
}  // namespace cpu
}  // namespace taper
#endif
