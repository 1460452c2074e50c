#include "taper/ops/linalg_solve.h"
#include "taper/ops/autocast_util.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/linalg.h"
#include "taper/ops/complex.h"
#include "taper/ops/contraction.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/diagonal.h"
#include "taper/ops/extremum.h"
#include "taper/ops/indexing.h"
#include "taper/ops/joining.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_util.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/scan.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// A's factors; without check a zero on U's diagonal stays for the caller to see.
struct Lu {
  Tensor lu, pivots, info;
};
Lu factor_lu(const char* op, const Tensor& A) {
  Lu f;
  f.lu = in_column_order(A);
  f.pivots = new_vectors(op, A, std::min(A.size(-2), A.size(-1)), kInt);
  f.info = new_vectors(op, A, -1, kInt);
  if (A.numel() > 0) getrf_kernel(A.device(), out_view(f.lu), out_view(f.pivots), out_view(f.info));
  return f;
}

/// As many identities as t has matrices, of t's rows.
Tensor identities(const Tensor& t) {
  return with_batch(eye(t.size(-2), t.options()), batch_sizes(t));
}
/// What a singular matrix says, with the place of the zero on U's diagonal.
Function<std::string(int64_t)> inversion_error(const char* op) {
  return [op](int64_t i) {
    return str(op, ": The diagonal element ", i,
               " is zero, the inversion could not be completed "
               "because the input matrix is singular.");
  };
}
Function<std::string(int64_t)> solver_error(const char* op) {
  return [op](int64_t) {
    return str(op, ": The solver failed because the input matrix is singular.");
  };
}

/// A^-1 B for matrices of one batch, recorded.
struct Solution {
  Tensor X, info;
};
Solution solve_matrices(const char* op, const Tensor& A, const Tensor& B) {
  const Lu f = factor_lu(op, A);
  Tensor X = in_column_order(B);
  if (X.numel() > 0) getrs_kernel(A.device(), out_view(X), in(f.lu), in(f.pivots));
  record({.name = "LinalgSolveExBackward0",
          .outputs = {X},
          .inputs = {A, B},
          .save = {A, X},
          .backward = [](Backward& g) {
            const Tensor grad_b = linalg_solve(transposed(g.saved(0)), g.grad());
            if (g.wants(0)) g.set(0, neg(grad_b.matmul(transposed(g.saved(1)))));
            if (g.wants(1)) g.set(1, grad_b);
          }});
  return {X, f.info};
}

Solution inverted(const char* op, const Tensor& A) {
  check_square(op, A);
  return solve_matrices(op, A, identities(A));
}

Tensor triangle_of(const Tensor& t, bool upper, bool unitriangular) {
  const int64_t off = unitriangular ? 1 : 0;
  return upper ? t.triu(off) : t.tril(-off);
}

/// A^-1 B for triangular matrices of one batch, recorded.
Tensor solve_triangles(const Tensor& A, const Tensor& B, bool upper, bool unitriangular) {
  const Tensor packed = in_column_order(A);
  Tensor X = in_column_order(B);
  if (X.numel() > 0) {
    trsm_kernel(A.device(), out_view(X), in(packed), upper, unitriangular);
  }
  record({.name = "LinalgSolveTriangularBackward0",
          .outputs = {X},
          .inputs = {A, B},
          .save = {A, X},
          .backward = [upper, unitriangular](Backward& g) {
            const Tensor grad_b = linalg_solve_triangular(transposed(g.saved(0)), g.grad(), !upper,
                                                          true, unitriangular);
            if (g.wants(0)) {
              const Tensor grad_a = neg(grad_b.matmul(transposed(g.saved(1))));
              g.set(0, triangle_of(grad_a, upper, unitriangular));
            }
            if (g.wants(1)) g.set(1, grad_b);
          }});
  return X;
}

/// The sign that the swaps of rows give.
Tensor permutation_sign(const Tensor& pivots, ScalarType type) {
  const Tensor places = arange(1, pivots.size(-1) + 1).to(kInt);
  const Tensor swaps = ne(pivots, places).sum(-1);
  return rsub(swaps.remainder(2).mul(2), 1).to(type);
}

