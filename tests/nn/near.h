#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "taper/ops/copy.h"
#include "taper/tensor/tensor.h"

namespace taper {

/// The elements in row-major order.
inline std::vector<double> values_of(const Tensor& t) {
  const Tensor flat = t.detach().contiguous().to(kDouble);
  const double* data = flat.data_ptr<double>();
  return std::vector<double>(data, data + flat.numel());
}

/// The first elements must be these, and there must be no more unless the list is a prefix.
inline void expect_near(const Tensor& got, const std::vector<double>& expected,
                        double tolerance = 1e-6, bool prefix = false) {
  const std::vector<double> values = values_of(got);
  if (!prefix) {
    ASSERT_EQ(values.size(), expected.size());
  }
  ASSERT_GE(values.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(values[i], expected[i], tolerance) << "element " << i;
  }
}

}  // namespace taper
