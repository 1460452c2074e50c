// Vector math for one Highway target, second part: float32 functions in double arithmetic, so that
// they round once.
#if defined(TAPER_VMATH_WIDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_VMATH_WIDE_INL_H_
#undef TAPER_VMATH_WIDE_INL_H_
#else
#define TAPER_VMATH_WIDE_INL_H_
#endif

#include "taper/backend/cpu/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace vm {

#if HWY_TARGET != HWY_SCALAR

/// f, a function of double vectors, on a float vector.
template <class D, class V, class F>
HWY_INLINE V in_double(D d, V x, F f) {
  const hn::Repartition<double, D> dd;
  const hn::Half<D> dh;
  const auto low = f(dd, hn::PromoteTo(dd, hn::LowerHalf(dh, x)));
  const auto high = f(dd, hn::PromoteTo(dd, hn::UpperHalf(dh, x)));
  return hn::Combine(d, hn::DemoteTo(dh, high), hn::DemoteTo(dh, low));
}
template <class D, class V, class F>
HWY_INLINE V in_double(D d, V x, V y, F f) {
  const hn::Repartition<double, D> dd;
  const hn::Half<D> dh;
  const auto low =
      f(dd, hn::PromoteTo(dd, hn::LowerHalf(dh, x)), hn::PromoteTo(dd, hn::LowerHalf(dh, y)));
  const auto high =
      f(dd, hn::PromoteTo(dd, hn::UpperHalf(dh, x)), hn::PromoteTo(dd, hn::UpperHalf(dh, y)));
  return hn::Combine(d, hn::DemoteTo(dh, high), hn::DemoteTo(dh, low));
}

// The functions on double vectors below, named wide_*, are good to about 1e-10: they serve float
// results only.

template <class D, class V>
HWY_INLINE V wide_clamp(D d, V x, double low, double high) {
  return hn::Min(hn::Set(d, high), hn::Max(hn::Set(d, low), x));
}

/// e^x = scale (1 + e) for |x| < 700.
template <class V>
struct WideExp {
  V scale, e;
};
template <class D, class V>
HWY_INLINE WideExp<V> wide_exp_parts(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V magic = hn::Set(d, 0x1.8p52);
  const V u = hn::MulAdd(x, hn::Set(d, 0x1.71547652b82fep+0), magic);
  const V k = hn::Sub(u, magic);
  const V r = hn::NegMulAdd(k, hn::Set(d, 0x1.abc9e3b39803fp-56),
                            hn::NegMulAdd(k, hn::Set(d, 0x1.62e42fefa39efp-1), x));
  const V q =
      horner(d, r, 0.5, 0.166666667189975085, 4.16666667189808464e-2, 8.33329848375488603e-3,
             1.38888540496148188e-3, 1.98992739586493602e-4, 2.48595782226252948e-5);
  const V e = hn::MulAdd(hn::Mul(r, r), q, r);
  const auto bits = hn::Add(hn::BitCast(di, u), hn::Set(di, int64_t{1023}));
  return {hn::BitCast(d, hn::ShiftLeft<52>(bits)), e};
}
template <class D, class V>
HWY_INLINE V wide_exp(D d, V x) {
  const WideExp<V> p = wide_exp_parts(d, wide_clamp(d, x, -200.0, 200.0));
  return hn::MulAdd(p.scale, p.e, p.scale);
}
template <class D, class V>
HWY_INLINE V wide_expm1(D d, V x) {
  const WideExp<V> p = wide_exp_parts(d, wide_clamp(d, x, -200.0, 200.0));
  const V y = hn::MulAdd(p.scale, p.e, hn::Sub(p.scale, hn::Set(d, 1.0)));
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, y);  // keeps -0
}

