#include "taper/ops/pooling.h"

#include "taper/autograd/grad_mode.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/pooling_util.h"
#include "taper/ops/scatter.h"

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
  if (out.numel() > 0) adaptive_avg_pool2d_kernel(out.device(), out_view(out), in(x));
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
  if (grad.numel() > 0) {
    adaptive_avg_pool2d_backward_kernel(out.device(), out_view(out), in(grad));
  } else {
    const NoRecordGuard no_record;
    out.zero_();
  }
  if (!wants_grad({grad})) return out;
  record({.name = "AdaptiveAvgPool2DBackwardBackward0",
          .outputs = {out},
          .inputs = {grad},
          .backward = [=](Backward& b) { b.set(0, adaptive(b.grad(), b.sizes(0), format)); }});
  return out;
}

struct Pooled {
  Tensor out, indices;
};

Pooled max_planes(const char* op, const Tensor& x, IntArrayRef sizes, const PoolGeometry& g,
                  MemoryFormat format, bool with_indices) {
  const Tensor out = new_images(op, sizes, x.scalar_type(), format);
  Tensor indices;
  if (with_indices || wants_grad({x})) {
    // Numbers within the window take an eighth of the memory.
    const bool small = !with_indices && !g.adaptive && g.kernel[0] * g.kernel[1] <= 256;
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
  return {out, indices};
}

/// Where the largest of a volume's window lies, from where it lies in its plane and along the
/// depth; -1 where nothing of the window lies in the volume.
Tensor volume_indices(const PoolImages& images, const Tensor& in_plane, const Tensor& along) {
  const int64_t volumes = along.sizes()[0], places = along.sizes()[3];
  const Tensor at = along.reshape({volumes, -1}), found = at.clamp_min(0);
  const Tensor plane = in_plane.reshape({volumes, images.size(0) * places}).gather(1, found);
  const Tensor number = found.div(places, "floor").mul(images.size(1) * images.size(2)).add(plane);
  return number.masked_fill(at.lt(0).logical_or(plane.lt(0)), -1);
}

Pooled max_of(const char* op, const PoolImages& images, const int64_t (&sizes)[3],
              const PoolGeometry& plane, const PoolGeometry& depth, bool with_indices) {
  if (!images.is_volume()) {
    const Pooled p = max_planes(op, images.tensor(), images.plane_sizes(sizes), plane,
                                images.format(), with_indices);
    return {images.restore(p.out), with_indices ? images.restore(p.indices) : Tensor()};
  }
  const Pooled first = max_planes(op, images.planes(), images.planes_sizes(sizes), plane,
                                  MemoryFormat::Contiguous, with_indices);
  const Pooled second = max_planes(op, PoolImages::as_depth(first.out), images.depth_sizes(sizes),
                                   depth, MemoryFormat::Contiguous, with_indices);
  Pooled result{images.restore(images.from_depth(second.out, sizes)), Tensor()};
  if (with_indices) {
    const Tensor at = volume_indices(images, first.indices, second.indices);
    result.indices = images.restore(images.from_depth(at, sizes));
  }
  return result;
}

Pooled max_pool(const char* op, size_t directions, const Tensor& self, IntArrayRef kernel_size,
                IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool ceil_mode,
                bool with_indices) {
  const PoolSteps s = pool_steps(op, directions, kernel_size, stride, padding, dilation);
  const PoolImages images(op, directions, self);
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool, op, ": \"", op,
                 "\" not implemented for 'Bool'");
  int64_t sizes[3] = {1, 1, 1};
  set_pooled_sizes(op, images, s, ceil_mode, sizes);
  return max_of(op, images, sizes, s.plane(), s.depth(), with_indices);
}

std::tuple<Tensor, Tensor> max_pool_pair(const char* op, size_t directions, const Tensor& self,
                                         IntArrayRef kernel_size, IntArrayRef stride,
                                         IntArrayRef padding, IntArrayRef dilation,
                                         bool ceil_mode) {
  Pooled p =
      max_pool(op, directions, self, kernel_size, stride, padding, dilation, ceil_mode, true);
  return {std::move(p.out), std::move(p.indices)};
}

/// Half types are not rounded between the two steps of a volume.
Tensor widened(const Tensor& x) {
  return isReducedFloatingType(x.scalar_type()) ? x.to(kFloat) : x;
}

Tensor avg_pool(const char* op, size_t directions, const Tensor& self, IntArrayRef kernel_size,
                IntArrayRef stride, IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                std::optional<int64_t> divisor) {
  TAPER_CHECK(!divisor || *divisor != 0, op, ": divisor must be not zero");
  const PoolSteps s = pool_steps(op, directions, kernel_size, stride, padding, 1);
  const PoolImages images(op, directions, self);
  int64_t sizes[3] = {1, 1, 1};
  set_pooled_sizes(op, images, s, ceil_mode, sizes);
  PoolGeometry g = s.plane();
  g.count_include_pad = count_include_pad;
  if (!images.is_volume()) {
    g.divisor = divisor.value_or(0);
    return images.restore(average(images.tensor(), images.plane_sizes(sizes), g, images.format()));
  }
  check_floating(op, self);
  if (divisor) g.divisor = 1;
  const Tensor planes =
      average(widened(images.planes()), images.planes_sizes(sizes), g, MemoryFormat::Contiguous);
  g = s.depth();
  g.count_include_pad = count_include_pad;
  g.divisor = divisor.value_or(0);
  const Tensor out =
      average(PoolImages::as_depth(planes), images.depth_sizes(sizes), g, MemoryFormat::Contiguous);
  return images.restore(images.from_depth(out, sizes)).to(self.scalar_type());
}