/// The matrix of cofactors, which is the gradient of the determinant of any matrix:
/// det(U) det(Vh) conj(U) diag(products of the other singular values) conj(Vh).
Tensor cofactors(const Tensor& A) {
  NoRecordGuard no_record;
  const auto [u, s, vh] = linalg_svd(A, false);
  const Tensor sign = linalg_det(u).mul(linalg_det(vh));
  // Row i: the values without the i-th.
  const int64_t n = s.size(-1);
  DimVector sizes(s.sizes());
  sizes.push_back(n);
  const Tensor others = s.unsqueeze(-2).expand(sizes).masked_fill(eye(n, kBool), 1).prod(-1);
  return conj(u).mul(others.unsqueeze(-2)).matmul(conj(vh)).mul(sign.unsqueeze(-1).unsqueeze(-1));
}

Tensor determinant(const char* op, const Tensor& A) {
  check_square(op, A);
  const Lu f = factor_lu(op, A);
  Tensor det;
  {
    NoRecordGuard no_record;
    det = f.lu.diagonal(0, -2, -1).prod(-1).mul(permutation_sign(f.pivots, A.scalar_type()));
  }
  record({.name = "LinalgDetBackward0",
          .outputs = {det},
          .inputs = {A},
          .save = {A, det},
          .backward = [](Backward& g) {
            const Tensor &A = g.saved(0), &det = g.saved(1);
            const Tensor weight = g.grad().unsqueeze(-1).unsqueeze(-1);
            if (all(ne(det.detach(), 0)).item<bool>()) {
              const Tensor scaled = det.unsqueeze(-1).unsqueeze(-1).mul(weight);
              g.set(0, transposed(linalg_inv(A)).mul(scaled));
            } else {
              TAPER_CHECK(!thread_state.recording(),
                          "linalg.det: the second derivative of the determinant of a singular "
                          "matrix is not implemented");
              g.set(0, cofactors(A).mul(weight));
            }
          }});
  return det;
}

/// The rows' order that the swaps make, as a matrix P with A = P L U.
Tensor permutation(const Tensor& lu, const Tensor& pivots) {
  const int64_t m = lu.size(-2), k = pivots.size(-1);
  const int64_t count = k == 0 ? 0 : pivots.numel() / k;
  const Tensor dense = pivots.contiguous();
  const int32_t* const swaps = dense.data_ptr<int32_t>();
  Tensor p =
      with_batch(zeros({m, m}, lu.options()), batch_sizes(lu)).clone(MemoryFormat::Contiguous);
  if (count == 0) return p.copy_(identities(lu));
  std::vector<int64_t> rows(static_cast<size_t>(m)), places;
  for (int64_t b = 0; b < count; ++b) {
    for (int64_t i = 0; i < m; ++i) rows[i] = i;
    for (int64_t i = 0; i < k; ++i) {
      const int64_t other = swaps[b * k + i] - 1;
      TAPER_CHECK_AS(IndexError, other >= 0 && other < m,
                     "lu_unpack: LU_pivots should be between 1 and the number of rows ", m,
                     ", got ", other + 1);
      std::swap(rows[i], rows[other]);
    }
    // Row rows[i] of A is row i of L U.
    for (int64_t i = 0; i < m; ++i) places.push_back((b * m + rows[i]) * m + i);
  }
  p.view(-1).index_put_({tensor(places)}, ones({}, lu.options()));
  return p;
}

/// L and U of a packed matrix.
Tensor lower_of(const Tensor& lu) {
  const int64_t k = std::min(lu.size(-2), lu.size(-1));
  return lu.narrow(-1, 0, k).tril(-1).add(eye(lu.size(-2), k, lu.options()));
}
Tensor upper_of(const Tensor& lu) {
  return lu.narrow(-2, 0, std::min(lu.size(-2), lu.size(-1))).triu();
}

