#include "taper/ops/pointwise_special.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/variants.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using V = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
V values(const Tensor& t) { return to_dense(t).values; }

/// The slope of ln gamma by differences of the C library's function, to about 1e-9.
double slope_of_lgamma(double x) {
  const double h = 1e-3;
  const auto d = [x](double s) { return (std::lgamma(x + s) - std::lgamma(x - s)) / (2 * s); };
  return (64 * d(h) - 20 * d(2 * h) + d(4 * h)) / 45;
}

std::vector<OpCase> special_cases() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, Tensor (*op)(const Tensor&), Tensor& (*inplace)(Tensor&),
                        double (*f)(double), double low, double high) -> OpCase& {
    OpCase c = unary_case(name, op, f, low, high);
    c.inplace = [inplace](const Tensors& x) {
      Tensor self = x[0];
      return Tensors{inplace(self)};
    };
    cases.push_back(c);
    return cases.back();
  };
  make(
      "lgamma", lgamma, lgamma_, [](double x) { return std::lgamma(x); }, 0.3, 4);
  // The reference is a difference quotient, good to 1e-9.
  make("digamma", digamma, digamma_, slope_of_lgamma, 0.3, 4).tolerance = 1e4;
  make(
      "i0", i0, i0_, [](double x) { return std::cyl_bessel_i(0.0, std::fabs(x)); }, -3, 3);
  make(
      "erfinv", erfinv, erfinv_,
      [](double x) {
        double low = -6, high = 6;
        for (int i = 0; i < 200; ++i) {
          const double middle = 0.5 * (low + high);
          (std::erf(middle) < x ? low : high) = middle;
        }
        return 0.5 * (low + high);
      },
      -0.9, 0.9);
  cases.push_back(unary_case("special_i1", special_i1, [](double x) {
    return std::copysign(std::cyl_bessel_i(1.0, std::fabs(x)), x);
  }));
  OpCase logit_case = unary_case(
      "logit", [](const Tensor& x) { return logit(x); },
      [](double x) { return std::log(x / (1 - x)); }, 0.1, 0.9);
  logit_case.inplace = [](const Tensors& x) { return Tensors{x[0].logit_()}; };
  cases.push_back(logit_case);
  OpCase gamma = unary_case(
      "mvlgamma", [](const Tensor& x) { return mvlgamma(x, 3); },
      [](double x) {
        return 1.5 * std::log(std::acos(-1.0)) + std::lgamma(x) + std::lgamma(x - 0.5) +
               std::lgamma(x - 1);
      },
      1.5, 4);
  gamma.errors = {{"p", [] { mvlgamma(ones({2}), 0); }, "p has to be greater than or equal to 1"}};
  cases.push_back(gamma);
  // zeta(3, x) directly: 1e-15 remain after so many terms and the integral of the rest.
  OpCase poly = unary_case(
      "polygamma", [](const Tensor& x) { return polygamma(2, x); },
      [](double x) {
        double sum = 0;
        const int terms = 200;
        for (int k = 0; k < terms; ++k) sum += 1 / ((x + k) * (x + k) * (x + k));
        const double q = x + terms;
        return -2 * (sum + 0.5 / (q * q) + 0.5 / (q * q * q) + 0.25 / (q * q * q * q));
      },
      0.5, 4);
  poly.errors = {{"n", [] { polygamma(-1, ones({2})); }, "does not support negative n, got -1"}};
  cases.push_back(poly);
  return cases;
}
TAPER_OP_CASES(special_cases);

std::vector<OpCase> pair_cases() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, Tensor (*op)(const Tensor&, const Tensor&),
                        Tensor& (*inplace)(Tensor&, const Tensor&), double (*f)(double, double),
                        double low = -3, double high = 3) -> OpCase& {
    OpCase c = binary_case(name, op, f, low, high);
    if (inplace != nullptr) {
      c.inplace = [inplace](const Tensors& x) {
        Tensor self = x[0];
        return Tensors{inplace(self, x[1])};
      };
    }
    cases.push_back(c);
    return cases.back();
  };
  make("hypot", hypot, hypot_, [](double a, double b) { return std::hypot(a, b); });
  make("copysign", copysign, copysign_, [](double a, double b) { return std::copysign(a, b); });
  make("logaddexp", logaddexp, nullptr,
       [](double a, double b) { return std::log(std::exp(a) + std::exp(b)); });
  make("logaddexp2", logaddexp2, nullptr,
       [](double a, double b) { return std::log2(std::exp2(a) + std::exp2(b)); });
  make(
      "xlogy", xlogy, xlogy_, [](double a, double b) { return a * std::log(b); }, 0.2, 3);
  make("ldexp", ldexp, ldexp_, [](double a, double b) { return a * std::exp2(b); });
  make("fmax", fmax, nullptr, [](double a, double b) { return std::fmax(a, b); });
  make("fmin", fmin, nullptr, [](double a, double b) { return std::fmin(a, b); });
  OpCase& step = make("heaviside", heaviside, heaviside_,
                      [](double a, double b) { return a == 0 ? b : double(a > 0); });
  step.differentiable = false;
  step.errors = {{"types", [] { heaviside(ones({1}), ones({1}, kDouble)); },
                  "not yet implemented for tensors with different dtypes",
                  ErrorInput::Kind::dtype}};
  return cases;
}
TAPER_OP_CASES(pair_cases);

