#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Pooling over windows of the last one to three dimensions; the dimensions in front are channels
// and, optionally, images. kernel_size, stride (kernel_size when empty), padding and dilation are
// one number for all directions or one for each. ceil_mode also takes windows that only begin
// inside. A channels-last input makes a channels-last result.
namespace taper TAPER_API {

/// The largest element of each window; NaN wins. input [n, c, l] or [c, l].
Tensor max_pool1d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, IntArrayRef dilation = 1, bool ceil_mode = false);
/// max_pool1d() and the position of each element in its row.
std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& self, IntArrayRef kernel_size,
                                                   IntArrayRef stride = {}, IntArrayRef padding = 0,
                                                   IntArrayRef dilation = 1,
                                                   bool ceil_mode = false);
/// The largest element of each window; NaN wins. input [n, c, h, w] or [c, h, w].
Tensor max_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, IntArrayRef dilation = 1, bool ceil_mode = false);
/// max_pool2d() and where each element was: row * width + column.
std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& self, IntArrayRef kernel_size,
                                                   IntArrayRef stride = {}, IntArrayRef padding = 0,
                                                   IntArrayRef dilation = 1,
                                                   bool ceil_mode = false);
/// The largest element of each window; NaN wins. input [n, c, d, h, w] or [c, d, h, w].
Tensor max_pool3d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, IntArrayRef dilation = 1, bool ceil_mode = false);
/// max_pool3d() and where each element was: (plane * height + row) * width + column.
std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& self, IntArrayRef kernel_size,
                                                   IntArrayRef stride = {}, IntArrayRef padding = 0,
                                                   IntArrayRef dilation = 1,
                                                   bool ceil_mode = false);

/// The mean of each window of [n, c, l] or [c, l]; with count_include_pad the padding counts as
/// zeros.
Tensor avg_pool1d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, bool ceil_mode = false, bool count_include_pad = true);
/// The mean of each window of [n, c, h, w] or [c, h, w]; with count_include_pad the padding counts
/// as zeros; divisor_override, not 0, divides the sum instead of the number of elements.
Tensor avg_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, bool ceil_mode = false, bool count_include_pad = true,
                  std::optional<int64_t> divisor_override = std::nullopt);
/// avg_pool2d() over volumes [n, c, d, h, w] or [c, d, h, w].
Tensor avg_pool3d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, bool ceil_mode = false, bool count_include_pad = true,
                  std::optional<int64_t> divisor_override = std::nullopt);

/// The mean over output_size windows of nearly equal length: window i of l elements is
/// [floor(i l / output_size), ceil((i + 1) l / output_size)).
Tensor adaptive_avg_pool1d(const Tensor& self, IntArrayRef output_size);
/// adaptive_avg_pool1d() in both directions; a size of -1 keeps the input's.
Tensor adaptive_avg_pool2d(const Tensor& self, IntArrayRef output_size);
/// adaptive_avg_pool1d() in all three directions; a size of -1 keeps the input's.
Tensor adaptive_avg_pool3d(const Tensor& self, IntArrayRef output_size);
/// The largest element of each of adaptive_avg_pool1d()'s windows, NaN wins, and its position.
std::tuple<Tensor, Tensor> adaptive_max_pool1d(const Tensor& self, IntArrayRef output_size);
/// adaptive_max_pool1d() in both directions; positions are row * width + column.
std::tuple<Tensor, Tensor> adaptive_max_pool2d(const Tensor& self, IntArrayRef output_size);
/// adaptive_max_pool1d() in all three directions; positions as max_pool3d_with_indices().
std::tuple<Tensor, Tensor> adaptive_max_pool3d(const Tensor& self, IntArrayRef output_size);

/// Zeros but for self's elements, which go to the positions in their plane that max_pool2d gave
/// them: [n, c, h, w] or [c, h, w] to output_size {height, width}.
Tensor max_unpool2d(const Tensor& self, const Tensor& indices, IntArrayRef output_size);
/// max_unpool2d() for volumes. stride and padding are checked only: output_size says it all.
Tensor max_unpool3d(const Tensor& self, const Tensor& indices, IntArrayRef output_size,
                    IntArrayRef stride, IntArrayRef padding);

/// The largest element of output_size windows of kernel_size elements whose places are drawn, and
/// its position: window i begins at floor((i + u) a) - floor(u a), a = (size - kernel) /
/// (output_size - 1), the last at the end. random_samples [n, c, 2] holds u for the width and the
/// height, in [0, 1). https://arxiv.org/abs/1412.6071
std::tuple<Tensor, Tensor> fractional_max_pool2d(const Tensor& self, IntArrayRef kernel_size,
                                                 IntArrayRef output_size,
                                                 const Tensor& random_samples);
/// fractional_max_pool2d() of volumes; random_samples [n, c, 3] holds u for depth, height, width.
std::tuple<Tensor, Tensor> fractional_max_pool3d(const Tensor& self, IntArrayRef kernel_size,
                                                 IntArrayRef output_size,
                                                 const Tensor& random_samples);

}  // namespace taper
