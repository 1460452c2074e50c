#pragma once

#include <cstdint>

#include "taper/backend/cpu/strided_plan.h"

namespace taper::cpu {

/// to[j * to_stride + i] = from[i * from_stride + j], strides in bytes, for i < rows, j < columns.
/// stream: past the caches; `to` and its stride are then multiples of 64.
using TransposeFn = void (*)(char* to, int64_t to_stride, const char* from, int64_t from_stride,
                             int64_t rows, int64_t columns, bool stream);
/// For elements of 1, 2, 4 or 8 bytes.
TransposeFn transpose_fn(int64_t size);

/// Copies elements of `size` bytes where out is contiguous along the plan's dimension 0 and the
/// input along dimension d > 0: blocks of rows and columns, transposed in registers.
void copy_transposed(const StridedPlan& plan, char* const* bases, int d, int64_t size);

}  // namespace taper::cpu
