#include "taper/core/sizes.h"

#include <algorithm>

namespace taper {

int64_t checked_numel(const char* op, IntArrayRef sizes, int64_t item_size) {
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(sizes.size()) <= kMaxDims, op, ": got ",
                 sizes.size(), " dimensions, expected at most ", kMaxDims);
  int64_t numel = 1, nonzero = item_size;
  bool overflow = false;
  for (int64_t size : sizes) {
    TAPER_CHECK_AS(ShapeError, size >= 0, op, ": Trying to create tensor with negative dimension ",
                   size, ": ", sizes);
    numel = size == 0 || numel == 0 ? 0 : numel;
    if (numel != 0) overflow |= __builtin_mul_overflow(numel, size, &numel);
    // An empty tensor whose other sizes overflow is refused too: its strides would be wrong.
    if (size != 0) overflow |= __builtin_mul_overflow(nonzero, size, &nonzero);
  }
  TAPER_CHECK_AS(ShapeError, !overflow, op, ": sizes ", sizes,
                 " give more elements or bytes than 64 bits hold (numel: integer multiplication "
                 "overflow)");
  return numel;
}

int64_t checked_extent(const char* op, IntArrayRef sizes, IntArrayRef strides, int64_t offset,
                       int64_t item_size) {
  TAPER_CHECK_AS(ShapeError, sizes.size() == strides.size(), op,
                 ": mismatch in length of strides and shape, got ", strides.size(), " and ",
                 sizes.size());
  TAPER_CHECK_AS(ShapeError, offset >= 0, op, ": storage offset must be non-negative, got ",
                 offset);
  int64_t last = offset;
  bool overflow = false, empty = false;
  for (size_t d = 0; d < sizes.size(); ++d) {
    TAPER_CHECK_AS(ShapeError, strides[d] >= 0, op,
                   ": Negative strides are not supported at the moment, got strides: ", strides);
    if (sizes[d] == 0) {
      empty = true;
      continue;
    }
    int64_t step = 0;
    overflow |= __builtin_mul_overflow(sizes[d] - 1, strides[d], &step);
    overflow |= __builtin_add_overflow(last, step, &last);
  }
  int64_t bytes = 0;
  overflow |= __builtin_add_overflow(last, 1, &last);
  overflow |= __builtin_mul_overflow(last, item_size, &bytes);
  TAPER_CHECK_AS(ShapeError, !overflow, op, ": sizes ", sizes, " and strides ", strides,
                 " reach past 64 bits");
  return empty ? 0 : bytes;
}

DimVector contiguous_strides(IntArrayRef sizes) {
  DimVector strides(sizes.size());
  int64_t step = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

DimVector strides_of(const char* op, IntArrayRef sizes, MemoryFormat format) {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) {
    return contiguous_strides(sizes);
  }
  const size_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  TAPER_CHECK_AS(ShapeError, sizes.size() == rank, op, ": required rank ", rank,
                 " tensor to use channels_last format, got sizes ", sizes);
  DimVector strides(rank);
  int64_t step = 1;
  auto place = [&](size_t d) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  };
  place(1);
  for (size_t d = rank; d-- > 2;) place(d);
  place(0);
  return strides;
}

bool is_contiguous(IntArrayRef sizes, IntArrayRef strides, int64_t numel) {
  if (numel == 0) return true;
  int64_t step = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] == 1) continue;
    if (strides[d] != step) return false;
    step *= sizes[d];
  }
  return true;
}

bool is_channels_last(IntArrayRef sizes, IntArrayRef strides) {
  const size_t rank = sizes.size();
  if (rank != 4 && rank != 5) return false;
  int64_t step = 1;
  auto fits = [&](size_t d) {
    if (sizes[d] != 1 && strides[d] != step) return false;
    step *= sizes[d];
    return true;
  };
  if (!fits(1)) return false;
  for (size_t d = rank; d-- > 2;) {
    if (!fits(d)) return false;
  }
  return fits(0);
}

namespace {
// Dimensions of size > 1, smallest stride first.
SmallVector<size_t, 6> by_stride(IntArrayRef sizes, IntArrayRef strides) {
  SmallVector<size_t, 6> order;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] > 1) order.push_back(d);
  }
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return strides[a] < strides[b]; });
  return order;
}
}  // namespace

bool is_non_overlapping_and_dense(IntArrayRef sizes, IntArrayRef strides) {
  for (int64_t s : sizes) {
    if (s == 0) return true;
  }
  int64_t step = 1;
  for (size_t d : by_stride(sizes, strides)) {
    if (strides[d] != step) return false;
    step *= sizes[d];
  }
  return true;
}

bool has_internal_overlap(IntArrayRef sizes, IntArrayRef strides) {
  for (int64_t s : sizes) {
    if (s == 0) return false;
  }
  int64_t reach = 0;  // last offset that the smaller strides cover
  for (size_t d : by_stride(sizes, strides)) {
    if (strides[d] <= reach) return true;
    reach += (sizes[d] - 1) * strides[d];
  }
  return false;
}

int64_t wrap_dim(int64_t dim, int64_t rank) {
  const int64_t range = std::max<int64_t>(rank, 1);
  TAPER_CHECK_AS(IndexError, dim >= -range && dim < range,
                 "Dimension out of range (expected to be in range of [", -range, ", ", range - 1,
                 "], but got ", dim, ")");
  return dim < 0 ? dim + range : dim;
}

