#include "taper/ops/view.h"

#include <utility>

#include "taper/autograd/forward.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"
#include "taper/kernel/reduction.h"
#include "taper/ops/reduce_util.h"
#include "taper/ops/slicing.h"
#include "taper/ops/strided.h"

namespace taper {
namespace {

/// Records a view whose gradient is the same elements in the input's sizes.
void record_reshaped(const char* name, const Tensor& out, const Tensor& self) {
  if (!needs_grad(self)) return;
  record({.name = name, .outputs = {out}, .inputs = {self}, .backward = [](Backward& b) {
            b.set(0, b.grad().reshape(b.sizes(0)));
          }});
}

Tensor view_with_strides(const char* name, const Tensor& self, IntArrayRef sizes,
                         IntArrayRef strides) {
  Tensor out = make_view(self, sizes, strides, self.storage_offset());
  record_reshaped(name, out, self);
  return out;
}

}  // namespace

Tensor view(const Tensor& self, IntArrayRef size) {
  const DimVector sizes = infer_size(size, self.numel());
  if (self.impl().is_contiguous()) [[likely]] {
    return view_with_strides("ViewBackward0", self, sizes, contiguous_strides(sizes));
  }
  const std::optional<DimVector> strides =
      view_strides(self.sizes(), self.strides(), sizes, self.numel());
  TAPER_CHECK_AS(ShapeError, strides.has_value(),
                 "view: view size is not compatible with input tensor's size and stride (at least "
                 "one dimension spans across two contiguous subspaces). Use .reshape(...) "
                 "instead. Got sizes ",
                 self.sizes(), ", strides ", self.strides(), ", expected ", sizes);
  return view_with_strides("ViewBackward0", self, sizes, *strides);
}

namespace {

/// Sizes, strides and offset, counted in elements of another size.
struct Retyped {
  DimVector sizes, strides;
  int64_t offset;
};

Retyped retype(const Tensor& self, ScalarType dtype) {
  const int64_t from = elementSize(self.scalar_type()), to = elementSize(dtype);
  Retyped r{DimVector(self.sizes()), DimVector(self.strides()), self.storage_offset()};
  if (from == to) return r;
  const char* const which = " (different element sizes)";
  TAPER_CHECK_AS(ShapeError, self.dim() > 0, "view: self.dim() cannot be 0 to view ",
                 self.scalar_type(), " as ", dtype, which);
  TAPER_CHECK_AS(ShapeError, self.stride(-1) == 1, "view: self.stride(-1) must be 1 to view ",
                 self.scalar_type(), " as ", dtype, which, ", but got ", self.stride(-1));
  if (from > to) {
    const int64_t ratio = from / to;
    for (int64_t& stride : r.strides) stride *= ratio;
    r.strides.back() = 1;
    r.sizes.back() *= ratio;
    r.offset *= ratio;
    return r;
  }
  const int64_t ratio = to / from;
  TAPER_CHECK_AS(ShapeError, self.size(-1) % ratio == 0,
                 "view: self.size(-1) must be divisible by ", ratio, " to view ",
                 self.scalar_type(), " as ", dtype, which, ", but got ", self.size(-1));
  TAPER_CHECK_AS(ShapeError, r.offset % ratio == 0,
                 "view: self.storage_offset() must be divisible by ", ratio, " to view ",
                 self.scalar_type(), " as ", dtype, which, ", but got ", r.offset);
  for (size_t d = 0; d + 1 < r.strides.size(); ++d) {
    TAPER_CHECK_AS(ShapeError, r.strides[d] % ratio == 0, "view: self.stride(", d,
                   ") must be divisible by ", ratio, " to view ", self.scalar_type(), " as ", dtype,
                   which, ", but got ", r.strides[d]);
    r.strides[d] /= ratio;
  }
  r.sizes.back() /= ratio;
  r.offset /= ratio;
  return r;
}

}  // namespace

Tensor view(const Tensor& self, ScalarType dtype) {
  if (dtype == self.scalar_type()) return self.view(self.sizes());
  const Retyped r = retype(self, dtype);
  return Tensor(
      TensorImpl::make("view", r.sizes, r.strides, dtype, self.impl().storage(), r.offset));
}

Tensor view_as(const Tensor& self, const Tensor& other) { return view(self, other.sizes()); }

Tensor reshape(const Tensor& self, IntArrayRef shape) {
  const DimVector sizes = infer_size(shape, self.numel());
  if (self.impl().is_contiguous()) [[likely]] {
    return view_with_strides("ViewBackward0", self, sizes, contiguous_strides(sizes));
  }
  const std::optional<DimVector> strides =
      view_strides(self.sizes(), self.strides(), sizes, self.numel());
  if (strides) return view_with_strides("ViewBackward0", self, sizes, *strides);
  return self.clone(MemoryFormat::Contiguous).view(sizes);
}

Tensor reshape_as(const Tensor& self, const Tensor& other) { return reshape(self, other.sizes()); }

Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
  start_dim = wrap_dim(start_dim, self.dim());
  end_dim = wrap_dim(end_dim, self.dim());
  TAPER_CHECK_AS(ShapeError, start_dim <= end_dim,
                 "flatten: flatten() has invalid args: start_dim cannot come after end_dim, got ",
                 start_dim, " and ", end_dim);
  if (self.dim() == 0) return reshape(self, {1});
  if (start_dim == end_dim) return self;
  DimVector sizes;
  int64_t merged = 1;
  for (int64_t d = 0; d < self.dim(); ++d) {
    const int64_t size = self.sizes()[d];
    if (d < start_dim || d > end_dim) {
      sizes.push_back(size);
    } else {
      merged *= size;
      if (d == end_dim) sizes.push_back(merged);
    }
  }
  return reshape(self, sizes);
}

