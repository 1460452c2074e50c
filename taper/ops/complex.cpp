#include "taper/ops/complex.h"

#include "taper/kernel/copy.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/bodies.h"
#include "taper/ops/complex_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/pointwise_trig.h"
#include "taper/ops/pointwise_util.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

constexpr double kPi = 3.14159265358979323846;

void check_pair(const char* op, const char* first, const char* second, const Tensor& a,
                const Tensor& b) {
  const auto is_part = [](const Tensor& t) {
    return t.scalar_type() == kFloat || t.scalar_type() == kDouble;
  };
  TAPER_CHECK_AS(DTypeError, is_part(a) && is_part(b), op,
                 ": Expected both inputs to be Float or Double tensors but got ", a.scalar_type(),
                 " and ", b.scalar_type());
  TAPER_CHECK_AS(DTypeError, a.scalar_type() == b.scalar_type(), op,
                 ": Expected object of scalar type ", a.scalar_type(), " but got scalar type ",
                 b.scalar_type(), " for argument '", second, "', which must be as '", first, "'");
}

/// One part of each number, where it lies: for kernels.
TensorImplPtr part_of(const Tensor& t, int64_t part) {
  const TensorImplPtr parts = parts_of("complex", t);
  const IntArrayRef sizes = parts->sizes(), strides = parts->strides();
  return TensorImpl::view(*parts, sizes.slice(0, sizes.size() - 1),
                          strides.slice(0, strides.size() - 1), parts->storage_offset() + part);
}

Tensor conjugate(const Out& out, const Tensor& self) {
  const UnaryOp op{"conj_physical", "ConjPhysicalBackward0", conj_kernel};
  return unary(out, op, self, self.scalar_type(), {},
               [](Backward& g) { g.set(0, g.grad().conj()); });
}

}  // namespace

Tensor complex_abs(const Out& out, const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, !out.is_inplace(),
                 "abs: In-place abs is not supported for complex tensors.");
  const ScalarType type = self.scalar_type();
  Tensor r = out.make("abs", self.sizes(), toRealValueType(type), {self}, self.impl_ptr());
  abs_kernel(self.device(), out_view(r), Operand(self.impl_ptr()), {}, type);
  record({.name = "AbsBackward0",
          .outputs = {r},
          .inputs = {self},
          .save = {save_if(needs_grad(self), self)},
          .unconjugated = true,
          .backward = [](Backward& g) { g.set(0, mul(g.grad(), sgn(g.saved(0)))); }});
  return r;
}

Tensor complex_sgn(const Out& out, const Tensor& self) {
  const bool wanted = needs_grad(self);
  const Kept kept = out.keep(self, wanted);
  const ScalarType type = self.scalar_type();
  Tensor r = out.make("sgn", self.sizes(), type, {self}, self.impl_ptr());
  sign_kernel(self.device(), out_view(r), Operand(self.impl_ptr()), {}, type);
  record({.name = "SgnBackward0",
          .outputs = {r},
          .inputs = {self},
          .save = {kept},
          .inplace = out.is_inplace(),
          .unconjugated = true,
          .backward = [](Backward& g) {
            // What is left of the gradient across the number's direction, over its length.
            const Tensor size = abs(g.saved(0)), direction = sgn(g.saved(0));
            const Tensor along = mul(direction, real(mul(g.grad(), conj(direction))));
            const Tensor zero = eq(size, 0);
            const Tensor divisor = where(zero, Scalar(1), size);
            g.set(0, where(zero, Scalar(0), div(sub(g.grad(), along), divisor)));
          }});
  return r;
}

Tensor complex(const Tensor& re, const Tensor& im) {
  check_pair("complex", "real", "imag", re, im);
  const DimVector sizes = broadcast_sizes(re.sizes(), im.sizes());
  Tensor out = new_tensor("complex", sizes, toComplexType(re.scalar_type()));
  for (int64_t part = 0; part < 2; ++part) {
    const TensorImplPtr to = part_of(out, part);
    const Tensor from = (part == 0 ? re : im).detach().expand(sizes);
    copy_kernel(out.device(), View(to.get()), in(from));
  }
  record({.name = "ComplexBackward0",
          .outputs = {out},
          .inputs = {re, im},
          .backward = [](Backward& g) {
            if (g.wants(0)) give(g, 0, real(g.grad()));
            if (g.wants(1)) give(g, 1, imag(g.grad()));
          }});
  return out;
}

Tensor polar(const Tensor& length, const Tensor& angle) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::polar, length, angle);
  }
  check_pair("polar", "abs", "angle", length, angle);
  return complex(mul(length, cos(angle)), mul(length, sin(angle)));
}

