#pragma once

#include <cstdint>

#include "taper/base/random.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Fills from a generator's stream (the caller holds its lock) in PyTorch's order: memory order,
// and PyTorch's number of draws for each type. Any strides.
namespace taper {

namespace cpu {
void uniform(View out, RandomEngine& engine, double from, double to);
void normal(View out, RandomEngine& engine, double mean, double std);
void random_range(View out, RandomEngine& engine, uint64_t range, int64_t base);
void random_full(View out, RandomEngine& engine);
void random_all64(View out, RandomEngine& engine);
void exponential(View out, RandomEngine& engine, double lambda);
void randperm(View out, RandomEngine& engine);
void poisson(View out, ConstView rate, RandomEngine& engine);
void binomial(View out, ConstView count, ConstView prob, RandomEngine& engine);
}  // namespace cpu

/// u * (to - from) + from, u in [0, 1) with as many bits as the type holds.
inline constinit Kernel<void(View, RandomEngine&, double, double)> uniform_kernel{"uniform",
                                                                                  &cpu::uniform};
/// Box and Muller, in blocks of 16 when contiguous and of 16 elements or more.
inline constinit Kernel<void(View, RandomEngine&, double, double)> normal_kernel{"normal",
                                                                                 &cpu::normal};
/// Integers in [base, base + range).
inline constinit Kernel<void(View, RandomEngine&, uint64_t, int64_t)> random_range_kernel{
    "random_range", &cpu::random_range};
/// Integers in [0, most], most being the type's largest (floating: the largest that is exact).
inline constinit Kernel<void(View, RandomEngine&)> random_full_kernel{"random_full",
                                                                      &cpu::random_full};
/// All of int64.
inline constinit Kernel<void(View, RandomEngine&)> random_all64_kernel{"random_all64",
                                                                       &cpu::random_all64};
/// -ln(1 - u) / lambda.
inline constinit Kernel<void(View, RandomEngine&, double)> exponential_kernel{"exponential",
                                                                              &cpu::exponential};
/// A random order of 0 to n - 1; out is contiguous.
inline constinit Kernel<void(View, RandomEngine&)> randperm_kernel{"randperm", &cpu::randperm};
/// Counts with these rates, finite and not negative; float64, contiguous.
inline constinit Kernel<void(View, ConstView, RandomEngine&)> poisson_kernel{"poisson",
                                                                             &cpu::poisson};
/// Successes in count (a whole number) trials of probability prob; float64, contiguous.
inline constinit Kernel<void(View, ConstView, ConstView, RandomEngine&)> binomial_kernel{
    "binomial", &cpu::binomial};

}  // namespace taper
