#pragma once

#include <cstdint>

#include "taper/core/scalar.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// What a mask, or the place in a matrix, chooses.
namespace taper {

namespace cpu {
int64_t count_nonzero(ConstView x);
void nonzero(View out, ConstView x);
void masked_fill(View self, ConstView mask, Scalar value);
void masked_take(View out, ConstView x, ConstView mask);
void masked_put(View self, ConstView mask, ConstView values);
void triangle(View out, ConstView x, int64_t diagonal, bool upper);
}  // namespace cpu

inline constinit Kernel<int64_t(ConstView)> count_nonzero_kernel{
    "count_nonzero", &cpu::count_nonzero, Numbers::kAny};
/// out (int64, contiguous, [count, dim]): the indices of the elements != 0 in row-major order.
inline constinit Kernel<void(View, ConstView)> nonzero_kernel{"nonzero", &cpu::nonzero,
                                                              Numbers::kAny};
/// self = value where the mask (of self's sizes, any strides) is true.
inline constinit Kernel<void(View, ConstView, Scalar)> masked_fill_kernel{
    "masked_fill", &cpu::masked_fill, Numbers::kAny};
/// out (contiguous, as many elements as the mask has true ones): those of x, in row-major order.
inline constinit Kernel<void(View, ConstView, ConstView)> masked_take_kernel{
    "masked_take", &cpu::masked_take, Numbers::kAny};
/// The other direction: self gets the first values (contiguous) where the mask is true.
inline constinit Kernel<void(View, ConstView, ConstView)> masked_put_kernel{
    "masked_put", &cpu::masked_put, Numbers::kAny};
/// out (contiguous): x on and below the diagonal of its last two dimensions (above it with
/// upper), zero elsewhere.
inline constinit Kernel<void(View, ConstView, int64_t, bool)> triangle_kernel{
    "triangle", &cpu::triangle, Numbers::kAny};

}  // namespace taper
