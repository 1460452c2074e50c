#include "taper/nn/functional_vision.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/grid_sampling.h"
#include "taper/ops/op_util.h"
#include "taper/ops/padding.h"
#include "taper/ops/patches.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/pooling.h"
#include "taper/ops/random.h"
#include "taper/ops/upsampling.h"

namespace taper::nn::functional {
namespace {

/// The sizes to interpolate to, and the factors where places follow them.
struct Target {
  std::vector<int64_t> size;
  std::vector<double> scale;

  std::optional<double> factor(size_t d) const {
    return scale.empty() ? std::nullopt : std::optional(scale[d]);
  }
};

template <class T>
std::vector<T> for_each_direction(const char* what, const Tensor& input,
                                  const std::vector<T>& given) {
  const size_t directions = static_cast<size_t>(input.dim() - 2);
  TAPER_CHECK_AS(ShapeError, given.size() == directions || given.size() == 1,
                 "interpolate: Input and ", what,
                 " must have the same number of spatial dimensions, but got input with spatial "
                 "dimensions of ",
                 input.sizes().slice(2), " and ", given.size(), " values");
  return given.size() == directions ? given : std::vector<T>(directions, given[0]);
}

Target target_of(const Tensor& input, const InterpolateFuncOptions& o) {
  TAPER_CHECK_AS(ConfigError, !(o.size() && o.scale_factor()),
                 "interpolate: only one of size or scale_factor should be defined");
  TAPER_CHECK_AS(ConfigError, o.size() || o.scale_factor(),
                 "interpolate: either size or scale_factor should be defined");
  Target target;
  if (o.size()) {
    TAPER_CHECK_AS(ConfigError, !o.recompute_scale_factor().value_or(false),
                   "interpolate: recompute_scale_factor is not meaningful with an explicit size.");
    target.size = for_each_direction("output", input, *o.size());
    return target;
  }
  target.scale = for_each_direction("scale_factor", input, *o.scale_factor());
  for (size_t d = 0; d < target.scale.size(); ++d) {
    const double size = std::floor(static_cast<double>(input.sizes()[d + 2]) * target.scale[d]);
    // Written so that NaN fails.
    TAPER_CHECK_AS(
        ShapeError, size >= 1 && size < 0x1p53,
        "interpolate: Input and output sizes should be greater than 0, but scale_factor ",
        target.scale[d], " of ", input.sizes()[d + 2], " gives ", size);
    target.size.push_back(static_cast<int64_t>(size));
  }
  if (o.recompute_scale_factor().value_or(o.mode().is<enumtype::kArea>())) target.scale.clear();
  return target;
}

Tensor resample(const Tensor& x, const InterpolateFuncOptions& o, const Target& t) {
  const bool align = o.align_corners().value_or(false);
  const auto mode = o.mode();
  const bool nearest = mode.is<enumtype::kNearest>(), exact = mode.is<enumtype::kNearestExact>();
  const bool area = mode.is<enumtype::kArea>();
  if (x.dim() == 3) {
    if (nearest) return upsample_nearest1d(x, t.size, t.factor(0));
    if (exact) return _upsample_nearest_exact1d(x, t.size, t.factor(0));
    if (area) return adaptive_avg_pool1d(x, t.size);
    if (mode.is<enumtype::kLinear>()) return upsample_linear1d(x, t.size, align, t.factor(0));
  } else if (x.dim() == 4) {
    const auto h = t.factor(0), w = t.factor(1);
    if (nearest) return upsample_nearest2d(x, t.size, h, w);
    if (exact) return _upsample_nearest_exact2d(x, t.size, h, w);
    if (area) return adaptive_avg_pool2d(x, t.size);
    if (mode.is<enumtype::kBilinear>()) {
      return o.antialias() ? _upsample_bilinear2d_aa(x, t.size, align, h, w)
                           : upsample_bilinear2d(x, t.size, align, h, w);
    }
    if (mode.is<enumtype::kBicubic>()) {
      return o.antialias() ? _upsample_bicubic2d_aa(x, t.size, align, h, w)
                           : upsample_bicubic2d(x, t.size, align, h, w);
    }
  } else {
    const auto d = t.factor(0), h = t.factor(1), w = t.factor(2);
    if (nearest) return upsample_nearest3d(x, t.size, d, h, w);
    if (exact) return _upsample_nearest_exact3d(x, t.size, d, h, w);
    if (area) return adaptive_avg_pool3d(x, t.size);
    if (mode.is<enumtype::kTrilinear>()) return upsample_trilinear3d(x, t.size, align, d, h, w);
  }
  detail::fail<ShapeError>("interpolate: Got ", x.dim(), "D input, but ", mode.text(),
                           " mode needs another: linear 3D, bilinear and bicubic 4D, trilinear 5D");
}

}  // namespace

Tensor pad(const Tensor& input, const PadFuncOptions& o) {
  constexpr const char* kNames[] = {"constant", "reflect", "replicate", "circular"};
  const bool constant = o.mode().is<enumtype::kConstant>();
  TAPER_CHECK_AS(ConfigError, constant || o.value() == 0, "pad: Padding mode \"",
                 kNames[o.mode().index()], "\" doesn't take in value argument");
  return taper::pad(input, o.pad(), kNames[o.mode().index()],
                    constant ? std::optional(o.value()) : std::nullopt);
}

Tensor interpolate(const Tensor& input, const InterpolateFuncOptions& o) {
  TAPER_CHECK_AS(ShapeError, input.dim() >= 3 && input.dim() <= 5,
                 "interpolate: Only 3D, 4D and 5D input Tensors supported, got ", input.dim(), "D");
  const auto mode = o.mode();
  const bool takes_corners = mode.is<enumtype::kLinear>() || mode.is<enumtype::kBilinear>() ||
                             mode.is<enumtype::kBicubic>() || mode.is<enumtype::kTrilinear>();
  TAPER_CHECK_AS(ConfigError, takes_corners || !o.align_corners(),
                 "interpolate: align_corners option can only be set with the interpolating modes: "
                 "linear | bilinear | bicubic | trilinear");
  const bool can_antialias = mode.is<enumtype::kBilinear>() || mode.is<enumtype::kBicubic>();
  TAPER_CHECK_AS(ConfigError, !o.antialias() || (can_antialias && input.dim() == 4),
                 "interpolate: Anti-alias option is only supported for bilinear and bicubic modes");
  return resample(input, o, target_of(input, o));
}

Tensor upsample(const Tensor& input, const InterpolateFuncOptions& o) {
  return interpolate(input, o);
}

Tensor upsample_nearest(const Tensor& input, InterpolateFuncOptions o) {
  return interpolate(input, o.mode(kNearest));
}

Tensor upsample_bilinear(const Tensor& input, InterpolateFuncOptions o) {
  return interpolate(input, o.mode(kBilinear).align_corners(true));
}

Tensor grid_sample(const Tensor& input, const Tensor& grid, const GridSampleFuncOptions& o) {
  return grid_sampler(input, grid, o.mode().index(), o.padding_mode().index(),
                      o.align_corners().value_or(false));
}

Tensor affine_grid(const Tensor& theta, IntArrayRef size, bool align_corners) {
  return affine_grid_generator(theta, size, align_corners);
}

Tensor fold(const Tensor& input, const FoldFuncOptions& o) {
  return col2im(input, o.output_size(), o.kernel_size(), o.dilation(), o.padding(), o.stride());
}

Tensor unfold(const Tensor& input, const UnfoldFuncOptions& o) {
  return im2col(input, o.kernel_size(), o.dilation(), o.padding(), o.stride());
}

namespace {

/// The given sizes, or the smallest that the pooling takes to input's.
template <size_t D>
DimVector unpooled_sizes(const char* op, const Tensor& input, const MaxUnpoolFuncOptions<D>& o) {
  const int64_t rank = input.dim();
  TAPER_CHECK_AS(ShapeError,
                 rank == static_cast<int64_t>(D) + 1 || rank == static_cast<int64_t>(D) + 2, op,
                 ": Input should be a ", D + 1, "d or ", D + 2, "d Tensor, but got a tensor with ",
                 rank, " dimensions.");
  constexpr int64_t kMost = int64_t{1} << 31;
  DimVector smallest;
  for (size_t d = 0; d < D; ++d) {
    const int64_t kernel = o.kernel_size()[d], stride = o.stride()[d], padding = o.padding()[d];
    TAPER_CHECK_AS(
        ShapeError,
        kernel > 0 && stride > 0 && padding >= 0 && std::max({kernel, stride, padding}) < kMost, op,
        ": kernel_size and stride should be greater than zero and padding "
        "non-negative, got ",
        kernel, ", ", stride, " and ", padding);
    const int64_t in = input.sizes()[rank - static_cast<int64_t>(D - d)];
    checked_numel(op, {in, stride}, 1);
    smallest.push_back((in - 1) * stride + kernel - 2 * padding);
  }
  if (!o.output_size()) return smallest;
  const std::vector<int64_t>& all = *o.output_size();
  TAPER_CHECK_AS(ShapeError, all.size() == D || all.size() == D + 2, op,
                 ": output_size should be a sequence containing ", D, " or ", D + 2,
                 " elements, but it has a length of '", all.size(), "'");
  DimVector sizes(IntArrayRef(all).slice(all.size() - D));
  for (size_t d = 0; d < D; ++d) {
    const int64_t stride = o.stride()[d];
    TAPER_CHECK_AS(ShapeError, smallest[d] - stride < sizes[d] && sizes[d] < smallest[d] + stride,
                   op, ": invalid output_size \"", sizes, "\" (dim ", d, " must be between ",
                   smallest[d] - stride, " and ", smallest[d] + stride, ")");
  }
  return sizes;
}

template <size_t D>
Tensor lp_pool(const char* op, const Tensor& input, const LPPoolFuncOptions<D>& o) {
  TAPER_CHECK(o.norm_type() != 0, op, ": norm_type must not be 0");
  check_floating(op, input);
  double count = 1;
  for (size_t d = 0; d < D; ++d) count *= static_cast<double>(o.kernel_size()[d]);
  const Tensor powers = input.pow(o.norm_type());
  const Tensor mean = D == 1 ? avg_pool1d(powers, o.kernel_size(), o.stride(), 0, o.ceil_mode())
                             : avg_pool2d(powers, o.kernel_size(), o.stride(), 0, o.ceil_mode());
  const Tensor sum = mean.mul(count), zero = sum.eq(0);
  return sum.masked_fill(zero, 1).pow(1 / o.norm_type()).masked_fill(zero, 0);
}

template <size_t D>
std::tuple<Tensor, Tensor> fractional(const char* op, const Tensor& input,
                                      const FractionalMaxPoolFuncOptions<D>& o) {
  TAPER_CHECK_AS(ConfigError, o.output_size() || o.output_ratio(), op,
                 " requires specifying either an output_size or an output_ratio");
  const int64_t rank = input.dim(), directions = static_cast<int64_t>(D);
  TAPER_CHECK_AS(ShapeError, rank == directions + 1 || rank == directions + 2, op, ": Expected ",
                 D + 1, "D or ", D + 2, "D input, but got ", input.sizes());
  DimVector sizes;
  for (size_t d = 0; d < D; ++d) {
    const int64_t in = input.sizes()[rank - directions + static_cast<int64_t>(d)];
    if (o.output_size()) {
      sizes.push_back((*o.output_size())[d]);
      continue;
    }
    const double ratio = (*o.output_ratio())[d];
    TAPER_CHECK(ratio > 0 && ratio < 1, op, ": output_ratio must be between 0 and 1, got ", ratio);
    sizes.push_back(static_cast<int64_t>(static_cast<double>(in) * ratio));
  }
  Tensor samples = o._random_samples();
  if (!samples.defined()) {
    const int64_t batch = rank == directions + 2 ? input.sizes()[0] : 1;
    samples = rand({batch, input.sizes()[rank - directions - 1], directions}, input.options());
  }
  const auto op_of = D == 2 ? &taper::fractional_max_pool2d : &taper::fractional_max_pool3d;
  return op_of(input, o.kernel_size(), sizes, samples);
}

}  // namespace

Tensor max_unpool1d(const Tensor& input, const Tensor& indices, const MaxUnpool1dFuncOptions& o) {
  const DimVector sizes = unpooled_sizes("max_unpool1d", input, o);
  return taper::max_unpool2d(input.unsqueeze(-1), indices.unsqueeze(-1), {sizes[0], 1}).squeeze(-1);
}
Tensor max_unpool2d(const Tensor& input, const Tensor& indices, const MaxUnpool2dFuncOptions& o) {
  return taper::max_unpool2d(input, indices, unpooled_sizes("max_unpool2d", input, o));
}
Tensor max_unpool3d(const Tensor& input, const Tensor& indices, const MaxUnpool3dFuncOptions& o) {
  return taper::max_unpool3d(input, indices, unpooled_sizes("max_unpool3d", input, o), o.stride(),
                             o.padding());
}

Tensor lp_pool1d(const Tensor& input, const LPPool1dFuncOptions& options) {
  return lp_pool("lp_pool1d", input, options);
}
Tensor lp_pool2d(const Tensor& input, const LPPool2dFuncOptions& options) {
  return lp_pool("lp_pool2d", input, options);
}

Tensor fractional_max_pool2d(const Tensor& input, const FractionalMaxPool2dFuncOptions& options) {
  return std::get<0>(fractional("fractional_max_pool2d", input, options));
}
std::tuple<Tensor, Tensor> fractional_max_pool2d_with_indices(
    const Tensor& input, const FractionalMaxPool2dFuncOptions& options) {
  return fractional("fractional_max_pool2d", input, options);
}
Tensor fractional_max_pool3d(const Tensor& input, const FractionalMaxPool3dFuncOptions& options) {
  return std::get<0>(fractional("fractional_max_pool3d", input, options));
}
std::tuple<Tensor, Tensor> fractional_max_pool3d_with_indices(
    const Tensor& input, const FractionalMaxPool3dFuncOptions& options) {
  return fractional("fractional_max_pool3d", input, options);
}

Tensor local_response_norm(const Tensor& input, const LocalResponseNormFuncOptions& o) {
  TAPER_CHECK_AS(ShapeError, input.dim() >= 3,
                 "local_response_norm: Expected 3D or higher dimensionality input (got ",
                 input.dim(), " dimensions)");
  TAPER_CHECK(o.size() > 0, "local_response_norm: size must be positive, got ", o.size());
  check_floating("local_response_norm", input);
  if (input.numel() == 0) return input;
  // Channels are the rows of an image of places.
  const Tensor squares = input.square().flatten(2).unsqueeze(1);
  const Tensor padded = taper::pad(squares, {0, 0, o.size() / 2, (o.size() - 1) / 2});
  const Tensor mean = taper::avg_pool2d(padded, {o.size(), 1}, 1).squeeze(1).view(input.sizes());
  return input.div(mean.mul(o.alpha()).add(o.k()).pow(o.beta()));
}

}  // namespace taper::nn::functional
