#include "taper/data/gather.h"

#include <algorithm>
#include <cstring>

#include "taper/base/parallel.h"
#include "taper/core/sizes.h"

namespace taper::data {
namespace {

// Below this many bytes a thread costs more than it saves.
constexpr int64_t kGrainBytes = 256 * 1024;

template <class Row>
void gather_small(const char* from, int64_t stride, char* to, const size_t* indices, int64_t first,
                  int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    std::memcpy(to + i * int64_t{sizeof(Row)}, from + static_cast<int64_t>(indices[i]) * stride,
                sizeof(Row));
  }
}

void gather_large(const char* from, int64_t stride, size_t row, char* to, const size_t* indices,
                  int64_t first, int64_t last) {
  // Rows lie anywhere: the next one is asked for while this one is copied.
  constexpr size_t kLine = 64, kAhead = 16 * kLine;
  for (int64_t i = first; i < last; ++i) {
    if (i + 1 < last) {
      const char* next = from + static_cast<int64_t>(indices[i + 1]) * stride;
      for (size_t at = 0; at < std::min(row, kAhead); at += kLine) __builtin_prefetch(next + at);
    }
    std::memcpy(to + i * static_cast<int64_t>(row),
                from + static_cast<int64_t>(indices[i]) * stride, row);
  }
}

// Copies one row of any strides, dimension by dimension.
char* copy_row(const char* from, IntArrayRef sizes, IntArrayRef strides, size_t item, char* to) {
  if (sizes.empty()) {
    std::memcpy(to, from, item);
    return to + item;
  }
  for (int64_t i = 0; i < sizes[0]; ++i) {
    to = copy_row(from + i * strides[0] * static_cast<int64_t>(item), sizes.slice(1),
                  strides.slice(1), item, to);
  }
  return to;
}

}  // namespace

Tensor gather_rows(const Tensor& source, ArrayRef<size_t> indices) {
  TAPER_CHECK_AS(ShapeError, source.dim() > 0,
                 "gather_rows: expected a tensor with rows, got one of 0 dimensions");
  const int64_t rows = source.size(0);
  for (const size_t index : indices) {
    TAPER_CHECK_AS(IndexError, index < static_cast<size_t>(rows), "gather_rows: index ", index,
                   " is out of bounds for dimension 0 with size ", rows);
  }
  DimVector sizes(source.sizes());
  sizes[0] = static_cast<int64_t>(indices.size());
  Tensor result(TensorImpl::empty("gather_rows", sizes, source.scalar_type()));
  if (result.numel() == 0) return result;
  const size_t item = source.itemsize();
  const IntArrayRef row_sizes = source.sizes().slice(1), row_strides = source.strides().slice(1);
  const int64_t row_items = result.numel() / sizes[0];
  const size_t row = static_cast<size_t>(row_items) * item;
  const int64_t stride = source.stride(0) * static_cast<int64_t>(item);
  const char* from = static_cast<const char*>(source.const_data_ptr());
  char* to = static_cast<char*>(result.data_ptr());
  const bool dense = is_contiguous(row_sizes, row_strides, row_items);
  parallel_for(0, sizes[0], std::max<int64_t>(1, kGrainBytes / static_cast<int64_t>(row)),
               [&](int64_t first, int64_t last) {
                 if (!dense) {
                   for (int64_t i = first; i < last; ++i) {
                     copy_row(from + static_cast<int64_t>(indices[i]) * stride, row_sizes,
                              row_strides, item, to + i * static_cast<int64_t>(row));
                   }
                 } else if (row == 8) {
                   gather_small<uint64_t>(from, stride, to, indices.data(), first, last);
                 } else if (row == 4) {
                   gather_small<uint32_t>(from, stride, to, indices.data(), first, last);
                 } else {
                   gather_large(from, stride, row, to, indices.data(), first, last);
                 }
               });
  return result;
}

}  // namespace taper::data
