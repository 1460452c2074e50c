#include "taper/ops/upsampling.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/random.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

/// The weights of all elements of one direction for element j of the result.
using Weights = std::function<std::vector<double>(int64_t j, int64_t in, int64_t out)>;

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }
double cubic(double x, double a) {
  x = std::abs(x);
  if (x >= 2) return 0;
  const double x2 = x * x, x3 = x2 * x;
  return x <= 1 ? (a + 2) * x3 - (a + 3) * x2 + 1 : a * x3 - 5 * a * x2 + 8 * a * x - 4 * a;
}

double step_of(int64_t in, int64_t out, bool align, double scale) {
  if (align) return out > 1 ? double(in - 1) / double(out - 1) : 0;
  return scale > 0 ? 1 / scale : double(in) / double(out);
}
double place(int64_t j, int64_t in, int64_t out, bool align, double scale) {
  const double step = step_of(in, out, align, scale);
  return align ? step * double(j) : step * (double(j) + 0.5) - 0.5;
}

Weights nearest(double shift, double scale = 0) {
  return [=](int64_t j, int64_t in, int64_t out) {
    std::vector<double> w(in);
    const auto at =
        static_cast<int64_t>(std::floor((double(j) + shift) * step_of(in, out, false, scale)));
    w[std::min(at, in - 1)] = 1;
    return w;
  };
}
/// Weights of a kernel about the place; beyond the edge the elements of the edge count.
Weights interpolated(double (*kernel)(double), bool align, double scale = 0) {
  return [=](int64_t j, int64_t in, int64_t out) {
    std::vector<double> w(in);
    const double at = place(j, in, out, align, scale);
    for (int64_t i = -4; i < in + 4; ++i) {
      w[std::clamp<int64_t>(i, 0, in - 1)] += kernel(double(i) - at);
    }
    return w;
  };
}
/// A kernel as wide as what an element of the result covers, within the input.
Weights antialiased(double (*kernel)(double)) {
  return [=](int64_t j, int64_t in, int64_t out) {
    std::vector<double> w(in);
    const double step = double(in) / double(out), wide = std::max(step, 1.0);
    double total = 0;
    for (int64_t i = 0; i < in; ++i) {
      w[i] = kernel((double(i) + 0.5 - (double(j) + 0.5) * step) / wide);
      total += w[i];
    }
    for (double& v : w) v /= total;
    return w;
  };
}

double cubic_sharp(double x) { return cubic(x, -0.75); }
double cubic_soft(double x) { return cubic(x, -0.5); }

Dense resampled(const Dense& x, const Sizes& to, const Weights& weights) {
  Dense out{{x.sizes[0], x.sizes[1]}, {}};
  out.sizes.insert(out.sizes.end(), to.begin(), to.end());
  const Sizes places(x.sizes.begin() + 2, x.sizes.end());
  for_each_index(out.sizes, [&](const Sizes& at) {
    std::vector<std::vector<double>> w;
    for (size_t d = 0; d < to.size(); ++d) w.push_back(weights(at[2 + d], places[d], to[d]));
    double sum = 0;
    for_each_index(places, [&](const Sizes& from) {
      double weight = 1;
      for (size_t d = 0; d < to.size(); ++d) weight *= w[d][from[d]];
      Sizes full = {at[0], at[1]};
      full.insert(full.end(), from.begin(), from.end());
      if (weight != 0) sum += weight * x.at(full);
    });
    out.values.push_back(sum);
  });
  return out;
}

using Op = std::function<Tensor(const Tensor&, IntArrayRef)>;

Sample sample(const std::string& label, const Sizes& sizes, const Sizes& to, const Weights& weights,
              const Op& op) {
  return {label,
          {{sizes}},
          [=](const Tensors& x) { return Tensors{op(x[0], to)}; },
          [=](const std::vector<Dense>& x) {
            return std::vector<Dense>{resampled(x[0], to, weights)};
          }};
}

