// Float32 functions against their exact values over all exponents, and where IEEE says what they
// are. All inputs: `make bench-accuracy`.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/accuracy.h"

namespace taper::testing {
namespace {

TEST(Accuracy, OverAllExponents) {
  for (const UnaryFunction& function : unary_functions()) {
    const WorstError worst = worst_error(function, 0, uint64_t{1} << 32, 100003);
    EXPECT_LE(worst.ulps, function.bound) << worst.text(function);
  }
}

TEST(Accuracy, SpecialValuesAndTheirNeighbours) {
  using Float = std::numeric_limits<float>;
  std::vector<float> inputs = {Float::quiet_NaN(), Float::infinity(), -Float::infinity()};
  for (float x : {0.0f, Float::denorm_min(), Float::min(), Float::max(), 1e-10f, 0.25f, 0.5f, 0.75f,
                  1.0f, 1.5f, 2.0f, 2.5f, 3.0f, 10.0f, 16777216.0f}) {
    for (float near : {x, std::nextafter(x, 0.0f), std::nextafter(x, Float::max())}) {
      inputs.push_back(near);
      inputs.push_back(-near);
    }
  }
  for (const UnaryFunction& function : unary_functions()) {
    const WorstError worst = worst_error(function, inputs);
    EXPECT_LE(worst.ulps, function.bound) << worst.text(function);
  }
}

TEST(Accuracy, DistancesInUlps) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(float_ulps(1.0f, 1.0), 0);
  EXPECT_EQ(float_ulps(1.0f, 1.0 + 0x1p-24), 0.5);
  EXPECT_EQ(float_ulps(0x1p-149f, 0x1.8p-149), 0.5);
  EXPECT_EQ(float_ulps(0.0f, -0x1p-160), kInf);  // the sign is lost
  EXPECT_EQ(float_ulps(-0.0f, 0.0), kInf);
  EXPECT_EQ(float_ulps(std::numeric_limits<float>::max(), 0x1p128), 1);
  EXPECT_EQ(float_ulps(std::numeric_limits<float>::quiet_NaN(), 1.0), kInf);
  EXPECT_EQ(float_ulps(std::numeric_limits<float>::infinity(), 1e300), 0);
  EXPECT_EQ(float_ulps(1.0f, kInf), kInf);
}

}  // namespace
}  // namespace taper::testing
