#include "taper/ops/convolution_util.h"

namespace taper {
namespace {

/// A tensor of a format's strides.
Tensor new_images(const char* op, IntArrayRef sizes, ScalarType dtype, MemoryFormat format) {
  if (format != MemoryFormat::ChannelsLast) return new_tensor(op, sizes, dtype);
  return Tensor(TensorImpl::make(op, sizes, strides_of(op, sizes, format), dtype, nullptr, 0));
}

struct WeightGradient {
  Tensor weight, bias;
};
WeightGradient weight_gradient(const char* op, const Tensor& grad, const Tensor& input,
                               IntArrayRef weight_sizes, const ConvGeometry& g, MemoryFormat format,
                               bool wants_bias);

}  // namespace

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
          .backward =
              [op, g, format](Backward& d) {
                // The first layer's input wants no gradient, and none is computed.
                if (d.wants(0)) {
                  d.set(0, input_gradient(op, d.grad(), d.saved(1), d.sizes(0), g, format));
                }
                if (d.wants(1)) {
                  WeightGradient r = weight_gradient(op, d.grad(), d.saved(0), d.sizes(1), g,
                                                     format, d.num_inputs() > 2 && d.wants(2));
                  d.set(1, std::move(r.weight));
                  if (d.wants(2)) d.set(2, std::move(r.bias));
                } else if (d.wants(2)) {
                  const int64_t filters = d.sizes(2)[0];
                  d.set(2, d.grad().sum_to_size({1, filters, 1, 1}).reshape({filters}));
                }
              },
          .jvp =
              [&](Forward& t) {
                if (t.has(0)) t.add(0, convolve(op, t.tangent(0), w, Tensor(), g, format));
                if (t.has(1)) t.add(0, convolve(op, x, t.tangent(1), Tensor(), g, format));
                if (b.defined() && t.has(2)) {
                  t.add(0, t.tangent(2).view({1, -1, 1, 1}).expand(out.sizes()));
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

namespace {

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

void check_channels(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias,
                    const ConvSteps& s, bool transposed) {
  const IntArrayRef ws = weight.sizes();
  const int64_t groups = s.groups, rank = static_cast<int64_t>(s.directions) + 2;
  const int64_t channels = input.sizes()[input.dim() == rank ? 1 : 0];
  TAPER_CHECK_AS(ShapeError, groups > 0, op, ": non-positive groups is not supported, got ",
                 groups);
  TAPER_CHECK_AS(ShapeError, ws[0] >= groups, op, ": Given groups=", groups,
                 ", expected weight to be at least ", groups,
                 " at dimension 0, but got weight of size ", ws, " instead");
  TAPER_CHECK_AS(ShapeError, ws[0] % groups == 0, op, ": Given groups=", groups,
                 ", expected weight to be divisible by ", groups,
                 " at dimension 0, but got weight of size ", ws, " instead");
  const char* given = transposed ? ": Given transposed=1" : ": Given groups=";
  const std::string count = transposed ? "" : str(groups);
  const int64_t expected = transposed ? ws[0] : ws[1] * groups;
  TAPER_CHECK_AS(ShapeError, channels == expected, op, given, count, ", weight of size ", ws,
                 ", expected input", input.sizes(), " to have ", expected, " channels, but got ",
                 channels, " channels instead");
  if (!bias.defined()) return;
  const int64_t filters = transposed ? ws[1] * groups : ws[0];
  TAPER_CHECK_AS(ShapeError, bias.dim() == 1 && bias.sizes()[0] == filters, op,
                 transposed ? ": Given transposed=1, weight of size " : ": Given weight of size ",
                 ws, ", expected bias to be 1-dimensional with ", filters,
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

/// Every step within bounds in which no size overflows.
void check_steps(const char* op, const ConvSteps& s) {
  constexpr int64_t kMost = int64_t{1} << 31;
  for (int d = 0; d < 3; ++d) {
    TAPER_CHECK_AS(ShapeError, s.padding[d] >= 0, op, ": negative padding is not supported, got ",
                   s.padding[d]);
    TAPER_CHECK_AS(ShapeError, s.output_padding[d] >= 0, op,
                   ": negative output_padding is not supported, got ", s.output_padding[d]);
    TAPER_CHECK_AS(ShapeError, s.stride[d] > 0, op, ": non-positive stride is not supported, got ",
                   s.stride[d]);
    TAPER_CHECK_AS(ShapeError, s.dilation[d] > 0, op,
                   ": dilation should be greater than zero, got ", s.dilation[d]);
    for (const int64_t v : {s.stride[d], s.padding[d], s.dilation[d], s.output_padding[d]}) {
      TAPER_CHECK_AS(ShapeError, v < kMost, op, ": a step of ", v, " is too large");
    }
  }
}

}  // namespace

ConvGeometry ConvSteps::plane() const {
  ConvGeometry g;
  for (int d = 0; d < 2; ++d) {
    g.stride[d] = stride[d + 1];
    g.padding[d] = padding[d + 1];
    g.dilation[d] = dilation[d + 1];
  }
  g.groups = groups;
  return g;
}

void set_steps(const char* op, const char* what, IntArrayRef values, size_t directions,
               int64_t (&to)[3]) {
  TAPER_CHECK_AS(ShapeError, values.size() == 1 || values.size() == directions, op, ": expected ",
                 what, " to be a single integer value or a list of ", directions,
                 " values to match the convolution dimensions, but got ", what, "=", values);
  for (size_t d = 0; d < directions; ++d) {
    to[3 - directions + d] = values[values.size() == 1 ? 0 : d];
  }
}

void check_convolution(const char* op, const Tensor& input, const Tensor& weight,
                       const Tensor& bias, const ConvSteps& s, bool transposed) {
  const int64_t rank = static_cast<int64_t>(s.directions) + 2;
  TAPER_CHECK_AS(ShapeError, input.dim() == rank || input.dim() == rank - 1, op, ": Expected ",
                 rank - 1, "D (unbatched) or ", rank, "D (batched) input to ", op,
                 ", but got input of size: ", input.sizes());
  TAPER_CHECK_AS(ShapeError, weight.dim() == rank, op, ": expected a ", rank,
                 "-dimensional weight, but got weight of size ", weight.sizes());
  for (int64_t d = 2; d < rank; ++d) {
    TAPER_CHECK_AS(ShapeError, weight.sizes()[d] > 0, op,
                   ": kernel size should be greater than zero, but got weight of size ",
                   weight.sizes());
  }
  check_types(op, input, weight, bias);
  check_steps(op, s);
  check_channels(op, input, weight, bias, s, transposed);
}

MemoryFormat common_format(const Tensor& input, const Tensor& weight) {
  const bool last = input.suggest_memory_format() == MemoryFormat::ChannelsLast ||
                    weight.suggest_memory_format() == MemoryFormat::ChannelsLast;
  return last ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous;
}

}  // namespace taper
