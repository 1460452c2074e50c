#pragma once

#include "tests/support/op_case.h"

namespace taper::testing {

/// A case of an op that LAPACK computes.
inline OpCase linalg_case(std::string name, std::vector<Sample> samples, double tolerance) {
  OpCase c;
  c.name = std::move(name);
  c.samples = std::move(samples);
  c.dtypes = {kFloat, kDouble};
  c.same_bits = false;      // LAPACK's order of sums follows the matrix's copy, threads and machine
  c.tolerance = tolerance;  // of a few dozen roundings one after another
  return c;
}

}  // namespace taper::testing
