#pragma once

#include <cstdint>

#include "taper/base/array_ref.h"
#include "taper/base/intrusive_ptr.h"
#include "taper/base/macros.h"
#include "taper/core/device.h"
#include "taper/core/scalar_type.h"
#include "taper/core/storage.h"

namespace taper TAPER_API {

/// What forbids writes in place to a view: it was made while gradients were off, is one of several
/// views of one node, came out of a custom function, or sees the numbers as another type.
enum class ViewKind : uint8_t { kPlain, kNoGrad, kMultiOutput, kCustomFunction, kRetyped };

/// What autograd keeps of a tensor; only autograd/ knows the type behind it. A tensor that takes
/// no part in a graph has none.
struct AutogradState {
  virtual ~AutogradState() = default;
  /// Ends the state and gives its memory back.
  virtual void destroy() noexcept = 0;
};

/// The object behind a Tensor: geometry over a shared storage. No cached data pointer.
class TensorImpl : public RefCounted {
 public:
  /// The one checked constructor: sizes, element count, bytes and bounds are verified for every
  /// tensor. Allocates a storage when none is given. op names the caller in errors.
  static IntrusivePtr<TensorImpl> make(const char* op, IntArrayRef sizes, IntArrayRef strides,
                                       ScalarType dtype, StoragePtr storage, int64_t offset);
  /// A new contiguous tensor.
  static IntrusivePtr<TensorImpl> empty(const char* op, IntArrayRef sizes, ScalarType dtype);
  /// A new tensor with the sizes and (dense) strides of another.
  static IntrusivePtr<TensorImpl> empty_like(const TensorImpl& other, ScalarType dtype);
  /// Another object with the same geometry over the same storage; no autograd state, no base.
  static IntrusivePtr<TensorImpl> alias(const TensorImpl& other);
  /// A view with a geometry that lies within other's; the caller has derived it from other's, so
  /// only the element count is computed. Remembers the root that it is a view of.
  static IntrusivePtr<TensorImpl> view(const TensorImpl& other, IntArrayRef sizes,
                                       IntArrayRef strides, int64_t offset);
  /// A view of the same memory as another type, to whose elements the geometry refers.
  static IntrusivePtr<TensorImpl> view_as(const TensorImpl& other, ScalarType dtype,
                                          IntArrayRef sizes, IntArrayRef strides, int64_t offset);
  static void destroy(TensorImpl* impl) noexcept;

  int64_t dim() const { return rank_; }
  IntArrayRef sizes() const { return {dims_, rank_}; }
  IntArrayRef strides() const { return {dims_ + stride_start_, rank_}; }
  int64_t numel() const { return numel_; }
  int64_t storage_offset() const { return offset_; }
  ScalarType dtype() const { return dtype_; }
  Device device() const { return device_; }
  const StoragePtr& storage() const { return storage_; }
  bool is_contiguous() const { return contiguous_; }
  bool is_inference() const { return inference_; }
  void* data() const {
    return static_cast<char*>(storage_->data()) + offset_ * elementSize(dtype_);
  }
  uint32_t version() const { return storage_->version(); }
  void bump_version() const { storage_->bump_version(); }

  /// A number that came from a Scalar: it does not take part in type promotion as a tensor.
  bool is_wrapped_number() const { return wrapped_number_; }
  void set_wrapped_number(bool value) { wrapped_number_ = value; }
  /// A view of a view is of its kind.
  ViewKind view_kind() const { return view_kind_; }
  void set_view_kind(ViewKind kind) { view_kind_ = kind; }

  /// The tensor that this one is a view of (never itself a view), or null.
  TensorImpl* base() const { return base_.get(); }
  void set_base(IntrusivePtr<TensorImpl> base) { base_ = std::move(base); }
  /// Counts how often an in-place op gave this tensor new history; a view compares its base's
  /// count with the one it knows to see that its own history is out of date.
  uint32_t history() const { return history_; }
  void bump_history() { ++history_; }
  uint32_t base_history() const { return base_history_; }
  void set_base_history(uint32_t history) { base_history_ = history; }
  AutogradState* autograd() const { return autograd_; }
  /// Takes ownership.
  void set_autograd(AutogradState* state) { autograd_ = state; }

  /// Changes the geometry in place, checked against the storage.
  void set_geometry(const char* op, IntArrayRef sizes, IntArrayRef strides, int64_t offset);
  /// Takes storage, geometry and type of another tensor (Tensor::set_data).
  void adopt(const TensorImpl& other);

 private:
  TensorImpl() = default;
  static TensorImpl* allocate();
  static IntrusivePtr<TensorImpl> empty_checked(const char* op, IntArrayRef sizes,
                                                ScalarType dtype);
  void use_heap_dims(uint32_t rank);
  void place_dims(IntArrayRef sizes, IntArrayRef strides);
  void release_dims() noexcept;

  static constexpr uint32_t kInlineDims = 6;

  uint8_t rank_ = 0;
  ScalarType dtype_ = ScalarType::Undefined;
  Device device_;
  bool contiguous_ : 1 = true;
  bool inference_ : 1 = false;
  bool wrapped_number_ : 1 = false;
  ViewKind view_kind_ = ViewKind::kPlain;
  uint8_t stride_start_ = kInlineDims;
  int64_t* dims_ = inline_dims_;  // sizes, then strides at stride_start_
  uint32_t history_ = 0;
  uint32_t base_history_ = 0;
  int64_t numel_ = 0;
  int64_t offset_ = 0;
  StoragePtr storage_;
  IntrusivePtr<TensorImpl> base_;
  AutogradState* autograd_ = nullptr;
  int64_t inline_dims_[2 * kInlineDims];
};
using TensorImplPtr = IntrusivePtr<TensorImpl>;

}  // namespace taper
