#pragma once

#include "taper/core/scalar.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

namespace taper {

namespace cpu {
void copy(View dst, ConstView src);
void fill(View dst, Scalar value);
void concat(View out, ArrayRef<ConstView> parts, int64_t dim);
}  // namespace cpu

/// dst = src, converted by the rules of core/convert.h. src broadcasts to dst's sizes; any types
/// and strides; dst has no internal overlap and shares no memory with src.
inline constinit Kernel<void(View, ConstView)> copy_kernel{"copy", &cpu::copy, Numbers::kAny};
/// Every element of dst = value, converted to dst's type.
inline constinit Kernel<void(View, Scalar)> fill_kernel{"fill", &cpu::fill, Numbers::kAny};
/// out = the parts, one after another along dim: all contiguous and of out's type.
inline constinit Kernel<void(View, ArrayRef<ConstView>, int64_t)> concat_kernel{
    "concat", &cpu::concat, Numbers::kAny};

}  // namespace taper
