// Pooling at given places: unpooling, and windows whose places are drawn.
#include <algorithm>
#include <cmath>

#include "taper/ops/autocast_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/extremum.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pooling.h"
#include "taper/ops/scatter.h"

namespace taper {
namespace {

Tensor unpool(const char* op, size_t directions, const Tensor& self, const Tensor& indices,
              IntArrayRef output_size) {
  const int64_t count = static_cast<int64_t>(directions), rank = self.dim();
  TAPER_CHECK_AS(DTypeError, indices.scalar_type() == kLong, op,
                 ": elements in indices should be type int64 but got: ", indices.scalar_type());
  TAPER_CHECK_AS(ShapeError, output_size.size() == directions, op, ": There should be exactly ",
                 directions, " elements in output_size, but got ", output_size.size(),
                 " elements.");
  TAPER_CHECK_AS(ShapeError, rank == count + 1 || rank == count + 2, op, ": Input should be a ",
                 count + 1, "d or ", count + 2, "d Tensor, but got a tensor with ", rank,
                 " dimensions.");
  TAPER_CHECK_AS(ShapeError, indices.sizes() == self.sizes(), op,
                 ": Expected shape of indices to be same as that of the input tensor (",
                 self.sizes(), ") but got indices tensor with shape: ", indices.sizes());
  DimVector sizes(self.sizes());
  for (int64_t d = rank - count; d < rank; ++d) {
    const int64_t size = output_size[static_cast<size_t>(d - (rank - count))];
    TAPER_CHECK_AS(ShapeError, self.sizes()[d] > 0, op,
                   ": Expected input to have non-zero size for non-batch dimensions, but got ",
                   self.sizes(), " with dimension ", d, " being empty.");
    TAPER_CHECK_AS(ShapeError, size > 0, op, ": output_size should be positive, got ", output_size);
    sizes[d] = size;
  }
  checked_numel(op, sizes, 8);
  int64_t places = 1;
  for (const int64_t s : output_size) places *= s;
  if (indices.numel() > 0) {
    const auto [low, high] = aminmax(indices);
    const int64_t least = low.item<int64_t>(), most = high.item<int64_t>();
    TAPER_CHECK_AS(IndexError, least >= 0 && most < places, op,
                   ": Found an invalid max index: ", least < 0 ? least : most,
                   " (output volumes are of size ", output_size, ")");
  }
  const int64_t first = rank - count;
  const Tensor x = self.flatten(first), at = indices.flatten(first);
  DimVector flat(x.sizes());
  flat[first] = places;
  return x.new_zeros(flat).scatter(first, at, x).reshape(sizes);
}

/// Where the windows of one plane begin along one direction.
void window_starts(double u, int64_t size, int64_t windows, int64_t kernel, int64_t* starts) {
  if (windows > 1) {
    const double step = static_cast<double>(size - kernel) / static_cast<double>(windows - 1);
    for (int64_t i = 0; i + 1 < windows; ++i) {
      starts[i] = static_cast<int64_t>((static_cast<double>(i) + u) * step) -
                  static_cast<int64_t>(u * step);
    }
  }
  if (windows > 0) starts[windows - 1] = size - kernel;
}

struct Fraction {
  int64_t directions;
  DimVector size, kernel, windows;  // by direction
  bool width_first;                 // the order of the samples
};

/// The position of every element of every window: [planes, windows of all directions, elements].
Tensor window_places(const Fraction& f, const Tensor& samples, int64_t planes) {
  int64_t windows = 1, elements = 1;
  for (int64_t d = 0; d < f.directions; ++d) {
    windows *= f.windows[d];
    elements *= f.kernel[d];
  }
  checked_numel("fractional_max_pool", {planes, windows, elements}, 8);
  Tensor places = empty({planes, windows, elements}, kLong);
  const double* u = samples.const_data_ptr<double>();
  int64_t* to = places.data_ptr<int64_t>();
  std::vector<std::vector<int64_t>> starts(static_cast<size_t>(f.directions));
  for (int64_t p = 0; p < planes; ++p, u += f.directions) {
    for (int64_t d = 0; d < f.directions; ++d) {
      starts[d].resize(static_cast<size_t>(f.windows[d]));
      window_starts(u[f.width_first ? f.directions - 1 - d : d], f.size[d], f.windows[d],
                    f.kernel[d], starts[d].data());
    }
    for (int64_t w = 0; w < windows; ++w) {
      for (int64_t e = 0; e < elements; ++e) {
        int64_t place = 0, window = w, element = e, scale = 1;
        for (int64_t d = f.directions - 1; d >= 0; --d) {
          place += (starts[d][window % f.windows[d]] + element % f.kernel[d]) * scale;
          window /= f.windows[d];
          element /= f.kernel[d];
          scale *= f.size[d];
        }
        *to++ = place;
      }
    }
  }
  return places;
}

/// Sizes and windows of the last dimensions, checked.
Fraction fraction_of(const char* op, int64_t directions, const Tensor& self,
                     IntArrayRef kernel_size, IntArrayRef output_size) {
  const int64_t rank = self.dim();
  bool valid = rank == directions + 1 || rank == directions + 2;
  for (int64_t d = rank == directions + 2 ? 1 : 0; valid && d < rank; ++d) {
    valid = self.sizes()[d] > 0;
  }
  TAPER_CHECK_AS(ShapeError, valid, op, ": Expected ", directions + 1, "D or ", directions + 2,
                 "D input with non-zero size for non-batch dimensions, but got ", self.sizes());
  const size_t count = static_cast<size_t>(directions);
  TAPER_CHECK_AS(ShapeError, kernel_size.size() == count || kernel_size.size() == 1, op,
                 ": kernel_size must either be a single Int or tuple of Ints, got ", kernel_size);
  TAPER_CHECK_AS(ShapeError, output_size.size() == count || output_size.size() == 1, op,
                 ": output_size must either be a single Int or tuple of Ints, got ", output_size);
  Fraction f{directions, {}, {}, {}, directions == 2};
  for (size_t d = 0; d < count; ++d) {
    const int64_t size = self.sizes()[rank - directions + static_cast<int64_t>(d)];
    const int64_t kernel = kernel_size[kernel_size.size() == 1 ? 0 : d];
    const int64_t windows = output_size[output_size.size() == 1 ? 0 : d];
    TAPER_CHECK_AS(ShapeError, kernel > 0 && windows > 0, op,
                   ": kernel_size and output_size must be greater than zero, got ", kernel_size,
                   " and ", output_size);
    TAPER_CHECK_AS(ShapeError, windows <= size && kernel <= size && windows + kernel - 1 <= size,
                   op, ": pool size ", kernel, " too large relative to input size ", size,
                   " and output size ", windows);
    f.size.push_back(size);
    f.kernel.push_back(kernel);
    f.windows.push_back(windows);
  }
  return f;
}

/// The samples in double, one row for each plane.
Tensor checked_samples(const char* op, const Tensor& samples, int64_t batch, int64_t channels,
                       int64_t directions) {
  TAPER_CHECK_AS(ShapeError, samples.sizes() == IntArrayRef({batch, channels, directions}), op,
                 ": Expect _random_samples of sizes [", batch, ", ", channels, ", ", directions,
                 "], got ", samples.sizes());
  check_floating(op, samples);
  Tensor u = samples.detach().to(kDouble).contiguous();
  // Written so that NaN fails.
  const bool in_range = u.numel() == 0 || u.ge(0).logical_and(u.lt(1)).all().item<bool>();
  TAPER_CHECK(in_range, op, ": random samples must lie in [0, 1)");
  return u;
}

std::tuple<Tensor, Tensor> fractional(const char* op, int64_t directions, const Tensor& self,
                                      IntArrayRef kernel_size, IntArrayRef output_size,
                                      const Tensor& random_samples) {
  check_floating(op, self);
  const Fraction f = fraction_of(op, directions, self, kernel_size, output_size);
  const int64_t first = self.dim() - directions;
  const int64_t batch = first == 2 ? self.sizes()[0] : 1, channels = self.sizes()[first - 1];
  const int64_t planes = batch * channels;
  const Tensor u = checked_samples(op, random_samples, batch, channels, directions);
  const Tensor places = window_places(f, u, planes);
  const int64_t windows = places.sizes()[1], elements = places.sizes()[2];
  const Tensor read = self.reshape({planes, self.numel() / std::max<int64_t>(planes, 1)})
                          .gather(1, places.flatten(1))
                          .reshape({planes, windows, elements});
  const auto [out, which] = read.max(2);
  const Tensor at = places.gather(2, which.unsqueeze(2));
  DimVector sizes(self.sizes());
  for (int64_t d = 0; d < directions; ++d) sizes[first + d] = f.windows[d];
  return {out.reshape(sizes), at.reshape(sizes)};
}

}  // namespace

Tensor max_unpool2d(const Tensor& self, const Tensor& indices, IntArrayRef output_size) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::max_unpool2d, self, indices, output_size);
  }
  return unpool("max_unpool2d", 2, self, indices, output_size);
}

