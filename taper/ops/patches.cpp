#include "taper/ops/patches.h"

#include "taper/ops/sampling_util.h"

namespace taper {
namespace {

/// The dimensions in front of the last three, then the given ones.
DimVector behind_batch(const Tensor& t, IntArrayRef last) {
  DimVector sizes;
  for (int64_t d = 0; d < t.dim() - 3; ++d) sizes.push_back(t.sizes()[d]);
  for (const int64_t s : last) sizes.push_back(s);
  return sizes;
}
/// A permutation that moves only dimensions behind the first rank - 3.
DimVector behind_batch_order(const Tensor& t, IntArrayRef order) {
  DimVector dims;
  const int64_t front = t.dim() - 3;
  for (int64_t d = 0; d < front; ++d) dims.push_back(d);
  for (const int64_t d : order) dims.push_back(front + d);
  return dims;
}

struct Windows {
  int64_t kernel[2], dilation[2], padding[2], stride[2];

  Taps taps(int d, int64_t inputs) const {
    return window_taps(inputs, count(d, inputs), kernel[d], stride[d], padding[d], dilation[d]);
  }
  int64_t count(int d, int64_t inputs) const {
    const int64_t room = inputs + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
    return room < 0 ? 0 : room / stride[d] + 1;
  }
  std::string text() const {
    const auto pair = [](const int64_t(&v)[2]) { return str("(", v[0], ", ", v[1], ")"); };
    return str("kernel_size=", pair(kernel), ", dilation=", pair(dilation),
               ", padding=", pair(padding), ", stride=", pair(stride));
  }
};

void set_pair(const char* op, const char* name, IntArrayRef values, int64_t smallest,
              int64_t (&to)[2]) {
  TAPER_CHECK_AS(ShapeError, values.size() == 1 || values.size() == 2, op, ": It is expected ",
                 name, " equals to 2, but got size ", values.size());
  to[0] = values[0];
  to[1] = values[values.size() - 1];
  constexpr int64_t kMost = int64_t{1} << 30;
  TAPER_CHECK_AS(ShapeError, to[0] >= smallest && to[1] >= smallest, op, ": ", name, " should be ",
                 smallest == 0 ? "non-negative" : "greater than zero", ", but got ", values);
  TAPER_CHECK_AS(ShapeError, to[0] <= kMost && to[1] <= kMost, op, ": ", name,
                 " is too large, got ", values);
}

Windows windows_of(const char* op, IntArrayRef kernel, IntArrayRef dilation, IntArrayRef padding,
                   IntArrayRef stride) {
  Windows w;
  set_pair(op, "kernel_size", kernel, 1, w.kernel);
  set_pair(op, "dilation", dilation, 1, w.dilation);
  set_pair(op, "padding", padding, 0, w.padding);
  set_pair(op, "stride", stride, 1, w.stride);
  return w;
}

}  // namespace

Tensor pixel_shuffle(const Tensor& self, int64_t r) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 3,
                 "pixel_shuffle: expects input to have at least 3 dimensions, but got input with ",
                 self.dim(), " dimension(s)");
  TAPER_CHECK_AS(ShapeError, r > 0 && r < (int64_t{1} << 31),
                 "pixel_shuffle: expects a positive upscale_factor, but got ", r);
  const int64_t c = self.size(-3), h = self.size(-2), w = self.size(-1);
  TAPER_CHECK_AS(ShapeError, c % (r * r) == 0,
                 "pixel_shuffle: expects its input's 'channel' dimension to be divisible by the "
                 "square of upscale_factor, but input.size(-3)=",
                 c, " is not divisible by ", r * r);
  return self.reshape(behind_batch(self, {c / (r * r), r, r, h, w}))
      .permute(behind_batch_order(self, {0, 3, 1, 4, 2}))
      .reshape(behind_batch(self, {c / (r * r), h * r, w * r}));
}

Tensor pixel_unshuffle(const Tensor& self, int64_t r) {
  TAPER_CHECK_AS(
      ShapeError, self.dim() >= 3,
      "pixel_unshuffle: expects input to have at least 3 dimensions, but got input with ",
      self.dim(), " dimension(s)");
  TAPER_CHECK_AS(ShapeError, r > 0 && r < (int64_t{1} << 31),
                 "pixel_unshuffle: expects a positive downscale_factor, but got ", r);
  const int64_t c = self.size(-3), h = self.size(-2), w = self.size(-1);
  TAPER_CHECK_AS(ShapeError, h % r == 0 && w % r == 0,
                 "pixel_unshuffle: expects height and width to be divisible by downscale_factor, "
                 "but input.size(-2)=",
                 h, " and input.size(-1)=", w, " are not divisible by ", r);
  return self.reshape(behind_batch(self, {c, h / r, r, w / r, r}))
      .permute(behind_batch_order(self, {0, 2, 4, 1, 3}))
      .reshape(behind_batch(self, {c * r * r, h / r, w / r}));
}

