#include "taper/ops/scan.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "tests/ops/reduce_reference.h"

namespace taper::testing {
namespace {

using Values = std::vector<double>;

/// The running extremum of each line.
Reference running(int64_t dim, bool largest) {
  return along(dim, [largest](Values v) {
    for (size_t i = 1; i < v.size(); ++i) {
      v[i] = largest ? std::max(v[i - 1], v[i]) : std::min(v[i - 1], v[i]);
    }
    return v;
  });
}

Values log_sums(Values v) {
  double sum = 0;
  for (double& x : v) {
    sum += std::exp(x);
    x = std::log(sum);
  }
  return v;
}

std::vector<OpCase> running_values() {
  OpCase cummax{.name = "cummax"}, cummin{.name = "cummin"};
  for (const int64_t dim : {0, 1, -1}) {
    cummax.samples.push_back(
        {str("dim ", dim),
         {{{4, 3, 5}}},
         [dim](const Tensors& x) { return Tensors{std::get<0>(x[0].cummax(dim))}; },
         running(dim, true)});
    cummin.samples.push_back(
        {str("dim ", dim),
         {{{4, 3, 5}}},
         [dim](const Tensors& x) { return Tensors{std::get<0>(x[0].cummin(dim))}; },
         running(dim, false)});
  }
  cummax.dtypes = cummin.dtypes = {kFloat, kDouble, kHalf, kBFloat16, kLong, kInt, kByte, kBool};
  cummax.errors = {
      {"dim", [] { ones({2}).cummax(1); }, "Dimension out of range", ErrorInput::Kind::index}};
  cummin.errors = {
      {"dim", [] { ones({2}).cummin(-2); }, "Dimension out of range", ErrorInput::Kind::index}};
  OpCase logcumsumexp{.name = "logcumsumexp"};
  for (const int64_t dim : {0, 1}) {
    logcumsumexp.samples.push_back(
        {str("dim ", dim),
         {{{4, 5}}},
         [dim](const Tensors& x) { return Tensors{x[0].logcumsumexp(dim)}; },
         along(dim, log_sums)});
  }
  logcumsumexp.tolerance = 4;  // the gradient of half types rounds at every step
  logcumsumexp.errors = {{"integers", [] { ones({2}, kLong).logcumsumexp(0); }, "logcumsumexp",
                          ErrorInput::Kind::dtype},
                         {"dim", [] { ones({2}).logcumsumexp(1); }, "Dimension out of range",
                          ErrorInput::Kind::index}};
  return {cummax, cummin, logcumsumexp};
}
TAPER_OP_CASES(running_values);

TEST(Scan, RunningExtremaNameTheLastOfTiesAndKeepNaN) {
  const auto [values, indices] = tensor({1.0, 3.0, 3.0, 2.0, std::nan(""), 9.0}).cummax(0);
  EXPECT_EQ(to_dense(indices).values, (Values{0, 1, 2, 2, 4, 4}));
  EXPECT_TRUE(std::isnan(to_dense(values).values[5]));
  EXPECT_EQ(to_dense(std::get<1>(tensor({3.0, 1.0, 1.0, 2.0}).cummin(0))).values,
            (Values{0, 1, 2, 2}));
  EXPECT_EQ(std::get<1>(tensor(2.0).cummax(0)).item<int64_t>(), 0);
  EXPECT_EQ(std::get<0>(zeros({0, 2}).cummax(0)).numel(), 0);
}

TEST(Scan, LargeIntegersCompareExactly) {
  const int64_t big = int64_t{1} << 60;
  EXPECT_EQ(to_dense(std::get<1>(tensor({big + 1, big, big + 2}).cummax(0))).values,
            (Values{0, 0, 2}));
}

TEST(Scan, LogarithmsOfSumsNeverOverflow) {
  Tensor x = tensor({1000.0, 1000.0, -double(INFINITY), -1000.0}).requires_grad_();
  const Tensor y = x.logcumsumexp(0);
  EXPECT_NEAR(to_dense(y).values[3], 1000 + std::log(2), 1e-3);
  y[3].backward();
  EXPECT_NEAR(to_dense(x.grad()).values[0], 0.5, 1e-3);
  EXPECT_NEAR(to_dense(x.grad()).values[1], 0.5, 1e-3);
  EXPECT_EQ(to_dense(x.grad()).values[2], 0);
  EXPECT_EQ(full({2}, -INFINITY).logcumsumexp(0)[1].item<float>(), -INFINITY);
}

}  // namespace
}  // namespace taper::testing
