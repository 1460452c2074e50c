#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

namespace taper {

/// How a window steps over an image: {vertical, horizontal}.
struct PoolGeometry {
  int64_t kernel[2] = {1, 1};
  int64_t stride[2] = {1, 1};
  int64_t padding[2] = {0, 0};
  int64_t dilation[2] = {1, 1};   // max-pooling only
  bool count_include_pad = true;  // averages: the padding counts as zeros
  int64_t divisor = 0;            // averages: divide by this instead, unless 0
  bool adaptive = false;          // max-pooling: as adaptive_avg_pool2d, and nothing above counts
};

namespace cpu {
void max_pool2d(View out, View indices, ConstView input, const PoolGeometry& geometry);
void max_pool2d_gather(View out, ConstView source, ConstView indices, const PoolGeometry& geometry);
void max_pool2d_scatter(View grad_input, ConstView grad_out, ConstView indices,
                        const PoolGeometry& geometry);
void avg_pool2d(View out, ConstView input, const PoolGeometry& geometry);
void avg_pool2d_backward(View grad_input, ConstView grad_out, const PoolGeometry& geometry);
void adaptive_avg_pool2d(View out, ConstView input);
void adaptive_avg_pool2d_backward(View grad_input, ConstView grad_out);
}  // namespace cpu

// All tensors are [images, channels, rows, columns] with any strides; indices are contiguous.

/// out = the largest value of each window; NaN wins. indices, which may be absent, receive where
/// it was: Long, PyTorch's row * columns + column; or Byte, its number within the window
/// (windows of at most 256 elements, not adaptive), an eighth of the memory. Any dtype but Bool.
inline constinit Kernel<void(View, View, ConstView, const PoolGeometry&)> max_pool2d_kernel{
    "max_pool2d", &cpu::max_pool2d};
/// out[p] = source[indices[p]], plane by plane, by either kind of indices.
inline constinit Kernel<void(View, ConstView, ConstView, const PoolGeometry&)>
    max_pool2d_gather_kernel{"max_pool2d_gather", &cpu::max_pool2d_gather};
/// The transpose of the gather: grad_input = 0, then grad_input[indices[p]] += grad_out[p].
inline constinit Kernel<void(View, ConstView, ConstView, const PoolGeometry&)>
    max_pool2d_scatter_kernel{"max_pool2d_scatter", &cpu::max_pool2d_scatter};

/// out = sum of each window / number of its elements (see PoolGeometry). Floating dtypes and Long.
inline constinit Kernel<void(View, ConstView, const PoolGeometry&)> avg_pool2d_kernel{
    "avg_pool2d", &cpu::avg_pool2d};
/// The transpose of avg_pool2d.
inline constinit Kernel<void(View, ConstView, const PoolGeometry&)> avg_pool2d_backward_kernel{
    "avg_pool2d_backward", &cpu::avg_pool2d_backward};

/// out[i] = mean of input[floor(i H / OH) .. ceil((i + 1) H / OH)), in both directions. Floating.
inline constinit Kernel<void(View, ConstView)> adaptive_avg_pool2d_kernel{
    "adaptive_avg_pool2d", &cpu::adaptive_avg_pool2d};
/// The transpose of adaptive_avg_pool2d.
inline constinit Kernel<void(View, ConstView)> adaptive_avg_pool2d_backward_kernel{
    "adaptive_avg_pool2d_backward", &cpu::adaptive_avg_pool2d_backward};

}  // namespace taper
