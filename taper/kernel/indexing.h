#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Reads and writes at computed places. All operands have one dtype, but for index tensors (int64).
namespace taper {

namespace cpu {
void add_overlapping(View out, ConstView x);
void flip(View out, ConstView x, uint64_t dims);
}  // namespace cpu

/// out += x, elements in row-major order, where elements of out may share memory.
inline constinit Kernel<void(View, ConstView)> add_overlapping_kernel{"add_overlapping",
                                                                      &cpu::add_overlapping};
/// out, contiguous: x with the order along the dimensions of the mask reversed.
inline constinit Kernel<void(View, ConstView, uint64_t)> flip_kernel{"flip", &cpu::flip};

}  // namespace taper