Tensor unflatten(const Tensor& self, int64_t dim, IntArrayRef sizes) {
  TAPER_CHECK_AS(ShapeError, !sizes.empty(), "unflatten: sizes must be non-empty");
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.size(dim);
  int64_t known = 1, inferred = 0;
  bool fits = true;
  for (int64_t s : sizes) {
    inferred += s == -1;
    fits = fits && s >= -1 && (s == -1 || !__builtin_mul_overflow(known, s, &known));
  }
  fits = fits && (inferred > 0 ? known != 0 && size % known == 0 : known == size);
  TAPER_CHECK_AS(ShapeError, fits, "unflatten: Provided sizes ", sizes,
                 " don't multiply up to the size of dim ", dim, " (", size,
                 ") in the input tensor");
  DimVector shape;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d != dim) shape.push_back(self.sizes()[d]);
    if (d == dim) {
      const DimVector split = infer_size(sizes, size);
      for (int64_t s : split) shape.push_back(s);
    }
  }
  return view(self, shape);
}

Tensor ravel(const Tensor& self) { return self.contiguous().view(-1); }

Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
  dim0 = wrap_dim(dim0, self.dim());
  dim1 = wrap_dim(dim1, self.dim());
  DimVector sizes(self.sizes()), strides(self.strides());
  if (dim0 != dim1) {
    std::swap(sizes[dim0], sizes[dim1]);
    std::swap(strides[dim0], strides[dim1]);
  }
  Tensor out = make_view(self, sizes, strides, self.storage_offset());
  if (needs_grad(self)) {
    record({.name = "TransposeBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [dim0, dim1](Backward& b) { b.set(0, b.grad().transpose(dim0, dim1)); }});
  }
  return out;
}

Tensor swapaxes(const Tensor& self, int64_t axis0, int64_t axis1) {
  return transpose(self, axis0, axis1);
}

Tensor swapdims(const Tensor& self, int64_t dim0, int64_t dim1) {
  return transpose(self, dim0, dim1);
}

Tensor t(const Tensor& self) {
  TAPER_CHECK_AS(ShapeError, self.dim() <= 2,
                 "t: t() expects a tensor with <= 2 dimensions, but self is ", self.dim(), "D");
  return transpose(self, 0, self.dim() < 2 ? 0 : 1);
}

Tensor mT(const Tensor& self) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2,
                 "tensor.mT is only supported on matrices or batches of matrices. Got ", self.dim(),
                 "-D tensor.");
  return transpose(self, -2, -1);
}

