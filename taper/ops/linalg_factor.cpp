#include "taper/ops/linalg_factor.h"
#include "taper/ops/autocast_util.h"

#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/linalg.h"
#include "taper/ops/complex.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/diagonal.h"
#include "taper/ops/joining.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/linalg_util.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// X + X^H with the real part of X's diagonal once.
Tensor symmetric(const Tensor& x) {
  return x.add(adjoint(x)).sub(diag_embed(real(x.diagonal(0, -2, -1))));
}

// ---- QR

/// The gradient of A = Q R with as many rows as columns or more. gQ or gR may be undefined.
Tensor tall_qr_grad(const Tensor& q, const Tensor& r, const Tensor& grad_q, const Tensor& grad_r) {
  Tensor inside;
  if (grad_r.defined()) inside = grad_r.matmul(adjoint(r));
  if (grad_q.defined()) {
    const Tensor turned = adjoint(q).matmul(grad_q);
    inside = inside.defined() ? inside.sub(turned) : neg(turned);
  }
  Tensor sum = q.matmul(symmetric(inside.triu()));
  if (grad_q.defined()) sum = sum.add(grad_q);
  return linalg_solve_triangular(adjoint(r), sum, false, false);
}

Tensor qr_grad(const Tensor& A, const Tensor& q, const Tensor& r, const Tensor& grad_q,
               const Tensor& grad_r) {
  const int64_t m = A.size(-2), n = A.size(-1);
  if (m >= n) return tall_qr_grad(q, r, grad_q, grad_r);
  // A = [A1 | A2]: Q and R1 are those of the square A1, and R2 = Q^H A2.
  const Tensor right = A.narrow(-1, m, n - m), r1 = r.narrow(-1, 0, m);
  if (!grad_r.defined()) {
    const Tensor left = tall_qr_grad(q, r1, grad_q, Tensor());
    const Tensor parts[] = {left, zeros_like(right)};
    return cat(parts, -1);
  }
  const Tensor grad_r1 = grad_r.narrow(-1, 0, m), grad_r2 = grad_r.narrow(-1, m, n - m);
  const Tensor through_q = right.matmul(adjoint(grad_r2));
  const Tensor left =
      tall_qr_grad(q, r1, grad_q.defined() ? grad_q.add(through_q) : through_q, grad_r1);
  const Tensor parts[] = {left, q.matmul(grad_r2)};
  return cat(parts, -1);
}

enum class QrMode { reduced, complete, r };

QrMode qr_mode(std::string_view mode) {
  if (mode == "reduced") return QrMode::reduced;
  if (mode == "complete") return QrMode::complete;
  TAPER_CHECK_AS(ConfigError, mode == "r", "linalg.qr: qr received unrecognized mode '", mode,
                 "' but expected one of 'reduced' (default), 'r', or 'complete'");
  return QrMode::r;
}

struct QrFactors {
  Tensor q, r;
};
QrFactors factor_qr(const Tensor& A, QrMode mode) {
  NoRecordGuard no_record;
  const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n);
  const int64_t columns = mode == QrMode::complete ? m : k;
  const Tensor packed = in_column_order(A);
  const Tensor tau = new_vectors("linalg.qr", A, k, A.scalar_type());
  if (A.numel() > 0) geqrf_kernel(A.device(), out_view(packed), out_view(tau));
  QrFactors f;
  f.r = in_column_order(packed.narrow(-2, 0, std::min(m, columns)).triu());
  if (mode == QrMode::r) {
    f.q = A.new_empty({0});
    return f;
  }
  f.q = new_matrices("linalg.qr", A, m, columns);
  if (n == 0) {
    if (columns > 0) f.q.copy_(eye(m, A.options()).expand(f.q.sizes()));
  } else {
    f.q.zero_();
    f.q.narrow(-1, 0, std::min(n, columns)).copy_(packed.narrow(-1, 0, std::min(n, columns)));
    if (f.q.numel() > 0) orgqr_kernel(A.device(), out_view(f.q), in(tau));
  }
  return f;
}

Tensor cholesky_grad(const Tensor& l, const Tensor& grad) {
  // L^-H P(L^H gL) L^-1, where P halves what mirrors the lower triangle.
  const Tensor inside = symmetric(adjoint(l).matmul(grad).tril()).mul(0.5);
  const Tensor left = linalg_solve_triangular(adjoint(l), inside, true);
  return linalg_solve_triangular(l, left, false, false);
}

}  // namespace

