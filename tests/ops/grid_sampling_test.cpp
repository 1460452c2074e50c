#include "taper/ops/grid_sampling.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

struct Setting {
  int64_t mode = 0, padding = 0;
  bool align = false;
};

double cubic(double x) {
  constexpr double a = -0.75;
  x = std::abs(x);
  if (x >= 2) return 0;
  return x <= 1 ? (a + 2) * x * x * x - (a + 3) * x * x + 1
                : a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a;
}

/// Walks back into the image, one reflection at a time.
double inside(double at, int64_t size, const Setting& s) {
  if (s.padding == 0) return at;
  const double low = s.align ? 0 : -0.5, high = double(size) - (s.align ? 1 : 0.5);
  while (s.padding == 2 && high > low && (at < low || at > high)) {
    at = at < low ? 2 * low - at : 2 * high - at;
  }
  return std::clamp(at, 0.0, double(size - 1));
}

/// The weights of the elements of one direction, those outside left out.
std::vector<double> weights(double coordinate, int64_t size, const Setting& s) {
  std::vector<double> w(size);
  double at =
      s.align ? (coordinate + 1) / 2 * double(size - 1) : ((coordinate + 1) * double(size) - 1) / 2;
  const auto add = [&](double i, double weight) {
    if (i >= 0 && i < double(size)) w[static_cast<int64_t>(i)] += weight;
  };
  if (s.mode == 2) {
    for (double i = std::floor(at) - 1; i < std::floor(at) + 3; ++i) {
      add(inside(i, size, s), cubic(i - at));
    }
    return w;
  }
  at = inside(at, size, s);
  if (s.mode == 1) {
    add(std::nearbyint(at), 1);
  } else {
    add(std::floor(at), 1 - (at - std::floor(at)));
    add(std::floor(at) + 1, at - std::floor(at));
  }
  return w;
}

Dense sampled(const Dense& x, const Dense& grid, const Setting& s) {
  const size_t directions = x.sizes.size() - 2;
  Dense out{{x.sizes[0], x.sizes[1]}, {}};
  out.sizes.insert(out.sizes.end(), grid.sizes.begin() + 1, grid.sizes.end() - 1);
  for_each_index(out.sizes, [&](const Sizes& at) {
    std::vector<std::vector<double>> w;
    for (size_t d = 0; d < directions; ++d) {
      Sizes place = {at[0]};
      place.insert(place.end(), at.begin() + 2, at.end());
      place.push_back(static_cast<int64_t>(directions - 1 - d));
      w.push_back(weights(grid.at(place), x.sizes[d + 2], s));
    }
    double sum = 0;
    for_each_index({x.sizes.begin() + 2, x.sizes.end()}, [&](const Sizes& from) {
      double weight = 1;
      for (size_t d = 0; d < directions; ++d) weight *= w[d][from[d]];
      Sizes full = {at[0], at[1]};
      full.insert(full.end(), from.begin(), from.end());
      if (weight != 0) sum += weight * x.at(full);
    });
    out.values.push_back(sum);
  });
  return out;
}

using Op = Tensor (*)(const Tensor&, const Tensor&, int64_t, int64_t, bool);

Sample sample(Op op, Sizes input, Sizes grid, Setting s) {
  return {str(s.mode, " ", s.padding, s.align ? " aligned" : ""),
          {{std::move(input)}, {std::move(grid), -1.8, 1.8}},
          [=](const Tensors& x) { return Tensors{op(x[0], x[1], s.mode, s.padding, s.align)}; },
          [=](const std::vector<Dense>& x) { return std::vector<Dense>{sampled(x[0], x[1], s)}; }};
}

OpCase with(const char* name, Op op, Sizes input, Sizes grid, bool with_cubic) {
  OpCase c;
  c.name = name;
  for (int64_t mode = 0; mode < (with_cubic ? 3 : 2); ++mode) {
    for (int64_t padding = 0; padding < 3; ++padding) {
      c.samples.push_back(sample(op, input, grid, {mode, padding, false}));
      c.samples.push_back(sample(op, input, grid, {mode, padding, true}));
    }
  }
  // Rounded coordinates of half types would choose other elements than the reference's.
  c.dtypes = {kFloat, kDouble};
  c.tolerance = 8;  // products of coordinates
  c.errors = {
      {"types", [=] { op(zeros(input), zeros(grid, kDouble), 0, 0, false); },
       "expected input and grid to have same dtype, but input has Float and grid has Double",
       ErrorInput::Kind::dtype},
      {"batch",
       [=] {
         Sizes other = grid;
         other[0] += 1;
         op(zeros(input), zeros(other), 0, 0, false);
       },
       "expected grid and input to have same batch size", ErrorInput::Kind::shape},
      {"last",
       [=] {
         Sizes other = grid;
         other.back() = 1;
         op(zeros(input), zeros(other), 0, 0, false);
       },
       "in last dimension, but got grid with sizes", ErrorInput::Kind::shape},
      {"empty",
       [=] {
         Sizes other = input;
         other.back() = 0;
         op(zeros(other), zeros(grid), 0, 0, false);
       },
       "expected input to have non-empty spatial dimensions", ErrorInput::Kind::shape},
      {"rank",
       [=] {
         op(zeros({2, 2}), zeros({2, 2}), 0, 0, false);
       },
       "expected", ErrorInput::Kind::shape},
      {"mode", [=] { op(zeros(input), zeros(grid), 3, 0, false); },
       "interpolation_mode should be 0, 1 or 2, got 3"},
      {"padding", [=] { op(zeros(input), zeros(grid), 0, -1, false); },
       "padding_mode should be 0, 1 or 2, got -1"}};
  return c;
}

