// What the replay of PyTorch's operator samples and the soak of degenerate arguments found once,
// as tests that need no PyTorch (tests/oracle has both).
#include <gtest/gtest.h>

#include <cmath>

#include "taper/taper.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper {
namespace {

using namespace testing;
using Values = std::vector<double>;

Tensor truths(std::initializer_list<int> values) {
  return tensor(std::vector<int64_t>(values.begin(), values.end())).to(kBool);
}

TEST(PytorchSamples, IntegerSequencesCutTheirBoundsFirst) {
  EXPECT_EQ(to_dense(arange(0.0, -8.000001, -4.0, kLong)).values, (Values{0, -4}));
  EXPECT_EQ(to_dense(arange(-0.9, 2.1, 2.0, kLong)).values, (Values{0}));
  EXPECT_ERROR(Error, arange(0, 2, 0.5, kLong), "step must be nonzero");
  EXPECT_EQ(to_dense(linspace(4.3, -3, 3, kLong)).values, (Values{4, 0, -3}));
  EXPECT_EQ(to_dense(logspace(0, 1.2, 2, 10, kLong)).values, (Values{1, 10}));
}

TEST(PytorchSamples, TruthValuesOfOuterAddrSquareLogitAndSum) {
  const Tensor a = truths({1, 0}), b = truths({1, 1});
  EXPECT_EQ(a.outer(b).scalar_type(), kBool);
  EXPECT_EQ(to_dense(a.outer(b)).values, (Values{1, 1, 0, 0}));
  const Tensor sum = addr(truths({0, 1}), a, b, 3, 2);
  EXPECT_EQ(sum.scalar_type(), kBool);
  EXPECT_EQ(to_dense(sum).values, (Values{1, 1, 0, 1}));
  EXPECT_EQ(a.square().scalar_type(), kLong);
  EXPECT_ERROR(Error, truths({1}).square_(), "can't be cast");
  EXPECT_EQ(to_dense(a.logit()).values, (Values{INFINITY, -INFINITY}));
  EXPECT_EQ(truths({1}).squeeze().sum_to_size({}).scalar_type(), kLong);
}

TEST(PytorchSamples, IntegersInProductsAndDistances) {
  const Tensor m = ones({2, 2, 2}, kLong);
  EXPECT_EQ(to_dense(addbmm(ones({2, 2}, kLong), m, m, 3, 2)).values, (Values{11, 11, 11, 11}));
  EXPECT_ERROR(Error, addbmm(ones({2, 2}, kLong), m, m, 0.5), "must not be a floating point");
  EXPECT_ERROR(ShapeError, addbmm(ones({2, 2}), ones({2, 2, 3}), ones({3, 2, 2})),
               "Expected size for first two dimensions");
  EXPECT_NEAR(pairwise_distance(tensor({0, 0}), tensor({3, 4})).item<double>(), 5, 1e-5);
}

TEST(PytorchSamples, CountsOfNonzeroHaveAGradientOfZeros) {
  const Tensor x = tensor({0.0, 2.0}, kDouble).set_requires_grad(true);
  for (const Tensor& y :
       {norm(x, 0), linalg_vector_norm(x, 0), cdist(x.view({1, 2}), x.view({1, 2}), 0)}) {
    ASSERT_TRUE(y.requires_grad());
    const Tensor g = autograd::grad({y.sum()}, {x})[0];
    EXPECT_EQ(to_dense(g).values, (Values{0, 0}));
  }
  EXPECT_TRUE(combinations(x, 3).requires_grad());
}

TEST(PytorchSamples, DiffOfOrderZeroIsTheInput) {
  EXPECT_EQ(diff(ones({2}), 0, 0, ones({1}), ones({1})).sizes(), IntArrayRef({2}));
}

TEST(PytorchSamples, HistogramOfOneValueOrNone) {
  EXPECT_EQ(to_dense(std::get<1>(histogram(full({2}, 3.0), 2))).values, (Values{2.5, 3, 3.5}));
  EXPECT_EQ(to_dense(std::get<1>(histogram(empty({0}), 1))).values, (Values{0, 1}));
}

TEST(PytorchSamples, ToKeepsATensorThatNobodyAskedToReorder) {
  const Tensor x = ones({2, 3}).t();
  EXPECT_TRUE(x.to(kFloat, false, false, MemoryFormat::Contiguous).is_same(x));
}

TEST(PytorchSamples, MvlgammaBelowItsRangeAndPolygammaFarBelowZero) {
  EXPECT_EQ(mvlgamma(ones({2}), 3).numel(), 2);
  // pi^2 at half integers, but for the terms from 12346 up.
  EXPECT_NEAR(polygamma(1, full({}, -12345.5, kDouble)).item<double>(),
              std::pow(std::acos(-1.0), 2), 1e-4);
  EXPECT_TRUE(std::isnan(polygamma(1, full({}, -INFINITY)).item<double>()));
}

TEST(PytorchSamples, UnbindOfNoDimensionsIsAnIndexError) {
  EXPECT_ERROR(IndexError, unbind(ones({})), "tensor has no dimensions");
}

TEST(PytorchSamples, TensorSplitInEndlessPartsIsRefused) {
  EXPECT_EQ(tensor_split(ones({2}), 5).size(), 5U);
  EXPECT_ERROR(Error, tensor_split(ones({2}), int64_t{1} << 31), "too large");
}

TEST(PytorchSamples, NormalizationOfNothing) {
  const Tensor mean = zeros({3}), var = ones({3}), x = ones({0, 3, 4}, requires_grad());
  const Tensor y = instance_norm(x, {}, {}, mean, var, true, 0.1, 1e-5);
  y.sum().backward();
  EXPECT_EQ(x.grad().sizes(), IntArrayRef({0, 3, 4}));
  batch_norm(x, {}, {}, mean, var, true, 0.1, 1e-5);
  EXPECT_EQ(to_dense(mean).values, (Values{0, 0, 0}));
  EXPECT_EQ(to_dense(var).values, (Values{1, 1, 1}));
  const Tensor none = ones({2, 0, 4}, requires_grad());
  batch_norm(none, {}, {}, {}, {}, true, 0.1, 1e-5).sum().backward();
  EXPECT_EQ(none.grad().sizes(), IntArrayRef({2, 0, 4}));
}

TEST(PytorchSamples, AdaptiveAverageOfNothingNeedsNoWindows) {
  const Tensor y = adaptive_avg_pool3d(ones({0, 1, 2, 2, 2}), {1, 1, int64_t{1} << 31});
  EXPECT_EQ(y.numel(), 0);
}

}  // namespace
}  // namespace taper