std::tuple<Tensor, Tensor> linalg_qr(const Tensor& A, std::string_view mode) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_qr, A, mode);
  }
  TAPER_CHECK_AS(DTypeError, !isReducedFloatingType(A.scalar_type()),
                 "linalg.qr: \"geqrf_cpu\" not implemented for '", A.scalar_type(), "'");
  check_matrix("linalg.qr", A);
  const QrMode how = qr_mode(mode);
  const QrFactors f = factor_qr(A, how);
  record({.name = "LinalgQrBackward0",
          .outputs = {f.q, f.r},
          .inputs = {A},
          .save = {A, f.q, f.r},
          .unconjugated = true,
          .backward = [how](Backward& g) {
            const Tensor& A = g.saved(0);
            TAPER_CHECK(
                how != QrMode::r,
                "linalg.qr: The derivative of linalg.qr depends on Q, which is not computed "
                "when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to "
                "differentiate through linalg.qr.");
            TAPER_CHECK(how != QrMode::complete || A.size(-2) <= A.size(-1),
                        "linalg.qr: The QR decomposition is not differentiable when "
                        "mode='complete' and nrows > ncols.");
            g.set(0, qr_grad(A, g.saved(1), g.saved(2), g.grad(0), g.grad(1)));
          }});
  return {f.q, f.r};
}
std::tuple<Tensor, Tensor> qr(const Tensor& self, bool some) {
  return linalg_qr(self, some ? "reduced" : "complete");
}

namespace {

std::tuple<Tensor, Tensor> recorded_cholesky(const char* op, const Tensor& A, bool upper,
                                             bool check_errors) {
  check_square(op, A);
  const Tensor packed = in_column_order(A);
  const Tensor info = new_vectors(op, A, -1, kInt);
  if (A.numel() > 0) potrf_kernel(A.device(), out_view(packed), out_view(info), upper);
  if (check_errors) {
    check_info(info, [op](int64_t order) {
      return str(op,
                 ": The factorization could not be completed because the input is not "
                 "positive-definite (the leading minor of order ",
                 order, " is not positive-definite).");
    });
  }
  Tensor factor = in_column_order(upper ? packed.triu() : packed.tril());
  record({.name = "LinalgCholeskyExBackward0",
          .outputs = {factor},
          .inputs = {A},
          .save = {factor},
          .unconjugated = true,
          .backward = [upper](Backward& g) {
            const Tensor &f = g.saved(0), &d = g.grad();
            g.set(0, upper ? cholesky_grad(adjoint(f), adjoint(d)) : cholesky_grad(f, d));
          }});
  return {factor, info};
}

}  // namespace

Tensor linalg_cholesky(const Tensor& A, bool upper) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_cholesky, A, upper);
  }
  return std::get<0>(recorded_cholesky("linalg.cholesky", A, upper, true));
}
std::tuple<Tensor, Tensor> linalg_cholesky_ex(const Tensor& A, bool upper, bool check_errors) {
  return recorded_cholesky("linalg.cholesky_ex", A, upper, check_errors);
}
Tensor cholesky(const Tensor& self, bool upper) { return linalg_cholesky(self, upper); }

std::tuple<Tensor, Tensor> geqrf(const Tensor& self) {
  check_matrix("geqrf", self);
  const Tensor packed = in_column_order(self);
  const Tensor tau =
      new_vectors("geqrf", self, std::min(self.size(-2), self.size(-1)), self.scalar_type());
  if (self.numel() > 0) geqrf_kernel(self.device(), out_view(packed), out_view(tau));
  record_without_gradient("geqrf", {packed, tau}, {self});
  return {packed, tau};
}

