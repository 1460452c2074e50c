#pragma once

#include "taper/ops/copy.h"
#include "taper/ops/op_util.h"

namespace taper {

/// The result of an op made of other ops: f(self), or for the in-place form the same written to
/// self, whose old value the graph keeps.
template <class F>
Tensor composed(const Out& out, const Tensor& self, F&& f) {
  if (out.is_fresh()) return f(self);
  Tensor target = *out.target();
  return target.copy_(f(needs_grad(self) ? self.clone() : self));
}

}  // namespace taper
