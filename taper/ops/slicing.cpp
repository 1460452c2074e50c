#include "taper/ops/slicing.h"

#include <algorithm>

#include "taper/ops/joining.h"
#include "taper/ops/strided.h"

namespace taper {
namespace {

DimVector without(IntArrayRef values, int64_t dim) {
  DimVector kept;
  for (size_t d = 0; d < values.size(); ++d) {
    if (static_cast<int64_t>(d) != dim) kept.push_back(values[d]);
  }
  return kept;
}

/// The stride of every step-th element. Where the product is none, one element is left at most.
int64_t stepped(int64_t stride, int64_t step) {
  int64_t product = 0;
  return __builtin_mul_overflow(stride, step, &product) ? stride : product;
}

/// start, start + step ... of a dimension, `size` of them; the arguments are in range.
Tensor slice_in_range(const Tensor& self, int64_t dim, int64_t start, int64_t size, int64_t step) {
  DimVector sizes(self.sizes()), strides(self.strides());
  const int64_t offset = self.storage_offset() + start * strides[dim];
  sizes[dim] = size;
  strides[dim] = stepped(strides[dim], step);
  Tensor out = make_view(self, sizes, strides, offset);
  if (needs_grad(self)) {
    record({.name = "SliceBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [dim, start, step](Backward& b) {
              DimVector strides = contiguous_strides(b.sizes(0));
              const int64_t offset = start * strides[dim];
              strides[dim] = stepped(strides[dim], step);
              b.set(0, put_strided(b.grad(), b.sizes(0), strides, offset));
            }});
  }
  return out;
}

}  // namespace

Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0,
                 "narrow: narrow() cannot be applied to a 0-dim tensor.");
  TAPER_CHECK_AS(ShapeError, length >= 0, "narrow: narrow(): length must be non-negative, got ",
                 length);
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  TAPER_CHECK_AS(IndexError, -size <= start && start <= size,
                 "narrow: start out of range (expected to be in range of [", -size, ", ", size,
                 "], but got ", start, ")");
  if (start < 0) start += size;
  TAPER_CHECK_AS(ShapeError, start <= size - length, "narrow: start (", start, ") + length (",
                 length, ") exceeds dimension size (", size, ").");
  return slice_in_range(self, dim, start, length, 1);
}

Tensor narrow(const Tensor& self, int64_t dim, const Tensor& start, int64_t length) {
  TAPER_CHECK(start.dim() == 0 && isIntegralType(start.scalar_type(), false),
              "narrow: start must be an 0-dim integral Tensor.");
  return narrow(self, dim, start.item<int64_t>(), length);
}

Tensor slice(const Tensor& self, int64_t dim, std::optional<int64_t> start,
             std::optional<int64_t> end, int64_t step) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0, "slice: slice() cannot be applied to a 0-dim tensor.");
  TAPER_CHECK(step > 0, "slice: slice step must be positive, got ", step);
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  const auto clamped = [size](int64_t at, int64_t low) {
    return std::clamp(at < 0 ? at + size : at, low, size);
  };
  const int64_t first = clamped(start.value_or(0), 0);
  const int64_t last = clamped(end.value_or(size), first);
  // Not (length + step - 1) / step: a huge step would overflow.
  const int64_t length = last - first;
  return slice_in_range(self, dim, first, length / step + (length % step != 0), step);
}

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
  TAPER_CHECK_AS(IndexError, self.dim() > 0,
                 "select: select() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  TAPER_CHECK_AS(IndexError, -size <= index && index < size, "select(): index ", index,
                 " out of range for tensor of size ", self.sizes(), " at dimension ", dim);
  if (index < 0) index += size;
  const int64_t offset = self.storage_offset() + index * self.strides()[dim];
  Tensor out = make_view(self, without(self.sizes(), dim), without(self.strides(), dim), offset);
  if (needs_grad(self)) {
    record({.name = "SelectBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [dim, index](Backward& b) {
              const DimVector strides = contiguous_strides(b.sizes(0));
              b.set(0,
                    put_strided(b.grad(), b.sizes(0), without(strides, dim), index * strides[dim]));
            }});
  }
  return out;
}