void dim_mask(const char* op, IntArrayRef dims, int64_t rank, SmallVector<bool, 8>& mask) {
  mask.clear();
  mask.resize(std::max<int64_t>(rank, 1), dims.empty());
  for (int64_t dim : dims) {
    const int64_t d = wrap_dim(dim, rank);
    TAPER_CHECK_AS(ShapeError, !mask[d], op, ": dim ", d,
                   " appears multiple times in the list of dims");
    mask[d] = true;
  }
}

DimVector broadcast_sizes(IntArrayRef a, IntArrayRef b) {
  const size_t rank = std::max(a.size(), b.size());
  DimVector out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t sa = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t sb = i < b.size() ? b[b.size() - 1 - i] : 1;
    TAPER_CHECK_AS(ShapeError, sa == sb || sa == 1 || sb == 1, "The size of tensor a (", sa,
                   ") must match the size of tensor b (", sb, ") at non-singleton dimension ",
                   rank - 1 - i, ", got ", a, " and ", b);
    out[rank - 1 - i] = sa == 1 ? sb : sa;
  }
  return out;
}

void expand_strides(IntArrayRef sizes, IntArrayRef strides, IntArrayRef target,
                    DimVector& out_sizes, DimVector& out_strides) {
  const size_t rank = target.size(), old_rank = sizes.size();
  out_sizes.assign(target.begin(), target.end());
  out_strides.clear();
  out_strides.resize(rank);
  for (size_t i = rank; i-- > 0;) {
    const int64_t old = static_cast<int64_t>(i + old_rank) - static_cast<int64_t>(rank);
    const int64_t size = old >= 0 ? sizes[old] : 1;
    if (target[i] == -1) {
      TAPER_CHECK_AS(ShapeError, old >= 0,
                     "expand: The expanded size of the tensor (-1) isn't "
                     "allowed in a leading, non-existing dimension ",
                     i);
      out_sizes[i] = size;
    }
    if (old >= 0 && size == out_sizes[i]) {
      out_strides[i] = strides[old];
    } else {
      TAPER_CHECK_AS(ShapeError, size == 1 && out_sizes[i] >= 0,
                     "The expanded size of the tensor (", out_sizes[i],
                     ") must match the existing size (", size, ") at non-singleton dimension ", i,
                     ".  Target sizes: ", target, ".  Tensor sizes: ", sizes);
      out_strides[i] = 0;
    }
  }
}

bool is_expandable_to(IntArrayRef sizes, IntArrayRef target) {
  if (sizes.size() > target.size()) return false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t s = sizes[sizes.size() - 1 - i];
    if (s != 1 && s != target[target.size() - 1 - i]) return false;
  }
  return true;
}

DimVector infer_size(IntArrayRef shape, int64_t numel) {
  DimVector out(shape.begin(), shape.end());
  int64_t known = 1, inferred = -1;
  bool overflow = false;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1) {
      TAPER_CHECK_AS(ShapeError, inferred < 0, "view: only one dimension can be inferred, got ",
                     shape);
      inferred = static_cast<int64_t>(d);
    } else {
      TAPER_CHECK_AS(ShapeError, shape[d] >= 0, "view: invalid shape dimension ", shape[d]);
      overflow |= __builtin_mul_overflow(known, shape[d], &known);
    }
  }
  if (!overflow && inferred >= 0 && known == 0 && numel == 0) {
    TAPER_CHECK_AS(ShapeError, false, "cannot reshape tensor of 0 elements into shape ", shape,
                   " because the unspecified dimension size -1 can be any value and is ambiguous");
  }
  const bool fits = !overflow && (inferred >= 0 ? known > 0 && numel % known == 0 : known == numel);
  TAPER_CHECK_AS(ShapeError, fits, "shape '", shape, "' is invalid for input of size ", numel);
  if (inferred >= 0) out[inferred] = numel / known;
  return out;
}

std::optional<DimVector> view_strides(IntArrayRef old_sizes, IntArrayRef old_strides,
                                      IntArrayRef new_sizes, int64_t numel) {
  if (numel == 0) {
    if (old_sizes == new_sizes) return DimVector(old_strides.begin(), old_strides.end());
    return contiguous_strides(new_sizes);
  }
  DimVector strides(new_sizes.size(), 1);
  if (old_sizes.empty()) return strides;
  // Walk from the last dimension: old dimensions that continue each other form a chunk, and a
  // chunk must be split exactly by new dimensions.
  int64_t view_d = static_cast<int64_t>(new_sizes.size()) - 1;
  int64_t chunk_stride = old_strides.back(), chunk = 1, viewed = 1;
  for (int64_t d = static_cast<int64_t>(old_sizes.size()) - 1; d >= 0; --d) {
    chunk *= old_sizes[d];
    const bool ends =
        d == 0 || (old_sizes[d - 1] != 1 && old_strides[d - 1] != chunk * chunk_stride);
    if (!ends) continue;
    while (view_d >= 0 && (viewed < chunk || new_sizes[view_d] == 1)) {
      strides[view_d] = viewed * chunk_stride;
      viewed *= new_sizes[view_d];
      --view_d;
    }
    if (viewed != chunk) return std::nullopt;
    if (d > 0) {
      chunk_stride = old_strides[d - 1];
      chunk = viewed = 1;
    }
  }
  if (view_d != -1) return std::nullopt;
  return strides;
}

}  // namespace taper
