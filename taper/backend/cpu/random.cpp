#include "taper/kernel/random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "taper/backend/cpu/reduce_core.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"
#include "taper/core/sizes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/random.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "taper/backend/cpu/vmath_wide-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
namespace vm = taper::HWY_NAMESPACE::vm;

/// Turns blocks of 16 uniform numbers in [0, 1) into normal ones: the first eight of a block give
/// the radii, the others the angles.
void box_muller(float* data, int64_t blocks, float mean, float std) {
  const hn::CappedTag<float, 8> d;
  const auto one = hn::Set(d, 1.0f), m = hn::Set(d, mean), s = hn::Set(d, std);
  const auto turn = hn::Set(d, static_cast<float>(2 * M_PI));
  for (int64_t b = 0; b < blocks; ++b, data += 16) {
    for (size_t j = 0; j < 8; j += hn::Lanes(d)) {
      const auto u1 = hn::Sub(one, hn::LoadU(d, data + j));
      const auto angle = hn::Mul(turn, hn::LoadU(d, data + j + 8));
      const auto radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0f), vm::log(d, u1)));
      hn::StoreU(hn::Add(hn::Mul(hn::Mul(radius, vm::cos(d, angle)), s), m), d, data + j);
      hn::StoreU(hn::Add(hn::Mul(hn::Mul(radius, vm::sin(d, angle)), s), m), d, data + j + 8);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(box_muller);

/// Calls f(element) in memory order: the dimension of the largest stride is the slowest.
template <class T, class F>
void in_memory_order(View out, F&& f) {
  T* data = out.data<T>();
  const int64_t n = out.numel();
  if (out.is_contiguous()) {
    for (int64_t i = 0; i < n; ++i) f(data[i]);
    return;
  }
  DimVector sizes(out.sizes()), strides(out.strides());
  const size_t rank = sizes.size();
  for (size_t i = 1; i < rank; ++i) {
    for (size_t k = i; k > 0 && strides[k] > strides[k - 1]; --k) {
      std::swap(strides[k], strides[k - 1]);
      std::swap(sizes[k], sizes[k - 1]);
    }
  }
  DimVector index(rank, 0);
  int64_t at = 0;
  for (int64_t i = 0; i < n; ++i) {
    f(data[at]);
    for (size_t d = rank; d-- > 0;) {
      at += strides[d];
      if (++index[d] < sizes[d]) break;
      at -= strides[d] * sizes[d];
      index[d] = 0;
    }
  }
}

/// Significant bits of a floating type.
template <class T>
constexpr int digits() {
  if constexpr (std::is_same_v<T, Half>) {
    return 11;
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return 8;
  } else {
    return std::numeric_limits<T>::digits;
  }
}

/// Calls f with a value of the floating type.
template <class F>
void visit_floating(ScalarType t, F&& f) {
  visit_dtype(t, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_integral_v<T>) f(zero);
  });
}

/// A uniform number with the bits of T, as PyTorch draws it.
template <class T>
double draw_uniform(RandomEngine& engine) {
  if constexpr (std::is_same_v<T, double>) {
    return engine.uniform();
  } else {
    constexpr uint32_t kMask = (1u << digits<T>()) - 1;
    return static_cast<double>(engine.random() & kMask) / (kMask + 1.0);
  }
}

void fill_uniform_float(float* out, int64_t n, RandomEngine& engine, double from, double to) {
  uint32_t words[Mt19937::kSize];
  const double span = to - from;
  while (n > 0) {
    const int64_t count = std::min<int64_t>(n, Mt19937::kSize);
    engine.stream.fill(words, count);
    if (from == 0 && to == 1) {
      for (int64_t i = 0; i < count; ++i) {
        out[i] = static_cast<float>(static_cast<int32_t>(words[i] & 0xffffff)) * 0x1p-24f;
      }
    } else {
      for (int64_t i = 0; i < count; ++i) {
        const double u = static_cast<int32_t>(words[i] & 0xffffff) * 0x1p-24;
        out[i] = static_cast<float>(u * span + from);
      }
    }
    out += count;
    n -= count;
  }
}

void box_muller_double(double* data, double mean, double std) {
  for (int j = 0; j < 8; ++j) {
    const double u1 = 1 - data[j], u2 = data[j + 8];
    const double radius = std::sqrt(-2 * std::log(u1)), angle = 2.0 * M_PI * u2;
    data[j] = radius * std::cos(angle) * std + mean;
    data[j + 8] = radius * std::sin(angle) * std + mean;
  }
}

