#pragma once

#include "taper/kernel/pointwise.h"
#include "taper/ops/op_util.h"

// How pointwise ops find their result's sizes and type, call their kernel and record themselves.
namespace taper {

/// An argument that may be a tensor or a number.
class Arg {
 public:
  Arg(const Tensor& t) : tensor_(&t) { t.impl(); }
  Arg(const Scalar& s) : number_(&s) {}

  bool is_number() const { return tensor_ == nullptr; }
  const Scalar& number() const { return *number_; }
  const Tensor& tensor() const { return *tensor_; }
  const TensorImpl* impl() const { return tensor_ ? tensor_->impl_ptr() : nullptr; }
  Operand operand() const { return tensor_ ? Operand(impl()) : Operand(*number_); }
  ScalarType dtype() const { return tensor_ ? tensor_->scalar_type() : number_->type(); }
  bool needs_grad() const { return tensor_ != nullptr && taper::needs_grad(*tensor_); }
  /// The tensor for a record's save list, as it is before an in-place op overwrites it.
  Kept save(const Out& out, bool needed) const {
    return tensor_ ? out.keep(*tensor_, needed) : Kept();
  }

 private:
  const Tensor* tensor_ = nullptr;
  const Scalar* number_ = nullptr;
};

inline ScalarType result_type(const Arg& a, const Arg& b) {
  if (b.is_number()) return result_type(a.tensor(), b.number());
  if (a.is_number()) return result_type(b.tensor(), a.number());
  return result_type(a.tensor(), b.tensor());
}

/// Sets the gradient of input i: summed to its sizes, in its type.
inline void give(Backward& b, size_t i, Tensor grad) {
  if (grad.sizes() != b.sizes(i)) grad = sum_to(grad, b.sizes(i));
  if (grad.scalar_type() != b.dtype(i)) grad = grad_as(grad, b.dtype(i));
  b.set(i, std::move(grad));
}

/// For which input's gradient a backward needs a saved tensor.
enum class Needs : uint8_t { nothing, first, second, any };

struct BinaryOp {
  const char* name;
  const char* node;
  const BinaryKernel& kernel;
  Needs a = Needs::nothing, b = Needs::nothing, result = Needs::nothing;
};

struct UnaryOp {
  const char* name;
  const char* node;
  const UnaryKernel& kernel;
  enum Saves : uint8_t { nothing, self, result } saves = nothing;
};

/// kernel(self) of `type`, which is the compute type too. The backward finds what the op saves at
/// saved(0).
template <class F>
Tensor unary(const Out& out, const UnaryOp& op, const Tensor& self, ScalarType type, Params params,
             F backward) {
  const bool wants = isDifferentiableType(type) && needs_grad(self);
  const Kept kept = out.keep(self, wants && op.saves == UnaryOp::self);
  Tensor r = out.make(op.name, self.sizes(), type, {self}, self.impl_ptr());
  op.kernel(self.device(), out_view(r), Operand(self.impl_ptr()), params, type);
  if (wants) {
    record({.name = op.node,
            .outputs = {r},
            .inputs = {self},
            .save = {op.saves == UnaryOp::result ? TensorArgs::Arg(r) : kept},
            .inplace = out.is_inplace(),
            .wanted = true,
            .pointwise = true,
            .backward = backward});
  }
  return r;
}

/// A floating function whose slope is slope(x); integers are computed in the default type.
template <class Slope>
Tensor smooth(const Out& out, const char* name, const char* node, const UnaryKernel& kernel,
              const Tensor& self, Params params, Slope slope) {
  const UnaryOp op{name, node, kernel, UnaryOp::self};
  return unary(out, op, self, to_floating(self.scalar_type()), params,
               [slope](Backward& g) { give(g, 0, mul(g.grad(), slope(g.saved(0)))); });
}

/// kernel(a, b) in `compute`; the result has `type`. The backward finds a, b and the result at
/// saved(0), saved(1) and saved(2), where it said that it needs them.
template <class F>
Tensor binary(const Out& out, const BinaryOp& op, const Arg& a, const Arg& b, Params params,
              ScalarType compute, ScalarType type, F backward) {
  if (out.is_fresh() && !thread_state.recording()) {
    // Nothing to record and nothing to broadcast: straight to the kernel.
    const TensorImpl *x = a.impl(), *y = b.impl();
    const TensorImpl* one = x ? x : y;
    if (one->is_contiguous() && (!x || !y || (y->is_contiguous() && x->sizes() == y->sizes()))) {
      Tensor r(TensorImpl::empty(op.name, one->sizes(), type));
      op.kernel(one->device(), out_view(r), a.operand(), b.operand(), params, compute);
      return r;
    }
  }
  DimVector both;
  const TensorImpl* like = a.impl() ? a.impl() : b.impl();
  IntArrayRef sizes = like->sizes();
  if (a.impl() && b.impl() && b.impl()->sizes() != sizes) {
    both = broadcast_sizes(sizes, b.impl()->sizes());
    sizes = both;
    if (like->sizes() != sizes) like = b.impl();
  }
  const bool smooth = isDifferentiableType(type);
  const bool wants_a = smooth && a.needs_grad(), wants_b = smooth && b.needs_grad();
  const bool wants = wants_a || wants_b;
  auto needed = [&](Needs needs) {
    return (needs == Needs::any && wants) || (needs == Needs::first && wants_a) ||
           (needs == Needs::second && wants_b);
  };
  const Kept kept_a = a.save(out, needed(op.a)), kept_b = b.save(out, needed(op.b));
  Tensor r = out.make(op.name, sizes, type, {a.impl(), b.impl()}, like);
  op.kernel(r.device(), out_view(r), a.operand(), b.operand(), params, compute);
  if (wants) {
    record({.name = op.node,
            .outputs = {r},
            .inputs = {a.impl(), b.impl()},
            .save = {kept_a, kept_b, save_if(needed(op.result), r)},
            .inplace = out.is_inplace(),
            .wanted = true,
            .pointwise = true,
            .backward = backward});
  }
  return r;
}

/// Sets the gradient of input 0 from that of the result and saved(0): by one kernel, in the
/// incoming gradient's memory where that is free; or, when the gradient is to be differentiated
/// again or is complex, by the same formula in ops.
template <class F>
void give_fused(Backward& g, const BinaryKernel& kernel, Params params, F formula) {
  const Tensor &grad = g.grad(), &saved = g.saved(0);
  if (thread_state.recording() || grad.is_complex()) return give(g, 0, formula(grad, saved));
  const ScalarType type = grad.scalar_type();
  const bool in_place = solely_owned(grad) && grad.is_contiguous() && saved.is_contiguous();
  Tensor r = in_place ? grad : Out().make(kernel.name(), grad.sizes(), type, {}, saved.impl_ptr());
  kernel(r.device(), out_view(r), Operand(grad.impl_ptr()), Operand(saved.impl_ptr()), params,
         type);
  give(g, 0, r);
}

/// An op made of others, f(self). Its in-place form works on a copy: the saved tensors of the parts
/// must not be overwritten.
template <class F>
Tensor composite(const Out& out, const char* name, const Tensor& self, const TensorArgs& inputs,
                 F f) {
  if (!out.is_inplace() || !wants_grad(inputs)) return out.give(name, f(self), inputs);
  Tensor target = self;
  target.copy_(f(self.clone()));
  return target;
}

/// A predicate: compared in the promoted type, bool, no gradient.
inline Tensor predicate(const Out& out, const char* name, const BinaryKernel& kernel, const Arg& a,
                        const Arg& b) {
  const BinaryOp op{name, name, kernel};
  return binary(out, op, a, b, {}, result_type(a, b), kBool, [](Backward&) {});
}

/// In float64, where a composite in float32 would lose digits; complex tensors as they are.
inline Tensor precise(const Tensor& x) { return x.is_complex() ? x : x.to(kDouble); }

}  // namespace taper
