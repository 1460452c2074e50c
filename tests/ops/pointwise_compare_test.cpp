#include "taper/ops/pointwise_compare.h"

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

std::vector<OpCase> comparison_cases() {
  using Op = Tensor (*)(const Tensor&, const Tensor&);
  struct Row {
    const char* name;
    Op op;
    double (*reference)(double, double);
  };
  const Row rows[] = {
      {"eq", eq, [](double a, double b) { return double(a == b); }},
      {"ne", ne, [](double a, double b) { return double(a != b); }},
      {"lt", lt, [](double a, double b) { return double(a < b); }},
      {"le", le, [](double a, double b) { return double(a <= b); }},
      {"gt", gt, [](double a, double b) { return double(a > b); }},
      {"ge", ge, [](double a, double b) { return double(a >= b); }},
      {"logical_and", logical_and, [](double a, double b) { return double(a && b); }},
      {"logical_or", logical_or, [](double a, double b) { return double(a || b); }},
      {"logical_xor", logical_xor, [](double a, double b) { return double(!a != !b); }},
  };
  std::vector<OpCase> cases;
  for (const Row& row : rows) {
    OpCase c = binary_case(row.name, row.op, row.reference, 0, 3);
    // Integers too: there, values are often equal.
    c.dtypes = {kFloat, kDouble, kHalf, kBFloat16, kLong, kInt, kShort, kChar, kByte, kBool};
    c.differentiable = false;
    cases.push_back(c);
  }
  const Row bits[] = {
      {"bitwise_and", bitwise_and, [](double a, double b) { return double(int(a) & int(b)); }},
      {"bitwise_or", bitwise_or, [](double a, double b) { return double(int(a) | int(b)); }},
      {"bitwise_xor", bitwise_xor, [](double a, double b) { return double(int(a) ^ int(b)); }},
  };
  for (const Row& row : bits) {
    OpCase c = binary_case(row.name, row.op, row.reference, 0, 100);
    c.dtypes = {kLong, kInt, kShort, kChar, kByte};
    c.differentiable = false;
    c.same_bits = false;  // that test draws floats
    c.errors = {{"float", [op = row.op] { op(ones({2}), ones({2})); },
                 "not implemented for 'Float'", ErrorInput::Kind::dtype}};
    cases.push_back(c);
  }
  return cases;
}
TAPER_OP_CASES(comparison_cases);

std::vector<OpCase> predicate_cases() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, Tensor (*op)(const Tensor&), double (*f)(double)) {
    OpCase c = unary_case(name, op, f, -1, 1);
    c.dtypes = {kFloat, kDouble, kHalf, kLong, kBool};
    c.differentiable = false;
    cases.push_back(c);
  };
  make("isnan", isnan, [](double) { return 0.0; });
  make("isinf", isinf, [](double) { return 0.0; });
  make("isfinite", isfinite, [](double) { return 1.0; });
  make("logical_not", logical_not, [](double x) { return double(x == 0); });
  return cases;
}
TAPER_OP_CASES(predicate_cases);

std::vector<double> flags(const Tensor& t) {
  EXPECT_EQ(t.scalar_type(), kBool);
  return to_dense(t).values;
}
using V = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Compare, SpecialValues) {
  const double inf = INFINITY;
  const Tensor x = tensor({kNan, inf, -inf, 0.0, 1.0});
  EXPECT_EQ(flags(isnan(x)), (V{1, 0, 0, 0, 0}));
  EXPECT_EQ(flags(isinf(x)), (V{0, 1, 1, 0, 0}));
  EXPECT_EQ(flags(isfinite(x)), (V{0, 0, 0, 1, 1}));
  EXPECT_EQ(flags(x == x), (V{0, 1, 1, 1, 1}));
  EXPECT_EQ(flags(x != x), (V{1, 0, 0, 0, 0}));
  EXPECT_EQ(flags(x >= 0), (V{0, 1, 0, 1, 1}));
}

TEST(Compare, TypesPromoteBeforeTheyCompare) {
  EXPECT_EQ(flags(tensor({1, 2}) < 1.5), (V{1, 0}));
  EXPECT_EQ(flags(1.5 > tensor({1, 2})), (V{1, 0}));
  EXPECT_EQ(flags(tensor({1, 2}) == tensor({1.0f, 2.5f})), (V{1, 0}));
  const int64_t big = (int64_t{1} << 53) + 1;
  EXPECT_EQ(flags(tensor({big}) == tensor({big - 1})), (V{0}));
}

TEST(Compare, Operators) {
  const Tensor a = tensor({true, true, false}), b = tensor({true, false, false});
  EXPECT_EQ(flags(a & b), (V{1, 0, 0}));
  EXPECT_EQ(flags(a | b), (V{1, 1, 0}));
  EXPECT_EQ(flags(a ^ b), (V{0, 1, 0}));
  EXPECT_EQ(flags(~a), (V{0, 0, 1}));
  EXPECT_EQ(flags(!tensor({0.0f, 2.0f})), (V{1, 0}));
  EXPECT_EQ(to_dense(~tensor({0, 5})).values, (V{-1, -6}));
  Tensor c = tensor({1.0f, 3.0f});
  c.gt_(2);
  EXPECT_EQ(to_dense(c).values, (V{0, 1}));
  EXPECT_EQ(c.scalar_type(), kFloat);
  EXPECT_ERROR(Error, ([&] { c& c; }()), "not implemented for 'Float'");
  EXPECT_ERROR(Error, ([&] { ~c; }()), "not implemented for 'Float'");
}

TEST(Compare, Closeness) {
  const Tensor a = tensor({1.0, 100.0, kNan}), b = tensor({1.0 + 1e-9, 100.1, kNan});
  EXPECT_EQ(flags(isclose(a, b)), (V{1, 0, 0}));
  EXPECT_EQ(flags(isclose(a, b, 1e-2, 0, true)), (V{1, 1, 1}));
  EXPECT_TRUE(allclose(a.narrow(0, 0, 2), b.narrow(0, 0, 2), 1e-2));
  EXPECT_FALSE(allclose(a, b));
  const double inf = INFINITY;
  EXPECT_EQ(flags(isclose(tensor({inf, inf}), tensor({inf, 1.0}))), (V{1, 0}));
  EXPECT_TRUE(equal(tensor({1, 2}), tensor({1, 2})));
  EXPECT_FALSE(equal(tensor({1, 2}), tensor({{1, 2}})));
  EXPECT_TRUE(equal(zeros({0, 3}), zeros({0, 3})));
  EXPECT_ERROR(Error, ([] { equal(tensor({1}), tensor({1.0f})); }()),
               "Expected object of data type Long");
}

}  // namespace
}  // namespace taper::testing
