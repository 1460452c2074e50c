#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/linalg.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/complex.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/diagonal.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/linalg_util.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

// Eigenvalues and singular values.
namespace taper {
namespace {

// ---- Eigenvalues

bool upper_triangle(const char* op, std::string_view uplo) {
  TAPER_CHECK_AS(
      ConfigError,
      uplo.size() == 1 && (uplo[0] == 'L' || uplo[0] == 'U' || uplo[0] == 'l' || uplo[0] == 'u'),
      op, ": Expected UPLO argument to be 'L' or 'U', but got ", uplo);
  return uplo[0] == 'U' || uplo[0] == 'u';
}

/// What a loss says of the phases of eigenvectors or singular vectors, on the diagonal of its
/// product with their gradient, must be nothing: they have none that is theirs. Two of them may
/// cancel.
void check_phases(const char* op, const char* vectors, const Tensor& product,
                  const Tensor& other = {}) {
  const Tensor& any = product.defined() ? product : other;
  if (!any.is_complex()) return;
  NoRecordGuard no_record;
  Tensor turn = imag(any.detach().diagonal(0, -2, -1));
  if (product.defined() && other.defined())
    turn = turn.add(imag(other.detach().diagonal(0, -2, -1)));
  TAPER_CHECK(turn.numel() == 0 || turn.abs().le(1e-2).all().item<bool>(), op, ": The ", vectors,
              " in the complex case are specified up to multiplication by e^{i phi}. The specified "
              "loss function depends on this quantity, so it is ill-defined.");
}

/// x with a diagonal of zeros.
Tensor off_diagonal(const Tensor& x) { return x.sub(diag_embed(x.diagonal(0, -2, -1))); }

/// Differences of a vector's elements, row minus column, 1 on the diagonal.
Tensor gaps(const Tensor& values) {
  const Tensor difference = values.unsqueeze(-2).sub(values.unsqueeze(-1));
  return difference.add(eye(values.size(-1), values.options()));
}

Tensor eigh_grad(const Tensor& values, const Tensor& vectors, const Tensor& grad_values,
                 const Tensor& grad_vectors) {
  const Tensor turned = adjoint(vectors);
  if (!grad_vectors.defined()) {
    return vectors.mul(grad_values.unsqueeze(-2)).matmul(turned);
  }
  const Tensor product = turned.matmul(grad_vectors);
  check_phases("linalg.eigh", "eigenvectors", product);
  // Off the diagonal (V^H gV)_ij / (w_j - w_i); on it the gradient of the values.
  const Tensor inside = product.div(gaps(values));
  const Tensor off = off_diagonal(inside);
  const Tensor middle = grad_values.defined() ? off.add(diag_embed(grad_values)) : off;
  return vectors.matmul(middle).matmul(turned);
}

void check_converged(const char* op, const Tensor& info, const char* repeated) {
  check_info(info, [op, repeated](int64_t code) {
    return str(op,
               ": The algorithm failed to converge because the input matrix is ill-conditioned "
               "or has too many repeated ",
               repeated, " (error code: ", code, ").");
  });
}

struct Eigen {
  Tensor values, vectors;
};
Eigen factor_eigh(const char* op, const Tensor& A, bool upper, bool vectors) {
  check_square(op, A);
  const Tensor packed = in_column_order(A);
  Eigen e{new_vectors(op, A, A.size(-1), toRealValueType(A.scalar_type())), packed};
  const Tensor info = new_vectors(op, A, -1, kInt);
  if (A.numel() > 0) {
    syevd_kernel(A.device(), out_view(packed), out_view(e.values), out_view(info), vectors, upper);
  }
  check_converged(op, info, "eigenvalues");
  return e;
}

/// x in the type of like, to be multiplied with it.
Tensor in_type_of(const Tensor& like, const Tensor& x) {
  return x.scalar_type() == like.scalar_type() ? x : x.to(like.scalar_type());
}

/// The gradient of A V = V diag(values) for any square A.
Tensor eig_grad(const Tensor& values, const Tensor& vectors, const Tensor& grad_values,
                const Tensor& grad_vectors) {
  const Tensor turned = adjoint(vectors);
  if (!grad_vectors.defined()) {
    return linalg_solve(turned, grad_values.unsqueeze(-1).mul(turned));
  }
  const Tensor product = turned.matmul(grad_vectors);
  check_phases("linalg.eig", "eigenvectors", product);
  // The vectors have length 1, whatever A does.
  const Tensor kept = turned.matmul(vectors).mul(real(product.diagonal(0, -2, -1)).unsqueeze(-2));
  const Tensor off = off_diagonal(product.sub(kept).div(conj(gaps(values))));
  const Tensor middle = grad_values.defined() ? off.add(diag_embed(grad_values)) : off;
  return linalg_solve(turned, middle.matmul(turned));
}

Eigen factor_eig(const char* op, const Tensor& A, bool vectors) {
  check_square(op, A);
  NoRecordGuard no_record;
  TAPER_CHECK(isfinite(A).all().item<bool>(), op,
              ": input tensor should not contain infs or NaNs.");
  const Tensor packed = in_column_order(A);
  const ScalarType type = toComplexType(A.scalar_type());
  Eigen e{new_vectors(op, A, A.size(-1), type), Tensor()};
  if (vectors) e.vectors = in_column_order(A.to(type));
  const Tensor info = new_vectors(op, A, -1, kInt);
  if (A.numel() > 0) {
    geev_kernel(A.device(), out_view(packed), out_view(e.values),
                vectors ? out_view(e.vectors) : View(), out_view(info));
  }
  check_converged(op, info, "eigenvalues");
  return e;
}

// ---- Singular values

Tensor svd_grad(const Tensor& u, const Tensor& s, const Tensor& vh, const Tensor& grad_u,
                const Tensor& grad_s, const Tensor& grad_vh) {
  const int64_t m = u.size(-2), k = s.size(-1), n = vh.size(-1);
  const Tensor column = s.unsqueeze(-1), row = s.unsqueeze(-2), ut = adjoint(u);
  const Tensor v = adjoint(vh);
  const Tensor squares = s.mul(s), gap = gaps(squares);
  const auto skew = [](const Tensor& x) { return off_diagonal(x.sub(adjoint(x))); };
  Tensor middle = grad_s.defined() ? diag_embed(grad_s) : Tensor();
  const auto add = [&](const Tensor& x) { middle = middle.defined() ? middle.add(x) : x; };
  Tensor of_u, of_v;
  if (grad_u.defined()) of_u = ut.matmul(grad_u);
  if (grad_vh.defined()) of_v = vh.matmul(adjoint(grad_vh));
  if (of_u.defined() || of_v.defined()) check_phases("linalg.svd", "singular vectors", of_u, of_v);
  if (of_u.defined()) add(skew(of_u).div(gap).mul(row));
  if (of_v.defined()) add(skew(of_v).div(gap).mul(column));
  if (of_u.defined() && of_u.is_complex()) {
    // A pair of vectors turns together; what one turns more is the other's.
    const Tensor turn = imag(of_u.diagonal(0, -2, -1)).div(s);
    add(diag_embed(complex(zeros_like(turn), turn)));
  }
  Tensor grad = u.matmul(in_type_of(u, middle)).matmul(vh);
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
  NoRecordGuard no_record;
  const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n);
  const Tensor packed = in_column_order(A);
  const Tensor info = new_vectors(op, A, -1, kInt);
  Singular f;
  f.s = new_vectors(op, A, k, toRealValueType(A.scalar_type()));
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
  check_converged(op, info, "singular values");
  return f;
}

/// Records the reduced factors, whose gradients make A's.
Singular recorded_svd(const char* op, const Tensor& A) {
  Singular f = factor_svd(op, A, true, false);
  record({.name = "LinalgSvdBackward0",
          .outputs = {f.u, f.s, f.vh},
          .inputs = {A},
          .save = {f.u, f.s, f.vh},
          .unconjugated = true,
          .backward = [](Backward& g) {
            g.set(0, svd_grad(g.saved(0), g.saved(1), g.saved(2), g.grad(0), g.grad(1), g.grad(2)));
          }});
  return f;
}

}  // namespace

