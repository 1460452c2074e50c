#pragma once

#include "taper/tensor/tensor.h"

// Elements moved between channels and places.
namespace taper TAPER_API {

/// out[..., c, h r + i, w r + j] = self[..., c r^2 + i r + j, h, w], r = upscale_factor.
Tensor pixel_shuffle(const Tensor& self, int64_t upscale_factor);
/// The inverse of pixel_shuffle(): height and width are multiples of downscale_factor.
Tensor pixel_unshuffle(const Tensor& self, int64_t downscale_factor);
/// The channels of [n, c, ...], in `groups` groups, in turn from each group.
Tensor channel_shuffle(const Tensor& self, int64_t groups);
/// The windows of [n, c, h, w] or [c, h, w] as columns: [n, c kh kw, windows].
Tensor im2col(const Tensor& self, IntArrayRef kernel_size, IntArrayRef dilation,
              IntArrayRef padding, IntArrayRef stride);
/// im2col()'s transpose: the sum of the columns at each place of an image [n, c, *output_size].
Tensor col2im(const Tensor& self, IntArrayRef output_size, IntArrayRef kernel_size,
              IntArrayRef dilation, IntArrayRef padding, IntArrayRef stride);

}  // namespace taper
