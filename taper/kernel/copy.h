#pragma once

#include "taper/core/scalar.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

namespace taper {

namespace cpu {
void copy(View dst, ConstView src);
void fill(View dst, Scalar value);
}  // namespace cpu

/// dst = src, converted by the rules of core/convert.h. src broadcasts to dst's sizes; any types
/// and strides; dst has no internal overlap and shares no memory with src.
inline constinit Kernel<void(View, ConstView)> copy_kernel{"copy", &cpu::copy, Numbers::kAny};
/// Every element of dst = value, converted to dst's type.
inline constinit Kernel<void(View, Scalar)> fill_kernel{"fill", &cpu::fill, Numbers::kAny};

}  // namespace taper
