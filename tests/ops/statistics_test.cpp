#include "taper/ops/statistics.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "tests/ops/reduce_reference.h"

namespace taper::testing {
namespace {

using Values = std::vector<double>;
double unbiased(const Values& v) { return variance_of(v, 1); }
double biased(const Values& v) { return variance_of(v, 0); }
double root(const Values& v) { return std::sqrt(variance_of(v, 1)); }
double norm2(const Values& v) {
  double total = 0;
  for (double x : v) total += x * x;
  return std::sqrt(total);
}
double norm1(const Values& v) {
  double total = 0;
  for (double x : v) total += std::abs(x);
  return total;
}
double norm3(const Values& v) {
  double total = 0;
  for (double x : v) total += std::pow(std::abs(x), 3);
  return std::cbrt(total);
}
double norm_most(const Values& v) {
  double most = 0;
  for (double x : v) most = std::max(most, std::abs(x));
  return most;
}
double lse(const Values& v) {
  double total = 0;
  for (double x : v) total += std::exp(x);
  return std::log(total);
}

std::vector<OpCase> statistics() {
  OpCase var{.name = "var"};
  var.samples = {
      {"all",
       {{{3, 5}}},
       [](const Tensors& x) { return Tensors{x[0].var()}; },
       reduced(~0ull, false, unbiased)},
      {"biased",
       {{{3, 5}}},
       [](const Tensors& x) { return Tensors{x[0].var(false)}; },
       reduced(~0ull, false, biased)},
      {"dims",
       {{{3, 4, 5}}},
       [](const Tensors& x) {
         return Tensors{x[0].var({0, 2}, true, true)};
       },
       reduced(5, true, unbiased)},
      {"correction",
       {{{4, 5}}},
       [](const Tensors& x) { return Tensors{x[0].var(IntArrayRef{1}, std::optional<Scalar>(2))}; },
       reduced(2, false, [](const Values& v) { return variance_of(v, 2); })}};
  var.errors = {{"integers", [] { ones({2}, kLong).var(); },
                 "std and var only support floating point and complex dtypes",
                 ErrorInput::Kind::dtype}};
  OpCase std{.name = "std"};
  std.samples = {{"all",
                  {{{3, 5}}},
                  [](const Tensors& x) { return Tensors{x[0].std()}; },
                  reduced(~0ull, false, root)},
                 {"dim",
                  {{{4, 6}}},
                  [](const Tensors& x) { return Tensors{x[0].std(1, true, true)}; },
                  reduced(2, true, root)}};
  OpCase norm{.name = "norm"};
  norm.samples = {{"two",
                   {{{3, 5}}},
                   [](const Tensors& x) { return Tensors{x[0].norm()}; },
                   reduced(~0ull, false, norm2)},
                  {"one",
                   {{{3, 5}}},
                   [](const Tensors& x) { return Tensors{x[0].norm(1)}; },
                   reduced(~0ull, false, norm1)},
                  {"two by rows",
                   {{{3, 5}}},
                   [](const Tensors& x) { return Tensors{x[0].norm(2, 1, true)}; },
                   reduced(2, true, norm2)},
                  {"three",
                   {{{3, 5}}},
                   [](const Tensors& x) { return Tensors{x[0].norm(3, 0)}; },
                   reduced(1, false, norm3)},
                  {"infinity",
                   {{{3, 5}}},
                   [](const Tensors& x) { return Tensors{x[0].norm(INFINITY, 1)}; },
                   reduced(2, false, norm_most)}};
  norm.tolerance = 4;  // pow of half types rounds at every step
  norm.errors = {{"integers", [] { ones({2}, kLong).norm(); },
                  "input dtype should be either floating point or complex. Got Long instead",
                  ErrorInput::Kind::dtype}};
  OpCase logsumexp{.name = "logsumexp"};
  logsumexp.samples = {{"dim",
                        {{{3, 5}}},
                        [](const Tensors& x) { return Tensors{x[0].logsumexp(1)}; },
                        reduced(2, false, lse)},
                       {"dims",
                        {{{2, 3, 4}}},
                        [](const Tensors& x) {
                          return Tensors{x[0].logsumexp({0, 2}, true)};
                        },
                        reduced(5, true, lse)}};
  logsumexp.tolerance = 2;  // composite: half types round between steps
  return {var, std, norm, logsumexp};
}
TAPER_OP_CASES(statistics);

TEST(Statistics, OfOneAndOfNothing) {
  EXPECT_TRUE(std::isnan(ones({1}).std().item<float>()));
  EXPECT_TRUE(std::isnan(ones({0}).var().item<float>()));
  EXPECT_EQ(ones({1}).var(false).item<float>(), 0);
  EXPECT_EQ(ones({0}).norm().item<float>(), 0);
}

TEST(Statistics, FarFromZeroTheVarianceStays) {
  const Tensor x = arange(0, 1000, 1, kFloat).add(1e6);
  EXPECT_NEAR(x.var().item<double>(), 1000.0 * 1001.0 / 12.0, 1);
}

TEST(Statistics, GradientsAtZeroAreZero) {
  Tensor x = zeros({3}).requires_grad_();
  x.norm().backward();
  EXPECT_EQ(x.grad().abs().sum().item<float>(), 0);
  Tensor y = ones({3}).requires_grad_();
  y.std().backward();
  EXPECT_EQ(y.grad().abs().sum().item<float>(), 0);
}

TEST(Statistics, LogsumexpKeepsInfinities) {
  EXPECT_EQ(full({3}, -INFINITY).logsumexp(0).item<float>(), -INFINITY);
  EXPECT_EQ(full({3}, INFINITY).logsumexp(0).item<float>(), INFINITY);
  EXPECT_NEAR(full({2}, 1000.0f).logsumexp(0).item<float>(), 1000.6931f, 1e-3);
}

TEST(Statistics, MomentsTogether) {
  const Tensor x = tensor({1.0, 2.0, 4.0});
  const auto [var, mean] = var_mean(x);
  EXPECT_NEAR(var.item<double>(), 7.0 / 3, 1e-6);
  EXPECT_NEAR(mean.item<double>(), 7.0 / 3, 1e-6);
}

}  // namespace
}  // namespace taper::testing
