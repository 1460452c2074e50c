#pragma once

#include "taper/nn/functional_vision.h"
#include "taper/nn/plain_layer.h"

namespace taper TAPER_API {
namespace nn {

using FoldOptions = functional::FoldFuncOptions;
using UnfoldOptions = functional::UnfoldFuncOptions;
using UpsampleOptions = functional::InterpolateFuncOptions;

struct PixelShuffleOptions {
  PixelShuffleOptions(int64_t upscale_factor) : upscale_factor_(upscale_factor) {}
  TAPER_ARG(int64_t, upscale_factor);
};
struct PixelUnshuffleOptions {
  PixelUnshuffleOptions(int64_t downscale_factor) : downscale_factor_(downscale_factor) {}
  TAPER_ARG(int64_t, downscale_factor);
};
struct ChannelShuffleOptions {
  ChannelShuffleOptions(int64_t groups) : groups_(groups) {}
  TAPER_ARG(int64_t, groups);
};

/// Sums columns into images, see taper::col2im().
TAPER_UNARY_LAYER(Fold, FoldOptions);
/// The windows of images as columns, see taper::im2col().
TAPER_UNARY_LAYER(Unfold, UnfoldOptions);
/// functional::interpolate().
TAPER_UNARY_LAYER(Upsample, UpsampleOptions);
/// Upsample of images by kNearest, whatever the options' mode.
TAPER_UNARY_LAYER(UpsamplingNearest2d, UpsampleOptions);
/// Upsample of images by kBilinear with aligned corners, whatever the options say of both.
TAPER_UNARY_LAYER(UpsamplingBilinear2d, UpsampleOptions);
/// [*, C r^2, H, W] to [*, C, H r, W r] (Shi et al., 2016).
TAPER_UNARY_LAYER(PixelShuffle, PixelShuffleOptions);
/// The inverse of PixelShuffle.
TAPER_UNARY_LAYER(PixelUnshuffle, PixelUnshuffleOptions);
/// Takes the channels from each group in turn.
TAPER_UNARY_LAYER(ChannelShuffle, ChannelShuffleOptions);

}  // namespace nn
}  // namespace taper
