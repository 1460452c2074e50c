#include "taper/ops/op_util.h"

#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"

namespace taper {
namespace {

/// The addresses that a tensor's elements span.
struct Extent {
  const char* begin;
  const char* end;
};
Extent extent_of(const TensorImpl& t) {
  int64_t last = 0;
  for (int64_t d = 0; d < t.dim(); ++d) last += (t.sizes()[d] - 1) * t.strides()[d];
  const char* begin = static_cast<const char*>(t.data());
  return {begin, begin + (last + 1) * elementSize(t.dtype())};
}

bool same_elements(const TensorImpl& a, const TensorImpl& b) {
  return a.data() == b.data() && a.sizes() == b.sizes() && a.strides() == b.strides();
}

/// Whether two tensors of one storage share elements, as far as PyTorch detects it: both dense.
bool detectably_overlap(const TensorImpl& x, const TensorImpl& y) {
  if (!is_non_overlapping_and_dense(x.sizes(), x.strides()) ||
      !is_non_overlapping_and_dense(y.sizes(), y.strides())) {
    return false;
  }
  const Extent a = extent_of(x), b = extent_of(y);
  return a.end > b.begin && b.end > a.begin;
}

/// Throws when an input shares memory with the target, but for the same elements where `same_ok`.
void check_overlap(const char* op, const TensorImpl& target, const TensorArgs& inputs,
                   bool same_ok) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorImpl* input = inputs[i];
    if (input == nullptr || input->storage() != target.storage()) continue;
    if (input->numel() == 0 || target.numel() == 0) continue;
    const bool same = input == &target || same_elements(*input, target);
    TAPER_CHECK(same ? same_ok : !detectably_overlap(*input, target), op,
                ": unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. Please clone() the tensor before "
                "performing the operation.");
  }
}

void check_writable(const char* op, const TensorImpl& target) {
  TAPER_CHECK(!has_internal_overlap(target.sizes(), target.strides()), op,
              ": unsupported operation: more than one element of the written-to tensor refers to "
              "a single memory location. Please clone() the tensor before performing the "
              "operation.");
}

/// What kind of operand a tensor is for promotion: with dimensions, without, or a number.
struct Promotion {
  ScalarType by_rank[3] = {ScalarType::Undefined, ScalarType::Undefined, ScalarType::Undefined};

  void add(const Tensor& t) {
    const int rank = t.dim() > 0 ? 0 : t.impl().is_wrapped_number() ? 2 : 1;
    ScalarType type = t.scalar_type();
    if (rank == 2) type = as_number(type);
    by_rank[rank] = promoteTypes(by_rank[rank], type);
  }
  void add(const Scalar& s) { by_rank[2] = promoteTypes(by_rank[2], as_number(s.type())); }
  ScalarType result() const {
    ScalarType type = by_rank[0];
    for (int rank = 1; rank < 3; ++rank) type = combine(type, by_rank[rank]);
    return type;
  }

 private:
  /// A number that is no tensor is as wide as the default type.
  static ScalarType as_number(ScalarType t) {
    if (isComplexType(t)) return toComplexType(get_default_dtype());
    return isFloatingType(t) ? get_default_dtype() : t;
  }
  static int category(ScalarType t) {
    if (t == ScalarType::Undefined) return -1;
    if (isComplexType(t)) return 3;
    return isFloatingType(t) ? 2 : t == kBool ? 0 : 1;
  }
  static ScalarType combine(ScalarType higher, ScalarType lower) {
    if (isFloatingType(higher) && isComplexType(lower)) return toComplexType(higher);
    return category(lower) > category(higher) ? promoteTypes(higher, lower) : higher;
  }
};

}  // namespace

Tensor Out::fresh(const char* op, IntArrayRef sizes, ScalarType dtype, const TensorImpl* like) {
  if (like != nullptr && !like->is_contiguous() && like->sizes() == sizes &&
      is_non_overlapping_and_dense(like->sizes(), like->strides())) {
    return Tensor(TensorImpl::make(op, sizes, like->strides(), dtype, nullptr, 0));
  }
  return Tensor(TensorImpl::empty(op, sizes, dtype));
}

