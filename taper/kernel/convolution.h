#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

namespace taper {

/// How a 2-D kernel steps over an image: {vertical, horizontal}.
struct ConvGeometry {
  int64_t stride[2] = {1, 1};
  int64_t padding[2] = {0, 0};
  int64_t dilation[2] = {1, 1};
  int64_t groups = 1;

  /// Rows (d = 0) or columns (d = 1) of the result; not positive when the kernel does not fit.
  constexpr int64_t out_size(int d, int64_t in, int64_t kernel) const {
    const int64_t room = in + 2 * padding[d] - dilation[d] * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride[d] + 1;
  }
};

namespace cpu {
void conv2d(View out, ConstView input, ConstView weight, ConstView bias,
            const ConvGeometry& geometry);
void conv2d_backward(View grad_input, View grad_weight, View grad_bias, ConstView grad_out,
                     ConstView input, ConstView weight, const ConvGeometry& geometry);
}  // namespace cpu

/// out[n, o, y, x] = bias[o] + sum over c, i, j of input[n, g + c, y s + i d - p, x s + j d - p]
/// weight[o, c, i, j]. Floating dtypes, one for all; any strides (contiguous and channels-last
/// ones are fast); bias, if any, is contiguous. out overlaps no operand.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, const ConvGeometry&)>
    conv2d_kernel{"conv2d", &cpu::conv2d};

/// The gradients of conv2d. An absent view asks for no such gradient; input may be absent when
/// neither the weight's nor the bias's is asked for, weight when the input's is not.
inline constinit Kernel<void(View, View, View, ConstView, ConstView, ConstView,
                             const ConvGeometry&)>
    conv2d_backward_kernel{"conv2d_backward", &cpu::conv2d_backward};

/// Whether 3x3 float32 convolutions of stride 1 and their gradients may use Winograd's algorithm:
/// about half the time, and errors of up to 2e-5 of the largest result at 256 channels (3e-7
/// without). On by default.
bool winograd_enabled();
void set_winograd_enabled(bool enabled);

}  // namespace taper
