#include "taper/ops/pointwise_math.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/variants.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

std::vector<OpCase> function_cases() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, Tensor (*op)(const Tensor&), Tensor& (*inplace)(Tensor&),
                        double (*f)(double), double low = -3, double high = 3) -> OpCase& {
    OpCase c = unary_case(name, op, f, low, high);
    c.inplace = [inplace](const Tensors& x) {
      Tensor self = x[0];
      return Tensors{inplace(self)};
    };
    cases.push_back(c);
    return cases.back();
  };
  make("abs", abs, abs_, [](double x) { return std::abs(x); });
  make("neg", neg, neg_, [](double x) { return -x; });
  make("sign", sign, sign_, [](double x) { return double((x > 0) - (x < 0)); });
  make("square", square, square_, [](double x) { return x * x; });
  make("floor", floor, floor_, [](double x) { return std::floor(x); });
  make("ceil", ceil, ceil_, [](double x) { return std::ceil(x); });
  make("trunc", trunc, trunc_, [](double x) { return std::trunc(x); });
  make("round", round, round_, [](double x) { return std::nearbyint(x); });
  make("frac", frac, frac_, [](double x) { return x - std::trunc(x); });
  make(
      "reciprocal", reciprocal, reciprocal_, [](double x) { return 1 / x; }, 0.5);
  make(
      "sqrt", sqrt, sqrt_, [](double x) { return std::sqrt(x); }, 0.5);
  make(
      "rsqrt", rsqrt, rsqrt_, [](double x) { return 1 / std::sqrt(x); }, 0.5);
  make("exp", exp, exp_, [](double x) { return std::exp(x); });
  make("exp2", exp2, exp2_, [](double x) { return std::exp2(x); });
  make("expm1", expm1, expm1_, [](double x) { return std::expm1(x); });
  make(
      "log", log, log_, [](double x) { return std::log(x); }, 0.1);
  make(
      "log1p", log1p, log1p_, [](double x) { return std::log1p(x); }, -0.8);
  make(
      "log2", log2, log2_, [](double x) { return std::log2(x); }, 0.1);
  make(
      "log10", log10, log10_, [](double x) { return std::log10(x); }, 0.1);
  make("sin", sin, sin_, [](double x) { return std::sin(x); });
  make("cos", cos, cos_, [](double x) { return std::cos(x); });
  make(
      "tan", tan, tan_, [](double x) { return std::tan(x); }, -1.2, 1.2);
  make("tanh", tanh, tanh_, [](double x) { return std::tanh(x); });
  make("sigmoid", sigmoid, sigmoid_, [](double x) { return 1 / (1 + std::exp(-x)); });
  make("erf", erf, erf_, [](double x) { return std::erf(x); });
  make("erfc", erfc, erfc_, [](double x) { return std::erfc(x); });
  return cases;
}
TAPER_OP_CASES(function_cases);

using V = std::vector<double>;
using Kind = ErrorInput::Kind;

std::vector<OpCase> clamp_cases() {
  std::vector<OpCase> cases;
  OpCase both = unary_case(
      "clamp", [](const Tensor& x) { return clamp(x, -1, 0.5); },
      [](double x) { return std::min(std::max(x, -1.0), 0.5); });
  both.inplace = [](const Tensors& x) { return Tensors{x[0].clamp_(-1, 0.5)}; };
  cases.push_back(both);
  cases.push_back(unary_case(
      "clamp_min", [](const Tensor& x) { return clamp_min(x, 0.25); },
      [](double x) { return std::max(x, 0.25); }));
  cases.push_back(unary_case(
      "clamp_max", [](const Tensor& x) { return clamp_max(x, 0.25); },
      [](double x) { return std::min(x, 0.25); }));
  OpCase tensors;
  tensors.name = "clamp_tensor";
  const OpFunction call = [](const Tensors& x) {
    return Tensors{clamp(x[0], std::optional<Tensor>(x[1]), std::optional<Tensor>(x[2]))};
  };
  const Reference reference = elementwise(
      [](const std::vector<double>& x) { return std::min(std::max(x[0], x[1]), x[2]); });
  tensors.samples = {
      {"broadcast", {{{4, 5}, -3, 3}, {{5}, -2, 0}, {{4, 1}, 0, 2}}, call, reference}};
  tensors.inplace = [](const Tensors& x) {
    return Tensors{x[0].clamp_(std::optional<Tensor>(x[1]), std::optional<Tensor>(x[2]))};
  };
  cases.push_back(tensors);
  OpCase low{.name = "clamp_min_tensor"}, high{.name = "clamp_max_tensor"};
  low.samples = {{"broadcast",
                  {{{4, 5}, -3, 3}, {{5}, -2, 2}},
                  [](const Tensors& x) { return Tensors{clamp_min(x[0], x[1])}; },
                  elementwise([](const V& x) { return std::max(x[0], x[1]); })}};
  low.inplace = [](const Tensors& x) { return Tensors{x[0].clamp_min_(x[1])}; };
  low.errors = {{"larger bound in place",
                 [] {
                   ones({2}).clamp_min_(ones({3, 2}));
                 },
                 "doesn't match the broadcast shape", Kind::shape},
                {"floating bound in place", [] { ones({2}, kLong).clamp_min_(ones({2})); },
                 "can't be cast to the desired output type", Kind::dtype}};
  high.samples = {{"broadcast",
                   {{{4, 5}, -3, 3}, {{4, 1}, -2, 2}},
                   [](const Tensors& x) { return Tensors{clamp_max(x[0], x[1])}; },
                   elementwise([](const V& x) { return std::min(x[0], x[1]); })}};
  high.inplace = [](const Tensors& x) { return Tensors{x[0].clamp_max_(x[1])}; };
  high.errors = {
      {"sizes", [] { clamp_max(ones({2}), ones({3})); }, "must match the size", Kind::shape}};
  cases.insert(cases.end(), {low, high});
  return cases;
}
TAPER_OP_CASES(clamp_cases);

