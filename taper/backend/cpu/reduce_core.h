#pragma once

#include <cstdint>

#include "taper/backend/cpu/scratch.h"
#include "taper/core/scalar_type.h"

// What the vector code of a reduction (reduce_core.cpp) and the walk over a tensor (reduction.cpp)
// know of each other. A chunk is up to kChunk consecutive elements of the merged inner reduced
// dimensions; element i of a chunk goes to partial i % kPartials.
namespace taper::cpu {

inline constexpr int64_t kPartials = 64;
inline constexpr int64_t kChunk = 4096;
/// Reduced dimensions are merged from the last one until they hold this many elements.
inline constexpr int64_t kMergeUntil = 256;

enum class CoreOp : uint8_t { sum, abs_sum, sq_sum, prod, max, min, argmax, argmin, var };

/// Result of a chunk for argmax and argmin.
template <class T>
struct ValueIndex {
  T value;
  int64_t index;
};
/// Result of a chunk for var: mean, and the sum of squares about it.
struct Moments {
  double mean;
  double m2;
};

/// Converts n elements, stride apart (in elements), to consecutive ones of the working type.
using LoadFn = void (*)(const void* source, int64_t stride, int64_t n, void* target);
using StoreFn = void (*)(const void* source, int64_t n, void* target, int64_t stride);

/// Elements of a reduced sequence as stretches of equal stride.
struct RunList {
  int count = 0;  // dimensions, outermost first
  const int64_t* sizes = nullptr;
  const int64_t* strides = nullptr;
};

/// Rows of a block of columns, in order, for the column cores: each call of next() gives a stretch
/// of rows that lie row_stride apart, in the working type.
class RowSource {
 public:
  static constexpr int64_t kConvertRows = 32;

  RowSource(const RunList& runs, const char* base, int64_t item, int64_t first, int64_t count,
            int64_t columns, LoadFn load, char* buffer, int64_t work_item)
      : runs_(runs),
        base_(base),
        item_(item),
        first_(first),
        count_(count),
        columns_(columns),
        load_(load),
        buffer_(buffer),
        work_item_(work_item) {}
  void rewind() { done_ = 0; }
  bool next(const void*& rows, int64_t& row_stride, int64_t& row_count);
  int64_t row_count() const { return count_; }
  int64_t columns() const { return columns_; }

 private:
  RunList runs_;
  const char* base_;
  int64_t item_, first_, count_, columns_;
  LoadFn load_;  // null: the elements have the working type
  char* buffer_;
  int64_t work_item_;
  int64_t done_ = 0;
};

/// The vector code of one operation on one working type (float, double or int64). Rows are
/// contiguous and at most kChunk long; results are T, ValueIndex<T> or Moments.
struct ReduceCore {
  void (*rows)(const void* x, int64_t row_stride, int64_t row_count, int64_t n, void* results);
  void (*columns)(RowSource& rows, void* results);
};

/// Most columns of a block for a working type of item bytes.
constexpr int64_t column_block(int64_t item) { return 512 / item; }

const ReduceCore& reduce_core(CoreOp op, ScalarType work);
/// From any type to the working type; nonzero: 1 where the element is not 0.
LoadFn load_function(ScalarType from, ScalarType work);
LoadFn load_nonzero_function(ScalarType from);
/// From the working type to any type.
StoreFn store_function(ScalarType work, ScalarType to);

/// float for float and half types, double, or int64.
constexpr ScalarType work_type(ScalarType t) {
  if (t == kDouble) return kDouble;
  return isFloatingType(t) ? kFloat : kLong;
}

}  // namespace taper::cpu
