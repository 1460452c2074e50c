#pragma once

#include "taper/tensor/tensor.h"

// Images read at any place, and places of an affine map. A grid's coordinates are x, y (and z), -1
// and 1 at the image's edges: of the corner pixels' centres with align_corners, else of the image.
namespace taper TAPER_API {

/// out[n, c, ...] = input[n, c] at grid[n, ...]: input [n, c, h, w] and grid [n, oh, ow, 2], or
/// input [n, c, d, h, w] and grid [n, od, oh, ow, 3]. interpolation_mode 0: (bi)linear, 1: nearest,
/// 2: bicubic (images only); padding_mode 0: zeros outside, 1: the border's elements, 2: reflected
/// at the border. A NaN coordinate counts as -1.
Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                    int64_t padding_mode, bool align_corners);
/// grid_sampler() of images.
Tensor grid_sampler_2d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners);
/// grid_sampler() of volumes.
Tensor grid_sampler_3d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners);
/// The grid of the places that theta [n, 2, 3] (or [n, 3, 4]) maps an image of `size` [n, c, h, w]
/// (or [n, c, d, h, w]) from.
Tensor affine_grid_generator(const Tensor& theta, IntArrayRef size, bool align_corners);

}  // namespace taper
