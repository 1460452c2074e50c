#pragma once

#include <optional>
#include <string_view>
#include <tuple>

#include "taper/tensor/tensor.h"

// Factorisations of matrices, in batches over the leading dimensions; float32 and float64, by
// LAPACK. Results are in column order. An input that is no matrix throws a ShapeError, one that is
// not floating a DTypeError, one that has no such factorisation an Error.
namespace taper TAPER_API {

/// A = Q R with orthonormal columns of Q and an upper triangular R. mode "reduced": Q [m, k], R [k,
/// n] with k = min(m, n); "complete": Q [m, m], R [m, n]; "r": Q is empty. R's diagonal may be
/// negative.
std::tuple<Tensor, Tensor> linalg_qr(const Tensor& A, std::string_view mode = "reduced");
/// linalg_qr(), reduced (some) or complete.
/// variants: method
std::tuple<Tensor, Tensor> qr(const Tensor& self, bool some = true);

/// The lower triangular L with A = L L^T (upper: U with A = U^T U) of a symmetric positive-definite
/// A, whose lower (upper) triangle alone is read.
Tensor linalg_cholesky(const Tensor& A, bool upper = false);
/// Same as linalg_cholesky().
/// variants: method
Tensor cholesky(const Tensor& self, bool upper = false);

/// Eigenvalues, ascending, and eigenvectors, in columns, of a symmetric A, whose lower (UPLO "U":
/// upper) triangle alone is read. Gradients of the vectors need distinct eigenvalues.
std::tuple<Tensor, Tensor> linalg_eigh(const Tensor& A, std::string_view UPLO = "L");
/// The eigenvalues of linalg_eigh().
Tensor linalg_eigvalsh(const Tensor& A, std::string_view UPLO = "L");

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
