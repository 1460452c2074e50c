#include "taper/ops/grid_sampling.h"

#include "taper/kernel/grid_sampling.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/sampling_util.h"

namespace taper {
namespace {

/// The weights of one direction as functions of its part (see grid_parts), and their slopes.
struct Weights {
  Tensor values, slopes;  // [places, taps]
};

Weights weights_of(const Tensor& part, GridMode mode) {
  if (mode == GridMode::linear) {
    const Tensor one = ones_like(part);
    return {stack({part.neg().add(1), part}, 1), stack({one.neg(), one}, 1)};
  }
  // Cubic convolution at distances of at most 1, and from 1 to 2.
  constexpr double a = -0.75;
  const auto near = [](const Tensor& x) { return x.mul(a + 2).sub(a + 3).mul(x).mul(x).add(1); };
  const auto far = [](const Tensor& x) {
    return x.mul(a).sub(5 * a).mul(x).add(8 * a).mul(x).sub(4 * a);
  };
  const auto near_slope = [](const Tensor& x) {
    return x.mul(3 * (a + 2)).sub(2 * (a + 3)).mul(x);
  };
  const auto far_slope = [](const Tensor& x) { return x.mul(3 * a).sub(10 * a).mul(x).add(8 * a); };
  const Tensor rest = part.neg().add(1), before = part.add(1), behind = rest.add(1);
  return {
      stack({far(before), near(part), near(rest), far(behind)}, 1),
      stack({far_slope(before), near_slope(part), near_slope(rest).neg(), far_slope(behind).neg()},
            1)};
}

/// The grid's gradient from the weights' as differentiable ops: by direction, the weights' product
/// with that direction's slopes in the place of its weights.
Tensor grid_gradient(const Tensor& grad, const Tensor& grid, const GridGeometry& g) {
  // Nearest elements move with no grid.
  if (g.mode == GridMode::nearest) return grid.mul(0).masked_fill(ones_like(grid, kBool), 0);
  Tensor part = new_tensor("grid_sampler", grid.sizes(), grid.scalar_type());
  const Tensor slope = new_tensor("grid_sampler", grid.sizes(), grid.scalar_type());
  grid_parts_kernel(grid.device(), out_view(part), out_view(slope), in(grid.detach()), g);
  const Tensor finite = grid.masked_fill(grid.isfinite().logical_not(), 0);
  part = part.add(finite.sub(finite.detach()).mul(slope)).flatten(0, 1);
  const int64_t places = part.sizes()[0], taps = g.taps();
  DimVector shape(static_cast<size_t>(g.directions) + 1, taps);
  shape[0] = places;
  const Tensor of_taps = grad.reshape(shape);
  std::vector<Weights> weights;
  for (int64_t d = 0; d < g.directions; ++d) {
    weights.push_back(weights_of(part.select(1, g.directions - 1 - d), g.mode));
  }
  std::vector<Tensor> sums;
  for (int64_t d = g.directions - 1; d >= 0; --d) {
    Tensor product = of_taps;
    for (int64_t e = 0; e < g.directions; ++e) {
      DimVector along(static_cast<size_t>(g.directions) + 1, 1);
      along[0] = places;
      along[e + 1] = taps;
      product = product.mul((e == d ? weights[e].slopes : weights[e].values).reshape(along));
    }
    sums.push_back(product.flatten(1).sum(1));
  }
  return stack(sums, 1).reshape(grid.sizes()).mul(slope);
}

/// The taps of all places, with weights that are differentiable in the grid.
Taps taps_of_grid(const Tensor& grid, const GridGeometry& g) {
  const int64_t places = grid.sizes()[0] * grid.sizes()[1];
  int64_t each = 1, pixels = grid.sizes()[0];
  for (int64_t d = 0; d < g.directions; ++d) {
    each *= g.taps();
    pixels *= g.size[d];
  }
  const Tensor index = new_tensor("grid_sampler", {places, each}, kLong);
  const Tensor weight = new_tensor("grid_sampler", {places, each}, grid.scalar_type());
  grid_taps_kernel(grid.device(), out_view(index), out_view(weight), in(grid), g);
  record({.name = "GridTapsBackward",
          .outputs = {weight},
          .inputs = {grid},
          .save = {grid},
          .backward = [g](Backward& b) {
            const Tensor& grid = b.saved(0);
            if (thread_state.recording()) {
              b.set(0, grid_gradient(b.grad(), grid, g));
              return;
            }
            const Tensor out = new_tensor("grid_sampler", grid.sizes(), grid.scalar_type());
            grid_taps_backward_kernel(grid.device(), out_view(out), in(b.grad().contiguous()),
                                      in(grid), g);
            b.set(0, out);
          }});
  return {arange(0, places * each + 1, each, kLong), index.flatten(), weight.flatten(), pixels};
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
  TAPER_CHECK_AS(ConfigError, mode >= 0 && mode <= 2, op,
                 "(): interpolation_mode should be 0, 1 or 2, got ", mode);
  TAPER_CHECK_AS(ConfigError, outside >= 0 && outside <= 2, op,
                 "(): padding_mode should be 0, 1 or 2, got ", outside);
  TAPER_CHECK_AS(ShapeError, mode != 2 || rank == 4, op,
                 "(): bicubic interpolation only supports 4D input, got input with sizes ",
                 input.sizes());
}

Tensor grid_sample(const char* op, const Tensor& input, const Tensor& grid, int64_t mode,
                   int64_t outside, bool align_corners) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&grid_sample, op, input, grid, mode, outside, align_corners);
  }
  check_grid(op, input, grid, mode, outside);
  const bool reduced = isReducedFloatingType(input.scalar_type());
  const Tensor x = reduced ? input.to(kFloat) : input;
  const int64_t directions = x.dim() - 2, images = x.sizes()[0], channels = x.sizes()[1];
  DimVector sizes(grid.sizes());  // channels last
  sizes[directions + 1] = channels;
  checked_numel(op, sizes, 8 << directions);
  GridGeometry g;
  g.directions = directions;
  int64_t pixels = 1;
  for (int64_t d = 0; d < directions; ++d) pixels *= g.size[d] = x.sizes()[d + 2];
  g.mode = static_cast<GridMode>(mode);
  g.padding = static_cast<GridPadding>(outside);
  g.align_corners = align_corners;
  const Tensor places = (reduced ? grid.to(kFloat) : grid).flatten(1, -2).contiguous();
  const Tensor rows = x.movedim(1, -1).reshape({images * pixels, channels});
  Tensor out = sample(rows, 0, taps_of_grid(places, g)).reshape(sizes).movedim(-1, 1);
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
