#include "taper/ops/pointwise_activation.h"

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

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double gelu_of(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh_of(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

std::vector<OpCase> activation_cases() {
  std::vector<OpCase> cases;
  using Op = Tensor (*)(const Tensor&);
  const auto make = [&](const char* name, Op op, Op inplace, double (*f)(double), double low = -5,
                        double high = 5) {
    OpCase c = unary_case(name, op, f, low, high);
    if (inplace != nullptr) {
      c.inplace = [inplace](const Tensors& x) { return Tensors{inplace(x[0])}; };
    }
    cases.push_back(c);
  };
  // An in-place function takes its first argument by reference: a copy of the handle will do.
#define TAPER_INPLACE(call)       \
  [](const Tensor& x) -> Tensor { \
    Tensor self = x;              \
    return call;                  \
  }
  make("relu", relu, TAPER_INPLACE(relu_(self)), [](double x) { return std::max(x, 0.0); });
  make(
      "relu6", relu6, TAPER_INPLACE(relu6_(self)),
      [](double x) { return std::min(std::max(x, 0.0), 6.0); }, -4, 9);
  make(
      "leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.1); },
      TAPER_INPLACE(leaky_relu_(self, 0.1)), [](double x) { return x > 0 ? x : 0.1 * x; });
  make(
      "elu", [](const Tensor& x) { return elu(x, 1.5, 2, 0.5); },
      TAPER_INPLACE(elu_(self, 1.5, 2, 0.5)),
      [](double x) { return x > 0 ? 2 * x : 3 * std::expm1(0.5 * x); });
  make("selu", selu, TAPER_INPLACE(selu_(self)), [](double x) {
    return 1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * std::expm1(x));
  });
  make(
      "celu", [](const Tensor& x) { return celu(x, 2); }, TAPER_INPLACE(celu_(self, 2)),
      [](double x) { return x > 0 ? x : 2 * std::expm1(x / 2); });
  make(
      "gelu", [](const Tensor& x) { return gelu(x); }, TAPER_INPLACE(gelu_(self)), gelu_of);
  make(
      "gelu_tanh", [](const Tensor& x) { return gelu(x, "tanh"); },
      TAPER_INPLACE(gelu_(self, "tanh")), gelu_tanh_of);
  make("silu", silu, TAPER_INPLACE(silu_(self)), [](double x) { return x * sigmoid_of(x); });
  make("mish", mish, TAPER_INPLACE(mish_(self)),
       [](double x) { return x * std::tanh(std::log1p(std::exp(x))); });
  // Made of rounded parts in half types.
  cases.back().tolerance = 4;
  make(
      "softplus", [](const Tensor& x) { return softplus(x, 2, 4); }, nullptr,
      [](double x) { return 2 * x > 4 ? x : std::log1p(std::exp(2 * x)) / 2; });
  make("log_sigmoid", log_sigmoid, nullptr, [](double x) { return std::log(sigmoid_of(x)); });
  make(
      "hardtanh", [](const Tensor& x) { return hardtanh(x, -2, 1.5); },
      TAPER_INPLACE(hardtanh_(self, -2, 1.5)),
      [](double x) { return std::min(std::max(x, -2.0), 1.5); });
  make("hardsigmoid", hardsigmoid, TAPER_INPLACE(hardsigmoid_(self)),
       [](double x) { return std::min(std::max(x + 3, 0.0), 6.0) / 6; });
  make("hardswish", hardswish, TAPER_INPLACE(hardswish_(self)),
       [](double x) { return x * std::min(std::max(x + 3, 0.0), 6.0) / 6; });
  make(
      "threshold", [](const Tensor& x) { return threshold(x, 0.5, -7); },
      TAPER_INPLACE(threshold_(self, 0.5, -7)), [](double x) { return x > 0.5 ? x : -7; });
#undef TAPER_INPLACE
  return cases;
}
TAPER_OP_CASES(activation_cases);

TEST(Activation, NanStaysNan) {
  const Tensor x = tensor({static_cast<double>(NAN), 1.0, -1.0});
  for (const Tensor& y : {relu(x), leaky_relu(x), elu(x), gelu(x), gelu(x, "tanh"), silu(x),
                          softplus(x), hardtanh(x), hardsigmoid(x), hardswish(x), mish(x)}) {
    const Dense d = to_dense(y);
    EXPECT_TRUE(std::isnan(d.values[0]) && !std::isnan(d.values[1]) && !std::isnan(d.values[2]));
  }
}

TEST(Activation, GradientAtTheKinks) {
  Tensor x = tensor({0.0f, 6.0f});
  x.requires_grad_();
  relu6(x).backward(ones({2}));
  EXPECT_EQ(to_dense(x.grad()).values, (std::vector<double>{0, 0}));
  x.mutable_grad().reset();
  clamp(x, 0, 6).backward(ones({2}));
  EXPECT_EQ(to_dense(x.grad()).values, (std::vector<double>{1, 1}));
}

// A backward writes into the gradient that it is given only where nobody else sees it.
TEST(Activation, GradientsThatOthersSeeStay) {
  const Tensor x = tensor({-1.0f, 2.0f, 3.0f}).requires_grad_();
  const Tensor given = tensor({5.0f, 6.0f, 7.0f});
  relu(x).backward(given);
  EXPECT_EQ(to_dense(given).values, (std::vector<double>{5, 6, 7}));
  EXPECT_EQ(to_dense(x.grad()).values, (std::vector<double>{0, 6, 7}));

  x.mutable_grad().reset();
  Tensor seen;
  const Tensor y = relu(x);
  y.retain_grad();
  y.register_hook([&](const Tensor& g) { seen = g; });
  mul(y, given).backward(ones({3}));
  EXPECT_EQ(to_dense(seen).values, (std::vector<double>{5, 6, 7}));
  EXPECT_EQ(to_dense(y.grad()).values, (std::vector<double>{5, 6, 7}));
  EXPECT_EQ(to_dense(x.grad()).values, (std::vector<double>{0, 6, 7}));

  // One gradient for two nodes, and an expanded one.
  x.mutable_grad().reset();
  const Tensor twice = mul(x, 1);
  add(relu(twice), relu(neg(twice))).backward(given);
  EXPECT_EQ(to_dense(x.grad()).values, (std::vector<double>{-5, 6, 7}));
  x.mutable_grad().reset();
  relu(mul(x, 2)).sum().backward();
  EXPECT_EQ(to_dense(x.grad()).values, (std::vector<double>{0, 2, 2}));
}

TEST(Activation, Refuses) {
  EXPECT_ERROR(Error, ([] { gelu(ones({1}), "exact"); }()),
               "approximate argument must be either none or tanh");
  EXPECT_ERROR(Error, ([] { gelu(tensor({1})); }()), "floating-point");
  EXPECT_ERROR(Error, ([] { relu(tensor({true})); }()), "Boolean inputs not supported");
  EXPECT_EQ(relu(tensor({-1, 2})).scalar_type(), kLong);
}

}  // namespace
}  // namespace taper::testing
