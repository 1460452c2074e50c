#pragma once

#include <optional>
#include <tuple>

#include "taper/tensor/tensor.h"

// Pooling over windows of the last one or two dimensions; the dimensions in front are channels and,
// optionally, images. kernel_size, stride (kernel_size when empty), padding and dilation are one
// number for all directions or one for each. ceil_mode also takes windows that only begin inside.
// A channels-last input makes a channels-last result.
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

/// The mean of each window of [n, c, l] or [c, l]; with count_include_pad the padding counts as
/// zeros.
Tensor avg_pool1d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, bool ceil_mode = false, bool count_include_pad = true);
/// The mean of each window of [n, c, h, w] or [c, h, w]; with count_include_pad the padding counts
/// as zeros; divisor_override, not 0, divides the sum instead of the number of elements.
Tensor avg_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride = {},
                  IntArrayRef padding = 0, bool ceil_mode = false, bool count_include_pad = true,
                  std::optional<int64_t> divisor_override = std::nullopt);

/// The mean over output_size windows of nearly equal length: window i of l elements is
/// [floor(i l / output_size), ceil((i + 1) l / output_size)).
Tensor adaptive_avg_pool1d(const Tensor& self, IntArrayRef output_size);
/// adaptive_avg_pool1d() in both directions; a size of -1 keeps the input's.
Tensor adaptive_avg_pool2d(const Tensor& self, IntArrayRef output_size);

}  // namespace taper