/// ln x for positive finite normal x.
template <class D, class V>
HWY_INLINE V wide_log(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  // x = 2^e m with m in [sqrt(1/2), sqrt(2)); e + 1023 becomes a double through its mantissa.
  const auto offset = hn::Set(di, int64_t{0x3ff0000000000000} - 0x3fe6a09e667f3bcd);
  const auto shifted = hn::BitCast(
      di, hn::ShiftRight<52>(hn::BitCast(hn::RebindToUnsigned<D>(), hn::Add(bits, offset))));
  const V magic = hn::Set(d, 0x1p52);
  const V e =
      hn::Sub(hn::BitCast(d, hn::Or(shifted, hn::BitCast(di, magic))), hn::Set(d, 0x1p52 + 1023.0));
  const auto whole = hn::ShiftLeft<52>(hn::Sub(shifted, hn::Set(di, int64_t{1023})));
  const V f = hn::Sub(hn::BitCast(d, hn::Sub(bits, whole)), hn::Set(d, 1.0));
  const V p = horner(d, f, 0.333333333374910989, -0.250000002671548652, 0.199999978487027745,
                     -0.166666117335671525, 0.142858606778236694, -0.125032197543855837,
                     0.111094818631704829, -9.92283816717778244e-2, 9.03100721627554342e-2,
                     -9.10997750176522664e-2, 9.03691808247343827e-2, -5.00573985607489552e-2);
  const V t = hn::Mul(hn::Mul(f, f), hn::MulAdd(f, p, hn::Set(d, -0.5)));
  return hn::MulAdd(e, hn::Set(d, 0x1.62e42fefa39efp-1), hn::Add(f, t));
}
/// ln x with log's special values.
template <class D, class V>
HWY_INLINE V wide_log_full(D d, V x) {
  const V zero = hn::Zero(d);
  V y = wide_log(d, x);
  y = hn::IfThenElse(hn::Eq(x, infinity(d)), x, y);
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity(d)), y);
  return hn::IfThenElse(hn::Ge(x, zero), y, quiet_nan(d));
}
/// ln(1 + x): the rounding error of 1 + x is added back.
template <class D, class V>
HWY_INLINE V wide_log1p(D d, V x) {
  const V one = hn::Set(d, 1.0);
  const V u = hn::Add(one, x);
  const V error = hn::Sub(x, hn::Sub(u, one));
  // error / u, where it matters: u is near 1 there.
  const V correction = hn::IfThenElseZero(hn::Lt(hn::Abs(x), one), error);
  const V y = hn::Add(wide_log_full(d, u), correction);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, y);
}

/// erfc(a) e^(a^2) for 0 <= a <= 10.4.
template <class D, class V>
HWY_INLINE V wide_erfcx(D d, V a) {
  const V inverse = hn::Div(hn::Set(d, 1.0), hn::Add(a, hn::Set(d, 3.0)));
  const V t = hn::Mul(hn::Sub(a, hn::Set(d, 3.0)), inverse);
  const V p = horner(d, t, 1.07400690708750506, -0.88339445329047307, 0.59022835799827655,
                     -0.310467245477588695, 0.119527731914100891, -2.68276008785261625e-2,
                     -1.21227612960802658e-3, 3.03701913113511546e-3, -5.47120730522331482e-4,
                     -2.86576037558132423e-4, 9.80099748233101966e-5, 4.04667814530663874e-5);
  return hn::Mul(p, inverse);
}
template <class D, class V>
HWY_INLINE V wide_erfc(D d, V x) {
  const V a = hn::Min(hn::Set(d, 10.4), hn::Abs(x));
  const V h = hn::Mul(wide_exp(d, hn::Neg(hn::Mul(x, x))), wide_erfcx(d, a));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(hn::Set(d, 2.0), h), h);
}
/// The normal distribution's P(X <= x) and, through density, its density.
template <class D, class V>
HWY_INLINE V wide_normal_cdf(D d, V x, V& density) {
  const V s = hn::Mul(x, hn::Set(d, 0.70710678118654752440));
  const V a = hn::Min(hn::Set(d, 10.4), hn::Abs(s));
  const V e = wide_exp(d, hn::Neg(hn::Mul(s, s)));
  density = hn::Mul(e, hn::Set(d, 0.39894228040143267794));
  const V tail = hn::Mul(hn::Mul(e, hn::Set(d, 0.5)), wide_erfcx(d, a));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0), tail));
}

