#include "taper/core/scalar_type.h"

#include <atomic>

#include "taper/base/error.h"

namespace taper {
namespace {

std::atomic<ScalarType> default_dtype{kFloat};

int category(ScalarType t) {
  if (t == kBool) return 0;
  if (isComplexType(t)) return 3;
  return isIntegralType(t, false) ? 1 : 2;
}

}  // namespace

const char* toString(ScalarType type) {
  switch (type) {
#define TAPER_NAME(ctype, name) \
  case ScalarType::name:        \
    return #name;
    TAPER_FORALL_TYPES(TAPER_NAME)
    TAPER_FORALL_COMPLEX_TYPES(TAPER_NAME)
#undef TAPER_NAME
    case ScalarType::Undefined:
      break;
  }
  return "Undefined";
}

void append(std::string& s, ScalarType type) { s += toString(type); }

ScalarType promoteTypes(ScalarType a, ScalarType b) {
  if (a == b) return a;
  if (a == ScalarType::Undefined) return b;
  if (b == ScalarType::Undefined) return a;
  const int ca = category(a), cb = category(b);
  if (ca == 3 || cb == 3) {
    // Parts as wide as the wider of both.
    return a == kComplexDouble || b == kComplexDouble || a == kDouble || b == kDouble
               ? kComplexDouble
               : kComplexFloat;
  }
  if (ca != cb) return ca > cb ? a : b;
  if (ca == 2) {
    // half and bfloat16 hold neither the other's range nor its precision.
    if (elementSize(a) == elementSize(b)) return kFloat;
    return elementSize(a) > elementSize(b) ? a : b;
  }
  if (elementSize(a) == elementSize(b)) return kShort;  // uint8 with int8
  return elementSize(a) > elementSize(b) ? a : b;
}

bool canCast(ScalarType from, ScalarType to) { return category(from) <= category(to); }

void fail_complex(const char* op, ScalarType dtype) {
  throw DTypeError(str("\"", op, "\" not implemented for '", dtype, "'"));
}

ScalarType get_default_dtype() { return default_dtype.load(std::memory_order_relaxed); }

void set_default_dtype(ScalarType dtype) {
  TAPER_CHECK_AS(DTypeError, isFloatingType(dtype),
                 "set_default_dtype: only floating-point types are supported as the default type, "
                 "got ",
                 dtype);
  default_dtype.store(dtype, std::memory_order_relaxed);
}

}  // namespace taper
