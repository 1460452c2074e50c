#include "taper/ops/joining.h"

#include <algorithm>

#include "taper/kernel/copy.h"
#include "taper/kernel/indexing.h"
#include "taper/ops/creation.h"
#include "taper/ops/sorting.h"
#include "taper/ops/strided.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// Copies src to the part of out that sizes, strides and offset address.
void copy_to_part(const Tensor& out, IntArrayRef sizes, IntArrayRef strides, int64_t offset,
                  const Tensor& src) {
  const TensorImplPtr part = TensorImpl::make("cat", sizes, strides, out.scalar_type(),
                                              out.impl().storage(), out.storage_offset() + offset);
  copy_kernel(out.device(), View(part.get()), in(src));
}

/// PyTorch's old rule: a one-dimensional tensor without elements joins anything.
bool is_skipped(const Tensor& t) { return t.dim() == 1 && t.numel() == 0; }

/// The first tensor that counts for the result's sizes.
const Tensor& leader_of(TensorList tensors) {
  for (const Tensor& t : tensors) {
    if (!is_skipped(t)) return t;
  }
  return tensors[0];
}

DimVector cat_sizes(TensorList tensors, int64_t dim) {
  const Tensor& leader = leader_of(tensors);
  DimVector sizes(leader.sizes());
  if (is_skipped(leader)) return sizes;
  sizes[dim] = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (is_skipped(t)) continue;
    TAPER_CHECK_AS(ShapeError, t.dim() == leader.dim(),
                   "cat: Tensors must have same number of dimensions: got ", leader.dim(), " and ",
                   t.dim());
    for (int64_t d = 0; d < t.dim(); ++d) {
      TAPER_CHECK_AS(ShapeError, d == dim || t.sizes()[d] == sizes[d],
                     "cat: Sizes of tensors must match except in dimension ", dim,
                     ". Expected size ", sizes[d], " but got size ", t.sizes()[d],
                     " for tensor number ", i, " in the list.");
    }
    sizes[dim] += t.sizes()[dim];
  }
  return sizes;
}

/// Channels-last when every input is.
MemoryFormat common_format(TensorList tensors) {
  const MemoryFormat format = tensors[0].suggest_memory_format();
  for (const Tensor& t : tensors) {
    if (t.suggest_memory_format() != format) return MemoryFormat::Contiguous;
  }
  return format;
}

int64_t check_cat(TensorList tensors, int64_t dim) {
  TAPER_CHECK(!tensors.empty(), "cat: torch.cat(): expected a non-empty list of Tensors");
  for (size_t i = 0; i < tensors.size(); ++i) {
    TAPER_CHECK_AS(ShapeError, tensors[i].dim() > 0, "cat: zero-dimensional tensor (at position ",
                   i, ") cannot be concatenated");
  }
  return wrap_dim(dim, leader_of(tensors).dim());
}

/// Whether rows of the result are long enough, and many enough for the threads, to be written one
/// after another.
bool joins_by_rows(const Tensor& out, const SmallVector<ConstView, 8>& parts, int64_t dim) {
  constexpr int64_t kPartBytes = 256, kRows = 16;
  if (parts.empty() || !out.is_contiguous()) return false;
  for (const ConstView& part : parts) {
    if (!part.is_contiguous() || part.dtype() != out.scalar_type()) return false;
  }
  int64_t rows = 1;
  for (int64_t d = 0; d < dim; ++d) rows *= out.sizes()[d];
  const int64_t bytes = out.numel() * static_cast<int64_t>(out.itemsize());
  return rows >= kRows && bytes / rows >= kPartBytes * static_cast<int64_t>(parts.size());
}

void cat_into(const Tensor& out, TensorList tensors, int64_t dim) {
  SmallVector<ConstView, 8> parts;
  for (const Tensor& t : tensors) {
    if (!is_skipped(t) && t.numel() > 0) parts.push_back(in(t));
  }
  if (joins_by_rows(out, parts, dim)) return concat_kernel(out.device(), out_view(out), parts, dim);
  const IntArrayRef strides = out.strides();
  int64_t offset = 0;
  for (const Tensor& t : tensors) {
    if (is_skipped(t) || t.numel() == 0) continue;
    copy_to_part(out, t.sizes(), strides, offset, t);
    offset += t.sizes()[dim] * strides[dim];
  }
}

/// The tangents of the tensors, zeros for those that have none.
std::vector<Tensor> with_zeros(const Forward& forward, TensorList tensors) {
  std::vector<Tensor> tangents;
  for (size_t i = 0; i < tensors.size(); ++i) {
    tangents.push_back(forward.has(i) ? forward.tangent(i) : zeros_like(tensors[i]));
  }
  return tangents;
}

}  // namespace

