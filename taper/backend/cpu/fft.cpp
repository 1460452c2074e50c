#include "taper/kernel/fft.h"

#include <algorithm>
#include <utility>

#include "taper/backend/cpu/fft_plan.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/fft.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/pointwise_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {

// Transforms of R numbers (r[k], i[k]) in place. Loops have constant bounds and unroll.

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

/// One pass over the data. With s = 1 the loop runs over p, else over q: either is contiguous.
template <int R, class T>
HWY_ATTR void run_stage(const typename cpu::FftPlan<T>::Stage& stage, const T* HWY_RESTRICT xr,
                        const T* HWY_RESTRICT xi, T* HWY_RESTRICT yr, T* HWY_RESTRICT yi) {
  const int64_t m = stage.m, s = stage.s;
  const T* HWY_RESTRICT wr = stage.re.data();
  const T* HWY_RESTRICT wi = stage.im.data();
  const Butterfly<R, T> butterfly(stage.cos.data(), stage.sin.data());
  if (s == 1) {
    TAPER_INDEPENDENT
    for (int64_t p = 0; p < m; ++p) {
      T r[R], i[R];
#pragma GCC unroll 16
      for (int k = 0; k < R; ++k) {
        r[k] = xr[p + k * m];
        i[k] = xi[p + k * m];
      }
      butterfly(r, i);
      yr[R * p] = r[0];
      yi[R * p] = i[0];
#pragma GCC unroll 16
      for (int k = 1; k < R; ++k) {
        const T c = wr[(k - 1) * m + p], d = wi[(k - 1) * m + p];
        yr[R * p + k] = r[k] * c - i[k] * d;
        yi[R * p + k] = r[k] * d + i[k] * c;
      }
    }
    return;
  }
  for (int64_t p = 0; p < m; ++p) {
    T c[R], d[R];
    for (int k = 1; k < R; ++k) {
      c[k] = wr[(k - 1) * m + p];
      d[k] = wi[(k - 1) * m + p];
    }
    const T* HWY_RESTRICT ar = xr + s * p;
    const T* HWY_RESTRICT ai = xi + s * p;
    T* HWY_RESTRICT br = yr + s * R * p;
    T* HWY_RESTRICT bi = yi + s * R * p;
    TAPER_INDEPENDENT
    for (int64_t q = 0; q < s; ++q) {
      T r[R], i[R];
#pragma GCC unroll 16
      for (int k = 0; k < R; ++k) {
        r[k] = ar[q + s * m * k];
        i[k] = ai[q + s * m * k];
      }
      butterfly(r, i);
      br[q] = r[0];
      bi[q] = i[0];
#pragma GCC unroll 16
      for (int k = 1; k < R; ++k) {
        br[q + s * k] = r[k] * c[k] - i[k] * d[k];
        bi[q + s * k] = r[k] * d[k] + i[k] * c[k];
      }
    }
  }
}

template <class T>
HWY_ATTR void pass(const typename cpu::FftPlan<T>::Stage& stage, const T* xr, const T* xi, T* yr,
                   T* yi) {
  switch (stage.radix) {
    case 2:
      return run_stage<2, T>(stage, xr, xi, yr, yi);
    case 3:
      return run_stage<3, T>(stage, xr, xi, yr, yi);
    case 4:
      return run_stage<4, T>(stage, xr, xi, yr, yi);
    case 5:
      return run_stage<5, T>(stage, xr, xi, yr, yi);
    case 7:
      return run_stage<7, T>(stage, xr, xi, yr, yi);
    case 8:
      return run_stage<8, T>(stage, xr, xi, yr, yi);
    default:
      return run_stage<11, T>(stage, xr, xi, yr, yi);
  }
}

template <class T>
HWY_ATTR void multiply(T* HWY_RESTRICT re, T* HWY_RESTRICT im, const T* HWY_RESTRICT br,
                       const T* HWY_RESTRICT bi, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T r = re[i] * br[i] - im[i] * bi[i];
    im[i] = re[i] * bi[i] + im[i] * br[i];
    re[i] = r;
  }
}

/// The transform of a smooth length: passes to and fro between the data and the scratch memory.
template <class T>
HWY_ATTR void transform_smooth(const cpu::FftPlan<T>& plan, T* re, T* im, T* scratch) {
  T *xr = re, *xi = im, *yr = scratch, *yi = scratch + plan.n;
  for (const auto& stage : plan.stages) {
    pass<T>(stage, xr, xi, yr, yi);
    std::swap(xr, yr);
    std::swap(xi, yi);
  }
  if (xr != re) {
    std::copy_n(xr, plan.n, re);
    std::copy_n(xi, plan.n, im);
  }
}

