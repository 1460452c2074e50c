#include "taper/ops/linalg_norm.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/autocast_util.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/linalg_util.h"

namespace taper {
namespace {

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
  if (!self.is_complex()) check_floating("linalg.vector_norm", self);
  return cast(self, dtype).norm(ord, dim, keepdim);
}

Tensor linalg_matrix_norm(const Tensor& input, const Scalar& ord, IntArrayRef dim, bool keepdim,
                          std::optional<ScalarType> dtype) {
  check_floating("linalg.matrix_norm", input);
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
  check_floating("linalg.matrix_norm", input);
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
  check_floating("linalg.vecdot", x);
  check_same_dtype("linalg.vecdot", x, y);
  return x.mul(y).sum(dim);
}

}  // namespace taper
