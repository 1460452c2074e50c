// Vector math for one Highway target: the functions for ops, on float and double vectors.
#if defined(TAPER_VMATH_FUNCTIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_VMATH_FUNCTIONS_INL_H_
#undef TAPER_VMATH_FUNCTIONS_INL_H_
#else
#define TAPER_VMATH_FUNCTIONS_INL_H_
#endif

#include "taper/backend/cpu/vmath_inverse-inl.h"
#include "taper/backend/cpu/vmath_piecewise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace vm {

// The functions that ops call: V f(D, V) for float and double vectors. A row gives the float32
// code and the C library's function, which serves float64 and, in double, the scalar baseline.
#if HWY_TARGET == HWY_SCALAR
#define TAPER_VMATH_1(name, f32, libm)        \
  template <class D, class V>                 \
  HWY_INLINE V name(D d, V x) {               \
    return each_lane(d, x, [](Lane<D> lane) { \
      const double v = lane;                  \
      return libm;                            \
    });                                       \
  }
#define TAPER_VMATH_2(name, f32, libm)                          \
  template <class D, class V>                                   \
  HWY_INLINE V name(D d, V x, V y) {                            \
    return each_lane(d, x, y, [](Lane<D> lane, Lane<D> other) { \
      const double v = lane, w = other;                         \
      return libm;                                              \
    });                                                         \
  }
#else
#define TAPER_VMATH_1(name, f32, libm)                       \
  template <class D, class V>                                \
  HWY_INLINE V name(D d, V x) {                              \
    if constexpr (std::is_same_v<Lane<D>, float>) {          \
      return f32;                                            \
    } else {                                                 \
      return each_lane(d, x, [](double v) { return libm; }); \
    }                                                        \
  }
#define TAPER_VMATH_2(name, f32, libm)                                    \
  template <class D, class V>                                             \
  HWY_INLINE V name(D d, V x, V y) {                                      \
    if constexpr (std::is_same_v<Lane<D>, float>) {                       \
      return f32;                                                         \
    } else {                                                              \
      return each_lane(d, x, y, [](double v, double w) { return libm; }); \
    }                                                                     \
  }
#endif
#define TAPER_WIDE(expr) [](auto dd, auto v) HWY_ATTR { return expr; }

inline double libm_sigmoid(double v) {
  const double e = std::exp(-std::fabs(v));
  return (v < 0 ? e : 1.0) / (1.0 + e);
}
inline double libm_cdf(double v) { return 0.5 * std::erfc(v * -0.70710678118654752440); }
inline double libm_gelu_tanh(double v) {
  const double u = 0.79788456080286535588 * (v + 0.044715 * v * v * v);
  return v == std::numeric_limits<double>::infinity() ? v : v * libm_sigmoid(2.0 * u);
}
inline double libm_gelu_tanh_slope(double v) {
  const double k = 1.59576912160573071176;
  const double s = libm_sigmoid(k * v * (1.0 + 0.044715 * v * v));
  return s + v * k * (1.0 + 3 * 0.044715 * v * v) * s * (1.0 - s);
}

TAPER_VMATH_1(exp, exp_f32(d, x), std::exp(v))
TAPER_VMATH_1(exp2,
              in_double(d, x,
                        TAPER_WIDE(wide_exp(dd, hn::Mul(v, hn::Set(dd, 0x1.62e42fefa39efp-1))))),
              std::exp2(v))
TAPER_VMATH_1(expm1, in_double(d, x, TAPER_WIDE(wide_expm1(dd, v))), std::expm1(v))
TAPER_VMATH_1(log, log_f32(d, x), std::log(v))
TAPER_VMATH_1(log1p, in_double(d, x, TAPER_WIDE(wide_log1p(dd, v))), std::log1p(v))
TAPER_VMATH_1(
    log2,
    in_double(d, x, TAPER_WIDE(hn::Mul(wide_log_full(dd, v), hn::Set(dd, 0x1.71547652b82fep+0)))),
    std::log2(v))
TAPER_VMATH_1(
    log10,
    in_double(d, x, TAPER_WIDE(hn::Mul(wide_log_full(dd, v), hn::Set(dd, 0x1.bcb7b1526e50ep-2)))),
    std::log10(v))
TAPER_VMATH_1(tanh, fast_tanh(d, x), std::tanh(v))
TAPER_VMATH_1(sigmoid, fast_sigmoid(d, x), libm_sigmoid(v))
TAPER_VMATH_1(silu, fast_silu(d, x),
              v == std::numeric_limits<double>::infinity() ? v : v * libm_sigmoid(v))