OpCase affine_case() {
  OpCase c;
  c.name = "affine_grid_generator";
  for (const bool align : {false, true}) {
    for (const Sizes& size : {Sizes{2, 1, 3, 4}, Sizes{1, 2, 2, 3, 1}}) {
      const auto directions = static_cast<int64_t>(size.size()) - 2;
      c.samples.push_back(
          {str(directions, align ? " aligned" : ""),
           {{{size[0], directions, directions + 1}}},
           [=](const Tensors& x) { return Tensors{affine_grid_generator(x[0], size, align)}; },
           [=](const std::vector<Dense>& x) {
             Dense out{{size[0]}, {}};
             out.sizes.insert(out.sizes.end(), size.begin() + 2, size.end());
             out.sizes.push_back(directions);
             for_each_index(out.sizes, [&](const Sizes& at) {
               double sum = x[0].at({at[0], at.back(), directions});
               for (int64_t k = 0; k < directions; ++k) {
                 const int64_t n = out.sizes[directions - k], i = at[directions - k];
                 const double v = n == 1  ? 0
                                  : align ? 2 * double(i) / double(n - 1) - 1
                                          : (2 * double(i) + 1) / double(n) - 1;
                 sum += x[0].at({at[0], at.back(), k}) * v;
               }
               out.values.push_back(sum);
             });
             return std::vector<Dense>{out};
           }});
    }
  }
  c.same_bits = false;  // a matrix product
  c.tolerance = 4;
  c.errors = {{"theta",
               [] {
                 affine_grid_generator(zeros({2, 2, 2}), {2, 1, 3, 3}, false);
               },
               "Expected a batch of 2D affine matrices of shape Nx2x3 for size [2, 1, 3, 3]. Got "
               "[2, 2, 2].",
               ErrorInput::Kind::shape},
              {"size",
               [] {
                 affine_grid_generator(zeros({2, 2, 3}), {2, 1, 0, 3}, false);
               },
               "Expected non-zero, positive output size", ErrorInput::Kind::shape},
              {"rank",
               [] {
                 affine_grid_generator(zeros({2, 1, 2}), {2, 1, 3}, false);
               },
               "needs 4d (spatial) or 5d (volumetric) inputs", ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> grid_sampling_ops() {
  OpCase cubic_volume = with("grid_sampler", grid_sampler, {1, 2, 3, 4}, {1, 2, 3, 2}, false);
  cubic_volume.errors.push_back(
      {"cubic volume",
       [] {
         grid_sampler(zeros({1, 1, 2, 2, 2}), zeros({1, 1, 1, 1, 3}), 2, 0, false);
       },
       "bicubic interpolation only supports 4D input", ErrorInput::Kind::shape});
  return {with("grid_sampler_2d", grid_sampler_2d, {2, 2, 4, 3}, {2, 3, 2, 2}, true),
          with("grid_sampler_3d", grid_sampler_3d, {2, 2, 3, 2, 4}, {2, 2, 1, 3, 3}, false),
          cubic_volume, affine_case()};
}
TAPER_OP_CASES(grid_sampling_ops);

TEST(GridSampling, PlacesThatAreNoNumbersOrFarAwayAreSafe) {
  const Tensor x = ones({1, 1, 3, 3}), grid = zeros({1, 1, 4, 2});
  const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f};
  for (int64_t i = 0; i < 4; ++i) grid.select(2, i).fill_(odd[i]);
  for (int64_t mode = 0; mode < 3; ++mode) {
    for (int64_t padding = 0; padding < 3; ++padding) {
      EXPECT_EQ(grid_sampler(x, grid, mode, padding, true).numel(), 4);
    }
  }
  // NaN counts as -1, the corner's centre.
  EXPECT_EQ(to_dense(grid_sampler(x, grid, 0, 0, true)).values[0], 1);
}

TEST(GridSampling, HalfTypesComputeInFloat) {
  const Tensor x = arange(9, kHalf).view({1, 1, 3, 3}), theta = eye(2, 3, kHalf).unsqueeze(0);
  const Tensor grid = affine_grid_generator(theta, {1, 1, 3, 3}, true);
  const Tensor out = grid_sampler(x, grid, 0, 0, true);
  EXPECT_EQ(out.scalar_type(), kHalf);
  EXPECT_EQ(to_dense(out).values, to_dense(x).values);
}

}  // namespace
}  // namespace taper::testing
