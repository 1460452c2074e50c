#include "taper/ops/pointwise_arith.h"

#include <cmath>

#include "gtest/gtest.h"
#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/variants.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using InPlace = Tensor& (*)(Tensor&, const Tensor&);
OpFunction overwrite(InPlace op) {
  return [op](const Tensors& x) {
    Tensor self = x[0];
    return Tensors{op(self, x[1])};
  };
}
OpCase with_inplace(OpCase c, InPlace op) {
  c.inplace = overwrite(op);
  return c;
}

double floor_mod(double a, double b) { return a - std::floor(a / b) * b; }

std::vector<OpCase> arithmetic_cases() {
  std::vector<OpCase> cases;
  OpCase add = binary_case(
      "add", [](const Tensor& a, const Tensor& b) { return taper::add(a, b, 1.5); },
      [](double a, double b) { return a + 1.5 * b; });
  add.inplace = [](const Tensors& x) {
    Tensor self = x[0];
    return Tensors{add_(self, x[1], 1.5)};
  };
  cases.push_back(add);
  cases.push_back(binary_case(
      "sub", [](const Tensor& a, const Tensor& b) { return a - b; },
      [](double a, double b) { return a - b; }));
  cases.push_back(with_inplace(binary_case(
                                   "mul", [](const Tensor& a, const Tensor& b) { return a * b; },
                                   [](double a, double b) { return a * b; }),
                               mul_));
  cases.push_back(with_inplace(binary_case(
                                   "div", [](const Tensor& a, const Tensor& b) { return a / b; },
                                   [](double a, double b) { return a / b; }, 0.5, 3),
                               div_));
  cases.push_back(binary_case(
      "rsub", [](const Tensor& a, const Tensor& b) { return rsub(a, b, 2); },
      [](double a, double b) { return b - 2 * a; }));
  cases.back().errors.clear();  // the sizes come in the other order
  cases.push_back(
      with_inplace(binary_case(
                       "pow", [](const Tensor& a, const Tensor& b) { return pow(a, b); },
                       [](double a, double b) { return std::pow(a, b); }, 0.5, 3),
                   pow_));
  cases.push_back(binary_case(
      "maximum", [](const Tensor& a, const Tensor& b) { return maximum(a, b); },
      [](double a, double b) { return std::max(a, b); }));
  cases.push_back(binary_case(
      "minimum", [](const Tensor& a, const Tensor& b) { return minimum(a, b); },
      [](double a, double b) { return std::min(a, b); }));
  cases.push_back(
      with_inplace(binary_case(
                       "atan2", [](const Tensor& a, const Tensor& b) { return atan2(a, b); },
                       [](double a, double b) { return std::atan2(a, b); }),
                   atan2_));
  // The quotient of two halves may round across a step that the reference does not see: their
  // exact cases are below.
  OpCase remainder = with_inplace(
      binary_case(
          "remainder", [](const Tensor& a, const Tensor& b) { return a % b; }, floor_mod, 0.5, 3),
      remainder_);
  OpCase fmod =
      with_inplace(binary_case(
                       "fmod", [](const Tensor& a, const Tensor& b) { return taper::fmod(a, b); },
                       [](double a, double b) { return std::fmod(a, b); }, 0.5, 3),
                   fmod_);
  OpCase quotient = binary_case(
      "floor_divide", [](const Tensor& a, const Tensor& b) { return floor_divide(a, b); },
      [](double a, double b) { return std::floor(a / b); }, 0.5, 3);
  quotient.differentiable = false;
  for (OpCase* c : {&remainder, &fmod, &quotient}) {
    c->dtypes = {kFloat, kDouble};
    cases.push_back(*c);
  }
  return cases;
}
TAPER_OP_CASES(arithmetic_cases);

