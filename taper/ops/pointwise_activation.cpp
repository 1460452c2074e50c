#include "taper/ops/pointwise_activation.h"

#include <cmath>

#include "taper/ops/bodies.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

constexpr double kSeluAlpha = 1.6732632423543772848, kSeluScale = 1.0507009873554804934;

/// An activation with one input; its gradient is one kernel of (grad, input or result), and for
/// second gradients `formula(grad, input or result)`.
template <class F>
Tensor activation(const Out& out, const UnaryOp& op, const BinaryKernel& slope, const Tensor& self,
                  std::initializer_list<Scalar> params, F formula) {
  if (!self.is_complex()) check_floating(op.name, self);
  const Params list(params.begin(), params.size());
  const SmallVector<Scalar, 3> kept(list);
  return unary(out, op, self, self.scalar_type(), list, [&slope, kept, formula](Backward& g) {
    give_fused(g, slope, kept,
               [&](const Tensor& grad, const Tensor& x) { return formula(grad, x); });
  });
}

/// relu and threshold: the gradient passes where the input (or result) is above the threshold.
Tensor above(const Out& out, const UnaryOp& op, const Tensor& self, Params params,
             const Scalar& threshold) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool, op.name,
                 ": Boolean inputs not supported for ", op.name);
  return unary(out, op, self, self.scalar_type(), params, [threshold](Backward& g) {
    give_fused(g, threshold_backward_kernel, Params(threshold),
               [&](const Tensor& grad, const Tensor& x) {
                 return where(le(x, threshold), Scalar(0), grad);
               });
  });
}

Tensor gelu_exact_slope(const Tensor& grad, const Tensor& x) {
  const Tensor cdf = mul(add(erf(mul(x, M_SQRT1_2)), 1), 0.5);
  const Tensor density = mul(exp(mul(square(x), -0.5)), 0.39894228040143267794);
  return mul(grad, add(cdf, mul(x, density)));
}

Tensor gelu_tanh_slope(const Tensor& grad, const Tensor& x) {
  const double k = 1.59576912160573071176, c = 0.044715;  // 2 sqrt(2 / pi)
  const Tensor x2 = square(x);
  const Tensor s = sigmoid(mul(mul(x, add(mul(x2, c), 1)), k));
  const Tensor inner = mul(add(mul(x2, 3 * c), 1), k);
  return mul(grad, add(s, mul(mul(x, inner), mul(s, rsub(s, 1)))));
}

}  // namespace

namespace body {

Tensor relu(Out out, const Tensor& self) {
  return above(out, {"relu", "ReluBackward0", relu_kernel, UnaryOp::result}, self, {}, 0);
}
Tensor threshold(Out out, const Tensor& self, const Scalar& threshold, const Scalar& value) {
  const Scalar params[] = {threshold, value};
  return above(out, {"threshold", "ThresholdBackward0", threshold_kernel, UnaryOp::self}, self,
               params, threshold);
}

Tensor hardtanh(Out out, const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool,
                 "hardtanh: Bool inputs not supported for hardtanh");
  const Scalar params[] = {min_val, max_val};
  return unary(out, {"hardtanh", "HardtanhBackward0", clamp_kernel, UnaryOp::self}, self,
               self.scalar_type(), params, [low = min_val, high = max_val](Backward& g) {
                 // Unlike clamp's, this gradient is 0 at the bounds.
                 const Tensor& x = g.saved(0);
                 const Tensor outside = logical_or(le(x, low), ge(x, high));
                 give(g, 0, where(outside, Scalar(0), g.grad()));
               });
}
Tensor relu6(Out out, const Tensor& self) { return hardtanh(out, self, 0, 6); }

Tensor leaky_relu(Out out, const Tensor& self, const Scalar& negative_slope) {
  return activation(out, {"leaky_relu", "LeakyReluBackward0", leaky_relu_kernel, UnaryOp::self},
                    leaky_relu_backward_kernel, self, {negative_slope},
                    [slope = negative_slope](const Tensor& grad, const Tensor& x) {
                      return where(gt(x, 0), grad, mul(grad, slope));
                    });
}