namespace {

struct Geometry {
  DimVector sizes, strides;
  int64_t offset = 0;
};

/// The diagonal's geometry in a tensor of these sizes and strides; the offset counts from its
/// first element.
Geometry diagonal_of(IntArrayRef sizes, IntArrayRef strides, int64_t offset, int64_t dim1,
                     int64_t dim2) {
  const int64_t up = std::max<int64_t>(offset, 0),
                down = -std::clamp<int64_t>(offset, -INT64_MAX, 0);
  const int64_t length = std::max<int64_t>(std::min(sizes[dim1] - down, sizes[dim2] - up), 0);
  Geometry g;
  for (int64_t d = 0; d < static_cast<int64_t>(sizes.size()); ++d) {
    if (d == dim1 || d == dim2) continue;
    g.sizes.push_back(sizes[d]);
    g.strides.push_back(strides[d]);
  }
  g.sizes.push_back(length);
  g.strides.push_back(strides[dim1] + strides[dim2]);
  if (length > 0) g.offset = down * strides[dim1] + up * strides[dim2];
  return g;
}

}  // namespace

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  dim1 = wrap_dim(dim1, self.dim());
  dim2 = wrap_dim(dim2, self.dim());
  TAPER_CHECK_AS(ShapeError, dim1 != dim2, "diagonal: diagonal dimensions cannot be identical ",
                 dim1, ", ", dim2);
  const Geometry g = diagonal_of(self.sizes(), self.strides(), offset, dim1, dim2);
  Tensor out = make_view(self, g.sizes, g.strides, self.storage_offset() + g.offset);
  if (needs_grad(self)) {
    record({.name = "DiagonalBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [offset, dim1, dim2](Backward& b) {
              const Geometry g =
                  diagonal_of(b.sizes(0), contiguous_strides(b.sizes(0)), offset, dim1, dim2);
              b.set(0, put_strided(b.grad(), b.sizes(0), g.strides, g.offset));
            }});
  }
  return out;
}

Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) {
  const int64_t dim = wrap_dim(dimension, self.dim());
  const int64_t extent = self.dim() == 0 ? 1 : self.sizes()[dim];
  TAPER_CHECK_AS(ShapeError, size >= 0 && size <= extent,
                 "unfold: maximum size for tensor at "
                 "dimension ",
                 dim, " is ", extent, " but size is ", size);
  TAPER_CHECK(step > 0, "unfold: step is ", step, " but must be > 0");
  DimVector sizes(self.sizes()), strides(self.strides());
  const int64_t stride = self.dim() == 0 ? 1 : strides[dim];
  if (self.dim() > 0) {
    sizes[dim] = (extent - size) / step + 1;
    strides[dim] = stepped(strides[dim], step);
  }
  sizes.push_back(size);
  strides.push_back(stride);
  Tensor out = make_view(self, sizes, strides, self.storage_offset());
  if (needs_grad(self)) {
    record({.name = "UnfoldBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [dim, step](Backward& b) {
              DimVector strides = contiguous_strides(b.sizes(0));
              const int64_t stride = strides.empty() ? 1 : strides[dim];
              if (!strides.empty()) strides[dim] = stepped(strides[dim], step);
              strides.push_back(stride);
              b.set(0, put_strided(b.grad(), b.sizes(0), strides, 0));
            }});
  }
  return out;
}

