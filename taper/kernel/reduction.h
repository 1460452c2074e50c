#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Reductions over a set of dimensions: bit d of dims is set when dimension d of x is reduced. out
// has x's rank with reduced sizes 1, or x's kept dimensions only; any strides. The order of every
// sum follows from the shape alone, so layout and thread count do not change a bit.
namespace taper {

/// What a reduction makes of its elements. Mean, norms and any/all end with a step of their own.
enum class ReduceOp : uint8_t {
  sum,      ///< in int64 for integers, float32 for half types
  mean,     ///< sum / count
  prod,     ///< as sum
  amax,     ///< NaN wins
  amin,     ///< NaN wins
  abs_sum,  ///< the 1-norm
  sq_norm,  ///< the 2-norm, sqrt(sum of x * x)
  any,      ///< x != 0 for some element
  all,      ///< x != 0 for every element
  count,    ///< number of elements != 0
};

enum class Scan : uint8_t { sum, sum_from_end, product, log_sum_exp };

namespace cpu {
void reduce(View out, ConstView x, uint64_t dims, ReduceOp what);
void max_with_index(View values, View indices, ConstView x, uint64_t dims, bool largest);
void var(View var, View mean, ConstView x, uint64_t dims, double correction, bool take_sqrt);
void cumulate(View out, ConstView x, int64_t dim, Scan what);
void running_position(View indices, ConstView x, int64_t dim, bool largest);
}  // namespace cpu

/// Elements are converted to out's dtype (half types to float32) before they are combined.
inline constinit Kernel<void(View, ConstView, uint64_t, ReduceOp)> reduce_kernel{"reduce",
                                                                                 &cpu::reduce};
/// The largest (or smallest) element and its row-major position among the reduced ones, an int64;
/// the first wins, NaN above all. Either output may be undefined.
inline constinit Kernel<void(View, View, ConstView, uint64_t, bool)> max_with_index_kernel{
    "max_with_index", &cpu::max_with_index};
/// sum((x - mean)^2) / max(0, count - correction), or its root; mean may be undefined.
inline constinit Kernel<void(View, View, ConstView, uint64_t, double, bool)> var_kernel{"var",
                                                                                        &cpu::var};
/// Running sum, product or ln-sum-exp along dim; float32 and half types run in double.
inline constinit Kernel<void(View, ConstView, int64_t, Scan)> cumulate_kernel{"cumulate",
                                                                              &cpu::cumulate};
/// Where the largest (or smallest) of the elements up to each one stands along dim, an int64; the
/// last wins, NaN above (or below) all.
inline constinit Kernel<void(View, ConstView, int64_t, bool)> running_position_kernel{
    "running_position", &cpu::running_position};

}  // namespace taper
