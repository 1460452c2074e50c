#include "taper/ops/pooling.h"

#include "taper/kernel/pooling.h"
#include "taper/ops/op_util.h"

namespace taper {
namespace {

Tensor new_images(const char* op, IntArrayRef sizes, ScalarType dtype, MemoryFormat format) {
  if (format != MemoryFormat::ChannelsLast) return new_tensor(op, sizes, dtype);
  return Tensor(TensorImpl::make(op, sizes, strides_of(op, sizes, format), dtype, nullptr, 0));
}

Tensor scatter(const Tensor& grad, const Tensor& indices, IntArrayRef sizes, const PoolGeometry& g,
               MemoryFormat format);

// source's elements at the indices; scatter is its transpose, so each is the other's gradient.
Tensor gather(const Tensor& source, const Tensor& indices, const PoolGeometry& g,
              MemoryFormat format) {
  Tensor out = new_images("max_pool2d", indices.sizes(), source.scalar_type(), format);
  max_pool2d_gather_kernel(out.device(), out_view(out), in(source), in(indices), g);
  if (!wants_grad({source})) return out;
  record({.name = "MaxPool2DGatherBackward0",
          .outputs = {out},
          .inputs = {source},
          .save = {indices},
          .backward = [=](Backward& b) {
            b.set(0, scatter(b.grad(), b.saved(0), b.sizes(0), g, format));
          }});
  return out;
}

Tensor scatter(const Tensor& grad, const Tensor& indices, IntArrayRef sizes, const PoolGeometry& g,
               MemoryFormat format) {
  const Tensor d = grad.contiguous(format);
  Tensor out = new_images("max_pool2d", sizes, d.scalar_type(), format);
  max_pool2d_scatter_kernel(out.device(), out_view(out), in(d), in(indices), g);
  if (!wants_grad({d})) return out;
  record({.name = "MaxPool2DWithIndicesBackward0",
          .outputs = {out},
          .inputs = {d},
          .save = {indices},
          .backward = [=](Backward& b) { b.set(0, gather(b.grad(), b.saved(0), g, format)); }});
  return out;
}

Tensor average_backward(const Tensor& grad, IntArrayRef sizes, const PoolGeometry& g,
                        MemoryFormat format);

Tensor average(const Tensor& x, IntArrayRef out_sizes, const PoolGeometry& g, MemoryFormat format) {
  Tensor out = new_images("avg_pool2d", out_sizes, x.scalar_type(), format);
  avg_pool2d_kernel(out.device(), out_view(out), in(x), g);
  if (!wants_grad({x})) return out;
  record(
      {.name = "AvgPool2DBackward0", .outputs = {out}, .inputs = {x}, .backward = [=](Backward& b) {
         b.set(0, average_backward(b.grad(), b.sizes(0), g, format));
       }});
  return out;
}

Tensor average_backward(const Tensor& grad, IntArrayRef sizes, const PoolGeometry& g,
                        MemoryFormat format) {
  Tensor out = new_images("avg_pool2d", sizes, grad.scalar_type(), format);
  avg_pool2d_backward_kernel(out.device(), out_view(out), in(grad), g);
  if (!wants_grad({grad})) return out;
  record({.name = "AvgPool2DBackwardBackward0",
          .outputs = {out},
          .inputs = {grad},
          .backward = [=](Backward& b) { b.set(0, average(b.grad(), b.sizes(0), g, format)); }});
  return out;
}

Tensor adaptive_backward(const Tensor& grad, IntArrayRef sizes, MemoryFormat format);

Tensor adaptive(const Tensor& x, IntArrayRef out_sizes, MemoryFormat format) {
  Tensor out = new_images("adaptive_avg_pool2d", out_sizes, x.scalar_type(), format);
  adaptive_avg_pool2d_kernel(out.device(), out_view(out), in(x));
  if (!wants_grad({x})) return out;
  record({.name = "AdaptiveAvgPool2DBackward0",
          .outputs = {out},
          .inputs = {x},
          .backward = [=](Backward& b) {
            b.set(0, adaptive_backward(b.grad(), b.sizes(0), format));
          }});
  return out;
}

Tensor adaptive_backward(const Tensor& grad, IntArrayRef sizes, MemoryFormat format) {
  Tensor out = new_images("adaptive_avg_pool2d", sizes, grad.scalar_type(), format);
  adaptive_avg_pool2d_backward_kernel(out.device(), out_view(out), in(grad));
  if (!wants_grad({grad})) return out;
  record({.name = "AdaptiveAvgPool2DBackwardBackward0",
          .outputs = {out},
          .inputs = {grad},
          .backward = [=](Backward& b) { b.set(0, adaptive(b.grad(), b.sizes(0), format)); }});
  return out;
}

void set_pair(const char* op, const char* what, IntArrayRef values, size_t directions,
              int64_t (&to)[2]) {
  TAPER_CHECK_AS(ShapeError, values.size() == 1 || values.size() == directions, op, ": ", what,
                 " must either be a single int, or a tuple of ",
                 directions == 1 ? "one int" : "two ints", ", got ", values);
  // One direction is 2-D pooling over rows of height 1.
  if (directions == 2) to[0] = values[0];
  to[1] = values[values.size() - 1];
}

PoolGeometry pool_geometry(const char* op, size_t directions, IntArrayRef kernel,
                           IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation) {
  PoolGeometry g;
  set_pair(op, "kernel_size", kernel, directions, g.kernel);
  set_pair(op, "stride", stride.empty() ? kernel : stride, directions, g.stride);
  set_pair(op, "padding", padding, directions, g.padding);
  set_pair(op, "dilation", dilation, directions, g.dilation);
  for (int d = 0; d < 2; ++d) {
    TAPER_CHECK_AS(ShapeError, g.kernel[d] > 0, op,
                   ": kernel size should be greater than zero, but got kH: ", g.kernel[0],
                   " kW: ", g.kernel[1]);
    TAPER_CHECK_AS(ShapeError, g.stride[d] > 0, op,
                   ": stride should be greater than zero, but got dH: ", g.stride[0],
                   " dW: ", g.stride[1]);
    TAPER_CHECK_AS(ShapeError, g.dilation[d] > 0, op,
                   ": dilation should be greater than zero, but got dilationH: ", g.dilation[0],
                   " dilationW: ", g.dilation[1]);
    const int64_t effective = g.dilation[d] * (g.kernel[d] - 1) + 1;
    TAPER_CHECK_AS(ShapeError, g.padding[d] >= 0 && g.padding[d] <= effective / 2, op,
                   ": pad should be at most half of effective kernel size, but got pad=",
                   g.padding[d], ", kernel_size=", g.kernel[d], " and dilation=", g.dilation[d]);
  }
  return g;
}

/// Windows over one direction, by PyTorch's rule: the last one must begin inside the input or the
/// padding in front.
int64_t windows(const PoolGeometry& g, int d, int64_t in, bool ceil_mode) {
  const int64_t room = in + 2 * g.padding[d] - g.dilation[d] * (g.kernel[d] - 1) - 1 +
                       (ceil_mode ? g.stride[d] - 1 : 0);
  if (room < 0) return 0;
  const int64_t count = room / g.stride[d] + 1;
  return ceil_mode && (count - 1) * g.stride[d] >= in + g.padding[d] ? count - 1 : count;
}

/// An input as [images, channels, rows, columns], and the way back.
class Images {
 public:
  Images(const char* op, size_t directions, const Tensor& self)
      : directions_(directions), batched_(self.dim() == static_cast<int64_t>(directions) + 2) {
    const int64_t rank = static_cast<int64_t>(directions) + 2;
    bool valid = batched_ || self.dim() == rank - 1;
    for (int64_t d = batched_ ? 1 : 0; valid && d < self.dim(); ++d) valid = self.sizes()[d] > 0;
    TAPER_CHECK_AS(
        ShapeError, valid, op, ": Expected ", rank - 1, "D or ", rank,
        "D (batch mode) tensor with optional 0 dim batch size for input, but got: ", self.sizes());
    Tensor x = batched_ ? self : self.unsqueeze(0);
    if (directions == 1) x = x.unsqueeze(2);
    format_ = directions == 2 ? x.suggest_memory_format() : MemoryFormat::Contiguous;
    x_ = x.contiguous(format_);
  }
  const Tensor& tensor() const { return x_; }
  MemoryFormat format() const { return format_; }
  int64_t height() const { return x_.sizes()[2]; }
  int64_t width() const { return x_.sizes()[3]; }
  Tensor restore(Tensor out) const {
    if (directions_ == 1) out = out.squeeze(2);
    return batched_ ? out : out.squeeze(0);
  }
  DimVector sizes(int64_t rows, int64_t cols) const {
    return DimVector({x_.sizes()[0], x_.sizes()[1], rows, cols});
  }