std::vector<OpCase> frexp_case() {
  OpCase c{"frexp"};
  c.samples = {{"between powers of two",
                {{{3, 4}, 2.1, 3.9}},
                [](const Tensors& x) {
                  const auto [mantissa, exponent] = frexp(x[0]);
                  return Tensors{mantissa, exponent.to(mantissa.scalar_type())};
                },
                [](const std::vector<Dense>& x) {
                  std::vector<Dense> out(2, x[0]);
                  for (size_t i = 0; i < x[0].values.size(); ++i) {
                    int exponent = 0;
                    out[0].values[i] = std::frexp(x[0].values[i], &exponent);
                    out[1].values[i] = exponent;
                  }
                  return out;
                }}};
  c.errors = {
      {"integers", [] { frexp(ones({2}, kLong)); }, "frexp", ErrorInput::Kind::dtype},
      {"complex", [] { frexp(ones({2}, kComplexFloat)); }, "frexp", ErrorInput::Kind::dtype}};
  return {c};
}
TAPER_OP_CASES(frexp_case);

TEST(Special, PartsOfNumbers) {
  const Tensor x = tensor({0.0, -6.0, 5e-324, HUGE_VAL, 1.7e308}, kDouble);
  const auto [mantissa, exponent] = x.frexp();
  EXPECT_EQ(exponent.scalar_type(), kInt);
  EXPECT_EQ(to_dense(exponent).values, (std::vector<double>{0, 3, -1073, 0, 1024}));
  EXPECT_EQ(mantissa[1].item<double>(), -0.75);
  EXPECT_EQ(mantissa[2].item<double>(), 0.5);
  EXPECT_TRUE(std::isinf(mantissa[3].item<double>()));
  EXPECT_EQ(std::get<1>(frexp(full({}, NAN))).item<int>(), 0);
}

TEST(Special, KnownValues) {
  const double euler = 0.57721566490153286061, pi = 3.14159265358979323846;
  const auto at = [](const Tensor& t) { return t.item<double>(); };
  const auto d = [](double x) { return tensor(x, kDouble); };
  EXPECT_NEAR(at(digamma(d(1))), -euler, 1e-14);
  EXPECT_NEAR(at(digamma(d(0.5))), -euler - 2 * std::log(2.0), 1e-14);
  EXPECT_NEAR(at(digamma(d(-0.5))), 2 - euler - 2 * std::log(2.0), 1e-13);
  EXPECT_NEAR(at(polygamma(1, d(1))), pi * pi / 6, 1e-13);
  EXPECT_NEAR(at(polygamma(1, d(0.5))), pi * pi / 2, 1e-12);
  EXPECT_NEAR(at(polygamma(2, d(1))), -2.4041138063191885708, 1e-12);
  EXPECT_NEAR(at(erfinv(d(0.5))), 0.47693627620446987338, 1e-15);
  // 1 - 2^-40 exactly: what erfc gives back is what is left of 1.
  EXPECT_NEAR(std::erfc(at(erfinv(d(1 - 0x1p-40)))) / 0x1p-40, 1, 1e-12);
  EXPECT_NEAR(at(i0(d(1))), 1.2660658777520083356, 1e-14);
  EXPECT_NEAR(at(special_i1(d(-1))), -0.56515910399248502721, 1e-14);
}

TEST(Special, PolesAndInfinities) {
  EXPECT_EQ(values(digamma(tensor({0.0, -0.0}))), (V{-kInf, kInf}));
  EXPECT_TRUE(std::isnan(digamma(tensor({-2.0})).item<float>()));
  EXPECT_EQ(values(lgamma(tensor({0.0, -1.0, kInf}))), (V{kInf, kInf, kInf}));
  EXPECT_EQ(values(erfinv(tensor({1.0, -1.0}))), (V{kInf, -kInf}));
  EXPECT_TRUE(erfinv(tensor({2.0, kNan})).isnan().all().item<bool>());
  EXPECT_EQ(values(i0(tensor({kInf, -1000.0}))), (V{kInf, kInf}));
  EXPECT_EQ(values(logit(tensor({0.0, 1.0, 0.5}))), (V{-kInf, kInf, 0}));
  EXPECT_EQ(values(logaddexp(tensor({kInf, -kInf}), tensor({kInf, -kInf}))), (V{kInf, -kInf}));
  EXPECT_TRUE(std::isnan(logaddexp(tensor({kNan}), tensor({1.0})).item<float>()));
  EXPECT_EQ(values(xlogy(tensor({0.0, 0.0}), tensor({0.0, kInf}))), (V{0, 0}));
  EXPECT_TRUE(std::isnan(xlogy(0, tensor({kNan})).item<float>()));
  EXPECT_EQ(hypot(tensor({3e38}), tensor({4e38})).item<float>(), float(kInf));
  EXPECT_FLOAT_EQ(hypot(tensor({3e-30}), tensor({4e-30})).item<float>(), 5e-30f);
}

