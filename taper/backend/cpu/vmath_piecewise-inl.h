// Vector math for one Highway target, third part: float32 functions from tables, on AVX-512.
#if defined(TAPER_VMATH_PIECEWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_VMATH_PIECEWISE_INL_H_
#undef TAPER_VMATH_PIECEWISE_INL_H_
#else
#define TAPER_VMATH_PIECEWISE_INL_H_
#endif

#include "taper/backend/cpu/vmath_tables.h"
#include "taper/backend/cpu/vmath_wide-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace vm {

#if HWY_TARGET != HWY_SCALAR
/// gelu on any range.
template <class D, class V>
HWY_INLINE V gelu_far(D d, V x) {
  return in_double(d, x, [](auto dd, auto v) HWY_ATTR { return wide_gelu(dd, v); });
}

#endif  // HWY_TARGET != HWY_SCALAR

#if HWY_TARGET == HWY_AVX3
// Piecewise polynomials: AVX-512 looks 32 floats up in one instruction. Where a lane lies outside
// the tables, the functions above give all such lanes.

/// a >= limit or a NaN, in one comparison.
template <class D, class V>
HWY_INLINE hn::MFromD<D> not_below(D, V a, float limit) {
  return {_mm512_cmp_ps_mask(a.raw, _mm512_set1_ps(limit), _CMP_NLT_UQ)};
}

template <size_t n>
struct Piece {
  __m512 value, rest;  // f(a) = value + rest, value the float at the interval's centre
};
template <size_t n, class D, class V>
HWY_INLINE Piece<n> piece_of(D d, V a, float per_step, float step, const float (&table)[n][32]) {
  const V magic = hn::Set(d, 12582912.0f);
  const V u = hn::MulAdd(a, hn::Set(d, per_step), magic);
  const __m512i index = _mm512_castps_si512(u.raw);  // the low 5 bits count
  // Steps of a power of two: the same rounding to the nearest centre in one instruction.
  const V delta = step == 0.125f  ? V{_mm512_reduce_ps(a.raw, 3 << 4)}
                  : step == 0.25f ? V{_mm512_reduce_ps(a.raw, 2 << 4)}
                                  : hn::NegMulAdd(hn::Sub(u, magic), hn::Set(d, step), a);
  const auto look_up = [&](size_t i) HWY_ATTR {
    return _mm512_permutex2var_ps(_mm512_load_ps(table[i]), index, _mm512_load_ps(table[i] + 16));
  };
  __m512 p = look_up(n - 1);
  for (size_t i = n - 2; i >= 1; --i) p = _mm512_fmadd_ps(p, delta.raw, look_up(i));
  return {look_up(0), p};
}

/// base - a f(a), f from a table, rounded about once. base is 0 or of a f(a)'s size or above.
template <size_t n, class D, class V>
HWY_INLINE V base_minus(D, V base, V a, const Piece<n>& f) {
  const V value{f.value}, rest{f.rest};
  const V u = hn::NegMulAdd(a, value, base);
  const V u_lo = hn::NegMulAdd(a, value, hn::Sub(base, u));
  return hn::Add(u, hn::NegMulAdd(a, rest, u_lo));
}
/// x f(|x|) for odd functions that reach 1 at `end`.
template <size_t n, class D, class V>
HWY_INLINE V odd_f32(D d, V x, float end, float per_step, float step, const float (&table)[n][32]) {
  const V a = hn::Abs(x);
  const V inside = hn::Min(hn::Set(d, 31.49f * step), a);
  const Piece<n> f = piece_of(d, inside, per_step, step, table);
  const V value{f.value};
  const V p = hn::Mul(inside, value);
  const V y = hn::Add(p, hn::MulAdd(inside, V{f.rest}, hn::MulSub(inside, value, p)));
  const V capped = hn::IfThenElse(hn::Gt(a, hn::Set(d, end)), hn::Set(d, 1.0f), y);
  return hn::CopySignToAbs(capped, x);
}

template <class D, class V>
HWY_INLINE V fast_tanh(D d, V x) {
  return odd_f32(d, x, 9.011f, 32.0f / 9, 9.0f / 32, cpu::kTanhOver);
}
template <class D, class V>
HWY_INLINE V fast_erf(D d, V x) {
  return odd_f32(d, x, 3.92f, 8.0f, 0.125f, cpu::kErfOver);
}
template <class D, class V>
HWY_INLINE V fast_gelu(D d, V x) {
  const V a = hn::Abs(x);
  const auto f = piece_of(d, a, 8.0f, 0.125f, cpu::kNormalTail);
  const V y = base_minus(d, hn::Max(hn::Zero(d), x), a, f);
  const auto outside = not_below(d, a, 3.9375f);
  if (HWY_LIKELY(hn::AllFalse(d, outside))) return hn::CopySign(y, x);
  return hn::IfThenElse(outside, gelu_far(d, x), hn::CopySign(y, x));
}
template <class D, class V>
HWY_INLINE V fast_silu(D d, V x) {
  const V a = hn::Abs(x);
  const auto f = piece_of(d, a, 4.0f, 0.25f, cpu::kSigmoidTail);
  const V y = base_minus(d, hn::Max(hn::Zero(d), x), a, f);
  const auto outside = not_below(d, a, 7.875f);
  if (HWY_LIKELY(hn::AllFalse(d, outside))) return hn::CopySign(y, x);
  return hn::IfThenElse(outside, silu_f32(d, x), hn::CopySign(y, x));
}
template <class D, class V>
HWY_INLINE V fast_sigmoid(D d, V x) {
  const V a = hn::Abs(x), one = hn::Set(d, 1.0f);
  const auto f = piece_of(d, a, 4.0f, 0.25f, cpu::kSigmoidTail);
  const auto positive = hn::Ge(x, hn::Zero(d));
  const V y = base_minus(d, hn::IfThenElseZero(positive, one),
                         hn::IfThenElse(positive, one, hn::Neg(one)), f);
  const auto outside = not_below(d, a, 7.875f);
  if (HWY_LIKELY(hn::AllFalse(d, outside))) return y;
  return hn::IfThenElse(outside, sigmoid_f32(d, x), y);
}
#elif HWY_TARGET != HWY_SCALAR
template <class D, class V>
HWY_INLINE V fast_tanh(D d, V x) {
  return tanh_f32(d, x);
}
template <class D, class V>
HWY_INLINE V fast_erf(D d, V x) {
  return erf_f32(d, x);
}
template <class D, class V>
HWY_INLINE V fast_gelu(D d, V x) {
  return gelu_far(d, x);
}
template <class D, class V>
HWY_INLINE V fast_silu(D d, V x) {
  return silu_f32(d, x);
}
template <class D, class V>
HWY_INLINE V fast_sigmoid(D d, V x) {
  return sigmoid_f32(d, x);
}
#endif  // HWY_TARGET

}  // namespace vm
}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
