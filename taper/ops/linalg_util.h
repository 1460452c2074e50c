#pragma once

#include "taper/ops/op_util.h"

// What the linear algebra ops share: checks, and matrices in LAPACK's column order.
namespace taper {

/// Throws unless A has matrices in its last two dimensions, of float32, float64 or complex.
void check_matrix(const char* op, const Tensor& A);
void check_square(const char* op, const Tensor& A);
/// The sizes before those of the matrices.
DimVector batch_sizes(const Tensor& A);
/// The same with those of a rows x cols matrix.
DimVector with_matrix(const DimVector& batch, int64_t rows, int64_t cols);
/// A copy of A in column order, batches packed; gradients do not follow.
Tensor in_column_order(const Tensor& A);
/// A new batch of matrices in column order, with A's leading sizes.
Tensor new_matrices(const char* op, const Tensor& A, int64_t rows, int64_t columns);
/// A new tensor of A's leading sizes and, when it is not negative, one more.
Tensor new_vectors(const char* op, const Tensor& A, int64_t size, ScalarType dtype);
/// t with other leading sizes, without a copy.
Tensor with_batch(const Tensor& t, const DimVector& batch);
/// The tolerance of singular values relative to the largest: max(m, n) times A's precision.
double default_rtol(const Tensor& A);
/// A's pseudo-inverse, recorded; its singular values, and which of them do not count as 0.
struct PseudoInverse {
  Tensor inverse, values, kept;
};
PseudoInverse pseudo_inverse(const char* op, const Tensor& A, const std::optional<Tensor>& atol,
                             const std::optional<Tensor>& rtol, bool hermitian);
/// Throws when LAPACK reported a failure: what(matrix's number or nothing, info) makes the text.
void check_info(const Tensor& info, const Function<std::string(int64_t)>& what);
/// Records outputs whose backward throws that op has none.
void record_without_gradient(const char* op, const TensorArgs& outputs, const TensorArgs& inputs);
/// A's transpose in the last two dimensions.
inline Tensor transposed(const Tensor& A) { return A.transpose(-2, -1); }

}  // namespace taper
