#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "taper/base/macros.h"
#include "taper/core/convert.h"
#include "taper/core/scalar_type.h"

namespace taper TAPER_API {

/// A number of any kind, as ops take it: an operand that stays a number.
class Scalar {
 public:
  constexpr Scalar() = default;
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16> ||
      is_complex_v<T>
  constexpr Scalar(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      kind_ = kBool;
      integer_ = value;
    } else if constexpr (std::is_integral_v<T>) {
      kind_ = kLong;
      integer_ = static_cast<int64_t>(value);
    } else if constexpr (is_complex_v<T>) {
      kind_ = kComplexDouble;
      real_ = value.re;
      imag_ = value.im;
    } else {
      kind_ = kDouble;
      real_ = convert<double>(value);
    }
  }

  /// kBool, kLong, kDouble or kComplexDouble.
  constexpr ScalarType type() const { return kind_; }
  constexpr bool isFloatingPoint() const { return kind_ == kDouble; }
  constexpr bool isIntegral(bool include_bool) const {
    return kind_ == kLong || (include_bool && kind_ == kBool);
  }
  constexpr bool isBoolean() const { return kind_ == kBool; }
  constexpr bool isComplex() const { return kind_ == kComplexDouble; }

  /// The value as T, by the rules of convert(). Throws where a real T would lose an imaginary part.
  template <class T>
  constexpr T to() const {
    if (isFloatingPoint()) return convert<T>(real_);
    if (isComplex()) {
      if (!is_complex_v<T> && !std::is_same_v<T, bool> && imag_ != 0) fail_imaginary();
      return convert<T>(Complex<double>(real_, imag_));
    }
    return convert<T>(integer_);
  }
  Complex<double> toComplexDouble() const { return to<Complex<double>>(); }
  /// The complex conjugate; a real number is its own.
  constexpr Scalar conj() const {
    return isComplex() ? Scalar(Complex<double>(real_, -imag_)) : *this;
  }
  float toFloat() const { return to<float>(); }
  double toDouble() const { return to<double>(); }
  int32_t toInt() const { return to<int32_t>(); }
  int64_t toLong() const { return to<int64_t>(); }
  bool toBool() const { return to<bool>(); }
  bool equal(const Scalar& other) const {
    if (isComplex() || other.isComplex()) return toComplexDouble() == other.toComplexDouble();
    return isFloatingPoint() || other.isFloatingPoint() ? toDouble() == other.toDouble()
                                                        : integer_ == other.integer_;
  }
  constexpr Scalar operator-() const {
    if (isFloatingPoint()) return Scalar(-real_);
    if (isComplex()) return Scalar(Complex<double>(-real_, -imag_));
    return Scalar(static_cast<int64_t>(0 - static_cast<uint64_t>(integer_)));
  }

 private:
  [[noreturn]] void fail_imaginary() const;

  ScalarType kind_ = kLong;
  union {
    int64_t integer_ = 0;
    double real_;
  };
  double imag_ = 0;
};

/// What a variance takes off its count: 1 unless given. A truth value says "unbiased": 1 or 0.
class Correction {
 public:
  constexpr Correction() = default;
  constexpr Correction(std::nullopt_t) {}
  constexpr Correction(const Scalar& value) : value_(value.to<double>()) {}
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Correction(T value) : value_(static_cast<double>(value)) {}
  template <class T>
  constexpr Correction(const std::optional<T>& value)
      : Correction(value ? Correction(*value) : Correction()) {}

  constexpr double value() const { return value_; }

 private:
  double value_ = 1;
};

void append(std::string& s, const Scalar& value);

}  // namespace taper