/// The sizes of an adaptive result; -1 keeps the input's.
void set_adaptive_sizes(const char* op, size_t directions, const PoolImages& images,
                        IntArrayRef output_size, int64_t (&sizes)[3]) {
  TAPER_CHECK_AS(ShapeError, output_size.size() == 1 || output_size.size() == directions, op,
                 ": output_size must be ", directions, ", got ", output_size);
  for (size_t d = 0; d < directions; ++d) {
    const size_t at = 3 - directions + d;
    const int64_t size = output_size[output_size.size() == 1 ? 0 : d];
    TAPER_CHECK_AS(ShapeError, size >= -1, op,
                   ": elements of output_size must be greater than or equal to 0 but received ",
                   output_size);
    sizes[at] = size == -1 ? images.size(static_cast<int>(at)) : size;
  }
}

Tensor adaptive_pool(const char* op, size_t directions, const Tensor& self,
                     IntArrayRef output_size) {
  const PoolImages images(op, directions, self);
  check_floating(op, self);
  int64_t sizes[3] = {1, 1, 1};
  set_adaptive_sizes(op, directions, images, output_size, sizes);
  if (!images.is_volume()) {
    return images.restore(adaptive(images.tensor(), images.plane_sizes(sizes), images.format()));
  }
  const Tensor planes =
      adaptive(widened(images.planes()), images.planes_sizes(sizes), MemoryFormat::Contiguous);
  const Tensor out =
      adaptive(PoolImages::as_depth(planes), images.depth_sizes(sizes), MemoryFormat::Contiguous);
  return images.restore(images.from_depth(out, sizes)).to(self.scalar_type());
}

std::tuple<Tensor, Tensor> adaptive_max(const char* op, size_t directions, const Tensor& self,
                                        IntArrayRef output_size) {
  const PoolImages images(op, directions, self);
  check_floating(op, self);
  int64_t sizes[3] = {1, 1, 1};
  set_adaptive_sizes(op, directions, images, output_size, sizes);
  PoolGeometry g;
  g.adaptive = true;
  Pooled p = max_of(op, images, sizes, g, g, true);
  return {std::move(p.out), std::move(p.indices)};
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
  return max_pool_pair("max_pool1d", 1, self, kernel_size, stride, padding, dilation, ceil_mode);
}

Tensor max_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  return max_pool("max_pool2d", 2, self, kernel_size, stride, padding, dilation, ceil_mode, false)
      .out;
}

std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& self, IntArrayRef kernel_size,
                                                   IntArrayRef stride, IntArrayRef padding,
                                                   IntArrayRef dilation, bool ceil_mode) {
  return max_pool_pair("max_pool2d", 2, self, kernel_size, stride, padding, dilation, ceil_mode);
}

Tensor max_pool3d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::max_pool3d, self, kernel_size, stride, padding, dilation,
                            ceil_mode);
  }
  return max_pool("max_pool3d", 3, self, kernel_size, stride, padding, dilation, ceil_mode, false)
      .out;
}

std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& self, IntArrayRef kernel_size,
                                                   IntArrayRef stride, IntArrayRef padding,
                                                   IntArrayRef dilation, bool ceil_mode) {
  return max_pool_pair("max_pool3d", 3, self, kernel_size, stride, padding, dilation, ceil_mode);
}

Tensor avg_pool1d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad) {
  return avg_pool("avg_pool1d", 1, self, kernel_size, stride, padding, ceil_mode, count_include_pad,
                  std::nullopt);
}

Tensor avg_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                  std::optional<int64_t> divisor_override) {
  return avg_pool("avg_pool2d", 2, self, kernel_size, stride, padding, ceil_mode, count_include_pad,
                  divisor_override);
}

Tensor avg_pool3d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                  std::optional<int64_t> divisor_override) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::avg_pool3d, self, kernel_size, stride, padding, ceil_mode,
                            count_include_pad, divisor_override);
  }
  return avg_pool("avg_pool3d", 3, self, kernel_size, stride, padding, ceil_mode, count_include_pad,
                  divisor_override);
}

Tensor adaptive_avg_pool1d(const Tensor& self, IntArrayRef output_size) {
  return adaptive_pool("adaptive_avg_pool1d", 1, self, output_size);
}

Tensor adaptive_avg_pool2d(const Tensor& self, IntArrayRef output_size) {
  return adaptive_pool("adaptive_avg_pool2d", 2, self, output_size);
}

Tensor adaptive_avg_pool3d(const Tensor& self, IntArrayRef output_size) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::adaptive_avg_pool3d, self, output_size);
  }
  return adaptive_pool("adaptive_avg_pool3d", 3, self, output_size);
}

std::tuple<Tensor, Tensor> adaptive_max_pool1d(const Tensor& self, IntArrayRef output_size) {
  return adaptive_max("adaptive_max_pool1d", 1, self, output_size);
}

std::tuple<Tensor, Tensor> adaptive_max_pool2d(const Tensor& self, IntArrayRef output_size) {
  return adaptive_max("adaptive_max_pool2d", 2, self, output_size);
}

std::tuple<Tensor, Tensor> adaptive_max_pool3d(const Tensor& self, IntArrayRef output_size) {
  return adaptive_max("adaptive_max_pool3d", 3, self, output_size);
}

}  // namespace taper
