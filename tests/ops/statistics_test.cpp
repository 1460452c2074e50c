#include "taper/ops/statistics.h"

#include <algorithm>
#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_compare.h"
#include "tests/ops/reduce_reference.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

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
double norm1_5(const Values& v) {
  double total = 0;
  for (double x : v) total += std::pow(std::abs(x), 1.5);
  return std::pow(total, 1 / 1.5);
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
                  {"one and a half",
                   {{{3, 5}}},
                   [](const Tensors& x) { return Tensors{x[0].norm(1.5, 0, true)}; },
                   reduced(1, true, norm1_5)},
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

/// The covariance of rows i and j of x with these weights of the columns.
double covariance(const Dense& x, int64_t i, int64_t j, const Values& w, double divisor) {
  double total = 0, a = 0, b = 0, sum = 0;
  const int64_t n = x.sizes[1];
  for (int64_t k = 0; k < n; ++k) {
    total += w[k];
    a += w[k] * x.at({i, k});
    b += w[k] * x.at({j, k});
  }
  for (int64_t k = 0; k < n; ++k) {
    sum += w[k] * (x.at({i, k}) - a / total) * (x.at({j, k}) - b / total);
  }
  return sum / divisor;
}

std::vector<OpCase> covariances() {
  OpCase cov{.name = "cov"}, corrcoef{.name = "corrcoef"};
  cov.samples = {{"plain",
                  {{{3, 5}}},
                  [](const Tensors& x) { return Tensors{x[0].cov()}; },
                  mapped({3, 3},
                         [](const std::vector<Dense>& x, const Index& i) {
                           return covariance(x[0], i[0], i[1], Values(5, 1), 4);
                         })},
                 {"counted",
                  {{{2, 3}}},
                  [](const Tensors& x) {
                    return Tensors{x[0].cov(0, tensor({1, 2, 3}))};
                  },
                  mapped({2, 2},
                         [](const std::vector<Dense>& x, const Index& i) {
                           return covariance(x[0], i[0], i[1], {1, 2, 3}, 6);
                         })},
                 {"weighed",
                  {{{2, 3}}, {{3}, 0.5, 1.5}},
                  [](const Tensors& x) { return Tensors{x[0].cov(1, {}, x[1])}; },
                  mapped({2, 2}, [](const std::vector<Dense>& x, const Index& i) {
                    const Values& w = x[1].values;
                    const double sum = sum_of(w), squares = w[0] * w[0] + w[1] * w[1] + w[2] * w[2];
                    return covariance(x[0], i[0], i[1], w, sum - squares / sum);
                  })}};
  cov.same_bits = false;  // a matrix product
  cov.dtypes = {kFloat, kDouble};
  cov.tolerance = 8;
  cov.errors = {{"rank",
                 [] {
                   ones({1, 1, 1}).cov();
                 },
                 "expected input to have two or fewer dimensions", ErrorInput::Kind::shape},
                {"bool",
                 [] {
                   ones({2, 2}, kBool).cov();
                 },
                 "bool dtype is not supported", ErrorInput::Kind::dtype},
                {"counts",
                 [] {
                   ones({2, 3}).cov(1, ones({3}));
                 },
                 "integral dtype but got Float", ErrorInput::Kind::dtype},
                {"length",
                 [] {
                   ones({2, 3}).cov(1, ones({2}, kLong));
                 },
                 "same numel", ErrorInput::Kind::shape},
                {"negative",
                 [] {
                   ones({2, 1}).cov(1, {}, full({1}, -1.0));
                 },
                 "aweights cannot be negative"},
                {"zero",
                 [] {
                   ones({2, 1}).cov(1, {}, zeros({1}));
                 },
                 "weights sum to zero"}};
  corrcoef.samples = {{"rows",
                       {{{3, 5}}},
                       [](const Tensors& x) { return Tensors{x[0].corrcoef()}; },
                       mapped({3, 3}, [](const std::vector<Dense>& x, const Index& i) {
                         const Values w(5, 1);
                         return covariance(x[0], i[0], i[1], w, 1) /
                                std::sqrt(covariance(x[0], i[0], i[0], w, 1) *
                                          covariance(x[0], i[1], i[1], w, 1));
                       })}};
  corrcoef.same_bits = false;
  corrcoef.dtypes = {kFloat, kDouble};
  corrcoef.tolerance = 8;
  corrcoef.errors = {{"rank",
                      [] {
                        ones({1, 1, 1}).corrcoef();
                      },
                      "two or fewer dimensions", ErrorInput::Kind::shape}};
  return {cov, corrcoef};
}
TAPER_OP_CASES(covariances);

std::vector<OpCase> lengths() {
  OpCase dist{.name = "dist"}, renorm{.name = "renorm"};
  dist.samples = {
      {"broadcast",
       {{{3, 4}}, {{4}}},
       [](const Tensors& x) { return Tensors{x[0].dist(x[1])}; },
       [](const std::vector<Dense>& x) {
         Values v;
         for_each_index({3, 4}, [&](const Index& i) { v.push_back(x[0].at(i) - x[1].at({i[1]})); });
         return std::vector<Dense>{{{}, {norm2(v)}}};
       }}};
  dist.tolerance = 4;
  dist.errors = {{"sizes", [] { ones({2}).dist(ones({3})); }, "must match the size of tensor b",
                  ErrorInput::Kind::shape}};
  renorm.samples = {{"columns",
                     {{{4, 3}}},
                     [](const Tensors& x) { return Tensors{x[0].renorm(2, 1, 1)}; },
                     along(0, [](Values v) {
                       const double length = norm2(v);
                       for (double& x : v) x *= length > 1 ? 1 / (length + 1e-7) : 1;
                       return v;
                     })}};
  renorm.inplace = [](const Tensors& x) { return Tensors{x[0].renorm_(2, 1, 1)}; };
  renorm.tolerance = 4;
  renorm.errors = {
      {"p",
       [] {
         ones({2, 2}).renorm(0, 0, 1);
       },
       "non-positive-norm not supported"},
      {"maxnorm",
       [] {
         ones({2, 2}).renorm(2, 0, -1);
       },
       "expected maxnorm to be >= 0 but got -1"},
      {"rank", [] { ones({2}).renorm(2, 0, 1); }, "at least 2 dimensions", ErrorInput::Kind::shape},
      {"integers",
       [] {
         ones({2, 2}, kLong).renorm(2, 0, 1);
       },
       "renorm", ErrorInput::Kind::dtype}};
  return {dist, renorm};
}
TAPER_OP_CASES(lengths);

TEST(Statistics, CovarianceOfOneVariableIsItsVariance) {
  const Tensor x = tensor({1.0, 2.0, 4.0});
  EXPECT_NEAR(x.cov().item<double>(), x.var().item<double>(), 1e-6);
  EXPECT_EQ(x.corrcoef().item<float>(), 1);
}

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

TEST(Statistics, ANumberIsADimensionAndATruthValueIsUnbiased) {
  const Tensor x = tensor({{1.0, 2.0, 4.0}, {3.0, 7.0, 5.0}});
  const Tensor columns = tensor({2.0, 12.5, 0.5});  // variances over dimension 0
  EXPECT_TRUE(allclose(x.var(0), columns));
  EXPECT_TRUE(allclose(x.std(0), columns.sqrt()));
  EXPECT_TRUE(allclose(var(x, {0}), columns));
  EXPECT_TRUE(allclose(std::get<0>(var_mean(x, 0)), columns));
  EXPECT_TRUE(allclose(std::get<1>(std_mean(x, 0)), tensor({2.0, 4.5, 4.5})));
  EXPECT_EQ(x.var(false).dim(), 0);
  for (const Tensor& halved : {x.var(0, false), x.var(0, 0), x.var({0}, Scalar(0.0)),
                               x.var(0, std::optional<Scalar>(0))}) {
    EXPECT_TRUE(allclose(halved, columns.div(2)));
  }
  EXPECT_TRUE(allclose(x.var(0, true, true), columns.unsqueeze(0)));
  EXPECT_TRUE(allclose(x.var(0, std::nullopt), columns));
  EXPECT_TRUE(allclose(x.std(1, Scalar(2)), x.var(1, 2).sqrt()));
  EXPECT_TRUE(allclose(x.var(std::nullopt, 0, true), x.var(false).view({1, 1})));
  EXPECT_TRUE(allclose(x.var(std::vector<int64_t>{0, 1}), x.var()));
  EXPECT_ERROR(IndexError, x.var(2), "Dimension out of range");
}

TEST(Statistics, NormsOfZeroHaveTheSubgradientZero) {
  for (const double p : {-3.0, -1.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5, double{INFINITY}}) {
    const Tensor x =
        tensor({{0.0, 0.0, 0.0}, {0.0, 1.0, -2.0}}, dtype(kDouble).requires_grad(true));
    const Tensor norms = x.norm(p, 1);
    const Tensor slope = autograd::grad({norms.sum()}, {x}, {}, std::nullopt, true)[0];
    EXPECT_TRUE(slope.select(0, 0).eq(0).all().item<bool>()) << p << '\n' << slope;
    EXPECT_EQ(slope.select(0, 1).select(0, 0).item<double>(), 0) << p;
    EXPECT_TRUE(slope.isfinite().all().item<bool>()) << p;
    if (!slope.requires_grad()) continue;
    EXPECT_TRUE(autograd::grad({slope.sum()}, {x})[0].isfinite().all().item<bool>()) << p;
  }
}

TEST(Statistics, MomentsTogether) {
  const Tensor x = tensor({1.0, 2.0, 4.0});
  const auto [var, mean] = var_mean(x);
  EXPECT_NEAR(var.item<double>(), 7.0 / 3, 1e-6);
  EXPECT_NEAR(mean.item<double>(), 7.0 / 3, 1e-6);
}

}  // namespace
}  // namespace taper::testing