std::vector<OpCase> round_cases() {
  OpCase tens{.name = "round_decimals"};
  tens.dtypes = {kFloat, kDouble};  // half types round the product, too, which moves the steps
  tens.samples = {{"tens",
                   {{{4, 5}, -40, 40}},
                   [](const Tensors& x) { return Tensors{round(x[0], -1)}; },
                   elementwise([](const V& x) { return std::nearbyint(x[0] / 10) * 10; })},
                  {"hundredths",
                   {{{4, 5}}},
                   [](const Tensors& x) { return Tensors{round(x[0], 2)}; },
                   elementwise([](const V& x) { return std::nearbyint(x[0] * 100) / 100; })}};
  tens.errors = {{"integers", [] { round(ones({2}, kLong), 1); }, "floating-point", Kind::dtype}};
  return {tens};
}
TAPER_OP_CASES(round_cases);

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Math, IntegersStayOrBecomeTheDefaultType) {
  const Tensor x = tensor({-4, 0, 9});
  EXPECT_EQ(to_dense(abs(x)).values, (V{4, 0, 9}));
  EXPECT_EQ(abs(x).scalar_type(), kLong);
  EXPECT_EQ(to_dense(-x).values, (V{4, 0, -9}));
  EXPECT_EQ(floor(x).scalar_type(), kLong);
  EXPECT_EQ(sign(tensor({3, -2}).to(kChar)).scalar_type(), kChar);
  EXPECT_EQ(sqrt(tensor({4, 9})).scalar_type(), kFloat);
  EXPECT_EQ(to_dense(sqrt(tensor({4, 9}))).values, (V{2, 3}));
  Tensor whole = tensor({4, 9});
  EXPECT_ERROR(Error, ([&] { whole.sqrt_(); }()),
               "result type Float can't be cast to the desired output type Long");
  EXPECT_EQ(clamp(x, 0).scalar_type(), kLong);
  EXPECT_EQ(clamp(x, 0, 2.5).scalar_type(), kFloat);
}

TEST(Math, SpecialValues) {
  const double inf = INFINITY;
  EXPECT_EQ(to_dense(exp(tensor({-inf, inf}))).values, (V{0, inf}));
  EXPECT_EQ(to_dense(log(tensor({0.0, inf}))).values, (V{-inf, inf}));
  EXPECT_TRUE(std::isnan(to_dense(log(tensor({-1.0}))).values[0]));
  EXPECT_EQ(to_dense(tanh(tensor({-inf, inf}))).values, (V{-1, 1}));
  EXPECT_EQ(to_dense(round(tensor({0.5, 1.5, 2.5, -0.5}))).values, (V{0, 2, 2, 0}));
  EXPECT_EQ(to_dense(nan_to_num(tensor({kNan, inf, -inf, 2.0}), 1, 5, -5)).values,
            (V{1, 5, -5, 2}));
  EXPECT_TRUE(std::isnan(to_dense(clamp(tensor({kNan}), 0, 1)).values[0]));
  EXPECT_EQ(to_dense(clamp(tensor({5.0}), 3, 1)).values, (V{1}));
}

TEST(Math, RoundsToDecimals) {
  const Tensor x = tensor({0.125, -0.375, 12345.678}, kDouble);
  EXPECT_EQ(to_dense(round(x, 2)).values, (V{0.12, -0.38, 12345.68}));
  EXPECT_EQ(to_dense(x.round(-3)).values, (V{0, 0, 12000}));
  EXPECT_EQ(round(tensor({3}), 0).scalar_type(), kLong);
  Tensor y = x.clone();
  EXPECT_EQ(to_dense(y.round_(1)).values, (V{0.1, -0.4, 12345.7}));
  EXPECT_EQ(to_dense(round_out(y, x, -4)).values, (V{0, 0, 10000}));
  // 10^400 is infinite; the gradient stays 0.
  Tensor leaf = x.clone().requires_grad_();
  round(leaf, INT64_MIN).add(round(leaf, 400)).sum().backward();
  EXPECT_EQ(to_dense(leaf.grad()).values, (V{0, 0, 0}));
}

TEST(Math, Refuses) {
  EXPECT_ERROR(Error, ([] { clamp(ones({1}), std::optional<Scalar>()); }()),
               "At least one of 'min' or 'max' must not be None");
  EXPECT_ERROR(Error, ([] { frac(tensor({1})); }()), "floating-point");
}

TEST(Math, OverlappingMemoryIsRefused) {
  Tensor x = ones({8});
  Tensor head = x.narrow(0, 0, 6), tail = x.narrow(0, 2, 6);
  EXPECT_ERROR(Error, ([&] { exp_out(head, tail); }()), "refer to a single memory location");
}

}  // namespace
}  // namespace taper::testing