Tensor elu(Out out, const Tensor& self, const Scalar& alpha, const Scalar& scale,
           const Scalar& input_scale) {
  const double a = alpha.toDouble(), s = scale.toDouble(), i = input_scale.toDouble();
  return activation(out, {"elu", "EluBackward0", elu_kernel, UnaryOp::self}, elu_backward_kernel,
                    self, {alpha, scale, input_scale},
                    [a, s, i](const Tensor& grad, const Tensor& x) {
                      const Tensor low = mul(exp(mul(clamp_max(x, 0), i)), a * s * i);
                      return where(gt(x, 0), mul(grad, s), mul(grad, low));
                    });
}
Tensor selu(Out out, const Tensor& self) { return elu(out, self, kSeluAlpha, kSeluScale, 1); }
Tensor celu(Out out, const Tensor& self, const Scalar& alpha) {
  TAPER_CHECK(alpha.toDouble() != 0, "celu: ZeroDivisionError: alpha cannot be 0 for CELU");
  return elu(out, self, alpha, 1, 1 / alpha.toDouble());
}

Tensor gelu(Out out, const Tensor& self, std::string_view approximate) {
  if (approximate == "none") {
    return activation(out, {"gelu", "GeluBackward0", gelu_kernel, UnaryOp::self},
                      gelu_backward_kernel, self, {}, gelu_exact_slope);
  }
  TAPER_CHECK_AS(ConfigError, approximate == "tanh",
                 "gelu: approximate argument must be either none or tanh, got ", approximate);
  return activation(out, {"gelu", "GeluBackward0", gelu_tanh_kernel, UnaryOp::self},
                    gelu_tanh_backward_kernel, self, {}, gelu_tanh_slope);
}

Tensor silu(Out out, const Tensor& self) {
  return activation(out, {"silu", "SiluBackward0", silu_kernel, UnaryOp::self},
                    silu_backward_kernel, self, {}, [](const Tensor& grad, const Tensor& x) {
                      const Tensor s = sigmoid(x);
                      return mul(grad, mul(s, add(mul(x, rsub(s, 1)), 1)));
                    });
}
Tensor mish(Out out, const Tensor& self) {
  return composite(out, "mish", self, {self},
                   [](const Tensor& x) { return mul(x, tanh(taper::softplus(x))); });
}

Tensor softplus(Out out, const Tensor& self, const Scalar& beta, const Scalar& threshold) {
  return activation(out, {"softplus", "SoftplusBackward0", softplus_kernel, UnaryOp::self},
                    softplus_backward_kernel, self, {beta, threshold},
                    [beta, threshold](const Tensor& grad, const Tensor& x) {
                      const Tensor z = mul(x, beta);
                      return where(gt(z, threshold), grad, mul(grad, sigmoid(z)));
                    });
}

Tensor hardsigmoid(Out out, const Tensor& self) {
  return activation(out, {"hardsigmoid", "HardsigmoidBackward0", hardsigmoid_kernel, UnaryOp::self},
                    hardsigmoid_backward_kernel, self, {}, [](const Tensor& grad, const Tensor& x) {
                      const Tensor inside = logical_and(gt(x, -3), lt(x, 3));
                      return where(inside, div(grad, 6), Scalar(0));
                    });
}
Tensor hardswish(Out out, const Tensor& self) {
  return activation(out, {"hardswish", "HardswishBackward0", hardswish_kernel, UnaryOp::self},
                    hardswish_backward_kernel, self, {}, [](const Tensor& grad, const Tensor& x) {
                      const Tensor middle = mul(grad, add(div(x, 3), 0.5));
                      return where(lt(x, -3), Scalar(0), where(le(x, 3), middle, grad));
                    });
}

}  // namespace body

Tensor log_sigmoid(const Tensor& self) { return neg(softplus(neg(self))); }

}  // namespace taper
