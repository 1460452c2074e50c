#pragma once

#include "taper/kernel/pooling.h"
#include "taper/ops/op_util.h"

// How pooling windows step, and inputs of one to three dimensions as images.
namespace taper {

/// Steps over one to three dimensions, the last one last; the others keep these values.
struct PoolSteps {
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

/// Steps over `directions` dimensions, checked; an empty stride is the kernel.
PoolSteps pool_steps(const char* op, size_t directions, IntArrayRef kernel, IntArrayRef stride,
                     IntArrayRef padding, IntArrayRef dilation);

/// An input as [images, channels, rows, columns], or [.., depth, rows, columns], and the way back.
class PoolImages {
 public:
  PoolImages(const char* op, size_t directions, const Tensor& self)
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

/// The number of windows in each direction of the images. Throws where there is none.
void set_pooled_sizes(const char* op, const PoolImages& images, const PoolSteps& s, bool ceil_mode,
                      int64_t (&sizes)[3]);

}  // namespace taper