namespace {

int64_t reach(IntArrayRef sizes, IntArrayRef strides) {
  int64_t last = 0;
  for (size_t d = 0; d < sizes.size(); ++d) last += (sizes[d] - 1) * strides[d];
  return last;
}

/// The gradient passes through the memory that both geometries address.
Tensor as_strided_backward(const Tensor& grad, IntArrayRef sizes, const Geometry& from,
                           IntArrayRef strides, int64_t offset) {
  const int64_t begin = std::min(from.offset, offset);
  const int64_t end =
      std::max(from.offset + reach(sizes, from.strides), offset + reach(grad.sizes(), strides));
  if (grad.numel() == 0) return grad.new_zeros(sizes);
  const DimVector flat(1, end - begin + 1);
  const Tensor memory = put_strided(grad, flat, strides, offset - begin);
  Tensor result = take_strided(memory, sizes, from.strides, from.offset - begin);
  if (!has_internal_overlap(sizes, from.strides)) return result;
  // Elements of self that share memory share its gradient.
  const Tensor ones = grad.new_ones(sizes);
  const Tensor counts = take_strided(put_strided(ones, flat, from.strides, from.offset - begin),
                                     sizes, from.strides, from.offset - begin);
  result /= counts;
  return result;
}

}  // namespace

Tensor as_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride,
                  std::optional<int64_t> storage_offset) {
  const int64_t offset = storage_offset.value_or(self.storage_offset());
  const int64_t item = elementSize(self.scalar_type());
  checked_numel("as_strided", size, item);
  const int64_t bytes = checked_extent("as_strided", size, stride, offset, item);
  const size_t held = self.impl().storage()->nbytes();
  TAPER_CHECK_AS(ShapeError, bytes <= static_cast<int64_t>(held), "as_strided: setStorage: sizes ",
                 size, ", strides ", stride, ", storage offset ", offset, ", and itemsize ", item,
                 " requiring a storage size of ", bytes, " are out of bounds for storage of size ",
                 held);
  Tensor out = make_view(self, size, stride, offset);
  if (needs_grad(self)) {
    record({.name = "AsStridedBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [from = Geometry{{}, DimVector(self.strides()), self.storage_offset()},
                         strides = DimVector(stride), offset](Backward& b) {
              b.set(0, as_strided_backward(b.grad(), b.sizes(0), from, strides, offset));
            }});
  }
  return out;
}

namespace {

/// A view that is one of several of one node: PyTorch forbids to write it in place.
Tensor make_one_of(const Tensor& self, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  Tensor out = make_view(self, sizes, strides, offset);
  if (thread_state.grad_enabled) out.impl_ptr()->set_view_kind(ViewKind::kMultiOutput);
  return out;
}

}  // namespace

std::vector<Tensor> unbind(const Tensor& self, int64_t dim) {
  TAPER_CHECK_AS(IndexError, self.dim() > 0, "unbind: Dimension specified as ", dim,
                 " but tensor has no dimensions");
  dim = wrap_dim(dim, self.dim());
  const DimVector sizes = without(self.sizes(), dim), strides = without(self.strides(), dim);
  const int64_t count = self.sizes()[dim], step = self.strides()[dim];
  std::vector<Tensor> out;
  out.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    out.push_back(make_one_of(self, sizes, strides, self.storage_offset() + i * step));
  }
  if (count > 0 && needs_grad(self)) {
    record({.name = "UnbindBackward0",
            .outputs = out,
            .inputs = {self},
            .backward = [dim, count = out.size()](Backward& b) {
              std::vector<Tensor> grads;
              for (size_t i = 0; i < count; ++i) grads.push_back(grad_or_zeros(b, i));
              b.set(0, stack(grads, dim));
            }});
  }
  return out;
}