Tensor view_as_real(const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, self.is_complex(),
                 "view_as_real: view_as_real is only supported for complex tensors, got ",
                 self.scalar_type());
  const TensorImplPtr parts = parts_of("view_as_real", self);
  Tensor out(TensorImpl::view_as(self.impl(), parts->dtype(), parts->sizes(), parts->strides(),
                                 parts->storage_offset()));
  record({.name = "ViewAsRealBackward0",
          .outputs = {out},
          .inputs = {self},
          .backward = [](Backward& g) { g.set(0, view_as_complex(g.grad().contiguous())); }});
  return out;
}

Tensor view_as_complex(const Tensor& self) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::view_as_complex, self);
  }
  const char* const op = "view_as_complex";
  const ScalarType type = self.scalar_type();
  TAPER_CHECK_AS(DTypeError, type == kFloat || type == kDouble, op,
                 ": view_as_complex is only supported for float and double tensors, but got a "
                 "tensor of scalar type: ",
                 type);
  TAPER_CHECK_AS(ShapeError, self.dim() > 0, op, ": Input tensor must have one or more dimensions");
  TAPER_CHECK_AS(ShapeError, self.size(-1) == 2, op,
                 ": Tensor must have a last dimension of size 2, got sizes ", self.sizes());
  TAPER_CHECK_AS(ShapeError, self.stride(-1) == 1, op,
                 ": Tensor must have a last dimension with stride 1, got strides ", self.strides());
  TAPER_CHECK_AS(ShapeError, self.storage_offset() % 2 == 0, op,
                 ": Tensor must have a storage_offset divisible by 2, got ", self.storage_offset());
  DimVector sizes(self.sizes()), strides(self.strides());
  sizes.pop_back();
  strides.pop_back();
  for (int64_t& stride : strides) {
    TAPER_CHECK_AS(ShapeError, stride % 2 == 0, op,
                   ": Tensor must have a stride divisible by 2 for all but last dimension, got ",
                   self.strides());
    stride /= 2;
  }
  Tensor out(TensorImpl::view_as(self.impl(), toComplexType(type), sizes, strides,
                                 self.storage_offset() / 2));
  record({.name = "ViewAsComplexBackward0",
          .outputs = {out},
          .inputs = {self},
          .backward = [](Backward& g) { g.set(0, view_as_real(g.grad())); }});
  return out;
}

Tensor real(const Tensor& self) {
  return self.is_complex() ? view_as_real(self).select(-1, 0) : self;
}
Tensor imag(const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, self.is_complex(),
                 "imag: imag is not implemented for tensors with non-complex dtypes.");
  return view_as_real(self).select(-1, 1);
}

Tensor conj(const Tensor& self) { return self.is_complex() ? conjugate(Out(), self) : self; }
Tensor adjoint(const Tensor& self) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2,
                 "adjoint: tensor.adjoint() is only supported on matrices or batches of matrices. "
                 "Got ",
                 self.dim(), "-D tensor.");
  return conj(mT(self));
}
Tensor mH(const Tensor& self) { return adjoint(self); }
Tensor matrix_H(const Tensor& self) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 2 || self.dim() == 0,
                 "matrix_H: tensor.H is only supported on matrices (2-D tensors). Got ", self.dim(),
                 "-D tensor.");
  return self.dim() == 0 ? conj(self) : adjoint(self);
}
Tensor resolve_conj(const Tensor& self) { return self; }
Tensor resolve_neg(const Tensor& self) { return self; }
bool is_complex(const Tensor& self) { return self.is_complex(); }
bool is_conj(const Tensor&) { return false; }
bool is_neg(const Tensor&) { return false; }

namespace body {

Tensor angle(Out out, const Tensor& self) {
  if (self.is_complex()) return out.give("angle", atan2(imag(self), real(self)), {self});
  // The line has two angles; a NaN has its own.
  const Tensor x =
      to_floating(self.scalar_type()) == self.scalar_type() ? self : self.to(get_default_dtype());
  const Tensor plain = x.detach();
  const Tensor line = where(lt(plain, 0), Scalar(kPi), zeros_like(plain));
  Tensor result = out.give("angle", where(isnan(plain), plain, line), {self});
  record({.name = "AngleBackward0",
          .outputs = {result},
          .inputs = {self},
          .backward = [](Backward& g) { g.set(0, zeros_like(g.grad())); }});
  return result;
}
Tensor conj_physical(Out out, const Tensor& self) {
  if (self.is_complex()) return conjugate(out, self);
  return out.is_fresh() ? self : out.give("conj_physical", self, {self});
}

}  // namespace body
}  // namespace taper
