// Vector math for one Highway target: float32 within 1 ulp (erf 2), IEEE special values exact.
// Highway's own Exp and Log are wrong at special values and are not used. Users include
// vmath_functions-inl.h, after simd.h and foreach_target.h. Here: helpers, and the float32
// functions in float arithmetic.
#include <cmath>
#include <limits>

#if defined(TAPER_VMATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_VMATH_INL_H_
#undef TAPER_VMATH_INL_H_
#else
#define TAPER_VMATH_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace vm {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Lane = hn::TFromD<D>;

template <class D>
HWY_INLINE hn::Vec<D> set(D d, double value) {
  return hn::Set(d, static_cast<Lane<D>>(value));
}

/// c0 + c1 x + c2 x^2 ...
template <class D, class V, class... C>
HWY_INLINE V horner(D d, V x, double c0, C... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return set(d, c0);
  } else {
    return hn::MulAdd(horner(d, x, rest...), x, set(d, c0));
  }
}

/// f on every lane by itself: for rare ranges and for functions without vector code.
template <class D, class V, class F>
HWY_NOINLINE V each_lane(D d, V x, F f) {
  HWY_ALIGN Lane<D> lanes[HWY_MAX_BYTES / sizeof(Lane<D>)];
  hn::Store(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = static_cast<Lane<D>>(f(lanes[i]));
  return hn::Load(d, lanes);
}
template <class D, class V, class F>
HWY_NOINLINE V each_lane(D d, V x, V y, F f) {
  HWY_ALIGN Lane<D> lanes[HWY_MAX_BYTES / sizeof(Lane<D>)];
  HWY_ALIGN Lane<D> others[HWY_MAX_BYTES / sizeof(Lane<D>)];
  hn::Store(x, d, lanes);
  hn::Store(y, d, others);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    lanes[i] = static_cast<Lane<D>>(f(lanes[i], others[i]));
  }
  return hn::Load(d, lanes);
}

template <class D>
HWY_INLINE hn::Vec<D> infinity(D d) {
  return hn::Set(d, std::numeric_limits<Lane<D>>::infinity());
}
template <class D>
HWY_INLINE hn::Vec<D> quiet_nan(D d) {
  return hn::Set(d, std::numeric_limits<Lane<D>>::quiet_NaN());
}

#if HWY_TARGET != HWY_SCALAR

/// 2^k as a float, for integral k in [-126, 127].
template <class D, class V>
HWY_INLINE V pow2_f32(D d, V k) {
  const hn::RebindToSigned<D> di;
  const auto biased = hn::BitCast(di, hn::Add(k, hn::Set(d, 12582912.0f + 127.0f)));
  return hn::BitCast(d, hn::ShiftLeft<23>(biased));
}

/// v * 2^k with one rounding, for integral k in [-252, 254].
template <class D, class V>
HWY_INLINE V ldexp_f32(D d, V v, V k) {
#if HWY_TARGET == HWY_AVX3
  (void)d;
  return V{_mm512_scalef_ps(v.raw, k.raw)};
#else
  // Half of the exponent first: the result may be subnormal or infinite, this product is neither.
  const V half = hn::Floor(hn::Mul(k, hn::Set(d, 0.5f)));
  return hn::Mul(hn::Mul(v, pow2_f32(d, half)), pow2_f32(d, hn::Sub(k, half)));
#endif
}

/// 1/x to about 22 bits.
template <class D, class V>
HWY_INLINE V reciprocal_f32(D d, V x) {
  const V q = hn::ApproximateReciprocal(x);
  return hn::MulAdd(q, hn::NegMulAdd(x, q, hn::Set(d, 1.0f)), q);
}

/// (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2.
template <class D, class V>
HWY_INLINE V expm1_tail_f32(D d, V r) {
  return horner(d, r, 0.5000000013, 0.1666666668, 4.166646501e-2, 8.333310934e-3, 1.393364103e-3,
                1.989098087e-4);
}

