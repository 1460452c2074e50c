#include "taper/ops/linalg_norm.h"
#include "taper/ops/autocast_util.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/complex.h"
#include "taper/ops/contraction.h"
#include "taper/ops/creation.h"
#include "taper/ops/diagonal.h"
#include "taper/ops/joining.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/linalg_util.h"
#include "taper/ops/matmul.h"
#include "taper/ops/scan.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

void check_numbers(const char* op, const Tensor& self) {
  if (!self.is_complex()) check_floating(op, self);
}

struct MatrixDims {
  int64_t rows, columns;
};

MatrixDims matrix_dims(const Tensor& self, IntArrayRef dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2,
                 "linalg.matrix_norm: The input tensor A must have at least 2 dimensions, got ",
                 self.sizes());
  TAPER_CHECK_AS(ShapeError, dim.size() == 2, "linalg.matrix_norm: dim must be a 2-tuple. Got ",
                 dim);
  const MatrixDims d{wrap_dim(dim[0], self.dim()), wrap_dim(dim[1], self.dim())};
  TAPER_CHECK_AS(ShapeError, d.rows != d.columns,
                 "linalg.matrix_norm: dims must be different. Got ", dim);
  return d;
}

Tensor cast(const Tensor& self, std::optional<ScalarType> dtype) {
  return dtype ? self.to(*dtype) : self;
}

/// What f makes of the singular values, in the last dimension, put where the matrices were.
template <class F>
Tensor of_singular_values(const Tensor& self, MatrixDims d, bool keepdim, F&& f) {
  const int64_t from[] = {d.rows, d.columns}, to[] = {-2, -1};
  Tensor result = f(linalg_svdvals(self.movedim(IntArrayRef(from, 2), IntArrayRef(to, 2))));
  if (!keepdim) return result;
  const int64_t first = std::min(d.rows, d.columns), second = std::max(d.rows, d.columns);
  return result.unsqueeze(first).unsqueeze(second);
}

}  // namespace

Tensor linalg_vector_norm(const Tensor& self, const Scalar& ord, IntArrayRef dim, bool keepdim,
                          std::optional<ScalarType> dtype) {
  check_numbers("linalg.vector_norm", self);
  return cast(self, dtype).norm(ord, dim, keepdim);
}

Tensor linalg_matrix_norm(const Tensor& input, const Scalar& ord, IntArrayRef dim, bool keepdim,
                          std::optional<ScalarType> dtype) {
  check_numbers("linalg.matrix_norm", input);
  const MatrixDims d = matrix_dims(input, dim);
  const Tensor self = cast(input, dtype);
  const double p = ord.toDouble(), size = std::abs(p);
  TAPER_CHECK(size == 1 || size == 2 || std::isinf(p), "linalg.matrix_norm: Order ", p,
              " not supported.");
  if (size == 2) {
    return of_singular_values(self, d, keepdim,
                              [&](const Tensor& s) { return p > 0 ? s.amax(-1) : s.amin(-1); });
  }
  const int64_t added = size == 1 ? d.rows : d.columns, left = size == 1 ? d.columns : d.rows;
  const Tensor sums = self.norm(1, added, true);
  Tensor result = p > 0 ? sums.amax(left, true) : sums.amin(left, true);
  if (keepdim) return result;
  return result.squeeze(std::max(d.rows, d.columns)).squeeze(std::min(d.rows, d.columns));
}

Tensor linalg_matrix_norm(const Tensor& input, std::string_view ord, IntArrayRef dim, bool keepdim,
                          std::optional<ScalarType> dtype) {
  check_numbers("linalg.matrix_norm", input);
  const MatrixDims d = matrix_dims(input, dim);
  TAPER_CHECK(ord == "fro" || ord == "nuc", "linalg.matrix_norm: Order ", ord, " not supported.");
  const Tensor self = cast(input, dtype);
  if (ord == "fro") return self.norm(2, dim, keepdim);
  return of_singular_values(self, d, keepdim, [](const Tensor& s) { return s.sum(-1); });
}