Tensor max_unpool3d(const Tensor& self, const Tensor& indices, IntArrayRef output_size,
                    IntArrayRef stride, IntArrayRef padding) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::max_unpool3d, self, indices, output_size, stride, padding);
  }
  TAPER_CHECK_AS(ShapeError, stride.size() == 3 && padding.size() == 3,
                 "max_unpool3d: There should be exactly three elements (depth, height, width) in "
                 "stride and padding, but got ",
                 stride, " and ", padding);
  for (const int64_t s : stride) {
    TAPER_CHECK_AS(ShapeError, s > 0,
                   "max_unpool3d: strides should be greater than zero, but got stride: ", stride);
  }
  return unpool("max_unpool3d", 3, self, indices, output_size);
}

std::tuple<Tensor, Tensor> fractional_max_pool2d(const Tensor& self, IntArrayRef kernel_size,
                                                 IntArrayRef output_size,
                                                 const Tensor& random_samples) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::fractional_max_pool2d, self, kernel_size, output_size,
                            random_samples);
  }
  return fractional("fractional_max_pool2d", 2, self, kernel_size, output_size, random_samples);
}

std::tuple<Tensor, Tensor> fractional_max_pool3d(const Tensor& self, IntArrayRef kernel_size,
                                                 IntArrayRef output_size,
                                                 const Tensor& random_samples) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::fractional_max_pool3d, self, kernel_size, output_size,
                            random_samples);
  }
  return fractional("fractional_max_pool3d", 3, self, kernel_size, output_size, random_samples);
}

}  // namespace taper
