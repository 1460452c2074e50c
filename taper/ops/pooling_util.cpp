#include "taper/ops/pooling_util.h"

namespace taper {
namespace {

void set_each(const char* op, const char* what, IntArrayRef values, size_t directions,
              int64_t (&to)[3]) {
  constexpr const char* kCounts[] = {"one int", "two ints", "three ints"};
  TAPER_CHECK_AS(ShapeError, values.size() == 1 || values.size() == directions, op, ": ", what,
                 " must either be a single int, or a tuple of ", kCounts[directions - 1], ", got ",
                 values);
  for (size_t d = 0; d < directions; ++d) {
    to[3 - directions + d] = values[values.size() == 1 ? 0 : d];
  }
}

/// Windows over one direction, by PyTorch's rule: the last one must begin inside the input or the
/// padding in front.
int64_t windows(const PoolSteps& s, int d, int64_t in, bool ceil_mode) {
  const int64_t room = in + 2 * s.padding[d] - s.dilation[d] * (s.kernel[d] - 1) - 1 +
                       (ceil_mode ? s.stride[d] - 1 : 0);
  if (room < 0) return 0;
  const int64_t count = room / s.stride[d] + 1;
  return ceil_mode && (count - 1) * s.stride[d] >= in + s.padding[d] ? count - 1 : count;
}

}  // namespace

PoolSteps pool_steps(const char* op, size_t directions, IntArrayRef kernel, IntArrayRef stride,
                     IntArrayRef padding, IntArrayRef dilation) {
  PoolSteps s;
  set_each(op, "kernel_size", kernel, directions, s.kernel);
  set_each(op, "stride", stride.empty() ? kernel : stride, directions, s.stride);
  set_each(op, "padding", padding, directions, s.padding);
  set_each(op, "dilation", dilation, directions, s.dilation);
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
    TAPER_CHECK_AS(ShapeError, s.padding[d] >= 0, op,
                   ": pad must be non-negative, but got pad: ", s.padding[d]);
    TAPER_CHECK_AS(ShapeError, s.padding[d] <= effective / 2, op,
                   ": pad should be at most half of effective kernel size, but got pad=",
                   s.padding[d], ", kernel_size=", s.kernel[d], " and dilation=", s.dilation[d]);
  }
  return s;
}

void set_pooled_sizes(const char* op, const PoolImages& images, const PoolSteps& s, bool ceil_mode,
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

}  // namespace taper
