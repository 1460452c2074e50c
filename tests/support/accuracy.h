#pragma once
// Unary float32 functions and what they exactly are, to measure errors in units of the last place.

#include <string>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper::testing {

struct UnaryFunction {
  const char* name;
  Tensor (*op)(const Tensor&);
  double (*exact)(double);  // good to far more than float32
  double bound;             // units in the last place
};

/// Every function of one float32 that has a bound.
const std::vector<UnaryFunction>& unary_functions();

/// How far got is from exact, in units of the last place of float32 there, subnormals included. An
/// infinite got stands for 2^128 when exact is finite. Infinite where a special value is wrong: NaN
/// for NaN alone, infinity for infinity, and the sign of a zero.
double float_ulps(float got, double exact);

/// The worst error of a function over some inputs.
struct WorstError {
  double ulps = 0;
  float input = 0, got = 0;
  void merge(const WorstError& other);
  std::string text(const UnaryFunction& function) const;
};

WorstError worst_error(const UnaryFunction& function, const std::vector<float>& inputs);
/// The worst error over bit patterns first, first + stride, ... below end (of 2^32).
WorstError worst_error(const UnaryFunction& function, uint64_t first, uint64_t end,
                       uint64_t stride);

}  // namespace taper::testing
