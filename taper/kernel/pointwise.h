#pragma once

#include "taper/base/array_ref.h"
#include "taper/core/scalar.h"
#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Kernels that compute each element of out from the elements at the same place of their inputs.
//
// Shapes: inputs broadcast to out's sizes; any strides; out has no internal overlap and shares
// memory with an input only where every element of it lies at the same place.
// Types: `compute` is the type the op has decided on (promotion is the op's matter). Operands of
// any type are converted to it, numbers too; half types compute in float32. The result (compute's
// type, or bool from a predicate; abs of a complex number is real) is converted to out's type. A
// kernel throws a DTypeError for a compute type that it does not have, as most do for complex ones.
// The same element gives the same bits in any layout, length, offset and thread count.
// Integers wrap; a zero divisor throws an Error with PyTorch's "ZeroDivisionError".
namespace taper {

/// A kernel's input: a tensor, or a number that stays one.
class Operand {
 public:
  Operand(ConstView view) : view_(view) {}
  Operand(const TensorImpl* impl) : view_(ConstView(impl)) {}
  Operand(const Scalar& number) : number_(number) {}

  bool is_number() const { return !view_.defined(); }
  const ConstView& view() const { return view_; }
  const Scalar& number() const { return number_; }

 private:
  ConstView view_;
  Scalar number_;
};

/// What bessel_kernel computes.
enum class Bessel : int64_t {
  j0,
  j1,
  y0,
  y1,
  k0,
  k1,
  scaled_i0,
  scaled_i1,
  scaled_k0,
  scaled_k1,
  airy
};
/// What polynomial_kernel computes.
enum class Polynomial : int64_t {
  chebyshev_t,
  chebyshev_u,
  chebyshev_v,
  chebyshev_w,
  hermite_h,
  hermite_he,
  laguerre_l,
  legendre_p
};

/// The numbers that an op is called with, in the order that its line below gives.
using Params = ArrayRef<Scalar>;

using UnaryKernel = Kernel<void(View out, const Operand& x, Params, ScalarType compute)>;
using BinaryKernel =
    Kernel<void(View out, const Operand& a, const Operand& b, Params, ScalarType compute)>;
using TernaryKernel = Kernel<void(View out, const Operand& a, const Operand& b, const Operand& c,
                                  Params, ScalarType compute)>;

// clang-format off

/// X(name): kernels of one input. F: floating types only; others take integers too.
#define TAPER_UNARY_KERNELS(X)                                                                  \
  X(abs) X(neg) X(sign) /* complex: x / |x| */ X(square) X(floor) X(ceil) X(trunc) X(round) /* half to even */         \
  X(frac) X(reciprocal) X(sqrt) X(rsqrt)                                                 /* F */ \
  X(exp) X(exp2) X(expm1) X(log) X(log1p) X(log2) X(log10) X(sin) X(cos) X(tan)          /* F */ \
  X(tanh) X(sigmoid) X(erf) X(erfc) X(silu) X(gelu) X(gelu_tanh) X(hardsigmoid) X(hardswish) \
  X(asin) X(acos) X(atan) X(sinh) X(cosh) X(asinh) X(acosh) X(atanh)                     /* F */ \
  X(lgamma) X(digamma) X(erfinv) X(i0) X(i1) X(erfcx) X(ndtri) X(log_ndtr)               /* F */ \
  X(polygamma)      /* order */                                                          /* F */ \
  X(bessel)         /* Bessel */                                                         /* F */ \
  X(relu)                                                                                       \
  X(leaky_relu)     /* slope */                                                                 \
  X(elu)            /* alpha, scale, input_scale */                                             \
  X(softplus)       /* beta, threshold */                                                       \
  X(threshold)      /* threshold, value: x > threshold ? x : value, NaN stays */                \
  X(clamp)          /* min, max; NaN stays */                                                   \
  X(clamp_min)      /* min */                                                                   \
  X(clamp_max)      /* max */                                                                   \
  X(bitwise_not) /* of bool: not */                                                             \
  X(signbit) X(logical_not) X(isnan) X(isinf) X(isfinite) /* predicates */

/// X(name): kernels of two inputs.
#define TAPER_BINARY_KERNELS(X)                                                                 \
  X(add) X(sub)     /* alpha: a + alpha b, a - alpha b */                                       \
  X(mul)                                                                                        \
  X(div)            /* a / b; integers: towards zero */                                         \
  X(div_floor) X(div_trunc) X(remainder) /* sign of b */ X(fmod) /* sign of a */                \
  X(pow) X(maximum) X(minimum) X(fmax) X(fmin) /* a NaN gives way */ X(atan2)                   \
  X(hypot) X(copysign) X(nextafter) X(logaddexp) X(logaddexp2) X(xlogy)                  /* F */ \
  X(igamma) X(igammac) X(zeta) X(polynomial) /* Polynomial; x and degree */              /* F */ \
  X(heaviside) X(gcd) X(lcm) X(shift_left) X(shift_right) /* integers */                        \
  X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(logical_and) X(logical_or) X(logical_xor) /* predicates */ \
  X(bitwise_and) X(bitwise_or) X(bitwise_xor)                                                   \
  /* Gradients: a is the gradient of the result. b: the result y (tanh, sigmoid) or the input x. */ \
  X(tanh_backward) X(sigmoid_backward)                                                          \
  X(silu_backward) X(gelu_backward) X(gelu_tanh_backward)                                       \
  X(hardsigmoid_backward) X(hardswish_backward)                                                 \
  X(threshold_backward)   /* threshold: x > threshold ? grad : 0 */                             \
  X(leaky_relu_backward)  /* slope */                                                           \
  X(elu_backward)         /* alpha, scale, input_scale */                                       \
  X(softplus_backward)    /* beta, threshold */                                                 \
  X(clamp_backward)       /* min, max: min <= x <= max ? grad : 0 */

/// X(name): kernels of three inputs.
#define TAPER_TERNARY_KERNELS(X)                                                                \
  X(where)          /* a ? b : c, a is a bool tensor */                                         \
  X(lerp)           /* a + c (b - a) */                                                         \
  X(addcmul)        /* value: a + value b c */                                                  \
  X(addcdiv)        /* value: a + value b / c */

// clang-format on

namespace cpu {
#define TAPER_DECLARE(name) void name(View, const Operand&, Params, ScalarType);
TAPER_UNARY_KERNELS(TAPER_DECLARE)
TAPER_DECLARE(conj)
#undef TAPER_DECLARE
#define TAPER_DECLARE(name) void name(View, const Operand&, const Operand&, Params, ScalarType);
TAPER_BINARY_KERNELS(TAPER_DECLARE)
#undef TAPER_DECLARE
#define TAPER_DECLARE(name) \
  void name(View, const Operand&, const Operand&, const Operand&, Params, ScalarType);
TAPER_TERNARY_KERNELS(TAPER_DECLARE)
#undef TAPER_DECLARE
}  // namespace cpu

#define TAPER_DEFINE(name) \
  inline constinit UnaryKernel name##_kernel{#name, &cpu::name, Numbers::kAny};
TAPER_UNARY_KERNELS(TAPER_DEFINE)
TAPER_DEFINE(conj)  // of complex types only
#undef TAPER_DEFINE
#define TAPER_DEFINE(name) \
  inline constinit BinaryKernel name##_kernel{#name, &cpu::name, Numbers::kAny};
TAPER_BINARY_KERNELS(TAPER_DEFINE)
#undef TAPER_DEFINE
#define TAPER_DEFINE(name) \
  inline constinit TernaryKernel name##_kernel{#name, &cpu::name, Numbers::kAny};
TAPER_TERNARY_KERNELS(TAPER_DEFINE)
#undef TAPER_DEFINE

}  // namespace taper
