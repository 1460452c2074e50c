#include "taper/ops/softmax.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/variants.h"
#include "tests/ops/reduce_reference.h"

namespace taper::testing {
namespace {

std::vector<double> soft(std::vector<double> v) {
  const double most = *std::max_element(v.begin(), v.end());
  double sum = 0;
  for (double& x : v) sum += x = std::exp(x - most);
  for (double& x : v) x /= sum;
  return v;
}
std::vector<double> log_soft(std::vector<double> v) {
  const double most = *std::max_element(v.begin(), v.end());
  double sum = 0;
  for (double x : v) sum += std::exp(x - most);
  for (double& x : v) x -= most + std::log(sum);
  return v;
}

std::vector<OpCase> softmaxes() {
  std::vector<OpCase> cases;
  for (bool log : {false, true}) {
    const auto at = [log](int64_t dim) {
      return [log, dim](const Tensors& x) {
        return Tensors{log ? x[0].log_softmax(dim) : x[0].softmax(dim)};
      };
    };
    const auto ref = [log](int64_t dim) { return along(dim, log ? log_soft : soft); };
    OpCase c{.name = log ? "log_softmax" : "softmax"};
    c.samples = {{"last", {{{3, 10}, -4, 4}}, at(-1), ref(-1)},
                 {"first", {{{6, 5}, -4, 4}}, at(0), ref(0)},
                 {"middle", {{{2, 3, 7}, -4, 4}}, at(1), ref(1)},
                 {"number", {{{}, -4, 4}}, at(0), ref(0)},
                 {"empty", {{{0, 4}}}, at(1), ref(1)}};
    c.errors = {
        {"integers", [log] { log ? ones({2}, kLong).log_softmax(0) : ones({2}, kLong).softmax(0); },
         "not implemented for 'Long'", ErrorInput::Kind::dtype},
        {"range",
         [] {
           ones({2, 2}).softmax(2);
         },
         "Dimension out of range", ErrorInput::Kind::index}};
    cases.push_back(c);
  }
  return cases;
}
TAPER_OP_CASES(softmaxes);

TEST(Softmax, TypesAndOut) {
  EXPECT_EQ(ones({4}, kLong).softmax(0, kFloat).select(0, 1).item<float>(), 0.25f);
  EXPECT_EQ(ones({4}, kHalf).softmax(0, kFloat).scalar_type(), kFloat);
  Tensor out = empty({2, 2});
  EXPECT_TRUE(softmax_out(out, zeros({2, 2}), 1).is_same(out));
  EXPECT_EQ(out.select(0, 1).select(0, 0).item<float>(), 0.5f);
}

TEST(Softmax, MaskedRowsAsInPyTorch) {
  const Tensor x = tensor({{-INFINITY, 0.0f}, {-INFINITY, -INFINITY}});
  const Tensor y = x.softmax(1);
  EXPECT_EQ(y.select(0, 0).select(0, 1).item<float>(), 1);
  EXPECT_TRUE(std::isnan(y.select(0, 1).select(0, 0).item<float>()));
}

}  // namespace
}  // namespace taper::testing
