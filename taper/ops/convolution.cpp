#include "taper/ops/convolution.h"

#include "taper/kernel/convolution.h"
#include "taper/ops/op_util.h"
#include "taper/ops/strided.h"

namespace taper {
namespace {

/// A tensor of a format's strides.
Tensor new_images(const char* op, IntArrayRef sizes, ScalarType dtype, MemoryFormat format) {
  if (format != MemoryFormat::ChannelsLast) return new_tensor(op, sizes, dtype);
  return Tensor(TensorImpl::make(op, sizes, strides_of(op, sizes, format), dtype, nullptr, 0));
}

// A convolution and its two gradients are linear in each of their two arguments, and the gradient
// of each of the three is made of the other two. So any order of differentiation is served.
Tensor convolve(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias,
                const ConvGeometry& g, MemoryFormat format);
Tensor input_gradient(const char* op, const Tensor& grad, const Tensor& weight,
                      IntArrayRef input_sizes, const ConvGeometry& g, MemoryFormat format);
struct WeightGradient {
  Tensor weight, bias;
};
WeightGradient weight_gradient(const char* op, const Tensor& grad, const Tensor& input,
                               IntArrayRef weight_sizes, const ConvGeometry& g, MemoryFormat format,
                               bool wants_bias);

Tensor convolve(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias,
                const ConvGeometry& g, MemoryFormat format) {
  const Tensor x = input.contiguous(format), w = weight.contiguous(format);
  const Tensor b = bias.defined() ? bias.contiguous() : bias;
  const IntArrayRef xs = x.sizes(), ws = w.sizes();
  const int64_t sizes[] = {xs[0], ws[0], g.out_size(0, xs[2], ws[2]), g.out_size(1, xs[3], ws[3])};
  Tensor out = new_images(op, sizes, x.scalar_type(), format);
  conv2d_kernel(out.device(), out_view(out), in(x), in(w), b.defined() ? in(b) : ConstView(), g);
  if (!wants_grad({x, w, b})) return out;
  record({.name = "ConvolutionBackward0",
          .outputs = {out},
          .inputs = {x, w, b},
          .save = {save_if(needs_grad(w), x), save_if(needs_grad(x), w)},
          .backward = [op, g, format](Backward& d) {
            // The first layer's input wants no gradient, and none is computed.
            if (d.wants(0)) {
              d.set(0, input_gradient(op, d.grad(), d.saved(1), d.sizes(0), g, format));
            }
            if (d.wants(1)) {
              WeightGradient r = weight_gradient(op, d.grad(), d.saved(0), d.sizes(1), g, format,
                                                 d.num_inputs() > 2 && d.wants(2));
              d.set(1, std::move(r.weight));
              if (d.wants(2)) d.set(2, std::move(r.bias));
            } else if (d.wants(2)) {
              const int64_t filters = d.sizes(2)[0];
              d.set(2, d.grad().sum_to_size({1, filters, 1, 1}).reshape({filters}));
            }
          }});
  return out;
}

Tensor input_gradient(const char* op, const Tensor& grad, const Tensor& weight,
                      IntArrayRef input_sizes, const ConvGeometry& g, MemoryFormat format) {
  const Tensor d = grad.contiguous(format), w = weight.contiguous(format);
  Tensor out = new_images(op, input_sizes, d.scalar_type(), format);
  conv2d_backward_kernel(out.device(), out_view(out), View(), View(), in(d), ConstView(), in(w), g);
  if (!wants_grad({d, w})) return out;
  const DimVector w_sizes(w.sizes());
  record({.name = "ConvolutionBackwardBackward0",
          .outputs = {out},
          .inputs = {d, w},
          .save = {save_if(needs_grad(w), d), save_if(needs_grad(d), w)},
          .backward = [=](Backward& b) {
            if (b.wants(0)) b.set(0, convolve(op, b.grad(), b.saved(1), Tensor(), g, format));
            if (b.wants(1)) {
              b.set(1, weight_gradient(op, b.saved(0), b.grad(), w_sizes, g, format, false).weight);
            }
          }});
  return out;
}

WeightGradient weight_gradient(const char* op, const Tensor& grad, const Tensor& input,
                               IntArrayRef weight_sizes, const ConvGeometry& g, MemoryFormat format,
                               bool wants_bias) {
  const Tensor d = grad.contiguous(format), x = input.contiguous(format);
  WeightGradient out{new_images(op, weight_sizes, d.scalar_type(), format), Tensor()};
  if (wants_bias) out.bias = new_tensor(op, {weight_sizes[0]}, d.scalar_type());
  conv2d_backward_kernel(d.device(), View(), out_view(out.weight),
                         wants_bias ? out_view(out.bias) : View(), in(d), in(x), ConstView(), g);
  if (!wants_grad({d, x})) return out;
  const DimVector x_sizes(x.sizes()), w_sizes(weight_sizes);
  const auto backward = [=](Backward& b) {
    Tensor of_weight = b.grad(0);
    const Tensor of_bias = wants_bias ? b.grad(1) : Tensor();
    if (b.wants(0)) {
      if (!of_weight.defined()) of_weight = of_bias.new_zeros(w_sizes);
      b.set(0, convolve(op, b.saved(1), of_weight, of_bias, g, format));
    }
    if (b.wants(1) && of_weight.defined()) {
      b.set(1, input_gradient(op, b.saved(0), of_weight, x_sizes, g, format));
    }
  };
  // The sizes of x shape the result even where its values are not needed.
  const TensorArgs::Arg saved_d = save_if(needs_grad(x), d), saved_x = save_if(needs_grad(d), x);
  if (wants_bias) {
    record({.name = "ConvolutionBackwardBackward0",
            .outputs = {out.weight, out.bias},
            .inputs = {d, x},
            .save = {saved_d, saved_x},
            .backward = backward});
  } else {
    record({.name = "ConvolutionBackwardBackward0",
            .outputs = {out.weight},
            .inputs = {d, x},
            .save = {saved_d, saved_x},
            .backward = backward});
  }
  return out;
}

void set_pair(const char* op, const char* what, IntArrayRef values, size_t directions,
              int64_t (&to)[2]) {
  TAPER_CHECK_AS(ShapeError, values.size() == 1 || values.size() == directions, op, ": expected ",
                 what, " to be a single integer value or a list of ", directions,
                 " values to match the convolution dimensions, but got ", what, "=", values);
  // One direction is a 2-D convolution over rows of height 1.
  if (directions == 2) to[0] = values[0];
  to[1] = values[values.size() - 1];
}

void check_positive(const char* op, const ConvGeometry& g) {
  for (int d = 0; d < 2; ++d) {
    TAPER_CHECK_AS(ShapeError, g.padding[d] >= 0, op, ": negative padding is not supported, got ",
                   g.padding[d]);
    TAPER_CHECK_AS(ShapeError, g.stride[d] > 0, op, ": non-positive stride is not supported, got ",
                   g.stride[d]);
    TAPER_CHECK_AS(ShapeError, g.dilation[d] > 0, op,
                   ": dilation should be greater than zero, got ", g.dilation[d]);
  }
}

void check_kernel_fits(const char* op, IntArrayRef xs, IntArrayRef ws, const ConvGeometry& g,
                       bool one_direction) {
  int64_t padded[2], kernel[2];
  bool fits = true;
  for (int d = 0; d < 2; ++d) {
    padded[d] = xs[d + 2] + 2 * g.padding[d];
    kernel[d] = g.dilation[d] * (ws[d + 2] - 1) + 1;
    fits = fits && kernel[d] <= padded[d];
  }
  if (fits) return;
  const auto text = [&](const int64_t(&v)[2]) {
    return one_direction ? str("(", v[1], ")") : str("(", v[0], " x ", v[1], ")");
  };
  TAPER_CHECK_AS(
      ShapeError, false, op, ": Calculated padded input size per channel: ", text(padded),
      ". Kernel size: ", text(kernel), ". Kernel size can't be greater than actual input size");
}

void check_channels(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias,
                    int64_t channels, int64_t groups) {
  TAPER_CHECK_AS(ShapeError, groups > 0, op, ": non-positive groups is not supported, got ",
                 groups);
  const IntArrayRef ws = weight.sizes();
  TAPER_CHECK_AS(ShapeError, ws[0] >= groups, op, ": Given groups=", groups,
                 ", expected weight to be at least ", groups,
                 " at dimension 0, but got weight of size ", ws, " instead");
  TAPER_CHECK_AS(ShapeError, ws[0] % groups == 0, op, ": Given groups=", groups,
                 ", expected weight to be divisible by ", groups,
                 " at dimension 0, but got weight of size ", ws, " instead");
  TAPER_CHECK_AS(ShapeError, channels == ws[1] * groups, op, ": Given groups=", groups,
                 ", weight of size ", ws, ", expected input", input.sizes(), " to have ",
                 ws[1] * groups, " channels, but got ", channels, " channels instead");
  if (!bias.defined()) return;
  TAPER_CHECK_AS(ShapeError, bias.dim() == 1 && bias.sizes()[0] == ws[0], op,
                 ": Given weight of size ", ws, ", expected bias to be 1-dimensional with ", ws[0],
                 " elements, but got bias of size ", bias.sizes(), " instead");
}

void check_types(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  check_floating(op, input);
  TAPER_CHECK_AS(DTypeError, input.scalar_type() == weight.scalar_type(), op, ": Input type (",
                 input.scalar_type(), ") and weight type (", weight.scalar_type(),
                 ") should be the same");
  TAPER_CHECK_AS(DTypeError, !bias.defined() || input.scalar_type() == bias.scalar_type(), op,
                 ": Input type (", input.scalar_type(), ") and bias type (",
                 bias.defined() ? bias.scalar_type() : input.scalar_type(), ") should be the same");
}

MemoryFormat common_format(const Tensor& input, const Tensor& weight) {
  const bool last = input.suggest_memory_format() == MemoryFormat::ChannelsLast ||
                    weight.suggest_memory_format() == MemoryFormat::ChannelsLast;
  return last ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous;
}

struct Options {
  IntArrayRef stride, dilation;
  int64_t groups;
};

/// conv1d and conv2d after `set_padding` has filled the geometry's padding.
template <class SetPadding>
Tensor convolution(const char* op, size_t directions, const Tensor& input, const Tensor& weight,
                   const std::optional<Tensor>& bias, const Options& options,
                   SetPadding set_padding) {
  const int64_t rank = static_cast<int64_t>(directions) + 2;
  TAPER_CHECK_AS(ShapeError, input.dim() == rank || input.dim() == rank - 1, op, ": Expected ",
                 rank - 1, "D (unbatched) or ", rank, "D (batched) input to ", op,
                 ", but got input of size: ", input.sizes());
  TAPER_CHECK_AS(ShapeError, weight.dim() == rank, op, ": expected a ", rank,
                 "-dimensional weight, but got weight of size ", weight.sizes());
  const Tensor b = bias ? *bias : Tensor();
  check_types(op, input, weight, b);
  ConvGeometry g;
  g.groups = options.groups;
  set_pair(op, "stride", options.stride, directions, g.stride);
  set_pair(op, "dilation", options.dilation, directions, g.dilation);
  set_padding(g);
  check_positive(op, g);
  const bool batched = input.dim() == rank;
  check_channels(op, input, weight, b, input.sizes()[batched ? 1 : 0], g.groups);
  Tensor x = batched ? input : input.unsqueeze(0), w = weight;
  const MemoryFormat format = directions == 2 ? common_format(x, w) : MemoryFormat::Contiguous;
  if (directions == 1) {
    x = x.unsqueeze(2);
    w = w.unsqueeze(2);
  }
  check_kernel_fits(op, x.sizes(), w.sizes(), g, directions == 1);
  Tensor out = convolve(op, x, w, b, g, format);
  if (directions == 1) out = out.squeeze(2);
  return batched ? out : out.squeeze(0);
}

Tensor numbered(const char* op, size_t directions, const Tensor& input, const Tensor& weight,
                const std::optional<Tensor>& bias, const Options& options, IntArrayRef padding) {
  return convolution(op, directions, input, weight, bias, options, [&](ConvGeometry& g) {
    set_pair(op, "padding", padding, directions, g.padding);
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
  // An even kernel needs one more element at the end than in front.
  Tensor x = input;
  bool odd_total = false;
  const int64_t first = weight.dim() - static_cast<int64_t>(directions);
  int64_t before[2] = {0, 0}, extra[2] = {0, 0};
  for (size_t d = 0; d < directions && first >= 0; ++d) {
    const int64_t dilation = options.dilation[options.dilation.size() == 1 ? 0 : d];
    const int64_t total = dilation * (weight.sizes()[first + static_cast<int64_t>(d)] - 1);
    before[d] = total / 2;
    extra[d] = total - 2 * before[d];
    odd_total = odd_total || extra[d] != 0;
  }
  if (odd_total && x.dim() > static_cast<int64_t>(directions)) {
    DimVector sizes(x.sizes());
    for (size_t d = 0; d < directions; ++d) {
      sizes[x.dim() - static_cast<int64_t>(directions) + static_cast<int64_t>(d)] += extra[d];
    }
    x = put_strided(x, sizes, contiguous_strides(sizes), 0);
  }
  return numbered(op, directions, x, weight, bias, options, IntArrayRef(before, directions));
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

}  // namespace taper