/// Bluestein: with jk = (j^2 + k^2 - (k - j)^2) / 2 the transform is a convolution with a chirp.
template <class T>
HWY_ATTR void transform_any(const cpu::FftPlan<T>& plan, T* re, T* im, T* scratch) {
  if (!plan.convolution) return transform_smooth(plan, re, im, scratch);
  const int64_t n = plan.n, length = plan.convolution->n;
  T *ar = scratch, *ai = scratch + length, *rest = scratch + 2 * length;
  multiply(re, im, plan.chirp_re.data(), plan.chirp_im.data(), n);
  std::copy_n(re, n, ar);
  std::copy_n(im, n, ai);
  std::fill(ar + n, ar + length, T(0));
  std::fill(ai + n, ai + length, T(0));
  transform_smooth(*plan.convolution, ar, ai, rest);
  multiply(ar, ai, plan.kernel_re.data(), plan.kernel_im.data(), length);
  // The inverse is the transform with the parts exchanged.
  transform_smooth(*plan.convolution, ai, ar, rest);
  multiply(ar, ai, plan.chirp_re.data(), plan.chirp_im.data(), n);
  std::copy_n(ar, n, re);
  std::copy_n(ai, n, im);
}

template <class T>
HWY_ATTR void split(const T* HWY_RESTRICT from, T* HWY_RESTRICT re, T* HWY_RESTRICT im, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    re[i] = from[2 * i];
    im[i] = from[2 * i + 1];
  }
}
template <class T>
HWY_ATTR void join(T* HWY_RESTRICT to, const T* HWY_RESTRICT re, const T* HWY_RESTRICT im,
                   int64_t n, T scale) {
  for (int64_t i = 0; i < n; ++i) {
    to[2 * i] = re[i] * scale;
    to[2 * i + 1] = im[i] * scale;
  }
}

template <class T>
HWY_ATTR void complex_row(const cpu::FftPlan<T>& plan, T* to, const T* from, bool inverse, T scale,
                          T* scratch) {
  const int64_t n = plan.n;
  T *re = scratch, *im = scratch + n;
  if (inverse) std::swap(re, im);
  split(from, re, im, n);
  transform_any(plan, scratch, scratch + n, scratch + 2 * n);
  join(to, re, im, n, scale);
}

/// A real signal of even length 2 h, taken as h complex numbers: even and odd elements. The plan is
/// of h, and from its values Z come X[k] = (Z[k] + Z*[h-k]) / 2 - i w^k (Z[k] - Z*[h-k]) / 2.
template <class T>
HWY_ATTR void even_real_row(const cpu::FftPlan<T>& plan, T* HWY_RESTRICT to, const T* from, T scale,
                            T* scratch) {
  const int64_t h = plan.n;
  T* HWY_RESTRICT re = scratch;
  T* HWY_RESTRICT im = scratch + h;
  split(from, re, im, h);
  transform_any(plan, re, im, scratch + 2 * h);
  const T half = scale / 2;
  const T* HWY_RESTRICT wr = plan.half_re.data();
  const T* HWY_RESTRICT wi = plan.half_im.data();
  to[0] = (re[0] + im[0]) * scale;
  to[1] = 0;
  to[2 * h] = (re[0] - im[0]) * scale;
  to[2 * h + 1] = 0;
  for (int64_t k = 1; k < h; ++k) {
    const T er = re[k] + re[h - k], ei = im[k] - im[h - k];
    const T fr = re[k] - re[h - k], fi = im[k] + im[h - k];
    // -i w f
    const T gr = wr[k] * fi + wi[k] * fr, gi = wi[k] * fi - wr[k] * fr;
    to[2 * k] = (er + gr) * half;
    to[2 * k + 1] = (ei + gi) * half;
  }
}
/// The same backwards: Z[k] = X[k] + X*[h-k] + i w^-k (X[k] - X*[h-k]).
template <class T>
HWY_ATTR void even_inverse_row(const cpu::FftPlan<T>& plan, T* to, const T* HWY_RESTRICT x, T scale,
                               T* scratch) {
  const int64_t h = plan.n;
  T* HWY_RESTRICT re = scratch;
  T* HWY_RESTRICT im = scratch + h;
  const T* HWY_RESTRICT wr = plan.half_re.data();
  const T* HWY_RESTRICT wi = plan.half_im.data();
  re[0] = x[0] + x[2 * h];
  im[0] = x[0] - x[2 * h];
  for (int64_t k = 1; k < h; ++k) {
    const T er = x[2 * k] + x[2 * (h - k)], ei = x[2 * k + 1] - x[2 * (h - k) + 1];
    const T fr = x[2 * k] - x[2 * (h - k)], fi = x[2 * k + 1] + x[2 * (h - k) + 1];
    // i w* f
    re[k] = er + wi[k] * fr - wr[k] * fi;
    im[k] = ei + wr[k] * fr + wi[k] * fi;
  }
  transform_any(plan, im, re, scratch + 2 * h);
  join(to, re, im, h, scale);
}