 private:
  size_t directions_;
  bool batched_;
  MemoryFormat format_;
  Tensor x_;
};

DimVector pooled_sizes(const char* op, const Images& images, const PoolGeometry& g,
                       bool ceil_mode) {
  const int64_t rows = windows(g, 0, images.height(), ceil_mode);
  const int64_t cols = windows(g, 1, images.width(), ceil_mode);
  const int64_t channels = images.tensor().sizes()[1];
  TAPER_CHECK_AS(ShapeError, rows > 0 && cols > 0, op, ": Given input size: (", channels, "x",
                 images.height(), "x", images.width(), "). Calculated output size: (", channels,
                 "x", rows, "x", cols, "). Output size is too small");
  return images.sizes(rows, cols);
}

struct Pooled {
  Tensor out, indices;
};

Pooled max_pool(const char* op, size_t directions, const Tensor& self, IntArrayRef kernel_size,
                IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool ceil_mode,
                bool with_indices) {
  const PoolGeometry g = pool_geometry(op, directions, kernel_size, stride, padding, dilation);
  const Images images(op, directions, self);
  const Tensor& x = images.tensor();
  TAPER_CHECK_AS(DTypeError, x.scalar_type() != kBool, op, ": \"", op,
                 "\" not implemented for 'Bool'");
  const DimVector sizes = pooled_sizes(op, images, g, ceil_mode);
  const MemoryFormat format = images.format();
  const Tensor out = new_images(op, sizes, x.scalar_type(), format);
  Tensor indices;
  if (with_indices || wants_grad({x})) {
    // Numbers within the window take an eighth of the memory.
    const bool small = !with_indices && g.kernel[0] * g.kernel[1] <= 256;
    indices = new_tensor(op, sizes, small ? kByte : kLong);
  }
  max_pool2d_kernel(out.device(), out_view(out), indices.defined() ? out_view(indices) : View(),
                    in(x), g);
  if (wants_grad({x})) {
    record({.name = "MaxPool2DWithIndicesBackward0",
            .outputs = {out},
            .inputs = {x},
            .save = {indices},
            .backward = [=](Backward& b) {
              b.set(0, scatter(b.grad(), b.saved(0), b.sizes(0), g, format));
            }});
  }
  return {images.restore(out), with_indices ? images.restore(indices) : Tensor()};
}

Tensor avg_pool(const char* op, size_t directions, const Tensor& self, IntArrayRef kernel_size,
                IntArrayRef stride, IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                int64_t divisor) {
  PoolGeometry g = pool_geometry(op, directions, kernel_size, stride, padding, 1);
  g.count_include_pad = count_include_pad;
  g.divisor = divisor;
  const Images images(op, directions, self);
  const DimVector sizes = pooled_sizes(op, images, g, ceil_mode);
  return images.restore(average(images.tensor(), sizes, g, images.format()));
}

Tensor adaptive_pool(const char* op, size_t directions, const Tensor& self,
                     IntArrayRef output_size) {
  TAPER_CHECK_AS(ShapeError, output_size.size() == 1 || output_size.size() == directions, op,
                 ": output_size must be ", directions, ", got ", output_size);
  const Images images(op, directions, self);
  check_floating(op, self);
  int64_t rows = directions == 1 ? 1 : output_size[0];
  int64_t cols = output_size[output_size.size() - 1];
  if (rows == -1) rows = images.height();
  if (cols == -1) cols = images.width();
  TAPER_CHECK_AS(ShapeError, rows >= 0 && cols >= 0, op,
                 ": elements of output_size must be greater than or equal to 0 but received ",
                 output_size);
  return images.restore(adaptive(images.tensor(), images.sizes(rows, cols), images.format()));
}

}  // namespace

Tensor max_pool1d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  return max_pool("max_pool1d", 1, self, kernel_size, stride, padding, dilation, ceil_mode, false)
      .out;
}

