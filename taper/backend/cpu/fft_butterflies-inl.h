// Transforms of R numbers (r[k], i[k]) in place, for one Highway target. Loops have constant bounds
// and unroll. Include after simd.h and foreach_target.h.
#if defined(TAPER_FFT_BUTTERFLIES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_FFT_BUTTERFLIES_INL_H_
#undef TAPER_FFT_BUTTERFLIES_INL_H_
#else
#define TAPER_FFT_BUTTERFLIES_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {

template <class T>
HWY_INLINE void swap_parts_down(T& r, T& i) {  // times -i
  const T t = r;
  r = i;
  i = -t;
}
template <class T>
HWY_INLINE void butterfly2(T& ar, T& ai, T& br, T& bi) {
  const T r = ar - br, i = ai - bi;
  ar += br;
  ai += bi;
  br = r;
  bi = i;
}
template <class T>
HWY_INLINE void butterfly4(T& r0, T& i0, T& r1, T& i1, T& r2, T& i2, T& r3, T& i3) {
  butterfly2(r0, i0, r2, i2);
  butterfly2(r1, i1, r3, i3);
  swap_parts_down(r3, i3);
  butterfly2(r0, i0, r1, i1);
  butterfly2(r2, i2, r3, i3);
  // Now 0, 2, 1, 3 in order.
  T t = r1;
  r1 = r2;
  r2 = t;
  t = i1;
  i1 = i2;
  i2 = t;
}
template <class T>
HWY_INLINE void turn_eighth(T& r, T& i) {  // times (1 - i) / sqrt(2)
  constexpr T kHalfRoot = static_cast<T>(0.70710678118654752440);
  const T t = (r + i) * kHalfRoot;
  i = (i - r) * kHalfRoot;
  r = t;
}

template <int R, class T>
struct Butterfly {
  // Odd radices: pairs k and R - k share their products.
  HWY_INLINE Butterfly(const T* cos, const T* sin) {
    for (int k = 0; k < R; ++k) {
      c[k] = cos[k];
      s[k] = sin[k];
    }
  }
  HWY_INLINE void operator()(T (&r)[R], T (&i)[R]) const {
    constexpr int kHalf = (R - 1) / 2;
    T pr[kHalf], pi[kHalf], mr[kHalf], mi[kHalf];
    T sum_r = r[0], sum_i = i[0];
#pragma GCC unroll 16
    for (int k = 0; k < kHalf; ++k) {
      pr[k] = r[k + 1] + r[R - 1 - k];
      pi[k] = i[k + 1] + i[R - 1 - k];
      mr[k] = r[k + 1] - r[R - 1 - k];
      mi[k] = i[k + 1] - i[R - 1 - k];
      sum_r += pr[k];
      sum_i += pi[k];
    }
    T er[kHalf], ei[kHalf], fr[kHalf], fi[kHalf];
#pragma GCC unroll 16
    for (int j = 0; j < kHalf; ++j) {
      T ar = r[0], ai = i[0], br = 0, bi = 0;
#pragma GCC unroll 16
      for (int k = 0; k < kHalf; ++k) {
        const int at = (j + 1) * (k + 1) % R;
        ar += c[at] * pr[k];
        ai += c[at] * pi[k];
        br += s[at] * mr[k];
        bi += s[at] * mi[k];
      }
      er[j] = ar;
      ei[j] = ai;
      fr[j] = br;
      fi[j] = bi;
    }
    r[0] = sum_r;
    i[0] = sum_i;
#pragma GCC unroll 16
    for (int j = 0; j < kHalf; ++j) {
      r[j + 1] = er[j] + fi[j];
      i[j + 1] = ei[j] - fr[j];
      r[R - 1 - j] = er[j] - fi[j];
      i[R - 1 - j] = ei[j] + fr[j];
    }
  }
  T c[R], s[R];
};
template <class T>
struct Butterfly<2, T> {
  HWY_INLINE Butterfly(const T*, const T*) {}
  HWY_INLINE void operator()(T (&r)[2], T (&i)[2]) const { butterfly2(r[0], i[0], r[1], i[1]); }
};
template <class T>
struct Butterfly<4, T> {
  HWY_INLINE Butterfly(const T*, const T*) {}
  HWY_INLINE void operator()(T (&r)[4], T (&i)[4]) const {
    butterfly4(r[0], i[0], r[1], i[1], r[2], i[2], r[3], i[3]);
  }
};
template <class T>
struct Butterfly<8, T> {
  HWY_INLINE Butterfly(const T*, const T*) {}
  HWY_INLINE void operator()(T (&r)[8], T (&i)[8]) const {
    butterfly4(r[0], i[0], r[2], i[2], r[4], i[4], r[6], i[6]);
    butterfly4(r[1], i[1], r[3], i[3], r[5], i[5], r[7], i[7]);
    turn_eighth(r[3], i[3]);
    swap_parts_down(r[5], i[5]);
    turn_eighth(r[7], i[7]);
    swap_parts_down(r[7], i[7]);
    T er[4], ei[4], fr[4], fi[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      er[k] = r[2 * k] + r[2 * k + 1];
      ei[k] = i[2 * k] + i[2 * k + 1];
      fr[k] = r[2 * k] - r[2 * k + 1];
      fi[k] = i[2 * k] - i[2 * k + 1];
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      r[k] = er[k];
      i[k] = ei[k];
      r[k + 4] = fr[k];
      i[k + 4] = fi[k];
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
