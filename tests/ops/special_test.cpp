#include "taper/ops/special.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "taper/ops/creation.h"
#include "taper/ops/variants.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"
#include "tests/support/paths.h"

namespace taper::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

double normal(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }
double quantile(double p) {
  double low = -10, high = 10;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (normal(middle) < p ? low : high) = middle;
  }
  return low;
}

std::vector<OpCase> special_cases() {
  std::vector<OpCase> cases;
  const auto without_gradient = [&](OpCase c) {
    c.differentiable = false;
    cases.push_back(std::move(c));
  };
  cases.push_back(unary_case(
      "special_entr", special_entr, [](double x) { return -x * std::log(x); }, 0.1, 3));
  cases.push_back(unary_case(
      "special_erfcx", special_erfcx, [](double x) { return std::exp(x * x) * std::erfc(x); }, -2,
      3));
  cases.push_back(unary_case("special_i0e", special_i0e, [](double x) {
    return std::exp(-std::fabs(x)) * std::cyl_bessel_i(0.0, std::fabs(x));
  }));
  cases.push_back(unary_case("special_i1e", special_i1e, [](double x) {
    return std::copysign(std::exp(-std::fabs(x)) * std::cyl_bessel_i(1.0, std::fabs(x)), x);
  }));
  cases.push_back(unary_case("special_ndtr", special_ndtr, normal));
  cases.push_back(unary_case(
      "special_log_ndtr", special_log_ndtr, [](double x) { return std::log(normal(x)); }, -5, 3));
  cases.push_back(unary_case("special_ndtri", special_ndtri, quantile, 0.05, 0.95));
  cases.push_back(unary_case(
      "special_spherical_bessel_j0", special_spherical_bessel_j0,
      [](double x) { return std::sin(x) / x; }, 0.5, 4));
  without_gradient(unary_case("special_bessel_j0", special_bessel_j0,
                              [](double x) { return std::cyl_bessel_j(0.0, std::fabs(x)); }));
  without_gradient(unary_case("special_bessel_j1", special_bessel_j1, [](double x) {
    return std::copysign(std::cyl_bessel_j(1.0, std::fabs(x)), x);
  }));
  without_gradient(unary_case(
      "special_bessel_y0", special_bessel_y0, [](double x) { return std::cyl_neumann(0.0, x); },
      0.5, 4));
  without_gradient(unary_case(
      "special_bessel_y1", special_bessel_y1, [](double x) { return std::cyl_neumann(1.0, x); },
      0.5, 4));

  // The integral of x^(a - 1) e^-x by Simpson's rule, after the substitution x = t^2.
  const auto lower = [](double a, double x) {
    const auto f = [a](double t) {
      return 2 * std::pow(t, 2 * a - 1) * std::exp(-t * t - std::lgamma(a));
    };
    const int n = 2000;
    const double h = std::sqrt(x) / n;
    double sum = f(h * n);
    for (int i = 1; i < n; ++i) sum += (i % 2 != 0 ? 4 : 2) * f(i * h);
    return sum * h / 3;
  };
  static constexpr auto kLower = lower;
  OpCase gamma;
  gamma.name = "igamma";
  gamma.dtypes = {kFloat, kDouble};
  gamma.tolerance = 1e5;  // the reference is good to 1e-11
  gamma.samples = {{"second",
                    {{{3, 4}, 1.5, 4}},
                    [](const Tensors& x) {
                      return Tensors{igamma(full({3, 4}, 2.5, x[0].scalar_type()), x[0])};
                    },
                    elementwise([](const std::vector<double>& x) { return kLower(2.5, x[0]); })}};
  gamma.errors = {{"integers", [] { igamma(ones({2}, kLong), ones({2}, kLong)); },
                   "\"igamma_cpu\" not implemented for 'Long'", ErrorInput::Kind::dtype}};
  cases.push_back(gamma);
  OpCase upper = gamma;
  upper.name = "igammac";
  upper.samples = {
      {"second",
       {{{3, 4}, 1.5, 4}},
       [](const Tensors& x) {
         return Tensors{igammac(full({3, 4}, 2.5, x[0].scalar_type()), x[0])};
       },
       elementwise([](const std::vector<double>& x) { return 1 - kLower(2.5, x[0]); })}};
  upper.errors = {{"integers", [] { igammac(ones({2}, kLong), ones({2}, kLong)); },
                   "\"igammac_cpu\" not implemented for 'Long'", ErrorInput::Kind::dtype}};
  cases.push_back(upper);
  OpCase zeta;
  zeta.name = "special_zeta";
  zeta.dtypes = {kFloat, kDouble};
  zeta.tolerance = 1e3;  // the reference is good to 1e-13
  zeta.samples = {{"second",
                   {{{3, 4}, 0.5, 4}},
                   [](const Tensors& x) { return Tensors{special_zeta(3.5, x[0])}; },
                   elementwise([](const std::vector<double>& x) {
                     // Terms, the integral of the rest, and Euler's first two corrections.
                     double sum = 0, q = x[0];
                     for (int i = 0; i < 2000; ++i, q += 1) sum += std::pow(q, -3.5);
                     return sum + std::pow(q, -2.5) / 2.5 + 0.5 * std::pow(q, -3.5) +
                            3.5 / 12 * std::pow(q, -4.5);
                   })}};
  cases.push_back(zeta);
  cases.push_back(binary_case(
      "special_xlog1py", [](const Tensor& a, const Tensor& b) { return special_xlog1py(a, b); },
      [](double a, double b) { return a * std::log1p(b); }, 0.2, 3));
  without_gradient(binary_case(
      "special_hermite_polynomial_h",
      [](const Tensor& x, const Tensor& n) { return special_hermite_polynomial_h(x, n); },
      [](double x, double n) { return std::hermite(static_cast<unsigned>(n), x); }, 0, 3));
  return cases;
}
TAPER_OP_CASES(special_cases);

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);
#define TAPER_ENTRY(name)                                   \
  {                                                         \
#name, [](const Tensor& x) { return special::name(x); } \
  }