Tensor numpy_T(const Tensor& self) {
  DimVector dims;
  for (int64_t d = self.dim(); d-- > 0;) dims.push_back(d);
  return permute(self, dims);
}

Tensor permute(const Tensor& self, IntArrayRef dims) {
  const int64_t rank = self.dim();
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(dims.size()) == rank,
                 "permute(sparse_coo): number of dimensions in the tensor input does not match "
                 "the length of the desired ordering of dimensions i.e. input.dim() = ",
                 rank, " is not equal to len(dims) = ", dims.size());
  DimVector sizes, strides;
  uint64_t seen = 0, inverse = 0;  // inverse: 4 bits for each dimension, for up to 16 of them
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t d = wrap_dim(dims[i], rank);
    TAPER_CHECK_AS(ShapeError, (seen >> d & 1) == 0,
                   "permute: permute(): duplicate dims are not allowed, got ", dims);
    seen |= uint64_t{1} << d;
    if (rank <= 16) inverse |= static_cast<uint64_t>(i) << (4 * d);
    sizes.push_back(self.sizes()[d]);
    strides.push_back(self.strides()[d]);
  }
  Tensor out = make_view(self, sizes, strides, self.storage_offset());
  if (!needs_grad(self)) return out;
  if (rank <= 16) {
    record({.name = "PermuteBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [inverse](Backward& b) {
              DimVector back;
              for (int64_t d = 0; d < b.grad().dim(); ++d) {
                back.push_back(static_cast<int64_t>(inverse >> (4 * d) & 15));
              }
              b.set(0, b.grad().permute(back));
            }});
  } else {
    DimVector back(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) {
      back[wrap_dim(dims[i], rank)] = static_cast<int64_t>(i);
    }
    record({.name = "PermuteBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [back](Backward& b) { b.set(0, b.grad().permute(back)); }});
  }
  return out;
}

Tensor movedim(const Tensor& self, IntArrayRef source, IntArrayRef destination) {
  TAPER_CHECK_AS(ShapeError, source.size() == destination.size(),
                 "movedim: Invalid source or destination dims: source (", source,
                 " dims) should contain the same number of dims as destination (", destination,
                 " dims)");
  const int64_t rank = self.dim();
  DimVector order(rank, -1);
  uint64_t moved = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    const int64_t from = wrap_dim(source[i], rank), to = wrap_dim(destination[i], rank);
    TAPER_CHECK_AS(ShapeError, (moved >> from & 1) == 0, "movedim: repeated dim in `source` (",
                   source, ")");
    TAPER_CHECK_AS(ShapeError, rank == 0 || order[to] < 0,
                   "movedim: repeated dim in `destination` (", destination, ")");
    moved |= uint64_t{1} << from;
    if (rank > 0) order[to] = from;
  }
  int64_t next = 0;
  for (int64_t& d : order) {
    if (d >= 0) continue;
    while (moved >> next & 1) ++next;
    d = next++;
  }
  return permute(self, order);
}

Tensor movedim(const Tensor& self, int64_t source, int64_t destination) {
  return movedim(self, IntArrayRef(source), IntArrayRef(destination));
}

Tensor moveaxis(const Tensor& self, IntArrayRef source, IntArrayRef destination) {
  return movedim(self, source, destination);
}
Tensor moveaxis(const Tensor& self, int64_t source, int64_t destination) {
  return movedim(self, source, destination);
}