/// The gradient of P^T A of a packed factorisation: L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T of
/// the square part. Columns on its right are L U2, so that theirs is L^-T gU2 and gL loses
/// L^-T gU2 U2^T; rows below it are L2 U, so that theirs is gL2 U^-T and gU loses L2^T gL2 U^-T.
Tensor lu_grad(const Tensor& lu, const Tensor& d) {
  const int64_t m = lu.size(-2), n = lu.size(-1), k = std::min(m, n);
  const Tensor l = lower_of(lu), u = upper_of(lu);
  const Tensor l1t = transposed(l.narrow(-2, 0, k)), u1t = transposed(u.narrow(-1, 0, k));
  const Tensor square = d.narrow(-2, 0, k).narrow(-1, 0, k);
  Tensor grad_l = square.tril(-1), grad_u = square.triu(), rest;
  if (n > k) {
    rest = linalg_solve_triangular(l1t, d.narrow(-1, k, n - k), true, true, true);
    grad_l = grad_l.sub(rest.matmul(transposed(u.narrow(-1, k, n - k))).tril(-1));
  } else if (m > k) {
    rest = linalg_solve_triangular(u1t, d.narrow(-2, k, m - k), false, false);
    grad_u = grad_u.sub(transposed(l.narrow(-2, k, m - k)).matmul(rest).triu());
  }
  const Tensor inside = l1t.matmul(grad_l).tril(-1).add(grad_u.matmul(u1t).triu());
  const Tensor half = linalg_solve_triangular(l1t, inside, true, true, true);
  Tensor whole = linalg_solve_triangular(u1t, half, false, false);
  if (!rest.defined()) return whole;
  const Tensor parts[] = {whole, rest};
  return cat(parts, n > k ? -1 : -2);
}

/// Records a packed factorisation.
void record_lu(const Tensor& A, const Lu& f) {
  record({.name = "LinalgLuFactorExBackward0",
          .outputs = {f.lu},
          .inputs = {A},
          .save = {f.lu, f.pivots},
          .backward = [](Backward& g) {
            const Tensor& lu = g.saved(0);
            g.set(0, permutation(lu.detach(), g.saved(1)).matmul(lu_grad(lu, g.grad())));
          }});
}

}  // namespace

namespace {

void check_pivot(const char* op, bool pivot) {
  TAPER_CHECK(pivot, op, ": LU without pivoting is not implemented on the CPU");
}

Lu recorded_lu(const char* op, const Tensor& A, bool pivot, bool check_errors) {
  check_matrix(op, A);
  check_pivot(op, pivot);
  Lu f = factor_lu(op, A);
  if (check_errors) {
    check_info(f.info, [op](int64_t i) {
      return str(op, ": U[", i, ",", i,
                 "] is zero and using it on lu_solve would result in a division by zero.");
    });
  }
  record_lu(A, f);
  return f;
}

}  // namespace

std::tuple<Tensor, Tensor> linalg_lu_factor(const Tensor& A, bool pivot) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_lu_factor, A, pivot);
  }
  const Lu f = recorded_lu("linalg.lu_factor", A, pivot, true);
  return {f.lu, f.pivots};
}
std::tuple<Tensor, Tensor, Tensor> linalg_lu_factor_ex(const Tensor& A, bool pivot,
                                                       bool check_errors) {
  const Lu f = recorded_lu("linalg.lu_factor_ex", A, pivot, check_errors);
  return {f.lu, f.pivots, f.info};
}

std::tuple<Tensor, Tensor, Tensor> linalg_lu(const Tensor& A, bool pivot) {
  const Lu f = recorded_lu("linalg.lu", A, pivot, false);
  return lu_unpack(f.lu, f.pivots);
}

