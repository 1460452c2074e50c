// The library under test: every row is written once against `lib` and compiled once per side.
#pragma once

#ifdef BENCH_PEER
#include <ATen/autocast_mode.h>
#include <torch/torch.h>
namespace lib = torch;
namespace bench {
using InferenceMode = c10::InferenceMode;
/// Autocast to bfloat16.
class Autocast {
 public:
  Autocast() {
    at::autocast::increment_nesting();
    at::autocast::set_cpu_enabled(true);
  }
  ~Autocast() {
    at::autocast::set_cpu_enabled(false);
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  }
};
}
#else
#include "taper/taper.h"
namespace lib = taper;
namespace bench {
using InferenceMode = taper::InferenceMode;
using Autocast = taper::AutocastGuard;
}
#endif

#include <cstdint>
#include <vector>

#include "runner.h"

namespace bench {

/// Both sides treat denormal numbers as 0: a network trained for thousands of steps on one resident
/// sample has denormal gradients, which cost a processor more than what the rows are to measure.
inline void flush_denormals() {
#ifdef BENCH_PEER
  at::globalContext().setFlushDenormal(true);
#else
  taper::set_flush_denormal(true);
#endif
}

/// Contiguous float32 tensor of reproducible values in [low, high), equal on both sides.
lib::Tensor filled(std::vector<int64_t> sizes, uint64_t seed, float low = -1.0f, float high = 1.0f);

/// Class indices i % classes as int64, shape (count).
lib::Tensor labels(int64_t count, int64_t classes);

/// Weighted sum of all elements (weights depend on the position), with the sum of magnitudes.
Check checksum(const lib::Tensor& tensor);

/// Overwrites parameters with reproducible values of scale 1/sqrt(fan-in), so that both sides train
/// from the same weights whatever their random streams are.
void set_weights(const std::vector<lib::Tensor>& parameters, uint64_t seed);

/// Keeps the compiler from dropping a result or moving it out of the timed loop.
template <class T>
inline void keep(T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

}  // namespace bench
