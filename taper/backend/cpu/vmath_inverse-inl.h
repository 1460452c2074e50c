// Vector math for one Highway target: inverse trigonometric and hyperbolic functions on double
// vectors, for float results.
#if defined(TAPER_VMATH_INVERSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_VMATH_INVERSE_INL_H_
#undef TAPER_VMATH_INVERSE_INL_H_
#else
#define TAPER_VMATH_INVERSE_INL_H_
#endif

#include "taper/backend/cpu/vmath_wide-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace vm {

#if HWY_TARGET != HWY_SCALAR

/// sqrt(1 - x^2), NaN beyond 1.
template <class D, class V>
HWY_INLINE V wide_other_side(D d, V x) {
  const V one = hn::Set(d, 1.0);
  return hn::Sqrt(hn::Mul(hn::Sub(one, x), hn::Add(one, x)));
}
/// wide_atan2 takes no NaN: it comes back through the select.
template <class D, class V>
HWY_INLINE V wide_asin(D d, V x) {
  const V side = wide_other_side(d, x);
  return hn::IfThenElse(hn::Eq(side, side), wide_atan2(d, x, side), side);
}
template <class D, class V>
HWY_INLINE V wide_acos(D d, V x) {
  const V side = wide_other_side(d, x);
  return hn::IfThenElse(hn::Eq(side, side), wide_atan2(d, side, x), side);
}
template <class D, class V>
HWY_INLINE V wide_atan(D d, V x) {
  return hn::IfThenElse(hn::Eq(x, x), wide_atan2(d, x, hn::Set(d, 1.0)), x);
}

// Beyond +-100 a float has long been infinite (e^89).
template <class D, class V>
HWY_INLINE V wide_sinh(D d, V x) {
  const V one = hn::Set(d, 1.0);
  const V m = wide_expm1(d, hn::Min(hn::Set(d, 100.0), hn::Abs(x)));
  const V half = hn::Mul(hn::Set(d, 0.5), hn::Add(m, hn::Div(m, hn::Add(m, one))));
  return hn::CopySign(half, x);
}
template <class D, class V>
HWY_INLINE V wide_cosh(D d, V x) {
  const V e = wide_exp(d, hn::Min(hn::Set(d, 100.0), hn::Abs(x)));
  return hn::Mul(hn::Set(d, 0.5), hn::Add(e, hn::Div(hn::Set(d, 1.0), e)));
}
/// log1p(|x| + x^2 / (sqrt(x^2 + 1) + 1)), with x's sign.
template <class D, class V>
HWY_INLINE V wide_asinh(D d, V x) {
  const V one = hn::Set(d, 1.0), a = hn::Abs(x), a2 = hn::Mul(a, a);
  const V rest = hn::Div(a2, hn::Add(hn::Sqrt(hn::Add(a2, one)), one));
  const V y = hn::CopySign(wide_log1p(d, hn::Add(a, rest)), x);
  return hn::IfThenElse(hn::Eq(a, infinity(d)), x, y);
}
/// log1p(t + sqrt(2t + t^2)) with t = x - 1; NaN below 1.
template <class D, class V>
HWY_INLINE V wide_acosh(D d, V x) {
  const V one = hn::Set(d, 1.0), t = hn::Sub(x, one);
  const V y = wide_log1p(d, hn::Add(t, hn::Sqrt(hn::MulAdd(t, t, hn::Add(t, t)))));
  return hn::IfThenElse(hn::Ge(x, one), y, quiet_nan(d));
}
/// log1p(2x / (1 - x)) / 2.
template <class D, class V>
HWY_INLINE V wide_atanh(D d, V x) {
  const V ratio = hn::Div(hn::Add(x, x), hn::Sub(hn::Set(d, 1.0), x));
  return hn::Mul(hn::Set(d, 0.5), wide_log1p(d, ratio));
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace vm
}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
