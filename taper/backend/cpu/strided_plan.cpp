#include "taper/backend/cpu/strided_plan.h"

namespace taper::cpu {

void StridedPlan::build(const ConstView& out, const ConstView* inputs, int count) {
  operands = count + 1;
  rank = 0;
  const int64_t dims = out.dim();
  const int64_t out_item = elementSize(out.dtype());
  int64_t items[kMaxOperands];
  for (int p = 0; p < count; ++p) {
    items[p] = inputs[p].defined() ? elementSize(inputs[p].dtype()) : 0;
  }
  for (int64_t d = dims - 1; d >= 0; --d) {
    if (out.size(d) == 1) continue;
    const int64_t out_stride = out.stride(d) * out_item;
    int at = rank++;
    for (; at > 0 && strides[0][at - 1] > out_stride; --at) {
      size[at] = size[at - 1];
      for (int p = 0; p < operands; ++p) strides[p][at] = strides[p][at - 1];
    }
    size[at] = out.size(d);
    strides[0][at] = out_stride;
    for (int p = 0; p < count; ++p) {
      int64_t stride = 0;
      const int64_t own = items[p] == 0 ? -1 : d - (dims - inputs[p].dim());
      if (own >= 0 && inputs[p].size(own) != 1) stride = inputs[p].stride(own) * items[p];
      strides[p + 1][at] = stride;
    }
  }
  if (rank == 0) {
    size[0] = 1;
    strides[0][0] = out_item;
    for (int p = 0; p < count; ++p) strides[p + 1][0] = items[p];
  }
  int last = 0;
  for (int d = 1; d < rank; ++d) {
    bool merge = true;
    for (int p = 0; p < operands; ++p) merge &= strides[p][d] == size[last] * strides[p][last];
    if (merge) {
      size[last] *= size[d];
      continue;
    }
    ++last;
    size[last] = size[d];
    for (int p = 0; p < operands; ++p) strides[p][last] = strides[p][d];
  }
  rank = last + 1;
}

void StridedPlan::drop(int d) {
  --rank;
  for (int k = d; k < rank; ++k) {
    size[k] = size[k + 1];
    for (int p = 0; p < operands; ++p) strides[p][k] = strides[p][k + 1];
  }
}

int64_t StridedPlan::numel() const {
  int64_t n = 1;
  for (int d = 0; d < rank; ++d) n *= size[d];
  return n;
}

void StridedCursor::seek(const StridedPlan& plan, char* const* bases, int64_t linear) {
  for (int p = 0; p < plan.operands; ++p) at[p] = bases[p];
  for (int d = 0; d < plan.rank; ++d) {
    index[d] = linear % plan.size[d];
    linear /= plan.size[d];
    for (int p = 0; p < plan.operands; ++p) at[p] += index[d] * plan.strides[p][d];
  }
}

}  // namespace taper::cpu
