#include "taper/kernel/softmax.h"

#include <cmath>

#include "kernel_test_util.h"
#include "taper/base/parallel.h"

namespace taper {
namespace {

using namespace taper::testing;

struct Case {
  std::vector<int64_t> sizes;
  int64_t dim;
};
const std::vector<Case> kCases = {{{}, 0},           {{1}, 0},       {{10}, 0},
                                  {{5000}, 0},       {{7, 10}, 1},   {{7, 10}, 0},
                                  {{33, 257}, 1},    {{33, 257}, 0}, {{3, 70, 5, 9}, 1},
                                  {{2, 9000, 3}, 1}, {{4, 0, 3}, 1}, {{0, 4}, 1}};

TensorImplPtr forward(const TensorImplPtr& x, int64_t dim, bool log) {
  auto out = fresh(x->sizes(), x->dtype());
  softmax_kernel(Device(), mut(out), view(x), dim, log);
  return out;
}

/// Lines along dim, as row-major indices.
std::vector<std::vector<int64_t>> lines(IntArrayRef sizes, int64_t dim) {
  int64_t inner = 1, outer = 1;
  const int64_t n = sizes.empty() ? 1 : sizes[dim];
  for (int64_t d = 0; d < int64_t(sizes.size()); ++d)
    (d < dim ? outer : inner) *= d == dim ? 1 : sizes[d];
  std::vector<std::vector<int64_t>> all;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      std::vector<int64_t> line;
      for (int64_t k = 0; k < n; ++k) line.push_back((o * n + k) * inner + i);
      if (n > 0) all.push_back(line);
    }
  }
  return all;
}

std::vector<TensorImplPtr> layouts(const TensorImplPtr& x) {
  const int64_t rank = x->dim();
  DimVector reversed;
  for (int64_t d = rank - 1; d >= 0; --d) reversed.push_back(d);
  std::vector<TensorImplPtr> all = {permuted(x->sizes(), reversed, 3, x->dtype()),
                                    spread(x->sizes(), x->dtype())};
  for (auto& y : all) copy_values(x, y);
  return all;
}

TEST(SoftmaxKernel, MatchesDoubleInEveryLayoutWithTheSameBits) {
  const int threads = get_num_threads();
  for (ScalarType dtype : {kFloat, kDouble, kHalf, kBFloat16}) {
    const double eps = dtype == kDouble ? 1e-13 : dtype == kFloat ? 2e-6 : 1e-2;
    const double half_step = dtype == kHalf ? 0x1p-24 : 0;  // of subnormal results
    for (const Case& c : kCases) {
      auto x = fresh(c.sizes, dtype);
      fill_normal(x, 3, 3);
      for (bool log : {false, true}) {
        set_num_threads(1);
        auto y = forward(x, c.dim, log);
        for (auto& line : lines(c.sizes, c.dim)) {
          double most = -INFINITY, sum = 0;
          for (int64_t i : line) most = std::max(most, get(x, i));
          for (int64_t i : line) sum += std::exp(get(x, i) - most);
          for (int64_t i : line) {
            const double want =
                log ? get(x, i) - most - std::log(sum) : std::exp(get(x, i) - most) / sum;
            ASSERT_NEAR(get(y, i), want, eps * (std::abs(want) + (log ? 1 : 1e-6)) + half_step);
          }
        }
        for (int n : {1, 2}) {
          set_num_threads(n);
          for (auto& other : layouts(x)) {
            EXPECT_EQ(bits(forward(other, c.dim, log)), bits(y));
            // The strided output too.
            auto out = spread(c.sizes, dtype);
            softmax_kernel(Device(), mut(out), view(other), c.dim, log);
            EXPECT_EQ(bits(out), bits(y));
          }
        }
      }
    }
  }
  set_num_threads(threads);
}

TEST(SoftmaxKernel, BackwardMatchesTheFormula) {
  for (ScalarType dtype : {kFloat, kDouble}) {
    const double eps = dtype == kDouble ? 1e-12 : 2e-6;
    for (const Case& c : kCases) {
      auto x = fresh(c.sizes, dtype), g = fresh(c.sizes, dtype);
      fill_normal(x, 3, 2);
      fill_normal(g, 4);
      for (bool log : {false, true}) {
        auto y = forward(x, c.dim, log);
        auto out = fresh(c.sizes, dtype);
        softmax_backward_kernel(Device(), mut(out), view(g), view(y), c.dim, log);
        for (auto& line : lines(c.sizes, c.dim)) {
          double sum = 0;
          for (int64_t i : line) sum += log ? get(g, i) : get(g, i) * get(y, i);
          for (int64_t i : line) {
            const double want =
                log ? get(g, i) - std::exp(get(y, i)) * sum : get(y, i) * (get(g, i) - sum);
            ASSERT_NEAR(get(out, i), want, eps * (1 + std::abs(sum)));
          }
        }
        auto others = layouts(g);
        auto same = layouts(y);
        for (size_t k = 0; k < others.size(); ++k) {
          auto again = fresh(c.sizes, dtype);
          softmax_backward_kernel(Device(), mut(again), view(others[k]), view(same[k]), c.dim, log);
          EXPECT_EQ(bits(again), bits(out));
        }
      }
    }
  }
}

TEST(SoftmaxKernel, InfinitiesAsInPyTorch) {
  auto x = fresh({2, 3});
  for (int64_t i = 0; i < 3; ++i) set(x, i, -INFINITY);
  set(x, 3, -INFINITY);
  set(x, 4, 1);
  set(x, 5, 1);
  auto y = forward(x, 1, false);
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(get(y, i)));
  EXPECT_EQ(get(y, 3), 0);
  EXPECT_EQ(get(y, 4), 0.5);
  auto z = forward(x, 1, true);
  EXPECT_EQ(get(z, 3), -INFINITY);
  EXPECT_NEAR(get(z, 4), -0.6931472, 1e-6);
}

}  // namespace
}  // namespace taper
