#pragma once

#include <cmath>

#include "tests/optim/golden.h"

// Steps of an optimizer with gradients made from a formula.
namespace taper::testing {

/// A gradient that changes sign and scale with the step.
inline Tensor slope(IntArrayRef sizes, int step, ScalarType dtype = kDouble) {
  const int64_t n = taper::zeros(sizes).numel();
  Values values;
  for (int64_t i = 0; i < n; ++i) {
    const double at = static_cast<double>(i);
    values.push_back(std::sin(1.3 * at + 0.8 * step) * (0.3 + 0.2 * ((i + step) % 3)));
  }
  return tensor(values, kDouble).view(sizes).to(dtype);
}

inline Tensor start(IntArrayRef sizes, ScalarType dtype = kDouble) {
  return slope(sizes, 17).mul(2).to(dtype).clone().set_requires_grad(true);
}

inline void step_with(optim::Optimizer& optimizer, const Tensor& param, int step) {
  param.mutable_grad() = slope(param.sizes(), step, param.scalar_type());
  optimizer.step();
}

}  // namespace taper::testing
