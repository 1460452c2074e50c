#include "taper/ops/pooling.h"

#include "taper/kernel/pooling.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pointwise.h"
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

/// Steps over one to three dimensions, the last one last; the others keep these values.
struct Steps {
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0};
  int64_t dilation[3] = {1, 1, 1};

  /// The steps over two of the dimensions.
  PoolGeometry geometry(int rows, int cols) const {
    PoolGeometry g;
    const int from[2] = {rows, cols};
    for (int d = 0; d < 2; ++d) {
      if (from[d] < 0) continue;
      g.kernel[d] = kernel[from[d]];
      g.stride[d] = stride[from[d]];
      g.padding[d] = padding[from[d]];
      g.dilation[d] = dilation[from[d]];
    }
    return g;
  }
  PoolGeometry plane() const { return geometry(1, 2); }
  /// Over a depth whose planes are rows of one column each.
  PoolGeometry depth() const { return geometry(0, -1); }
};

void set_steps(const char* op, const char* what, IntArrayRef values, size_t directions,
               int64_t (&to)[3]) {
  constexpr const char* kCounts[] = {"one int", "two ints", "three ints"};
  TAPER_CHECK_AS(ShapeError, values.size() == 1 || values.size() == directions, op, ": ", what,
                 " must either be a single int, or a tuple of ", kCounts[directions - 1], ", got ",
                 values);
  for (size_t d = 0; d < directions; ++d) {
    to[3 - directions + d] = values[values.size() == 1 ? 0 : d];
  }
}

Steps pool_steps(const char* op, size_t directions, IntArrayRef kernel, IntArrayRef stride,
                 IntArrayRef padding, IntArrayRef dilation) {
  Steps s;
  set_steps(op, "kernel_size", kernel, directions, s.kernel);
  set_steps(op, "stride", stride.empty() ? kernel : stride, directions, s.stride);
  set_steps(op, "padding", padding, directions, s.padding);
  set_steps(op, "dilation", dilation, directions, s.dilation);
  constexpr int64_t kMost = int64_t{1} << 31;
  for (int d = 0; d < 3; ++d) {
    TAPER_CHECK_AS(ShapeError, s.kernel[d] > 0, op,
                   ": kernel size should be greater than zero, but got ", kernel);
    TAPER_CHECK_AS(ShapeError, s.stride[d] > 0, op,
                   ": stride should be greater than zero, but got ", stride);
    TAPER_CHECK_AS(ShapeError, s.dilation[d] > 0, op,
                   ": dilation should be greater than zero, but got ", dilation);
    for (const int64_t v : {s.kernel[d], s.stride[d], s.dilation[d]}) {
      TAPER_CHECK_AS(ShapeError, v < kMost, op, ": a step of ", v, " is too large");
    }
    const int64_t effective = s.dilation[d] * (s.kernel[d] - 1) + 1;
    TAPER_CHECK_AS(ShapeError, s.padding[d] >= 0 && s.padding[d] <= effective / 2, op,
                   ": pad should be at most half of effective kernel size, but got pad=",
                   s.padding[d], ", kernel_size=", s.kernel[d], " and dilation=", s.dilation[d]);
  }
  return s;
}

/// Windows over one direction, by PyTorch's rule: the last one must begin inside the input or the
/// padding in front.
int64_t windows(const Steps& s, int d, int64_t in, bool ceil_mode) {
  const int64_t room = in + 2 * s.padding[d] - s.dilation[d] * (s.kernel[d] - 1) - 1 +
                       (ceil_mode ? s.stride[d] - 1 : 0);
  if (room < 0) return 0;
  const int64_t count = room / s.stride[d] + 1;
  return ceil_mode && (count - 1) * s.stride[d] >= in + s.padding[d] ? count - 1 : count;
}

/// An input as [images, channels, rows, columns], or [.., depth, rows, columns], and the way back.
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
  bool is_volume() const { return directions_ == 3; }
  /// Size of a direction: 0 the depth, 1 the height, 2 the width.
  int64_t size(int d) const {
    if (d == 0 && !is_volume()) return 1;
    return x_.sizes()[x_.dim() - 3 + d];
  }
  Tensor restore(Tensor out) const {
    if (directions_ == 1) out = out.squeeze(2);
    return batched_ ? out : out.squeeze(0);
  }
  DimVector plane_sizes(const int64_t (&s)[3]) const {
    return DimVector({x_.sizes()[0], x_.sizes()[1], s[1], s[2]});
  }
  // A volume is pooled in two steps: its planes, then the depth at each place of a plane.
  Tensor planes() const { return x_.flatten(0, 1); }
  DimVector planes_sizes(const int64_t (&s)[3]) const {
    return DimVector({x_.sizes()[0] * x_.sizes()[1], size(0), s[1], s[2]});
  }
  DimVector depth_sizes(const int64_t (&s)[3]) const {
    return DimVector({x_.sizes()[0] * x_.sizes()[1], 1, s[0], s[1] * s[2]});
  }
  static Tensor as_depth(const Tensor& planes) { return planes.flatten(2).unsqueeze(1); }
  Tensor from_depth(const Tensor& out, const int64_t (&s)[3]) const {
    return out.reshape({x_.sizes()[0], x_.sizes()[1], s[0], s[1], s[2]});
  }

 private:
  size_t directions_;
  bool batched_;
  MemoryFormat format_;
  Tensor x_;
};

