#pragma once

#include "taper/kernel/pointwise.h"

// The two parts of x = mantissa 2^exponent, |mantissa| in [0.5, 1); floating compute types.
namespace taper {

namespace cpu {
void frexp_mantissa(View, const Operand&, Params, ScalarType);
void frexp_exponent(View, const Operand&, Params, ScalarType);
}  // namespace cpu

inline constinit UnaryKernel frexp_mantissa_kernel{"frexp_mantissa", &cpu::frexp_mantissa};
inline constinit UnaryKernel frexp_exponent_kernel{"frexp_exponent", &cpu::frexp_exponent};

}  // namespace taper
