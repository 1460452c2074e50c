#include "taper/ops/pointwise_ternary.h"

#include <cmath>

#include "gtest/gtest.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/variants.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

std::vector<OpCase> ternary_cases() {
  const auto triple = [](std::string name, OpFunction op,
                         std::function<double(const std::vector<double>&)> f, double low = -3) {
    OpCase c;
    c.name = std::move(name);
    const auto arg = [&](std::vector<int64_t> sizes) { return Arg{std::move(sizes), low, 3}; };
    c.samples = {{"same", {arg({3, 41}), arg({3, 41}), arg({3, 41})}, op, elementwise(f)},
                 {"broadcast", {arg({2, 3, 4}), arg({3, 1}), arg({4})}, op, elementwise(f)},
                 {"empty", {arg({0, 3}), arg({1, 3}), arg({})}, op, elementwise(f)}};
    return c;
  };
  std::vector<OpCase> cases;
  cases.push_back(triple(
      "lerp", [](const Tensors& x) { return Tensors{lerp(x[0], x[1], x[2])}; },
      [](const std::vector<double>& x) { return x[0] + x[2] * (x[1] - x[0]); }));
  cases.back().inplace = [](const Tensors& x) { return Tensors{x[0].lerp_(x[1], x[2])}; };
  cases.push_back(triple(
      "addcmul", [](const Tensors& x) { return Tensors{addcmul(x[0], x[1], x[2], 0.5)}; },
      [](const std::vector<double>& x) { return x[0] + 0.5 * x[1] * x[2]; }));
  cases.back().inplace = [](const Tensors& x) { return Tensors{x[0].addcmul_(x[1], x[2], 0.5)}; };
  cases.push_back(triple(
      "addcdiv", [](const Tensors& x) { return Tensors{addcdiv(x[0], x[1], x[2], 2)}; },
      [](const std::vector<double>& x) { return x[0] + 2 * x[1] / x[2]; }, 0.5));
  cases.back().inplace = [](const Tensors& x) { return Tensors{x[0].addcdiv_(x[1], x[2], 2)}; };

  OpCase where;
  where.name = "where";
  const OpFunction choose = [](const Tensors& x) {
    return Tensors{taper::where(x[0], x[1], x[2])};
  };
  const Reference chosen =
      elementwise([](const std::vector<double>& x) { return x[0] != 0 ? x[1] : x[2]; });
  where.samples = {{"same", {mask_arg({5, 9}), {{5, 9}}, {{5, 9}}}, choose, chosen},
                   {"broadcast", {mask_arg({4, 1}), {{3}}, {{2, 1, 3}}}, choose, chosen},
                   {"scalar", {mask_arg({33}), {{}}, {{33}}}, choose, chosen}};
  where.errors = {{"float condition", [] { taper::where(ones({2}), ones({2}), ones({2})); },
                   "expected condition to be a boolean tensor", ErrorInput::Kind::dtype}};
  cases.push_back(where);
  return cases;
}
TAPER_OP_CASES(ternary_cases);

TEST(Ternary, Numbers) {
  const Tensor c = tensor({true, false}), x = tensor({1.0f, 2.0f});
  EXPECT_EQ(to_dense(where(c, x, 7)).values, (std::vector<double>{1, 7}));
  EXPECT_EQ(to_dense(where(c, 7, x)).values, (std::vector<double>{7, 2}));
  EXPECT_EQ(where(c, 1, 2).scalar_type(), kLong);
  EXPECT_EQ(where(c, 1, 2.5).scalar_type(), kFloat);
  EXPECT_EQ(to_dense(x.lerp(tensor({3.0f, 4.0f}), 0.25)).values, (std::vector<double>{1.5, 2.5}));
  EXPECT_EQ(where(c, tensor({1, 2}), x).scalar_type(), kFloat);
}

TEST(Ternary, Refuses) {
  const Tensor whole = tensor({1, 2});
  EXPECT_ERROR(Error, ([&] { addcdiv(whole, whole, whole); }()), "Integer division with addcdiv");
  EXPECT_ERROR(Error, ([&] { lerp(ones({1}), ones({1}, kDouble), 0.5); }()),
               "for `end` but got dtype Double");
}

}  // namespace
}  // namespace taper::testing
