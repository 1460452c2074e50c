#include "taper/kernel/dropout.h"

#include <algorithm>

#include "taper/backend/cpu/dropout.h"
#include "taper/backend/cpu/reduce_core.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/dropout.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Words come in groups of 64, from 16 Philox blocks: word k of block b of group g is that of
// element 64 g + 16 k + b. So vectors of any width store their lanes side by side.
#if HWY_TARGET == HWY_SCALAR

void random_group(CounterKey key, uint64_t group, uint32_t* words) {
  for (uint64_t b = 0; b < 16; ++b) {
    uint32_t block[4];
    Philox::block(key.seed, group * 16 + b, key.call, block);
    for (int k = 0; k < 4; ++k) words[k * 16 + b] = block[k];
  }
}

#else

/// Low and high halves of the lanes' products with m.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void multiply(D d, V a, V m, V& low, V& high) {
  const hn::Repartition<uint64_t, D> wide;
  const auto even = hn::BitCast(d, hn::MulEven(a, m));
  const auto upper = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a)));
  const auto odd = hn::BitCast(d, hn::MulEven(upper, m));
  high = hn::OddEven(odd, hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, even))));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(hn::BitCast(wide, odd))), even);
}

void random_group(CounterKey key, uint64_t group, uint32_t* words) {
  const hn::CappedTag<uint32_t, 16> d;
  using V = hn::Vec<decltype(d)>;
  const V m0 = hn::Set(d, Philox::kMultiplier0), m1 = hn::Set(d, Philox::kMultiplier1);
  const uint64_t first = group * 16;
  for (size_t b = 0; b < 16; b += hn::Lanes(d)) {
    V c0 = hn::Iota(d, static_cast<uint32_t>(first + b));
    V c1 = hn::Set(d, static_cast<uint32_t>(first >> 32));
    V c2 = hn::Set(d, static_cast<uint32_t>(key.call));
    V c3 = hn::Set(d, static_cast<uint32_t>(key.call >> 32));
    uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
    for (int round = 0; round < Philox::kRounds; ++round) {
      V low0, high0, low1, high1;
      multiply(d, c0, m0, low0, high0);
      multiply(d, c2, m1, low1, high1);
      c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, k0));
      c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, k1));
      c1 = low1;
      c3 = low0;
      k0 += Philox::kWeyl0;
      k1 += Philox::kWeyl1;
    }
    hn::StoreU(c0, d, words + b);
    hn::StoreU(c1, d, words + 16 + b);
    hn::StoreU(c2, d, words + 32 + b);
    hn::StoreU(c3, d, words + 48 + b);
  }
}

#endif

/// mask[i] = word of element `first + i` >= limit, for i < n; first is a multiple of 64.
void draw_mask(CounterKey key, int64_t first, int64_t n, uint64_t limit, bool* mask) {
  HWY_ALIGN uint32_t words[64];
  for (int64_t i = 0; i < n; i += 64) {
    random_group(key, static_cast<uint64_t>(first + i) / 64, words);
    const int64_t count = n - i < 64 ? n - i : 64;
    const uint32_t limit32 = static_cast<uint32_t>(limit);
    // All 2^32 words lie below a limit of 2^32.
    const uint8_t any = limit <= 0xffffffffu;
    uint8_t* to = reinterpret_cast<uint8_t*>(mask + i);
    // A fixed count for the compiler's vectors.
    if (count == 64) {
      for (int64_t k = 0; k < 64; ++k) to[k] = static_cast<uint8_t>(words[k] >= limit32) & any;
    } else {
      for (int64_t k = 0; k < count; ++k) to[k] = static_cast<uint8_t>(words[k] >= limit32) & any;
    }
  }
}

