// Tile functions for one Highway target, made from element functors. Include after simd.h and
// foreach_target.h.
//
// A functor is a template over the element type, built from TileParams or from nothing. Simple
// arithmetic is written on one element, `T operator()(T...)`, and the compiler vectorises the
// loop; it is exact in IEEE arithmetic, so vector and tail agree. Vector math is written on a
// Highway vector, `V operator()(D, V...)`, and tails go through the same code under a mask.
#include "taper/backend/cpu/pointwise_loop.h"

#if defined(TAPER_POINTWISE_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_POINTWISE_TILES_INL_H_
#undef TAPER_POINTWISE_TILES_INL_H_
#else
#define TAPER_POINTWISE_TILES_INL_H_
#endif

#include <hwy/highway.h>

#include <type_traits>

// Results may overwrite an input element for element: no dependence between iterations.
#undef TAPER_INDEPENDENT
#ifdef __clang__
#define TAPER_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define TAPER_INDEPENDENT _Pragma("GCC ivdep")
#endif

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using cpu::TileOp;
using cpu::TileParams;

template <class F>
HWY_INLINE F make_functor(const TileParams& params) {
  if constexpr (std::is_constructible_v<F, const TileParams&>) {
    return F(params);
  } else {
    return F();
  }
}

/// A functor of a function on vectors.
#undef TAPER_VECTOR_FUNCTOR
#define TAPER_VECTOR_FUNCTOR(Name, function)  \
  template <class T>                          \
  struct Name {                               \
    template <class D, class V>               \
    HWY_INLINE V operator()(D d, V x) const { \
      return vm::function(d, x);              \
    }                                         \
  };

/// R f(A), R f(A, B), R f(A, B, C) on elements.
template <class F, class R, class A>
HWY_ATTR void tile1(void* out, const void* const* in, int64_t n, const TileParams& params) {
  const F f = make_functor<F>(params);
  auto* o = static_cast<R*>(out);
  const auto* a = static_cast<const A*>(in[0]);
  TAPER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) o[i] = f(a[i]);
}
template <class F, class R, class A, class B>
HWY_ATTR void tile2(void* out, const void* const* in, int64_t n, const TileParams& params) {
  const F f = make_functor<F>(params);
  auto* o = static_cast<R*>(out);
  const auto* a = static_cast<const A*>(in[0]);
  const auto* b = static_cast<const B*>(in[1]);
  TAPER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) o[i] = f(a[i], b[i]);
}
template <class F, class R, class A, class B, class C>
HWY_ATTR void tile3(void* out, const void* const* in, int64_t n, const TileParams& params) {
  const F f = make_functor<F>(params);
  auto* o = static_cast<R*>(out);
  const auto* a = static_cast<const A*>(in[0]);
  const auto* b = static_cast<const B*>(in[1]);
  const auto* c = static_cast<const C*>(in[2]);
  TAPER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) o[i] = f(a[i], b[i], c[i]);
}

/// V f(D, V) and V f(D, V, V) on vectors.
template <class F, class T>
HWY_ATTR void vector_tile1(void* out, const void* const* in, int64_t n, const TileParams& params) {
  const F f = make_functor<F>(params);
  auto* o = static_cast<T*>(out);
  const auto* a = static_cast<const T*>(in[0]);
  const hn::ScalableTag<T> d;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(d, hn::LoadU(d, a + i)), d, o + i);
  if (i < n) {
    const auto rest = hn::FirstN(d, n - i);
    hn::BlendedStore(f(d, hn::MaskedLoad(rest, d, a + i)), rest, d, o + i);
  }
}
template <class F, class T>
HWY_ATTR void vector_tile2(void* out, const void* const* in, int64_t n, const TileParams& params) {
  const F f = make_functor<F>(params);
  auto* o = static_cast<T*>(out);
  const auto* a = static_cast<const T*>(in[0]);
  const auto* b = static_cast<const T*>(in[1]);
  const hn::ScalableTag<T> d;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(f(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, o + i);
  }
  if (i < n) {
    const auto rest = hn::FirstN(d, n - i);
    const auto y = f(d, hn::MaskedLoad(rest, d, a + i), hn::MaskedLoad(rest, d, b + i));
    hn::BlendedStore(y, rest, d, o + i);
  }
}

