#include "taper/kernel/softmax.h"

#include "taper/ops/bodies.h"
#include "taper/ops/op_util.h"
#include "taper/ops/softmax.h"

namespace taper {
namespace {

/// y (g - sum(g y)), or g - e^y sum(g). The composite form can be differentiated again.
Tensor softmax_slope(const Tensor& grad, const Tensor& y, int64_t dim, bool log) {
  if (thread_state.recording()) {
    if (log) return grad.sub(y.exp().mul(grad.sum(dim, true)));
    return y.mul(grad.sub(grad.mul(y).sum(dim, true)));
  }
  Tensor result = new_tensor("softmax_backward", y.sizes(), y.scalar_type());
  softmax_backward_kernel(y.device(), out_view(result), in(grad), in(y), dim, log);
  return result;
}

Tensor softmax_along(const Out& out, const char* op, const Tensor& input, int64_t dim,
                     std::optional<ScalarType> dtype, bool log) {
  const Tensor self = dtype && *dtype != input.scalar_type() ? input.to(*dtype) : input;
  TAPER_CHECK_AS(DTypeError, self.is_floating_point(), op, ": \"", log ? "log_softmax" : "softmax",
                 "_kernel_impl\" not implemented for '", self.scalar_type(),
                 "', expected a floating type or a dtype argument");
  const int64_t d = wrap_dim(dim, self.dim());
  Tensor result = out.make(op, self.sizes(), self.scalar_type(), {self});
  softmax_kernel(self.device(), out_view(result), in(self), d, log);
  record({.name = log ? "LogSoftmaxBackward0" : "SoftmaxBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {result},
          .backward = [d, log](Backward& g) {
            g.set(0, softmax_slope(g.grad(), g.saved(0), d, log));
          }});
  return result;
}

}  // namespace

namespace body {

Tensor softmax(Out out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  return softmax_along(out, "softmax", self, dim, dtype, false);
}
Tensor log_softmax(Out out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  return softmax_along(out, "log_softmax", self, dim, dtype, true);
}

}  // namespace body
}  // namespace taper
