#include "taper/ops/pointwise_ternary.h"

#include "taper/ops/bodies.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

struct TernaryOp {
  const char* name;
  const char* node;
  const TernaryKernel& kernel;
};

/// kernel(a, b, c) of `type`. saves: which of the arguments the backward needs, at saved(0 .. 2).
template <class F>
Tensor ternary(const Out& out, const TernaryOp& op, const Arg& a, const Arg& b, const Arg& c,
               Params params, ScalarType type, const bool (&saves)[3], F backward) {
  const Arg* const args[] = {&a, &b, &c};
  DimVector sizes;
  for (const Arg* arg : args) {
    if (arg->impl() && sizes != DimVector(arg->impl()->sizes())) {
      sizes = broadcast_sizes(sizes, arg->impl()->sizes());
    }
  }
  const TensorImpl* like = nullptr;
  for (const Arg* arg : args) {
    if (like == nullptr && arg->impl() && arg->impl()->sizes() == IntArrayRef(sizes)) {
      like = arg->impl();
    }
  }
  const bool wants = isDifferentiableType(type) && wants_grad({a.impl(), b.impl(), c.impl()});
  Kept kept[3];
  for (int i = 0; i < 3; ++i) kept[i] = args[i]->save(out, wants && saves[i]);
  Tensor r = out.make(op.name, sizes, type, {a.impl(), b.impl(), c.impl()}, like);
  op.kernel(r.device(), out_view(r), a.operand(), b.operand(), c.operand(), params, type);
  if (wants) {
    record({.name = op.node,
            .outputs = {r},
            .inputs = {a.impl(), b.impl(), c.impl()},
            .save = {kept[0], kept[1], kept[2]},
            .inplace = out.is_inplace(),
            .pointwise = true,
            .backward = backward});
  }
  return r;
}

Tensor select(const Tensor& condition, const Arg& a, const Arg& b, ScalarType type) {
  TAPER_CHECK_AS(DTypeError, condition.scalar_type() == kBool,
                 "where: where expected condition to be a boolean tensor, but got a tensor with "
                 "dtype ",
                 condition.scalar_type());
  const TernaryOp op{"where", "WhereBackward0", where_kernel};
  return ternary(Out(), op, condition, a, b, {}, type, {true, false, false}, [](Backward& g) {
    if (g.wants(1)) give(g, 1, where(g.saved(0), g.grad(), Scalar(0)));
    if (g.wants(2)) give(g, 2, where(g.saved(0), Scalar(0), g.grad()));
  });
}

Tensor interpolate(const Out& out, const Tensor& self, const Tensor& end, const Arg& weight) {
  const TernaryOp op{"lerp", "LerpBackward0", lerp_kernel};
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == end.scalar_type(), "lerp: expected dtype ",
                 self.scalar_type(), " for `end` but got dtype ", end.scalar_type());
  TAPER_CHECK_AS(DTypeError, weight.is_number() || weight.dtype() == self.scalar_type(),
                 "lerp: expected dtype ", self.scalar_type(), " for `weight` but got dtype ",
                 weight.dtype());
  const Scalar number = weight.is_number() ? weight.number().conj() : Scalar();
  const bool ends = weight.needs_grad();
  return ternary(out, op, self, end, weight, {}, self.scalar_type(), {ends, ends, true},
                 [number](Backward& g) {
                   const Tensor& w = g.saved(2);
                   const Tensor to_end = w.defined() ? mul(g.grad(), w) : mul(g.grad(), number);
                   if (g.wants(0)) give(g, 0, sub(g.grad(), to_end));
                   if (g.wants(1)) give(g, 1, to_end);
                   if (g.wants(2)) give(g, 2, mul(g.grad(), sub(g.saved(1), g.saved(0))));
                 });
}

}  // namespace

namespace body {

Tensor lerp(Out out, const Tensor& self, const Tensor& end, const Tensor& weight) {
  return interpolate(out, self, end, weight);
}
Tensor lerp(Out out, const Tensor& self, const Tensor& end, const Scalar& weight) {
  return interpolate(out, self, end, weight);
}

Tensor addcmul(Out out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value) {
  const TernaryOp op{"addcmul", "AddcmulBackward0", addcmul_kernel};
  const Tensor list[] = {self, tensor1, tensor2};
  return ternary(out, op, self, tensor1, tensor2, Params(value), result_type(list),
                 {false, needs_grad(tensor2), needs_grad(tensor1)},
                 [value = value.conj()](Backward& g) {
                   if (g.wants(0)) give(g, 0, g.grad());
                   const Tensor scaled = value.equal(1) ? g.grad() : taper::mul(g.grad(), value);
                   if (g.wants(1)) give(g, 1, taper::mul(scaled, g.saved(2)));
                   if (g.wants(2)) give(g, 2, taper::mul(scaled, g.saved(1)));
                 });
}

Tensor addcdiv(Out out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value) {
  const TernaryOp op{"addcdiv", "AddcdivBackward0", addcdiv_kernel};
  const Tensor list[] = {self, tensor1, tensor2};
  const ScalarType type = result_type(list);
  TAPER_CHECK_AS(DTypeError, isDifferentiableType(type),
                 "addcdiv: Integer division with addcdiv is no longer supported, and in a future "
                 "release addcdiv will perform a true division of tensor1 and tensor2.");
  return ternary(out, op, self, tensor1, tensor2, Params(value), type,
                 {false, needs_grad(tensor2), true}, [value = value.conj()](Backward& g) {
                   if (g.wants(0)) give(g, 0, g.grad());
                   const Tensor scaled = taper::div(
                       value.equal(1) ? g.grad() : taper::mul(g.grad(), value), g.saved(2));
                   if (g.wants(1)) give(g, 1, scaled);
                   if (g.wants(2)) {
                     give(g, 2, neg(taper::mul(scaled, taper::div(g.saved(1), g.saved(2)))));
                   }
                 });
}

}  // namespace body

Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) {
  return select(condition, self, other, result_type(self, other));
}
Tensor where(const Tensor& condition, const Scalar& self, const Tensor& other) {
  return select(condition, self, other, result_type(other, self));
}
Tensor where(const Tensor& condition, const Tensor& self, const Scalar& other) {
  return select(condition, self, other, result_type(self, other));
}
Tensor where(const Tensor& condition, const Scalar& self, const Scalar& other) {
  const ScalarType both = promoteTypes(self.type(), other.type());
  const ScalarType type = isComplexType(both)    ? toComplexType(get_default_dtype())
                          : isFloatingType(both) ? get_default_dtype()
                                                 : both;
  return select(condition, self, other, type);
}

}  // namespace taper
