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

/// The next call's place in the sequence of draws by counter.
inline CounterKey next_counter_key(const std::optional<Generator>& generator = std::nullopt) {
  CounterKey key;
  with_engine(generator, [&](RandomEngine& engine) {
    key = {engine.seed, engine.counter_calls};
    engine.counter_calls += 1;
  });
  return key;
}

/// Dropout with the draws of one key; linear, and differentiable to any order.
Tensor dropout_by_key(const Tensor& self, double p, CounterKey key);

/// Throws unless p lies in [0, 1].
void check_dropout_probability(const char* op, double p);

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
    const NoRecordGuard no_record;
    const Tensor dense = new_tensor(op, self.sizes(), self.scalar_type());
    fill(dense);
    self.copy_(dense);
  }
  record_overwrite(node, self);
}

}  // namespace taper
