#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/base/error.h"
#include "taper/base/function.h"
#include "taper/core/scalar.h"
#include "taper/core/tensor_impl.h"
#include "taper/core/tensor_options.h"
#include "taper/tensor/accessor.h"
#include "taper/tensor/generator.h"

namespace taper TAPER_API {

class Node;
class Tensor;
namespace indexing {
struct TensorIndex;
}

using TensorList = ArrayRef<Tensor>;

/// A multi-dimensional array: a handle to geometry over memory that several tensors may share.
/// Copying the handle shares the tensor; clone() copies the elements. A default-made handle is
/// undefined, and everything but defined() throws on it.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(TensorImplPtr impl) : impl_(std::move(impl)) {}

  bool defined() const { return static_cast<bool>(impl_); }
  void reset() { impl_.reset(); }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  bool is_alias_of(const Tensor& other) const { return impl().storage() == other.impl().storage(); }
  size_t use_count() const { return impl_ ? impl_->use_count() : 0; }

  // Geometry. Strides and offset are in elements.
  int64_t dim() const { return impl().dim(); }
  int64_t ndimension() const { return dim(); }
  IntArrayRef sizes() const { return impl().sizes(); }
  IntArrayRef strides() const { return impl().strides(); }
  /// Size of a dimension; negative ones count from the end.
  int64_t size(int64_t dim) const;
  int64_t stride(int64_t dim) const;
  int64_t numel() const { return impl().numel(); }
  int64_t storage_offset() const { return impl().storage_offset(); }
  size_t itemsize() const { return static_cast<size_t>(elementSize(scalar_type())); }
  int64_t element_size() const { return elementSize(scalar_type()); }
  size_t nbytes() const { return itemsize() * static_cast<size_t>(numel()); }
  ScalarType scalar_type() const { return impl().dtype(); }
  ScalarType dtype() const { return impl().dtype(); }
  Device device() const { return impl().device(); }
  Layout layout() const { return kStrided; }
  bool is_cpu() const { return device().is_cpu(); }
  bool is_cuda() const { return device().is_cuda(); }
  /// The number of the device; -1 on the CPU.
  int64_t get_device() const { return device().index(); }
  /// No tensor is without memory, sparse or quantised.
  bool is_meta() const { return false; }
  bool is_sparse() const { return false; }
  bool is_quantized() const { return false; }
  /// Such as CPUFloatType.
  std::string toString() const;
  /// dtype and device; requires_grad is not copied.
  TensorOptions options() const { return TensorOptions(scalar_type()).device(device()); }
  bool is_floating_point() const { return isFloatingType(scalar_type()); }
  bool is_complex() const { return isComplexType(scalar_type()); }
  bool is_signed() const { return isSignedType(scalar_type()); }
  bool is_contiguous(MemoryFormat format = MemoryFormat::Contiguous) const;
  bool is_non_overlapping_and_dense() const;
  /// ChannelsLast when the strides say so and not also contiguous, else Contiguous.
  MemoryFormat suggest_memory_format() const;
  bool has_storage() const { return defined(); }
  /// Writes to the memory so far, through any tensor that shares it.
  int64_t _version() const { return impl().version(); }

  // Elements.
  /// First element. The typed forms throw unless T is the tensor's type.
  void* data_ptr() const { return impl().data(); }
  const void* const_data_ptr() const { return impl().data(); }
  template <class T>
  T* data_ptr() const {
    check_type(scalar_type_of<std::remove_const_t<T>>);
    return static_cast<T*>(impl().data());
  }
  template <class T>
  const T* const_data_ptr() const {
    return data_ptr<T>();
  }
  template <class T>
  T* mutable_data_ptr() const {
    return data_ptr<T>();
  }
  /// Element access by N indices without checks; throws unless the tensor has N dimensions of
  /// type T. The tensor must outlive it.
  template <class T, size_t N>
  TensorAccessor<T, N> accessor() const {
    TAPER_CHECK_AS(ShapeError, dim() == static_cast<int64_t>(N), "accessor: expected ", N,
                   " dims but tensor has ", dim());
    return TensorAccessor<T, N>(data_ptr<T>(), sizes().data(), strides().data());
  }
  /// As accessor(), for functions that name it; the 32 throws on 2^31 elements and more.
  template <class T, size_t N>
  TensorAccessor<T, N> packed_accessor64() const {
    return accessor<T, N>();
  }
  template <class T, size_t N>
  TensorAccessor<T, N> packed_accessor32() const {
    TAPER_CHECK(numel() <= INT32_MAX,
                "packed_accessor32: numel needs to be smaller than int32_t max; otherwise, please "
                "use packed_accessor64, got ",
                numel());
    return accessor<T, N>();
  }
  /// The only element; throws when there are more or none.
  Scalar item() const;
  template <class T>
  T item() const {
    return item().template to<T>();
  }
  /// self on the CPU. (A member only: taper::cpu is a namespace.)
  Tensor cpu() const;

