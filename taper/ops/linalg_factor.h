#pragma once

#include <optional>
#include <string_view>
#include <tuple>

#include "taper/tensor/tensor.h"

// Factorisations of matrices, in batches over the leading dimensions; float32, float64 and complex,
// by LAPACK. Results are in column order. For complex matrices read A^H, the transposed conjugates,
// for A^T, Hermitian for symmetric and unitary for orthonormal. The forms that end in _ex return
// LAPACK's int32 info, 0 where all went well, and throw about it only with check_errors. An input
// that is no matrix throws a ShapeError, one that is not floating a DTypeError, one that has no
// such factorisation an Error.
namespace taper TAPER_API {

/// A = Q R with orthonormal columns of Q and an upper triangular R. mode "reduced": Q [m, k], R [k,
/// n] with k = min(m, n); "complete": Q [m, m], R [m, n]; "r": Q is empty. R's diagonal may be
/// negative.
std::tuple<Tensor, Tensor> linalg_qr(const Tensor& A, std::string_view mode = "reduced");
/// linalg_qr(), reduced (some) or complete.
/// variants: method
std::tuple<Tensor, Tensor> qr(const Tensor& self, bool some = true);
/// R on and above the diagonal and the reflections of Q below it, as linalg_householder_product()
/// takes them, and their factors tau [*, k]. Without gradients.
/// variants: method
std::tuple<Tensor, Tensor> geqrf(const Tensor& self);

/// The lower triangular L with A = L L^T (upper: U with A = U^T U) of a symmetric positive-definite
/// A, whose lower (upper) triangle alone is read.
Tensor linalg_cholesky(const Tensor& A, bool upper = false);
/// linalg_cholesky() and the order of the first leading minor that is not positive, else 0.
std::tuple<Tensor, Tensor> linalg_cholesky_ex(const Tensor& A, bool upper = false,
                                              bool check_errors = false);
/// Same as linalg_cholesky().
/// variants: method
Tensor cholesky(const Tensor& self, bool upper = false);

/// Eigenvalues, ascending, and eigenvectors, in columns, of a symmetric A, whose lower (UPLO "U":
/// upper) triangle alone is read. Gradients of the vectors need distinct eigenvalues.
std::tuple<Tensor, Tensor> linalg_eigh(const Tensor& A, std::string_view UPLO = "L");
/// The eigenvalues of linalg_eigh().
Tensor linalg_eigvalsh(const Tensor& A, std::string_view UPLO = "L");

/// Complex eigenvalues, in no order, and eigenvectors of length 1, in columns, of any square A.
/// Gradients of the vectors need distinct eigenvalues and a loss that no vector's phase changes:
/// otherwise the backward throws.
std::tuple<Tensor, Tensor> linalg_eig(const Tensor& A);
/// The eigenvalues of linalg_eig().
Tensor linalg_eigvals(const Tensor& A);

/// A = P L D L^T P^T for a symmetric A (hermitian: L^H), from its lower triangle: L and D packed
/// in LD, and LAPACK's pivots, int32 [..., n]. Without gradients.
std::tuple<Tensor, Tensor> linalg_ldl_factor(const Tensor& A, bool hermitian = false);
/// linalg_ldl_factor() and the place of the first 0 on D's diagonal, else 0.
std::tuple<Tensor, Tensor, Tensor> linalg_ldl_factor_ex(const Tensor& A, bool hermitian = false,
                                                        bool check_errors = false);
/// X with A X = B from the result of linalg_ldl_factor(); leading dimensions broadcast. Gradients
/// reach B alone.
Tensor linalg_ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B,
                        bool hermitian = false);

/// A = U diag(S) Vh, S descending: U [m, k] and Vh [k, n] with k = min(m, n), or with full_matrices
/// U [m, m] and Vh [n, n]. Gradients of the vectors need distinct singular values.
std::tuple<Tensor, Tensor, Tensor> linalg_svd(const Tensor& A, bool full_matrices = true);
/// The singular values of A, descending.
Tensor linalg_svdvals(const Tensor& A);
/// U, S and V of linalg_svd(); without compute_uv U and V are zeros.
/// variants: method
std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& self, bool some = true,
                                       bool compute_uv = true);

}  // namespace taper