void set_pooled_sizes(const char* op, const Images& images, const Steps& s, bool ceil_mode,
                      int64_t (&sizes)[3]) {
  const int64_t channels = images.tensor().sizes()[1];
  std::string in = str(channels), out = in;
  bool fits = true;
  for (int d = images.is_volume() ? 0 : 1; d < 3; ++d) {
    sizes[d] = windows(s, d, images.size(d), ceil_mode);
    fits = fits && sizes[d] > 0;
    in += str("x", images.size(d));
    out += str("x", sizes[d]);
  }
  TAPER_CHECK_AS(ShapeError, fits, op, ": Given input size: (", in, "). Calculated output size: (",
                 out, "). Output size is too small");
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
Tensor volume_indices(const Images& images, const Tensor& in_plane, const Tensor& along) {
  const int64_t volumes = along.sizes()[0], places = along.sizes()[3];
  const Tensor at = along.reshape({volumes, -1}), found = at.clamp_min(0);
  const Tensor plane = in_plane.reshape({volumes, images.size(0) * places}).gather(1, found);
  const Tensor number = found.div(places, "floor").mul(images.size(1) * images.size(2)).add(plane);
  return number.masked_fill(at.lt(0).logical_or(plane.lt(0)), -1);
}

Pooled max_of(const char* op, const Images& images, const int64_t (&sizes)[3],
              const PoolGeometry& plane, const PoolGeometry& depth, bool with_indices) {
  if (!images.is_volume()) {
    const Pooled p = max_planes(op, images.tensor(), images.plane_sizes(sizes), plane,
                                images.format(), with_indices);
    return {images.restore(p.out), with_indices ? images.restore(p.indices) : Tensor()};
  }
  const Pooled first = max_planes(op, images.planes(), images.planes_sizes(sizes), plane,
                                  MemoryFormat::Contiguous, with_indices);
  const Pooled second = max_planes(op, Images::as_depth(first.out), images.depth_sizes(sizes),
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
  const Steps s = pool_steps(op, directions, kernel_size, stride, padding, dilation);
  const Images images(op, directions, self);
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
  const Steps s = pool_steps(op, directions, kernel_size, stride, padding, 1);
  const Images images(op, directions, self);
  int64_t sizes[3] = {1, 1, 1};
  set_pooled_sizes(op, images, s, ceil_mode, sizes);
  PoolGeometry g = s.plane();
  g.count_include_pad = count_include_pad;
  if (!images.is_volume()) {
    g.divisor = divisor.value_or(0);
    return images.restore(
        average(images.tensor(), images.plane_sizes(sizes), g, images.format()));
  }
  check_floating(op, self);
  if (divisor) g.divisor = 1;
  const Tensor planes = average(widened(images.planes()), images.planes_sizes(sizes), g,
                                MemoryFormat::Contiguous);
  g = s.depth();
  g.count_include_pad = count_include_pad;
  g.divisor = divisor.value_or(0);
  const Tensor out = average(Images::as_depth(planes), images.depth_sizes(sizes), g,
                             MemoryFormat::Contiguous);
  return images.restore(images.from_depth(out, sizes)).to(self.scalar_type());
}

/// The sizes of an adaptive result; -1 keeps the input's.
void set_adaptive_sizes(const char* op, size_t directions, const Images& images,
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
  const Images images(op, directions, self);
  check_floating(op, self);
  int64_t sizes[3] = {1, 1, 1};
  set_adaptive_sizes(op, directions, images, output_size, sizes);
  if (!images.is_volume()) {
    return images.restore(adaptive(images.tensor(), images.plane_sizes(sizes), images.format()));
  }
  const Tensor planes = adaptive(widened(images.planes()), images.planes_sizes(sizes),
                                 MemoryFormat::Contiguous);
  const Tensor out = adaptive(Images::as_depth(planes), images.depth_sizes(sizes),
                              MemoryFormat::Contiguous);
  return images.restore(images.from_depth(out, sizes)).to(self.scalar_type());
}

std::tuple<Tensor, Tensor> adaptive_max(const char* op, size_t directions, const Tensor& self,
                                        IntArrayRef output_size) {
  const Images images(op, directions, self);
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
