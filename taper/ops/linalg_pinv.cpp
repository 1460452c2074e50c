#include "taper/autograd/grad_mode.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/complex.h"
#include "taper/ops/creation.h"
#include "taper/ops/diagonal.h"
#include "taper/ops/extremum.h"
#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/linalg_util.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"

// Pseudo-inverses and ranks.
namespace taper {
namespace {

/// The bound up to which singular values count as 0, [..., 1].
Tensor bound_of(const Tensor& values, const Tensor& A, const std::optional<Tensor>& atol,
                const std::optional<Tensor>& rtol) {
  const bool least = atol && atol->defined();
  Tensor relative = rtol && rtol->defined() ? *rtol : scalar_tensor(default_rtol(A), kDouble);
  // An absolute bound alone replaces the relative one's default.
  if (least && !(rtol && rtol->defined())) relative = where(gt(*atol, 0), Scalar(0), relative);
  const Tensor bound = values.amax(-1, true).mul(relative.unsqueeze(-1));
  return least ? maximum(bound, atol->unsqueeze(-1)) : bound;
}

/// A repeated along the leading dimensions of the tolerances.
Tensor with_batch_of(const Tensor& A, const std::optional<Tensor>& atol,
                     const std::optional<Tensor>& rtol) {
  DimVector sizes(batch_sizes(A));
  for (const auto* tolerance : {&atol, &rtol}) {
    if (*tolerance && (*tolerance)->defined())
      sizes = broadcast_sizes(sizes, (*tolerance)->sizes());
  }
  if (IntArrayRef(sizes) == IntArrayRef(batch_sizes(A))) return A;
  sizes.push_back(A.size(-2));
  sizes.push_back(A.size(-1));
  return A.expand(sizes);
}

std::optional<Tensor> as_tensor(std::optional<double> number) {
  return number ? std::optional<Tensor>(scalar_tensor(*number, kDouble)) : std::nullopt;
}

/// The Hermitian matrices whose lower triangle t has.
Tensor from_lower(const Tensor& t) {
  const Tensor below = t.tril(-1);
  return below.add(adjoint(below)).add(diag_embed(real(t.diagonal(0, -2, -1))));
}

/// What values do not count as 0.
Tensor kept_values(const Tensor& values, const Tensor& A, const std::optional<Tensor>& atol,
                   const std::optional<Tensor>& rtol) {
  NoRecordGuard no_record;
  if (values.size(-1) == 0) return zeros(values.sizes(), kBool);
  return gt(values, bound_of(values, A, atol, rtol));
}

/// The gradient of a pseudo-inverse P of A (Golub and Pereyra).
Tensor pinv_grad(const Tensor& grad, const Tensor& p, const Tensor& A) {
  const Tensor pt = adjoint(p), gt = adjoint(grad);
  if (A.size(-2) <= A.size(-1)) {
    const Tensor k = gt.matmul(p), kp = k.matmul(pt);
    return adjoint(neg(p.matmul(k)))
        .add(kp)
        .sub(A.matmul(p).matmul(kp))
        .add(pt.matmul(p).matmul(gt.sub(k.matmul(A))));
  }
  const Tensor k = p.matmul(gt), pk = pt.matmul(k);
  return adjoint(neg(k.matmul(p)))
      .add(gt.sub(A.matmul(k)).matmul(p).matmul(pt))
      .add(pk)
      .sub(pk.matmul(p).matmul(A));
}

}  // namespace

PseudoInverse pseudo_inverse(const char* op, const Tensor& given, const std::optional<Tensor>& atol,
                             const std::optional<Tensor>& rtol, bool hermitian) {
  check_matrix(op, given);
  if (hermitian) check_square(op, given);
  const Tensor A = with_batch_of(given, atol, rtol);
  PseudoInverse p;
  {
    NoRecordGuard no_record;
    // A hermitian input is completed from its lower triangle.
    const auto [u, s, vh] = linalg_svd(hermitian ? from_lower(A) : A, false);
    p.values = s;
    p.kept = kept_values(s, A, atol, rtol);
    const Tensor inverse = where(p.kept, reciprocal(s), Scalar(0));
    p.inverse = adjoint(vh).mul(inverse.unsqueeze(-2)).matmul(adjoint(u));
  }
  record({.name = "LinalgPinvBackward0",
          .outputs = {p.inverse},
          .inputs = {A},
          .save = {A, p.inverse},
          .unconjugated = true,
          .backward = [hermitian](Backward& g) {
            const Tensor& A = g.saved(0);
            const Tensor full = hermitian ? from_lower(A) : A;
            const Tensor grad = pinv_grad(g.grad(), g.saved(1), full);
            if (!hermitian) return g.set(0, grad);
            const Tensor diagonal = real(grad.diagonal(0, -2, -1));
            g.set(0, grad.tril(-1).add(adjoint(grad.triu(1))).add(diag_embed(diagonal)));
          }});
  return p;
}

Tensor linalg_pinv(const Tensor& A, const std::optional<Tensor>& atol,
                   const std::optional<Tensor>& rtol, bool hermitian) {
  return pseudo_inverse("linalg.pinv", A, atol, rtol, hermitian).inverse;
}
Tensor linalg_pinv(const Tensor& A, std::optional<double> atol, std::optional<double> rtol,
                   StrictBool hermitian) {
  return linalg_pinv(A, as_tensor(atol), as_tensor(rtol), hermitian);
}
Tensor linalg_pinv(const Tensor& A, double rcond, StrictBool hermitian) {
  return linalg_pinv(A, std::nullopt, as_tensor(rcond), hermitian);
}
Tensor linalg_pinv(const Tensor& A, const Tensor& rcond, bool hermitian) {
  return linalg_pinv(A, std::nullopt, std::optional<Tensor>(rcond), hermitian);
}
Tensor pinverse(const Tensor& self, double rcond) { return linalg_pinv(self, rcond); }

Tensor linalg_matrix_rank(const Tensor& given, const std::optional<Tensor>& atol,
                          const std::optional<Tensor>& rtol, bool hermitian) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::linalg_matrix_rank(a...); }, given,
                            atol, rtol, hermitian);
  }
  NoRecordGuard no_record;
  check_matrix("linalg.matrix_rank", given);
  const Tensor A = with_batch_of(given, atol, rtol);
  const Tensor values = hermitian ? abs(linalg_eigvalsh(A)) : linalg_svdvals(A);
  return kept_values(values, A, atol, rtol).sum(-1);
}
Tensor linalg_matrix_rank(const Tensor& A, std::optional<double> atol, std::optional<double> rtol,
                          StrictBool hermitian) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::linalg_matrix_rank(a...); }, A,
                            atol, rtol, hermitian);
  }
  return linalg_matrix_rank(A, as_tensor(atol), as_tensor(rtol), hermitian);
}
Tensor linalg_matrix_rank(const Tensor& A, double tol, StrictBool hermitian) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::linalg_matrix_rank(a...); }, A,
                            tol, hermitian);
  }
  return linalg_matrix_rank(A, as_tensor(tol), as_tensor(0.0), hermitian);
}
Tensor linalg_matrix_rank(const Tensor& A, const Tensor& tol, bool hermitian) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::linalg_matrix_rank(a...); }, A,
                            tol, hermitian);
  }
  return linalg_matrix_rank(A, std::optional<Tensor>(tol), as_tensor(0.0), hermitian);
}

}  // namespace taper
