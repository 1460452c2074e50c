#include "taper/ops/random.h"

#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/dropout.h"
#include "taper/ops/variants.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

std::vector<double> values(const Tensor& t) { return to_dense(t).values; }

void expect_values(const Tensor& t, const std::vector<double>& want, double tolerance) {
  const std::vector<double> got = values(t);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
}

// What PyTorch 1.13.1 prints on the CPU.
TEST(Random, TheStreamIsPyTorchs) {
  manual_seed(0);
  expect_values(rand({3}), {0.4963, 0.7682, 0.0885}, 5e-5);
  manual_seed(0);
  expect_values(randn({3}), {1.5410, -0.2934, -2.1788}, 5e-5);
  manual_seed(0);
  expect_values(randn({20}), {-1.1258, -1.1524, -0.2506, -0.4339, 0.5988, -1.5551, -0.3414,
                              1.8530,  0.4681,  -0.1577, 1.4437,  0.2660, 1.3894,  1.5863,
                              0.9463,  -0.8437, 0.9318,  1.2590,  2.0050, 0.0537},
                6e-5);
  expect_values(randint(0, 10, {5}), {2, 9, 1, 8, 8}, 0);
  expect_values(randperm(6), {3, 2, 0, 4, 5, 1}, 0);
}

TEST(Random, TheNormalCacheSurvivesInTheState) {
  const Generator g = Generator::create(5);
  Tensor t = empty({3});
  t.normal_(0, 1, g);
  expect_values(t, {-0.4868, -0.6038, -0.5581}, 5e-5);
  const Tensor state = g.get_state();
  EXPECT_EQ(state.scalar_type(), kByte);
  Tensor next = empty({1});
  next.normal_(0, 1, g);
  expect_values(next, {0.6675}, 5e-5);
  const double after = rand({1}, g).item<double>();
  g.set_state(state);
  next.normal_(0, 1, g);
  expect_values(next, {0.6675}, 5e-5);
  EXPECT_EQ(rand({1}, g).item<double>(), after);
}

TEST(Random, GeneratorsCloneAndReseed) {
  const Generator a = Generator::create(11), b = a.clone();
  EXPECT_FALSE(a == b);
  EXPECT_EQ(values(rand({9}, a)), values(rand({9}, b)));
  b.set_current_seed(11);
  EXPECT_EQ(b.current_seed(), 11u);
  EXPECT_NE(values(rand({9}, a)), values(rand({9}, b)));
  EXPECT_NE(a.seed(), 11u);
  EXPECT_THROW(a.set_state(zeros({3}, kByte)), Error);
  EXPECT_THROW(a.set_state(zeros({5056}, kByte)), Error);
  EXPECT_THROW(Generator().current_seed(), Error);
  // PyTorch's own bytes, without what Taper adds, are enough.
  const Tensor state = a.get_state();
  EXPECT_EQ(state.numel(), 5064);
  const double next = rand({1}, a).item<double>();
  a.set_state(state.narrow(0, 0, 5056));
  EXPECT_EQ(rand({1}, a).item<double>(), next);
}

TEST(Random, TypesRangesAndErrors) {
  EXPECT_EQ(randint(5, {3}).scalar_type(), kLong);
  EXPECT_EQ(randint(5, {3}, kFloat).scalar_type(), kFloat);
  EXPECT_EQ(randperm(4, kInt).scalar_type(), kInt);
  EXPECT_EQ(rand({2}, kDouble).scalar_type(), kDouble);
  EXPECT_TRUE(randn({2}, requires_grad()).requires_grad());
  EXPECT_TRUE(randn({2}, requires_grad()).is_leaf());
  EXPECT_EQ(randn_like(zeros({2, 3}, kDouble)).sizes(), IntArrayRef({2, 3}));
  const Tensor t = randint(-3, 4, {1000});
  EXPECT_EQ(t.min().item<int64_t>(), -3);
  EXPECT_EQ(t.max().item<int64_t>(), 3);
  EXPECT_THROW(randint(5, 5, {1}), Error);
  EXPECT_THROW(randint(0, 300, {1}, kByte), Error);
  EXPECT_THROW(zeros({2}).normal_(0, -1), Error);
  EXPECT_THROW(zeros({2}).uniform_(2, 1), Error);
  EXPECT_THROW(zeros({2}, kLong).normal_(), DTypeError);
  EXPECT_THROW(randperm(-1), Error);
  EXPECT_THROW(rand({-1}), Error);
  EXPECT_EQ(rand({0, 3}).numel(), 0);
  const Tensor r = zeros({100}, kByte).random_();
  EXPECT_GT(r.max().item<int64_t>(), 128);
  const Tensor s = zeros({100}, kLong).random_(10, 12);
  EXPECT_EQ(s.sub(10).ge(0).logical_and(s.lt(12)).all().item<bool>(), true);
  EXPECT_GT(zeros({100}).exponential_(2).min().item<float>(), 0);
  expect_values(normal(full({3}, 2.0), 0.0), {2, 2, 2}, 0);
  EXPECT_EQ(normal(0.0, ones({4})).numel(), 4);
}

