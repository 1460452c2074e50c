#include "taper/ops/strided.h"

#include "taper/kernel/copy.h"
#include "taper/kernel/indexing.h"

namespace taper {
namespace {

TensorImplPtr part_of(const Tensor& whole, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  return TensorImpl::make("as_strided", sizes, strides, whole.scalar_type(), whole.impl().storage(),
                          whole.storage_offset() + offset);
}

}  // namespace

Tensor grad_or_zeros(const Backward& b, size_t i) {
  if (b.grad(i).defined()) return b.grad(i);
  Tensor zeros = new_tensor("zeros", b.output(i).sizes, b.output(i).dtype);
  fill_kernel(zeros.device(), out_view(zeros), 0);
  return zeros;
}

Tensor put_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  Tensor out = new_tensor("as_strided", sizes, x.scalar_type());
  // Nothing to clear where x covers all of it.
  const bool overlaps = has_internal_overlap(x.sizes(), strides);
  if (overlaps || x.numel() != out.numel()) fill_kernel(out.device(), out_view(out), 0);
  const TensorImplPtr part = part_of(out, x.sizes(), strides, offset);
  if (overlaps) {
    add_overlapping_kernel(out.device(), View(part.get()), in(x));
  } else {
    copy_kernel(out.device(), View(part.get()), in(x));
  }
  if (needs_grad(x)) {
    record({.name = "PutStridedBackward",
            .outputs = {out},
            .inputs = {x},
            .backward = [strides = DimVector(strides), offset](Backward& b) {
              b.set(0, take_strided(b.grad(), b.sizes(0), strides, offset));
            }});
  }
  return out;
}

Tensor take_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  const Tensor whole = x.contiguous();
  Tensor out = new_tensor("as_strided", sizes, x.scalar_type());
  const TensorImplPtr part = part_of(whole, sizes, strides, offset);
  copy_kernel(out.device(), out_view(out), ConstView(part.get()));
  if (needs_grad(x)) {
    record({.name = "TakeStridedBackward",
            .outputs = {out},
            .inputs = {x},
            .backward = [strides = DimVector(strides), offset](Backward& b) {
              b.set(0, put_strided(b.grad(), b.sizes(0), strides, offset));
            }});
  }
  return out;
}

}  // namespace taper
