#pragma once

#include <cstdint>

#include "taper/backend/cpu/strided_plan.h"

namespace taper::cpu {

/// Copies elements of `size` bytes where out is contiguous along the plan's dimension 0 and the
/// input along dimension d > 0: blocks of rows and columns, transposed in registers.
void copy_transposed(const StridedPlan& plan, char* const* bases, int d, int64_t size);

}  // namespace taper::cpu