template <class T>
void scale_masked(T* out, const T* x, const bool* mask, T scale, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] * (static_cast<T>(mask[i]) * scale);
}
void scale_masked_float(float* out, const float* x, const bool* mask, float scale, int64_t n) {
  scale_masked(out, x, mask, scale, n);
}
void scale_masked_double(double* out, const double* x, const bool* mask, double scale, int64_t n) {
  scale_masked(out, x, mask, scale, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(random_group);
HWY_EXPORT(draw_mask);
HWY_EXPORT(scale_masked_float);
HWY_EXPORT(scale_masked_double);

/// Elements of a piece of work; a multiple of 64.
constexpr int64_t kPiece = 1024;
constexpr int64_t kGrainPieces = 16;

/// Words below this limit are "no" with probability p.
uint64_t limit_of(double p) { return static_cast<uint64_t>(std::clamp(p, 0.0, 1.0) * 0x1p32); }

/// Calls f(first, count) for every piece, over the threads.
template <class F>
void over_pieces(int64_t n, F&& f) {
  parallel_for(0, (n + kPiece - 1) / kPiece, kGrainPieces, [&](int64_t from, int64_t to) {
    for (int64_t p = from; p < to; ++p) f(p * kPiece, std::min(kPiece, n - p * kPiece));
  });
}

/// out = x * mask * scale on one piece, through float32 for half types.
template <class T>
void scale_piece(T* out, const T* x, const bool* mask, double scale, int64_t n) {
  if constexpr (std::is_same_v<T, float>) {
    HWY_DYNAMIC_DISPATCH(scale_masked_float)(out, x, mask, static_cast<float>(scale), n);
  } else if constexpr (std::is_same_v<T, double>) {
    HWY_DYNAMIC_DISPATCH(scale_masked_double)(out, x, mask, scale, n);
  } else if constexpr (!std::is_integral_v<T>) {
    const float s = static_cast<float>(scale);
    for (int64_t i = 0; i < n; ++i) out[i] = T(static_cast<float>(x[i]) * (mask[i] ? s : 0.0f));
  }
}

}  // namespace

void draw_kept(CounterKey key, int64_t first, int64_t n, double p, bool* kept) {
  const uint64_t limit = limit_of(p);
  bool piece[kPiece];
  while (n > 0) {
    const int64_t skip = first % 64, count = std::min(n, kPiece - skip);
    HWY_DYNAMIC_DISPATCH(draw_mask)(key, first - skip, skip + count, limit, piece);
    kept = std::copy_n(piece + skip, count, kept);
    first += count;
    n -= count;
  }
}

void bernoulli(View out, double p, CounterKey key) {
  const uint64_t limit = limit_of(1 - p);
  over_pieces(out.numel(), [&](int64_t first, int64_t n) {
    bool mask[kPiece];
    HWY_DYNAMIC_DISPATCH(draw_mask)(key, first, n, limit, mask);
    visit_dtype(out.dtype(), [&](auto zero) {
      using T = decltype(zero);
      T* to = out.data<T>() + first;
      for (int64_t i = 0; i < n; ++i) to[i] = convert<T>(mask[i]);
    });
  });
}

void bernoulli_tensor(View out, ConstView p, CounterKey key) {
  const LoadFn load = load_function(p.dtype(), kDouble);
  const char* source = static_cast<const char*>(p.raw_data());
  over_pieces(out.numel(), [&](int64_t first, int64_t n) {
    double odds[kPiece];
    uint32_t words[64];
    load(source + first * elementSize(p.dtype()), 1, n, odds);
    for (int64_t i = 0; i < n; ++i) {
      if (i % 64 == 0) {
        HWY_DYNAMIC_DISPATCH(random_group)(key, static_cast<uint64_t>(first + i) / 64, words);
      }
      // The same words give the same result as one p for all.
      odds[i] = words[i % 64] >= limit_of(1 - odds[i]);
    }
    store_function(kDouble, out.dtype())(
        odds, n, static_cast<char*>(out.raw_data()) + first * elementSize(out.dtype()), 1);
  });
}

void dropout(View out, View mask, ConstView x, double p, CounterKey key) {
  const uint64_t limit = limit_of(p);
  const double scale = p < 1 ? 1 / (1 - p) : 0;
  over_pieces(out.numel(), [&](int64_t first, int64_t n) {
    bool* kept = mask.data<bool>() + first;
    HWY_DYNAMIC_DISPATCH(draw_mask)(key, first, n, limit, kept);
    visit_dtype(out.dtype(), [&](auto zero) {
      using T = decltype(zero);
      scale_piece(out.data<T>() + first, x.data<T>() + first, kept, scale, n);
    });
  });
}

void masked_scale(View out, ConstView x, ConstView mask, double scale) {
  over_pieces(out.numel(), [&](int64_t first, int64_t n) {
    visit_dtype(out.dtype(), [&](auto zero) {
      using T = decltype(zero);
      scale_piece(out.data<T>() + first, x.data<T>() + first, mask.data<bool>() + first, scale, n);
    });
  });
}

}  // namespace taper::cpu
#endif