TEST(Special, NanGivesWayInFmax) {
  const Tensor a = tensor({kNan, 1.0, kNan}), b = tensor({2.0, kNan, kNan});
  EXPECT_EQ(values(fmax(a, b).narrow(0, 0, 2)), (V{2, 1}));
  EXPECT_EQ(values(fmin(a, b).narrow(0, 0, 2)), (V{2, 1}));
  EXPECT_TRUE(std::isnan(fmax(a, b)[2].item<float>()));
  EXPECT_EQ(fmax(tensor({1, 5}), tensor({2, 3})).scalar_type(), kLong);
}

TEST(Special, SignsAndNeighbours) {
  EXPECT_EQ(values(copysign(tensor({1, -2}), tensor({-0.0, 0.0}))), (V{-1, 2}));
  EXPECT_EQ(values(copysign(tensor({1.0, -2.0}), -1)), (V{-1, -2}));
  EXPECT_EQ(nextafter(tensor({1.0f}), tensor({2.0f})).item<float>(), 1.0f + 0x1p-23f);
  EXPECT_ERROR(DTypeError, nextafter(ones({1}, kHalf), ones({1}, kHalf)), "not implemented for");
  EXPECT_EQ(values(signbit(tensor({-0.0, 0.0, -1.0}))), (V{1, 0, 1}));
  EXPECT_EQ(values(signbit(tensor({-3, 3}))), (V{1, 0}));
  EXPECT_EQ(values(isposinf(tensor({kInf, -kInf, 1.0}))), (V{1, 0, 0}));
  EXPECT_EQ(values(isneginf(tensor({kInf, -kInf, 1.0}))), (V{0, 1, 0}));
  EXPECT_EQ(values(isneginf(tensor({1, 2}))), (V{0, 0}));
}

TEST(Special, Integers) {
  EXPECT_EQ(values(gcd(tensor({12, -18, 0, 7}), tensor({18, 12, 0, 0}))), (V{6, 6, 0, 7}));
  EXPECT_EQ(values(lcm(tensor({4, -6, 0}), tensor({6, 4, 5}))), (V{12, 12, 0}));
  EXPECT_EQ(gcd(tensor({INT64_MIN}), tensor({int64_t{6}})).item<int64_t>(), 2);
  EXPECT_EQ(values(tensor({1, -8}) << tensor({3, 1})), (V{8, -16}));
  EXPECT_EQ(values(tensor({-8, 9, -1}) >> 2), (V{-2, 2, -1}));
  EXPECT_EQ(values(tensor({1, 1, -5}) << tensor({64, -1, 99})), (V{0, 0, 0}));
  EXPECT_EQ(values(tensor({-5, 5}) >> tensor({64, -1})), (V{-1, 0}));
  EXPECT_ERROR(DTypeError, gcd(ones({1}), ones({1})), "\"gcd_cpu\" not implemented for 'Float'");
  EXPECT_ERROR(DTypeError, ones({1}) << 1, "not implemented for 'Float'");
  Tensor x = tensor({4, 6});
  EXPECT_EQ(values(x.gcd_(tensor({6, 9}))), (V{2, 3}));
}

TEST(Special, FloatPowerIsDouble) {
  EXPECT_EQ(float_power(tensor({2, 3}), 2).scalar_type(), kDouble);
  EXPECT_EQ(values(float_power(tensor({2, 3}), tensor({-1, 2}))), (V{0.5, 9}));
  EXPECT_EQ(values(float_power(2, tensor({3.0f}))), (V{8}));
  Tensor x = ones({2});
  EXPECT_ERROR(DTypeError, x.float_power_(2), "the output should have dtype Double");
}

TEST(Special, Predicates) {
  EXPECT_TRUE(is_nonzero(tensor(3)));
  EXPECT_FALSE(is_nonzero(zeros({1})));
  EXPECT_ERROR(Error, is_nonzero(zeros({2})), "more than one value is ambiguous");
  EXPECT_ERROR(Error, is_nonzero(zeros({0})), "no values is ambiguous");
  EXPECT_TRUE(is_same_size(ones({2, 3}), zeros({2, 3})));
  EXPECT_FALSE(is_same_size(ones({2, 3}), zeros({3, 2})));
  EXPECT_TRUE(isreal(ones({2})).all().item<bool>());
}

}  // namespace
}  // namespace taper::testing
