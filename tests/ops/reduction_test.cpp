#include "taper/ops/reduction.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/extremum.h"
#include "taper/ops/scan.h"
#include "taper/ops/variants.h"
#include "tests/ops/reduce_reference.h"

namespace taper::testing {
namespace {

double mean_of(const std::vector<double>& v) { return sum_of(v) / static_cast<double>(v.size()); }
double prod_of(const std::vector<double>& v) {
  double total = 1;
  for (double x : v) total *= x;
  return total;
}
double most_of(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }
double least_of(const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()); }

std::vector<OpCase> sums() {
  OpCase sum{.name = "sum"};
  sum.samples = {
      {"all",
       {{{3, 5}}},
       [](const Tensors& x) { return Tensors{x[0].sum()}; },
       reduced(~0ull, false, sum_of)},
      {"number",
       {{{}}},
       [](const Tensors& x) { return Tensors{x[0].sum(0)}; },
       reduced(~0ull, false, sum_of)},
      {"last",
       {{{4, 70}}},
       [](const Tensors& x) { return Tensors{x[0].sum(-1)}; },
       reduced(2, false, sum_of)},
      {"first kept",
       {{{6, 5}}},
       [](const Tensors& x) { return Tensors{x[0].sum(0, true)}; },
       reduced(1, true, sum_of)},
      {"outer and inner",
       {{{2, 3, 4, 2}}},
       [](const Tensors& x) {
         return Tensors{x[0].sum({0, 2})};
       },
       reduced(5, false, sum_of)},
      {"empty list",
       {{{2, 3}}},
       [](const Tensors& x) { return Tensors{x[0].sum(IntArrayRef())}; },
       reduced(~0ull, false, sum_of)},
      {"of nothing",
       {{{0, 3}}},
       [](const Tensors& x) { return Tensors{x[0].sum(0)}; },
       reduced(1, false, sum_of)},
  };
  sum.errors = {{"twice",
                 [] {
                   zeros({2, 3}).sum({0, -2});
                 },
                 "dim 0 appears multiple times in the list of dims", ErrorInput::Kind::shape},
                {"range",
                 [] {
                   zeros({2, 3}).sum(2);
                 },
                 "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
                 ErrorInput::Kind::index}};
  OpCase mean{.name = "mean"};
  mean.samples = {
      {"all",
       {{{3, 5}}},
       [](const Tensors& x) { return Tensors{x[0].mean()}; },
       reduced(~0ull, false, mean_of)},
      {"dims",
       {{{3, 4, 5}}},
       [](const Tensors& x) {
         return Tensors{x[0].mean({1, 2}, true)};
       },
       reduced(6, true, mean_of)},
  };
  mean.errors = {{"integers", [] { ones({2}, kLong).mean(); },
                  "mean(): could not infer output dtype. Input dtype must be either a floating "
                  "point or complex dtype. Got: Long",
                  ErrorInput::Kind::dtype}};
  OpCase nansum{.name = "nansum"};
  nansum.samples = {{"dim",
                     {{{3, 4}}},
                     [](const Tensors& x) { return Tensors{x[0].nansum(1)}; },
                     reduced(2, false, sum_of)}};
  OpCase prod{.name = "prod"};
  prod.samples = {
      {"all",
       {{{2, 3}, 0.5, 1.5}},
       [](const Tensors& x) { return Tensors{x[0].prod()}; },
       reduced(~0ull, false, prod_of)},
      {"dim",
       {{{3, 4}, 0.5, 1.5}},
       [](const Tensors& x) { return Tensors{x[0].prod(0)}; },
       reduced(1, false, prod_of)},
      {"kept",
       {{{3, 4}, 0.5, 1.5}},
       [](const Tensors& x) { return Tensors{x[0].prod(1, true)}; },
       reduced(2, true, prod_of)},
      {"with zeros",
       {{{3, 4}, 0.5, 1.5}},
       [](const Tensors& x) {
         // A factor of 0 in one place of each line, 1 elsewhere.
         Tensor factor = ones({3, 4}, x[0].options());
         factor.select(1, 2).fill_(0);
         return Tensors{x[0].mul(factor).prod(1)};
       },
       reduced(2, false, [](const std::vector<double>&) { return 0.0; })},
  };
  prod.tolerance = 4;  // each factor of a half type rounds
  OpCase trace{.name = "trace"};
  trace.samples = {{"matrix",
                    {{{3, 3}}},
                    [](const Tensors& x) { return Tensors{x[0].trace()}; },
                    [](const std::vector<Dense>& x) {
                      const auto& v = x[0].values;
                      return std::vector<Dense>{{{}, {v[0] + v[4] + v[8]}}};
                    }}};
  return {sum, mean, nansum, prod, trace};
}
TAPER_OP_CASES(sums);

std::vector<OpCase> extremes() {
  OpCase amax{.name = "amax"};
  amax.samples = {
      {"all",
       {{{3, 5}}},
       [](const Tensors& x) { return Tensors{x[0].amax()}; },
       reduced(~0ull, false, most_of)},
      {"dims",
       {{{3, 4, 5}}},
       [](const Tensors& x) {
         return Tensors{x[0].amax({0, 2}, true)};
       },
       reduced(5, true, most_of)},
  };
  amax.errors = {{"empty",
                  [] {
                    zeros({0, 3}).amax(0);
                  },
                  "amax(): Expected reduction dim 0 to have non-zero size",
                  ErrorInput::Kind::index}};
  OpCase amin{.name = "amin"};
  amin.samples = {{"dim",
                   {{{3, 4}}},
                   [](const Tensors& x) { return Tensors{x[0].amin(1)}; },
                   reduced(2, false, least_of)}};
  OpCase max{.name = "max"};
  max.samples = {
      {"all",
       {{{3, 5}}},
       [](const Tensors& x) { return Tensors{x[0].max()}; },
       reduced(~0ull, false, most_of)},
      {"dim",
       {{{3, 70}}},
       [](const Tensors& x) { return Tensors{std::get<0>(x[0].max(1, true))}; },
       reduced(2, true, most_of)},
      {"first dim",
       {{{7, 3}}},
       [](const Tensors& x) { return Tensors{std::get<0>(x[0].max(0))}; },
       reduced(1, false, most_of)},
  };
  max.errors = {{"empty", [] { zeros({0}).max(); },
                 "max(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                 "the reduction dim with the 'dim' argument.",
                 ErrorInput::Kind::index}};
  OpCase min{.name = "min"};
  min.samples = {
      {"all",
       {{{3, 5}}},
       [](const Tensors& x) { return Tensors{x[0].min()}; },
       reduced(~0ull, false, least_of)},
      {"dim",
       {{{3, 4}}},
       [](const Tensors& x) { return Tensors{std::get<0>(x[0].min(-1))}; },
       reduced(2, false, least_of)},
  };
  const auto where = [](const std::vector<double>& v) {
    return static_cast<double>(std::max_element(v.begin(), v.end()) - v.begin());
  };
  OpCase argmax{.name = "argmax", .differentiable = false};
  argmax.samples = {{"all",
                     {{{3, 5}}},
                     [](const Tensors& x) { return Tensors{x[0].argmax()}; },
                     reduced(~0ull, false, where)},
                    {"dim",
                     {{{4, 6}}},
                     [](const Tensors& x) { return Tensors{x[0].argmax(0, true)}; },
                     reduced(1, true, where)}};
  OpCase argmin{.name = "argmin", .differentiable = false};
  argmin.samples = {{"dim",
                     {{{4, 6}}},
                     [](const Tensors& x) { return Tensors{x[0].argmin(1)}; },
                     reduced(2, false, [](const std::vector<double>& v) {
                       return static_cast<double>(std::min_element(v.begin(), v.end()) - v.begin());
                     })}};
  return {amax, amin, max, min, argmax, argmin};
}
TAPER_OP_CASES(extremes);

std::vector<OpCase> scans() {
  OpCase cumsum{.name = "cumsum"};
  const auto running = [](std::vector<double> v) {
    for (size_t i = 1; i < v.size(); ++i) v[i] += v[i - 1];
    return v;
  };
  const auto product = [](std::vector<double> v) {
    for (size_t i = 1; i < v.size(); ++i) v[i] *= v[i - 1];
    return v;
  };
  cumsum.samples = {{"last",
                     {{{3, 5}}},
                     [](const Tensors& x) { return Tensors{x[0].cumsum(1)}; },
                     along(1, running)},
                    {"middle",
                     {{{2, 4, 3}}},
                     [](const Tensors& x) { return Tensors{x[0].cumsum(1)}; },
                     along(1, running)},
                    {"number",
                     {{{}}},
                     [](const Tensors& x) { return Tensors{x[0].cumsum(0)}; },
                     along(0, running)}};
  cumsum.tolerance = 4;  // long sums of half types
  OpCase cumprod{.name = "cumprod"};
  cumprod.samples = {{"first",
                      {{{4, 3}, 0.5, 1.5}},
                      [](const Tensors& x) { return Tensors{x[0].cumprod(0)}; },
                      along(0, product)},
                     {"with a zero",
                      {{{2, 4}, 0.5, 1.5}},
                      [](const Tensors& x) {
                        Tensor factor = ones({2, 4}, x[0].options());
                        factor.select(1, 1).fill_(0);
                        return Tensors{x[0].mul(factor).cumprod(1)};
                      },
                      along(1, [](std::vector<double> v) {
                        return std::vector<double>{v[0], 0, 0, 0};
                      })}};
  cumprod.tolerance = 4;
  return {cumsum, cumprod};
}
TAPER_OP_CASES(scans);

TEST(Reduction, TypesOfSums) {
  for (ScalarType type : {kBool, kByte, kShort, kInt, kLong}) {
    const Tensor x = ones({3}, type);
    EXPECT_EQ(x.sum().scalar_type(), kLong);
    EXPECT_EQ(x.sum().item<int64_t>(), 3);
    EXPECT_EQ(x.prod().scalar_type(), kLong);
    EXPECT_EQ(x.sum(kFloat).scalar_type(), kFloat);
  }
  EXPECT_EQ(ones({3}, kHalf).sum().scalar_type(), kHalf);
  EXPECT_EQ(ones({3}, kHalf).sum(kFloat).scalar_type(), kFloat);
  EXPECT_EQ(ones({3}, kLong).mean(kFloat).item<float>(), 1);
  EXPECT_EQ(full({300}, 200, kByte).sum().item<int64_t>(), 60000);
}

TEST(Reduction, OfNothing) {
  EXPECT_EQ(zeros({0}).sum().item<float>(), 0);
  EXPECT_EQ(zeros({0}).prod().item<float>(), 1);
  EXPECT_TRUE(std::isnan(zeros({0}).mean().item<float>()));
  EXPECT_FALSE(zeros({0}).any().item<bool>());
  EXPECT_TRUE(zeros({0}).all().item<bool>());
  EXPECT_EQ(zeros({0, 3}).sum(1).numel(), 0);
}

TEST(Reduction, TruthAndCounts) {
  const Tensor x = tensor({{0.0f, 2.0f, NAN}, {0.0f, 0.0f, 0.0f}});
  EXPECT_TRUE(x.any().item<bool>());
  EXPECT_FALSE(x.all().item<bool>());
  EXPECT_EQ(x.any(1).select(0, 0).item<bool>(), true);
  EXPECT_EQ(x.any(1).select(0, 1).item<bool>(), false);
  EXPECT_EQ(x.any().scalar_type(), kBool);
  EXPECT_EQ(x.to(kByte).any().scalar_type(), kByte);
  EXPECT_EQ(x.count_nonzero().item<int64_t>(), 2);
  EXPECT_EQ(x.count_nonzero(0).select(0, 1).item<int64_t>(), 1);
  EXPECT_EQ(full({2}, 0.25).all().item<bool>(), true);
}

TEST(Reduction, NanAndTies) {
  const Tensor x = tensor({1.0f, NAN, 3.0f, NAN});
  EXPECT_TRUE(std::isnan(x.max().item<float>()));
  EXPECT_TRUE(std::isnan(x.min().item<float>()));
  EXPECT_EQ(x.argmax().item<int64_t>(), 1);
  EXPECT_EQ(x.nansum().item<float>(), 4);
  EXPECT_EQ(tensor({2, 5, 5, 1}).argmax().item<int64_t>(), 1);
  Tensor ties = tensor({2.0f, 5.0f, 5.0f}).requires_grad_();
  ties.max().backward();
  EXPECT_EQ(ties.grad().select(0, 1).item<float>(), 0.5f);
  EXPECT_EQ(ties.grad().select(0, 0).item<float>(), 0);
  const auto [low, high] = tensor({3, 1, 2}).aminmax();
  EXPECT_EQ(low.item<int64_t>(), 1);
  EXPECT_EQ(high.item<int64_t>(), 3);
}

TEST(Reduction, TiesOfAminmaxShareTheGradient) {
  const Tensor x = tensor({{1.0, 1.0, 4.0}, {2.0, 3.0, 3.0}}, kDouble).requires_grad_();
  const auto [low, high] = x.aminmax(1);
  low.sum().add(high.mul(10).sum()).backward();
  EXPECT_EQ(to_dense(x.grad()).values, (std::vector<double>{0.5, 0.5, 10, 1, 5, 5}));
}

TEST(Reduction, OutVariantsWriteWhatTheyReturn) {
  Tensor out = empty({3});
  const Tensor x = full({3, 4}, 2.0f);
  EXPECT_TRUE(sum_out(out, x, 1).is_same(out));
  EXPECT_EQ(out.select(0, 2).item<float>(), 8);
  mean_out(out, x, 1);
  EXPECT_EQ(out.select(0, 0).item<float>(), 2);
  Tensor leaf = full({3, 4}, 1.0f).requires_grad_();
  EXPECT_THROW(sum_out(out, leaf, 1), Error);
}

}  // namespace
}  // namespace taper::testing
