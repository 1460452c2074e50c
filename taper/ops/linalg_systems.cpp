#include "taper/ops/linalg_systems.h"
#include "taper/ops/autocast_util.h"

#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/complex.h"
#include "taper/ops/contraction.h"
#include "taper/ops/creation.h"
#include "taper/ops/grid.h"
#include "taper/ops/joining.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/linalg_util.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

int64_t product_of(IntArrayRef sizes) {
  int64_t n = 1;
  for (const int64_t s : sizes) n *= s;
  return n;
}

/// Whether B holds one vector for each matrix of A.
bool holds_vectors(const Tensor& A, const Tensor& B) {
  if (B.dim() == 1) return true;
  return A.dim() - 1 == B.dim() && B.sizes() == A.sizes().slice(0, A.sizes().size() - 1);
}

void check_driver(std::string_view driver) {
  TAPER_CHECK(driver == "gels" || driver == "gelsy" || driver == "gelsd" || driver == "gelss",
              "linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got ",
              driver);
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor> linalg_lstsq(const Tensor& A, const Tensor& B,
                                                        std::optional<double> rcond,
                                                        std::optional<std::string_view> driver) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_lstsq, A, B, rcond, driver);
  }
  const char* const op = "linalg.lstsq";
  check_matrix(op, A);
  const std::string_view way = driver.value_or("gelsy");
  check_driver(way);
  TAPER_CHECK_AS(ShapeError, B.dim() >= 1, op, ": input `other` must have at least 1 dimension");
  TAPER_CHECK_AS(DTypeError, A.scalar_type() == B.scalar_type(), op,
                 ": Expected input and other to have the same dtype, got ", A.scalar_type(),
                 " and ", B.scalar_type());
  const bool vectors = holds_vectors(A, B);
  const Tensor right = vectors ? B.unsqueeze(-1) : B;
  const int64_t m = A.size(-2), n = A.size(-1);
  TAPER_CHECK_AS(ShapeError, right.dim() >= 2 && right.size(-2) == m, op,
                 ": input.size(-2) should match other.size(-", vectors ? 1 : 2, "), got ",
                 A.sizes(), " and ", B.sizes());
  const Tensor relative = scalar_tensor(rcond.value_or(default_rtol(A)), kDouble);
  const PseudoInverse p =
      pseudo_inverse(op, A, scalar_tensor(0.0, kDouble), std::optional<Tensor>(relative), false);
  const Tensor rank = p.kept.sum(IntArrayRef{-1});
  const bool full = rank.eq(std::min(m, n)).all().item<bool>();
  TAPER_CHECK(way != "gels" || full, op,
              ": The least squares solution could not be computed because the input matrix does "
              "not have full rank");
  Tensor x = p.inverse.matmul(right);
  const Tensor nothing = empty({0}, toRealValueType(A.scalar_type()));
  Tensor residuals = nothing;
  if (way != "gelsy" && m > n && full) {
    const Tensor rest = A.matmul(x).sub(right);
    residuals = real(rest.mul(conj(rest))).sum(-2);
  }
  if (vectors) x = x.squeeze(-1);
  return {x, residuals, way == "gels" ? empty({0}, kLong) : rank,
          way == "gelsd" || way == "gelss" ? p.values : nothing};
}

Tensor linalg_tensorinv(const Tensor& A, int64_t ind) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_tensorinv, A, ind);
  }
  TAPER_CHECK(ind > 0, "linalg.tensorinv: Expected a strictly positive integer for `ind`, got ",
              ind);
  const size_t cut = static_cast<size_t>(std::min(ind, A.dim()));
  const IntArrayRef sizes = A.sizes(), first = sizes.slice(0, cut), last = sizes.slice(cut);
  const int64_t n = product_of(first);
  TAPER_CHECK_AS(
      ShapeError, n == product_of(last),
      "linalg.tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) "
      "== prod(self.shape[:ind]), but got ",
      product_of(last), " != ", n);
  DimVector result(last);
  for (const int64_t s : first) result.push_back(s);
  return linalg_inv(A.reshape({n, n})).reshape(result);
}

Tensor linalg_tensorsolve(const Tensor& A, const Tensor& B, OptionalIntArrayRef dims) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_tensorsolve, A, B, dims);
  }
  Tensor moved = A;
  if (dims) {
    DimVector ends;
    const int64_t count = static_cast<int64_t>((*dims).size());
    for (int64_t i = 0; i < count; ++i) ends.push_back(A.dim() - count + i);
    moved = A.movedim(*dims, ends);
  }
  const size_t rank = static_cast<size_t>(B.dim());
  TAPER_CHECK_AS(ShapeError, moved.sizes().size() >= rank,
                 "linalg.tensorsolve: Expected self to have at least the dimensions of other, got ",
                 A.sizes(), " and ", B.sizes());
  const IntArrayRef result = moved.sizes().slice(rank);
  const int64_t n = product_of(result);
  TAPER_CHECK_AS(ShapeError, n == B.numel() && product_of(moved.sizes().slice(0, rank)) == n,
                 "linalg.tensorsolve: Expected self to satisfy the requirement "
                 "prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got ",
                 A.sizes(), " and ", B.sizes());
  return linalg_solve(moved.reshape({n, n}), B.reshape({n})).reshape(result);
}