/// x = n pi/2 + r; sin and cos of r. |x| <= 2^40.
template <class D>
struct WideSinCos {
  hn::Vec<D> sin, cos;
  hn::Vec<hn::RebindToSigned<D>> n;
};
template <class D, class V>
HWY_INLINE WideSinCos<D> wide_sincos(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V magic = hn::Set(d, 0x1.8p52);
  const V u = hn::MulAdd(x, hn::Set(d, 0x1.45f306dc9c883p-1), magic);
  const V n = hn::Sub(u, magic);
  V r = hn::NegMulAdd(n, hn::Set(d, 0x1.921fb54442d18p+0), x);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.1a62633145c07p-54), r);
  r = hn::NegMulAdd(n, hn::Set(d, -0x1.f1976b7ed8fbcp-110), r);
  const V z = hn::Mul(r, r);
  const V s = horner(d, z, -0.166666666632507709, 8.33331164545169632e-3, -1.98399659308703807e-4,
                     2.7234643727424172e-6);
  const V c = horner(d, z, 4.16666666638167071e-2, -1.38888874806770635e-3, 2.48004995490426749e-5,
                     -2.72882038267244277e-7);
  const V sin = hn::MulAdd(hn::Mul(r, z), s, r);
  const V cos = hn::MulAdd(hn::Mul(z, z), c, hn::NegMulAdd(z, hn::Set(d, 0.5), hn::Set(d, 1.0)));
  return {sin, cos, hn::BitCast(di, u)};
}
template <class D, class VI>
HWY_INLINE auto bit_set(D d, VI n, int64_t bit) {
  const hn::RebindToSigned<D> di;
  return hn::MaskFromVec(hn::BitCast(d, hn::VecFromMask(di, hn::TestBit(n, hn::Set(di, bit)))));
}
template <class D, class V>
HWY_INLINE V wide_sin(D d, V x) {
  const WideSinCos<D> p = wide_sincos(d, x);
  const V y = hn::IfThenElse(bit_set(d, p.n, 1), p.cos, p.sin);
  const V signed_y = hn::IfThenElse(bit_set(d, p.n, 2), hn::Neg(y), y);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, signed_y);  // keeps -0
}
template <class D, class V>
HWY_INLINE V wide_cos(D d, V x) {
  const hn::RebindToSigned<D> di;
  const WideSinCos<D> p = wide_sincos(d, x);
  const V y = hn::IfThenElse(bit_set(d, p.n, 1), p.sin, p.cos);
  return hn::IfThenElse(bit_set(d, hn::Add(p.n, hn::Set(di, int64_t{1})), 2), hn::Neg(y), y);
}
template <class D, class V>
HWY_INLINE V wide_tan(D d, V x) {
  const WideSinCos<D> p = wide_sincos(d, x);
  const auto odd = bit_set(d, p.n, 1);
  const V y = hn::Div(hn::IfThenElse(odd, p.cos, p.sin), hn::IfThenElse(odd, p.sin, p.cos));
  const V signed_y = hn::IfThenElse(odd, hn::Neg(y), y);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, signed_y);
}
/// in_double for the periodic functions: beyond 2^40 the C library's reduction serves.
template <class D, class V, class F, class Libm>
HWY_INLINE V periodic(D d, V x, F f, Libm libm) {
  const V y = in_double(d, x, f);
  const auto huge = hn::Not(hn::Le(hn::Abs(x), hn::Set(d, 0x1p40f)));
  if (HWY_LIKELY(hn::AllFalse(d, huge))) return y;
  return hn::IfThenElse(huge, each_lane(d, x, libm), y);
}

/// Angle of (x, y).
template <class D, class V>
HWY_INLINE V wide_atan2(D d, V y, V x) {
  const V zero = hn::Zero(d);
  V ax = hn::Abs(x), ay = hn::Abs(y);
  // Two infinities are at 45 degrees.
  const auto both = hn::And(hn::Eq(ax, infinity(d)), hn::Eq(ay, infinity(d)));
  ax = hn::IfThenElse(both, hn::Set(d, 1.0), ax);
  ay = hn::IfThenElse(both, hn::Set(d, 1.0), ay);
  const auto steep = hn::Gt(ay, ax);
  const V big = hn::IfThenElse(steep, ay, ax);
  const V small = hn::IfThenElse(steep, ax, ay);
  const V t = hn::IfThenElseZero(hn::Ne(big, zero), hn::Div(small, big));
  const V z = hn::Mul(t, t);
  const V p = horner(d, z, -0.333333332933011735, 0.199999902759472717, -0.142853179639073033,
                     0.111047067886442191, -9.0367423420707812e-2, 7.41749696430051053e-2,
                     -5.76071608312811733e-2, 3.83274459830648437e-2, -1.92610813227658827e-2,
                     6.20725453378005039e-3, -9.36299471949601501e-4);
  V angle = hn::MulAdd(hn::Mul(t, z), p, t);
  angle = hn::IfThenElse(steep, hn::Sub(hn::Set(d, 1.57079632679489661923), angle), angle);
  // The sign bit of x counts, not its order: atan2(0, -0) is pi.
  const V sign = hn::CopySign(hn::Set(d, 1.0), x);
  angle =
      hn::IfThenElse(hn::Lt(sign, zero), hn::Sub(hn::Set(d, 3.14159265358979323846), angle), angle);
  angle = hn::CopySign(angle, y);
  const auto ordered = hn::And(hn::Eq(x, x), hn::Eq(y, y));
  return hn::IfThenElse(ordered, angle, quiet_nan(d));
}

