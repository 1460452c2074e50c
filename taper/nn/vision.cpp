#include "taper/nn/vision.h"

#include <ostream>

#include "taper/ops/patches.h"

namespace taper::nn {
namespace F = functional;
namespace {

template <class T>
std::string one_or_tuple(const std::vector<T>& values) {
  if (values.size() == 1) return str(values[0]);
  std::string s = "[";
  for (const T& value : values) s += str(s.size() == 1 ? "" : ", ", value);
  return s + "]";
}

std::string upsample_text(const char* name, const UpsampleOptions& o) {
  constexpr const char* kNames[] = {"nearest",   "linear", "bilinear",     "bicubic",
                                    "trilinear", "area",   "nearest-exact"};
  const std::string how = o.scale_factor() ? "scale_factor=" + one_or_tuple(*o.scale_factor())
                          : o.size()       ? "size=" + one_or_tuple(*o.size())
                                           : "size=None";
  return str("taper::nn::", name, "(", how, ", mode='", kNames[o.mode().index()], "')");
}

UpsampleOptions nearest(UpsampleOptions o) { return o.mode(kNearest).align_corners(std::nullopt); }
UpsampleOptions bilinear(UpsampleOptions o) { return o.mode(kBilinear).align_corners(true); }

Tensor images(const char* name, const Tensor& input, const UpsampleOptions& options) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 4, name, ": expected 4D input, got ", input.sizes());
  return F::interpolate(input, options);
}

}  // namespace

void FoldImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Fold(output_size=", options.output_size(),
                ", kernel_size=", options.kernel_size(), ", dilation=", options.dilation(),
                ", padding=", options.padding(), ", stride=", options.stride(), ")");
}
Tensor FoldImpl::forward(const Tensor& input) { return F::fold(input, options); }

void UnfoldImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Unfold(kernel_size=", options.kernel_size(),
                ", dilation=", options.dilation(), ", padding=", options.padding(),
                ", stride=", options.stride(), ")");
}
Tensor UnfoldImpl::forward(const Tensor& input) { return F::unfold(input, options); }

void UpsampleImpl::pretty_print(std::ostream& stream) const {
  stream << upsample_text("Upsample", options);
}
Tensor UpsampleImpl::forward(const Tensor& input) { return F::interpolate(input, options); }

void UpsamplingNearest2dImpl::pretty_print(std::ostream& stream) const {
  stream << upsample_text("UpsamplingNearest2d", nearest(options));
}
Tensor UpsamplingNearest2dImpl::forward(const Tensor& input) {
  return images("UpsamplingNearest2d", input, nearest(options));
}

void UpsamplingBilinear2dImpl::pretty_print(std::ostream& stream) const {
  stream << upsample_text("UpsamplingBilinear2d", bilinear(options));
}
Tensor UpsamplingBilinear2dImpl::forward(const Tensor& input) {
  return images("UpsamplingBilinear2d", input, bilinear(options));
}

void PixelShuffleImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::PixelShuffle(upscale_factor=", options.upscale_factor(), ")");
}
Tensor PixelShuffleImpl::forward(const Tensor& input) {
  return pixel_shuffle(input, options.upscale_factor());
}

void PixelUnshuffleImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::PixelUnshuffle(downscale_factor=", options.downscale_factor(), ")");
}
Tensor PixelUnshuffleImpl::forward(const Tensor& input) {
  return pixel_unshuffle(input, options.downscale_factor());
}

void ChannelShuffleImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::ChannelShuffle(groups=", options.groups(), ")");
}
Tensor ChannelShuffleImpl::forward(const Tensor& input) {
  return channel_shuffle(input, options.groups());
}

template class Cloneable<FoldImpl>;
template class Cloneable<UnfoldImpl>;
template class Cloneable<UpsampleImpl>;
template class Cloneable<UpsamplingNearest2dImpl>;
template class Cloneable<UpsamplingBilinear2dImpl>;
template class Cloneable<PixelShuffleImpl>;
template class Cloneable<PixelUnshuffleImpl>;
template class Cloneable<ChannelShuffleImpl>;

}  // namespace taper::nn