namespace {

/// Column i of the reflections, 1 at i and 0 above: [*, m, 1].
Tensor reflector(const Tensor& A, int64_t i) {
  const Tensor below = A.narrow(-2, i + 1, A.size(-2) - i - 1).narrow(-1, i, 1);
  DimVector above(batch_sizes(A)), one(above);
  for (const int64_t s : {i, int64_t{1}}) above.push_back(s);
  for (const int64_t s : {int64_t{1}, int64_t{1}}) one.push_back(s);
  return cat({zeros(above, A.options()), ones(one, A.options()), below}, -2);
}

/// H(i) C.
Tensor reflected(const Tensor& A, const Tensor& tau, int64_t i, const Tensor& C) {
  const Tensor v = reflector(A, i);
  const Tensor scale = tau.narrow(-1, i, 1).unsqueeze(-1);
  return C.sub(v.mul(scale).matmul(adjoint(v).matmul(C)));
}

void check_reflections(const char* op, const Tensor& A, const Tensor& tau) {
  check_matrix(op, A);
  TAPER_CHECK_AS(DTypeError, tau.scalar_type() == A.scalar_type(), op, ": tau dtype ",
                 tau.scalar_type(), " does not match input dtype ", A.scalar_type());
  TAPER_CHECK_AS(ShapeError, A.dim() - tau.dim() == 1, op,
                 ": Expected tau to have one dimension less than input, but got tau.ndim equal to ",
                 tau.dim(), " and input.ndim is equal to ", A.dim());
  TAPER_CHECK_AS(ShapeError,
                 tau.sizes().slice(0, tau.sizes().size() - 1) == IntArrayRef(batch_sizes(A)), op,
                 ": Expected batch dimensions of tau to be equal to input.shape[:-2], but got ",
                 tau.sizes(), " and ", A.sizes());
  TAPER_CHECK_AS(ShapeError, tau.size(-1) <= A.size(-1) && tau.size(-1) <= A.size(-2), op,
                 ": input.shape[-1] must be greater than or equal to tau.shape[-1], got ",
                 A.sizes(), " and ", tau.sizes());
}

}  // namespace

Tensor linalg_householder_product(const Tensor& A, const Tensor& tau) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_householder_product, A, tau);
  }
  const char* const op = "linalg.householder_product";
  check_reflections(op, A, tau);
  TAPER_CHECK_AS(ShapeError, A.size(-2) >= A.size(-1), op,
                 ": input.shape[-2] must be greater than or equal to input.shape[-1], got ",
                 A.sizes());
  Tensor Q = eye(A.size(-2), A.size(-1), A.options())
                 .expand(with_matrix(batch_sizes(A), A.size(-2), A.size(-1)));
  for (int64_t i = tau.size(-1); i-- > 0;) Q = reflected(A, tau, i, Q);
  // Without reflections A has a gradient of zeros nevertheless: a sum of nothing joins it.
  if (tau.size(-1) == 0) Q = Q.add(A.narrow(-1, 0, 0).sum({-2, -1}, true));
  return Q.contiguous();
}

Tensor orgqr(const Tensor& self, const Tensor& input2) {
  return linalg_householder_product(self, input2);
}

Tensor ormqr(const Tensor& self, const Tensor& input2, const Tensor& input3, bool left,
             bool transpose) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::ormqr, self, input2, input3, left, transpose);
  }
  check_reflections("ormqr", self, input2);
  check_matrix("ormqr", input3);
  TAPER_CHECK_AS(ShapeError, input3.size(left ? -2 : -1) == self.size(-2), "ormqr: other.shape[",
                 left ? "-2" : "-1", "] must be equal to input.shape[-2], got ", input3.sizes(),
                 " and ", self.sizes());
  // C Q = (Q^H C^H)^H.
  Tensor C = left ? input3 : adjoint(input3);
  const bool turned = left == transpose;
  const Tensor tau = turned ? conj(input2) : input2;
  const int64_t count = input2.size(-1);
  for (int64_t i = 0; i < count; ++i) {
    C = reflected(self, tau, turned ? i : count - 1 - i, C);
  }
  return left ? C : adjoint(C);
}

}  // namespace taper
