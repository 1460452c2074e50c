#include "taper/ops/grid_sampling.h"

#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/sampling_util.h"

namespace taper {
namespace {

enum Interpolation : int64_t { kLinearTaps, kNearestTap, kCubicTaps };
enum Outside : int64_t { kZero, kBorderElement, kReflected };

/// How a direction's coordinates map to its elements.
struct Axis {
  int64_t size;
  int64_t outside;
  bool align_corners;

  Tensor place(const Tensor& coordinate) const {
    const double n = static_cast<double>(size);
    return align_corners ? coordinate.add(1).mul((n - 1) / 2)
                         : coordinate.add(1).mul(n).sub(1).div(2);
  }
  /// The place inside that stands for one outside. No gradient where it is cut off.
  Tensor inside(const Tensor& place) const {
    if (outside == kZero) return place;
    const double last = static_cast<double>(size - 1);
    Tensor at = outside == kReflected ? reflected(place) : place;
    at = at.masked_fill(at.le(0), 0);
    return at.masked_fill(at.ge(last), last);
  }

 private:
  Tensor reflected(const Tensor& place) const {
    const double low = align_corners ? 0 : -0.5;
    const double span = static_cast<double>(align_corners ? size - 1 : size);
    if (span == 0) return place.mul(0);
    const Tensor distance = place.sub(low).abs();
    const Tensor turns = distance.detach().div(span).floor();
    const Tensor rest = distance.sub(turns.mul(span));
    const Tensor at = where(turns.remainder(2).eq(0), rest, rest.neg().add(span)).add(low);
    // An infinite place turns for ever.
    return at.masked_fill(at.isnan(), 0);
  }
};

/// One direction's taps at P places: [P, taps] each.
struct AxisTaps {
  Tensor element;  // int64, 0 where not valid
  Tensor valid, weight;
};

/// The kernel of cubic convolution at distances of at most 1, and from 1 to 2.
Tensor near_cubic(const Tensor& x, double a) {
  return x.mul(a + 2).sub(a + 3).mul(x).mul(x).add(1);
}
Tensor far_cubic(const Tensor& x, double a) {
  return x.mul(a).sub(5 * a).mul(x).add(8 * a).mul(x).sub(4 * a);
}

AxisTaps taps_along(const Axis& axis, const Tensor& coordinate, int64_t mode) {
  Tensor place = axis.place(coordinate);
  if (mode != kCubicTaps) place = axis.inside(place);
  const Tensor first = mode == kNearestTap ? place.detach().round() : place.detach().floor();
  const Tensor part = place.sub(first);
  Tensor elements;
  AxisTaps taps;
  if (mode == kNearestTap) {
    elements = first.unsqueeze(1);
    // Moves no weight, but the grid still gets its gradient, zeros.
    taps.weight = part.masked_fill(ones_like(part, kBool), 1).unsqueeze(1);
  } else if (mode == kLinearTaps) {
    elements = stack({first, first.add(1)}, 1);
    taps.weight = stack({part.neg().add(1), part}, 1);
  } else {
    constexpr double a = -0.75;
    const Tensor rest = part.neg().add(1);
    elements = stack({first.sub(1), first, first.add(1), first.add(2)}, 1);
    elements = axis.inside(elements);
    taps.weight = stack({far_cubic(part.add(1), a), near_cubic(part, a), near_cubic(rest, a),
                         far_cubic(rest.add(1), a)},
                        1);
  }
  taps.valid = elements.ge(0).logical_and(elements.le(static_cast<double>(axis.size - 1)));
  taps.element = elements.masked_fill(taps.valid.logical_not(), 0).to(kLong);
  return taps;
}

/// All pairs of the taps of several directions and the next one's, of `size` elements.
void join(AxisTaps& taps, const AxisTaps& next, int64_t size) {
  taps.element = taps.element.mul(size).unsqueeze(2).add(next.element.unsqueeze(1)).flatten(1);
  taps.valid = taps.valid.unsqueeze(2).logical_and(next.valid.unsqueeze(1)).flatten(1);
  taps.weight = taps.weight.unsqueeze(2).mul(next.weight.unsqueeze(1)).flatten(1);
}

void check_grid(const char* op, const Tensor& input, const Tensor& grid, int64_t mode,
                int64_t outside) {
  const int64_t rank = input.dim();
  TAPER_CHECK_AS(DTypeError, input.scalar_type() == grid.scalar_type(), op,
                 "(): expected input and grid to have same dtype, but input has ",
                 input.scalar_type(), " and grid has ", grid.scalar_type());
  check_floating(op, input);
  TAPER_CHECK_AS(ShapeError, (rank == 4 || rank == 5) && grid.dim() == rank, op,
                 "(): expected 4D or 5D input and grid with same number of dimensions, but got "
                 "input with sizes ",
                 input.sizes(), " and grid with sizes ", grid.sizes());
  TAPER_CHECK_AS(ShapeError, input.sizes()[0] == grid.sizes()[0], op,
                 "(): expected grid and input to have same batch size, but got input with sizes ",
                 input.sizes(), " and grid with sizes ", grid.sizes());
  TAPER_CHECK_AS(ShapeError, grid.size(-1) == rank - 2, op, "(): expected grid to have size ",
                 rank - 2, " in last dimension, but got grid with sizes ", grid.sizes());
  for (int64_t d = 2; d < rank; ++d) {
    TAPER_CHECK_AS(ShapeError, input.sizes()[d] > 0, op,
                   "(): expected input to have non-empty spatial dimensions, but input has sizes ",
                   input.sizes(), " with dimension ", d, " being empty");
  }
  TAPER_CHECK_AS(ConfigError, mode >= kLinearTaps && mode <= kCubicTaps, op,
                 "(): interpolation_mode should be 0, 1 or 2, got ", mode);
  TAPER_CHECK_AS(ConfigError, outside >= kZero && outside <= kReflected, op,
                 "(): padding_mode should be 0, 1 or 2, got ", outside);
  TAPER_CHECK_AS(ShapeError, mode != kCubicTaps || rank == 4, op,
                 "(): bicubic interpolation only supports 4D input, got input with sizes ",
                 input.sizes());
}

Tensor grid_sample(const char* op, const Tensor& input, const Tensor& grid, int64_t mode,
                   int64_t outside, bool align_corners) {
  check_grid(op, input, grid, mode, outside);
  const bool reduced = isReducedFloatingType(input.scalar_type());
  const Tensor x = reduced ? input.to(kFloat) : input;
  const int64_t directions = x.dim() - 2, images = x.sizes()[0], channels = x.sizes()[1];
  DimVector sizes(grid.sizes());
  sizes[directions + 1] = channels;
  checked_numel(op, sizes, 8 << directions);
  Tensor places =
      (reduced ? grid.to(kFloat) : grid).reshape({grid.numel() / directions, directions});
  places = places.masked_fill(places.isnan(), -1);
  AxisTaps taps;
  int64_t pixels = 1;
  for (int64_t d = 0; d < directions; ++d) {
    const Axis axis{x.sizes()[d + 2], outside, align_corners};
    const AxisTaps next = taps_along(axis, places.select(1, directions - 1 - d), mode);
    if (d == 0) {
      taps = next;
    } else {
      join(taps, next, axis.size);
    }
    pixels *= axis.size;
  }
  const int64_t count = taps.element.sizes()[0], each = taps.element.sizes()[1];
  // Images follow each other; a place outside its image reads nothing.
  const Tensor image = arange(images, kLong).mul(pixels).view({images, 1, 1});
  const Tensor element =
      taps.element.view({images, images == 0 ? 0 : count / images, each}).add(image);
  const Tensor index = element.view({count, each}).masked_fill(taps.valid.logical_not(), -1);
  const Taps matrix{arange(0, count * each + 1, each, kLong), index.flatten(),
                    taps.weight.flatten(), images * pixels};
  const Tensor rows = x.movedim(1, -1).reshape({images * pixels, channels});
  Tensor out = sample(rows, 0, matrix).reshape(sizes).movedim(-1, 1);
  if (x.suggest_memory_format() == MemoryFormat::Contiguous) out = out.contiguous();
  return reduced ? out.to(input.scalar_type()) : out;
}

/// Places from -1 to 1, or the centres of n parts of that line.
Tensor line(int64_t n, bool align_corners, ScalarType dtype) {
  if (n == 1) return zeros({1}, dtype);
  const Tensor all = linspace(-1, 1, n, dtype);
  return align_corners ? all : all.mul(static_cast<double>(n - 1) / static_cast<double>(n));
}

}  // namespace

Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                    int64_t padding_mode, bool align_corners) {
  return grid_sample("grid_sampler", input, grid, interpolation_mode, padding_mode, align_corners);
}