Tensor cat(TensorList tensors, int64_t dim) {
  dim = check_cat(tensors, dim);
  const DimVector sizes = cat_sizes(tensors, dim);
  const MemoryFormat format = common_format(tensors);
  const ScalarType dtype = result_type(tensors);
  Tensor out = format == MemoryFormat::Contiguous
                   ? new_tensor("cat", sizes, dtype)
                   : Tensor(TensorImpl::make("cat", sizes, strides_of("cat", sizes, format), dtype,
                                             nullptr, 0));
  cat_into(out, tensors, dim);
  if (wants_grad(tensors)) {
    DimVector lengths;
    for (const Tensor& t : tensors) lengths.push_back(is_skipped(t) ? -1 : t.sizes()[dim]);
    record({.name = "CatBackward0",
            .outputs = {out},
            .inputs = tensors,
            .backward =
                [dim, lengths](Backward& b) {
                  int64_t start = 0;
                  for (size_t i = 0; i < lengths.size(); ++i) {
                    const int64_t length = lengths[i];
                    if (b.wants(i)) {
                      const Tensor part = length >= 0 ? b.grad().narrow(dim, start, length)
                                                      : b.grad().new_zeros({0});
                      b.set(i, part.to(b.dtype(i)));
                    }
                    start += std::max<int64_t>(length, 0);
                  }
                },
            .jvp = [&](Forward& t) { t.add(0, cat(with_zeros(t, tensors), dim)); }});
  }
  return out;
}

Tensor& cat_out(Tensor& out, TensorList tensors, int64_t dim) {
  dim = check_cat(tensors, dim);
  const DimVector sizes = cat_sizes(tensors, dim);
  const Out into = Out::into(out);
  into.check_apart("cat", out.scalar_type(), tensors);
  const bool shares = std::any_of(tensors.begin(), tensors.end(),
                                  [&](const Tensor& t) { return t.is_alias_of(out); });
  if (shares) {
    // Elements may be shared where it is not detected.
    into.give("cat", cat(tensors, dim), tensors);
    return out;
  }
  cat_into(into.make("cat", sizes, result_type(tensors), tensors), tensors, dim);
  return out;
}

Tensor concat(TensorList tensors, int64_t dim) { return cat(tensors, dim); }

Tensor concatenate(TensorList tensors, int64_t dim) { return cat(tensors, dim); }

Tensor stack(TensorList tensors, int64_t dim) {
  TAPER_CHECK(!tensors.empty(), "stack: stack expects a non-empty TensorList");
  const Tensor& first = tensors[0];
  dim = wrap_dim(dim, first.dim() + 1);
  for (size_t i = 1; i < tensors.size(); ++i) {
    TAPER_CHECK_AS(ShapeError, tensors[i].sizes() == first.sizes(),
                   "stack: stack expects each tensor to be equal size, but got ", first.sizes(),
                   " at entry 0 and ", tensors[i].sizes(), " at entry ", i);
  }
  DimVector sizes(first.sizes());
  sizes.insert(sizes.begin() + dim, static_cast<int64_t>(tensors.size()));
  Tensor out = new_tensor("stack", sizes, result_type(tensors));
  DimVector strides(out.strides());
  const int64_t step = strides[dim];
  strides.erase(strides.begin() + dim);
  for (size_t i = 0; i < tensors.size(); ++i) {
    copy_to_part(out, first.sizes(), strides, static_cast<int64_t>(i) * step, tensors[i]);
  }
  if (wants_grad(tensors)) {
    record({.name = "StackBackward0",
            .outputs = {out},
            .inputs = tensors,
            .backward =
                [dim](Backward& b) {
                  for (size_t i = 0; i < b.num_inputs(); ++i) {
                    if (!b.wants(i)) continue;
                    b.set(i, b.grad().select(dim, static_cast<int64_t>(i)).to(b.dtype(i)));
                  }
                },
            .jvp = [&](Forward& t) { t.add(0, stack(with_zeros(t, tensors), dim)); }});
  }
  return out;
}

Tensor hstack(TensorList tensors) {
  TAPER_CHECK(!tensors.empty(), "hstack: hstack expects a non-empty TensorList");
  const std::vector<Tensor> parts = atleast_1d(tensors);
  return cat(parts, parts[0].dim() == 1 ? 0 : 1);
}

Tensor vstack(TensorList tensors) {
  TAPER_CHECK(!tensors.empty(), "vstack: vstack expects a non-empty TensorList");
  return cat(atleast_2d(tensors), 0);
}

Tensor row_stack(TensorList tensors) { return vstack(tensors); }

Tensor dstack(TensorList tensors) {
  TAPER_CHECK(!tensors.empty(), "dstack: dstack expects a non-empty TensorList");
  return cat(atleast_3d(tensors), 2);
}

