#pragma once

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Sums of sampled elements: padding, patches, resampling, grids and bags are products with a
// sparse matrix. Its row j holds the taps k in [first[j], first[j + 1]): the elements index[k],
// with weight[k], or 1 without weights. An index of -1 adds nothing. first and index are int64; all
// operands are contiguous.
namespace taper {

namespace cpu {
void sample(View out, ConstView x, ConstView first, ConstView index, ConstView weight, int64_t dim);
void sample_transposed(View out, ConstView grad, ConstView first, ConstView index,
                       ConstView weight);
void sample_weights(View out, ConstView grad, ConstView x, ConstView first, ConstView index);
void sample_argmax(View out, ConstView x, ConstView first, ConstView index);
void transpose_taps(View first_out, View index_out, View entry, ConstView first, ConstView index);
}  // namespace cpu

/// out[a, j, b] = sum over j's taps of weight[k] x[a, index[k], b], dim being the second of these
/// three groups of dimensions; added in the order of the taps, from the first one on. Any dtype
/// without weights, floating ones with; half types add in float32.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, ConstView, int64_t)>
    sample_kernel{"sample", &cpu::sample};
/// The transpose for dim 0: out[i, b] = sum over the taps with index[k] = i of weight[k] grad[row
/// of k, b], in the order of k. float32 or float64.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, ConstView)>
    sample_transposed_kernel{"sample_transposed", &cpu::sample_transposed};
/// The weights' gradient for dim 0: out[k] = sum over b of grad[row of k, b] x[index[k], b].
/// float32 or float64.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView, ConstView)>
    sample_weights_kernel{"sample_weights", &cpu::sample_weights};
/// out[j, b] (int64) = the index[k] among j's taps with the largest x[index[k], b], the first of
/// equal ones, NaN before all; -1 without taps. Any dtype.
inline constinit Kernel<void(View, ConstView, ConstView, ConstView)> sample_argmax_kernel{
    "sample_argmax", &cpu::sample_argmax};
/// The transposed matrix, without the taps of index -1: row i holds, in the order of k, the rows of
/// the taps with index[k] = i; entry holds their k.
inline constinit Kernel<void(View, View, View, ConstView, ConstView)> transpose_taps_kernel{
    "transpose_taps", &cpu::transpose_taps};

}  // namespace taper
