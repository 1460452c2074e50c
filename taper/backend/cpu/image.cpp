#include "taper/kernel/image.h"

#include "taper/backend/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/image.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Bytes = hn::Rebind<uint8_t, Floats>;

// x / 255 for x in 0 to 255, rounded as the division is, which takes several times as long.
HWY_INLINE hn::Vec<Floats> unit(hn::Vec<Bytes> bytes) {
  const Floats d;
  const auto x = hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<Floats>(), bytes));
#if HWY_NATIVE_FMA
  const auto quotient = hn::Mul(x, hn::Set(d, 1 / 255.0f));
  const auto rest = hn::NegMulAdd(quotient, hn::Set(d, 255.0f), x);
  return hn::MulAdd(rest, hn::Set(d, 1 / 255.0f), quotient);
#else
  return hn::Div(x, hn::Set(d, 255.0f));
#endif
}

// Runs body(i) for vectors that cover 0 to n, the last of which may overlap the one before; false:
// n is less than a vector.
template <class Body>
HWY_INLINE bool over_vectors(int64_t n, Body body) {
  const int64_t lanes = hn::Lanes(Floats());
  if (n < lanes) return false;
  for (int64_t i = 0; i + lanes <= n; i += lanes) body(i);
  if (n % lanes != 0) body(n - lanes);
  return true;
}

}  // namespace

void unit_plane(float* HWY_RESTRICT to, const uint8_t* HWY_RESTRICT from, int64_t n) {
  const bool done = over_vectors(n, [&](int64_t i) HWY_ATTR {
    hn::StoreU(unit(hn::LoadU(Bytes(), from + i)), Floats(), to + i);
  });
  for (int64_t i = 0; !done && i < n; ++i) to[i] = static_cast<float>(from[i]) / 255.0f;
}

void unit_planes3(float* HWY_RESTRICT to, const uint8_t* HWY_RESTRICT from, int64_t n) {
#if HWY_TARGET != HWY_SCALAR
  const bool done = over_vectors(n, [&](int64_t i) HWY_ATTR {
    hn::Vec<Bytes> a, b, c;
    hn::LoadInterleaved3(Bytes(), from + 3 * i, a, b, c);
    hn::StoreU(unit(a), Floats(), to + i);
    hn::StoreU(unit(b), Floats(), to + i + n);
    hn::StoreU(unit(c), Floats(), to + i + 2 * n);
  });
  if (done) return;
#endif
  for (int64_t i = 0; i < 3 * n; ++i) {
    to[i % 3 * n + i / 3] = static_cast<float>(from[i]) / 255.0f;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
HWY_EXPORT(unit_plane);
HWY_EXPORT(unit_planes3);

void cpu::unit_planes(View out, ConstView pixels) {
  const int64_t n = pixels.size(0) * pixels.size(1);
  float* to = out.data<float>();
  const uint8_t* from = pixels.data<uint8_t>();
  if (pixels.size(2) == 1) {
    HWY_DYNAMIC_DISPATCH(unit_plane)(to, from, n);
  } else {
    HWY_DYNAMIC_DISPATCH(unit_planes3)(to, from, n);
  }
}

}  // namespace taper
#endif
