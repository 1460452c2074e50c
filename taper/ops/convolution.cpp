#include "taper/ops/convolution.h"

#include <algorithm>

#include "taper/ops/autocast_util.h"
#include "taper/ops/convolution_util.h"
#include "taper/ops/padding.h"
#include "taper/ops/sampling_util.h"

namespace taper {
namespace {

/// The kernel must fit into the padded input. xs and ws are [n, c, ...] and [o, c, ...].
void check_kernel_fits(const char* op, const Tensor& x, const Tensor& w, const ConvSteps& s) {
  std::string padded, kernel;
  bool fits = true;
  for (size_t d = 0; d < s.directions; ++d) {
    const size_t at = 3 - s.directions + d;
    const int64_t size = x.sizes()[d + 2] + 2 * s.padding[at];
    const int64_t reach = s.dilation[at] * (w.sizes()[d + 2] - 1) + 1;
    fits = fits && reach <= size;
    padded += str(d == 0 ? "" : " x ", size);
    kernel += str(d == 0 ? "" : " x ", reach);
  }
  TAPER_CHECK_AS(ShapeError, fits, op, ": Calculated padded input size per channel: (", padded,
                 "). Kernel size: (", kernel,
                 "). Kernel size can't be greater than actual input size");
}

/// Windows over the depth become channels, and what is left is one image for each.
Tensor convolve_volume(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias,
                       const ConvSteps& s) {
  const IntArrayRef xs = x.sizes(), ws = w.sizes();
  const int64_t depth =
      (xs[2] + 2 * s.padding[0] - s.dilation[0] * (ws[2] - 1) - 1) / s.stride[0] + 1;
  checked_numel(op, {xs[0], xs[1], ws[2], depth, xs[3], xs[4]}, 8);
  Tensor images = x;
  if (ws[2] != 1 || s.stride[0] != 1 || s.padding[0] != 0) {
    images =
        sample(x, 2, window_taps(xs[2], depth, ws[2], s.stride[0], s.padding[0], s.dilation[0]));
  }
  images = images.reshape({xs[0], xs[1], ws[2], depth, xs[3], xs[4]})
               .permute({0, 3, 1, 2, 4, 5})
               .reshape({xs[0] * depth, xs[1] * ws[2], xs[3], xs[4]});
  const Tensor out = convolve(op, images, w.reshape({ws[0], ws[1] * ws[2], ws[3], ws[4]}), bias,
                              s.plane(), MemoryFormat::Contiguous);
  return out.reshape({xs[0], depth, ws[0], out.sizes()[2], out.sizes()[3]})
      .transpose(1, 2)
      .contiguous();
}

struct Options {
  IntArrayRef stride, dilation;
  int64_t groups;
};

/// The convolution after `set_padding` has filled the steps' padding.
template <class SetPadding>
Tensor convolution_of(const char* op, size_t directions, const Tensor& input, const Tensor& weight,
                      const std::optional<Tensor>& bias, const Options& options,
                      SetPadding set_padding) {
  ConvSteps s{directions};
  s.groups = options.groups;
  set_steps(op, "stride", options.stride, directions, s.stride);
  set_steps(op, "dilation", options.dilation, directions, s.dilation);
  set_padding(s);
  const Tensor b = bias ? *bias : Tensor();
  check_convolution(op, input, weight, b, s, false);
  const bool batched = input.dim() == static_cast<int64_t>(directions) + 2;
  const Tensor x = batched ? input : input.unsqueeze(0);
  check_kernel_fits(op, x, weight, s);
  Tensor out;
  if (directions == 1) {
    // Rows are images of height 1.
    out = convolve(op, x.unsqueeze(2), weight.unsqueeze(2), b, s.plane(), MemoryFormat::Contiguous)
              .squeeze(2);
  } else if (directions == 2) {
    out = convolve(op, x, weight, b, s.plane(), common_format(x, weight));
  } else {
    out = convolve_volume(op, x, weight, b, s);
  }
  return batched ? out : out.squeeze(0);
}

Tensor numbered(const char* op, size_t directions, const Tensor& input, const Tensor& weight,
                const std::optional<Tensor>& bias, const Options& options, IntArrayRef padding) {
  if (autocasting()) [[unlikely]] {
    return autocast_lower(&numbered, op, directions, input, weight, bias, options, padding);
  }
  return convolution_of(op, directions, input, weight, bias, options, [&](ConvSteps& s) {
    set_steps(op, "padding", padding, directions, s.padding);
  });
}

Tensor named(const char* op, size_t directions, const Tensor& input, const Tensor& weight,
             const std::optional<Tensor>& bias, const Options& options, std::string_view padding) {
  TAPER_CHECK(padding == "same" || padding == "valid", op, ": Invalid padding string: '", padding,
              "', expected 'same' or 'valid'");
  if (padding == "valid") return numbered(op, directions, input, weight, bias, options, 0);
  for (const int64_t s : options.stride) {
    TAPER_CHECK_AS(ShapeError, s == 1, op,
                   ": padding='same' is not supported for strided convolutions");
  }
  ConvSteps s{directions};
  set_steps(op, "dilation", options.dilation, directions, s.dilation);
  // An even kernel needs one more element at the end than in front.
  DimVector before, extra(2 * directions, 0);
  const int64_t first = weight.dim() - static_cast<int64_t>(directions);
  for (size_t d = 0; d < directions && first >= 0; ++d) {
    const int64_t kernel = weight.sizes()[first + static_cast<int64_t>(d)];
    const int64_t total = s.dilation[3 - directions + d] * (kernel - 1);
    before.push_back(total / 2);
    extra[2 * (directions - 1 - d) + 1] = total % 2;
  }
  const bool odd = std::any_of(extra.begin(), extra.end(), [](int64_t e) { return e != 0; });
  const bool fits = input.dim() > static_cast<int64_t>(directions);
  return numbered(op, directions, odd && fits ? constant_pad_nd(input, extra) : input, weight, bias,
                  options, before);
}

}  // namespace

Tensor conv1d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return numbered("conv1d", 1, input, weight, bias, {stride, dilation, groups}, padding);
}

Tensor conv1d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, PaddingName padding, IntArrayRef dilation, int64_t groups) {
  return named("conv1d", 1, input, weight, bias, {stride, dilation, groups}, padding.text);
}

Tensor conv2d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return numbered("conv2d", 2, input, weight, bias, {stride, dilation, groups}, padding);
}

Tensor conv2d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, PaddingName padding, IntArrayRef dilation, int64_t groups) {
  return named("conv2d", 2, input, weight, bias, {stride, dilation, groups}, padding.text);
}

Tensor conv3d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return numbered("conv3d", 3, input, weight, bias, {stride, dilation, groups}, padding);
}

Tensor conv3d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, PaddingName padding, IntArrayRef dilation, int64_t groups) {
  return named("conv3d", 3, input, weight, bias, {stride, dilation, groups}, padding.text);
}

Tensor conv_tbc(const Tensor& self, const Tensor& weight, const Tensor& bias, int64_t pad) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 3 && weight.dim() == 3,
                 "conv_tbc: Input must have 3 dims: time, batch, in_channel, and weight 3: kernel, "
                 "in_channels, out_channels; got ",
                 self.sizes(), " and ", weight.sizes());
  return numbered("conv_tbc", 1, self.permute({1, 2, 0}), weight.permute({2, 1, 0}), bias,
                  {1, 1, 1}, pad)
      .permute({2, 0, 1})
      .contiguous();
}

}  // namespace taper