/// C's pow.
template <class D, class V>
HWY_INLINE V wide_pow(D d, V x, V y) {
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0), half = hn::Set(d, 0.5);
  const V ax = hn::Abs(x);
  V log = wide_log(d, ax);
  log = hn::IfThenElse(hn::Eq(ax, zero), hn::Neg(infinity(d)), log);
  log = hn::IfThenElse(hn::Eq(ax, infinity(d)), ax, log);
  log = hn::IfThenElse(hn::Eq(x, x), log, x);
  V r = wide_exp(d, hn::Mul(y, log));
  const V half_y = hn::Mul(y, half);
  const auto whole = hn::Eq(hn::Floor(y), y);
  const auto odd = hn::And(whole, hn::Ne(hn::Floor(half_y), half_y));
  const auto negative = hn::Lt(hn::CopySign(one, x), zero);
  r = hn::IfThenElse(hn::And(negative, odd), hn::Neg(r), r);
  const auto finite_negative = hn::And(hn::Lt(x, zero), hn::IsFinite(x));
  r = hn::IfThenElse(hn::AndNot(whole, finite_negative), quiet_nan(d), r);
  const auto unit =
      hn::Or(hn::Eq(x, one), hn::And(hn::Eq(ax, one), hn::Eq(hn::Abs(y), infinity(d))));
  return hn::IfThenElse(hn::Or(unit, hn::Eq(y, zero)), one, r);
}

/// x P(X <= x).
template <class D, class V>
HWY_INLINE V wide_gelu(D d, V x) {
  V density;
  const V y = hn::Mul(x, wide_normal_cdf(d, x, density));
  // The true limit at -infinity is 0; PyTorch's product -inf * 0 gives NaN.
  return hn::IfThenElse(hn::Eq(x, hn::Neg(infinity(d))), quiet_nan(d), y);
}
template <class D, class V>
HWY_INLINE V wide_gelu_slope(D d, V x) {
  V density;
  const V cdf = wide_normal_cdf(d, x, density);
  return hn::MulAdd(x, density, cdf);
}
/// 1 / (1 + e^-x).
template <class D, class V>
HWY_INLINE V wide_sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0);
  return hn::Div(one, hn::Add(one, wide_exp(d, hn::Neg(x))));
}
/// x sigmoid(2 u) with u = sqrt(2/pi) (x + 0.044715 x^3).
template <class D, class V>
HWY_INLINE V wide_gelu_tanh(D d, V x) {
  // Beyond 30 the sigmoid is 0 or 1; the clamp keeps x^3 finite.
  const V a = wide_clamp(d, x, -30.0, 30.0);
  const V u2 = hn::Mul(hn::Mul(a, hn::Set(d, 1.59576912160573071176)),
                       hn::MulAdd(hn::Mul(a, a), hn::Set(d, 0.044715), hn::Set(d, 1.0)));
  const V y = hn::Mul(x, wide_sigmoid(d, u2));
  return hn::IfThenElse(hn::Eq(x, hn::Neg(infinity(d))), quiet_nan(d), y);
}
/// ln(1 + e^x).
template <class D, class V>
HWY_INLINE V wide_softplus(D d, V x) {
  const V y = wide_log1p(d, wide_exp(d, x));
  return hn::IfThenElse(hn::Gt(x, hn::Set(d, 40.0)), x, y);
}
template <class D, class V>
HWY_INLINE V wide_silu_slope(D d, V x) {
  const V one = hn::Set(d, 1.0);
  const V s = wide_sigmoid(d, x);
  return hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one));
}
template <class D, class V>
HWY_INLINE V wide_gelu_tanh_slope(D d, V x) {
  const V one = hn::Set(d, 1.0);
  const V k = hn::Set(d, 1.59576912160573071176);
  const V x2 = hn::Mul(x, x);
  const V s = wide_sigmoid(d, hn::Mul(hn::Mul(k, x), hn::MulAdd(hn::Set(d, 0.044715), x2, one)));
  const V u = hn::Mul(k, hn::MulAdd(hn::Set(d, 3 * 0.044715), x2, one));
  return hn::MulAdd(hn::Mul(hn::Mul(x, u), s), hn::Sub(one, s), s);
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace vm
}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
