#pragma once

#include "taper/ops/op_util.h"

// The complex forms of ops that have a real formula too.
namespace taper {

/// |self|, of self's real type. Throws in place.
Tensor complex_abs(const Out& out, const Tensor& self);
/// self / |self|, 0 where self is 0.
Tensor complex_sgn(const Out& out, const Tensor& self);

}  // namespace taper
