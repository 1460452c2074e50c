#pragma once

#include "taper/autograd/grad_mode.h"
#include "taper/base/random.h"
#include "taper/ops/op_util.h"
#include "taper/tensor/generator.h"

// What ops that draw random numbers share.
namespace taper {

/// Runs f(RandomEngine&) on the given generator or the default one, while no other thread draws.
template <class F>
void with_engine(const std::optional<Generator>& generator, F&& f) {
  (generator && generator->defined() ? *generator : default_generator()).use(f);
}

/// Records that every element of self was replaced by one that depends on nothing.
void record_overwrite(const char* node, const Tensor& self);

/// Overwrites self with what fill(target) writes; target is contiguous. The gradient of what was
/// there is 0.
template <class Fill>
void fill_in_place(const char* op, const char* node, Tensor& self, Fill&& fill) {
  begin_inplace(op, self, {self});
  if (self.is_contiguous()) {
    fill(self);
  } else {
    const NoGradGuard no_grad;
    const Tensor dense = new_tensor(op, self.sizes(), self.scalar_type());
    fill(dense);
    self.copy_(dense);
  }
  record_overwrite(node, self);
}

}  // namespace taper
