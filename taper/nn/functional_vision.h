#pragma once

#include <optional>
#include <tuple>
#include <vector>

#include "taper/base/arg.h"
#include "taper/nn/enum.h"
#include "taper/nn/expanding_array.h"
#include "taper/tensor/tensor.h"

// Functions on images with LibTorch's names and options: padding, resampling, windows, pooling.
namespace taper TAPER_API {
namespace nn::functional {

struct PadFuncOptions {
  using Mode =
      Choice<enumtype::kConstant, enumtype::kReflect, enumtype::kReplicate, enumtype::kCircular>;
  PadFuncOptions(std::vector<int64_t> pad) : pad_(std::move(pad)) {}
  /// Before and after each dimension, the last one first; see taper::pad().
  TAPER_ARG(std::vector<int64_t>, pad);
  TAPER_ARG(Mode, mode) = kConstant;
  TAPER_ARG(double, value) = 0;
};
/// See taper::pad().
Tensor pad(const Tensor& input, const PadFuncOptions& options);

struct InterpolateFuncOptions {
  using Mode =
      Choice<enumtype::kNearest, enumtype::kLinear, enumtype::kBilinear, enumtype::kBicubic,
             enumtype::kTrilinear, enumtype::kArea, enumtype::kNearestExact>;
  /// One of both: sizes, or factors of the sizes, one for all directions or one for each.
  TAPER_ARG(std::optional<std::vector<int64_t>>, size) = std::nullopt;
  TAPER_ARG(std::optional<std::vector<double>>, scale_factor) = std::nullopt;
  TAPER_ARG(Mode, mode) = kNearest;
  TAPER_ARG(std::optional<bool>, align_corners) = std::nullopt;
  /// Places follow the sizes that the factors give, not the factors.
  TAPER_ARG(std::optional<bool>, recompute_scale_factor) = std::nullopt;
  /// For smaller images, kBilinear and kBicubic: see taper::_upsample_bilinear2d_aa().
  TAPER_ARG(bool, antialias) = false;
};
/// Resamples the dimensions behind the first two; taper/ops/upsampling.h describes the modes, kArea
/// is adaptive average pooling.
Tensor interpolate(const Tensor& input, const InterpolateFuncOptions& options);
/// Older names of interpolate(): upsample_nearest is mode kNearest, upsample_bilinear mode
/// kBilinear with align_corners, whatever the options say.
Tensor upsample(const Tensor& input, const InterpolateFuncOptions& options);
Tensor upsample_nearest(const Tensor& input, InterpolateFuncOptions options);
Tensor upsample_bilinear(const Tensor& input, InterpolateFuncOptions options);

struct GridSampleFuncOptions {
  using Mode = Choice<enumtype::kBilinear, enumtype::kNearest, enumtype::kBicubic>;
  using PaddingMode = Choice<enumtype::kZeros, enumtype::kBorder, enumtype::kReflection>;
  TAPER_ARG(Mode, mode) = kBilinear;
  TAPER_ARG(PaddingMode, padding_mode) = kZeros;
  TAPER_ARG(std::optional<bool>, align_corners) = std::nullopt;
};
/// See taper::grid_sampler().
Tensor grid_sample(const Tensor& input, const Tensor& grid,
                   const GridSampleFuncOptions& options = {});
/// See taper::affine_grid_generator().
Tensor affine_grid(const Tensor& theta, IntArrayRef size, bool align_corners = false);

struct FoldFuncOptions {
  FoldFuncOptions(ExpandingArray<2> output_size, ExpandingArray<2> kernel_size)
      : output_size_(output_size), kernel_size_(kernel_size) {}
  TAPER_ARG(ExpandingArray<2>, output_size);
  TAPER_ARG(ExpandingArray<2>, kernel_size);
  TAPER_ARG(ExpandingArray<2>, dilation) = 1;
  TAPER_ARG(ExpandingArray<2>, padding) = 0;
  TAPER_ARG(ExpandingArray<2>, stride) = 1;
};
/// See taper::col2im().
Tensor fold(const Tensor& input, const FoldFuncOptions& options);

struct UnfoldFuncOptions {
  UnfoldFuncOptions(ExpandingArray<2> kernel_size) : kernel_size_(kernel_size) {}
  TAPER_ARG(ExpandingArray<2>, kernel_size);
  TAPER_ARG(ExpandingArray<2>, dilation) = 1;
  TAPER_ARG(ExpandingArray<2>, padding) = 0;
  TAPER_ARG(ExpandingArray<2>, stride) = 1;
};
/// See taper::im2col().
Tensor unfold(const Tensor& input, const UnfoldFuncOptions& options);

/// Of the pooling to undo; the stride is the kernel size unless set.
template <size_t D>
struct MaxUnpoolFuncOptions {
  MaxUnpoolFuncOptions(ExpandingArray<D> kernel_size)
      : kernel_size_(kernel_size), stride_(kernel_size) {}
  TAPER_ARG(ExpandingArray<D>, kernel_size);
  TAPER_ARG(ExpandingArray<D>, stride);
  TAPER_ARG(ExpandingArray<D>, padding) = 0;
  /// The sizes of the pooling's input, where they are not the smallest that pool to these.
  TAPER_ARG(std::optional<std::vector<int64_t>>, output_size) = std::nullopt;
};
using MaxUnpool1dFuncOptions = MaxUnpoolFuncOptions<1>;
using MaxUnpool2dFuncOptions = MaxUnpoolFuncOptions<2>;
using MaxUnpool3dFuncOptions = MaxUnpoolFuncOptions<3>;
// See taper::max_unpool2d().
Tensor max_unpool1d(const Tensor& input, const Tensor& indices,
                    const MaxUnpool1dFuncOptions& options);
Tensor max_unpool2d(const Tensor& input, const Tensor& indices,
                    const MaxUnpool2dFuncOptions& options);
Tensor max_unpool3d(const Tensor& input, const Tensor& indices,
                    const MaxUnpool3dFuncOptions& options);

/// The stride is the kernel size unless set.
template <size_t D>
struct LPPoolFuncOptions {
  LPPoolFuncOptions(double norm_type, ExpandingArray<D> kernel_size)
      : norm_type_(norm_type), kernel_size_(kernel_size), stride_(kernel_size) {}
  TAPER_ARG(double, norm_type);
  TAPER_ARG(ExpandingArray<D>, kernel_size);
  TAPER_ARG(ExpandingArray<D>, stride);
  TAPER_ARG(bool, ceil_mode) = false;
};
using LPPool1dFuncOptions = LPPoolFuncOptions<1>;
using LPPool2dFuncOptions = LPPoolFuncOptions<2>;
/// (sum of x^p over each window)^(1/p), p = norm_type; where the sum is 0 its gradient is 0.
Tensor lp_pool1d(const Tensor& input, const LPPool1dFuncOptions& options);
/// lp_pool1d() over windows of images.
Tensor lp_pool2d(const Tensor& input, const LPPool2dFuncOptions& options);

/// output_size or output_ratio (of the input's size) must be given; random samples are drawn unless
/// given.
template <size_t D>
struct FractionalMaxPoolFuncOptions {
  using Ratio = ExpandingArray<D, double>;
  FractionalMaxPoolFuncOptions(ExpandingArray<D> kernel_size) : kernel_size_(kernel_size) {}
  TAPER_ARG(ExpandingArray<D>, kernel_size);
  TAPER_ARG(std::optional<ExpandingArray<D>>, output_size) = std::nullopt;
  TAPER_ARG(std::optional<Ratio>, output_ratio) = std::nullopt;
  TAPER_ARG(Tensor, _random_samples) = Tensor();
};
using FractionalMaxPool2dFuncOptions = FractionalMaxPoolFuncOptions<2>;
using FractionalMaxPool3dFuncOptions = FractionalMaxPoolFuncOptions<3>;
// See taper::fractional_max_pool2d().
Tensor fractional_max_pool2d(const Tensor& input, const FractionalMaxPool2dFuncOptions& options);
std::tuple<Tensor, Tensor> fractional_max_pool2d_with_indices(
    const Tensor& input, const FractionalMaxPool2dFuncOptions& options);
Tensor fractional_max_pool3d(const Tensor& input, const FractionalMaxPool3dFuncOptions& options);
std::tuple<Tensor, Tensor> fractional_max_pool3d_with_indices(
    const Tensor& input, const FractionalMaxPool3dFuncOptions& options);

struct LocalResponseNormFuncOptions {
  LocalResponseNormFuncOptions(int64_t size) : size_(size) {}
  TAPER_ARG(int64_t, size);
  TAPER_ARG(double, alpha) = 1e-4;
  TAPER_ARG(double, beta) = 0.75;
  TAPER_ARG(double, k) = 1;
};
/// x / (k + alpha * mean of x^2 over `size` channels around)^beta, zeros beyond the channels, for
/// [n, c, ...] of at least three dimensions.
Tensor local_response_norm(const Tensor& input, const LocalResponseNormFuncOptions& options);

}  // namespace nn::functional
}  // namespace taper
