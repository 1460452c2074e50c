#pragma once

#include <cstdint>
#include <string>

#include "taper/base/macros.h"
#include "taper/core/complex.h"
#include "taper/core/half.h"

namespace taper TAPER_API {

/// Element types, numbered as in PyTorch; 8 is kept for complex numbers of half precision.
enum class ScalarType : int8_t {
  Byte = 0,
  Char = 1,
  Short = 2,
  Int = 3,
  Long = 4,
  Half = 5,
  Float = 6,
  Double = 7,
  ComplexFloat = 9,
  ComplexDouble = 10,
  Bool = 11,
  BFloat16 = 15,
  Undefined = 21,
};
using Dtype = ScalarType;

inline constexpr ScalarType kByte = ScalarType::Byte, kUInt8 = kByte, kU8 = kByte;
inline constexpr ScalarType kChar = ScalarType::Char, kInt8 = kChar, kI8 = kChar;
inline constexpr ScalarType kShort = ScalarType::Short, kInt16 = kShort, kI16 = kShort;
inline constexpr ScalarType kInt = ScalarType::Int, kInt32 = kInt, kI32 = kInt;
inline constexpr ScalarType kLong = ScalarType::Long, kInt64 = kLong, kI64 = kLong;
inline constexpr ScalarType kHalf = ScalarType::Half, kFloat16 = kHalf, kF16 = kHalf;
inline constexpr ScalarType kFloat = ScalarType::Float, kFloat32 = kFloat, kF32 = kFloat;
inline constexpr ScalarType kDouble = ScalarType::Double, kFloat64 = kDouble, kF64 = kDouble;
inline constexpr ScalarType kComplexFloat = ScalarType::ComplexFloat;
inline constexpr ScalarType kComplexDouble = ScalarType::ComplexDouble;
inline constexpr ScalarType kBool = ScalarType::Bool;
inline constexpr ScalarType kBFloat16 = ScalarType::BFloat16;

/// Every (C++ type, ScalarType) pair of real numbers: X(bool, Bool) and so on. The one list that
/// dtype switches, names and promotion share, with the complex types below.
#define TAPER_FORALL_TYPES(X) \
  X(uint8_t, Byte)            \
  X(int8_t, Char)             \
  X(int16_t, Short)           \
  X(int32_t, Int)             \
  X(int64_t, Long)            \
  X(::taper::Half, Half)      \
  X(float, Float)             \
  X(double, Double)           \
  X(bool, Bool)               \
  X(::taper::BFloat16, BFloat16)
#define TAPER_FORALL_COMPLEX_TYPES(X)      \
  X(::taper::Complex<float>, ComplexFloat) \
  X(::taper::Complex<double>, ComplexDouble)

template <class T>
struct ScalarTypeOf;
#define TAPER_SCALAR_TYPE_OF(type, name)                  \
  template <>                                             \
  struct ScalarTypeOf<type> {                             \
    static constexpr ScalarType value = ScalarType::name; \
  };
TAPER_FORALL_TYPES(TAPER_SCALAR_TYPE_OF)
TAPER_FORALL_COMPLEX_TYPES(TAPER_SCALAR_TYPE_OF)
#undef TAPER_SCALAR_TYPE_OF
/// ScalarType of a C++ element type.
template <class T>
inline constexpr ScalarType scalar_type_of = ScalarTypeOf<T>::value;

/// PyTorch's name, such as Float.
const char* toString(ScalarType type);
void append(std::string& s, ScalarType type);

constexpr int64_t elementSize(ScalarType type) {
  switch (type) {
    case ScalarType::Byte:
    case ScalarType::Char:
    case ScalarType::Bool:
      return 1;
    case ScalarType::Short:
    case ScalarType::Half:
    case ScalarType::BFloat16:
      return 2;
    case ScalarType::Int:
    case ScalarType::Float:
      return 4;
    case ScalarType::Long:
    case ScalarType::Double:
    case ScalarType::ComplexFloat:
      return 8;
    case ScalarType::ComplexDouble:
      return 16;
    case ScalarType::Undefined:
      break;
  }
  return 0;
}
constexpr bool isFloatingType(ScalarType t) {
  return t == kFloat || t == kDouble || t == kHalf || t == kBFloat16;
}
constexpr bool isComplexType(ScalarType t) { return t == kComplexFloat || t == kComplexDouble; }
/// Whether tensors of this type may have gradients: floating and complex ones.
constexpr bool isDifferentiableType(ScalarType t) { return isFloatingType(t) || isComplexType(t); }
/// The type of the parts of a complex number; another type is its own.
constexpr ScalarType toRealValueType(ScalarType t) {
  return t == kComplexFloat ? kFloat : t == kComplexDouble ? kDouble : t;
}
/// The complex type whose parts hold a real type's values: ComplexDouble for Double.
constexpr ScalarType toComplexType(ScalarType t) {
  return t == kDouble || t == kComplexDouble ? kComplexDouble : kComplexFloat;
}
constexpr bool isReducedFloatingType(ScalarType t) { return t == kHalf || t == kBFloat16; }
constexpr bool isIntegralType(ScalarType t, bool include_bool) {
  return (t >= kByte && t <= kLong) || (include_bool && t == kBool);
}
constexpr bool isSignedType(ScalarType t) { return t != kByte && t != kBool; }

/// The type that holds values of both, by PyTorch's table.
ScalarType promoteTypes(ScalarType a, ScalarType b);
/// False where the category would fall (complex to float, float to int, int to bool).
bool canCast(ScalarType from, ScalarType to);
inline ScalarType promote_types(ScalarType a, ScalarType b) { return promoteTypes(a, b); }
inline bool can_cast(ScalarType from, ScalarType to) { return canCast(from, to); }

/// kFloat32 unless set.
ScalarType get_default_dtype();
/// Throws unless dtype is floating.
void set_default_dtype(ScalarType dtype);

/// Throws PyTorch's `not implemented for 'ComplexFloat'`.
[[noreturn]] void fail_complex(const char* op, ScalarType dtype);

/// Calls f(T()) with the C++ type of a real dtype; the callers' way from a run-time to a static
/// type. Throws on complex ones.
template <class F>
decltype(auto) visit_dtype(ScalarType dtype, F&& f) {
  switch (dtype) {
#define TAPER_VISIT(type, name) \
  case ScalarType::name:        \
    return f(type());
    TAPER_FORALL_TYPES(TAPER_VISIT)
#undef TAPER_VISIT
    case ScalarType::ComplexFloat:
    case ScalarType::ComplexDouble:
      fail_complex("operation", dtype);
    case ScalarType::Undefined:
      break;
  }
  __builtin_unreachable();
}
/// visit_dtype() for an f that takes complex numbers too.
template <class F>
decltype(auto) visit_any_dtype(ScalarType dtype, F&& f) {
  if (dtype == kComplexFloat) return f(Complex<float>());
  if (dtype == kComplexDouble) return f(Complex<double>());
  return visit_dtype(dtype, f);
}

}  // namespace taper
