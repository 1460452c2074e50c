#include "taper/ops/normalization.h"

#include <cmath>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

/// Normalises groups of elements: group_of(index) in [0, groups), channel of an index or -1.
Reference normalised(int64_t groups, std::function<int64_t(const std::vector<int64_t>&)> group_of,
                     std::function<int64_t(const std::vector<int64_t>&)> channel_of, double eps) {
  return [=](const std::vector<Dense>& args) {
    const Dense& x = args[0];
    std::vector<double> sum(groups), squares(groups), count(groups);
    size_t i = 0;
    for_each_index(x.sizes, [&](const auto& index) {
      sum[group_of(index)] += x.values[i++];
      count[group_of(index)] += 1;
    });
    i = 0;
    for_each_index(x.sizes, [&](const auto& index) {
      const int64_t g = group_of(index);
      squares[g] += std::pow(x.values[i++] - sum[g] / count[g], 2);
    });
    Dense out{x.sizes, {}};
    i = 0;
    for_each_index(x.sizes, [&](const auto& index) {
      const int64_t g = group_of(index), c = channel_of(index);
      double v = (x.values[i++] - sum[g] / count[g]) / std::sqrt(squares[g] / count[g] + eps);
      if (args.size() > 1) v *= args[1].values[c];
      if (args.size() > 2) v += args[2].values[c];
      out.values.push_back(v);
    });
    return std::vector<Dense>{out};
  };
}

std::vector<OpCase> layer_norms() {
  OpCase c{.name = "layer_norm"};
  const auto row = [](const std::vector<int64_t>& i) { return i[0]; };
  const auto column = [](const std::vector<int64_t>& i) { return i[1]; };
  c.samples = {{"affine",
                {{{3, 8}}, {{8}}, {{8}}},
                [](const Tensors& x) { return Tensors{layer_norm(x[0], {8}, x[1], x[2])}; },
                normalised(3, row, column, 1e-5)},
               {"plain",
                {{{3, 8}}},
                [](const Tensors& x) { return Tensors{layer_norm(x[0], {8})}; },
                normalised(3, row, column, 1e-5)},
               {"two dimensions",
                {{{2, 3, 4}}, {{3, 4}}},
                [](const Tensors& x) {
                  return Tensors{layer_norm(x[0], {3, 4}, x[1], {}, 0.1)};
                },
                normalised(
                    2, row, [](const std::vector<int64_t>& i) { return i[1] * 4 + i[2]; }, 0.1)},
               {"one row",
                {{{5}}, {{5}}, {{5}}},
                [](const Tensors& x) { return Tensors{layer_norm(x[0], {5}, x[1], x[2])}; },
                normalised(
                    1, [](const auto&) { return int64_t{0}; },
                    [](const std::vector<int64_t>& i) { return i[0]; }, 1e-5)}};
  c.errors = {{"shape",
               [] {
                 layer_norm(zeros({2, 3}), {4});
               },
               "Given normalized_shape=[4], expected input with shape", ErrorInput::Kind::shape},
              {"weight",
               [] {
                 layer_norm(zeros({2, 3}), {3}, zeros({2}));
               },
               "Expected weight to be of same shape as normalized_shape", ErrorInput::Kind::shape},
              {"none",
               [] {
                 layer_norm(zeros({2, 3}), IntArrayRef());
               },
               "at least 1-dimensional", ErrorInput::Kind::shape}};
  c.tolerance = 4;  // differences of nearby numbers
  return {c};
}
TAPER_OP_CASES(layer_norms);

int64_t channel(const std::vector<int64_t>& i) { return i[1]; }

std::vector<OpCase> batch_norms() {
  OpCase c{.name = "batch_norm"};
  const auto train = [](const Tensors& x) {
    return Tensors{batch_norm(x[0], x.size() > 1 ? x[1] : Tensor(), x.size() > 2 ? x[2] : Tensor(),
                              {}, {}, true, 0.1, 1e-5)};
  };
  c.samples = {
      {"rows", {{{6, 3}}, {{3}}, {{3}}}, train, normalised(3, channel, channel, 1e-5)},
      {"images", {{{2, 3, 4, 2}}, {{3}}, {{3}}}, train, normalised(3, channel, channel, 1e-5)},
      {"plain", {{{4, 2, 5}}}, train, normalised(2, channel, channel, 1e-5)},
      {"evaluation",
       {{{3, 2, 2}}, {{2}}, {{2}}},
       [](const Tensors& x) {
         const Tensor mean = full({2}, 0.5, x[0].options()), var = full({2}, 4, x[0].options());
         return Tensors{batch_norm(x[0], x[1], x[2], mean, var, false, 0.1, 0)};
       },
       [](const std::vector<Dense>& args) {
         Dense out = args[0];
         size_t i = 0;
         for_each_index(out.sizes, [&](const auto& index) {
           const size_t ch = static_cast<size_t>(index[1]);
           out.values[i] = (out.values[i] - 0.5) / 2 * args[1].values[ch] + args[2].values[ch];
           ++i;
         });
         return std::vector<Dense>{out};
       }}};
  c.errors = {{"weight",
               [] {
                 batch_norm(zeros({2, 3}), zeros({2}), {}, {}, {}, true, 0.1, 1e-5);
               },
               "weight should contain 3 elements not 2", ErrorInput::Kind::shape},
              {"no statistics",
               [] {
                 batch_norm(zeros({2, 3}), {}, {}, {}, {}, false, 0.1, 1e-5);
               },
               "Expected running_mean and running_var to be defined"}};
  c.tolerance = 4;
  return {c};
}
TAPER_OP_CASES(batch_norms);