/// x = k ln(2) + r; e^r - 1 = e + e_lo to about 30 bits. x in [-104, 104].
template <class V>
struct ExpParts {
  V k, e, e_lo;
};
template <class D, class V>
HWY_INLINE ExpParts<V> exp_parts_f32(D d, V x) {
  const V magic = hn::Set(d, 12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const V k = hn::Sub(hn::MulAdd(x, hn::Set(d, 1.44269504f), magic), magic);
  const V ln2_lo = hn::Set(d, 0x1.7f7d1cp-20f);
  const V r0 = hn::NegMulAdd(k, hn::Set(d, 0x1.62e4p-1f), x);  // exact: ln(2) to 16 bits
  const V r = hn::NegMulAdd(k, ln2_lo, r0);
  const V r_lo = hn::NegMulAdd(k, ln2_lo, hn::Sub(r0, r));
  const V t = hn::Mul(hn::Mul(r, r), expm1_tail_f32(d, r));
  const V e = hn::Add(r, t);
  const V e_lo = hn::Add(hn::Add(hn::Sub(r, e), t), hn::MulAdd(r_lo, r, r_lo));
  return {k, e, e_lo};
}

template <class D, class V>
HWY_INLINE V exp_f32(D d, V x) {
  // The clamps keep a NaN: Min and Max return the second operand then.
  x = hn::Min(hn::Set(d, 89.0f), hn::Max(hn::Set(d, -104.0f), x));
  const V magic = hn::Set(d, 12582912.0f);
  const V k = hn::Sub(hn::MulAdd(x, hn::Set(d, 1.44269504f), magic), magic);
  const V r =
      hn::NegMulAdd(k, hn::Set(d, 0x1.7f7d1cp-20f), hn::NegMulAdd(k, hn::Set(d, 0x1.62e4p-1f), x));
  const V e = hn::MulAdd(hn::Mul(r, r), expm1_tail_f32(d, r), r);
  return ldexp_f32(d, hn::Add(hn::Set(d, 1.0f), e), k);
}

/// Below this, x sigmoid(x) is 0 in float32.
constexpr float kSigmoidZero = -120.0f;

/// sigmoid(z) = (t + t_lo) * 2^k, t rounded once and t_lo its error.
template <class V>
struct SigmoidParts {
  V t, t_lo, k;
};
template <class D, class V>
HWY_INLINE SigmoidParts<V> sigmoid_parts_f32(D d, V z) {
  // With p = e^-|z|: 1 / (1 + p) for z >= 0, p / (1 + p) below; no overflow on either side.
  const V one = hn::Set(d, 1.0f);
  const V zero = hn::Zero(d);
  const auto negative = hn::Lt(z, zero);
  const V a = hn::Max(hn::Set(d, kSigmoidZero), hn::Or(z, hn::SignBit(d)));
  const ExpParts<V> p = exp_parts_f32(d, a);
  const V y = hn::Add(one, p.e);
  const V y_lo = hn::Add(hn::Add(hn::Sub(one, y), p.e), p.e_lo);
  const V s = pow2_f32(d, hn::Max(p.k, hn::Set(d, -100.0f)));
  const V den = hn::MulAdd(s, y, one);
  const V den_lo = hn::MulAdd(s, y_lo, hn::MulAdd(s, y, hn::Sub(one, den)));
  const V q = reciprocal_f32(d, den);
  const V num = hn::IfThenElse(negative, y, one);
  const V num_lo = hn::IfThenElseZero(negative, y_lo);
  const V t = hn::Mul(num, q);
  const V rest = hn::Add(hn::NegMulAdd(den, t, num), hn::NegMulAdd(den_lo, t, num_lo));
  return {t, hn::Mul(rest, q), hn::IfThenElseZero(negative, p.k)};
}

template <class D, class V>
HWY_INLINE V sigmoid_f32(D d, V x) {
  const SigmoidParts<V> s = sigmoid_parts_f32(d, x);
  return ldexp_f32(d, hn::Add(s.t, s.t_lo), s.k);
}

/// x sigmoid(x); infinity at infinity, NaN at -infinity as PyTorch has it.
template <class D, class V>
HWY_INLINE V silu_f32(D d, V x) {
  const V limited = hn::Max(hn::Set(d, kSigmoidZero), x);
  const SigmoidParts<V> s = sigmoid_parts_f32(d, limited);
  const V p = hn::Mul(limited, s.t);
  const V p_lo = hn::MulAdd(limited, s.t_lo, hn::MulSub(limited, s.t, p));
  const V product = hn::CopySign(ldexp_f32(d, hn::Add(p, p_lo), s.k), x);
  const V special = hn::IfThenElse(hn::Eq(x, infinity(d)), x, quiet_nan(d));
  return hn::IfThenElse(hn::IsInf(x), special, product);
}

/// With m = e^(2|x|) - 1: m / (m + 2).
template <class D, class V>
HWY_INLINE V tanh_f32(D d, V x) {
  const V one = hn::Set(d, 1.0f), two = hn::Set(d, 2.0f);
  const V a = hn::Min(hn::Set(d, 10.0f), hn::Abs(x));
  const ExpParts<V> p = exp_parts_f32(d, hn::Add(a, a));
  const V s = pow2_f32(d, p.k);
  const V s1 = hn::Sub(s, one);
  const V m = hn::MulAdd(s, p.e, s1);
  const V m_lo = hn::MulAdd(s, p.e_lo, hn::MulAdd(s, p.e, hn::Sub(s1, m)));
  const V den = hn::Add(m, two);
  // Fast two-sum: the larger of m and 2 first.
  const V den_lo = hn::Add(hn::Sub(hn::Min(m, two), hn::Sub(den, hn::Max(m, two))), m_lo);
  const V q = reciprocal_f32(d, den);
  const V t = hn::Mul(m, q);
  const V rest = hn::Add(hn::NegMulAdd(den, t, m), hn::NegMulAdd(den_lo, t, m_lo));
  return hn::CopySignToAbs(hn::MulAdd(rest, q, t), x);
}

template <class D, class V>
HWY_INLINE V log_f32(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V zero = hn::Zero(d);
  const auto subnormal = hn::Lt(x, hn::Set(d, 0x1p-126f));
  const V scaled = hn::IfThenElse(subnormal, hn::Mul(x, hn::Set(d, 0x1p25f)), x);
  // x = 2^e m with m in [sqrt(1/2), sqrt(2)).
  const auto bits = hn::BitCast(di, scaled);
  const auto e_int = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e_int)));
  const V e = hn::Sub(hn::ConvertTo(d, e_int), hn::IfThenElseZero(subnormal, hn::Set(d, 25.0f)));
  const V f = hn::Sub(m, hn::Set(d, 1.0f));
  const V f2 = hn::Mul(f, f);
  const V p = horner(d, f, 0.3333333118, -0.2499999696, 0.2000071575, -0.1666780232, 0.1424905765,
                     -0.1242568733, 0.1168541992, -0.1147973385, 6.971611471e-2);
  const V t = hn::Mul(f2, hn::MulAdd(f, p, hn::Set(d, -0.5f)));
  const V eh = hn::Mul(e, hn::Set(d, 0x1.62e4p-1f));  // exact
  const V high = hn::Add(eh, f);
  const V low =
      hn::MulAdd(e, hn::Set(d, 0x1.7f7d1cp-20f), hn::Add(hn::Add(hn::Sub(eh, high), f), t));
  // With e == 0 the fast two-sum above has its operands in the wrong order, but is exact.
  V result = hn::Add(high, low);
  result = hn::IfThenElse(hn::Eq(x, infinity(d)), x, result);
  result = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity(d)), result);
  return hn::IfThenElse(hn::Ge(x, zero), result, quiet_nan(d));
}

template <class D, class V>
HWY_INLINE V erf_f32(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V a = hn::Min(hn::Set(d, 4.0f), hn::Abs(x));
  const V a2 = hn::Mul(a, a);
  const V p = horner(d, a2, 0.128379166, -0.3761262667, 0.1128359472, -2.685421201e-2,
                     5.189087423e-3, -8.016864287e-4, 7.875875063e-5);
  const V small = hn::MulAdd(a, p, a);
  // 1 - erf = e^-h.
  const V h =
      horner(d, a, -3.218662575e-4, 1.130241877, 0.6318095501, 0.1100972425, -2.643164328e-2,
             4.763509663e-3, -5.976772749e-4, 4.616478516e-5, -1.642678968e-6);
  const V large = hn::Sub(one, exp_f32(d, hn::Neg(h)));
  return hn::CopySignToAbs(hn::IfThenElse(hn::Lt(a, one), small, large), x);
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace vm
}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