// Rows of TileOp: F<T> for floating types, and for integers where PyTorch has the op.

/// R f(T) for one to three inputs of one type.
template <class F, class R, class T, int inputs>
constexpr cpu::TileFn element_tile() {
  if constexpr (inputs == 1) {
    return &tile1<F, R, T>;
  } else if constexpr (inputs == 2) {
    return &tile2<F, R, T, T>;
  } else {
    return &tile3<F, R, T, T, T>;
  }
}
template <int inputs, template <class> class F>
constexpr TileOp floats(const char* name) {
  TileOp op{};
  op.name = name;
  op.tile[cpu::kTileF32] = element_tile<F<float>, float, float, inputs>();
  op.tile[cpu::kTileF64] = element_tile<F<double>, double, double, inputs>();
  return op;
}
template <int inputs, template <class> class F>
constexpr TileOp wide_integers(TileOp op) {
  op.tile[cpu::kTileI32] = element_tile<F<int32_t>, int32_t, int32_t, inputs>();
  op.tile[cpu::kTileI64] = element_tile<F<int64_t>, int64_t, int64_t, inputs>();
  return op;
}
template <int inputs, template <class> class F>
constexpr TileOp narrow_integers(TileOp op) {
  op.tile[cpu::kTileI16] = element_tile<F<int16_t>, int16_t, int16_t, inputs>();
  op.tile[cpu::kTileI8] = element_tile<F<int8_t>, int8_t, int8_t, inputs>();
  op.tile[cpu::kTileU8] = element_tile<F<uint8_t>, uint8_t, uint8_t, inputs>();
  return op;
}
/// Floating types, int32 and int64; the narrow ones widen.
template <int inputs, template <class> class F>
constexpr TileOp numbers(const char* name) {
  return wide_integers<inputs, F>(floats<inputs, F>(name));
}
template <int inputs, template <class> class F>
constexpr TileOp all_numbers(const char* name) {
  return narrow_integers<inputs, F>(numbers<inputs, F>(name));
}
/// bool f(T...).
template <int inputs, template <class> class F>
constexpr TileOp predicate(const char* name) {
  TileOp op{};
  op.name = name;
  op.predicate = true;
  op.tile[cpu::kTileF32] = element_tile<F<float>, bool, float, inputs>();
  op.tile[cpu::kTileF64] = element_tile<F<double>, bool, double, inputs>();
  op.tile[cpu::kTileI32] = element_tile<F<int32_t>, bool, int32_t, inputs>();
  op.tile[cpu::kTileI64] = element_tile<F<int64_t>, bool, int64_t, inputs>();
  op.tile[cpu::kTileI8] = element_tile<F<int8_t>, bool, int8_t, inputs>();
  op.tile[cpu::kTileU8] = element_tile<F<uint8_t>, bool, uint8_t, inputs>();
  op.tile[cpu::kTileBool] = element_tile<F<uint8_t>, bool, uint8_t, inputs>();
  return op;
}
/// Vector functions on floating types.
template <int inputs, template <class> class F>
constexpr TileOp vectors(const char* name) {
  TileOp op{};
  op.name = name;
  op.costly = true;
  if constexpr (inputs == 1) {
    op.tile[cpu::kTileF32] = &vector_tile1<F<float>, float>;
    op.tile[cpu::kTileF64] = &vector_tile1<F<double>, double>;
  } else {
    op.tile[cpu::kTileF32] = &vector_tile2<F<float>, float>;
    op.tile[cpu::kTileF64] = &vector_tile2<F<double>, double>;
  }
  return op;
}

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
