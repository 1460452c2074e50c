#include "taper/ops/extremum.h"

#include "taper/kernel/reduction.h"
#include "taper/ops/bodies.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/reduce_util.h"

namespace taper {
namespace {

void check_any(const char* op, const Tensor& self) {
  TAPER_CHECK_AS(IndexError, self.numel() != 0, op,
                 "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                 "reduction dim with the 'dim' argument.");
}

/// The gradient goes to the elements that equal the result, in equal shares.
void share_among_ties(Backward& g, uint64_t dims, bool keepdim) {
  const Tensor& self = g.saved(0);
  const Tensor result = with_reduced_dims(g.saved(1), dims, keepdim, self.dim());
  Tensor hits = self.eq(result);
  // NaN equals nothing: where the result is NaN, the NaN elements are its ties.
  hits = hits.logical_or(self.ne(self).logical_and(result.ne(result)));
  const Tensor mask = hits.to(g.grad().scalar_type());
  const Tensor grad = with_reduced_dims(g.grad(), dims, keepdim, self.dim());
  g.set(0, mask.mul(grad.div(mask.sum(dims_of(dims, self.dim()), true))));
}

Tensor extremum(const Out& out, const char* op, const char* node, const Tensor& self, uint64_t dims,
                bool keepdim, ReduceOp what) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  check_nonempty(op, self.sizes(), dims);
  Tensor result =
      out.make(op, reduced_sizes(self.sizes(), dims, keepdim), self.scalar_type(), {self});
  reduce_kernel(self.device(), out_view(result), in(self), dims, what);
  const bool needed = needs_grad(self);
  record({.name = node,
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed, result)},
          .backward = [dims, keepdim](Backward& g) { share_among_ties(g, dims, keepdim); }});
  return result;
}

std::tuple<Tensor, Tensor> with_index(const char* op, const char* node, const Tensor& self,
                                      int64_t dim, bool keepdim, bool largest) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  const int64_t d = wrap_dim(dim, self.dim());
  const uint64_t dims = uint64_t{1} << d;
  check_nonempty(op, self.sizes(), dims);
  const DimVector sizes = reduced_sizes(self.sizes(), dims, keepdim);
  const Tensor values = new_tensor(op, sizes, self.scalar_type());
  const Tensor indices = new_tensor(op, sizes, kLong);
  max_with_index_kernel(self.device(), out_view(values), out_view(indices), in(self), dims,
                        largest);
  record_choice(node, values, indices, self, d, keepdim);
  return {values, indices};
}

Tensor position(const char* op, const Tensor& self, std::optional<int64_t> dim, bool keepdim,
                bool largest) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  uint64_t dims = ~uint64_t{0};
  if (dim) {
    dims = uint64_t{1} << wrap_dim(*dim, self.dim());
    check_nonempty(op, self.sizes(), dims);
  } else {
    check_any(op, self);
  }
  Tensor indices = new_tensor(op, reduced_sizes(self.sizes(), dims, keepdim), kLong);
  max_with_index_kernel(self.device(), View(), out_view(indices), in(self), dims, largest);
  return indices;
}

constexpr uint64_t kAllDims = ~uint64_t{0};

}  // namespace

Tensor max(const Tensor& self) {
  check_any("max", self);
  return extremum(Out(), "max", "MaxBackward1", self, kAllDims, false, ReduceOp::amax);
}
Tensor min(const Tensor& self) {
  check_any("min", self);
  return extremum(Out(), "min", "MinBackward1", self, kAllDims, false, ReduceOp::amin);
}
std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim) {
  return with_index("max", "MaxBackward0", self, dim, keepdim, true);
}
std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim) {
  return with_index("min", "MinBackward0", self, dim, keepdim, false);
}
std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  if (!dim) check_any("aminmax", self);
  const IntArrayRef dims = dim ? IntArrayRef(*dim) : IntArrayRef();
  return {amin(self, dims, keepdim), amax(self, dims, keepdim)};
}
Tensor argmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return position("argmax", self, dim, keepdim, true);
}
Tensor argmin(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return position("argmin", self, dim, keepdim, false);
}

namespace body {

Tensor max(Out out, const Tensor& self, const Tensor& other) { return maximum(out, self, other); }
Tensor min(Out out, const Tensor& self, const Tensor& other) { return minimum(out, self, other); }

Tensor amax(Out out, const Tensor& self, IntArrayRef dim, bool keepdim) {
  return extremum(out, "amax", "AmaxBackward0", self, reduced_dims("amax", dim, self.dim()),
                  keepdim, ReduceOp::amax);
}
Tensor amin(Out out, const Tensor& self, IntArrayRef dim, bool keepdim) {
  return extremum(out, "amin", "AminBackward0", self, reduced_dims("amin", dim, self.dim()),
                  keepdim, ReduceOp::amin);
}

}  // namespace body
}  // namespace taper
