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
/// The sum of products along dim; x and y broadcast.
Tensor linalg_vecdot(const Tensor& x, const Tensor& y, int64_t dim = -1);

}  // namespace taper
