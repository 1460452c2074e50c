#pragma once

#include <cmath>
#include <vector>

#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/view.h"
#include "tests/nn/near.h"

namespace taper {

/// sin(0, 0.7, 1.4 ...): the input of the numbers recorded with PyTorch 1.13.1.
inline Tensor waves(IntArrayRef sizes) {
  int64_t count = 1;
  for (const int64_t s : sizes) count *= s;
  return arange(count, kDouble).mul(0.7).sin().view(sizes);
}

/// Recorded numbers of a result: how many, the first ones, their sum.
struct Recorded {
  size_t count;
  std::vector<double> first;
  double sum;
};
inline void expect_recorded(const Tensor& got, const Recorded& want, const char* what) {
  SCOPED_TRACE(what);
  const std::vector<double> values = values_of(got);
  ASSERT_EQ(values.size(), want.count);
  double sum = 0;
  for (const double v : values) sum += v;
  EXPECT_NEAR(sum, want.sum, 1e-6 * (1 + std::abs(want.sum)));
  expect_near(got, want.first, 1e-6, true);
}

}  // namespace taper