namespace {

/// Throws unless each matrix's pivots are what LAPACK could have given: numbers of rows, or twice
/// the same negative one for a block of two rows. LAPACK itself would follow any.
void check_ldl_pivots(const Tensor& pivots, int64_t n) {
  const Tensor dense = pivots.contiguous();
  const int32_t* const rows = dense.data_ptr<int32_t>();
  for (int64_t first = 0; first < dense.numel(); first += n) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t row = rows[first + i];
      const bool paired = row > 0 || (i + 1 < n && rows[first + i + 1] == row);
      TAPER_CHECK_AS(IndexError, row != 0 && row >= -n && row <= n && paired,
                     "linalg.ldl_solve: pivots must be those of linalg.ldl_factor, got ", row,
                     " at place ", i, " for ", n, " rows");
      if (row < 0) ++i;
    }
  }
}

std::tuple<Tensor, Tensor, Tensor> factor_ldl(const char* op, const Tensor& A, bool hermitian,
                                              bool check_errors) {
  check_square(op, A);
  // What is not read is 0.
  const Tensor packed = in_column_order(A.detach().tril());
  const Tensor pivots = new_vectors(op, A, A.size(-1), kInt), info = new_vectors(op, A, -1, kInt);
  if (A.numel() > 0) {
    sytrf_kernel(A.device(), out_view(packed), out_view(pivots), out_view(info), hermitian);
  }
  if (check_errors) {
    check_info(info, [op](int64_t i) {
      return str(op, ": The diagonal element ", i,
                 " of D is zero, using it on ldl_solve would result in a division by zero.");
    });
  }
  record_without_gradient(op, {packed}, {A});
  return {packed, pivots, info};
}

}  // namespace

std::tuple<Tensor, Tensor> linalg_ldl_factor(const Tensor& A, bool hermitian) {
  const auto [ld, pivots, info] = factor_ldl("linalg.ldl_factor", A, hermitian, true);
  return {ld, pivots};
}
std::tuple<Tensor, Tensor, Tensor> linalg_ldl_factor_ex(const Tensor& A, bool hermitian,
                                                        bool check_errors) {
  return factor_ldl("linalg.ldl_factor_ex", A, hermitian, check_errors);
}

Tensor linalg_ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) {
  const char* const op = "linalg.ldl_solve";
  check_square(op, LD);
  check_matrix(op, B);
  TAPER_CHECK_AS(DTypeError, LD.scalar_type() == B.scalar_type(), op,
                 ": Expected LD and B to have the same dtype, got ", LD.scalar_type(), " and ",
                 B.scalar_type());
  TAPER_CHECK_AS(DTypeError, pivots.scalar_type() == kInt, op,
                 ": Expected pivots to be integers (int32). Got ", pivots.scalar_type());
  TAPER_CHECK_AS(ShapeError, pivots.sizes() == LD.sizes().slice(0, LD.sizes().size() - 1), op,
                 ": Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with "
                 "shape ",
                 pivots.sizes(), " and LD with shape ", LD.sizes());
  const int64_t n = LD.size(-1);
  TAPER_CHECK_AS(ShapeError, B.size(-2) == n, op, ": Incompatible shapes of A and B for the ",
                 "equation AX = B (", n, "x", n, " and ", B.size(-2), "x", B.size(-1), ")");
  const DimVector batch = broadcast_sizes(batch_sizes(LD), batch_sizes(B));
  DimVector lines(batch);
  lines.push_back(n);
  const Tensor swaps = pivots.expand(lines).contiguous();
  check_ldl_pivots(swaps, std::max<int64_t>(n, 1));
  const Tensor packed = in_column_order(with_batch(LD, batch));
  Tensor X = in_column_order(with_batch(B, batch));
  if (X.numel() > 0) {
    sytrs_kernel(LD.device(), out_view(X), in(packed), in(swaps), hermitian);
  }
  record({.name = "LinalgLdlSolveBackward0",
          .outputs = {X},
          .inputs = {LD, B},
          .save = {LD, swaps},
          .backward = [hermitian](Backward& g) {
            TAPER_CHECK(!g.wants(0),
                        "linalg.ldl_solve: the derivative with respect to LD is not implemented");
            // The factors of conj(A), whose inverse is that of A^T or of A^H.
            const Tensor& ld = g.saved(0);
            const Tensor& d = g.grad();
            Tensor grad = hermitian ? linalg_ldl_solve(conj(ld), g.saved(1), d, true)
                                    : linalg_ldl_solve(ld, g.saved(1), d, false);
            g.set(1, sum_to(grad, g.sizes(1)));
          }});
  return X;
}

}  // namespace taper
