// Arithmetic of two and three inputs.
#include <cmath>
#include <limits>

#include "taper/backend/cpu/pointwise_loop.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/error.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/pointwise_arith.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/pointwise_body.h"
#include "taper/backend/cpu/pointwise_tiles-inl.h"
#include "taper/backend/cpu/vmath_functions-inl.h"

#ifndef TAPER_POINTWISE_ARITH_ONCE_
#define TAPER_POINTWISE_ARITH_ONCE_
namespace taper::cpu {
struct ArithOps {
  TileOp add, add_scaled, sub, sub_scaled, mul, div, div_floor, div_trunc, remainder, fmod, pow,
      maximum, minimum, fmax, fmin, atan2, where, lerp, addcmul, addcdiv;
};
TAPER_COLD inline void zero_division() {
  throw Error("ZeroDivisionError: integer division or modulo by zero");
}
}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {
using cpu::zero_division;

// Sums and products wrap: the arithmetic is unsigned.
template <class T>
using Wrapping = typename std::conditional_t<std::is_integral_v<T>,
                                             std::conditional<sizeof(T) == 8, uint64_t, uint32_t>,
                                             std::type_identity<T>>::type;
template <class T>
HWY_INLINE Wrapping<T> wrap(T v) {
  return static_cast<Wrapping<T>>(v);
}

template <class T>
struct Add {
  T operator()(T a, T b) const { return static_cast<T>(wrap(a) + wrap(b)); }
};
template <class T>
struct Sub {
  T operator()(T a, T b) const { return static_cast<T>(wrap(a) - wrap(b)); }
};
template <class T>
struct Mul {
  T operator()(T a, T b) const { return static_cast<T>(wrap(a) * wrap(b)); }
};
template <class T>
struct AddScaled {
  explicit AddScaled(const TileParams& p) : alpha(p.get<T>(0)) {}
  T operator()(T a, T b) const { return static_cast<T>(wrap(a) + wrap(alpha) * wrap(b)); }
  T alpha;
};
template <class T>
struct SubScaled {
  explicit SubScaled(const TileParams& p) : alpha(p.get<T>(0)) {}
  T operator()(T a, T b) const { return static_cast<T>(wrap(a) - wrap(alpha) * wrap(b)); }
  T alpha;
};

/// Towards zero; MIN / -1 wraps.
template <class T>
HWY_INLINE T divide_integers(T a, T b) {
  if (b == 0) zero_division();
  return b == T(-1) ? static_cast<T>(0 - wrap(a)) : static_cast<T>(a / b);
}
template <class T>
HWY_INLINE T modulo_integers(T a, T b) {
  if (b == 0) zero_division();
  return b == T(-1) ? T(0) : static_cast<T>(a % b);
}
/// C's fmod. A float's is exact in double with one fused step while the quotient is below 2^52.
template <class T>
HWY_INLINE T modulo_floats(T a, T b) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (std::is_same_v<T, float>) {
    const double x = a, y = b;
    const double q = __builtin_trunc(x / y);
    if (HWY_LIKELY((__builtin_fabs(q) < 0x1p52) & (__builtin_fabs(y) < 0x1p128))) {
      double r = __builtin_fma(-q, y, x);
      if (r != 0 && (r < 0) != (x < 0)) r += __builtin_copysign(y, x);
      return static_cast<float>(__builtin_copysign(r, x));
    }
  }
#endif
  return std::fmod(a, b);
}

template <class T>
struct Div {
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return divide_integers(a, b);
    return a / b;
  }
};
template <class T>
struct DivTrunc {
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return divide_integers(a, b);
    else if constexpr (std::is_same_v<T, float>)
      return __builtin_truncf(a / b);
    else
      return __builtin_trunc(a / b);
  }
};
template <class T>
struct Fmod {
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return modulo_integers(a, b);
    return modulo_floats(a, b);
  }
};
/// The result has the divisor's sign, as in Python.
template <class T>
struct Remainder {
  T operator()(T a, T b) const {
    T r = Fmod<T>()(a, b);
    if (r != 0 && (r < 0) != (b < 0)) r += b;
    return r;
  }
};
/// Python's floor division: a / b rounded down, but consistent with the remainder.
template <class T>
struct DivFloor {
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      const T q = divide_integers(a, b);
      const bool down = ((a < 0) != (b < 0)) && modulo_integers(a, b) != 0;
      return down ? static_cast<T>(q - 1) : q;
    } else {
      if (b == 0) return a / b;
      const T r = modulo_floats(a, b);
      T q = (a - r) / b;
      if (r != 0 && (b < 0) != (r < 0)) q -= 1;
      if (q == 0) return std::copysign(T(0), a / b);
      T whole = std::floor(q);
      if (q - whole > T(0.5)) whole += 1;
      return whole;
    }
  }
};

template <class T>
struct IntPow {
  T operator()(T base, T exponent) const {
    if (exponent < 0) {
      if (base == 1) return 1;
      return base == -1 ? ((exponent & 1) ? T(-1) : T(1)) : T(0);
    }
    Wrapping<T> result = 1, square = wrap(base);
    for (auto e = wrap(exponent); e != 0; e >>= 1) {
      if (e & 1) result *= square;
      square *= square;
    }
    return static_cast<T>(result);
  }
};
template <class T>
struct Pow {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    return vm::pow(d, a, b);
  }
};
template <class T>
struct Atan2 {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    return vm::atan2(d, a, b);
  }
};