Tensor grid_sampler_2d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 4,
                 "grid_sampler_2d(): expected 4D input and grid with same number of dimensions, "
                 "but got input with sizes ",
                 input.sizes());
  return grid_sample("grid_sampler_2d", input, grid, interpolation_mode, padding_mode,
                     align_corners);
}

Tensor grid_sampler_3d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 5,
                 "grid_sampler_3d(): expected 5D input and grid with same number of dimensions, "
                 "but got input with sizes ",
                 input.sizes());
  return grid_sample("grid_sampler_3d", input, grid, interpolation_mode, padding_mode,
                     align_corners);
}

Tensor affine_grid_generator(const Tensor& theta, IntArrayRef size, bool align_corners) {
  constexpr const char* op = "affine_grid_generator";
  check_floating(op, theta);
  const int64_t rank = static_cast<int64_t>(size.size()), directions = rank - 2;
  TAPER_CHECK_AS(ShapeError, rank == 4 || rank == 5, op,
                 ": AffineGridGenerator needs 4d (spatial) or 5d (volumetric) inputs, got size ",
                 size);
  TAPER_CHECK_AS(ShapeError, theta.sizes() == IntArrayRef({size[0], directions, directions + 1}),
                 op, ": Expected a batch of ", directions, "D affine matrices of shape Nx",
                 directions, "x", directions + 1, " for size ", size, ". Got ", theta.sizes(), ".");
  int64_t places = 1;
  checked_numel(op, size, 8);
  for (const int64_t s : size) {
    TAPER_CHECK_AS(ShapeError, s > 0, op, ": Expected non-zero, positive output size. Got ", size);
  }
  std::vector<Tensor> columns;
  const IntArrayRef grid = size.slice(2);
  for (int64_t d = 0; d < directions; ++d) places *= grid[d];
  for (int64_t d = directions - 1; d >= 0; --d) {
    DimVector shape(static_cast<size_t>(directions), 1);
    shape[d] = grid[d];
    columns.push_back(
        line(grid[d], align_corners, theta.scalar_type()).view(shape).expand(grid).reshape(places));
  }
  columns.push_back(ones({places}, theta.scalar_type()));
  DimVector sizes{size[0]};
  for (const int64_t s : grid) sizes.push_back(s);
  sizes.push_back(directions);
  return stack(columns, 1).matmul(theta.transpose(1, 2)).reshape(sizes);
}

}  // namespace taper