TAPER_VMATH_1(gelu_tanh, in_double(d, x, TAPER_WIDE(wide_gelu_tanh(dd, v))), libm_gelu_tanh(v))
TAPER_VMATH_1(erf, fast_erf(d, x), std::erf(v))
TAPER_VMATH_1(erfc, in_double(d, x, TAPER_WIDE(wide_erfc(dd, v))), std::erfc(v))
TAPER_VMATH_1(normal_cdf,
              in_double(d, x,
                        [](auto dd, auto v) HWY_ATTR {
                          auto density = v;
                          return wide_normal_cdf(dd, v, density);
                        }),
              libm_cdf(v))
TAPER_VMATH_1(sin,
              periodic(d, x, TAPER_WIDE(wide_sin(dd, v)), [](double v) { return std::sin(v); }),
              std::sin(v))
TAPER_VMATH_1(cos,
              periodic(d, x, TAPER_WIDE(wide_cos(dd, v)), [](double v) { return std::cos(v); }),
              std::cos(v))
TAPER_VMATH_1(tan,
              periodic(d, x, TAPER_WIDE(wide_tan(dd, v)), [](double v) { return std::tan(v); }),
              std::tan(v))
TAPER_VMATH_1(asin, in_double(d, x, TAPER_WIDE(wide_asin(dd, v))), std::asin(v))
TAPER_VMATH_1(acos, in_double(d, x, TAPER_WIDE(wide_acos(dd, v))), std::acos(v))
TAPER_VMATH_1(atan, in_double(d, x, TAPER_WIDE(wide_atan(dd, v))), std::atan(v))
TAPER_VMATH_1(sinh, in_double(d, x, TAPER_WIDE(wide_sinh(dd, v))), std::sinh(v))
TAPER_VMATH_1(cosh, in_double(d, x, TAPER_WIDE(wide_cosh(dd, v))), std::cosh(v))
TAPER_VMATH_1(asinh, in_double(d, x, TAPER_WIDE(wide_asinh(dd, v))), std::asinh(v))
TAPER_VMATH_1(acosh, in_double(d, x, TAPER_WIDE(wide_acosh(dd, v))), std::acosh(v))
TAPER_VMATH_1(atanh, in_double(d, x, TAPER_WIDE(wide_atanh(dd, v))), std::atanh(v))
TAPER_VMATH_2(atan2,
              in_double(d, x, y,
                        [](auto dd, auto v, auto w) HWY_ATTR { return wide_atan2(dd, v, w); }),
              std::atan2(v, w))
TAPER_VMATH_2(pow,
              in_double(d, x, y,
                        [](auto dd, auto v, auto w) HWY_ATTR { return wide_pow(dd, v, w); }),
              std::pow(v, w))

/// x P(X <= x) for a normal X; NaN at -infinity as PyTorch has it.
TAPER_VMATH_1(gelu, fast_gelu(d, x), v* libm_cdf(v))
TAPER_VMATH_1(softplus, in_double(d, x, TAPER_WIDE(wide_softplus(dd, v))),
              v > 40.0 ? v : std::log1p(std::exp(v)))
/// The derivatives of gelu in both forms and of silu.
TAPER_VMATH_1(gelu_slope, in_double(d, x, TAPER_WIDE(wide_gelu_slope(dd, v))),
              libm_cdf(v) + v * 0.39894228040143267794 * std::exp(-0.5 * v * v))
TAPER_VMATH_1(gelu_tanh_slope, in_double(d, x, TAPER_WIDE(wide_gelu_tanh_slope(dd, v))),
              libm_gelu_tanh_slope(v))
TAPER_VMATH_1(silu_slope, in_double(d, x, TAPER_WIDE(wide_silu_slope(dd, v))),
              libm_sigmoid(v) * (1.0 + v * (1.0 - libm_sigmoid(v))))

template <class D, class V>
HWY_INLINE V sqrt(D, V x) {
  return hn::Sqrt(x);
}
template <class D, class V>
HWY_INLINE V rsqrt(D d, V x) {
#if HWY_TARGET != HWY_SCALAR
  // Rounded twice in float32 it is off by up to 1.42 in the last place.
  if constexpr (std::is_same_v<Lane<D>, float>) {
    return in_double(
        d, x, [](auto dd, auto v) HWY_ATTR { return hn::Div(hn::Set(dd, 1.0), hn::Sqrt(v)); });
  }
#endif
  return hn::Div(hn::Set(d, Lane<D>(1)), hn::Sqrt(x));
}

#undef TAPER_VMATH_1
#undef TAPER_VMATH_2
#undef TAPER_WIDE

}  // namespace vm
}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
