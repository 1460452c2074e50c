#pragma once

#include <optional>
#include <string_view>
#include <tuple>

#include "taper/tensor/tensor.h"

// Linear systems, inverses and determinants of matrices, in batches over the leading dimensions;
// float32, float64 and complex, by LAPACK. A singular matrix, where it matters, throws an Error;
// the forms that end in _ex return LAPACK's int32 info, 0 where all went well, and throw about it
// only with check_errors.
namespace taper TAPER_API {

/// X with A X = B, or without left X A = B, for a square A. B is a matrix, or (when its sizes are
/// A's without the last) a vector.
Tensor linalg_solve(const Tensor& A, const Tensor& B, bool left = true);
/// linalg_solve() and the place of the first 0 on the diagonal of U in A = P L U, else 0.
std::tuple<Tensor, Tensor> linalg_solve_ex(const Tensor& A, const Tensor& B, bool left = true,
                                           bool check_errors = false);
/// X with A X = B (left) or X A = B for a triangular A, of which only the named triangle is read;
/// unitriangular: its diagonal counts as ones. Leading dimensions broadcast.
Tensor linalg_solve_triangular(const Tensor& self, const Tensor& B, bool upper, bool left = true,
                               bool unitriangular = false);
/// A = P L U, P a permutation, packed: L (without its diagonal of ones) below, U on and above the
/// diagonal; and the rows that were swapped, one after another, from 1: int32 [..., min(m, n)].
/// Without pivot it throws, as PyTorch on the CPU.
std::tuple<Tensor, Tensor> linalg_lu_factor(const Tensor& A, bool pivot = true);
/// linalg_lu_factor() and the place of the first 0 on U's diagonal, else 0.
std::tuple<Tensor, Tensor, Tensor> linalg_lu_factor_ex(const Tensor& A, bool pivot = true,
                                                       bool check_errors = false);
/// P, L and U with A = P L U.
std::tuple<Tensor, Tensor, Tensor> linalg_lu(const Tensor& A, bool pivot = true);
/// P, L and U from the result of linalg_lu_factor().
std::tuple<Tensor, Tensor, Tensor> lu_unpack(const Tensor& LU_data, const Tensor& LU_pivots);
/// X with A X = B (left) or X A = B (adjoint: A^H) from the result of linalg_lu_factor().
Tensor linalg_lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left = true,
                       bool adjoint = false);
/// linalg_lu_solve() of self.
/// variants: method
Tensor lu_solve(const Tensor& self, const Tensor& LU_data, const Tensor& LU_pivots);
/// X with A X = self for a triangular A (transpose: A^T X = self), and A.
/// variants: method
std::tuple<Tensor, Tensor> triangular_solve(const Tensor& self, const Tensor& A, bool upper = true,
                                            bool transpose = false, bool unitriangular = false);
/// The inverse of a square matrix.
Tensor linalg_inv(const Tensor& A);
/// linalg_inv() and the place of the first 0 on the diagonal of U in A = P L U, else 0.
std::tuple<Tensor, Tensor> linalg_inv_ex(const Tensor& A, bool check_errors = false);
/// Same as linalg_inv().
/// variants: method
Tensor inverse(const Tensor& self);
/// The determinant of a square matrix.
Tensor linalg_det(const Tensor& A);
/// Same as linalg_det().
/// variants: method
Tensor det(const Tensor& self);
/// The sign (of a complex determinant its direction, of length 1) and the logarithm of the
/// magnitude of the determinant.
std::tuple<Tensor, Tensor> linalg_slogdet(const Tensor& A);
/// Same as linalg_slogdet().
/// variants: method
std::tuple<Tensor, Tensor> slogdet(const Tensor& self);
/// The logarithm of the determinant; NaN where a real one is negative.
/// variants: method
Tensor logdet(const Tensor& self);
/// The Moore-Penrose inverse. Singular values up to atol, or up to rtol times the largest, count as
/// 0; rtol is max(m, n) times the type's precision unless a tolerance is given. As tensors they
/// broadcast with the leading dimensions. hermitian: A is symmetric
/// (Hermitian), its lower triangle is read.
Tensor linalg_pinv(const Tensor& A, std::optional<double> atol, std::optional<double> rtol,
                   StrictBool hermitian = false);
Tensor linalg_pinv(const Tensor& A, const std::optional<Tensor>& atol = std::nullopt,
                   const std::optional<Tensor>& rtol = std::nullopt, bool hermitian = false);
/// linalg_pinv() with rtol = rcond.
Tensor linalg_pinv(const Tensor& A, double rcond, StrictBool hermitian = false);
Tensor linalg_pinv(const Tensor& A, const Tensor& rcond, bool hermitian = false);
/// linalg_pinv() with rtol = rcond.
/// variants: method
Tensor pinverse(const Tensor& self, double rcond = 1e-15);
/// How many singular values exceed atol and rtol times the largest, as in linalg_pinv(): int64.
Tensor linalg_matrix_rank(const Tensor& A, std::optional<double> atol, std::optional<double> rtol,
                          StrictBool hermitian = false);
Tensor linalg_matrix_rank(const Tensor& A, const std::optional<Tensor>& atol = std::nullopt,
                          const std::optional<Tensor>& rtol = std::nullopt, bool hermitian = false);
/// How many singular values exceed tol.
Tensor linalg_matrix_rank(const Tensor& A, double tol, StrictBool hermitian = false);
Tensor linalg_matrix_rank(const Tensor& A, const Tensor& tol, bool hermitian = false);
/// The n-th power of a square matrix; of its inverse for a negative n.
Tensor linalg_matrix_power(const Tensor& A, int64_t n);
/// Same as linalg_matrix_power().
/// variants: method
Tensor matrix_power(const Tensor& self, int64_t n);
/// The exponential of a square matrix, sum A^k / k!.
Tensor linalg_matrix_exp(const Tensor& A);
/// Same as linalg_matrix_exp().
/// variants: method
Tensor matrix_exp(const Tensor& self);
/// X with self X = A^-1 self from the Cholesky factor of A.
/// variants: method
Tensor cholesky_solve(const Tensor& self, const Tensor& input2, bool upper = false);
/// The inverse of A from its Cholesky factor.
/// variants: method
Tensor cholesky_inverse(const Tensor& self, bool upper = false);
/// The product of two or more matrices in the order that needs the fewest multiplications; the
/// first and the last may be vectors.
Tensor linalg_multi_dot(TensorList tensors);

}  // namespace taper
