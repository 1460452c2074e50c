#include "taper/ops/linalg_factor.h"

#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/linalg.h"
#include "taper/ops/autocast_util.h"
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

/// X + X^T with X's diagonal once.
Tensor symmetric(const Tensor& x) {
  return x.add(transposed(x)).sub(diag_embed(x.diagonal(0, -2, -1)));
}

// ---- QR

/// The gradient of A = Q R with as many rows as columns or more. gQ or gR may be undefined.
Tensor tall_qr_grad(const Tensor& q, const Tensor& r, const Tensor& grad_q, const Tensor& grad_r) {
  Tensor inside;
  if (grad_r.defined()) inside = grad_r.matmul(transposed(r));
  if (grad_q.defined()) {
    const Tensor turned = transposed(q).matmul(grad_q);
    inside = inside.defined() ? inside.sub(turned) : neg(turned);
  }
  Tensor sum = q.matmul(symmetric(inside.triu()));
  if (grad_q.defined()) sum = sum.add(grad_q);
  return linalg_solve_triangular(transposed(r), sum, false, false);
}

Tensor qr_grad(const Tensor& A, const Tensor& q, const Tensor& r, const Tensor& grad_q,
               const Tensor& grad_r) {
  const int64_t m = A.size(-2), n = A.size(-1);
  if (m >= n) return tall_qr_grad(q, r, grad_q, grad_r);
  // A = [A1 | A2]: Q and R1 are those of the square A1, and R2 = Q^T A2.
  const Tensor right = A.narrow(-1, m, n - m), r1 = r.narrow(-1, 0, m);
  if (!grad_r.defined()) {
    const Tensor left = tall_qr_grad(q, r1, grad_q, Tensor());
    const Tensor parts[] = {left, zeros_like(right)};
    return cat(parts, -1);
  }
  const Tensor grad_r1 = grad_r.narrow(-1, 0, m), grad_r2 = grad_r.narrow(-1, m, n - m);
  const Tensor through_q = right.matmul(transposed(grad_r2));
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
  NoGradGuard no_grad;
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

// ---- Eigenvalues

bool upper_triangle(const char* op, std::string_view uplo) {
  TAPER_CHECK_AS(
      ConfigError,
      uplo.size() == 1 && (uplo[0] == 'L' || uplo[0] == 'U' || uplo[0] == 'l' || uplo[0] == 'u'),
      op, ": Expected UPLO argument to be 'L' or 'U', but got ", uplo);
  return uplo[0] == 'U' || uplo[0] == 'u';
}

/// Differences of a vector's elements, row minus column, 1 on the diagonal.
Tensor gaps(const Tensor& values) {
  const Tensor difference = values.unsqueeze(-2).sub(values.unsqueeze(-1));
  return difference.add(eye(values.size(-1), values.options()));
}

Tensor eigh_grad(const Tensor& values, const Tensor& vectors, const Tensor& grad_values,
                 const Tensor& grad_vectors) {
  const Tensor turned = transposed(vectors);
  if (!grad_vectors.defined()) {
    return vectors.mul(grad_values.unsqueeze(-2)).matmul(turned);
  }
  // Off the diagonal (V^T gV)_ij / (w_j - w_i); on it the gradient of the values.
  const Tensor inside = turned.matmul(grad_vectors).div(gaps(values));
  const Tensor off = inside.sub(diag_embed(inside.diagonal(0, -2, -1)));
  const Tensor middle = grad_values.defined() ? off.add(diag_embed(grad_values)) : off;
  return vectors.matmul(middle).matmul(turned);
}

struct Eigen {
  Tensor values, vectors;
};
Eigen factor_eigh(const char* op, const Tensor& A, bool upper, bool vectors) {
  check_square(op, A);
  const Tensor packed = in_column_order(A);
  Eigen e{new_vectors(op, A, A.size(-1), A.scalar_type()), packed};
  const Tensor info = new_vectors(op, A, -1, kInt);
  if (A.numel() > 0) {
    syevd_kernel(A.device(), out_view(packed), out_view(e.values), out_view(info), vectors, upper);
  }
  check_info(info, [op](int64_t code) {
    return str(op,
               ": The algorithm failed to converge because the input matrix is ill-conditioned "
               "or has too many repeated eigenvalues (error code: ",
               code, ").");
  });
  return e;
}

// ---- Singular values

Tensor svd_grad(const Tensor& u, const Tensor& s, const Tensor& vh, const Tensor& grad_u,
                const Tensor& grad_s, const Tensor& grad_vh) {
  const int64_t m = u.size(-2), k = s.size(-1), n = vh.size(-1);
  const Tensor column = s.unsqueeze(-1), row = s.unsqueeze(-2), ut = transposed(u);
  const Tensor v = transposed(vh);
  const Tensor squares = s.mul(s), gap = gaps(squares);
  const auto skew = [](const Tensor& x) { return x.sub(transposed(x)); };
  Tensor middle = grad_s.defined() ? diag_embed(grad_s) : Tensor();
  const auto add = [&](const Tensor& x) { middle = middle.defined() ? middle.add(x) : x; };
  if (grad_u.defined()) add(skew(ut.matmul(grad_u)).div(gap).mul(row));
  if (grad_vh.defined()) add(skew(vh.matmul(transposed(grad_vh))).div(gap).mul(column));
  Tensor grad = u.matmul(middle).matmul(vh);
  // What lies outside the spaces that U and V span.
  if (grad_u.defined() && m > k) {
    const Tensor outside = grad_u.sub(u.matmul(ut.matmul(grad_u)));
    grad = grad.add(outside.div(row).matmul(vh));
  }
  if (grad_vh.defined() && n > k) {
    const Tensor outside = grad_vh.sub(grad_vh.matmul(v).matmul(vh));
    grad = grad.add(u.matmul(outside.div(column)));
  }
  return grad;
}

struct Singular {
  Tensor u, s, vh;
};
Singular factor_svd(const char* op, const Tensor& A, bool vectors, bool full) {
  check_matrix(op, A);
  NoGradGuard no_grad;
  const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n);
  const Tensor packed = in_column_order(A);
  const Tensor info = new_vectors(op, A, -1, kInt);
  Singular f;
  f.s = new_vectors(op, A, k, A.scalar_type());
  if (vectors) {
    f.u = new_matrices(op, A, m, full ? m : k);
    f.vh = new_matrices(op, A, full ? n : k, n);
  }
  if (A.numel() == 0) {
    if (vectors) f.u.copy_(eye(m, f.u.size(-1), A.options()).expand(f.u.sizes()));
    if (vectors) f.vh.copy_(eye(f.vh.size(-2), n, A.options()).expand(f.vh.sizes()));
    return f;
  }
  // LAPACK writes to the terminal about these.
  TAPER_CHECK(isfinite(A).all().item<bool>(), op,
              ": The algorithm failed to converge because the input matrix contained non-finite "
              "values.");
  const View none;
  gesdd_kernel(A.device(), out_view(packed), vectors ? out_view(f.u) : none, out_view(f.s),
               vectors ? out_view(f.vh) : none, out_view(info));
  check_info(info, [op](int64_t code) {
    return str(op,
               ": The algorithm failed to converge because the input matrix is ill-conditioned "
               "or has too many repeated singular values (error code: ",
               code, ").");
  });
  return f;
}