Tensor expand(const Tensor& self, IntArrayRef size, bool) {
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(size.size()) >= self.dim(), "expand(",
                 toString(self.scalar_type()), self.sizes(), ", size=", size,
                 "): the number of sizes provided (", size.size(),
                 ") must be greater or equal to the number of dimensions in the tensor (",
                 self.dim(), ")");
  DimVector sizes, strides;
  expand_strides(self.sizes(), self.strides(), size, sizes, strides);
  Tensor out = make_view(self, sizes, strides, self.storage_offset());
  if (needs_grad(self)) {
    record({.name = "ExpandBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [](Backward& b) { b.set(0, b.grad().sum_to_size(b.sizes(0))); }});
  }
  return out;
}

Tensor expand_as(const Tensor& self, const Tensor& other) { return expand(self, other.sizes()); }

Tensor broadcast_to(const Tensor& self, IntArrayRef size) { return expand(self, size); }

std::vector<Tensor> broadcast_tensors(TensorList tensors) {
  DimVector sizes;
  for (const Tensor& t : tensors) sizes = broadcast_sizes(sizes, t.sizes());
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(t.sizes() == sizes ? t : expand(t, sizes));
  return out;
}

Tensor sum_to_size(const Tensor& self, IntArrayRef size) {
  TAPER_CHECK_AS(ShapeError, is_expandable_to(size, self.sizes()), "sum_to_size: size {", size,
                 "} is not expandable to size {", self.sizes(), "}.");
  // To no dimensions is a sum, which counts truth values.
  if (self.sizes() == size) return size.empty() ? self.sum() : self;
  int64_t numel = 1;
  for (int64_t n : size) numel *= n;
  // Only dimensions of size 1 go: nothing to add up.
  const bool keeps_type = isDifferentiableType(self.scalar_type());
  if (numel == self.numel() && keeps_type) return self.reshape(size);
  const int64_t lead = self.dim() - static_cast<int64_t>(size.size());
  DimVector kept(self.dim(), 1);
  uint64_t dims = 0;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d >= lead) kept[d] = size[d - lead];
    if (d < lead || kept[d] != self.sizes()[d]) dims |= uint64_t{1} << d;
  }
  if (self.is_complex()) return self.sum(dims_of(dims, self.dim()), true).reshape(size);
  const ScalarType dtype = keeps_type ? self.scalar_type() : kLong;
  Tensor out = new_tensor("sum_to_size", size, dtype);
  const TensorImplPtr wide = TensorImpl::make("sum_to_size", kept, contiguous_strides(kept), dtype,
                                              out.impl().storage(), 0);
  reduce_kernel(out.device(), View(wide.get()), in(self), dims, ReduceOp::sum);
  if (needs_grad(self)) {
    record(
        {.name = "SumBackward1", .outputs = {out}, .inputs = {self}, .backward = [](Backward& b) {
           b.set(0, b.grad().expand(b.sizes(0)));
         }});
  }
  return out;
}

namespace {

/// Without the dimensions of size 1 whose bit is set.
Tensor squeeze_dims(const char* name, const Tensor& self, uint64_t dims) {
  DimVector sizes, strides;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (self.sizes()[d] == 1 && (dims >> d & 1)) continue;
    sizes.push_back(self.sizes()[d]);
    strides.push_back(self.strides()[d]);
  }
  return view_with_strides(name, self, sizes, strides);
}

/// Sizes and strides with a new dimension of size 1.
std::pair<DimVector, DimVector> unsqueezed(const Tensor& self, int64_t dim) {
  DimVector sizes(self.sizes()), strides(self.strides());
  const int64_t stride = dim < self.dim() ? sizes[dim] * strides[dim] : 1;
  sizes.insert(sizes.begin() + dim, 1);
  strides.insert(strides.begin() + dim, stride);
  return {sizes, strides};
}

