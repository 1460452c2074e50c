// Comparisons, logic and bits.
#include <cmath>
#include <limits>

#include "taper/backend/cpu/pointwise_loop.h"
#include "taper/backend/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/pointwise_compare.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "taper/backend/cpu/pointwise_body.h"
#include "taper/backend/cpu/pointwise_tiles-inl.h"
#include "taper/backend/cpu/vmath_functions-inl.h"

#ifndef TAPER_POINTWISE_COMPARE_ONCE_
#define TAPER_POINTWISE_COMPARE_ONCE_
namespace taper::cpu {
struct CompareOps {
  TileOp eq, ne, lt, le, gt, ge, logical_and, logical_or, logical_xor, logical_not, signbit, isnan,
      isinf, isfinite, bitwise_and, bitwise_or, bitwise_xor, bitwise_not;
};
}  // namespace taper::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace taper {
namespace HWY_NAMESPACE {
namespace {

// Comparisons with NaN are false, and != true, as in IEEE 754.
template <class T>
struct Eq {
  bool operator()(T a, T b) const { return a == b; }
};
template <class T>
struct Ne {
  bool operator()(T a, T b) const { return a != b; }
};
template <class T>
struct Lt {
  bool operator()(T a, T b) const { return a < b; }
};
template <class T>
struct Le {
  bool operator()(T a, T b) const { return a <= b; }
};
template <class T>
struct Gt {
  bool operator()(T a, T b) const { return a > b; }
};
template <class T>
struct Ge {
  bool operator()(T a, T b) const { return a >= b; }
};
template <class T>
struct LogicalAnd {
  bool operator()(T a, T b) const { return (a != 0) & (b != 0); }
};
template <class T>
struct LogicalOr {
  bool operator()(T a, T b) const { return (a != 0) | (b != 0); }
};
template <class T>
struct LogicalXor {
  bool operator()(T a, T b) const { return (a != 0) != (b != 0); }
};
template <class T>
struct LogicalNot {
  bool operator()(T a) const { return a == 0; }
};
template <class T>
constexpr T kInfinity = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                             : T(0);
template <class T>
struct Signbit {
  bool operator()(T a) const {
    if constexpr (std::is_integral_v<T>)
      return a < 0;
    else
      return __builtin_signbit(a) != 0;
  }
};
template <class T>
struct Isnan {
  bool operator()(T a) const { return a != a; }
};
template <class T>
struct Isinf {
  bool operator()(T a) const {
    if constexpr (std::is_integral_v<T>) return false;
    return (a == kInfinity<T>) | (a == -kInfinity<T>);
  }
};
template <class T>
struct Isfinite {
  bool operator()(T a) const {
    if constexpr (std::is_integral_v<T>) return true;
    return a - a == 0;
  }
};
template <class T>
struct BitwiseAnd {
  T operator()(T a, T b) const { return static_cast<T>(a & b); }
};
template <class T>
struct BitwiseOr {
  T operator()(T a, T b) const { return static_cast<T>(a | b); }
};
template <class T>
struct BitwiseXor {
  T operator()(T a, T b) const { return static_cast<T>(a ^ b); }
};
template <class T>
struct BitwiseNot {
  T operator()(T a) const { return static_cast<T>(~a); }
};
template <class T>
struct FlipBool {
  T operator()(T a) const { return a ^ T(1); }
};

template <int inputs, template <class> class F, template <class> class OfBool>
constexpr TileOp integers(const char* name) {
  TileOp op{};
  op.name = name;
  op = narrow_integers<inputs, F>(wide_integers<inputs, F>(op));
  op.tile[cpu::kTileBool] = element_tile<OfBool<uint8_t>, uint8_t, uint8_t, inputs>();
  return op;
}

constexpr cpu::CompareOps kOps{
    .eq = predicate<2, Eq>("eq"),
    .ne = predicate<2, Ne>("ne"),
    .lt = predicate<2, Lt>("lt"),
    .le = predicate<2, Le>("le"),
    .gt = predicate<2, Gt>("gt"),
    .ge = predicate<2, Ge>("ge"),
    .logical_and = predicate<2, LogicalAnd>("logical_and"),
    .logical_or = predicate<2, LogicalOr>("logical_or"),
    .logical_xor = predicate<2, LogicalXor>("logical_xor"),
    .logical_not = predicate<1, LogicalNot>("logical_not"),
    .signbit = predicate<1, Signbit>("signbit"),
    .isnan = predicate<1, Isnan>("isnan"),
    .isinf = predicate<1, Isinf>("isinf"),
    .isfinite = predicate<1, Isfinite>("isfinite"),
    .bitwise_and = integers<2, BitwiseAnd, BitwiseAnd>("bitwise_and"),
    .bitwise_or = integers<2, BitwiseOr, BitwiseOr>("bitwise_or"),
    .bitwise_xor = integers<2, BitwiseXor, BitwiseXor>("bitwise_xor"),
    .bitwise_not = integers<1, BitwiseNot, FlipBool>("bitwise_not"),
};

}  // namespace

const cpu::CompareOps* compare_ops() { return &kOps; }

}  // namespace HWY_NAMESPACE
}  // namespace taper
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper {
TAPER_OPS_TABLE(CompareOps, compare_ops)

namespace cpu {

TAPER_BODY2(eq)
TAPER_BODY2(ne)
TAPER_BODY2(lt)
TAPER_BODY2(le)
TAPER_BODY2(gt)
TAPER_BODY2(ge)
TAPER_BODY2(logical_and)
TAPER_BODY2(logical_or)
TAPER_BODY2(logical_xor)
TAPER_BODY1(logical_not)
TAPER_BODY1(signbit)
TAPER_BODY1(isnan)
TAPER_BODY1(isinf)
TAPER_BODY1(isfinite)
TAPER_BODY2(bitwise_and)
TAPER_BODY2(bitwise_or)
TAPER_BODY2(bitwise_xor)
TAPER_BODY1(bitwise_not)

}  // namespace cpu
}  // namespace taper
#endif
