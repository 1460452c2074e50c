#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Softmax along one dimension, any strides; all tensors have the same sizes. Half types compute in
// float32. The sums follow the tree of reductions: layout and threads change no bit.
namespace taper {

namespace cpu {
void softmax(View out, ConstView x, int64_t dim, bool log);
void softmax_backward(View grad_in, ConstView grad, ConstView out, int64_t dim, bool log);
}  // namespace cpu

/// e^(x - max) / sum, or x - max - ln(sum). A line of only -inf gives NaN.
inline constinit Kernel<void(View, ConstView, int64_t, bool)> softmax_kernel{"softmax",
                                                                             &cpu::softmax};
/// out * (grad - sum(grad * out)), or grad - e^out * sum(grad).
inline constinit Kernel<void(View, ConstView, ConstView, int64_t, bool)> softmax_backward_kernel{
    "softmax_backward", &cpu::softmax_backward};

}  // namespace taper
