#include <gtest/gtest.h>

#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/histogram.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/statistics.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper {
namespace {

using namespace testing;

constexpr int64_t kDraws = 40000;

/// Mean and variance within five standard errors (the variance's for a kurtosis up to 9).
void expect_moments(const Tensor& draws, double mean, double variance) {
  const double n = static_cast<double>(draws.numel());
  EXPECT_NEAR(draws.mean().item<double>(), mean, 5 * std::sqrt(variance / n));
  EXPECT_NEAR(draws.var().item<double>(), variance, 5 * variance * std::sqrt(8 / n));
}

template <class F>
void expect_repeats(F draw) {
  manual_seed(7);
  const Dense first = to_dense(draw());
  manual_seed(7);
  EXPECT_EQ(to_dense(draw()).values, first.values);
}

TEST(RandomCounts, PoissonOfSmallAndLargeRates) {
  manual_seed(1);
  for (const double rate : {0.3, 4.0, 10.0, 300.0}) {
    expect_moments(poisson(full({kDraws}, rate, kDouble)), rate, rate);
  }
  EXPECT_EQ(poisson(zeros({3})).sum().item<float>(), 0);
  expect_repeats([] { return poisson(full({9}, 20.0)); });
  EXPECT_ERROR(Error, poisson(full({2}, -1.0)), "invalid Poisson rate");
  EXPECT_ERROR(Error, poisson(full({2}, NAN)), "invalid Poisson rate");
  EXPECT_ERROR(DTypeError, poisson(ones({2}, kLong)), "poisson");
}

TEST(RandomCounts, BinomialOfSmallAndLargeMeans) {
  manual_seed(2);
  const double cases[][2] = {{5, 0.3}, {100, 0.5}, {1000, 0.02}, {1000, 0.9}, {40, 0.97}};
  for (const auto& c : cases) {
    const Tensor draws = binomial(full({kDraws}, c[0], kDouble), full({}, c[1], kDouble));
    expect_moments(draws, c[0] * c[1], c[0] * c[1] * (1 - c[1]));
    EXPECT_LE(draws.max().item<double>(), c[0]);
    EXPECT_GE(draws.min().item<double>(), 0);
  }
  EXPECT_EQ(binomial(full({2}, 9.0), ones({2})).sum().item<float>(), 18);
  expect_repeats([] { return binomial(full({9}, 50.0), full({9}, 0.4)); });
  EXPECT_ERROR(Error, binomial(full({2}, -1.0), ones({2})), "count to be finite");
  EXPECT_ERROR(Error, binomial(ones({2}), full({2}, 1.5)), "prob to be in [0, 1]");
}

TEST(RandomCounts, MultinomialFollowsTheWeights) {
  manual_seed(3);
  const Tensor weights = tensor({1.0, 0.0, 3.0, 4.0, 0.0});
  const Tensor counts = weights.multinomial(kDraws, true).bincount({}, 5);
  const double expected[] = {0.125, 0, 0.375, 0.5, 0};
  for (int64_t i = 0; i < 5; ++i) {
    const double p = expected[i];
    EXPECT_NEAR(counts[i].item<double>() / kDraws, p, 5 * std::sqrt(p * (1 - p) / kDraws)) << i;
  }
  const Tensor rows = ones({kDraws, 2}).mul(tensor({1.0, 3.0}));
  EXPECT_NEAR(rows.multinomial(1).to(kDouble).mean().item<double>(), 0.75, 0.011);
  const Tensor all = weights.multinomial(3);
  EXPECT_EQ(to_dense(std::get<0>(all.sort())).values, (std::vector<double>{0, 2, 3}));
  expect_repeats([&] { return weights.multinomial(20, true); });
  EXPECT_ERROR(Error, weights.multinomial(6), "n_sample > prob_dist.size(-1)");
  EXPECT_ERROR(Error, weights.multinomial(4), "fewer categories of positive weight");
  EXPECT_ERROR(Error, weights.multinomial(0), "n_sample <= 0");
  EXPECT_ERROR(Error, zeros({3}).multinomial(1), "sum of probabilities <= 0");
  EXPECT_ERROR(Error, tensor({1.0, -1.0}).multinomial(1), "`inf`, `nan` or element < 0");
  EXPECT_ERROR(ShapeError, ones({1, 1, 1}).multinomial(1), "1 or 2 dim");
  EXPECT_ERROR(ShapeError, ones({2, 0}).multinomial(1, true), "must not be empty");
}

TEST(RandomCounts, FillsOfOtherDistributions) {
  manual_seed(4);
  expect_moments(empty({kDraws}, kDouble).log_normal_(0.5, 0.5).log(), 0.5, 0.25);
  expect_moments(empty({kDraws}, kDouble).geometric_(0.25), 4, 12);
  EXPECT_GE(empty({kDraws}, kLong).geometric_(0.99).min().item<int64_t>(), 1);
  // A Cauchy number lies within sigma of the median half the time.
  const Tensor near = empty({kDraws}).cauchy_(3, 2).sub(3).abs().lt(2);
  EXPECT_NEAR(near.to(kDouble).mean().item<double>(), 0.5, 0.0125);
  Tensor x = ones({3}).requires_grad_();
  x.mul(1).cauchy_().sum().backward();
  EXPECT_EQ(x.grad().abs().sum().item<float>(), 0);
  expect_repeats([] { return empty({5}).cauchy_(); });
  EXPECT_ERROR(Error, ones({2}).log_normal_(0, 0), "std > 0.0");
  EXPECT_ERROR(Error, ones({2}).cauchy_(0, -1), "sigma > 0.0");
  EXPECT_ERROR(Error, ones({2}).geometric_(1), "p to be in (0, 1)");
  EXPECT_ERROR(DTypeError, ones({2}, kLong).cauchy_(), "cauchy_");
}

}  // namespace
}  // namespace taper