std::vector<OpCase> group_norms() {
  OpCase c{.name = "group_norm"};
  c.samples = {
      {"two groups",
       {{{2, 4, 3}}, {{4}}, {{4}}},
       [](const Tensors& x) { return Tensors{group_norm(x[0], 2, x[1], x[2])}; },
       normalised(
           4, [](const std::vector<int64_t>& i) { return i[0] * 2 + i[1] / 2; }, channel, 1e-5)}};
  c.errors = {{"groups",
               [] {
                 group_norm(zeros({2, 3}), 2);
               },
               "Expected number of channels in input to be divisible by num_groups",
               ErrorInput::Kind::shape}};
  c.tolerance = 4;
  OpCase i{.name = "instance_norm"};
  i.samples = {
      {"images",
       {{{2, 3, 5}}, {{3}}, {{3}}},
       [](const Tensors& x) {
         return Tensors{instance_norm(x[0], x[1], x[2], {}, {}, true, 0.1, 1e-5)};
       },
       normalised(
           6, [](const std::vector<int64_t>& k) { return k[0] * 3 + k[1]; }, channel, 1e-5)}};
  i.tolerance = 4;
  return {c, i};
}
TAPER_OP_CASES(group_norms);

TEST(BatchNorm, RunningStatisticsMoveByMomentum) {
  const Tensor x = arange(0, 8, 1, kDouble).view({4, 2});
  const Tensor mean = zeros({2}, kDouble), var = ones({2}, kDouble);
  batch_norm(x, {}, {}, mean, var, true, 0.25, 1e-5);
  // Columns 0 2 4 6 and 1 3 5 7: means 3 and 4, unbiased variance 20 / 3.
  EXPECT_NEAR(mean.select(0, 0).item<double>(), 0.75, 1e-12);
  EXPECT_NEAR(mean.select(0, 1).item<double>(), 1.0, 1e-12);
  EXPECT_NEAR(var.select(0, 0).item<double>(), 0.75 + 0.25 * 20 / 3, 1e-12);
}

TEST(BatchNorm, BackwardSparesGradientsThatOthersSee) {
  const Tensor x = arange(0, 8, 1, kDouble).view({4, 2}).sin().requires_grad_();
  const Tensor given = arange(0, 8, 1, kDouble).view({4, 2}).cos(), before = given.clone();
  batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5).backward(given);
  EXPECT_TRUE(given.equal(before));
  const Tensor want = x.grad().clone();
  x.mutable_grad().reset();
  Tensor seen;
  const Tensor y = batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5);
  y.register_hook([&](const Tensor& g) { seen = g; });
  y.mul(given).sum().backward();
  EXPECT_TRUE(seen.equal(before));
  x.mutable_grad().reset();
  // The gradient that mul makes belongs to nobody else.
  batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5).mul(given).sum().backward();
  EXPECT_TRUE(x.grad().equal(want));
}

TEST(BatchNorm, ChannelsLastKeepsItsLayoutAndBits) {
  const Tensor x = arange(0, 2 * 3 * 4 * 5, 1, kFloat).view({2, 3, 4, 5}).sin();
  const Tensor last = x.contiguous(MemoryFormat::ChannelsLast);
  const Tensor a = batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5);
  const Tensor b = batch_norm(last, {}, {}, {}, {}, true, 0.1, 1e-5);
  EXPECT_TRUE(b.is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_EQ(a.sub(b).abs().max().item<float>(), 0);
}

TEST(BatchNorm, RefusedStatisticsLeaveTheOthersAlone) {
  const Tensor x = arange(0, 8, 1, kFloat).view({4, 2}), mean = zeros({2});
  const auto counts = zeros({2}, TensorOptions(kLong)), pair = ones({1, 2});
  EXPECT_ERROR(DTypeError, batch_norm(x, {}, {}, mean, counts, true, 0.1, 1e-5),
               "batch_norm: expected a floating-point tensor, got Long");
  EXPECT_ERROR(ShapeError, batch_norm(x, {}, {}, mean, pair, true, 0.1, 1e-5),
               "batch_norm: running_var should have one dimension, got [1, 2]");
  EXPECT_ERROR(DTypeError, instance_norm(x.view({2, 2, 2}), {}, {}, mean, counts, true, 0.1, 1e-5),
               "instance_norm: expected a floating-point tensor, got Long");
  EXPECT_ERROR(ShapeError, instance_norm(x.view({2, 2, 2}), {}, {}, ones({3}), {}, true, 0.1, 1e-5),
               "instance_norm: running_mean should contain 2 elements not 3");
  EXPECT_FALSE(mean.any().item<bool>());
}

}  // namespace
}  // namespace taper::testing