std::vector<OpCase> number_cases() {
  auto make = [](std::string name, OpFunction op, double (*f)(double), double low = -3) {
    OpCase c;
    c.name = std::move(name);
    const Reference reference = elementwise([f](const std::vector<double>& x) { return f(x[0]); });
    c.samples = {{"matrix", {{{5, 7}, low, 3}}, op, reference},
                 {"scalar", {{{}, low, 3}}, op, reference},
                 {"empty", {{{0, 2}, low, 3}}, op, reference}};
    return c;
  };
  std::vector<OpCase> cases;
  cases.push_back(make(
      "add_number", [](const Tensors& x) { return Tensors{x[0].add(2, 0.5)}; },
      [](double x) { return x + 1; }));
  cases.push_back(make(
      "number_sub", [](const Tensors& x) { return Tensors{2.0 - x[0]}; },
      [](double x) { return 2 - x; }));
  cases.push_back(make(
      "mul_number", [](const Tensors& x) { return Tensors{-1.5 * x[0]}; },
      [](double x) { return -1.5 * x; }));
  cases.push_back(make(
      "div_number", [](const Tensors& x) { return Tensors{x[0] / 4}; },
      [](double x) { return x / 4; }));
  cases.push_back(make(
      "number_div", [](const Tensors& x) { return Tensors{2 / x[0]}; },
      [](double x) { return 2 / x; }, 0.5));
  cases.push_back(make(
      "pow_2", [](const Tensors& x) { return Tensors{x[0].pow(2)}; },
      [](double x) { return x * x; }));
  cases.push_back(make(
      "pow_3", [](const Tensors& x) { return Tensors{x[0].pow(3)}; },
      [](double x) { return x * x * x; }));
  cases.push_back(make(
      "pow_half", [](const Tensors& x) { return Tensors{x[0].pow(0.5)}; },
      [](double x) { return std::sqrt(x); }, 0.5));
  cases.push_back(make(
      "pow_number", [](const Tensors& x) { return Tensors{x[0].pow(-1.7)}; },
      [](double x) { return std::pow(x, -1.7); }, 0.5));
  cases.push_back(make(
      "number_pow", [](const Tensors& x) { return Tensors{pow(2.5, x[0])}; },
      [](double x) { return std::pow(2.5, x); }));
  return cases;
}
TAPER_OP_CASES(number_cases);

Tensor ints(std::initializer_list<detail::TensorData> v, ScalarType type = kLong) {
  return tensor(detail::TensorData(v), TensorOptions(type));
}
void expect_values(const Tensor& t, ScalarType type, const std::vector<double>& want) {
  EXPECT_EQ(t.scalar_type(), type);
  EXPECT_EQ(to_dense(t).values, want);
}

TEST(Arithmetic, Promotes) {
  const Tensor whole = ints({1, 2, 3});
  expect_values(whole + 1.5, kFloat, {2.5, 3.5, 4.5});
  expect_values(whole + ints({1, 1, 1}, kInt), kLong, {2, 3, 4});
  expect_values(whole + tensor(1.5, kDouble), kDouble, {2.5, 3.5, 4.5});
  const Tensor real = tensor({1.0f, 2.0f});
  EXPECT_EQ((real + tensor(1.5, kDouble)).scalar_type(), kFloat);
  EXPECT_EQ((real.to(kHalf) + tensor(1.5f)).scalar_type(), kHalf);
  EXPECT_EQ((ints({1}, kByte) + tensor(int64_t{3})).scalar_type(), kByte);
  EXPECT_EQ((ints({1}, kByte) + ints({1}, kChar)).scalar_type(), kShort);
  EXPECT_EQ((real.to(kHalf) + real.to(kBFloat16)).scalar_type(), kFloat);
  expect_values(whole / ints({2, 2, 2}), kFloat, {0.5, 1, 1.5});
  expect_values(ints({1, 0}, kBool) + ints({1, 0}, kBool), kBool, {1, 0});
  expect_values(ints({1, 0}, kBool) + 1, kLong, {2, 1});
}

TEST(Arithmetic, IntegersDivideAsInPython) {
  const Tensor a = ints({7, -7, 7, -7}), b = ints({2, 2, -2, -2});
  expect_values(floor_divide(a, b), kLong, {3, -4, -4, 3});
  expect_values(a.div(b, "trunc"), kLong, {3, -3, -3, 3});
  expect_values(a % b, kLong, {1, 1, -1, -1});
  expect_values(taper::fmod(a, b), kLong, {1, -1, 1, -1});
  expect_values(7 % ints({4}), kLong, {3});
  EXPECT_THROW(a % 0, Error);
  EXPECT_THROW(floor_divide(a, ints({0})), Error);
}