/// Larger, smaller, and one direction kept.
OpCase with(const char* name, size_t directions, const Op& op, const Weights& weights) {
  OpCase c;
  c.name = name;
  const Sizes in = {5, 4, 3}, grown = {7, 6, 5}, shrunk = {3, 1, 2}, mixed = {5, 7, 2};
  const auto part = [=](const Sizes& s) { return Sizes(s.begin(), s.begin() + directions); };
  Sizes sizes = part(in);
  sizes.insert(sizes.begin(), {2, 2});
  c.samples = {sample("grow", sizes, part(grown), weights, op),
               sample("shrink", sizes, part(shrunk), weights, op),
               sample("mixed", sizes, part(mixed), weights, op)};
  c.tolerance = 4;  // places are computed in the elements' type
  c.errors = {{"count",
               [=] {
                 op(zeros(sizes), {2, 2, 2, 2});
               },
               "It is expected output_size equals to", ErrorInput::Kind::shape},
              {"rank",
               [=] {
                 op(zeros({2, 2}), Sizes(directions, 2));
               },
               "It is expected input_size equals to", ErrorInput::Kind::shape},
              {"zero", [=] { op(zeros(sizes), Sizes(directions, 0)); },
               "Input and output sizes should be greater than 0", ErrorInput::Kind::shape},
              {"huge", [=] { op(zeros(sizes), Sizes(directions, INT64_MAX)); }, "overflow",
               ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> nearest_cases() {
  std::vector<OpCase> cases = {
      with(
          "upsample_nearest1d", 1,
          [](const Tensor& x, IntArrayRef to) { return upsample_nearest1d(x, to); }, nearest(0)),
      with(
          "upsample_nearest2d", 2,
          [](const Tensor& x, IntArrayRef to) { return upsample_nearest2d(x, to); }, nearest(0)),
      with(
          "upsample_nearest3d", 3,
          [](const Tensor& x, IntArrayRef to) { return upsample_nearest3d(x, to); }, nearest(0)),
      with(
          "_upsample_nearest_exact1d", 1,
          [](const Tensor& x, IntArrayRef to) { return _upsample_nearest_exact1d(x, to); },
          nearest(0.5)),
      with(
          "_upsample_nearest_exact2d", 2,
          [](const Tensor& x, IntArrayRef to) { return _upsample_nearest_exact2d(x, to); },
          nearest(0.5)),
      with(
          "_upsample_nearest_exact3d", 3,
          [](const Tensor& x, IntArrayRef to) { return _upsample_nearest_exact3d(x, to); },
          nearest(0.5))};
  for (OpCase& c : cases) c.dtypes.push_back(kByte);
  cases[0].samples.push_back(
      sample("scale", {1, 2, 5}, {7}, nearest(0, 1.5),
             [](const Tensor& x, IntArrayRef to) { return upsample_nearest1d(x, to, 1.5); }));
  return cases;
}

template <class F>
void add_linear(std::vector<OpCase>& cases, const char* name, size_t directions, F op,
                double (*kernel)(double)) {
  OpCase c = with(
      name, directions, [=](const Tensor& x, IntArrayRef to) { return op(x, to, false); },
      interpolated(kernel, false));
  OpCase aligned = with(
      name, directions, [=](const Tensor& x, IntArrayRef to) { return op(x, to, true); },
      interpolated(kernel, true));
  for (Sample& s : aligned.samples) {
    s.label += " aligned";
    c.samples.push_back(s);
  }
  c.errors.push_back({"integers",
                      [=] {
                        Sizes sizes(directions + 2, 2);
                        op(zeros(sizes, kLong), Sizes(directions, 3), false);
                      },
                      "expected a floating-point tensor", ErrorInput::Kind::dtype});
  cases.push_back(c);
}

std::vector<OpCase> upsampling_ops() {
  std::vector<OpCase> cases = nearest_cases();
  add_linear(
      cases, "upsample_linear1d", 1,
      [](const Tensor& x, IntArrayRef to, bool a) { return upsample_linear1d(x, to, a); },
      triangle);
  cases.back().samples.push_back(
      sample("scale", {1, 2, 5}, {7}, interpolated(triangle, false, 1.5),
             [](const Tensor& x, IntArrayRef to) { return upsample_linear1d(x, to, false, 1.5); }));
  add_linear(
      cases, "upsample_bilinear2d", 2,
      [](const Tensor& x, IntArrayRef to, bool a) { return upsample_bilinear2d(x, to, a); },
      triangle);
  add_linear(
      cases, "upsample_trilinear3d", 3,
      [](const Tensor& x, IntArrayRef to, bool a) { return upsample_trilinear3d(x, to, a); },
      triangle);
  add_linear(
      cases, "upsample_bicubic2d", 2,
      [](const Tensor& x, IntArrayRef to, bool a) { return upsample_bicubic2d(x, to, a); },
      cubic_sharp);
  cases.push_back(with(
      "_upsample_bilinear2d_aa", 2,
      [](const Tensor& x, IntArrayRef to) { return _upsample_bilinear2d_aa(x, to, false); },
      antialiased(triangle)));
  cases.push_back(with(
      "_upsample_bicubic2d_aa", 2,
      [](const Tensor& x, IntArrayRef to) { return _upsample_bicubic2d_aa(x, to, false); },
      antialiased(cubic_soft)));
  return cases;
}
TAPER_OP_CASES(upsampling_ops);

TEST(Upsampling, ChannelsLastImageStaysChannelsLast) {
  const Tensor x = rand({2, 3, 4, 5}), last = x.contiguous(MemoryFormat::ChannelsLast);
  const Tensor want = upsample_bilinear2d(x, {7, 8}, false);
  const Tensor got = upsample_bilinear2d(last, {7, 8}, false);
  EXPECT_TRUE(got.is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_EQ(to_dense(got).values, to_dense(want).values);
}

TEST(Upsampling, ToTheSameSizeIsACopy) {
  const Tensor x = rand({1, 2, 4, 5});
  const Tensor y = upsample_bilinear2d(x, {4, 5}, false);
  EXPECT_FALSE(y.is_alias_of(x));
  EXPECT_EQ(to_dense(y).values, to_dense(x).values);
}

TEST(Upsampling, ScaleThatKeepsTheSizeCountsWhereItDoesInPyTorch) {
  const Tensor x = arange(3, kFloat).view({1, 1, 3});
  using Values = std::vector<double>;
  EXPECT_EQ(to_dense(upsample_linear1d(x, {3}, false, 1.1)).values, (Values{0, 1, 2}));
  EXPECT_EQ(to_dense(upsample_nearest1d(x, {3}, 1.1)).values, (Values{0, 0, 1}));
  EXPECT_EQ(to_dense(upsample_nearest2d(x.unsqueeze(2), {1, 3}, 1.1, 1.1)).values,
            (Values{0, 1, 2}));
  EXPECT_EQ(to_dense(upsample_nearest2d(x.unsqueeze(2), {1, 6}, 1.1, 2.3)).values,
            (Values{0, 0, 1, 1, 2, 2}));
}

TEST(Upsampling, SizeBeyondAllMemoryIsAnError) {
  EXPECT_THROW(upsample_nearest1d(zeros({1, 1, 3}), {int64_t{1} << 58}), Error);
}

TEST(Upsampling, ScaleBeyondAllSensesIsRefused) {
  EXPECT_THROW(upsample_linear1d(zeros({1, 1, 3}), {4}, false, 1e-300), ShapeError);
  EXPECT_THROW(upsample_nearest1d(zeros({1, 1, 3}), {4}, INFINITY), ShapeError);
}

}  // namespace
}  // namespace taper::testing
