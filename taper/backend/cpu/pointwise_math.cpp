// Functions of one input.
#include <cmath>
#include <limits>

#include "taper/backend/cpu/pointwise_loop.h"
#include "taper/backend/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/pointwise_math.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/pointwise_body.h"
#include "taper/backend/cpu/pointwise_tiles-inl.h"
#include "taper/backend/cpu/vmath_functions-inl.h"

#ifndef TAPER_POINTWISE_MATH_ONCE_
#define TAPER_POINTWISE_MATH_ONCE_
namespace taper::cpu {
struct MathOps {
  TileOp abs, neg, square, sign, floor, ceil, trunc, round, frac, reciprocal, sqrt, rsqrt, exp,
      exp2, expm1, log, log1p, log2, log10, sin, cos, tan, tanh, sigmoid, erf, erfc, silu, gelu,
      gelu_tanh;
};
}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {

template <class T>
struct Abs {
  T operator()(T a) const {
    if constexpr (std::is_integral_v<T>)
      return a < 0 ? static_cast<T>(0 - std::make_unsigned_t<T>(a)) : a;
    else if constexpr (sizeof(T) == 4)
      return __builtin_fabsf(a);
    else
      return __builtin_fabs(a);
  }
};
template <class T>
struct Neg {
  T operator()(T a) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(0 - std::make_unsigned_t<T>(a));
    else
      return -a;
  }
};
template <class T>
struct Square {
  T operator()(T a) const {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(U(a) * U(a));
    } else {
      return a * a;
    }
  }
};
/// NaN has sign 0.
template <class T>
struct Sign {
  T operator()(T a) const { return static_cast<T>((a > 0) - (a < 0)); }
};
template <class T>
struct Same {
  T operator()(T a) const { return a; }
};
template <class T>
struct Floor {
  T operator()(T a) const { return sizeof(T) == 4 ? __builtin_floorf(a) : __builtin_floor(a); }
};
template <class T>
struct Ceil {
  T operator()(T a) const { return sizeof(T) == 4 ? __builtin_ceilf(a) : __builtin_ceil(a); }
};
template <class T>
struct Trunc {
  T operator()(T a) const { return sizeof(T) == 4 ? __builtin_truncf(a) : __builtin_trunc(a); }
};
template <class T>
struct Round {
  T operator()(T a) const { return sizeof(T) == 4 ? __builtin_rintf(a) : __builtin_rint(a); }
};
template <class T>
struct Frac {
  T operator()(T a) const { return a - Trunc<T>()(a); }
};
template <class T>
struct Reciprocal {
  T operator()(T a) const { return T(1) / a; }
};

TAPER_VECTOR_FUNCTOR(Sqrt, sqrt)
TAPER_VECTOR_FUNCTOR(Rsqrt, rsqrt)
TAPER_VECTOR_FUNCTOR(Exp, exp)
TAPER_VECTOR_FUNCTOR(Exp2, exp2)
TAPER_VECTOR_FUNCTOR(Expm1, expm1)
TAPER_VECTOR_FUNCTOR(Log, log)
TAPER_VECTOR_FUNCTOR(Log1p, log1p)
TAPER_VECTOR_FUNCTOR(Log2, log2)
TAPER_VECTOR_FUNCTOR(Log10, log10)
TAPER_VECTOR_FUNCTOR(Sin, sin)
TAPER_VECTOR_FUNCTOR(Cos, cos)
TAPER_VECTOR_FUNCTOR(Tan, tan)
TAPER_VECTOR_FUNCTOR(Tanh, tanh)
TAPER_VECTOR_FUNCTOR(Sigmoid, sigmoid)
TAPER_VECTOR_FUNCTOR(Erf, erf)
TAPER_VECTOR_FUNCTOR(Erfc, erfc)
TAPER_VECTOR_FUNCTOR(Silu, silu)
TAPER_VECTOR_FUNCTOR(Gelu, gelu)
TAPER_VECTOR_FUNCTOR(GeluTanh, gelu_tanh)

// Rounding leaves integers as they are.
template <template <class> class F>
constexpr TileOp rounding(const char* name) {
  return wide_integers<1, Same>(floats<1, F>(name));
}

constexpr cpu::MathOps kOps{
    .abs = numbers<1, Abs>("abs"),
    .neg = numbers<1, Neg>("neg"),
    .square = numbers<1, Square>("square"),
    .sign = numbers<1, Sign>("sign"),
    .floor = rounding<Floor>("floor"),
    .ceil = rounding<Ceil>("ceil"),
    .trunc = rounding<Trunc>("trunc"),
    .round = rounding<Round>("round"),
    .frac = floats<1, Frac>("frac"),
    .reciprocal = floats<1, Reciprocal>("reciprocal"),
    .sqrt = vectors<1, Sqrt>("sqrt"),
    .rsqrt = vectors<1, Rsqrt>("rsqrt"),
    .exp = vectors<1, Exp>("exp"),
    .exp2 = vectors<1, Exp2>("exp2"),
    .expm1 = vectors<1, Expm1>("expm1"),
    .log = vectors<1, Log>("log"),
    .log1p = vectors<1, Log1p>("log1p"),
    .log2 = vectors<1, Log2>("log2"),
    .log10 = vectors<1, Log10>("log10"),
    .sin = vectors<1, Sin>("sin"),
    .cos = vectors<1, Cos>("cos"),
    .tan = vectors<1, Tan>("tan"),
    .tanh = vectors<1, Tanh>("tanh"),
    .sigmoid = vectors<1, Sigmoid>("sigmoid"),
    .erf = vectors<1, Erf>("erf"),
    .erfc = vectors<1, Erfc>("erfc"),
    .silu = vectors<1, Silu>("silu"),
    .gelu = vectors<1, Gelu>("gelu"),
    .gelu_tanh = vectors<1, GeluTanh>("gelu_tanh"),
};

}  // namespace

const cpu::MathOps* math_ops() { return &kOps; }

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
TAPER_OPS_TABLE(MathOps, math_ops)

namespace cpu {

TAPER_BODY1(abs)
TAPER_BODY1(neg)
TAPER_BODY1(square)
TAPER_BODY1(sign)
TAPER_BODY1(floor)
TAPER_BODY1(ceil)
TAPER_BODY1(trunc)
TAPER_BODY1(round)
TAPER_BODY1(frac)
TAPER_BODY1(reciprocal)
TAPER_BODY1(sqrt)
TAPER_BODY1(rsqrt)
TAPER_BODY1(exp)
TAPER_BODY1(exp2)
TAPER_BODY1(expm1)
TAPER_BODY1(log)
TAPER_BODY1(log1p)
TAPER_BODY1(log2)
TAPER_BODY1(log10)
TAPER_BODY1(sin)
TAPER_BODY1(cos)
TAPER_BODY1(tan)
TAPER_BODY1(tanh)
TAPER_BODY1(sigmoid)
TAPER_BODY1(erf)
TAPER_BODY1(erfc)
TAPER_BODY1(silu)
TAPER_BODY1(gelu)
TAPER_BODY1(gelu_tanh)

}  // namespace cpu
}  // namespace taper
#endif