#define TAPER_ENTRY2(name)                                                      \
  {                                                                             \
#name, [](const Tensor& a, const Tensor& b) { return special::name(a, b); } \
  }

const std::map<std::string, Unary> kUnary = {TAPER_ENTRY(entr),
                                             TAPER_ENTRY(erfcx),
                                             TAPER_ENTRY(i0e),
                                             TAPER_ENTRY(i1e),
                                             TAPER_ENTRY(ndtr),
                                             TAPER_ENTRY(log_ndtr),
                                             TAPER_ENTRY(ndtri),
                                             TAPER_ENTRY(bessel_j0),
                                             TAPER_ENTRY(bessel_j1),
                                             TAPER_ENTRY(bessel_y0),
                                             TAPER_ENTRY(bessel_y1),
                                             TAPER_ENTRY(modified_bessel_k0),
                                             TAPER_ENTRY(modified_bessel_k1),
                                             TAPER_ENTRY(scaled_modified_bessel_k0),
                                             TAPER_ENTRY(scaled_modified_bessel_k1),
                                             TAPER_ENTRY(modified_bessel_i0),
                                             TAPER_ENTRY(modified_bessel_i1),
                                             TAPER_ENTRY(airy_ai),
                                             TAPER_ENTRY(spherical_bessel_j0)};
const std::map<std::string, Binary> kBinary = {TAPER_ENTRY2(gammainc),
                                               TAPER_ENTRY2(gammaincc),
                                               TAPER_ENTRY2(zeta),
                                               TAPER_ENTRY2(xlog1py),
                                               TAPER_ENTRY2(chebyshev_polynomial_t),
                                               TAPER_ENTRY2(chebyshev_polynomial_u),
                                               TAPER_ENTRY2(shifted_chebyshev_polynomial_t),
                                               TAPER_ENTRY2(shifted_chebyshev_polynomial_u),
                                               TAPER_ENTRY2(hermite_polynomial_h),
                                               TAPER_ENTRY2(hermite_polynomial_he),
                                               TAPER_ENTRY2(laguerre_polynomial_l),
                                               TAPER_ENTRY2(legendre_polynomial_p)};

/// SciPy's values, within 1e-12 of the value or, near zeros of oscillating ones, of 1.
TEST(Special, EqualsSciPy) {
  std::ifstream file(test_path("ops/golden/special.txt"));
  std::string line;
  int lines = 0;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::vector<double> numbers;
    for (std::string word; words >> word;) numbers.push_back(std::stod(word));
    const auto scalar = [&](size_t i) { return scalar_tensor(numbers[i], kDouble); };
    const double expected = numbers.back();
    const double got = numbers.size() == 2 ? kUnary.at(name)(scalar(0)).item<double>()
                                           : kBinary.at(name)(scalar(0), scalar(1)).item<double>();
    const bool oscillates = name.find("bessel_j") != std::string::npos ||
                            name.find("bessel_y") != std::string::npos ||
                            name.find("polynomial") != std::string::npos || name == "airy_ai";
    const double size = oscillates ? std::fmax(std::fabs(expected), 0.1) : std::fabs(expected);
    EXPECT_NEAR(got, expected, 2e-12 * size) << line;
    ++lines;
  }
  EXPECT_GT(lines, 500);
}