/// n uniform numbers, then blocks of 16; a ragged end draws its last 16 anew.
void fill_normal(float* data, int64_t n, RandomEngine& engine, double mean, double std) {
  fill_uniform_float(data, n, engine, 0, 1);
  const float m = static_cast<float>(mean), s = static_cast<float>(std);
  parallel_for(0, n / 16, 2048, [&](int64_t first, int64_t last) {
    HWY_DYNAMIC_DISPATCH(box_muller)(data + first * 16, last - first, m, s);
  });
  if (n % 16 != 0) {
    fill_uniform_float(data + n - 16, 16, engine, 0, 1);
    HWY_DYNAMIC_DISPATCH(box_muller)(data + n - 16, 1, m, s);
  }
}
void fill_normal(double* data, int64_t n, RandomEngine& engine, double mean, double std) {
  for (int64_t i = 0; i < n; ++i) data[i] = engine.uniform();
  parallel_for(0, n / 16, 512, [&](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b) box_muller_double(data + b * 16, mean, std);
  });
  if (n % 16 != 0) {
    for (int64_t i = n - 16; i < n; ++i) data[i] = engine.uniform();
    box_muller_double(data + n - 16, mean, std);
  }
}

/// u32 % range, or u64 % range from 2^32 on.
uint64_t draw_below(RandomEngine& engine, uint64_t range) {
  if (range >= uint64_t{1} << 32) return engine.random64() % range;
  return engine.random() % static_cast<uint32_t>(range);
}

/// The largest integer n such that 0 to n are all exact in T.
template <class T>
constexpr uint64_t largest_exact() {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<uint64_t>(std::numeric_limits<T>::max());
  } else {
    return uint64_t{1} << digits<T>();
  }
}

}  // namespace

void uniform(View out, RandomEngine& engine, double from, double to) {
  if (out.dtype() == kFloat && out.is_contiguous()) {
    fill_uniform_float(out.data<float>(), out.numel(), engine, from, to);
    return;
  }
  visit_floating(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    in_memory_order<T>(out,
                       [&](T& e) { e = convert<T>(draw_uniform<T>(engine) * (to - from) + from); });
  });
}

void normal(View out, RandomEngine& engine, double mean, double std) {
  const int64_t n = out.numel();
  const bool blocks = n >= 16 && out.is_contiguous();
  visit_floating(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if (!blocks) {
      in_memory_order<T>(out, [&](T& e) { e = convert<T>(engine.normal() * std + mean); });
    } else if constexpr (sizeof(T) == 2) {
      Scratch<float> wide(n);
      fill_normal(wide.data(), n, engine, mean, std);
      store_function(kFloat, out.dtype())(wide.data(), n, out.raw_data(), 1);
    } else {
      fill_normal(out.data<T>(), n, engine, mean, std);
    }
  });
}

void random_range(View out, RandomEngine& engine, uint64_t range, int64_t base) {
  visit_dtype(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    in_memory_order<T>(out, [&](T& e) {
      const uint64_t value = draw_below(engine, range) + static_cast<uint64_t>(base);
      e = convert<T>(static_cast<int64_t>(value));
    });
  });
}

void random_full(View out, RandomEngine& engine) {
  visit_dtype(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, bool>) {
      in_memory_order<T>(out, [&](T& e) { e = engine.random() & 1; });
    } else {
      constexpr uint64_t kRange = largest_exact<T>() + 1;
      constexpr bool kWide = sizeof(T) == 8;
      in_memory_order<T>(out, [&](T& e) {
        const uint64_t word = kWide ? engine.random64() : engine.random();
        e = convert<T>(static_cast<int64_t>(word % kRange));
      });
    }
  });
}

void random_all64(View out, RandomEngine& engine) {
  in_memory_order<int64_t>(out, [&](int64_t& e) { e = static_cast<int64_t>(engine.random64()); });
}

void exponential(View out, RandomEngine& engine, double lambda) {
  visit_floating(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    in_memory_order<T>(out,
                       [&](T& e) { e = convert<T>(-1 / lambda * std::log1p(-engine.uniform())); });
  });
}

void randperm(View out, RandomEngine& engine) {
  const int64_t n = out.numel();
  visit_dtype(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* data = out.data<T>();
    for (int64_t i = 0; i < n; ++i) data[i] = convert<T>(i);
    for (int64_t i = 0; i + 1 < n; ++i) {
      const int64_t z = static_cast<int64_t>(engine.random() % static_cast<uint64_t>(n - i));
      std::swap(data[i], data[i + z]);
    }
  });
}

}  // namespace taper::cpu
#endif