  // Autograd.
  bool requires_grad() const;
  /// Throws on a non-leaf (when switching off) and on integer tensors.
  const Tensor& set_requires_grad(bool requires_grad) const;
  Tensor& requires_grad_(bool requires_grad = true) const;
  bool is_leaf() const;
  /// The accumulated gradient; undefined when there is none.
  const Tensor& grad() const;
  Tensor& mutable_grad() const;
  /// The node that made this tensor, or null for a leaf.
  IntrusivePtr<Node> grad_fn() const;
  int64_t output_nr() const;
  /// Adds d(self)/d(leaf) times gradient to the grad of every leaf. A scalar needs no gradient.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = std::nullopt,
                bool create_graph = false, std::optional<TensorList> inputs = std::nullopt) const;
  /// Keeps the gradient of a non-leaf in grad().
  void retain_grad() const;
  bool retains_grad() const;
  /// Calls hook with the whole gradient of this tensor once per backward. A hook that returns a
  /// tensor replaces the gradient; hooks run in the order of registration. Returns the hook's
  /// position for remove_hook.
  template <class Hook>
  unsigned register_hook(Hook&& hook) const {
    if constexpr (std::is_void_v<std::invoke_result_t<Hook, const Tensor&>>) {
      return add_hook([h = std::forward<Hook>(hook)](const Tensor& grad) mutable {
        h(grad);
        return Tensor();
      });
    } else {
      return add_hook(std::forward<Hook>(hook));
    }
  }
  void remove_hook(unsigned position) const;
  /// Calls hook with this leaf after a backward has added to its grad. Hooks run in the order of
  /// registration and may step an optimizer or drop the grad. Returns the hook's position.
  unsigned register_post_accumulate_grad_hook(Function<void(const Tensor&)> hook) const;
  void remove_post_accumulate_grad_hook(unsigned position) const;
  /// The same memory outside the graph.
  Tensor detach() const;
  Tensor& detach_() const;
  /// As detach(). Writes through it are seen by autograd's checks (PyTorch misses them).
  Tensor data() const { return detach(); }
  Tensor variable_data() const { return detach(); }
  Tensor tensor_data() const { return detach(); }
  /// Makes this tensor refer to other's memory, geometry and type; identity, grad and hooks stay.
  void set_data(const Tensor& other) const;
  bool is_view() const { return impl().base() != nullptr; }
  /// The tensor that this one is a view of.
  Tensor _base() const;
  bool is_inference() const { return impl().is_inference(); }

  // Indexing, as in Python: x.index({0, Slice(1, None), "..."}) and assignment to it.
  /// Numbers, slices, None and Ellipsis give a view; tensors of integers or a mask give a copy.
  /// Index tensors broadcast together; their dimensions stand in their place when they are
  /// adjacent, else in front. Throws an IndexError on what is out of range.
  Tensor index(ArrayRef<indexing::TensorIndex> indices) const;
  Tensor index(std::initializer_list<indexing::TensorIndex> indices) const;
  /// Writes values, broadcast, to what index(indices) reads. With accumulate they are added, also
  /// where indices repeat.
  Tensor& index_put_(ArrayRef<indexing::TensorIndex> indices, const Tensor& values,
                     bool accumulate = false) const;
  Tensor& index_put_(ArrayRef<indexing::TensorIndex> indices, const Scalar& value) const;
  Tensor& index_put_(std::initializer_list<indexing::TensorIndex> indices, const Tensor& values,
                     bool accumulate = false) const;
  Tensor& index_put_(std::initializer_list<indexing::TensorIndex> indices,
                     const Scalar& value) const;
  Tensor index_put(ArrayRef<indexing::TensorIndex> indices, const Tensor& values,
                   bool accumulate = false) const;
  Tensor index_put(std::initializer_list<indexing::TensorIndex> indices, const Tensor& values,
                   bool accumulate = false) const;
  /// select(0, index).
  Tensor operator[](int64_t index) const;
  Tensor operator[](const Tensor& index) const;

  // Arithmetic on the elements in place.
  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator+=(const Scalar& other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return sub_(other); }
  Tensor& operator-=(const Scalar& other) { return sub_(other); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator*=(const Scalar& other) { return mul_(other); }
  Tensor& operator/=(const Tensor& other) { return div_(other); }
  Tensor& operator/=(const Scalar& other) { return div_(other); }

  // One method for each op that says so beside its declaration in taper/ops/.
#include "taper/tensor/methods.inc"

  // For the library's own layers.
  const TensorImpl& impl() const {
    if (!impl_) [[unlikely]]
      fail_undefined();
    return *impl_;
  }
  TensorImpl* impl_ptr() const { return impl_.get(); }
  const TensorImplPtr& shared_impl() const { return impl_; }

 private:
  [[noreturn]] static void fail_undefined();
  void check_type(ScalarType wanted) const;
  unsigned add_hook(Function<Tensor(const Tensor&)> hook) const;

  TensorImplPtr impl_;
};

/// Values, type and sizes, laid out as LibTorch prints them; taper::repr() gives Python's text.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);
/// [2, 3]
std::ostream& operator<<(std::ostream& out, IntArrayRef sizes);
/// Float
std::ostream& operator<<(std::ostream& out, ScalarType type);
/// cpu
std::ostream& operator<<(std::ostream& out, Device device);
std::ostream& operator<<(std::ostream& out, const Scalar& value);
inline void append(std::string& s, const Tensor& tensor) { s += to_string(tensor); }

}  // namespace taper