/// Records the reduced factors, whose gradients make A's.
Singular recorded_svd(const char* op, const Tensor& A) {
  Singular f = factor_svd(op, A, true, false);
  record({.name = "LinalgSvdBackward0",
          .outputs = {f.u, f.s, f.vh},
          .inputs = {A},
          .save = {f.u, f.s, f.vh},
          .backward = [](Backward& g) {
            g.set(0, svd_grad(g.saved(0), g.saved(1), g.saved(2), g.grad(0), g.grad(1), g.grad(2)));
          }});
  return f;
}

Tensor cholesky_grad(const Tensor& l, const Tensor& grad) {
  // L^-T P(L^T gL) L^-1, where P halves what mirrors the lower triangle.
  const Tensor inside = symmetric(transposed(l).matmul(grad).tril()).mul(0.5);
  const Tensor left = linalg_solve_triangular(transposed(l), inside, true);
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

Tensor linalg_cholesky(const Tensor& A, bool upper) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_cholesky, A, upper);
  }
  check_square("linalg.cholesky", A);
  const Tensor packed = in_column_order(A);
  const Tensor info = new_vectors("linalg.cholesky", A, -1, kInt);
  if (A.numel() > 0) potrf_kernel(A.device(), out_view(packed), out_view(info), upper);
  check_info(info, [](int64_t order) {
    return str(
        "linalg.cholesky: The factorization could not be completed because the input is not "
        "positive-definite (the leading minor of order ",
        order, " is not positive-definite).");
  });
  Tensor factor = in_column_order(upper ? packed.triu() : packed.tril());
  record({.name = "LinalgCholeskyExBackward0",
          .outputs = {factor},
          .inputs = {A},
          .save = {factor},
          .backward = [upper](Backward& g) {
            const Tensor &f = g.saved(0), &d = g.grad();
            g.set(0, upper ? cholesky_grad(transposed(f), transposed(d)) : cholesky_grad(f, d));
          }});
  return factor;
}
Tensor cholesky(const Tensor& self, bool upper) { return linalg_cholesky(self, upper); }

