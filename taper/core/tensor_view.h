#pragma once

#include <cstdint>

#include "taper/base/array_ref.h"
#include "taper/core/tensor_impl.h"

namespace taper {

/// What a kernel sees of a tensor it reads: geometry, memory, type; no autograd. It refers to a
/// TensorImpl that outlives the call. A default-made view stands for an absent optional tensor.
class ConstView {
 public:
  ConstView() = default;
  explicit ConstView(const TensorImpl* impl) : impl_(impl) {}

  bool defined() const { return impl_ != nullptr; }
  int64_t dim() const { return impl_->dim(); }
  IntArrayRef sizes() const { return impl_->sizes(); }
  IntArrayRef strides() const { return impl_->strides(); }
  int64_t size(int64_t d) const { return impl_->sizes()[d]; }
  int64_t stride(int64_t d) const { return impl_->strides()[d]; }
  int64_t numel() const { return impl_->numel(); }
  ScalarType dtype() const { return impl_->dtype(); }
  Device device() const { return impl_->device(); }
  bool is_contiguous() const { return impl_->is_contiguous(); }
  const StorageImpl& storage() const { return *impl_->storage(); }
  const TensorImpl* impl() const { return impl_; }
  const void* raw_data() const { return impl_->data(); }
  template <class T>
  const T* data() const {
    return static_cast<const T*>(impl_->data());
  }

 protected:
  const TensorImpl* impl_ = nullptr;
};

/// What a kernel sees of a tensor it writes. The op, not the kernel, bumps the version.
class View : public ConstView {
 public:
  using ConstView::ConstView;
  void* raw_data() const { return impl_->data(); }
  template <class T>
  T* data() const {
    return static_cast<T*>(impl_->data());
  }
};

}  // namespace taper
