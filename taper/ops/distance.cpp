#include "taper/ops/distance.h"

#include <cmath>

#include "taper/ops/autocast_util.h"
#include "taper/ops/grid.h"
#include "taper/ops/matmul.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/scatter.h"
#include "taper/ops/statistics.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// A function whose slope at 0 may be infinite, with value and slope 0 there.
template <class F>
Tensor zero_at_zero(const Tensor& x, F f) {
  const Tensor zero = x.eq(0);
  return f(x.masked_fill(zero, 1)).masked_fill(zero, 0);
}

/// norm() over the last dimension whose gradient is 0 where the norm is.
Tensor length_of(const Tensor& difference, double p, bool keepdim) {
  if (p == 0 || p == 1 || p == 2 || std::isinf(p)) return norm(difference, p, -1, keepdim);
  const Tensor powers = zero_at_zero(difference.abs(), [p](const Tensor& x) { return x.pow(p); });
  return zero_at_zero(powers.sum(-1, keepdim), [p](const Tensor& x) { return x.pow(1 / p); });
}

/// Both in the type that they promote to, which must be a floating one.
ScalarType common_type(const char* op, const Tensor& a, const Tensor& b) {
  const ScalarType type = result_type(a, b);
  TAPER_CHECK_AS(DTypeError, isFloatingType(type), op,
                 ": expected common dtype to be floating point, yet common dtype is ", type);
  return type;
}

/// sqrt(|a|^2 + |b|^2 - 2 a . b).
Tensor euclidean_by_product(const Tensor& a, const Tensor& b) {
  const Tensor of_a = a.square().sum(-1, true), of_b = b.square().sum(-1, true).transpose(-2, -1);
  // Rounding may leave less than 0.
  const Tensor squares = of_a.add(of_b).sub(a.matmul(b.transpose(-2, -1)), 2).clamp_min(0);
  if (!wants_grad({squares})) return squares.sqrt();
  return zero_at_zero(squares, [](const Tensor& x) { return x.sqrt(); });
}

}  // namespace

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  const ScalarType promoted = result_type(x1, x2);
  const ScalarType type = promoted == kBool ? kBool : to_floating(promoted);
  TAPER_CHECK_AS(ShapeError, x1.dim() >= 1 || x2.dim() >= 1,
                 "pairwise_distance: expected a dimension to take the norm over, got ", x1.sizes(),
                 " and ", x2.sizes());
  return length_of(x1.to(type).sub(x2.to(type)).add(eps), p, keepdim);
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
  const ScalarType type = common_type("cosine_similarity", x1, x2);
  const DimVector sizes = broadcast_sizes(x1.sizes(), x2.sizes());
  dim = wrap_dim(dim, static_cast<int64_t>(sizes.size()));
  const Tensor a = x1.to(type).expand(sizes), b = x2.to(type).expand(sizes);
  const auto direction = [&](const Tensor& x) {
    return x.div(norm(x, 2, dim, true).clamp_min(eps));
  };
  return direction(a).mul(direction(b)).sum(dim);
}

Tensor pdist(const Tensor& self, double p) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 2,
                 "pdist: pdist only supports 2D tensors, got: ", self.dim(), "D");
  TAPER_CHECK_AS(DTypeError, self.is_floating_point(),
                 "pdist: pdist only supports float tensors, got ", self.scalar_type());
  TAPER_CHECK(p >= 0, "pdist: pdist only supports non-negative p values, got ", p);
  const Tensor pairs = triu_indices(self.sizes()[0], self.sizes()[0], 1);
  const Tensor difference =
      self.index_select(0, pairs.select(0, 0)).sub(self.index_select(0, pairs.select(0, 1)));
  return length_of(difference, p, false);
}

Tensor cdist(const Tensor& x1, const Tensor& x2, double p, std::optional<int64_t> compute_mode) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::cdist, x1, x2, p, compute_mode);
  }
  TAPER_CHECK_AS(ShapeError, x1.dim() >= 2,
                 "cdist: cdist only supports at least 2D tensors, X1 got: ", x1.dim(), "D");
  TAPER_CHECK_AS(ShapeError, x2.dim() >= 2,
                 "cdist: cdist only supports at least 2D tensors, X2 got: ", x2.dim(), "D");
  TAPER_CHECK_AS(ShapeError, x1.size(-1) == x2.size(-1),
                 "cdist: X1 and X2 must have the same number of columns. X1: ", x1.size(-1),
                 " X2: ", x2.size(-1));
  TAPER_CHECK(p >= 0, "cdist: cdist only supports non-negative p values, got ", p);
  const int64_t mode = compute_mode.value_or(0);
  TAPER_CHECK(mode >= 0 && mode <= 2, "cdist: possible modes: 0, 1, 2, but was: ", mode);
  const ScalarType type = common_type("cdist", x1, x2);
  const Tensor a = x1.to(type), b = x2.to(type);
  const bool large = a.size(-2) > 25 || b.size(-2) > 25;
  if (p == 2 && (mode == 1 || (mode == 0 && large))) return euclidean_by_product(a, b);
  return length_of(a.unsqueeze(-2).sub(b.unsqueeze(-3)), p, false);
}

}  // namespace taper
