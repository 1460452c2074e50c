#pragma once

#include "taper/autograd/record.h"
#include "taper/core/sizes.h"
#include "taper/core/tensor_view.h"
#include "taper/tensor/tensor.h"

// What every op family needs: views for kernels, where results go, promotion.
namespace taper {

inline ConstView in(const Tensor& t) { return ConstView(&t.impl()); }
inline ConstView in(const std::optional<Tensor>& t) {
  return t && t->defined() ? in(*t) : ConstView();
}
inline View out_view(const Tensor& t) { return View(&t.impl()); }

/// A new uninitialised contiguous tensor.
inline Tensor new_tensor(const char* op, IntArrayRef sizes, ScalarType dtype) {
  return Tensor(TensorImpl::empty(op, sizes, dtype));
}

/// An argument for a record's save list: itself, by reference, or a copy of the tensor that an
/// in-place op is about to overwrite.
class Kept {
 public:
  Kept() = default;
  explicit Kept(const Tensor& argument) : impl_(argument.impl_ptr()) {}
  explicit Kept(Tensor&& copy) : impl_(copy.impl_ptr()), copy_(std::move(copy)) {}

  operator TensorArgs::Arg() const { return impl_; }

 private:
  const TensorImpl* impl_ = nullptr;
  Tensor copy_;
};

/// Where an op's result goes: a fresh tensor, the op's first argument, or a tensor of the
/// caller's. One body serves f, f_ and f_out: it asks for its result here before it computes.
class Out {
 public:
  Out() = default;
  static Out inplace(const Tensor& self) { return Out(Kind::inplace, self); }
  static Out into(const Tensor& out) { return Out(Kind::into, out); }

  bool is_fresh() const { return kind_ == Kind::fresh; }
  bool is_inplace() const { return kind_ == Kind::inplace; }
  /// The caller's tensor, or null for a fresh result.
  const Tensor* target() const { return target_; }

  /// The tensor to write: of `sizes` and, when fresh, of `dtype`; a kernel that writes it converts
  /// to its type. Fresh results follow the strides of `like` if it is dense and of these sizes.
  /// In place and out=: checks type, sizes, overlap and autograd before anything is written, and
  /// counts the write. `inputs` are the op's tensor arguments.
  Tensor make(const char* op, IntArrayRef sizes, ScalarType dtype, const TensorArgs& inputs,
              const TensorImpl* like = nullptr) const {
    if (is_fresh()) [[likely]]
      return fresh(op, sizes, dtype, like);
    return given(op, sizes, dtype, inputs);
  }
  /// For an op that computes a fresh result first: moves or copies it to where it belongs.
  Tensor give(const char* op, Tensor result, const TensorArgs& inputs) const;
  /// For an op that reads its inputs in another order than it writes: throws when the caller's
  /// tensor is of another type than `dtype` or shares elements with an input.
  void check_apart(const char* op, ScalarType dtype, const TensorArgs& inputs) const;
  /// The value of an argument as it is before the op writes, undefined unless needed. Call before
  /// the kernel.
  Kept keep(const Tensor& argument, bool needed) const {
    return !needed ? Kept() : is_fresh() ? Kept(argument) : keep_given(argument);
  }

 private:
  enum class Kind : uint8_t { fresh, inplace, into };
  Out(Kind kind, const Tensor& t) : kind_(kind), target_(&t) {}
  static Tensor fresh(const char* op, IntArrayRef sizes, ScalarType dtype, const TensorImpl* like);
  Kept keep_given(const Tensor& argument) const;
  Tensor given(const char* op, IntArrayRef sizes, ScalarType dtype, const TensorArgs& inputs) const;

  Kind kind_ = Kind::fresh;
  const Tensor* target_ = nullptr;
};

/// A write to `target` by an op that is only in place (copy_, fill_, index_put_ ...): the checks
/// of Out::make, and the write is counted.
void begin_inplace(const char* op, const Tensor& target, const TensorArgs& inputs);

/// Whether a gradient with respect to this tensor is wanted: for what a record needs to save.
inline bool needs_grad(const Tensor& t) {
  // The first tests, inline, settle it for almost every tensor that takes no part in a graph.
  const TensorImpl* impl = t.impl_ptr();
  return thread_state.recording() && impl != nullptr &&
         (impl->autograd() != nullptr || impl->base() != nullptr) && wants_grad({t});
}
/// The tensor when needed, else an undefined one: for a record's save list.
inline TensorArgs::Arg save_if(bool needed, const Tensor& t) {
  return needed ? TensorArgs::Arg(t) : TensorArgs::Arg();
}

/// PyTorch's promotion: 0-dim tensors and numbers raise only the category, not the width.
ScalarType result_type(const Tensor& a, const Tensor& b);
ScalarType result_type(const Tensor& a, const Scalar& b);
ScalarType result_type(TensorList tensors);
/// result_type, with integers replaced by the default dtype; complex types stay.
inline ScalarType to_floating(ScalarType type) {
  return isDifferentiableType(type) ? type : get_default_dtype();
}

/// The parts of a complex tensor as a real one, [..., 2], over the same memory: for kernels.
TensorImplPtr parts_of(const char* op, const Tensor& complex);
/// A gradient in the type of its input: the real part of a complex one for a real input.
Tensor grad_as(const Tensor& grad, ScalarType type);

/// Sums a gradient over the dimensions in which an input of `sizes` was broadcast.
Tensor sum_to(const Tensor& grad, IntArrayRef sizes);

void check_same_dtype(const char* op, const Tensor& a, const Tensor& b);
void check_floating(const char* op, const Tensor& t);

}  // namespace taper