template <class T>
HWY_ATTR void odd_real_row(const cpu::FftPlan<T>& plan, T* to, const T* from, T scale, T* scratch) {
  const int64_t n = plan.n;
  T *re = scratch, *im = scratch + n;
  std::copy_n(from, n, re);
  std::fill(im, im + n, T(0));
  transform_any(plan, re, im, scratch + 2 * n);
  join(to, re, im, n / 2 + 1, scale);
  to[1] = 0;
}
template <class T>
HWY_ATTR void odd_inverse_row(const cpu::FftPlan<T>& plan, T* to, const T* from, T scale,
                              T* scratch) {
  const int64_t n = plan.n;
  T *re = scratch, *im = scratch + n;
  split(from, re, im, n / 2 + 1);
  im[0] = 0;
  for (int64_t k = 1; k <= n / 2; ++k) {
    re[n - k] = re[k];
    im[n - k] = -im[k];
  }
  transform_any(plan, im, re, scratch + 2 * n);
  for (int64_t i = 0; i < n; ++i) to[i] = re[i] * scale;
}

}  // namespace

void split_float(const cpu::FftPlan<float>& plan, float* re, float* im, float* scratch) {
  transform_any(plan, re, im, scratch);
}
void split_double(const cpu::FftPlan<double>& plan, double* re, double* im, double* scratch) {
  transform_any(plan, re, im, scratch);
}

/// Row `row` of a kernel's tensors. kind: 0 complex, 1 its inverse, 2 from real, 3 to real.
template <class T>
HWY_ATTR void run_row(const cpu::FftPlan<T>& plan, int kind, bool even, T* to, const T* from,
                      double scale, T* scratch) {
  const T factor = static_cast<T>(scale);
  if (kind < 2) return complex_row(plan, to, from, kind == 1, factor, scratch);
  if (kind == 2) {
    return even ? even_real_row(plan, to, from, factor, scratch)
                : odd_real_row(plan, to, from, factor, scratch);
  }
  return even ? even_inverse_row(plan, to, from, factor, scratch)
              : odd_inverse_row(plan, to, from, factor, scratch);
}
void row_float(const cpu::FftPlan<float>& plan, int kind, bool even, float* to, const float* from,
               double scale, float* scratch) {
  run_row(plan, kind, even, to, from, scale, scratch);
}
void row_double(const cpu::FftPlan<double>& plan, int kind, bool even, double* to,
                const double* from, double scale, double* scratch) {
  run_row(plan, kind, even, to, from, scale, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
HWY_EXPORT(split_float);
HWY_EXPORT(split_double);
HWY_EXPORT(row_float);
HWY_EXPORT(row_double);

namespace cpu {

void fft_split(const FftPlan<float>& plan, float* re, float* im, float* scratch) {
  HWY_DYNAMIC_DISPATCH(split_float)(plan, re, im, scratch);
}
void fft_split(const FftPlan<double>& plan, double* re, double* im, double* scratch) {
  HWY_DYNAMIC_DISPATCH(split_double)(plan, re, im, scratch);
}

namespace {

enum Kind { kForward, kInverse, kFromReal, kToReal };
constexpr int64_t kGrain = 16384;  // elements for one thread

/// All rows: `real` is the tensor whose rows have the signal's length.
template <class T>
void run_rows(View out, ConstView x, Kind kind, int64_t n, double scale) {
  const int64_t to_row = (kind == kFromReal ? n / 2 + 1 : n) * (kind == kToReal ? 1 : 2);
  const int64_t from_row = (kind == kToReal ? n / 2 + 1 : n) * (kind == kFromReal ? 1 : 2);
  const bool even = n % 2 == 0;
  const int64_t length = kind >= kFromReal && even ? n / 2 : n;
  const std::shared_ptr<const FftPlan<T>> plan = fft_plan<T>(length);
  T* to = static_cast<T*>(out.raw_data());
  const T* from = static_cast<const T*>(x.raw_data());
  const int64_t rows = out.numel() * (kind == kToReal ? 1 : 2) / to_row;
  parallel_for(0, rows, std::max<int64_t>(kGrain / n, 1), [&](int64_t first, int64_t last) {
    const Scratch<T> scratch(static_cast<size_t>(2 * length + plan->scratch()));
    for (int64_t row = first; row < last; ++row) {
      T* target = to + row * to_row;
      const T* source = from + row * from_row;
      if constexpr (std::is_same_v<T, float>) {
        HWY_DYNAMIC_DISPATCH(row_float)(*plan, kind, even, target, source, scale, scratch.data());
      } else {
        HWY_DYNAMIC_DISPATCH(row_double)(*plan, kind, even, target, source, scale, scratch.data());
      }
    }
  });
}
void run(View out, ConstView x, Kind kind, int64_t n, double scale) {
  if (out.numel() == 0) return;
  if (toRealValueType(out.dtype()) == kFloat) return run_rows<float>(out, x, kind, n, scale);
  run_rows<double>(out, x, kind, n, scale);
}

}  // namespace

void fft_complex(View out, ConstView x, bool inverse, double scale) {
  run(out, x, inverse ? kInverse : kForward, out.sizes().back(), scale);
}
void fft_from_real(View out, ConstView x, double scale) {
  run(out, x, kFromReal, x.sizes().back(), scale);
}
void fft_to_real(View out, ConstView x, double scale) {
  run(out, x, kToReal, out.sizes().back(), scale);
}

}  // namespace cpu
}  // namespace taper
#endif
