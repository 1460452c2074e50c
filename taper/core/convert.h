#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "taper/core/complex.h"
#include "taper/core/half.h"

namespace taper {

/// One element's value in another type, the same on every path. Floating to integer: saturates at
/// the 64-bit range, NaN gives 0, then wraps to narrower types as integers do. Complex to real:
/// the real part; to bool: whether the number is not 0.
template <class To, class From>
constexpr To convert(From value) {
  constexpr bool reduced = std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>;
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (is_complex_v<From>) {
    if constexpr (is_complex_v<To>) {
      return To(value);
    } else if constexpr (std::is_same_v<To, bool>) {
      return value.re != 0 || value.im != 0;
    } else {
      return convert<To>(value.re);
    }
  } else if constexpr (is_complex_v<To>) {
    return To(convert<typename To::value_type>(value));
  } else if constexpr (reduced) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    int64_t wide = 0;
    if (value >= From(0x1p63)) {
      wide = std::numeric_limits<int64_t>::max();
    } else if (value > From(-0x1p63)) {
      wide = static_cast<int64_t>(value);
    } else if (value == value) {
      wide = std::numeric_limits<int64_t>::min();
    }
    return static_cast<To>(wide);
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace taper
