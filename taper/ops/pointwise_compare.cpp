#include "taper/ops/pointwise_compare.h"

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/reduction.h"
#include "taper/ops/bodies.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

Tensor unary_predicate(const Out& out, const char* name, const UnaryKernel& kernel,
                       const Tensor& self) {
  Tensor r = out.make(name, self.sizes(), kBool, {self}, self.impl_ptr());
  kernel(r.device(), out_view(r), Operand(self.impl_ptr()), {}, self.scalar_type());
  return r;
}

Tensor bitwise(const Out& out, const char* name, const BinaryKernel& kernel, const Arg& a,
               const Arg& b) {
  const ScalarType type = result_type(a, b);
  TAPER_CHECK_AS(DTypeError, isIntegralType(type, true), name, ": \"", name,
                 "\" not implemented for '", type, "'");
  const BinaryOp op{name, name, kernel};
  return binary(out, op, a, b, {}, type, type, [](Backward&) {});
}

bool all_true(const Tensor& t) {
  Tensor r = new_tensor("all", {}, kBool);
  const uint64_t dims = t.dim() == kMaxDims ? ~uint64_t{0} : (uint64_t{1} << t.dim()) - 1;
  reduce_kernel(t.device(), out_view(r), in(t), dims, ReduceOp::all);
  return *r.data_ptr<bool>();
}

}  // namespace

namespace body {

#define TAPER_COMPARISON(name, alias)                              \
  Tensor name(Out out, const Tensor& self, const Tensor& other) {  \
    return predicate(out, #name, name##_kernel, self, other);      \
  }                                                                \
  Tensor name(Out out, const Tensor& self, const Scalar& other) {  \
    return predicate(out, #name, name##_kernel, self, other);      \
  }                                                                \
  Tensor alias(Out out, const Tensor& self, const Tensor& other) { \
    return predicate(out, #name, name##_kernel, self, other);      \
  }                                                                \
  Tensor alias(Out out, const Tensor& self, const Scalar& other) { \
    return predicate(out, #name, name##_kernel, self, other);      \
  }
TAPER_COMPARISON(ne, not_equal)
TAPER_COMPARISON(lt, less)
TAPER_COMPARISON(le, less_equal)
TAPER_COMPARISON(gt, greater)
TAPER_COMPARISON(ge, greater_equal)
#undef TAPER_COMPARISON
Tensor eq(Out out, const Tensor& self, const Tensor& other) {
  return predicate(out, "eq", eq_kernel, self, other);
}
Tensor eq(Out out, const Tensor& self, const Scalar& other) {
  return predicate(out, "eq", eq_kernel, self, other);
}

Tensor logical_and(Out out, const Tensor& self, const Tensor& other) {
  return predicate(out, "logical_and", logical_and_kernel, self, other);
}
Tensor logical_or(Out out, const Tensor& self, const Tensor& other) {
  return predicate(out, "logical_or", logical_or_kernel, self, other);
}
Tensor logical_xor(Out out, const Tensor& self, const Tensor& other) {
  return predicate(out, "logical_xor", logical_xor_kernel, self, other);
}
Tensor logical_not(Out out, const Tensor& self) {
  return unary_predicate(out, "logical_not", logical_not_kernel, self);
}

#define TAPER_BITWISE(name)                                       \
  Tensor name(Out out, const Tensor& self, const Tensor& other) { \
    return bitwise(out, #name, name##_kernel, self, other);       \
  }                                                               \
  Tensor name(Out out, const Tensor& self, const Scalar& other) { \
    return bitwise(out, #name, name##_kernel, self, other);       \
  }
TAPER_BITWISE(bitwise_and)
TAPER_BITWISE(bitwise_or)
TAPER_BITWISE(bitwise_xor)
#undef TAPER_BITWISE
Tensor bitwise_not(Out out, const Tensor& self) {
  const ScalarType type = self.scalar_type();
  TAPER_CHECK_AS(DTypeError, isIntegralType(type, true),
                 "bitwise_not: \"bitwise_not\" not implemented for '", type, "'");
  const UnaryOp op{"bitwise_not", "bitwise_not", bitwise_not_kernel};
  return unary(out, op, self, type, {}, [](Backward&) {});
}

}  // namespace body

Tensor isnan(const Tensor& self) { return unary_predicate(Out(), "isnan", isnan_kernel, self); }
Tensor isinf(const Tensor& self) { return unary_predicate(Out(), "isinf", isinf_kernel, self); }
Tensor isfinite(const Tensor& self) {
  return unary_predicate(Out(), "isfinite", isfinite_kernel, self);
}

Tensor isclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == other.scalar_type(),
                 "isclose: ", self.scalar_type(), " did not match ", other.scalar_type());
  TAPER_CHECK(rtol >= 0, "isclose: rtol must be greater than or equal to zero, but got ", rtol);
  TAPER_CHECK(atol >= 0, "isclose: atol must be greater than or equal to zero, but got ", atol);
  NoRecordGuard no_record;
  Tensor close = eq(self, other);
  const bool exact = !isDifferentiableType(self.scalar_type());
  if (equal_nan && !exact) {
    close = logical_or(close, logical_and(isnan(self), isnan(other)));
  }
  if (rtol == 0 && atol == 0) return close;
  const Tensor a = exact ? self.to(kDouble) : self;
  const Tensor b = exact ? other.to(kDouble) : other;
  const Tensor allowed = add(mul(abs(b), rtol), Scalar(atol));
  const Tensor error = abs(sub(a, b));
  return logical_or(close, logical_and(isfinite(error), le(error, allowed)));
}

Tensor bitwise_and(const Scalar& self, const Tensor& other) { return bitwise_and(other, self); }
Tensor bitwise_or(const Scalar& self, const Tensor& other) { return bitwise_or(other, self); }
Tensor bitwise_xor(const Scalar& self, const Tensor& other) { return bitwise_xor(other, self); }

bool allclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  const Tensor close = isclose(self, other, rtol, atol, equal_nan);
  return all_true(close);
}

bool equal(const Tensor& self, const Tensor& other) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == other.scalar_type(),
                 "equal: Expected object of data type ", self.scalar_type(), " but got data type ",
                 other.scalar_type(), " for argument 'other'");
  return self.sizes() == other.sizes() && all_true(eq(self, other));
}

}  // namespace taper