std::tuple<Tensor, Tensor, Tensor> lu_unpack(const Tensor& LU_data, const Tensor& LU_pivots) {
  check_matrix("lu_unpack", LU_data);
  TAPER_CHECK_AS(DTypeError, LU_pivots.scalar_type() == kInt,
                 "lu_unpack: torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of "
                 "torch.int32 dtype, got ",
                 LU_pivots.scalar_type());
  DimVector expected = batch_sizes(LU_data);
  expected.push_back(std::min(LU_data.size(-2), LU_data.size(-1)));
  TAPER_CHECK_AS(ShapeError, LU_pivots.sizes() == IntArrayRef(expected),
                 "lu_unpack: expected LU_pivots of sizes ", expected, ", got ", LU_pivots.sizes());
  return {permutation(LU_data.detach(), LU_pivots), lower_of(LU_data), upper_of(LU_data)};
}

namespace {

Solution solve(const char* op, const Tensor& A, const Tensor& B, bool left, bool check_errors) {
  check_square(op, A);
  TAPER_CHECK_AS(DTypeError, A.scalar_type() == B.scalar_type(), op,
                 ": Expected A and B to have the same dtype, but found A of type ", A.scalar_type(),
                 " and B of type ", B.scalar_type(), " instead");
  TAPER_CHECK_AS(ShapeError, B.dim() >= 1, op, ": B must have at least one dimension");
  const bool vector =
      B.dim() == 1 ||
      (A.dim() - 1 == B.dim() && A.sizes().slice(0, static_cast<size_t>(A.dim() - 1)) == B.sizes());
  TAPER_CHECK_AS(ShapeError, left || !vector, op,
                 ": Vector broadcasting of the left hand side is not supported for "
                 "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)");
  Tensor right = vector ? B.unsqueeze(-1) : left ? B : transposed(B);
  TAPER_CHECK_AS(ShapeError, right.size(-2) == A.size(-1), op,
                 ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B",
                 " (", A.size(-2), "x", A.size(-1), " and ", B.size(vector ? -1 : -2), "x",
                 vector ? 1 : B.size(-1), ")");
  const DimVector batch = broadcast_sizes(batch_sizes(A), batch_sizes(right));
  Solution s =
      solve_matrices(op, with_batch(left ? A : transposed(A), batch), with_batch(right, batch));
  if (check_errors) check_info(s.info, solver_error(op));
  if (vector || !left) s.X = vector ? s.X.squeeze(-1) : transposed(s.X);
  return s;
}

}  // namespace

Tensor linalg_solve(const Tensor& A, const Tensor& B, bool left) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_solve, A, B, left);
  }
  return solve("linalg.solve", A, B, left, true).X;
}
std::tuple<Tensor, Tensor> linalg_solve_ex(const Tensor& A, const Tensor& B, bool left,
                                           bool check_errors) {
  const Solution s = solve("linalg.solve_ex", A, B, left, check_errors);
  return {s.X, s.info};
}

Tensor linalg_solve_triangular(const Tensor& self, const Tensor& B, bool upper, bool left,
                               bool unitriangular) {
  check_square("linalg.solve_triangular", self);
  check_matrix("linalg.solve_triangular", B);
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == B.scalar_type(),
                 "linalg.solve_triangular: Expected A and B to have the same dtype, but found A of "
                 "type ",
                 self.scalar_type(), " and B of type ", B.scalar_type(), " instead");
  if (!left) {
    return transposed(
        linalg_solve_triangular(transposed(self), transposed(B), !upper, true, unitriangular));
  }
  TAPER_CHECK_AS(
      ShapeError, self.size(-1) == B.size(-2),
      "linalg.solve_triangular: Incompatible shapes of A and B for the equation AX = B (",
      self.size(-2), "x", self.size(-1), " and ", B.size(-2), "x", B.size(-1), ")");
  const DimVector batch = broadcast_sizes(batch_sizes(self), batch_sizes(B));
  return solve_triangles(with_batch(self, batch), with_batch(B, batch), upper, unitriangular);
}

