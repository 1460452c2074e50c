#pragma once

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

namespace taper {

namespace cpu {
void unit_planes(View out, ConstView pixels);
}

/// out (contiguous Float [c, h, w]) = pixels (contiguous Byte [h, w, c], c 1 or 3) / 255.
inline constinit Kernel<void(View, ConstView)> unit_planes_kernel{"unit_planes", &cpu::unit_planes};

}  // namespace taper
