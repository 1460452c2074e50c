#include "taper/ops/histogram.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper {
namespace {

using namespace testing;
using Values = std::vector<double>;

TEST(Histogram, HistcCountsInEqualParts) {
  const Tensor x = tensor({1.0, 2.0, 1.0, 4.0, std::nan(""), -1.0});
  EXPECT_EQ(to_dense(x.histc(4, 0, 4)).values, (Values{0, 2, 1, 1}));
  EXPECT_EQ(x.histc(4, 0, 4).scalar_type(), kFloat);
  EXPECT_EQ(to_dense(tensor({1.0, 2.0, 5.0}).histc(2)).values, (Values{2, 1}));
  EXPECT_EQ(to_dense(full({3}, 2.0).histc(3)).values, (Values{0, 3, 0}));
  EXPECT_EQ(to_dense(ones({0}).histc(2)).values, (Values{0, 0}));
  EXPECT_EQ(to_dense(tensor({1e300, 0.5}, kDouble).histc(1, 0, 1)).values, (Values{1}));
  EXPECT_ERROR(DTypeError, ones({2}, kLong).histc(), "histc");
  EXPECT_ERROR(Error, ones({2}).histc(0), "bins must be > 0, but got 0");
  EXPECT_ERROR(Error, ones({2}).histc(2, 1, 0), "max must be larger than min");
  EXPECT_ERROR(Error, x.histc(4), "is not finite");
}

TEST(Histogram, BincountCountsAndWeighs) {
  const Tensor x = tensor({0, 3, 3, 1});
  EXPECT_EQ(to_dense(x.bincount()).values, (Values{1, 1, 0, 2}));
  EXPECT_EQ(x.bincount().scalar_type(), kLong);
  EXPECT_EQ(x.bincount({}, 6).numel(), 6);
  EXPECT_EQ(to_dense(x.bincount(tensor({0.5, 1.0, 2.0, 4.0}))).values, (Values{0.5, 4, 0, 3}));
  EXPECT_EQ(zeros({0}, kLong).bincount().numel(), 0);
  EXPECT_ERROR(Error, tensor({-1, 2}).bincount(), "non-negative");
  EXPECT_ERROR(Error, x.bincount({}, -1), "minlength should be >= 0");
  EXPECT_ERROR(Error, tensor({INT64_MAX, int64_t{0}}).bincount(), "too large");
  EXPECT_ERROR(DTypeError, ones({2}).bincount(), "expected integers, got Float");
  EXPECT_ERROR(ShapeError, zeros({2, 2}, kLong).bincount(), "1-d");
  EXPECT_ERROR(ShapeError, x.bincount(ones({2})), "same length");
}

TEST(Histogram, BetweenEdges) {
  const Tensor x = tensor({0.0, 1.0, 1.5, 3.0, 9.0, -1.0, std::nan("")});
  const auto [counts, edges] = x.histogram(tensor({0.0, 1.0, 3.0}));
  EXPECT_EQ(to_dense(counts).values, (Values{1, 3}));
  EXPECT_EQ(to_dense(edges).values, (Values{0, 1, 3}));
  const double ends[] = {0, 4};
  const auto [weighed, bins] =
      x.histogram(2, ArrayRef<double>(ends, 2), tensor({1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0}));
  EXPECT_EQ(to_dense(weighed).values, (Values{6, 4}));
  EXPECT_EQ(to_dense(bins).values, (Values{0, 2, 4}));
  const auto [density, same] = tensor({0.0, 1.0, 4.0, 4.0}).histogram(2, {}, {}, true);
  EXPECT_EQ(to_dense(density).values, (Values{0.25, 0.25}));
  EXPECT_EQ(to_dense(same).values, (Values{0, 2, 4}));
  EXPECT_ERROR(Error, x.histogram(tensor({1.0, 0.0})), "ascending");
  EXPECT_ERROR(ShapeError, x.histogram(ones({1})), "two edges or more");
  EXPECT_ERROR(DTypeError, x.histogram(tensor({0, 1})), "same dtype");
  EXPECT_ERROR(ShapeError, x.histogram(2, ArrayRef<double>(ends, 2), ones({2})), "same shape");
  EXPECT_ERROR(Error, x.histogram(2, ArrayRef<double>(ends, 1)), "two numbers for range, got 1");
  EXPECT_ERROR(Error, x.histogram(-1), "bins must be > 0");
}

}  // namespace
}  // namespace taper