std::tuple<Tensor, Tensor> linalg_eigh(const Tensor& A, std::string_view UPLO) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_eigh, A, UPLO);
  }
  const Eigen e = factor_eigh("linalg.eigh", A, upper_triangle("linalg.eigh", UPLO), true);
  record({.name = "LinalgEighBackward0",
          .outputs = {e.values, e.vectors},
          .inputs = {A},
          .save = {e.values, e.vectors},
          .backward = [](Backward& g) {
            g.set(0, eigh_grad(g.saved(0), g.saved(1), g.grad(0), g.grad(1)));
          }});
  return {e.values, e.vectors};
}
Tensor linalg_eigvalsh(const Tensor& A, std::string_view UPLO) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_eigvalsh, A, UPLO);
  }
  // The gradient needs the vectors.
  if (needs_grad(A)) return std::get<0>(linalg_eigh(A, UPLO));
  return factor_eigh("linalg.eigvalsh", A, upper_triangle("linalg.eigvalsh", UPLO), false).values;
}

std::tuple<Tensor, Tensor, Tensor> linalg_svd(const Tensor& A, bool full_matrices) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_svd, A, full_matrices);
  }
  if (!full_matrices) {
    const Singular f = recorded_svd("linalg.svd", A);
    return {f.u, f.s, f.vh};
  }
  const Singular f = factor_svd("linalg.svd", A, true, true);
  const int64_t k = f.s.size(-1);
  record({.name = "LinalgSvdBackward0",
          .outputs = {f.u, f.s, f.vh},
          .inputs = {A},
          .save = {f.u, f.s, f.vh},
          .backward = [k](Backward& g) {
            const Tensor &u = g.saved(0), &vh = g.saved(2);
            TAPER_CHECK((!g.grad(0).defined() || u.size(-1) == k) &&
                            (!g.grad(2).defined() || vh.size(-2) == k),
                        "linalg.svd: The svd decomposition is not differentiable with respect to "
                        "the vectors that full_matrices=true adds; use full_matrices=false");
            g.set(0, svd_grad(u.narrow(-1, 0, k), g.saved(1), vh.narrow(-2, 0, k), g.grad(0),
                              g.grad(1), g.grad(2)));
          }});
  return {f.u, f.s, f.vh};
}

Tensor linalg_svdvals(const Tensor& A) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_svdvals, A);
  }
  if (needs_grad(A)) return recorded_svd("linalg.svdvals", A).s;
  return factor_svd("linalg.svdvals", A, false, false).s;
}

std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& self, bool some, bool compute_uv) {
  if (!compute_uv) {
    const Tensor s = linalg_svdvals(self);
    DimVector u(self.sizes()), v(self.sizes());
    u[u.size() - 1] = u[u.size() - 2];
    v[v.size() - 2] = v[v.size() - 1];
    return {self.new_zeros(u), s, self.new_zeros(v)};
  }
  const auto [u, s, vh] = linalg_svd(self, !some);
  return {u, s, transposed(vh)};
}

}  // namespace taper
