#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Normalisation. Element types are float32 or float64, one for all tensors of a call; optional
// tensors may be undefined. Sums follow the tree of reductions: the same bits in either layout of
// a batch and at any thread count.
namespace taper {

namespace cpu {
void layer_norm(View out, View mean, View rstd, ConstView x, ConstView weight, ConstView bias,
                int64_t n, double eps);
void layer_norm_backward(View grad_x, View grad_weight, View grad_bias, ConstView grad, ConstView x,
                         ConstView mean, ConstView rstd, ConstView weight, int64_t n);
void channel_affine(View out, ConstView x, ConstView mean, ConstView scale, ConstView bias);
void batch_norm_sums(View sum_grad, View sum_grad_x, ConstView grad, ConstView x, ConstView mean);
void batch_norm_grad(View grad_x, ConstView grad, ConstView x, ConstView mean, ConstView shift,
                     ConstView slope, ConstView scale);
}  // namespace cpu

/// Rows of the last n elements, all contiguous: out = (x - mean) * rstd * weight + bias, rstd =
/// 1 / sqrt(var + eps) with the biased variance. mean and rstd hold one number per row.
inline constinit Kernel<void(View, View, View, ConstView, ConstView, ConstView, int64_t, double)>
    layer_norm_kernel{"layer_norm", &cpu::layer_norm};
/// Any of the three gradients may be undefined.
inline constinit Kernel<void(View, View, View, ConstView, ConstView, ConstView, ConstView,
                             ConstView, int64_t)>
    layer_norm_backward_kernel{"layer_norm_backward", &cpu::layer_norm_backward};

// Batches [N, C, ...]: x is contiguous, or dense with the channels innermost (channels last); the
// other batches of a call have x's strides. Vectors have C elements.

/// (x - mean) * scale + bias by channel.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, ConstView)>
    channel_affine_kernel{"channel_affine", &cpu::channel_affine};
/// By channel: sum(grad) and sum(grad * (x - mean)).
inline constinit Kernel<void(View, View, ConstView, ConstView, ConstView)> batch_norm_sums_kernel{
    "batch_norm_sums", &cpu::batch_norm_sums};
/// (grad - shift - (x - mean) * slope) * scale by channel; without x just grad * scale.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, ConstView, ConstView,
                             ConstView)>
    batch_norm_grad_kernel{"batch_norm_grad", &cpu::batch_norm_grad};

}  // namespace taper
