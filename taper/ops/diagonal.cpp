#include "taper/ops/diagonal.h"

#include <algorithm>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/op_util.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// A copy of self with src written to a part of it; the graph sees the write.
template <class Part>
Tensor scattered(const char* op, const Tensor& self, const Tensor& src, Part part) {
  Tensor out = self.clone();
  Tensor slot = part(out);
  TAPER_CHECK_AS(ShapeError, slot.sizes() == src.sizes(), op,
                 ": expected src to have a size equal to the slice of self. src size = ",
                 src.sizes(), ", slice size = ", slot.sizes());
  slot.copy_(src);
  return out;
}

}  // namespace

Tensor diag(const Tensor& self, int64_t diagonal) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 1 || self.dim() == 2,
                 "diag: Supports 1D or 2D tensors. Got ", self.dim(), "D");
  if (self.dim() == 1) return diag_embed(self, diagonal);
  return self.diagonal(diagonal).clone(MemoryFormat::Contiguous);
}

Tensor diagflat(const Tensor& self, int64_t offset) { return diag_embed(self.flatten(), offset); }

Tensor diag_embed(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  const int64_t rank = self.dim() + 1;
  TAPER_CHECK_AS(ShapeError, self.dim() >= 1,
                 "diag_embed: expected a tensor with at least one dimension");
  const int64_t first = wrap_dim(dim1, rank), second = wrap_dim(dim2, rank);
  TAPER_CHECK_AS(ShapeError, first != second,
                 "diag_embed: diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  const int64_t n = self.sizes()[rank - 2];
  int64_t size = 0;
  TAPER_CHECK_AS(ShapeError,
                 offset >= -(int64_t{1} << 59) && offset <= (int64_t{1} << 59) &&
                     !__builtin_add_overflow(n, std::max(offset, -offset), &size),
                 "diag_embed: offset ", offset, " is out of range");
  DimVector sizes(self.sizes().slice(0, static_cast<size_t>(rank - 2)));
  sizes.insert(sizes.begin() + std::min(first, second), size);
  sizes.insert(sizes.begin() + std::max(first, second), size);
  Tensor out = self.new_zeros(sizes);
  out.diagonal(offset, first, second).copy_(self);
  return out;
}

Tensor& fill_diagonal_(Tensor& self, const Scalar& fill_value, bool wrap) {
  const int64_t rank = self.dim();
  TAPER_CHECK_AS(ShapeError, rank >= 2, "fill_diagonal_: dimensions must larger than 1");
  int64_t least = self.sizes()[0], step = 0;
  for (int64_t d = 0; d < rank; ++d) {
    TAPER_CHECK_AS(ShapeError, rank == 2 || self.sizes()[d] == self.sizes()[0],
                   "fill_diagonal_: all dimensions of input must be of equal length, got sizes ",
                   self.sizes());
    least = std::min(least, self.sizes()[d]);
    step += self.strides()[d];
  }
  self.as_strided(least, step, self.storage_offset()).fill_(fill_value);
  // A tall matrix: further diagonals begin n + 1 rows below each other.
  const int64_t columns = self.sizes()[1];
  for (int64_t row = columns + 1; wrap && rank == 2 && columns > 0 && row < self.sizes()[0];
       row += columns + 1) {
    self.narrow(0, row, self.sizes()[0] - row).diagonal().fill_(fill_value);
  }
  return self;
}

Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1,
                        int64_t dim2) {
  return scattered("diagonal_scatter", self, src,
                   [&](const Tensor& t) { return t.diagonal(offset, dim1, dim2); });
}
Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) {
  return scattered("select_scatter", self, src,
                   [&](const Tensor& t) { return t.select(dim, index); });
}
Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim,
                     std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  return scattered("slice_scatter", self, src,
                   [&](const Tensor& t) { return t.slice(dim, start, end, step); });
}
Tensor as_strided_scatter(const Tensor& self, const Tensor& src, IntArrayRef size,
                          IntArrayRef stride, std::optional<int64_t> storage_offset) {
  return scattered("as_strided_scatter", self, src,
                   [&](const Tensor& t) { return t.as_strided(size, stride, storage_offset); });
}

}  // namespace taper
