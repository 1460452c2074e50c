#include "taper/ops/linalg_util.h"

#include <algorithm>
#include <limits>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/copy.h"
#include "taper/ops/view.h"

namespace taper {

void check_matrix(const char* op, const Tensor& A) {
  TAPER_CHECK_AS(ShapeError, A.dim() >= 2, op,
                 ": The input tensor A must have at least 2 dimensions.");
  TAPER_CHECK_AS(DTypeError, isDifferentiableType(A.scalar_type()), op,
                 ": Expected a floating point or complex tensor as input. Got ", A.scalar_type());
  TAPER_CHECK_AS(DTypeError, !isReducedFloatingType(A.scalar_type()), op,
                 ": Low precision dtypes not supported. Got ", A.scalar_type(), " (\"", op,
                 "_cpu\" not implemented for '", A.scalar_type(), "')");
}

void check_square(const char* op, const Tensor& A) {
  check_matrix(op, A);
  TAPER_CHECK_AS(ShapeError, A.size(-1) == A.size(-2), op,
                 ": A must be batches of square matrices, but they are ", A.size(-2), " by ",
                 A.size(-1), " matrices");
}

DimVector batch_sizes(const Tensor& A) {
  return DimVector(A.sizes().slice(0, static_cast<size_t>(A.dim() - 2)));
}

DimVector with_matrix(const DimVector& batch, int64_t rows, int64_t cols) {
  DimVector sizes(batch);
  sizes.push_back(rows);
  sizes.push_back(cols);
  return sizes;
}

Tensor in_column_order(const Tensor& A) {
  NoRecordGuard no_record;
  return A.detach().transpose(-2, -1).clone(MemoryFormat::Contiguous).transpose(-2, -1);
}

Tensor new_matrices(const char* op, const Tensor& A, int64_t rows, int64_t columns) {
  DimVector sizes = with_matrix(batch_sizes(A), columns, rows);
  DimVector strides = contiguous_strides(sizes);
  std::swap(sizes[sizes.size() - 1], sizes[sizes.size() - 2]);
  std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
  return Tensor(TensorImpl::make(op, sizes, strides, A.scalar_type(), nullptr, 0));
}

Tensor with_batch(const Tensor& t, const DimVector& batch) {
  return t.expand(with_matrix(batch, t.size(-2), t.size(-1)));
}

double default_rtol(const Tensor& A) {
  const bool single = toRealValueType(A.scalar_type()) == kFloat;
  const double precision = single ? static_cast<double>(std::numeric_limits<float>::epsilon())
                                  : std::numeric_limits<double>::epsilon();
  return static_cast<double>(std::max(A.size(-2), A.size(-1))) * precision;
}

Tensor new_vectors(const char* op, const Tensor& A, int64_t size, ScalarType dtype) {
  DimVector sizes = batch_sizes(A);
  if (size >= 0) sizes.push_back(size);
  Tensor out = new_tensor(op, sizes, dtype);
  NoRecordGuard no_record;
  out.zero_();
  return out;
}

void record_without_gradient(const char* op, const TensorArgs& outputs, const TensorArgs& inputs) {
  record(
      {.name = "NotImplemented", .outputs = outputs, .inputs = inputs, .backward = [op](Backward&) {
         throw Error(str(op, ": the derivative for '", op, "' is not implemented"));
       }});
}

void check_info(const Tensor& info, const Function<std::string(int64_t)>& what) {
  const int32_t* const codes = info.data_ptr<int32_t>();
  for (int64_t i = 0; i < info.numel(); ++i) {
    if (codes[i] == 0) continue;
    const std::string which = info.dim() == 0 ? "" : str("(Batch element ", i, "): ");
    throw Error(which + what(codes[i]));
  }
}

}  // namespace taper