/// Gives self itself the geometry of a view of it.
Tensor& take_geometry(const char* op, Tensor& self, const Tensor& viewed) {
  check_inplace(op, self.impl(), false);
  // A tensor saved for backward may be this very object.
  self.impl().bump_version();
  const Edge edge = GradMode::is_enabled() ? gradient_edge(viewed.impl()) : Edge();
  const Tensor tangent = tangent_of(viewed.impl());
  self.impl_ptr()->set_geometry(op, viewed.sizes(), viewed.strides(), viewed.storage_offset());
  if (edge.valid()) set_history(self.impl(), edge.node, edge.output_nr);
  if (tangent.defined()) set_tangent(self.impl(), tangent);
  return self;
}

}  // namespace

Tensor squeeze(const Tensor& self) { return squeeze_dims("SqueezeBackward0", self, ~uint64_t{0}); }

Tensor squeeze(const Tensor& self, int64_t dim) {
  return squeeze_dims("SqueezeBackward1", self, uint64_t{1} << wrap_dim(dim, self.dim()));
}

Tensor squeeze(const Tensor& self, IntArrayRef dim) {
  uint64_t dims = 0;
  for (int64_t d : dim) {
    const int64_t wrapped = wrap_dim(d, self.dim());
    TAPER_CHECK_AS(ShapeError, (dims >> wrapped & 1) == 0, "squeeze: dim ", wrapped,
                   " appears multiple times in the list of dims");
    dims |= uint64_t{1} << wrapped;
  }
  return squeeze_dims("SqueezeBackward2", self, dims);
}

Tensor unsqueeze(const Tensor& self, int64_t dim) {
  dim = wrap_dim(dim, self.dim() + 1);
  const auto [sizes, strides] = unsqueezed(self, dim);
  return view_with_strides("UnsqueezeBackward0", self, sizes, strides);
}

Tensor atleast_1d(const Tensor& self) { return self.dim() == 0 ? self.unsqueeze(0) : self; }
Tensor atleast_2d(const Tensor& self) {
  return self.dim() < 2 ? atleast_1d(self).unsqueeze(0) : self;
}
Tensor atleast_3d(const Tensor& self) {
  return self.dim() < 3 ? atleast_2d(self).unsqueeze(-1) : self;
}

namespace {

std::vector<Tensor> each(TensorList tensors, Tensor (*f)(const Tensor&)) {
  std::vector<Tensor> results;
  for (const Tensor& t : tensors) results.push_back(f(t));
  return results;
}

}  // namespace

std::vector<Tensor> atleast_1d(TensorList tensors) { return each(tensors, atleast_1d); }
std::vector<Tensor> atleast_2d(TensorList tensors) { return each(tensors, atleast_2d); }
std::vector<Tensor> atleast_3d(TensorList tensors) { return each(tensors, atleast_3d); }

Tensor& swapaxes_(Tensor& self, int64_t axis0, int64_t axis1) {
  return transpose_(self, axis0, axis1);
}
Tensor& swapdims_(Tensor& self, int64_t dim0, int64_t dim1) { return transpose_(self, dim0, dim1); }

Tensor& transpose_(Tensor& self, int64_t dim0, int64_t dim1) {
  return take_geometry("transpose_", self, transpose(self, dim0, dim1));
}

Tensor& as_strided_(Tensor& self, IntArrayRef size, IntArrayRef stride,
                    std::optional<int64_t> storage_offset) {
  return take_geometry("as_strided_", self, as_strided(self, size, stride, storage_offset));
}

Tensor& t_(Tensor& self) { return take_geometry("t_", self, t(self)); }

Tensor& squeeze_(Tensor& self) { return take_geometry("squeeze_", self, squeeze(self)); }

Tensor& squeeze_(Tensor& self, int64_t dim) {
  return take_geometry("squeeze_", self, squeeze(self, dim));
}

Tensor& unsqueeze_(Tensor& self, int64_t dim) {
  return take_geometry("unsqueeze_", self, unsqueeze(self, dim));
}

}  // namespace taper
