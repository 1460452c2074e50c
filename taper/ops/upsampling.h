#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

// Resampling of the dimensions behind the first two, [n, c, ...], to output_size. Floating dtypes;
// the nearest ones take bytes too. Element j of the result lies at (j + 0.5) in / out - 0.5 of the
// input, or at j (in - 1) / (out - 1) with align_corners; scales, where given, replace out / in. A
// channels-last input makes a channels-last result.
namespace taper TAPER_API {

/// The element at floor(j in / out).
Tensor upsample_nearest1d(const Tensor& self, IntArrayRef output_size,
                          std::optional<double> scales = std::nullopt);
/// upsample_nearest1d() in both directions.
Tensor upsample_nearest2d(const Tensor& self, IntArrayRef output_size,
                          std::optional<double> scales_h = std::nullopt,
                          std::optional<double> scales_w = std::nullopt);
/// upsample_nearest1d() in all three directions.
Tensor upsample_nearest3d(const Tensor& self, IntArrayRef output_size,
                          std::optional<double> scales_d = std::nullopt,
                          std::optional<double> scales_h = std::nullopt,
                          std::optional<double> scales_w = std::nullopt);
/// The element whose centre is nearest: floor((j + 0.5) in / out).
Tensor _upsample_nearest_exact1d(const Tensor& self, IntArrayRef output_size,
                                 std::optional<double> scales = std::nullopt);
/// _upsample_nearest_exact1d() in both directions.
Tensor _upsample_nearest_exact2d(const Tensor& self, IntArrayRef output_size,
                                 std::optional<double> scales_h = std::nullopt,
                                 std::optional<double> scales_w = std::nullopt);
/// _upsample_nearest_exact1d() in all three directions.
Tensor _upsample_nearest_exact3d(const Tensor& self, IntArrayRef output_size,
                                 std::optional<double> scales_d = std::nullopt,
                                 std::optional<double> scales_h = std::nullopt,
                                 std::optional<double> scales_w = std::nullopt);
/// The line through the two elements beside the place.
Tensor upsample_linear1d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                         std::optional<double> scales = std::nullopt);
/// upsample_linear1d() in both directions.
Tensor upsample_bilinear2d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                           std::optional<double> scales_h = std::nullopt,
                           std::optional<double> scales_w = std::nullopt);
/// upsample_linear1d() in all three directions.
Tensor upsample_trilinear3d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                            std::optional<double> scales_d = std::nullopt,
                            std::optional<double> scales_h = std::nullopt,
                            std::optional<double> scales_w = std::nullopt);
/// The cubic convolution (a = -0.75) of the four elements about the place, in both directions.
Tensor upsample_bicubic2d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                          std::optional<double> scales_h = std::nullopt,
                          std::optional<double> scales_w = std::nullopt);
/// upsample_bilinear2d() whose triangle, where the result is smaller, is as wide as the elements
/// that one of the result covers, as image libraries shrink.
Tensor _upsample_bilinear2d_aa(const Tensor& self, IntArrayRef output_size, bool align_corners,
                               std::optional<double> scales_h = std::nullopt,
                               std::optional<double> scales_w = std::nullopt);
/// upsample_bicubic2d() (a = -0.5) widened as in _upsample_bilinear2d_aa().
Tensor _upsample_bicubic2d_aa(const Tensor& self, IntArrayRef output_size, bool align_corners,
                              std::optional<double> scales_h = std::nullopt,
                              std::optional<double> scales_w = std::nullopt);

}  // namespace taper
