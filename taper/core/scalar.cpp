#include "taper/core/scalar.h"

#include "taper/base/error.h"

namespace taper {

void append(std::string& s, const Scalar& value) {
  if (value.isBoolean()) {
    detail::append(s, value.toBool());
  } else if (value.isFloatingPoint()) {
    detail::append(s, value.toDouble());
  } else {
    detail::append(s, value.toLong());
  }
}

}  // namespace taper