Tensor column_stack(TensorList tensors) {
  TAPER_CHECK(!tensors.empty(), "column_stack: column_stack expects a non-empty TensorList");
  std::vector<Tensor> columns;
  for (const Tensor& t : tensors) {
    columns.push_back(t.dim() <= 1 ? t.reshape({t.numel(), 1}) : t);
  }
  return hstack(columns);
}

Tensor repeat(const Tensor& self, IntArrayRef repeats) {
  const int64_t rank = static_cast<int64_t>(repeats.size()), lead = rank - self.dim();
  TAPER_CHECK_AS(ShapeError, lead >= 0,
                 "repeat: Number of dimensions of repeat dims can not be smaller than number of "
                 "dimensions of tensor, got ",
                 repeats, " for sizes ", self.sizes());
  // Each dimension as a pair (repeat, size): one strided copy fills the result.
  DimVector sizes, pairs, from, to;
  for (int64_t d = 0; d < rank; ++d) {
    TAPER_CHECK_AS(ShapeError, repeats[d] >= 0,
                   "repeat: Trying to create tensor with negative dimension ", repeats[d], ": ",
                   repeats);
    const int64_t size = d < lead ? 1 : self.sizes()[d - lead];
    int64_t total = 0;
    TAPER_CHECK_AS(ShapeError, !__builtin_mul_overflow(size, repeats[d], &total), "repeat: sizes ",
                   self.sizes(), " times ", repeats, " overflow");
    sizes.push_back(total);
    pairs.push_back(repeats[d]);
    pairs.push_back(size);
    from.push_back(0);
    from.push_back(d < lead ? 0 : self.strides()[d - lead]);
  }
  Tensor out = new_tensor("repeat", sizes, self.scalar_type());
  for (int64_t d = 0; d < rank; ++d) {
    to.push_back(pairs[2 * d + 1] * out.strides()[d]);
    to.push_back(out.strides()[d]);
  }
  if (out.numel() > 0) {
    const TensorImplPtr source = TensorImpl::make("repeat", pairs, from, self.scalar_type(),
                                                  self.impl().storage(), self.storage_offset());
    copy_to_part(out, pairs, to, 0, Tensor(source));
  }
  if (needs_grad(self)) {
    record({.name = "RepeatBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [pairs](Backward& b) {
              DimVector once(pairs);
              for (size_t d = 0; d < once.size(); d += 2) once[d] = 1;
              b.set(0, b.grad().reshape(pairs).sum_to_size(once).reshape(b.sizes(0)));
            }});
  }
  return out;
}

Tensor tile(const Tensor& self, IntArrayRef dims) {
  DimVector repeats(std::max<int64_t>(self.dim() - static_cast<int64_t>(dims.size()), 0), 1);
  for (int64_t d : dims) repeats.push_back(d);
  return repeat(self, repeats);
}

Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  TAPER_CHECK_AS(ShapeError, repeats >= 0, "repeat_interleave: repeats can not be negative, got ",
                 repeats);
  const Tensor x = dim ? self : self.flatten();
  const int64_t d = wrap_dim(dim.value_or(0), x.dim());
  const Tensor column = x.dim() == 0 ? x.reshape({1, 1}) : x.unsqueeze(d + 1);
  DimVector sizes(column.sizes());
  sizes[d + 1] = repeats;
  const bool fits = !output_size || (repeats == 0 ? *output_size == 0
                                                  : *output_size % repeats == 0 &&
                                                        *output_size / repeats == sizes[d]);
  TAPER_CHECK_AS(
      ShapeError, fits,
      "repeat_interleave: allocated size does not match required size:", " got output_size ",
      *output_size, " for ", sizes[d], " elements ", repeats, " times");
  return column.expand(sizes).clone(MemoryFormat::Contiguous).flatten(d, d + 1);
}

namespace {

void check_output_size(std::optional<int64_t> output_size, int64_t total) {
  TAPER_CHECK_AS(ShapeError, !output_size || *output_size == total,
                 "repeat_interleave: allocated size does not match required size: got output_size ",
                 *output_size, " for repeats that sum to ", total);
}

}  // namespace

Tensor repeat_interleave(const Tensor& repeats, std::optional<int64_t> output_size) {
  const ScalarType type = repeats.scalar_type();
  TAPER_CHECK_AS(ShapeError, repeats.dim() == 1,
                 "repeat_interleave: repeat_interleave only accept 1D vector as repeat, got ",
                 repeats.sizes());
  TAPER_CHECK_AS(DTypeError, type == kLong || type == kInt,
                 "repeat_interleave: repeats has to be Long or Int tensor, got ", type);
  const int64_t n = repeats.numel();
  if (n == 0) {
    check_output_size(output_size, 0);
    return empty_like(repeats);
  }
  TAPER_CHECK_AS(ShapeError, repeats.min().item<int64_t>() >= 0,
                 "repeat_interleave: repeats can not be negative");
  TAPER_CHECK_AS(ShapeError, repeats.to(kDouble).sum().item<double>() < 0x1p62,
                 "repeat_interleave: the repeats sum to more than a size can be");
  const Tensor ends = repeats.cumsum(0);
  const int64_t total = ends.select(0, n - 1).item<int64_t>();
  check_output_size(output_size, total);
  return searchsorted(ends, arange(total, TensorOptions(kLong)), false, true).to(type);
}

