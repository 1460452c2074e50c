#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Reads and writes at computed places. Operands have one dtype, but for indices (int64 or int32).
// Writes happen in the order of the indices, whatever the thread count, so the last of several to
// one place wins and sums are the same each time.
namespace taper {

/// What a write does with the value that is there.
enum class Scatter : uint8_t { assign, add, multiply, amax, amin };

/// Which of self's dimensions are indexed: `count` of them from `first` on.
struct IndexedDims {
  int64_t first;
  int64_t count;
};

namespace cpu {
void add_overlapping(View out, ConstView x);
void flip(View out, ConstView x, uint64_t dims);
void index_offsets(View offsets, ConstView index, int64_t size, int64_t stride, int64_t dim,
                   bool wrap, const char* op);
void take_points(View out, ConstView self, ConstView offsets, IndexedDims dims);
void put_points(View self, ConstView values, ConstView offsets, IndexedDims dims, Scatter how);
void gather(View out, ConstView self, ConstView index, int64_t dim, const char* op);
void scatter(View self, ConstView index, ConstView src, int64_t dim, Scatter how, bool check_first,
             const char* op);
}  // namespace cpu

/// out += x, elements in row-major order, where elements of out may share memory.
inline constinit Kernel<void(View, ConstView)> add_overlapping_kernel{
    "add_overlapping", &cpu::add_overlapping, Numbers::kAny};
/// out, contiguous: x with the order along the dimensions of the mask reversed.
inline constinit Kernel<void(View, ConstView, uint64_t)> flip_kernel{"flip", &cpu::flip,
                                                                     Numbers::kAny};
/// offsets (int64, contiguous, as many elements as index) += index * stride. Throws an IndexError
/// that names op and dim unless each index is in [0, size), or in [-size, size) with wrap.
inline constinit Kernel<void(View, ConstView, int64_t, int64_t, int64_t, bool, const char*)>
    index_offsets_kernel{"index_offsets", &cpu::index_offsets};
/// out[before, j, after] = self at offsets[j] for the indexed dimensions. out is contiguous, with
/// one dimension, of offsets' length, in place of the indexed ones.
inline constinit Kernel<void(View, ConstView, ConstView, IndexedDims)> take_points_kernel{
    "take_points", &cpu::take_points, Numbers::kAny};
/// The other direction: self at offsets[j] gets values[before, j, after], of any strides.
inline constinit Kernel<void(View, ConstView, ConstView, IndexedDims, Scatter)> put_points_kernel{
    "put_points", &cpu::put_points, Numbers::kAny};
/// out[i, j, k] = self[i, index[i, j, k], k] for dim 1; out has index's sizes. Throws an
/// IndexError that names op when an index is not in [0, size).
inline constinit Kernel<void(View, ConstView, ConstView, int64_t, const char*)> gather_kernel{
    "gather", &cpu::gather, Numbers::kAny};
/// self[i, index[i, j, k], k] gets src[i, j, k] for dim 1; src is at least as large as index.
/// Throws an IndexError that names op when an index is not in [0, size): with check_first before
/// anything is written, which takes a pass of its own; without, somewhere on the way.
inline constinit Kernel<void(View, ConstView, ConstView, int64_t, Scatter, bool, const char*)>
    scatter_kernel{"scatter", &cpu::scatter, Numbers::kAny};

}  // namespace taper