TEST(Special, AtTheEnds) {
  const auto one = [](double x) { return scalar_tensor(x, kDouble); };
  const auto at = [&](Unary f, double x) { return f(one(x)).item<double>(); };
  const auto same = [](double a, double b) { return (a != a && b != b) || a == b; };
  EXPECT_TRUE(same(at(special_entr, 0), 0));
  EXPECT_TRUE(same(at(special_entr, -1), -kInf));
  EXPECT_TRUE(same(at(special_entr, kNan), kNan));
  EXPECT_TRUE(same(at(special_erfcx, kInf), 0));
  EXPECT_TRUE(same(at(special_erfcx, -kInf), kInf));
  EXPECT_TRUE(same(at(special_i0e, kInf), 0));
  EXPECT_TRUE(same(at(special_i1e, -kInf), 0));
  EXPECT_TRUE(same(at(special_ndtri, 0), -kInf));
  EXPECT_TRUE(same(at(special_ndtri, 1), kInf));
  EXPECT_TRUE(same(at(special_ndtri, 1.5), kNan));
  EXPECT_TRUE(same(at(special_log_ndtr, -kInf), -kInf));
  EXPECT_TRUE(same(at(special_log_ndtr, kInf), 0));
  EXPECT_TRUE(same(at(special_bessel_y0, 0), -kInf));
  EXPECT_TRUE(same(at(special_bessel_y1, -1), kNan));
  EXPECT_TRUE(same(at(special_modified_bessel_k0, 0), kInf));
  EXPECT_TRUE(same(at(special_modified_bessel_k1, -1), kNan));
  EXPECT_TRUE(same(at(special_airy_ai, kNan), kNan));
  EXPECT_TRUE(same(at(special_spherical_bessel_j0, 0), 1));
  EXPECT_TRUE(same(at(special_spherical_bessel_j0, -kInf), 0));
  const auto share = [&](double a, double x) { return igamma(one(a), one(x)).item<double>(); };
  EXPECT_TRUE(same(share(0, 0), kNan));
  EXPECT_TRUE(same(share(0, 1), 1));
  EXPECT_TRUE(same(share(1, 0), 0));
  EXPECT_TRUE(same(share(-1, 1), kNan));
  EXPECT_TRUE(same(share(kInf, 1), 0));
  EXPECT_TRUE(same(share(1, kInf), 1));
  EXPECT_TRUE(same(share(kInf, kInf), kNan));
  const auto degree = [&](double n) {
    return special_legendre_polynomial_p(one(0.5), one(n)).item<double>();
  };
  EXPECT_TRUE(same(degree(-3), 0));
  EXPECT_TRUE(same(degree(2.9), -0.125));
  EXPECT_TRUE(same(degree(2e9), kNan));
  EXPECT_TRUE(same(degree(kInf), kNan));
}

TEST(Special, NumbersOnEitherSide) {
  const Tensor x = tensor({0.5, 2.0}, kDouble);
  EXPECT_EQ(to_dense(special::zeta(2, x)).values,
            to_dense(special::zeta(full({2}, 2.0, kDouble), x)).values);
  EXPECT_EQ(to_dense(special::zeta(x.add(2), 3)).values,
            to_dense(special::zeta(x.add(2), full({2}, 3.0, kDouble))).values);
  EXPECT_EQ(to_dense(special::hermite_polynomial_he(x, 3)).values,
            (std::vector<double>{-1.375, 2}));
  EXPECT_EQ(to_dense(special::shifted_chebyshev_polynomial_v(0.75, tensor({1.0, 2.0}))).values,
            (std::vector<double>{0, -1}));
  EXPECT_EQ(to_dense(special::chebyshev_polynomial_w(0.5, tensor({1.0, 2.0}))).values,
            (std::vector<double>{2, 1}));
  EXPECT_EQ(to_dense(special::xlog1py(0, x)).values, (std::vector<double>{0, 0}));
  EXPECT_EQ(special::i0e(tensor({1})).scalar_type(), kFloat);
  Tensor out = empty({0}, kDouble);
  special_modified_bessel_k0_out(out, x);
  EXPECT_EQ(to_dense(out).values, to_dense(special::modified_bessel_k0(x)).values);
}

TEST(Special, DerivativesThatAreMissingSaySo) {
  const Tensor x = ones({2}, requires_grad());
  EXPECT_ERROR(Error, special_bessel_j0(x).sum().backward(),
               "the derivative for 'special_bessel_j0' is not implemented");
  EXPECT_ERROR(Error, igamma(x, ones({2})).sum().backward(), "the derivative for 'igamma'");
  EXPECT_ERROR(Error, special_chebyshev_polynomial_t(x, 2).sum().backward(),
               "the derivative for 'special_chebyshev_polynomial_t'");
}

}  // namespace
}  // namespace taper::testing
