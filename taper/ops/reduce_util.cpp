#include "taper/ops/reduce_util.h"

#include "taper/ops/creation.h"
#include "taper/ops/scatter.h"
#include "taper/ops/view.h"

namespace taper {

uint64_t reduced_dims(const char* op, IntArrayRef dims, int64_t rank) {
  if (dims.empty()) return ~uint64_t{0};
  uint64_t mask = 0;
  for (int64_t dim : dims) {
    const int64_t d = wrap_dim(dim, rank);
    TAPER_CHECK_AS(ShapeError, !(mask >> d & 1), op, ": dim ", d,
                   " appears multiple times in the list of dims");
    mask |= uint64_t{1} << d;
  }
  return mask;
}

DimVector reduced_sizes(IntArrayRef sizes, uint64_t dims, bool keepdim) {
  DimVector out;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (!(dims >> d & 1)) {
      out.push_back(sizes[d]);
    } else if (keepdim) {
      out.push_back(1);
    }
  }
  return out;
}

int64_t reduced_count(IntArrayRef sizes, uint64_t dims) {
  int64_t n = 1;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (dims >> d & 1) n *= sizes[d];
  }
  return n;
}

Tensor with_reduced_dims(const Tensor& grad, uint64_t dims, bool keepdim, int64_t rank) {
  if (keepdim || grad.dim() == rank) return grad;
  Tensor out = grad;
  for (int64_t d = 0; d < rank; ++d) {
    if (dims >> d & 1) out = unsqueeze(out, d);
  }
  return out;
}

Tensor expand_reduced(const Tensor& grad, uint64_t dims, bool keepdim, IntArrayRef sizes) {
  // A number expands to anything.
  if (grad.dim() == 0) return expand(grad, sizes);
  return expand(with_reduced_dims(grad, dims, keepdim, static_cast<int64_t>(sizes.size())), sizes);
}

void check_nonempty(const char* op, IntArrayRef sizes, uint64_t dims) {
  for (size_t d = 0; d < sizes.size(); ++d) {
    TAPER_CHECK_AS(IndexError, !(dims >> d & 1) || sizes[d] != 0, op, "(): Expected reduction dim ",
                   d, " to have non-zero size, got sizes ", sizes);
  }
}

void record_choice(const char* node, const Tensor& values, const Tensor& indices,
                   const Tensor& self, int64_t dim, bool keepdim) {
  record({.name = node,
          .outputs = {values},
          .inputs = {self},
          .save = {indices},
          .backward = [dim, keepdim](Backward& g) {
            const int64_t rank = static_cast<int64_t>(g.sizes(0).size());
            const uint64_t dims = uint64_t{1} << dim;
            const Tensor index = with_reduced_dims(g.saved(0), dims, keepdim, rank);
            const Tensor grad = with_reduced_dims(g.grad(), dims, keepdim, rank);
            g.set(0, zeros(g.sizes(0), grad.options()).scatter(dim, index, grad));
          }});
}

DimVector dims_of(uint64_t dims, int64_t rank) {
  DimVector out;
  for (int64_t d = 0; d < rank; ++d) {
    if (dims >> d & 1) out.push_back(d);
  }
  return out;
}

}  // namespace taper
