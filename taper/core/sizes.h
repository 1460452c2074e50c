#pragma once

#include <cstdint>
#include <optional>

#include "taper/base/array_ref.h"
#include "taper/base/error.h"
#include "taper/core/memory_format.h"
#include "taper/core/scalar_type.h"

// Rules of sizes, strides, broadcasting: pure functions, no tensors.
namespace taper TAPER_API {

/// Tensors have at most this many dimensions (as in PyTorch's kernels).
inline constexpr int64_t kMaxDims = 64;

/// Product of sizes. Throws a ShapeError named op on a negative size, on more than kMaxDims
/// dimensions, and when elements or bytes overflow, zeros ignored.
int64_t checked_numel(const char* op, IntArrayRef sizes, int64_t item_size);
/// Bytes from the first to past the last element reached; throws on overflow or negative strides.
int64_t checked_extent(const char* op, IntArrayRef sizes, IntArrayRef strides, int64_t offset,
                       int64_t item_size);

DimVector contiguous_strides(IntArrayRef sizes);
/// Strides of the format; ChannelsLast takes 4 dimensions, ChannelsLast3d 5.
DimVector strides_of(const char* op, IntArrayRef sizes, MemoryFormat format);
bool is_contiguous(IntArrayRef sizes, IntArrayRef strides, int64_t numel);
bool is_channels_last(IntArrayRef sizes, IntArrayRef strides);
bool is_non_overlapping_and_dense(IntArrayRef sizes, IntArrayRef strides);
/// Whether two indices may reach one element (a stride of 0, or dimensions that interleave).
bool has_internal_overlap(IntArrayRef sizes, IntArrayRef strides);

/// dim in [0, rank), from [-rank, rank); rank 0 counts as 1. Throws PyTorch's IndexError.
int64_t wrap_dim(int64_t dim, int64_t rank);
/// Wrapped dims as flags; throws on duplicates. An empty list means all.
void dim_mask(const char* op, IntArrayRef dims, int64_t rank, SmallVector<bool, 8>& mask);

/// Sizes that both broadcast to. Throws PyTorch's text.
DimVector broadcast_sizes(IntArrayRef a, IntArrayRef b);
/// Strides of a tensor expanded to sizes; throws PyTorch's expand texts.
void expand_strides(IntArrayRef sizes, IntArrayRef strides, IntArrayRef target,
                    DimVector& out_sizes, DimVector& out_strides);
/// True when sizes can be expanded to target.
bool is_expandable_to(IntArrayRef sizes, IntArrayRef target);

/// Resolves a single -1; throws "shape '[..]' is invalid for input of size N".
DimVector infer_size(IntArrayRef shape, int64_t numel);
/// Strides that view old memory in a new shape, or none when that needs a copy.
std::optional<DimVector> view_strides(IntArrayRef old_sizes, IntArrayRef old_strides,
                                      IntArrayRef new_sizes, int64_t numel);

}  // namespace taper
