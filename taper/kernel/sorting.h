#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// The order of elements along one dimension. NaN is the largest value, -0 equals 0, and of equal
// elements the one that comes first is first in either direction. values has x's type, indices is
// int64; either may be undefined. Any strides; a tensor without dimensions is a line of one
// element.
namespace taper {

/// Which element of a line kth() picks.
enum class Rank : uint8_t {
  kth,        ///< the k-th smallest, k from 1
  median,     ///< the lower median, or the first NaN
  nanmedian,  ///< the lower median of what is no NaN, or NaN
  mode,       ///< the last of the values that stand most often, the smallest of several
};

namespace cpu {
void sort(View values, View indices, ConstView x, int64_t dim, bool descending);
void kth(View values, View indices, ConstView x, int64_t dim, Rank rank, int64_t k);
void search(View positions, ConstView sorted, ConstView x, bool right);
}  // namespace cpu

/// The first elements along dim in ascending (descending) order, as many as the outputs hold there.
inline constinit Kernel<void(View, View, ConstView, int64_t, bool)> sort_kernel{"sort", &cpu::sort};
/// One element of each line, which is not empty: the outputs have x's sizes with size 1 along dim.
inline constinit Kernel<void(View, View, ConstView, int64_t, Rank, int64_t)> kth_kernel{"kth",
                                                                                        &cpu::kth};
/// Where each element of x belongs in its line of sorted: the number of elements below it, or
/// (right) not above it. sorted is contiguous, of x's type, one-dimensional or with x's leading
/// sizes; positions is int64 or int32 and, as x, contiguous.
inline constinit Kernel<void(View, ConstView, ConstView, bool)> search_kernel{"search",
                                                                              &cpu::search};

}  // namespace taper