Tensor repeat_interleave(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  TAPER_CHECK_AS(ShapeError, repeats.dim() <= 1,
                 "repeat_interleave: repeats must be 0-dim or 1-dim tensor, got ", repeats.sizes());
  const Tensor x = dim && self.dim() > 0 ? self : self.flatten();
  const int64_t d = wrap_dim(dim.value_or(0), x.dim());
  const int64_t size = x.sizes()[d];
  TAPER_CHECK_AS(ShapeError, repeats.numel() == 1 || repeats.numel() == size,
                 "repeat_interleave: repeats must have the same size as input along dim, but got "
                 "repeats.size(0) = ",
                 repeats.numel(), " and input.size(", d, ") = ", size);
  const Tensor each = repeats.numel() == 1 ? repeats.reshape({1}).expand({size}) : repeats;
  return x.index_select(d, repeat_interleave(each, output_size));
}

Tensor flip(const Tensor& self, IntArrayRef dims) {
  uint64_t mask = 0;
  for (int64_t dim : dims) {
    const int64_t d = wrap_dim(dim, self.dim());
    TAPER_CHECK_AS(ShapeError, (mask >> d & 1) == 0, "flip: dim ", d,
                   " appears multiple times in the list of dims");
    mask |= uint64_t{1} << d;
  }
  Tensor out = new_tensor("flip", self.sizes(), self.scalar_type());
  flip_kernel(out.device(), out_view(out), in(self), mask);
  if (needs_grad(self)) {
    record({.name = "FlipBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [mask](Backward& b) {
              DimVector dims;
              for (int64_t d = 0; d < b.grad().dim(); ++d) {
                if (mask >> d & 1) dims.push_back(d);
              }
              b.set(0, b.grad().flip(dims));
            }});
  }
  return out;
}

Tensor fliplr(const Tensor& self) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2, "fliplr: Input must be >= 2-d, got sizes ",
                 self.sizes());
  return flip(self, 1);
}
Tensor flipud(const Tensor& self) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 1, "flipud: Input must be >= 1-d, got sizes ",
                 self.sizes());
  return flip(self, 0);
}

Tensor rot90(const Tensor& self, int64_t k, IntArrayRef dims) {
  TAPER_CHECK_AS(ShapeError, dims.size() == 2,
                 "rot90: expected total rotation dims == 2, but got dims = ", dims.size());
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2,
                 "rot90: expected total dims >= 2, but got total dims = ", self.dim());
  const int64_t from = wrap_dim(dims[0], self.dim()), to = wrap_dim(dims[1], self.dim());
  TAPER_CHECK_AS(ShapeError, from != to, "rot90: expected rotation dims to be different, but got ",
                 "dim0 = ", dims[0], " and dim1 = ", dims[1]);
  switch ((k % 4 + 4) % 4) {
    case 1:
      return flip(self, to).transpose(from, to);
    case 2:
      return flip(self, {from, to});
    case 3:
      return flip(self, from).transpose(from, to);
    default:
      return self.clone(MemoryFormat::Contiguous);
  }
}

Tensor roll(const Tensor& self, IntArrayRef shifts, IntArrayRef dims) {
  TAPER_CHECK_AS(ShapeError, !shifts.empty(), "roll: `shifts` required");
  if (dims.empty() && shifts.size() == 1) {
    return self.contiguous().view(-1).roll(shifts, 0).view(self.sizes());
  }
  TAPER_CHECK_AS(ShapeError, shifts.size() == dims.size(),
                 "roll: shifts and dimensions must align. shifts: ", shifts.size(),
                 ", dims:", dims.size());
  Tensor out = self;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t d = wrap_dim(dims[i], out.dim());
    const int64_t size = out.dim() == 0 ? 1 : out.sizes()[d];
    const int64_t shift = size == 0 ? 0 : ((shifts[i] % size) + size) % size;
    if (shift == 0 || out.dim() == 0) continue;
    const Tensor parts[] = {out.narrow(d, size - shift, shift), out.narrow(d, 0, size - shift)};
    out = cat(parts, d);
  }
  return out.is_same(self) ? self.clone() : out;
}

}  // namespace taper