Tensor frobenius_norm(const Tensor& self, IntArrayRef dim, bool keepdim) {
  TAPER_CHECK(dim.size() <= 2, "frobenius_norm: Expected at most 2 dimensions, but got ",
              dim.size(), " dimensions instead.");
  return linalg_vector_norm(self, 2, dim, keepdim);
}
Tensor nuclear_norm(const Tensor& self, bool keepdim) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 2,
                 "nuclear_norm: Expected a tensor with 2 dimensions, but got a tensor with ",
                 self.dim(), " dimensions instead.");
  return nuclear_norm(self, {0, 1}, keepdim);
}
Tensor nuclear_norm(const Tensor& self, IntArrayRef dim, bool keepdim) {
  TAPER_CHECK_AS(ShapeError, dim.size() == 2,
                 "nuclear_norm requires a 'dim' argument of size 2, got ", dim);
  return linalg_matrix_norm(self, "nuc", dim, keepdim);
}

Tensor linalg_cond(const Tensor& self, const std::optional<Scalar>& p) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_cond, self, p);
  }
  check_matrix("linalg.cond", self);
  const double ord = p ? p->toDouble() : 2;
  if (std::abs(ord) == 2) {
    const Tensor s = linalg_svdvals(self);
    return ord > 0 ? s.amax(-1).div(s.amin(-1)) : s.amin(-1).div(s.amax(-1));
  }
  return linalg_matrix_norm(self, ord).mul(linalg_matrix_norm(linalg_inv(self), ord));
}

Tensor linalg_vecdot(const Tensor& x, const Tensor& y, int64_t dim) {
  if (autocasting()) [[unlikely]] {
    return autocast_lower(&taper::linalg_vecdot, x, y, dim);
  }
  check_numbers("linalg.vecdot", x);
  check_same_dtype("linalg.vecdot", x, y);
  return conj(x).mul(y).sum(dim);
}

Tensor linalg_norm(const Tensor& self, const std::optional<Scalar>& ord, OptionalIntArrayRef dim,
                   bool keepdim, std::optional<ScalarType> dtype) {
  TAPER_CHECK_AS(ShapeError, !dim || (*dim).size() == 1 || (*dim).size() == 2,
                 "linalg.norm: If dim is specified, it must be of length 1 or 2. Got ",
                 dim.value_or({}));
  TAPER_CHECK_AS(
      ShapeError, dim || !ord || self.dim() == 1 || self.dim() == 2,
      "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ",
      self.dim(), "D.");
  const bool of_matrices = ord && (dim ? (*dim).size() == 2 : self.dim() == 2);
  if (!of_matrices) {
    return linalg_vector_norm(self, ord.value_or(2), dim.value_or({}), keepdim, dtype);
  }
  return linalg_matrix_norm(self, *ord, dim.value_or({-2, -1}), keepdim, dtype);
}
Tensor linalg_norm(const Tensor& self, std::string_view ord, OptionalIntArrayRef dim, bool keepdim,
                   std::optional<ScalarType> dtype) {
  TAPER_CHECK_AS(ShapeError, !dim || (*dim).size() == 2,
                 "linalg.norm: If dim is specified, it must be of length 2 with the order '", ord,
                 "'. Got ", dim.value_or({}));
  TAPER_CHECK_AS(ShapeError, dim || self.dim() == 2,
                 "linalg.norm: If dim is not specified but ord is, the input must be 2D with the "
                 "order '",
                 ord, "'. Got ", self.dim(), "D.");
  return linalg_matrix_norm(self, ord, dim.value_or({-2, -1}), keepdim, dtype);
}

Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() == other.dim(),
                 "linalg.cross: inputs must have the same number of dimensions. Got ", self.dim(),
                 " and ", other.dim());
  return cross(self, other, dim);
}
Tensor linalg_diagonal(const Tensor& A, int64_t offset, int64_t dim1, int64_t dim2) {
  return A.diagonal(offset, dim1, dim2);
}
Tensor linalg_matmul(const Tensor& self, const Tensor& other) { return matmul(self, other); }
Tensor linalg_vander(const Tensor& x, std::optional<int64_t> N) {
  TAPER_CHECK_AS(DTypeError, x.scalar_type() != kBool,
                 "linalg.vander: Boolean tensors are not supported");
  TAPER_CHECK_AS(ShapeError, x.dim() > 0 || N,
                 "linalg.vander: x has no dimensions, and no N is given");
  if (x.dim() == 0) return linalg_vander(x.unsqueeze(0), N);
  const int64_t n = N ? *N : x.size(-1);
  TAPER_CHECK(n > 1, "linalg.vander: N must be greater than 1, got ", n);
  DimVector sizes(x.sizes());
  sizes.push_back(n - 1);
  const Tensor powers = x.unsqueeze(-1).expand(sizes).cumprod(-1);
  return cat({ones_like(powers.narrow(-1, 0, 1)), powers}, -1);
}

}  // namespace taper