std::tuple<Tensor, Tensor> linalg_eigh(const Tensor& A, std::string_view UPLO) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_eigh, A, UPLO);
  }
  const Eigen e = factor_eigh("linalg.eigh", A, upper_triangle("linalg.eigh", UPLO), true);
  record({.name = "LinalgEighBackward0",
          .outputs = {e.values, e.vectors},
          .inputs = {A},
          .save = {e.values, e.vectors},
          .unconjugated = true,
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

std::tuple<Tensor, Tensor> linalg_eig(const Tensor& A) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_eig, A);
  }
  const Eigen e = factor_eig("linalg.eig", A, true);
  record({.name = "LinalgEigBackward0",
          .outputs = {e.values, e.vectors},
          .inputs = {A},
          .save = {e.values, e.vectors},
          .unconjugated = true,
          .backward = [](Backward& g) {
            const Tensor grad = eig_grad(g.saved(0), g.saved(1), g.grad(0), g.grad(1));
            g.set(0, grad_as(grad, g.dtype(0)));
          }});
  return {e.values, e.vectors};
}
Tensor linalg_eigvals(const Tensor& A) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::linalg_eigvals, A);
  }
  // The gradient needs the vectors.
  if (needs_grad(A)) return std::get<0>(linalg_eig(A));
  return factor_eig("linalg.eigvals", A, false).values;
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
          .unconjugated = true,
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
  return {u, s, adjoint(vh)};
}

}  // namespace taper
