#pragma once

#include <cstdint>

#include "taper/base/random.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Masks drawn by counter: the word of element i (row-major) follows from (seed, call, i) alone, so
// neither layout nor threads matter. All tensors are contiguous.
namespace taper {

namespace cpu {
void bernoulli(View out, double p, CounterKey key);
void bernoulli_tensor(View out, ConstView p, CounterKey key);
void dropout(View out, View mask, ConstView x, double p, CounterKey key);
void masked_scale(View out, ConstView x, ConstView mask, double scale);
}  // namespace cpu

/// 1 with probability p, else 0.
inline constinit Kernel<void(View, double, CounterKey)> bernoulli_kernel{"bernoulli",
                                                                         &cpu::bernoulli};
/// As above, each with its own p.
inline constinit Kernel<void(View, ConstView, CounterKey)> bernoulli_tensor_kernel{
    "bernoulli_tensor", &cpu::bernoulli_tensor};
/// mask (bool) is false with probability p; out = x * mask / (1 - p).
inline constinit Kernel<void(View, View, ConstView, double, CounterKey)> dropout_kernel{
    "dropout", &cpu::dropout};
/// x * mask * scale, for a bool mask.
inline constinit Kernel<void(View, ConstView, ConstView, double)> masked_scale_kernel{
    "masked_scale", &cpu::masked_scale};

}  // namespace taper