Tensor Out::given(const char* op, IntArrayRef sizes, ScalarType dtype,
                  const TensorArgs& inputs) const {
  const Tensor& target = *target_;
  TAPER_CHECK_AS(DTypeError, canCast(dtype, target.scalar_type()), op, ": result type ", dtype,
                 " can't be cast to the desired output type ", target.scalar_type());
  if (is_inplace()) {
    TAPER_CHECK_AS(ShapeError, target.sizes() == sizes, op, ": output with shape ", target.sizes(),
                   " doesn't match the broadcast shape ", sizes);
  } else {
    TAPER_CHECK(!wants_grad(inputs) && !wants_grad({target}), op,
                "(): functions with out=... arguments don't support automatic differentiation, "
                "but one of the arguments requires grad.");
    if (target.sizes() != sizes) {
      if (target.numel() != 0) {
        warn(str(op, ": an output with one or more elements was resized since it had shape ",
                 target.sizes(), ", which does not match the required output shape ", sizes));
      }
      const Tensor resized = new_tensor(op, sizes, target.scalar_type());
      const_cast<TensorImpl&>(target.impl()).adopt(resized.impl());
    }
  }
  begin_inplace(op, target, inputs);
  return target;
}

Tensor Out::give(const char* op, Tensor result, const TensorArgs& inputs) const {
  if (is_fresh()) return result;
  Tensor target = given(op, result.sizes(), result.scalar_type(), inputs);
  NoRecordGuard no_record;
  target.copy_(result);
  return target;
}

void Out::check_apart(const char* op, ScalarType dtype, const TensorArgs& inputs) const {
  if (kind_ != Kind::into) return;
  TAPER_CHECK_AS(DTypeError, target_->scalar_type() == dtype, op,
                 "(): self and result must have the same scalar type. Expected out tensor to have "
                 "dtype ",
                 dtype, ", but got ", target_->scalar_type(), " instead");
  check_overlap(op, target_->impl(), inputs, false);
}

Kept Out::keep_given(const Tensor& argument) const {
  if (!is_inplace() || argument.impl().storage() != target_->impl().storage()) {
    return Kept(argument);
  }
  return Kept(argument.clone());
}

void begin_inplace(const char* op, const Tensor& target, const TensorArgs& inputs) {
  check_inplace(op, target.impl(), wants_grad(inputs));
  if (!target.impl().is_contiguous()) check_writable(op, target.impl());
  check_overlap(op, target.impl(), inputs, true);
  target.impl().bump_version();
}

ScalarType result_type(const Tensor& a, const Tensor& b) {
  if (a.scalar_type() == b.scalar_type()) return a.scalar_type();
  Promotion p;
  p.add(a);
  p.add(b);
  return p.result();
}

ScalarType result_type(const Tensor& a, const Scalar& b) {
  if (isComplexType(a.scalar_type())) return a.scalar_type();
  if (isFloatingType(a.scalar_type()) && !b.isComplex()) return a.scalar_type();
  Promotion p;
  p.add(a);
  p.add(b);
  return p.result();
}

ScalarType result_type(TensorList tensors) {
  Promotion p;
  for (const Tensor& t : tensors) p.add(t);
  return p.result();
}

TensorImplPtr parts_of(const char* op, const Tensor& complex) {
  DimVector sizes(complex.sizes()), strides(complex.strides());
  for (int64_t& stride : strides) stride *= 2;
  sizes.push_back(2);
  strides.push_back(1);
  return TensorImpl::make(op, sizes, strides, toRealValueType(complex.scalar_type()),
                          complex.impl().storage(), 2 * complex.storage_offset());
}

Tensor grad_as(const Tensor& grad, ScalarType type) {
  if (grad.scalar_type() == type) return grad;
  return (grad.is_complex() && !isComplexType(type) ? grad.real() : grad).to(type);
}

Tensor sum_to(const Tensor& grad, IntArrayRef sizes) {
  return grad.sizes() == sizes ? grad : grad.sum_to_size(sizes);
}

void check_same_dtype(const char* op, const Tensor& a, const Tensor& b) {
  TAPER_CHECK_AS(DTypeError, a.scalar_type() == b.scalar_type(), op,
                 ": expected m1 and m2 to have the same dtype, but got: ", a.scalar_type(),
                 " != ", b.scalar_type());
}

void check_floating(const char* op, const Tensor& t) {
  TAPER_CHECK_AS(DTypeError, t.is_floating_point(), op, ": expected a floating-point tensor, got ",
                 t.scalar_type());
}

}  // namespace taper
