#include "taper/core/scalar.h"

#include "taper/base/error.h"

namespace taper {

void Scalar::fail_imaginary() const {
  throw Error(str("value cannot be converted to a real type without overflow: got ", *this));
}

void append(std::string& s, const Scalar& value) {
  if (value.isBoolean()) {
    detail::append(s, value.toBool());
  } else if (value.isComplex()) {
    const Complex<double> z = value.toComplexDouble();
    s += '(';
    detail::append(s, z.re);
    s += ',';
    detail::append(s, z.im);
    s += ')';
  } else if (value.isFloatingPoint()) {
    detail::append(s, value.toDouble());
  } else {
    detail::append(s, value.toLong());
  }
}

}  // namespace taper
