// The one-dimensional transforms of Winograd's convolution. Included once per Highway target.
#if defined(TAPER_WINOGRAD_STEPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_WINOGRAD_STEPS_INL_H_
#undef TAPER_WINOGRAD_STEPS_INL_H_
#else
#define TAPER_WINOGRAD_STEPS_INL_H_
#endif

#include "taper/backend/cpu/winograd_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX2
namespace {

// Of 4 results: for the points 0, 1, -1, 2, -2 and infinity; of 5: with -1/2 before infinity.
// Others round more: 7 results reach errors of 2e-4 of the largest value.
HWY_INLINE void InputStep(const V (&x)[6], V (&y)[6]) {
  const D d;
  const V four = hn::Set(d, 4.0f), five = hn::Set(d, 5.0f), two = hn::Set(d, 2.0f);
  const V a = hn::NegMulAdd(four, x[2], x[4]), b = hn::NegMulAdd(four, x[1], x[3]);
  const V c = hn::Sub(x[4], x[2]), e = hn::Sub(x[3], x[1]);
  y[0] = hn::MulAdd(four, x[0], hn::NegMulAdd(five, x[2], x[4]));
  y[1] = hn::Add(a, b);
  y[2] = hn::Sub(a, b);
  y[3] = hn::MulAdd(two, e, c);
  y[4] = hn::NegMulAdd(two, e, c);
  y[5] = hn::MulAdd(four, x[1], hn::NegMulAdd(five, x[3], x[5]));
}
// The new point adds the factor (x + 1/2) to the polynomials of all others.
HWY_INLINE void InputStep(const V (&x)[7], V (&y)[7]) {
  const D d;
  const V half = hn::Set(d, 0.5f);
  V in[6], out[6];
  for (int i = 0; i < 6; ++i) in[i] = hn::MulAdd(half, x[i], x[i + 1]);
  InputStep(in, out);
  for (int i = 0; i < 5; ++i) y[i] = out[i];
  y[5] = hn::MulAdd(hn::Set(d, 4.0f), x[1], hn::NegMulAdd(hn::Set(d, 5.0f), x[3], x[5]));
  y[6] = out[5];
}

HWY_INLINE void ResultStep(const V (&x)[6], V (&y)[4]) {
  const D d;
  const V p = hn::Add(x[1], x[2]), q = hn::Sub(x[1], x[2]);
  const V r = hn::Add(x[3], x[4]), s = hn::Sub(x[3], x[4]);
  y[0] = hn::Add(hn::Add(x[0], p), r);
  y[1] = hn::MulAdd(hn::Set(d, 2.0f), s, q);
  y[2] = hn::MulAdd(hn::Set(d, 4.0f), r, p);
  y[3] = hn::Add(hn::MulAdd(hn::Set(d, 8.0f), s, q), x[5]);
}
HWY_INLINE void ResultStep(const V (&x)[7], V (&y)[5]) {
  const D d;
  const V p = hn::Add(x[1], x[2]), q = hn::Sub(x[1], x[2]);
  const V r = hn::Add(x[3], x[4]), s = hn::Sub(x[3], x[4]);
  y[0] = hn::Add(hn::Add(x[0], p), hn::Add(r, x[5]));
  y[1] = hn::NegMulAdd(hn::Set(d, 0.5f), x[5], hn::MulAdd(hn::Set(d, 2.0f), s, q));
  y[2] = hn::MulAdd(hn::Set(d, 0.25f), x[5], hn::MulAdd(hn::Set(d, 4.0f), r, p));
  y[3] = hn::NegMulAdd(hn::Set(d, 0.125f), x[5], hn::MulAdd(hn::Set(d, 8.0f), s, q));
  y[4] = hn::Add(hn::MulAdd(hn::Set(d, 0.0625f), x[5], hn::MulAdd(hn::Set(d, 16.0f), r, p)), x[6]);
}

// GradientStep is the transpose of ResultStep.
HWY_INLINE void GradientStep(const V (&x)[4], V (&y)[6]) {
  const D d;
  const V four = hn::Set(d, 4.0f), two = hn::Set(d, 2.0f);
  const V p = hn::Add(x[0], x[2]), q = hn::Add(x[1], x[3]);
  const V r = hn::MulAdd(four, x[2], x[0]), s = hn::MulAdd(four, x[3], x[1]);
  y[0] = x[0];
  y[1] = hn::Add(p, q);
  y[2] = hn::Sub(p, q);
  y[3] = hn::MulAdd(two, s, r);
  y[4] = hn::NegMulAdd(two, s, r);
  y[5] = x[3];
}
HWY_INLINE void GradientStep(const V (&x)[5], V (&y)[7]) {
  const D d;
  const V two = hn::Set(d, 2.0f), four = hn::Set(d, 4.0f), quarter = hn::Set(d, 0.25f);
  const V p = hn::Add(hn::Add(x[0], x[2]), x[4]), q = hn::Add(x[1], x[3]);
  const V r = hn::MulAdd(four, hn::MulAdd(four, x[4], x[2]), x[0]),
          s = hn::MulAdd(four, x[3], x[1]);
  const V even = hn::MulAdd(quarter, hn::MulAdd(quarter, x[4], x[2]), x[0]);
  y[0] = x[0];
  y[1] = hn::Add(p, q);
  y[2] = hn::Sub(p, q);
  y[3] = hn::MulAdd(two, s, r);
  y[4] = hn::NegMulAdd(two, s, r);
  y[5] = hn::NegMulAdd(hn::Set(d, 0.5f), hn::MulAdd(quarter, x[3], x[1]), even);
  y[6] = x[4];
}

HWY_INLINE void FilterStep(const V (&x)[3], V (&y)[6]) {
  const D d;
  const V sixth = hn::Set(d, -1.0f / 6), twelfth = hn::Set(d, 1.0f / 12);
  const V outer = hn::Add(x[0], x[2]);
  const V far = hn::MulAdd(hn::Set(d, 1.0f / 24), x[0], hn::Mul(hn::Set(d, 1.0f / 6), x[2]));
  y[0] = hn::Mul(hn::Set(d, 0.25f), x[0]);
  y[1] = hn::Mul(sixth, hn::Add(outer, x[1]));
  y[2] = hn::Mul(sixth, hn::Sub(outer, x[1]));
  y[3] = hn::MulAdd(twelfth, x[1], far);
  y[4] = hn::NegMulAdd(twelfth, x[1], far);
  y[5] = x[2];
}
HWY_INLINE void FilterStep(const V (&x)[3], V (&y)[7]) {
  const D d;
  const V outer = hn::Add(x[0], x[2]), two = hn::Set(d, 2.0f);
  const V far = hn::MulAdd(hn::Set(d, 4.0f), x[2], x[0]);
  const V near = hn::NegMulAdd(hn::Set(d, 0.5f), x[1], hn::MulAdd(hn::Set(d, 0.25f), x[2], x[0]));
  y[0] = hn::Mul(hn::Set(d, 0.5f), x[0]);
  y[1] = hn::Mul(hn::Set(d, -1.0f / 9), hn::Add(outer, x[1]));
  y[2] = hn::Mul(hn::Set(d, 1.0f / 3), hn::Sub(outer, x[1]));
  y[3] = hn::Mul(hn::Set(d, 1.0f / 60), hn::MulAdd(two, x[1], far));
  y[4] = hn::Mul(hn::Set(d, -1.0f / 36), hn::NegMulAdd(two, x[1], far));
  y[5] = hn::Mul(hn::Set(d, -32.0f / 45), near);
  y[6] = x[2];
}

// TapStep is the transpose of FilterStep.
HWY_INLINE void TapStep(const V (&x)[6], V (&y)[3]) {
  const D d;
  const V sixth = hn::Set(d, 1.0f / 6);
  const V near = hn::Mul(sixth, hn::Add(x[1], x[2])), far = hn::Add(x[3], x[4]);
  y[0] = hn::MulAdd(hn::Set(d, 0.25f), x[0],
                    hn::NegMulAdd(hn::Set(d, -1.0f / 24), far, hn::Neg(near)));
  y[1] =
      hn::MulAdd(sixth, hn::Sub(x[2], x[1]), hn::Mul(hn::Set(d, 1.0f / 12), hn::Sub(x[3], x[4])));
  y[2] = hn::Add(hn::Sub(hn::Mul(sixth, far), near), x[5]);
}
HWY_INLINE void TapStep(const V (&x)[7], V (&y)[3]) {
  const D d;
  const V one = hn::Mul(hn::Set(d, -1.0f / 9), x[1]),
          minus_one = hn::Mul(hn::Set(d, 1.0f / 3), x[2]);
  const V two = hn::Mul(hn::Set(d, 1.0f / 60), x[3]);
  const V minus_two = hn::Mul(hn::Set(d, -1.0f / 36), x[4]);
  const V half = hn::Mul(hn::Set(d, -32.0f / 45), x[5]);
  const V near = hn::Add(one, minus_one), far = hn::Add(two, minus_two);
  y[0] = hn::Add(hn::MulAdd(hn::Set(d, 0.5f), x[0], half), hn::Add(near, far));
  y[1] =
      hn::NegMulAdd(hn::Set(d, 0.5f), half,
                    hn::MulAdd(hn::Set(d, 2.0f), hn::Sub(two, minus_two), hn::Sub(one, minus_one)));
  y[2] =
      hn::Add(hn::MulAdd(hn::Set(d, 0.25f), half, x[6]), hn::MulAdd(hn::Set(d, 4.0f), far, near));
}

}  // namespace
#endif

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();
#endif
