#include "taper/ops/convolution.h"

#include "taper/ops/autocast_util.h"
#include "taper/ops/convolution_util.h"
#include "taper/ops/padding.h"
#include "taper/ops/sampling_util.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// Sizes of the result's dimensions behind the channels.
DimVector result_sizes(const char* op, const Tensor& x, const Tensor& w, const ConvSteps& s) {
  DimVector sizes;
  bool positive = true;
  for (size_t d = 0; d < s.directions; ++d) {
    const size_t at = 3 - s.directions + d;
    const int64_t in = x.sizes()[d + 2], kernel = w.sizes()[d + 2];
    TAPER_CHECK_AS(ShapeError, in > 0 && kernel > 0, op,
                   ": Expected tensors with possibly 0 batch size and other non-zero dimensions, "
                   "but got input ",
                   x.sizes(), " and weight ", w.sizes());
    TAPER_CHECK_AS(
        ShapeError, s.output_padding[at] < s.stride[at] || s.output_padding[at] < s.dilation[at],
        op, ": output padding must be smaller than either stride or dilation, but got ",
        s.output_padding[at], " with stride ", s.stride[at], " and dilation ", s.dilation[at]);
    checked_numel(op, {in, s.stride[at]}, 1);
    const int64_t size = (in - 1) * s.stride[at] - 2 * s.padding[at] +
                         s.dilation[at] * (kernel - 1) + s.output_padding[at] + 1;
    positive = positive && size > 0;
    sizes.push_back(size);
  }
  TAPER_CHECK_AS(ShapeError, positive, op, ": Given input size per channel: ", x.sizes().slice(2),
                 ". Calculated output size per channel: ", sizes, ". Output size is too small");
  return sizes;
}

/// Rows and columns of a transposed convolution without bias: a convolution's gradient.
Tensor transposed_plane(const char* op, const Tensor& x, const Tensor& w, const ConvSteps& s,
                        IntArrayRef size, MemoryFormat format) {
  const int64_t images = x.sizes()[0], filters = w.sizes()[1] * s.groups;
  const bool one_stride = s.output_padding[1] < s.stride[1] && s.output_padding[2] < s.stride[2];
  if (one_stride)
    return input_gradient(op, x, w, {images, filters, size[0], size[1]}, s.plane(), format);
  // No convolution takes such a size to x's: everything that the kernel reaches, cut or filled up.
  ConvSteps whole = s;
  DimVector sizes{images, filters}, ends(size_t{4}, 0);
  for (int d = 0; d < 2; ++d) {
    const int64_t padding = s.padding[d + 1];
    whole.padding[d + 1] = 0;
    ends[2 * (1 - d)] = -padding;
    ends[2 * (1 - d) + 1] = s.output_padding[d + 1] - padding;
    sizes.push_back(size[d] + 2 * padding - s.output_padding[d + 1]);
  }
  return constant_pad_nd(input_gradient(op, x, w, sizes, whole.plane(), format), ends);
}

/// Every image of the volume makes the images of one kernel's depth, which are added in place.
Tensor transposed_volume(const char* op, const Tensor& x, const Tensor& w, const ConvSteps& s,
                         IntArrayRef size) {
  const IntArrayRef xs = x.sizes(), ws = w.sizes();
  const int64_t filters = ws[1] * s.groups;
  checked_numel(op, {xs[0], xs[2], filters, ws[2], size[1], size[2]}, 8);
  const Tensor images = x.transpose(1, 2).reshape({xs[0] * xs[2], xs[1], xs[3], xs[4]});
  const Tensor out = transposed_plane(op, images, w.reshape({ws[0], ws[1] * ws[2], ws[3], ws[4]}),
                                      s, size.slice(1), MemoryFormat::Contiguous);
  const Tensor parts = out.reshape({xs[0], xs[2], filters, ws[2], size[1], size[2]})
                           .permute({0, 2, 3, 1, 4, 5})
                           .reshape({xs[0], filters, ws[2] * xs[2], size[1], size[2]});
  return sample(
      parts, 2,
      transpose(window_taps(size[0], xs[2], ws[2], s.stride[0], s.padding[0], s.dilation[0])));
}

Tensor transposed(const char* op, size_t directions, const Tensor& input, const Tensor& weight,
                  const std::optional<Tensor>& bias, IntArrayRef stride, IntArrayRef padding,
                  IntArrayRef output_padding, int64_t groups, IntArrayRef dilation) {
  if (autocasting()) [[unlikely]] {
    return autocast_lower(&transposed, op, directions, input, weight, bias, stride, padding,
                          output_padding, groups, dilation);
  }
  ConvSteps s{directions};
  s.groups = groups;
  set_steps(op, "stride", stride, directions, s.stride);
  set_steps(op, "padding", padding, directions, s.padding);
  set_steps(op, "output_padding", output_padding, directions, s.output_padding);
  set_steps(op, "dilation", dilation, directions, s.dilation);
  const Tensor b = bias ? *bias : Tensor();
  check_convolution(op, input, weight, b, s, true);
  const bool batched = input.dim() == static_cast<int64_t>(directions) + 2;
  const Tensor x = batched ? input : input.unsqueeze(0);
  const DimVector size = result_sizes(op, x, weight, s);
  Tensor out;
  if (directions == 1) {
    // Rows are images of height 1.
    out = transposed_plane(op, x.unsqueeze(2), weight.unsqueeze(2), s, {1, size[0]},
                           MemoryFormat::Contiguous)
              .squeeze(2);
  } else if (directions == 2) {
    out = transposed_plane(op, x, weight, s, size, common_format(x, weight));
  } else {
    out = transposed_volume(op, x, weight, s, size);
  }
  if (b.defined()) {
    DimVector shape(directions + 2, 1);
    shape[1] = b.numel();
    out = out.add(b.view(shape));
  }
  return batched ? out : out.squeeze(0);
}

}  // namespace

Tensor conv_transpose1d(const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias, IntArrayRef stride, IntArrayRef padding,
                        IntArrayRef output_padding, int64_t groups, IntArrayRef dilation) {
  return transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding,
                    groups, dilation);
}

Tensor conv_transpose2d(const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias, IntArrayRef stride, IntArrayRef padding,
                        IntArrayRef output_padding, int64_t groups, IntArrayRef dilation) {
  return transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding,
                    groups, dilation);
}

Tensor conv_transpose3d(const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias, IntArrayRef stride, IntArrayRef padding,
                        IntArrayRef output_padding, int64_t groups, IntArrayRef dilation) {
  return transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding,
                    groups, dilation);
}

Tensor convolution(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                   bool is_transposed, IntArrayRef output_padding, int64_t groups) {
  const int64_t directions = input.dim() - 2;
  TAPER_CHECK_AS(ShapeError, directions >= 1 && directions <= 3,
                 "convolution: expected an input of 3 to 5 dimensions, got ", input.sizes());
  if (is_transposed) {
    return transposed("convolution", static_cast<size_t>(directions), input, weight, bias, stride,
                      padding, output_padding, groups, dilation);
  }
  using Op = Tensor (*)(const Tensor&, const Tensor&, const std::optional<Tensor>&, IntArrayRef,
                        IntArrayRef, IntArrayRef, int64_t);
  constexpr Op kOps[] = {&conv1d, &conv2d, &conv3d};
  return kOps[directions - 1](input, weight, bias, stride, padding, dilation, groups);
}

}  // namespace taper
