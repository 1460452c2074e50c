#include "taper/ops/pointwise_gates.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

OpCase glu_case() {
  OpCase c{.name = "glu"};
  c.samples = {{"middle",
                {{{2, 4, 3}}},
                [](const Tensors& x) { return Tensors{glu(x[0], 1)}; },
                [](const std::vector<Dense>& x) {
                  Dense out{{2, 2, 3}, {}};
                  for_each_index(out.sizes, [&](const std::vector<int64_t>& at) {
                    const double b = x[0].at({at[0], at[1] + 2, at[2]});
                    out.values.push_back(x[0].at(at) / (1 + std::exp(-b)));
                  });
                  return std::vector<Dense>{out};
                }}};
  c.tolerance = 2;  // two roundings of half types
  c.errors = {
      {"odd",
       [] {
         glu(zeros({2, 3}));
       },
       "Halving dimension must be even, but dimension 1 is size 3", ErrorInput::Kind::shape},
      {"rank", [] { glu(zeros({})); }, "glu does not support 0-dimensional tensors",
       ErrorInput::Kind::shape}};
  return c;
}

OpCase prelu_case() {
  const auto sample = [](const char* label, std::vector<int64_t> sizes,
                         std::vector<int64_t> weight) {
    return Sample{label,
                  {{sizes}, {weight}},
                  [](const Tensors& x) { return Tensors{prelu(x[0], x[1])}; },
                  [=](const std::vector<Dense>& x) {
                    Dense out = x[0];
                    const int64_t channels = x[1].numel();
                    const int64_t inner = sizes.size() > 2 ? sizes[2] : 1;
                    for (int64_t i = 0; i < out.numel(); ++i) {
                      const double w = x[1].values[channels == 1 ? 0 : i / inner % channels];
                      if (out.values[i] <= 0) out.values[i] *= w;
                    }
                    return std::vector<Dense>{out};
                  }};
  };
  OpCase c{.name = "prelu"};
  c.samples = {sample("channels", {2, 3, 4}, {3}), sample("one", {2, 3}, {1}),
               sample("number", {4}, {})};
  c.errors = {
      {"channels",
       [] {
         prelu(zeros({2, 2}), zeros({3}));
       },
       "Mismatch of parameter numbers and input channel size. Found parameter numbers = 3 and "
       "channel size = 2.",
       ErrorInput::Kind::shape},
      {"types", [] { prelu(zeros({2}), zeros({1}, kDouble)); },
       "Type promoting not supported. Got Float and Double", ErrorInput::Kind::dtype},
      {"weight",
       [] {
         prelu(zeros({2}), zeros({1, 1}));
       },
       "Expected `weight` to be a scalar or 1D tensor, but got: ndim = 2",
       ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> gate_ops() {
  OpCase hard = unary_case(
      "hardshrink", [](const Tensor& x) { return hardshrink(x, 1); },
      [](double x) { return std::abs(x) > 1 ? x : 0; });
  OpCase soft = unary_case(
      "softshrink", [](const Tensor& x) { return softshrink(x, 1); },
      [](double x) { return x > 1    ? x - 1
                            : x < -1 ? x + 1
                                     : 0; });
  soft.errors.push_back({"lambda", [] { softshrink(zeros({2}), -1); },
                         "lambda must be greater or equal to 0, but found to be -1"});
  OpCase slope = unary_case(
      "rrelu", [](const Tensor& x) { return rrelu(x, 0.1, 0.3); },
      [](double x) { return x > 0 ? x : 0.2 * x; });
  slope.inplace = [](const Tensors& x) {
    Tensor self = x[0];
    return Tensors{rrelu_(self, 0.1, 0.3)};
  };
  slope.tolerance = 2;  // the slope is rounded too
  slope.errors.push_back({"bounds", [] { rrelu(zeros({2}), 0.4, 0.3); },
                          "Lower bound should be less than or equal to the upper bound"});
  return {glu_case(), prelu_case(), hard, soft, slope};
}
TAPER_OP_CASES(gate_ops);

TEST(Gates, RreluDrawsASlopeForEveryElementThatIsNotPositive) {
  manual_seed(0);
  const Tensor x = rand({1000}).sub(0.5);
  const Dense before = to_dense(x), after = to_dense(rrelu(x, 0.1, 0.3, true));
  double low = 1, high = 0;
  for (size_t i = 0; i < before.values.size(); ++i) {
    if (before.values[i] > 0) {
      EXPECT_EQ(after.values[i], before.values[i]);
    } else if (before.values[i] < -0.01) {
      low = std::min(low, after.values[i] / before.values[i]);
      high = std::max(high, after.values[i] / before.values[i]);
    }
  }
  EXPECT_GE(low, 0.0999);
  EXPECT_LE(high, 0.3001);
  EXPECT_LT(low, 0.11);
  EXPECT_GT(high, 0.29);
}

TEST(Gates, NanStaysNan) {
  const Tensor x = full({1}, NAN);
  for (const Tensor& y : {hardshrink(x), softshrink(x), prelu(x, ones({1})), rrelu(x),
                          rrelu(x, 0.1, 0.2, true), glu(full({2}, NAN))}) {
    EXPECT_TRUE(std::isnan(y.item<float>()));
  }
}

}  // namespace
}  // namespace taper::testing