std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& self, IntArrayRef kernel_size,
                                                   IntArrayRef stride, IntArrayRef padding,
                                                   IntArrayRef dilation, bool ceil_mode) {
  Pooled p =
      max_pool("max_pool1d", 1, self, kernel_size, stride, padding, dilation, ceil_mode, true);
  return {std::move(p.out), std::move(p.indices)};
}

Tensor max_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  return max_pool("max_pool2d", 2, self, kernel_size, stride, padding, dilation, ceil_mode, false)
      .out;
}

std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& self, IntArrayRef kernel_size,
                                                   IntArrayRef stride, IntArrayRef padding,
                                                   IntArrayRef dilation, bool ceil_mode) {
  Pooled p =
      max_pool("max_pool2d", 2, self, kernel_size, stride, padding, dilation, ceil_mode, true);
  return {std::move(p.out), std::move(p.indices)};
}

Tensor avg_pool1d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad) {
  return avg_pool("avg_pool1d", 1, self, kernel_size, stride, padding, ceil_mode, count_include_pad,
                  0);
}

Tensor avg_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                  std::optional<int64_t> divisor_override) {
  TAPER_CHECK(!divisor_override || *divisor_override != 0, "avg_pool2d: divisor must be not zero");
  return avg_pool("avg_pool2d", 2, self, kernel_size, stride, padding, ceil_mode, count_include_pad,
                  divisor_override.value_or(0));
}

Tensor adaptive_avg_pool1d(const Tensor& self, IntArrayRef output_size) {
  return adaptive_pool("adaptive_avg_pool1d", 1, self, output_size);
}

Tensor adaptive_avg_pool2d(const Tensor& self, IntArrayRef output_size) {
  return adaptive_pool("adaptive_avg_pool2d", 2, self, output_size);
}

}  // namespace taper
