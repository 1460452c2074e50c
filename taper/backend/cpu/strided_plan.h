#pragma once

#include <cstdint>

#include "taper/core/sizes.h"
#include "taper/core/tensor_view.h"

namespace taper::cpu {

/// The order in which operands of any strides are walked together. Operand 0 is written.
struct StridedPlan {
  static constexpr int kMaxOperands = 4;

  int operands = 0;
  int rank = 0;                             ///< at least 1
  int64_t size[kMaxDims];                   ///< innermost first
  int64_t strides[kMaxOperands][kMaxDims];  ///< in bytes; 0 where an operand is broadcast

  /// Orders dimensions by out's strides and merges those that all operands walk as one. An
  /// undefined input is one element for all places. Inputs expand to out's sizes.
  void build(const ConstView& out, const ConstView* inputs, int count);
  /// Without dimension d.
  void drop(int d);
  int64_t numel() const;
};

/// A place in a plan: indices, and each operand's address.
struct StridedCursor {
  int64_t index[kMaxDims];
  char* at[StridedPlan::kMaxOperands];

  void seek(const StridedPlan& plan, char* const* bases, int64_t linear);
  /// By n elements within the innermost dimension, and into the next row at its end.
  void advance(const StridedPlan& plan, int64_t n) {
    index[0] += n;
    for (int p = 0; p < plan.operands; ++p) at[p] += n * plan.strides[p][0];
    for (int d = 0; index[d] == plan.size[d] && d + 1 < plan.rank; ++d) {
      index[d] = 0;
      ++index[d + 1];
      for (int p = 0; p < plan.operands; ++p) {
        at[p] += plan.strides[p][d + 1] - plan.size[d] * plan.strides[p][d];
      }
    }
  }
};

}  // namespace taper::cpu
