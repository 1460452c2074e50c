#include "taper/ops/window.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper {
namespace {

using namespace testing;
using Values = std::vector<double>;

void expect_values(const Tensor& t, const Values& expected) {
  const Values got = to_dense(t).values;
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-6) << i;
}

TEST(Window, KnownPoints) {
  expect_values(hann_window(4), {0, 0.5, 1, 0.5});
  expect_values(hann_window(5, false), {0, 0.5, 1, 0.5, 0});
  expect_values(hamming_window(4), {0.08, 0.54, 1, 0.54});
  expect_values(hamming_window(3, false, 0.6, 0.4), {0.2, 1, 0.2});
  expect_values(blackman_window(4), {0, 0.34, 1, 0.34});
  expect_values(bartlett_window(4), {0, 0.5, 1, 0.5});
  // I0(2) = 2.2795853, I0(2 sqrt(3/4)) = I0(1.7320508) = 1.8991365.
  expect_values(kaiser_window(5, false, 2, kDouble).select(0, 0), {1 / 2.2795853});
  expect_values(kaiser_window(5, false, 2, kDouble).select(0, 2), {1});
  EXPECT_EQ(kaiser_window(3, true, 12, kHalf).scalar_type(), kHalf);
}

TEST(Window, ShortOnesAndErrors) {
  expect_values(hann_window(1), {1});
  EXPECT_EQ(blackman_window(0).numel(), 0);
  EXPECT_EQ(hann_window(4).scalar_type(), kFloat);
  EXPECT_EQ(hann_window(4, true, kDouble).scalar_type(), kDouble);
  EXPECT_TRUE(hann_window(4, true, requires_grad()).requires_grad());
  EXPECT_ERROR(Error, hann_window(-1), "requires non-negative window_length, got window_length=-1");
  EXPECT_ERROR(DTypeError, bartlett_window(3, true, kLong), "expects floating point dtypes");
  EXPECT_ERROR(Error, kaiser_window(3, true, 1e9), "|beta| <= 700");
}

TEST(Window, LogspaceAndRange) {
  expect_values(logspace(0, 2, 3), {1, 10, 100});
  expect_values(logspace(-1, 1, 3, 2), {0.5, 1, 2});
  expect_values(range(0, 2, 0.5), {0, 0.5, 1, 1.5, 2});
  expect_values(range(3, 1, -1), {3, 2, 1});
  EXPECT_ERROR(ShapeError, logspace(0, 1, -1), "number of steps must be non-negative");
  EXPECT_ERROR(Error, range(0, 1, 0), "step must be nonzero");
  EXPECT_ERROR(Error, range(1, 0), "inconsistent with step sign");
  EXPECT_ERROR(Error, range(0, INFINITY), "unsupported range");
}

}  // namespace
}  // namespace taper
