#include "taper/ops/pointwise_gates.h"

#include "taper/autograd/grad_mode.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/masking.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/random.h"

namespace taper {
namespace {

/// What rrelu multiplies every element with. Only the elements that are not positive draw, in
/// row-major order, as PyTorch's.
Tensor rrelu_slopes(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training,
                    const std::optional<Generator>& generator) {
  check_floating("rrelu", self);
  const double low = lower.toDouble(), high = upper.toDouble();
  TAPER_CHECK(low <= high,
              "rrelu: Lower bound should be less than or equal to the upper bound, got ", low,
              " and ", high);
  const NoRecordGuard no_record;
  const Tensor falls = self.le(0);
  const Tensor slopes = ones(self.sizes(), self.options());
  if (!training) return slopes.masked_fill(falls, (low + high) / 2);
  Tensor drawn = empty({falls.to(kLong).sum().item<int64_t>()}, kDouble);
  uniform_(drawn, low, high, generator);
  return slopes.masked_scatter(falls, drawn.to(self.scalar_type()));
}

}  // namespace

Tensor glu(const Tensor& self, int64_t dim) {
  check_floating("glu", self);
  TAPER_CHECK_AS(ShapeError, self.dim() > 0, "glu: glu does not support 0-dimensional tensors");
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  TAPER_CHECK_AS(ShapeError, size % 2 == 0, "glu: Halving dimension must be even, but dimension ",
                 dim, " is size ", size);
  return self.narrow(dim, 0, size / 2).mul(self.narrow(dim, size / 2, size / 2).sigmoid());
}

Tensor hardshrink(const Tensor& self, const Scalar& lambd) {
  check_floating("hardshrink", self);
  return self.masked_fill(self.abs().le(lambd), 0);
}

Tensor softshrink(const Tensor& self, const Scalar& lambd) {
  check_floating("softshrink", self);
  const double most = lambd.toDouble();
  TAPER_CHECK(most >= 0, "softshrink: lambda must be greater or equal to 0, but found to be ",
              most);
  return self.sub(self.clamp(Scalar(-most), Scalar(most)));
}

Tensor prelu(const Tensor& self, const Tensor& weight) {
  if (autocasting()) [[unlikely]] {
    return autocast_lower(&taper::prelu, self, weight);
  }
  check_floating("prelu", self);
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == weight.scalar_type(),
                 "prelu: Type promoting not supported. Got ", self.scalar_type(), " and ",
                 weight.scalar_type());
  TAPER_CHECK_AS(
      ShapeError, weight.dim() <= 1,
      "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight.dim());
  Tensor slope = weight;
  if (weight.numel() != 1) {
    TAPER_CHECK_AS(ShapeError, self.dim() > 0, "prelu: Not allow zero-dim input tensor.");
    const int64_t channels = self.dim() >= 2 ? self.sizes()[1] : 1;
    TAPER_CHECK_AS(ShapeError, channels == weight.numel(),
                   "prelu: Mismatch of parameter numbers and input channel size. Found parameter "
                   "numbers = ",
                   weight.numel(), " and channel size = ", channels, ".");
    DimVector shape(static_cast<size_t>(self.dim()), 1);
    shape[1] = channels;
    slope = weight.view(shape);
  } else {
    slope = weight.reshape({});
  }
  return where(self.gt(0), self, self.mul(slope));
}

Tensor rrelu(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training,
             const std::optional<Generator>& generator) {
  return self.mul(rrelu_slopes(self, lower, upper, training, generator));
}

Tensor& rrelu_(Tensor& self, const Scalar& lower, const Scalar& upper, bool training,
               const std::optional<Generator>& generator) {
  self.mul_(rrelu_slopes(self, lower, upper, training, generator));
  return self;
}

}  // namespace taper