Tensor linalg_lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left,
                       bool adjoint) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_lu_solve, LU, pivots, B, left, adjoint);
  }
  check_square("linalg.lu_solve", LU);
  check_matrix("linalg.lu_solve", B);
  TAPER_CHECK_AS(DTypeError, pivots.scalar_type() == kInt,
                 "linalg.lu_solve: pivots should be a tensor of torch.int32, got ",
                 pivots.scalar_type());
  TAPER_CHECK_AS(DTypeError, LU.scalar_type() == B.scalar_type(),
                 "linalg.lu_solve: LU and B should have the same dtype, got ", LU.scalar_type(),
                 " and ", B.scalar_type());
  const auto [p, l, u] = lu_unpack(LU, pivots);
  // A = P L U: with the adjoint A^H = U^H L^H P^T, and X A = B is A^T X^T = B^T, X A^H = B is
  // A X^H = B^H.
  const auto turned = [adjoint](const Tensor& t) { return adjoint ? mH(t) : transposed(t); };
  const Tensor right = left ? B : turned(B);
  Tensor x;
  if (adjoint == !left) {
    x = linalg_solve_triangular(l, transposed(p).matmul(right), false, true, true);
    x = linalg_solve_triangular(u, x, true);
  } else {
    x = linalg_solve_triangular(turned(u), right, false);
    x = p.matmul(linalg_solve_triangular(turned(l), x, true, true, true));
  }
  return left ? x : turned(x);
}
Tensor lu_solve(const Tensor& self, const Tensor& LU_data, const Tensor& LU_pivots) {
  return linalg_lu_solve(LU_data, LU_pivots, self);
}

std::tuple<Tensor, Tensor> triangular_solve(const Tensor& self, const Tensor& A, bool upper,
                                            bool transpose, bool unitriangular) {
  const Tensor X = linalg_solve_triangular(transpose ? transposed(A) : A, self, upper != transpose,
                                           true, unitriangular);
  return {X, A.clone()};
}

Tensor linalg_inv(const Tensor& A) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_inv, A);
  }
  const Solution s = inverted("linalg.inv", A);
  check_info(s.info, inversion_error("linalg.inv"));
  return s.X;
}
std::tuple<Tensor, Tensor> linalg_inv_ex(const Tensor& A, bool check_errors) {
  const Solution s = inverted("linalg.inv_ex", A);
  if (check_errors) check_info(s.info, inversion_error("linalg.inv_ex"));
  return {s.X, s.info};
}
Tensor inverse(const Tensor& self) { return linalg_inv(self); }

Tensor linalg_det(const Tensor& A) { return determinant("linalg.det", A); }
Tensor det(const Tensor& self) { return determinant("linalg.det", self); }

std::tuple<Tensor, Tensor> linalg_slogdet(const Tensor& A) {
  check_square("linalg.slogdet", A);
  const Lu f = factor_lu("linalg.slogdet", A);
  Tensor sign, logarithm;
  {
    NoRecordGuard no_record;
    const Tensor diagonal = f.lu.diagonal(0, -2, -1);
    sign = sgn(diagonal).prod(-1).mul(permutation_sign(f.pivots, A.scalar_type()));
    logarithm = log(abs(diagonal)).sum(-1);
  }
  record({.name = "LinalgSlogdetBackward0",
          .outputs = {sign, logarithm},
          .inputs = {A},
          .save = {A, sign},
          .backward = [](Backward& g) {
            // The sign of a real matrix is piecewise constant.
            Tensor d = g.grad(1);
            if (g.grad(0).defined() && g.grad(0).is_complex()) {
              const Tensor turn = imag(g.grad(0).mul(g.saved(1)));
              d = complex(d.defined() ? d : zeros_like(turn), turn);
            }
            if (!d.defined()) return g.set(0, zeros(g.sizes(0), g.dtype(0)));
            g.set(0, transposed(linalg_inv(g.saved(0))).mul(d.unsqueeze(-1).unsqueeze(-1)));
          }});
  return {sign, logarithm};
}
std::tuple<Tensor, Tensor> slogdet(const Tensor& self) { return linalg_slogdet(self); }

Tensor logdet(const Tensor& self) {
  const auto [sign, logarithm] = linalg_slogdet(self);
  if (sign.is_complex()) return log(sign).add(logarithm);
  return where(eq(sign, -1), Scalar(std::numeric_limits<double>::quiet_NaN()), logarithm);
}

