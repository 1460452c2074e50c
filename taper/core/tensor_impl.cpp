#include "taper/core/tensor_impl.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "taper/base/thread_state.h"
#include "taper/core/sizes.h"
#include "taper/core/thread_cache.h"

namespace taper {

TensorImpl* TensorImpl::allocate() {
  TensorImpl* impl =
      new (detail::allocate(sizeof(TensorImpl))) TensorImpl;  // () would clear it first
  impl->inference_ = thread_state.inference_mode;
  return impl;
}

void TensorImpl::use_heap_dims(uint32_t rank) {
  dims_ = static_cast<int64_t*>(detail::allocate(2 * rank * sizeof(int64_t)));
  stride_start_ = static_cast<uint8_t>(rank);
}

void TensorImpl::place_dims(IntArrayRef sizes, IntArrayRef strides) {
  const uint32_t rank = static_cast<uint32_t>(sizes.size());
  if (rank > kInlineDims) use_heap_dims(rank);
  rank_ = static_cast<uint8_t>(rank);
  for (uint32_t d = 0; d < rank; ++d) {
    dims_[d] = sizes[d];
    dims_[stride_start_ + d] = strides[d];
  }
}

void TensorImpl::release_dims() noexcept {
  if (dims_ != inline_dims_) detail::deallocate(dims_, 2 * rank_ * sizeof(int64_t));
  dims_ = inline_dims_;
  stride_start_ = kInlineDims;
  rank_ = 0;
}

void TensorImpl::destroy(TensorImpl* impl) noexcept {
  if (impl->autograd_ != nullptr) impl->autograd_->destroy();
  impl->release_dims();
  impl->~TensorImpl();
  detail::deallocate(impl, sizeof(TensorImpl));
}

TensorImplPtr TensorImpl::make(const char* op, IntArrayRef sizes, IntArrayRef strides,
                               ScalarType dtype, StoragePtr storage, int64_t offset) {
  const int64_t item = elementSize(dtype);
  TAPER_CHECK_AS(DTypeError, item > 0, op, ": expected a defined dtype");
  const int64_t numel = checked_numel(op, sizes, item);
  const int64_t bytes = checked_extent(op, sizes, strides, offset, item);
  if (!storage) {
    storage = StoragePtr::adopt(StorageImpl::create(static_cast<size_t>(bytes)));
  }
  TAPER_CHECK_AS(ShapeError, bytes <= static_cast<int64_t>(storage->nbytes()), op,
                 ": setStorage: sizes ", sizes, ", strides ", strides, ", storage offset ", offset,
                 ", and itemsize ", item, " requiring a storage size of ", bytes,
                 " are out of bounds for storage of size ", storage->nbytes());
  TensorImplPtr impl = TensorImplPtr::adopt(allocate());
  impl->dtype_ = dtype;
  impl->device_ = storage->device();
  impl->storage_ = std::move(storage);
  impl->offset_ = offset;
  impl->numel_ = numel;
  impl->place_dims(sizes, strides);
  impl->contiguous_ = taper::is_contiguous(sizes, strides, numel);
  return impl;
}

TensorImplPtr TensorImpl::empty(const char* op, IntArrayRef sizes, ScalarType dtype) {
  const int64_t item = elementSize(dtype);
  const size_t rank = sizes.size();
  // One walk counts, checks and places; anything unusual goes the careful way for its error.
  int64_t numel = 1;
  bool usual = item > 0 && rank <= kInlineDims;
  int64_t strides[kInlineDims];
  if (usual) [[likely]] {
    for (size_t d = rank; d-- > 0;) {
      strides[d] = numel;
      usual &= sizes[d] > 0 && !__builtin_mul_overflow(numel, sizes[d], &numel);
    }
    usual &= numel < (int64_t{1} << 59);
  }
  if (!usual) [[unlikely]]
    return empty_checked(op, sizes, dtype);
  TensorImplPtr result = TensorImplPtr::adopt(allocate());
  TensorImpl* const impl = result.get();
  new (&impl->storage_)
      StoragePtr(StoragePtr::adopt(StorageImpl::create(static_cast<size_t>(numel * item))));
  impl->dtype_ = dtype;
  impl->numel_ = numel;
  impl->rank_ = static_cast<uint8_t>(rank);
  for (size_t d = 0; d < rank; ++d) {
    impl->inline_dims_[d] = sizes[d];
    impl->inline_dims_[kInlineDims + d] = strides[d];
  }
  return result;
}

TensorImplPtr TensorImpl::empty_checked(const char* op, IntArrayRef sizes, ScalarType dtype) {
  const int64_t item = elementSize(dtype);
  TAPER_CHECK_AS(DTypeError, item > 0, op, ": expected a defined dtype");
  const int64_t numel = checked_numel(op, sizes, item);
  TensorImplPtr impl = TensorImplPtr::adopt(allocate());
  impl->storage_ = StoragePtr::adopt(StorageImpl::create(static_cast<size_t>(numel * item)));
  impl->dtype_ = dtype;
  impl->numel_ = numel;
  impl->place_dims(sizes, contiguous_strides(sizes));
  return impl;
}

TensorImplPtr TensorImpl::empty_like(const TensorImpl& other, ScalarType dtype) {
  if (other.contiguous_) return empty("empty_like", other.sizes(), dtype);
  return make("empty_like", other.sizes(), other.strides(), dtype, nullptr, 0);
}

TensorImplPtr TensorImpl::alias(const TensorImpl& other) {
  TensorImplPtr impl = TensorImplPtr::adopt(allocate());
  impl->adopt(other);
  return impl;
}

TensorImplPtr TensorImpl::view(const TensorImpl& other, IntArrayRef sizes, IntArrayRef strides,
                               int64_t offset) {
  TensorImplPtr result = TensorImplPtr::adopt(allocate());
  TensorImpl* const impl = result.get();
  impl->dtype_ = other.dtype_;
  impl->device_ = other.device_;
  // Constructed in place: the assignment of a pointer would look for an old one to release.
  new (&impl->storage_) StoragePtr(other.storage_);
  impl->offset_ = offset;
  const size_t rank = sizes.size();
  impl->rank_ = static_cast<uint8_t>(rank);
  if (rank > kInlineDims) impl->use_heap_dims(static_cast<uint32_t>(rank));
  // One walk from the last dimension: copies, counts, and follows the row-major step.
  int64_t* const to_sizes = impl->dims_;
  int64_t* const to_strides = impl->dims_ + impl->stride_start_;
  int64_t numel = 1;
  bool row_major = true, overflow = false;
  for (size_t d = rank; d-- > 0;) {
    const int64_t size = sizes[d], stride = strides[d];
    to_sizes[d] = size;
    to_strides[d] = stride;
    row_major &= size == 1 || stride == numel;
    overflow |= __builtin_mul_overflow(numel, size, &numel);
  }
  TAPER_CHECK_AS(ShapeError, !overflow, "view: sizes ", sizes, " overflow");
  impl->numel_ = numel;
  impl->contiguous_ = row_major || numel == 0;
  impl->inference_ = other.inference_;
  if (!other.inference_) {
    TensorImpl* root = other.base_ ? other.base_.get() : const_cast<TensorImpl*>(&other);
    new (&impl->base_) TensorImplPtr(TensorImplPtr::share(root));
    impl->base_history_ = root->history_;
    impl->view_kind_ = thread_state.grad_enabled ? other.view_kind_ : ViewKind::kNoGrad;
  }
  return result;
}

TensorImplPtr TensorImpl::view_as(const TensorImpl& other, ScalarType dtype, IntArrayRef sizes,
                                  IntArrayRef strides, int64_t offset) {
  TensorImplPtr result = view(other, sizes, strides, offset);
  result->dtype_ = dtype;
  if (result->view_kind_ == ViewKind::kPlain) result->view_kind_ = ViewKind::kRetyped;
  return result;
}

void TensorImpl::set_geometry(const char* op, IntArrayRef sizes, IntArrayRef strides,
                              int64_t offset) {
  // Copied first: the arguments may point into this object.
  const DimVector new_sizes(sizes.begin(), sizes.end());
  const DimVector new_strides(strides.begin(), strides.end());
  const int64_t item = elementSize(dtype_);
  const int64_t numel = checked_numel(op, new_sizes, item);
  const int64_t bytes = checked_extent(op, new_sizes, new_strides, offset, item);
  TAPER_CHECK_AS(ShapeError, bytes <= static_cast<int64_t>(storage_->nbytes()), op,
                 ": setStorage: sizes ", new_sizes, ", strides ", new_strides, ", storage offset ",
                 offset, ", and itemsize ", item, " requiring a storage size of ", bytes,
                 " are out of bounds for storage of size ", storage_->nbytes());
  release_dims();
  place_dims(new_sizes, new_strides);
  numel_ = numel;
  offset_ = offset;
  contiguous_ = taper::is_contiguous(new_sizes, new_strides, numel);
}

void TensorImpl::adopt(const TensorImpl& other) {
  if (this == &other) return;
  storage_ = other.storage_;
  release_dims();
  place_dims(other.sizes(), other.strides());
  numel_ = other.numel_;
  offset_ = other.offset_;
  dtype_ = other.dtype_;
  device_ = other.device_;
  contiguous_ = other.contiguous_;
  inference_ = other.inference_;
}

}  // namespace taper