namespace {

/// Consecutive pieces of a dimension; the sizes sum to the dimension's.
std::vector<Tensor> split_into(const char* name, const Tensor& self, IntArrayRef pieces,
                               int64_t dim) {
  DimVector sizes(self.sizes());
  int64_t offset = self.storage_offset();
  std::vector<Tensor> out;
  out.reserve(pieces.size());
  for (int64_t piece : pieces) {
    sizes[dim] = piece;
    out.push_back(make_one_of(self, sizes, self.strides(), offset));
    offset += piece * self.strides()[dim];
  }
  if (!out.empty() && needs_grad(self)) {
    record({.name = name,
            .outputs = out,
            .inputs = {self},
            .backward = [dim, count = pieces.size()](Backward& b) {
              std::vector<Tensor> grads;
              for (size_t i = 0; i < count; ++i) grads.push_back(grad_or_zeros(b, i));
              b.set(0, cat(grads, dim));
            }});
  }
  return out;
}

}  // namespace

std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0,
                 "split: split expects at least a 1-dimensional tensor");
  TAPER_CHECK_AS(
      ShapeError, split_size >= 0,
      "split: split expects split_size be non-negative, but got split_size=", split_size);
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  TAPER_CHECK_AS(ShapeError, split_size > 0 || size == 0,
                 "split: split_size can only be 0 if dimension size is 0, but got dimension size "
                 "of ",
                 size);
  std::vector<int64_t> pieces;
  if (split_size == 0 || size == 0) pieces.push_back(0);
  for (int64_t at = 0; at < size; at += split_size) {
    pieces.push_back(std::min(split_size, size - at));
    if (split_size > size - at) break;  // at + split_size may overflow
  }
  return split_into("SplitBackward0", self, pieces, dim);
}

std::vector<Tensor> split_with_sizes(const Tensor& self, IntArrayRef split_sizes, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0,
                 "split_with_sizes: split expects at least a 1-dimensional tensor");
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  int64_t left = size;
  for (int64_t piece : split_sizes) {
    TAPER_CHECK_AS(ShapeError, piece >= 0,
                   "split_with_sizes: split_with_sizes expects split_sizes have only non-negative "
                   "entries, but got split_sizes=",
                   split_sizes);
    left = left < 0 || piece > left ? -1 : left - piece;
  }
  TAPER_CHECK_AS(ShapeError, left == 0,
                 "split_with_sizes: split_with_sizes expects split_sizes to sum exactly to ", size,
                 " (input tensor's size at dimension ", dim,
                 "), but got split_sizes=", split_sizes);
  return split_into("SplitWithSizesBackward0", self, split_sizes, dim);
}

std::vector<Tensor> split(const Tensor& self, IntArrayRef split_sizes, int64_t dim) {
  return split_with_sizes(self, split_sizes, dim);
}

std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0,
                 "chunk: chunk expects at least a 1-dimensional tensor");
  TAPER_CHECK(chunks > 0, "chunk: chunk expects `chunks` to be greater than 0, got: ", chunks);
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  if (size == 0) {
    const std::vector<int64_t> pieces(static_cast<size_t>(chunks), 0);
    return split_into("SplitWithSizesBackward0", self, pieces, dim);
  }
  return split(self, size / chunks + (size % chunks != 0), dim);
}

namespace {
/// Beyond the size of the dimension parts are empty; there is no sense in filling memory with them.
constexpr int64_t kMostEmptyParts = 100000;
}  // namespace

std::vector<Tensor> unsafe_split(const Tensor& self, int64_t split_size, int64_t dim) {
  return split(self, split_size, dim);
}
std::vector<Tensor> unsafe_split_with_sizes(const Tensor& self, IntArrayRef split_sizes,
                                            int64_t dim) {
  return split_with_sizes(self, split_sizes, dim);
}
std::vector<Tensor> unsafe_chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  return chunk(self, chunks, dim);
}

std::vector<Tensor> tensor_split(const Tensor& self, int64_t sections, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0,
                 "tensor_split: tensor_split expected at least a 1-dimensional tensor, but got a "
                 "tensor with 0 dims");
  dim = wrap_dim(dim, self.dim());
  TAPER_CHECK(sections > 0, "tensor_split: number of sections must be larger than 0, got ",
              sections);
  const int64_t size = self.sizes()[dim];
  TAPER_CHECK(sections <= std::max(size, kMostEmptyParts), "tensor_split: number of sections ",
              sections, " is too large for a dimension of size ", size);
  // Slices, as for indices: these views may be written in place.
  std::vector<Tensor> parts;
  int64_t start = 0;
  for (int64_t i = 0; i < sections; ++i) {
    const int64_t length = size / sections + (i < size % sections);
    parts.push_back(narrow(self, dim, start, length));
    start += length;
  }
  return parts;
}

