#pragma once

#include <cstdint>

#include "taper/core/scalar.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Sequences; out is one-dimensional and contiguous.
namespace taper {

namespace cpu {
void arange(View out, Scalar start, Scalar step);
void linspace(View out, Scalar start, Scalar end);
}  // namespace cpu

/// out[i] = start + i * step, in int64 for integers and in double for the others.
inline constinit Kernel<void(View, Scalar, Scalar)> arange_kernel{"arange", &cpu::arange};
/// Evenly spaced from start to end, both included; symmetric, so the last element is end itself.
inline constinit Kernel<void(View, Scalar, Scalar)> linspace_kernel{"linspace", &cpu::linspace};

}  // namespace taper
