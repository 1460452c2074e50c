#include "taper/ops/pointwise_trig.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/variants.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

constexpr double kPi = 3.14159265358979323846;

std::vector<OpCase> trig_cases() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, Tensor (*op)(const Tensor&), Tensor& (*inplace)(Tensor&),
                        double (*f)(double), double low = -3, double high = 3) {
    OpCase c = unary_case(name, op, f, low, high);
    c.inplace = [inplace](const Tensors& x) {
      Tensor self = x[0];
      return Tensors{inplace(self)};
    };
    cases.push_back(c);
  };
  make(
      "asin", asin, asin_, [](double x) { return std::asin(x); }, -0.9, 0.9);
  make(
      "acos", acos, acos_, [](double x) { return std::acos(x); }, -0.9, 0.9);
  make("atan", atan, atan_, [](double x) { return std::atan(x); });
  make("sinh", sinh, sinh_, [](double x) { return std::sinh(x); });
  make("cosh", cosh, cosh_, [](double x) { return std::cosh(x); });
  make("asinh", asinh, asinh_, [](double x) { return std::asinh(x); });
  make(
      "acosh", acosh, acosh_, [](double x) { return std::acosh(x); }, 1.2, 4);
  make(
      "atanh", atanh, atanh_, [](double x) { return std::atanh(x); }, -0.9, 0.9);
  make("sinc", sinc, sinc_, [](double x) { return std::sin(kPi * x) / (kPi * x); });
  make("deg2rad", deg2rad, deg2rad_, [](double x) { return x * kPi / 180; });
  make("rad2deg", rad2deg, rad2deg_, [](double x) { return x * 180 / kPi; });
  return cases;
}
TAPER_OP_CASES(trig_cases);

using V = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Trig, SpecialValues) {
  const Tensor x = tensor({kNan, kInf, -kInf, 2.0, -2.0});
  for (const auto op : {asin, acos, atanh}) {
    EXPECT_TRUE(op(x).isnan().all().item<bool>());
  }
  const auto values = [](const Tensor& t) { return to_dense(t).values; };
  EXPECT_EQ(values(sinh(tensor({kInf, -kInf}))), (V{kInf, -kInf}));
  EXPECT_EQ(values(cosh(tensor({kInf, -kInf}))), (V{kInf, kInf}));
  EXPECT_EQ(values(asinh(tensor({kInf, -kInf}))), (V{kInf, -kInf}));
  EXPECT_EQ(values(atanh(tensor({1.0, -1.0}))), (V{kInf, -kInf}));
  EXPECT_EQ(values(acosh(tensor({1.0, kInf}))), (V{0, kInf}));
  EXPECT_TRUE(acosh(tensor({0.5, -2.0, -kInf})).isnan().all().item<bool>());
  EXPECT_FLOAT_EQ(atan(tensor({kInf})).item<float>(), float(kPi / 2));
  EXPECT_TRUE(std::isnan(atan(tensor({kNan})).item<float>()));
  EXPECT_TRUE(std::isnan(sinh(tensor({kNan})).item<float>()));
  EXPECT_EQ(sinc(tensor({0.0})).item<float>(), 1);
  EXPECT_EQ(asin(tensor({0, 1})).scalar_type(), kFloat);
}

}  // namespace
}  // namespace taper::testing