std::vector<Tensor> tensor_split(const Tensor& self, IntArrayRef indices, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0,
                 "tensor_split: tensor_split expected at least a 1-dimensional tensor, but got a "
                 "tensor with 0 dims");
  dim = wrap_dim(dim, self.dim());
  std::vector<Tensor> parts;
  int64_t start = 0;
  for (const int64_t index : indices) {
    parts.push_back(slice(self, dim, start, index));
    start = index;
  }
  parts.push_back(slice(self, dim, start));
  return parts;
}

std::vector<Tensor> tensor_split(const Tensor& self, const Tensor& tensor_indices_or_sections,
                                 int64_t dim) {
  const Tensor& given = tensor_indices_or_sections;
  TAPER_CHECK_AS(DTypeError, given.scalar_type() == kLong,
                 "tensor_split: tensor_split expected tensor_indices_or_sections to have dtype of "
                 "long, but got ",
                 given.scalar_type());
  TAPER_CHECK_AS(ShapeError, given.dim() <= 1,
                 "tensor_split: tensor_split expected tensor_indices_or_sections to be a "
                 "zero-dimensional or one-dimensional tensor, but got a tensor with ",
                 given.dim(), " dims");
  if (given.dim() == 0) return tensor_split(self, given.item<int64_t>(), dim);
  const Tensor indices = given.contiguous();
  return tensor_split(self, {indices.data_ptr<int64_t>(), static_cast<size_t>(indices.numel())},
                      dim);
}

namespace {

/// The dimension that hsplit, vsplit and dsplit cut.
int64_t stacking_dim(const char* op, const Tensor& self, int64_t least, int64_t dim) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= least, op, ": torch.", op,
                 " requires a tensor with at least ", least, " dimension, but got a tensor with ",
                 self.dim(), " dimensions!");
  return self.dim() == 1 ? 0 : dim;
}

std::vector<Tensor> split_evenly(const char* op, const Tensor& self, int64_t sections,
                                 int64_t dim) {
  TAPER_CHECK_AS(ShapeError, sections != 0 && self.sizes()[dim] % sections == 0, op, ": torch.", op,
                 " attempted to split along dimension ", dim, ", but the size of the dimension ",
                 self.sizes()[dim], " is not divisible by the split_size ", sections, "!");
  return tensor_split(self, sections, dim);
}

}  // namespace

std::vector<Tensor> hsplit(const Tensor& self, int64_t sections) {
  return split_evenly("hsplit", self, sections, stacking_dim("hsplit", self, 1, 1));
}
std::vector<Tensor> hsplit(const Tensor& self, IntArrayRef indices) {
  return tensor_split(self, indices, stacking_dim("hsplit", self, 1, 1));
}
std::vector<Tensor> vsplit(const Tensor& self, int64_t sections) {
  return split_evenly("vsplit", self, sections, stacking_dim("vsplit", self, 2, 0));
}
std::vector<Tensor> vsplit(const Tensor& self, IntArrayRef indices) {
  return tensor_split(self, indices, stacking_dim("vsplit", self, 2, 0));
}
std::vector<Tensor> dsplit(const Tensor& self, int64_t sections) {
  return split_evenly("dsplit", self, sections, stacking_dim("dsplit", self, 3, 2));
}
std::vector<Tensor> dsplit(const Tensor& self, IntArrayRef indices) {
  return tensor_split(self, indices, stacking_dim("dsplit", self, 3, 2));
}

}  // namespace taper
