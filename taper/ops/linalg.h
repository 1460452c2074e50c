#pragma once

#include "taper/ops/linalg_factor.h"
#include "taper/ops/linalg_norm.h"
#include "taper/ops/linalg_solve.h"
#include "taper/ops/linalg_systems.h"

// The names of torch::linalg.
namespace taper TAPER_API {
namespace linalg {

inline std::tuple<Tensor, Tensor> qr(const Tensor& A, std::string_view mode = "reduced") {
  return linalg_qr(A, mode);
}
inline Tensor cholesky(const Tensor& A) { return linalg_cholesky(A); }
inline std::tuple<Tensor, Tensor> eig(const Tensor& A) { return linalg_eig(A); }
inline Tensor eigvals(const Tensor& A) { return linalg_eigvals(A); }
inline std::tuple<Tensor, Tensor, Tensor> ldl_factor_ex(const Tensor& A, bool hermitian,
                                                        bool check_errors) {
  return linalg_ldl_factor_ex(A, hermitian, check_errors);
}
inline Tensor ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) {
  return linalg_ldl_solve(LD, pivots, B, hermitian);
}
inline std::tuple<Tensor, Tensor> eigh(const Tensor& A, std::string_view uplo = "L") {
  return linalg_eigh(A, uplo);
}
inline Tensor eigvalsh(const Tensor& A, std::string_view uplo = "L") {
  return linalg_eigvalsh(A, uplo);
}
inline std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& A, bool full_matrices = true) {
  return linalg_svd(A, full_matrices);
}
inline Tensor svdvals(const Tensor& A) { return linalg_svdvals(A); }
inline std::tuple<Tensor, Tensor> lu_factor(const Tensor& A, bool pivot = true) {
  return linalg_lu_factor(A, pivot);
}
inline std::tuple<Tensor, Tensor, Tensor> lu(const Tensor& A, bool pivot = true) {
  return linalg_lu(A, pivot);
}
inline Tensor solve(const Tensor& A, const Tensor& B, bool left = true) {
  return linalg_solve(A, B, left);
}
inline std::tuple<Tensor, Tensor> solve_ex(const Tensor& A, const Tensor& B, bool left = true,
                                           bool check_errors = false) {
  return linalg_solve_ex(A, B, left, check_errors);
}
inline Tensor solve_triangular(const Tensor& A, const Tensor& B, bool upper, bool left = true,
                               bool unitriangular = false) {
  return linalg_solve_triangular(A, B, upper, left, unitriangular);
}
inline Tensor inv(const Tensor& A) { return linalg_inv(A); }
inline Tensor det(const Tensor& A) { return taper::linalg_det(A); }
inline Tensor linalg_det(const Tensor& A) { return taper::linalg_det(A); }
inline std::tuple<Tensor, Tensor> slogdet(const Tensor& A) { return linalg_slogdet(A); }
inline Tensor pinv(const Tensor& A, double rcond, StrictBool hermitian = false) {
  return linalg_pinv(A, rcond, hermitian);
}
inline Tensor pinv(const Tensor& A) { return linalg_pinv(A); }
inline Tensor matrix_rank(const Tensor& A, std::optional<double> tol = std::nullopt,
                          StrictBool hermitian = false) {
  return linalg_matrix_rank(A, tol, std::nullopt, hermitian);
}
inline std::tuple<Tensor, Tensor, Tensor, Tensor> lstsq(
    const Tensor& A, const Tensor& B, std::optional<double> rcond = std::nullopt,
    std::optional<std::string_view> driver = std::nullopt) {
  return linalg_lstsq(A, B, rcond, driver);
}
inline Tensor tensorinv(const Tensor& A, int64_t ind = 2) { return linalg_tensorinv(A, ind); }
inline Tensor tensorsolve(const Tensor& A, const Tensor& B,
                          OptionalIntArrayRef dims = std::nullopt) {
  return linalg_tensorsolve(A, B, dims);
}
inline Tensor householder_product(const Tensor& A, const Tensor& tau) {
  return linalg_householder_product(A, tau);
}
inline Tensor matrix_power(const Tensor& A, int64_t n) { return linalg_matrix_power(A, n); }
inline Tensor matrix_exp(const Tensor& A) { return linalg_matrix_exp(A); }
inline Tensor multi_dot(TensorList tensors) { return linalg_multi_dot(tensors); }
inline Tensor vector_norm(const Tensor& A, const Scalar& ord = 2, IntArrayRef dim = {},
                          bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_vector_norm(A, ord, dim, keepdim, dtype);
}
inline Tensor norm(const Tensor& A, const std::optional<Scalar>& ord = std::nullopt,
                   OptionalIntArrayRef dim = std::nullopt, bool keepdim = false,
                   std::optional<ScalarType> dtype = std::nullopt) {
  return taper::linalg_norm(A, ord, dim, keepdim, dtype);
}
inline Tensor norm(const Tensor& A, std::string_view ord, OptionalIntArrayRef dim = std::nullopt,
                   bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) {
  return taper::linalg_norm(A, ord, dim, keepdim, dtype);
}
inline Tensor matrix_norm(const Tensor& A, const Scalar& ord, IntArrayRef dim = {-2, -1},
                          bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_matrix_norm(A, ord, dim, keepdim, dtype);
}
inline Tensor matrix_norm(const Tensor& A, std::string_view ord = "fro", IntArrayRef dim = {-2, -1},
                          bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_matrix_norm(A, ord, dim, keepdim, dtype);
}

}  // namespace linalg
}  // namespace taper