Tensor linalg_matrix_power(const Tensor& A, int64_t n) {
  check_square("linalg.matrix_power", A);
  TAPER_CHECK(n != std::numeric_limits<int64_t>::min(), "linalg.matrix_power: n is too small");
  if (n == 0) {
    Tensor result = identities(A).clone();
    record({.name = "LinalgMatrixPowerBackward0",
            .outputs = {result},
            .inputs = {A},
            .backward = [](Backward& g) { g.set(0, zeros_like(g.grad())); }});
    return result;
  }
  Tensor square = n < 0 ? linalg_inv(A) : A, result;
  for (int64_t rest = n < 0 ? -n : n; rest != 0; rest >>= 1) {
    if (rest & 1) result = result.defined() ? result.matmul(square) : square;
    if (rest > 1) square = square.matmul(square);
  }
  return result.is_same(A) ? A.clone() : result;
}
Tensor matrix_power(const Tensor& self, int64_t n) { return linalg_matrix_power(self, n); }

Tensor linalg_matrix_exp(const Tensor& A) {
  check_square("linalg.matrix_exp", A);
  if (A.numel() == 0) return A.clone();
  // The squarings would double float32's errors each time.
  const ScalarType type = A.scalar_type();
  if (type == kFloat) return linalg_matrix_exp(A.to(kDouble)).to(type);
  if (type == kComplexFloat) return linalg_matrix_exp(A.to(kComplexDouble)).to(type);
  // Scaled below a norm of 1/2, by Taylor's series of degree 14 (1e-19 remain), and squared back.
  const double norm = abs(A.detach()).sum(-2).amax().to(kDouble).item<double>();
  TAPER_CHECK(std::isfinite(norm), "linalg.matrix_exp: the input has elements that are not finite");
  const int squarings = norm > 0.5 ? static_cast<int>(std::ceil(std::log2(norm))) + 1 : 0;
  const Tensor x = A.mul(std::ldexp(1.0, -squarings));
  const Tensor identity = eye(A.size(-1), A.options());
  Tensor sum = x.div(14).add(identity);
  for (int k = 13; k >= 1; --k) sum = x.matmul(sum).div(k).add(identity);
  for (int i = 0; i < squarings; ++i) sum = sum.matmul(sum);
  return sum;
}
Tensor matrix_exp(const Tensor& self) { return linalg_matrix_exp(self); }

Tensor cholesky_solve(const Tensor& self, const Tensor& input2, bool upper) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::cholesky_solve, self, input2, upper);
  }
  check_matrix("cholesky_solve", input2);
  const Tensor first = upper ? adjoint(input2) : input2;
  const Tensor half = linalg_solve_triangular(first, self, false);
  return linalg_solve_triangular(adjoint(first), half, true);
}
Tensor cholesky_inverse(const Tensor& self, bool upper) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::cholesky_inverse, self, upper);
  }
  check_square("cholesky_inverse", self);
  return cholesky_solve(identities(self), self, upper);
}

Tensor linalg_multi_dot(TensorList tensors) {
  TAPER_CHECK(tensors.size() >= 2,
              "linalg.multi_dot: multi_dot(): expected at least 2 tensors but got ",
              tensors.size());
  std::vector<Tensor> matrices(tensors.begin(), tensors.end());
  const bool row = matrices.front().dim() == 1, column = matrices.back().dim() == 1;
  if (row) matrices.front() = matrices.front().unsqueeze(0);
  if (column) matrices.back() = matrices.back().unsqueeze(1);
  for (size_t i = 0; i < matrices.size(); ++i) {
    TAPER_CHECK_AS(ShapeError, matrices[i].dim() == 2, "linalg.multi_dot: multi_dot(): tensor ", i,
                   " must be 2D", i == 0 || i + 1 == matrices.size() ? " or 1D" : "", " but got ",
                   tensors[i].dim(), "D");
  }
  Tensor product = chain_matmul(matrices);
  if (column) product = product.squeeze(1);
  return row ? product.squeeze(0) : product;
}

}  // namespace taper