TEST(Random, FillingInPlaceEndsTheHistory) {
  Tensor leaf = zeros({3}).requires_grad_();
  EXPECT_THROW(leaf.normal_(), Error);
  Tensor x = leaf.mul(2);
  x.uniform_();
  x.sum().backward();
  EXPECT_EQ(leaf.grad().abs().sum().item<float>(), 0);
  const int64_t version = x._version();
  x.detach().random_(3);
  EXPECT_GT(x._version(), version);
}

TEST(Dropout, KeepsTheMeanAndItsGradientIsTheMask) {
  manual_seed(1);
  Tensor x = ones({20000}).requires_grad_();
  const Tensor y = dropout(x, 0.25, true);
  EXPECT_NEAR(y.mean().item<double>(), 1, 0.02);
  y.sum().backward();
  EXPECT_EQ(x.grad().sub(y.detach()).abs().max().item<float>(), 0);
  EXPECT_NEAR(y.eq(0).to(kFloat).mean().item<double>(), 0.25, 0.02);
}

TEST(Dropout, RepeatsFromTheSeedAndMovesFromCallToCall) {
  const Tensor x = ones({500});
  manual_seed(3);
  const auto a = values(dropout(x, 0.5, true)), b = values(dropout(x, 0.5, true));
  manual_seed(3);
  EXPECT_EQ(values(dropout(x, 0.5, true)), a);
  const Tensor state = get_rng_state();
  EXPECT_EQ(values(dropout(x, 0.5, true)), b);
  set_rng_state(state);
  EXPECT_EQ(values(dropout(x, 0.5, true)), b);
  EXPECT_NE(a, b);
}

TEST(Dropout, TheMaskFollowsTheIndexNotTheLayout) {
  const Tensor x = arange(1, 61, 1, kFloat).view({6, 10});
  manual_seed(4);
  const auto plain = values(dropout(x, 0.5, true));
  manual_seed(4);
  EXPECT_EQ(values(dropout(x.t().contiguous().t(), 0.5, true)), plain);
  manual_seed(4);
  Tensor turned = x.t().contiguous().t();
  dropout_(turned, 0.5, true);
  EXPECT_EQ(values(turned), plain);
  manual_seed(4);
  Tensor same = x.clone();
  dropout_(same, 0.5, true);
  EXPECT_EQ(values(same), plain);
}

TEST(Dropout, InPlaceHasItsGradientAndASecondOne) {
  manual_seed(5);
  Tensor x = ones({50}, kDouble).requires_grad_();
  Tensor y = x.mul(1);
  dropout_(y, 0.5, true);
  const Tensor g = autograd::grad({y.mul(y).sum()}, {x}, {}, std::nullopt, true)[0];
  // d/dx (m x)^2 = 2 m^2 x, and its derivative 2 m^2.
  g.sum().backward();
  EXPECT_EQ(values(x.grad()), values(g.detach()));
}

TEST(Dropout, EdgesAndErrors) {
  const Tensor x = ones({4});
  EXPECT_TRUE(dropout(x, 0.5, false).is_same(x));
  EXPECT_TRUE(dropout(x, 0, true).is_same(x));
  EXPECT_EQ(dropout(x, 1, true).sum().item<float>(), 0);
  EXPECT_THROW(dropout(x, 1.5, true), Error);
  EXPECT_THROW(dropout(x, -0.1, true), Error);
  EXPECT_THROW(dropout(ones({4}, kLong), 0.5, true), DTypeError);
  EXPECT_THROW(feature_dropout(x, 0.5, true), ShapeError);
  manual_seed(6);
  const Tensor channels = feature_dropout(ones({40, 5, 3}), 0.5, true).sum(2);
  EXPECT_EQ(channels.eq(0).logical_or(channels.eq(6)).all().item<bool>(), true);
  manual_seed(7);
  const Tensor alpha = alpha_dropout(randn({20000}), 0.2, true);
  EXPECT_NEAR(alpha.mean().item<double>(), 0, 0.05);
  EXPECT_NEAR(alpha.std().item<double>(), 1, 0.05);
}

TEST(Bernoulli, ByNumberAndByTensor) {
  manual_seed(8);
  EXPECT_NEAR(bernoulli(full({20000}, 0.3)).mean().item<double>(), 0.3, 0.02);
  EXPECT_NEAR(zeros({20000}).bernoulli_(0.7).mean().item<double>(), 0.7, 0.02);
  Tensor t = zeros({2, 1000}, kLong);
  t.bernoulli_(tensor({0.0, 1.0}).unsqueeze(1));
  expect_values(t.sum(1), {0, 1000}, 0);
  EXPECT_THROW(zeros({2}).bernoulli_(1.5), Error);
  Tensor turned = zeros({3, 200}).t();
  turned.bernoulli_(0.5);
  EXPECT_EQ(turned.eq(0).logical_or(turned.eq(1)).all().item<bool>(), true);
}

}  // namespace
}  // namespace taper::testing
