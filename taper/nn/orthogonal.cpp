#include <limits>
#include <ostream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/parametrizations.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper::nn::utils::parametrizations {
namespace {

Tensor transposed(const Tensor& x) { return x.transpose(-2, -1); }

DimVector with_columns(const Tensor& x, int64_t columns) {
  DimVector sizes(x.sizes().begin(), x.sizes().end());
  sizes[sizes.size() - 1] = columns;
  return sizes;
}

/// Q of the factorisation whose R has a positive diagonal.
Tensor orthogonal_factor(const Tensor& a) {
  const auto [q, r] = linalg_qr(a);
  return q.mul(r.diagonal(0, -2, -1).sgn().unsqueeze(-2));
}

bool is_orthogonal(const Tensor& q) {
  const double step = q.scalar_type() == kDouble ? std::numeric_limits<double>::epsilon()
                                                 : std::numeric_limits<float>::epsilon();
  const Tensor unit = eye(q.size(-1), q.options());
  return transposed(q).matmul(q).allclose(unit.expand_as(transposed(q).matmul(q)), 1e-5,
                                          10 * static_cast<double>(q.size(-2)) * step);
}

/// The first columns of the product of the reflections I - tau v v^T, whose v are the columns of
/// the lower triangle with 1 above them.
Tensor reflect(const Tensor& x) {
  const int64_t n = x.size(-2), k = x.size(-1);
  const Tensor unit = eye(n, x.options()).narrow(-1, 0, k);
  const Tensor lower = x.tril(-1), v = lower.add(unit);
  const Tensor tau = lower.square().sum({-2}, true).add(1).reciprocal().mul(2);
  Tensor q = unit.expand(x.sizes());
  for (int64_t i = k - 1; i >= 0; --i) {
    const Tensor column = v.narrow(-1, i, 1);
    q = q.sub(column.mul(tau.narrow(-1, i, 1)).matmul(transposed(column).matmul(q)));
  }
  return q;
}

}  // namespace

OrthogonalImpl::OrthogonalImpl(const Tensor& weight, const std::string& orthogonal_map) {
  TAPER_CHECK_AS(ShapeError, weight.dim() >= 2,
                 "orthogonal: Expected a matrix or batch of matrices. Got a tensor of ",
                 weight.dim(), " dimensions.");
  const bool is_square = weight.size(-2) == weight.size(-1);
  if (orthogonal_map == "matrix_exp" || (orthogonal_map.empty() && is_square)) {
    map_ = Map::kMatrixExp;
  } else if (orthogonal_map == "householder" || orthogonal_map.empty()) {
    map_ = Map::kHouseholder;
  } else {
    TAPER_CHECK_AS(ConfigError, orthogonal_map == "cayley",
                   "orthogonal: orthogonal_map has to be one of \"matrix_exp\", \"cayley\", "
                   "\"householder\". Got: ",
                   orthogonal_map);
    map_ = Map::kCayley;
  }
  shape_.assign(weight.sizes().begin(), weight.sizes().end());
  OrthogonalImpl::reset();
}

void OrthogonalImpl::reset() {
  register_buffer("base", &base_, base_.defined() ? base_.clone() : Tensor());
}

void OrthogonalImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::utils::parametrizations::_Orthogonal()";
}

Tensor OrthogonalImpl::forward(const Tensor& given) {
  const bool is_wide = given.size(-2) < given.size(-1);
  Tensor x = is_wide ? transposed(given) : given, q;
  const int64_t n = x.size(-2), k = x.size(-1);
  if (map_ == Map::kHouseholder) {
    // The diagonal holds signs, which are not trained.
    q = reflect(x).mul(x.detach().diagonal(0, -2, -1).trunc().unsqueeze(-2));
  } else {
    x = x.tril();
    if (n != k) x = cat({x, zeros(with_columns(x, n - k), x.options())}, -1);
    const Tensor skew = x.sub(transposed(x));
    if (map_ == Map::kMatrixExp) {
      q = linalg_matrix_exp(skew);
    } else {
      const Tensor unit = eye(n, skew.options());
      q = linalg_solve(unit.sub(skew, 0.5), unit.add(skew, 0.5));
    }
    if (n != k) q = q.narrow(-1, 0, k);
  }
  if (base_.defined()) q = base_.matmul(q);
  return is_wide ? transposed(q) : q;
}

Tensor OrthogonalImpl::right_inverse(const Tensor& given) {
  TAPER_CHECK_AS(ShapeError, given.sizes() == IntArrayRef(shape_),
                 "orthogonal: Expected a matrix or batch of matrices of shape ",
                 IntArrayRef(shape_), ". Got a tensor of shape ", given.sizes(), ".");
  const NoGradGuard no_grad;
  Tensor q = given.size(-2) < given.size(-1) ? transposed(given) : given;
  const int64_t n = q.size(-2), k = q.size(-1);
  if (n != k) {
    const Tensor more = randn(with_columns(q, n - k), q.options());
    q = orthogonal_factor(cat({q, more}, -1));
  } else {
    q = is_orthogonal(q) ? q.clone() : orthogonal_factor(q);
  }
  base_ = replace_buffer("base", q.detach());
  Tensor result = zeros(given.sizes(), given.options());
  result.diagonal(0, -2, -1).fill_(-1);
  return result;
}

void detail::orthogonal(Module& module, const std::string& name,
                        const std::string& orthogonal_map) {
  const Tensor weight = weight_of(module, name, "orthogonal");
  parametrize::register_parametrization(
      module, name, std::make_shared<OrthogonalImpl>(weight.detach(), orthogonal_map),
      /*unsafe=*/true);
}

}  // namespace taper::nn::utils::parametrizations

namespace taper::nn {
template class Cloneable<utils::parametrizations::OrthogonalImpl>;
}  // namespace taper::nn
