#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Lengths of vectors and matrices; floating types, float32 and float64 where singular values enter.
namespace taper TAPER_API {

/// (sum |x|^ord)^(1/ord) over dim (all if none is named); ord = infinity gives the largest |x|,
/// -infinity the smallest, 0 the count of those not 0.
Tensor linalg_vector_norm(const Tensor& self, const Scalar& ord = 2, IntArrayRef dim = {},
                          bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt);
/// A norm of the matrices in two dimensions. ord 1 and -1: the largest and smallest column sum of
/// |x|; infinity and -infinity: row sum; 2 and -2: singular value.
Tensor linalg_matrix_norm(const Tensor& self, const Scalar& ord, IntArrayRef dim = {-2, -1},
                          bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt);
/// "fro": the 2-norm of all elements; "nuc": the sum of the singular values.
Tensor linalg_matrix_norm(const Tensor& self, std::string_view ord = "fro",
                          IntArrayRef dim = {-2, -1}, bool keepdim = false,
                          std::optional<ScalarType> dtype = std::nullopt);
/// linalg_vector_norm() of order 2 over at most two dimensions, or all if none is named.
Tensor frobenius_norm(const Tensor& self, IntArrayRef dim = {}, bool keepdim = false);
/// linalg_matrix_norm() "nuc": of a matrix, or in two dimensions.
Tensor nuclear_norm(const Tensor& self, bool keepdim = false);
Tensor nuclear_norm(const Tensor& self, IntArrayRef dim, bool keepdim = false);
/// The condition of matrices: for p = 2 the largest singular value over the smallest, for -2 the
/// other way round, else norm(A) norm(A^-1) in the norm p of linalg_matrix_norm(), where a singular
/// A throws.
Tensor linalg_cond(const Tensor& self, const std::optional<Scalar>& p = std::nullopt);
/// The sum of products conj(x) y along dim; x and y broadcast.
Tensor linalg_vecdot(const Tensor& x, const Tensor& y, int64_t dim = -1);
/// linalg_vector_norm() over one dimension or, without ord, over all elements or those of dim;
/// linalg_matrix_norm() over two, or with ord of a matrix.
Tensor linalg_norm(const Tensor& self, const std::optional<Scalar>& ord = std::nullopt,
                   OptionalIntArrayRef dim = std::nullopt, bool keepdim = false,
                   std::optional<ScalarType> dtype = std::nullopt);
/// linalg_matrix_norm() over two dimensions, or of a matrix.
Tensor linalg_norm(const Tensor& self, std::string_view ord, OptionalIntArrayRef dim = std::nullopt,
                   bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt);
/// The vector products of vectors of 3 elements along dim; self and other broadcast.
Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim = -1);
/// The diagonals of matrices, a view; without dim1 and dim2 those of the last two dimensions.
Tensor linalg_diagonal(const Tensor& A, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1);
/// Same as matmul().
Tensor linalg_matmul(const Tensor& self, const Tensor& other);
/// x^0 ... x^(N - 1) in a new last dimension; N is x's last size unless given.
Tensor linalg_vander(const Tensor& x, std::optional<int64_t> N = std::nullopt);

}  // namespace taper