// A NaN on either side is the result.
template <class T>
struct Maximum {
  T operator()(T a, T b) const { return ((a > b) | (a != a)) ? a : b; }
};
template <class T>
struct Minimum {
  T operator()(T a, T b) const { return ((a < b) | (a != a)) ? a : b; }
};

// A NaN gives way to a number.
template <class T>
struct Fmax {
  T operator()(T a, T b) const { return ((a >= b) | (b != b)) ? a : b; }
};
template <class T>
struct Fmin {
  T operator()(T a, T b) const { return ((a <= b) | (b != b)) ? a : b; }
};

// On bits, and without a branch: the compiler would load under a condition and not vectorise.
template <class U>
struct Where {
  U operator()(bool c, U a, U b) const {
    const U mask = static_cast<U>(0 - static_cast<U>(c));
    return static_cast<U>((a & mask) | (b & ~mask));
  }
};
template <class T>
struct Lerp {
  T operator()(T a, T b, T w) const {
    // The form that is exact at its own end.
    const T low = a + w * (b - a), high = b - (b - a) * (T(1) - w);
    return (w < 0 ? -w : w) < T(0.5) ? low : high;
  }
};
template <class T>
struct Addcmul {
  explicit Addcmul(const TileParams& p) : value(p.get<T>(0)) {}
  T operator()(T a, T b, T c) const {
    return static_cast<T>(wrap(a) + wrap(value) * wrap(b) * wrap(c));
  }
  T value;
};
template <class T>
struct Addcdiv {
  explicit Addcdiv(const TileParams& p) : value(p.get<T>(0)) {}
  T operator()(T a, T b, T c) const { return a + value * b / c; }
  T value;
};

template <class T>
constexpr cpu::TileFn where_tile() {
  return &tile3<Where<T>, T, bool, T, T>;
}
constexpr TileOp where_op() {
  TileOp op{};
  op.name = "where";
  op.mask_first = true;
  op.tile[cpu::kTileF32] = op.tile[cpu::kTileI32] = where_tile<uint32_t>();
  op.tile[cpu::kTileF64] = op.tile[cpu::kTileI64] = where_tile<uint64_t>();
  op.tile[cpu::kTileI16] = where_tile<uint16_t>();
  op.tile[cpu::kTileI8] = op.tile[cpu::kTileU8] = op.tile[cpu::kTileBool] = where_tile<uint8_t>();
  return op;
}
constexpr TileOp costly(TileOp op) {
  op.costly = true;
  return op;
}

constexpr cpu::ArithOps kOps{
    .add = all_numbers<2, Add>("add"),
    .add_scaled = numbers<2, AddScaled>("add"),
    .sub = all_numbers<2, Sub>("sub"),
    .sub_scaled = numbers<2, SubScaled>("sub"),
    .mul = all_numbers<2, Mul>("mul"),
    .div = numbers<2, Div>("div"),
    .div_floor = costly(numbers<2, DivFloor>("div_floor")),
    .div_trunc = numbers<2, DivTrunc>("div_trunc"),
    .remainder = costly(numbers<2, Remainder>("remainder")),
    .fmod = costly(numbers<2, Fmod>("fmod")),
    .pow = wide_integers<2, IntPow>(vectors<2, Pow>("pow")),
    .maximum = all_numbers<2, Maximum>("maximum"),
    .minimum = all_numbers<2, Minimum>("minimum"),
    .fmax = all_numbers<2, Fmax>("fmax"),
    .fmin = all_numbers<2, Fmin>("fmin"),
    .atan2 = vectors<2, Atan2>("atan2"),
    .where = where_op(),
    .lerp = floats<3, Lerp>("lerp"),
    .addcmul = numbers<3, Addcmul>("addcmul"),
    .addcdiv = floats<3, Addcdiv>("addcdiv"),
};

}  // namespace

const cpu::ArithOps* arith_ops() { return &kOps; }

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
TAPER_OPS_TABLE(ArithOps, arith_ops)

namespace cpu {
namespace {
bool is_one(Params params) { return params.empty() || params[0].equal(1); }
}  // namespace

void add(View out, const Operand& a, const Operand& b, Params params, ScalarType compute) {
  run2(is_one(params) ? ops().add : ops().add_scaled, out, a, b, params, compute);
}
void sub(View out, const Operand& a, const Operand& b, Params params, ScalarType compute) {
  run2(is_one(params) ? ops().sub : ops().sub_scaled, out, a, b, params, compute);
}
TAPER_BODY2(mul)
TAPER_BODY2(div)
TAPER_BODY2(div_floor)
TAPER_BODY2(div_trunc)
TAPER_BODY2(remainder)
TAPER_BODY2(fmod)
TAPER_BODY2(pow)
TAPER_BODY2(maximum)
TAPER_BODY2(minimum)
TAPER_BODY2(fmax)
TAPER_BODY2(fmin)
TAPER_BODY2(atan2)
TAPER_BODY3(where)
TAPER_BODY3(lerp)
TAPER_BODY3(addcmul)
TAPER_BODY3(addcdiv)

}  // namespace cpu
}  // namespace taper
#endif