Tensor channel_shuffle(const Tensor& self, int64_t groups) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 2,
                 "channel_shuffle: expects input with > 2 dims, but got input with sizes ",
                 self.sizes());
  TAPER_CHECK_AS(ShapeError, groups > 0,
                 "channel_shuffle: Number of groups to divide channels in must be positive. Value "
                 "of groups: ",
                 groups);
  const int64_t c = self.size(1);
  TAPER_CHECK_AS(ShapeError, c % groups == 0,
                 "channel_shuffle: Number of channels must be divisible by groups. Got ", c,
                 " channels and ", groups, " groups.");
  const DimVector sizes(self.sizes());
  return self.unflatten(1, {groups, c / groups}).transpose(1, 2).reshape(sizes);
}

Tensor im2col(const Tensor& self, IntArrayRef kernel_size, IntArrayRef dilation,
              IntArrayRef padding, IntArrayRef stride) {
  const Windows g = windows_of("im2col", kernel_size, dilation, padding, stride);
  check_floating("im2col", self);
  const bool batched = self.dim() == 4;
  bool valid = batched || self.dim() == 3;
  for (int64_t d = batched ? 1 : 0; valid && d < self.dim(); ++d) valid = self.sizes()[d] > 0;
  TAPER_CHECK_AS(ShapeError, valid,
                 "im2col: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and "
                 "other non-zero dimensions for input, but got: ",
                 self.sizes());
  const Tensor x = (batched ? self : self.unsqueeze(0)).contiguous();
  const int64_t n = x.sizes()[0], c = x.sizes()[1], h = x.sizes()[2], w = x.sizes()[3];
  const int64_t rows = g.count(0, h), cols = g.count(1, w);
  TAPER_CHECK_AS(ShapeError, rows > 0 && cols > 0, "im2col: Given input with spatial size (", h,
                 ", ", w, "), ", g.text(), ", calculated shape of the array of sliding blocks as (",
                 rows, ", ", cols, "), but its components must be at least one.");
  checked_numel("im2col", {n, c, g.kernel[0], g.kernel[1], rows, cols}, 8);
  const Tensor out = sample_each(x, 2, {g.taps(0, h), g.taps(1, w)})
                         .reshape({n, c, g.kernel[0], rows, g.kernel[1], cols})
                         .permute({0, 1, 2, 4, 3, 5})
                         .reshape({n, c * g.kernel[0] * g.kernel[1], rows * cols});
  return batched ? out : out.squeeze(0);
}

Tensor col2im(const Tensor& self, IntArrayRef output_size, IntArrayRef kernel_size,
              IntArrayRef dilation, IntArrayRef padding, IntArrayRef stride) {
  const Windows g = windows_of("col2im", kernel_size, dilation, padding, stride);
  int64_t size[2];
  set_pair("col2im", "output_size", output_size, 1, size);
  check_floating("col2im", self);
  const bool batched = self.dim() == 3;
  bool valid = batched || self.dim() == 2;
  for (int64_t d = batched ? 1 : 0; valid && d < self.dim(); ++d) valid = self.sizes()[d] > 0;
  TAPER_CHECK_AS(ShapeError, valid,
                 "col2im: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch "
                 "size and non-zero dimensions for input, but got: ",
                 self.sizes());
  const Tensor x = batched ? self : self.unsqueeze(0);
  const int64_t n = x.sizes()[0], taps = g.kernel[0] * g.kernel[1], c = x.sizes()[1] / taps;
  TAPER_CHECK_AS(ShapeError, c * taps == x.sizes()[1],
                 "col2im: Expected size of input's dimension 1 to be divisible by the product of "
                 "kernel_size, but got input.size(1)=",
                 x.sizes()[1], " and kernel_size=(", g.kernel[0], ", ", g.kernel[1], ").");
  const int64_t rows = g.count(0, size[0]), cols = g.count(1, size[1]);
  TAPER_CHECK_AS(ShapeError, rows > 0 && cols > 0 && rows * cols == x.sizes()[2],
                 "col2im: Given output_size=(", size[0], ", ", size[1], "), ", g.text(),
                 ", expected size of input's dimension 2 to match the calculated number of "
                 "sliding blocks ",
                 rows, " * ", cols, " = ", rows * cols, ", but got input.size(2)=", x.sizes()[2],
                 ".");
  checked_numel("col2im", {n, c, size[0], size[1]}, 8);
  const Tensor blocks = x.reshape({n, c, g.kernel[0], g.kernel[1], rows, cols})
                            .permute({0, 1, 2, 4, 3, 5})
                            .reshape({n, c, g.kernel[0] * rows, g.kernel[1] * cols});
  const Tensor out =
      sample_each(blocks, 2, {transpose(g.taps(0, size[0])), transpose(g.taps(1, size[1]))});
  return batched ? out : out.squeeze(0);
}

}  // namespace taper