TEST(Arithmetic, InPlaceKeepsTypeAndSize) {
  Tensor x = ints({1, 2, 3});
  x += 2;
  x *= ints({2, 2, 2}, kInt);
  expect_values(x, kLong, {6, 8, 10});
  EXPECT_ERROR(Error, ([&] { x += 0.5; }()),
               "result type Float can't be cast to the desired output type Long");
  EXPECT_ERROR(Error, ([&] {
                 x.add_(ints({1, 2}).unsqueeze(1));
               }()),
               "doesn't match the broadcast shape");
  Tensor row = tensor({1.0f, 2.0f});
  row -= tensor({{1.0f, 1.0f}}).squeeze(0);
  row /= 2;
  expect_values(row, kFloat, {0, 0.5});
}

TEST(Arithmetic, OutIsResizedAndConverted) {
  Tensor out = empty({0}, kDouble);
  add_out(out, tensor({1.0f, 2.0f}), tensor({1.5f, 1.5f}));
  expect_values(out, kDouble, {2.5, 3.5});
  Tensor whole = empty({2}, kLong);
  EXPECT_ERROR(Error, ([&] {
                 mul_out(whole, tensor({1.0f, 2.0f}), tensor({1.5f, 1.5f}));
               }()),
               "can't be cast to the desired output type Long");
}

TEST(Arithmetic, KeepsTheMemoryFormat) {
  const Tensor x = zeros({2, 3, 4, 5}).contiguous(MemoryFormat::ChannelsLast), y = ones({3, 1, 1});
  EXPECT_TRUE((x + y).is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE((x * 2).is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(exp(x).is_contiguous(MemoryFormat::ChannelsLast));
}

TEST(Arithmetic, Refuses) {
  const Tensor mask = ints({1, 0}, kBool);
  EXPECT_ERROR(Error, ([&] { mask - mask; }()), "with two bool tensors is not supported");
  EXPECT_ERROR(Error, ([&] { mask - 1; }()), "with a bool tensor is not supported");
  EXPECT_ERROR(Error, ([&] { -mask; }()),
               "Negation, the `-` operator, on a bool tensor is not supported");
  EXPECT_ERROR(Error, ([&] {
                 ints({1, 2}).pow(-1);
               }()),
               "Integers to negative integer powers are not allowed.");
  EXPECT_ERROR(Error, ([&] { ints({1}).add(1, 0.5); }()),
               "alpha must not be a floating point number");
  EXPECT_ERROR(Error, ([&] { tensor(1.0f).div(tensor(2.0f), "up"); }()), "expected rounding_mode");
  EXPECT_ERROR(Error, ([&] { Tensor() + ones({1}); }()), "undefined");
}

TEST(Arithmetic, GradientsOfTiesAreShared) {
  Tensor a = tensor({1.0f, 2.0f, 3.0f}), b = tensor({3.0f, 2.0f, 1.0f});
  a.requires_grad_();
  b.requires_grad_();
  maximum(a, b).backward(ones({3}));
  expect_values(a.grad(), kFloat, {0, 0.5, 1});
  expect_values(b.grad(), kFloat, {1, 0.5, 0});
}

TEST(Arithmetic, GradientsHaveTheInputsType) {
  Tensor a = tensor({1.0f, 2.0f}).to(kHalf), b = tensor({2.0f, 4.0f});
  a.requires_grad_();
  b.requires_grad_();
  (a * b).backward(ones({2}));
  expect_values(a.grad(), kHalf, {2, 4});
  expect_values(b.grad(), kFloat, {1, 2});
}

TEST(Arithmetic, PowersAtZero) {
  Tensor x = tensor({0.0f, 2.0f});
  x.requires_grad_();
  x.pow(0).backward(ones({2}));
  expect_values(x.grad(), kFloat, {0, 0});
  Tensor e = tensor({0.0f, 3.0f});
  e.requires_grad_();
  pow(tensor({0.0f, 0.0f}), e).backward(ones({2}));
  expect_values(e.grad(), kFloat, {0, 0});
}

}  // namespace
}  // namespace taper::testing
