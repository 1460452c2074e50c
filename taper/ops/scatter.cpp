#include "taper/ops/scatter.h"

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/copy.h"
#include "taper/kernel/indexing.h"
#include "taper/kernel/reduction.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/bodies.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/strided.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

int64_t rank_of(const Tensor& t) { return t.dim() == 0 ? 1 : t.dim(); }
int64_t size_of(const Tensor& t, int64_t d) { return t.dim() == 0 ? 1 : t.sizes()[d]; }

/// The checks that gather and the scatters share.
void check_index(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                 const char* name) {
  TAPER_CHECK_AS(DTypeError, index.scalar_type() == kLong || index.numel() == 0, op,
                 "(): Expected dtype int64 for index, got ", index.scalar_type());
  if (index.numel() == 0) return;
  TAPER_CHECK_AS(ShapeError, rank_of(index) == rank_of(self), op,
                 "(): Index tensor must have the same number of dimensions as ", name,
                 " tensor, got ", index.sizes(), " and ", self.sizes());
  for (int64_t d = 0; d < rank_of(index); ++d) {
    TAPER_CHECK_AS(ShapeError, d == dim || size_of(index, d) <= size_of(self, d), op,
                   "(): Size does not match at dimension ", d, " expected index ", index.sizes(),
                   " to be smaller than self ", self.sizes(), " apart from dimension ", dim);
  }
}

void check_src(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
               const Tensor& src) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == src.scalar_type(), op,
                 "(): Expected self.dtype to be equal to src.dtype, got ", self.scalar_type(),
                 " and ", src.scalar_type());
  check_index(op, self, dim, index, "self");
  if (index.numel() == 0) return;
  TAPER_CHECK_AS(ShapeError, rank_of(index) == rank_of(src), op,
                 "(): Index tensor must have the same number of dimensions as src tensor, got ",
                 index.sizes(), " and ", src.sizes());
  for (int64_t d = 0; d < rank_of(index); ++d) {
    TAPER_CHECK_AS(ShapeError, size_of(index, d) <= size_of(src, d), op, "(): Expected index ",
                   index.sizes(), " to be smaller than self ", self.sizes(),
                   " apart from dimension ", dim, " and to be smaller size than src ", src.sizes());
  }
}

/// self itself for an op in place, checked and counted, else a copy of it.
Tensor writable(const char* op, const Out& out, const Tensor& self, const TensorArgs& inputs) {
  if (!out.is_fresh()) return out.make(op, self.sizes(), self.scalar_type(), inputs);
  NoRecordGuard no_record;
  return self.clone();
}

/// Whether the result goes to a tensor of the caller's other than self.
bool goes_elsewhere(const Out& out) { return !out.is_fresh() && !out.is_inplace(); }

void check_reduce(std::string_view reduce) {
  TAPER_CHECK(reduce == "add" || reduce == "multiply",
              "scatter: reduce argument must be either add or multiply., got ", reduce);
}

/// The gradient of src: what index reads of grad, in the corner of src that index covers.
Tensor gather_for_src(const Tensor& grad, int64_t dim, const Tensor& index, IntArrayRef sizes) {
  Tensor read = grad.gather(dim, index);
  if (read.sizes() == sizes) return read;
  return put_strided(read, sizes, contiguous_strides(sizes), 0);
}

Tensor gather_fresh(const Tensor& self, int64_t dim, const Tensor& index) {
  dim = wrap_dim(dim, self.dim());
  check_index("gather", self, dim, index, "input");
  Tensor out = new_tensor("gather", index.sizes(), self.scalar_type());
  if (index.numel() > 0)
    gather_kernel(out.device(), out_view(out), in(self), in(index), dim, "gather");
  if (needs_grad(self)) {
    record({.name = "GatherBackward0",
            .outputs = {out},
            .inputs = {self},
            .save = {index},
            .backward = [dim](Backward& b) {
              b.set(0, b.grad().new_zeros(b.sizes(0)).scatter_add_(dim, b.saved(0), b.grad()));
            }});
  }
  return out;
}

}  // namespace

Tensor body::gather(Out out, const Tensor& self, int64_t dim, const Tensor& index, bool) {
  out.check_apart("gather", self.scalar_type(), {self, index});
  return out.give("gather", gather_fresh(self, dim, index), {self, index});
}

Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
  if (!dim) return gather(self.flatten(), 0, indices.flatten());
  const int64_t d = wrap_dim(*dim, self.dim());
  TAPER_CHECK_AS(ShapeError, self.dim() == indices.dim(),
                 "take_along_dim: torch.take_along_dim(): input and indices should have the same "
                 "number of dimensions, but got ",
                 self.dim(), " dimensions for input, and ", indices.dim(),
                 " dimensions for indices");
  DimVector self_sizes(self.sizes()), index_sizes(indices.sizes());
  if (!self_sizes.empty()) self_sizes[d] = index_sizes[d] = 1;
  DimVector common = broadcast_sizes(self_sizes, index_sizes);
  if (!common.empty()) common[d] = self.sizes()[d];
  const Tensor from = self.expand(common);
  if (!common.empty()) common[d] = indices.sizes()[d];
  return gather(from, d, indices.expand(common));
}

namespace {

/// The index of index_select and its kin: one dimension, or none, of integers.
void check_vector(const char* op, const Tensor& index) {
  TAPER_CHECK_AS(ShapeError, index.dim() <= 1, op, "(): Index is supposed to be a vector, got ",
                 index.sizes());
  TAPER_CHECK_AS(DTypeError, index.scalar_type() == kLong || index.scalar_type() == kInt, op,
                 "(): Expected dtype int32 or int64 for index, got ", index.scalar_type());
}

Tensor offsets_of(const char* op, const Tensor& index, int64_t size, int64_t stride, int64_t dim) {
  Tensor offsets = new_tensor(op, index.numel(), kLong);
  fill_kernel(offsets.device(), out_view(offsets), 0);
  index_offsets_kernel(index.device(), out_view(offsets), in(index), size, stride, dim, false, op);
  return offsets;
}

/// A tensor without dimensions, as a vector of one element.
Tensor as_vector(const Tensor& t) { return t.dim() == 0 ? t.unsqueeze(0) : t; }

DimVector with_size(IntArrayRef sizes, int64_t dim, int64_t size) {
  DimVector out(sizes);
  if (!out.empty()) out[dim] = size;
  return out;
}

Tensor index_select_fresh(const Tensor& self, int64_t dim, const Tensor& index) {
  check_vector("index_select", index);
  dim = wrap_dim(dim, self.dim());
  Tensor out =
      new_tensor("index_select", with_size(self.sizes(), dim, index.numel()), self.scalar_type());
  const int64_t stride = self.dim() == 0 ? 0 : self.strides()[dim];
  const Tensor offsets = offsets_of("index_select", index, size_of(self, dim), stride, dim);
  if (self.dim() > 0) {
    take_points_kernel(out.device(), out_view(out), in(self), in(offsets), {dim, 1});
  } else if (index.numel() > 0) {
    copy_kernel(out.device(), out_view(out), in(self));
  }
  if (needs_grad(self)) {
    record({.name = "IndexSelectBackward0",
            .outputs = {out},
            .inputs = {self},
            .save = {index},
            .backward = [dim](Backward& b) {
              b.set(0, b.grad().new_zeros(b.sizes(0)).index_add_(dim, b.saved(0), b.grad()));
            }});
  }
  return out;
}

Tensor take_fresh(const Tensor& self, const Tensor& index) {
  TAPER_CHECK_AS(DTypeError, index.scalar_type() == kLong,
                 "take(): Expected a long tensor for index, but got ", index.scalar_type());
  TAPER_CHECK_AS(IndexError, self.numel() > 0 || index.numel() == 0,
                 "take(): tried to take from an empty tensor");
  const Tensor flat = self.reshape(-1);
  // Negative indices count from the end.
  Tensor wrapped = new_tensor("take", index.numel(), kLong);
  fill_kernel(wrapped.device(), out_view(wrapped), 0);
  index_offsets_kernel(index.device(), out_view(wrapped), in(index), self.numel(), 1, 0, true,
                       "take");
  return flat.index_select(0, wrapped).view(index.sizes());
}

}  // namespace

namespace body {

Tensor index_select(Out out, const Tensor& self, int64_t dim, const Tensor& index) {
  out.check_apart("index_select", self.scalar_type(), {self, index});
  return out.give("index_select", index_select_fresh(self, dim, index), {self, index});
}
Tensor take(Out out, const Tensor& self, const Tensor& index) {
  out.check_apart("take", self.scalar_type(), {self, index});
  return out.give("take", take_fresh(self, index), {self, index});
}

Tensor scatter(Out out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  if (goes_elsewhere(out)) {
    return out.give("scatter", taper::scatter(self, dim, index, src), {self, index, src});
  }
  dim = wrap_dim(dim, self.dim());
  check_src("scatter", self, dim, index, src);
  Tensor result = writable("scatter", out, self, {index, src});
  if (index.numel() > 0) {
    scatter_kernel(result.device(), out_view(result), in(index), in(src), dim, Scatter::assign,
                   !out.is_fresh(), "scatter");
  }
  record({.name = "ScatterBackward0",
          .outputs = {result},
          .inputs = {self, src},
          .save = {index},
          .inplace = out.is_inplace(),
          .backward = [dim](Backward& b) {
            if (b.wants(0)) b.set(0, b.grad().scatter(dim, b.saved(0), 0));
            if (b.wants(1)) b.set(1, gather_for_src(b.grad(), dim, b.saved(0), b.sizes(1)));
          }});
  return result;
}

Tensor scatter(Out out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  if (goes_elsewhere(out)) {
    return out.give("scatter", taper::scatter(self, dim, index, value), {self, index});
  }
  dim = wrap_dim(dim, self.dim());
  check_index("scatter", self, dim, index, "self");
  Tensor result = writable("scatter", out, self, {index});
  if (index.numel() > 0) {
    NoRecordGuard no_record;
    const Tensor number = full({}, value, self.scalar_type()).expand(index.sizes());
    scatter_kernel(result.device(), out_view(result), in(index), in(number), dim, Scatter::assign,
                   !out.is_fresh(), "scatter");
  }
  record({.name = "ScatterBackward1",
          .outputs = {result},
          .inputs = {self},
          .save = {index},
          .inplace = out.is_inplace(),
          .backward = [dim](Backward& b) { b.set(0, b.grad().scatter(dim, b.saved(0), 0)); }});
  return result;
}

Tensor scatter(Out out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
               std::string_view reduce) {
  if (goes_elsewhere(out)) {
    return out.give("scatter", taper::scatter(self, dim, index, src, reduce), {self, index, src});
  }
  check_reduce(reduce);
  if (reduce == "add") return body::scatter_add(out, self, dim, index, src);
  TAPER_CHECK(!wants_grad({self, src}),
              "scatter: the derivative for 'scatter' with reduce='multiply' is not implemented");
  dim = wrap_dim(dim, self.dim());
  check_src("scatter", self, dim, index, src);
  Tensor result = writable("scatter", out, self, {index, src});
  if (index.numel() > 0) {
    scatter_kernel(result.device(), out_view(result), in(index), in(src), dim, Scatter::multiply,
                   !out.is_fresh(), "scatter");
  }
  return result;
}

Tensor scatter(Out out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value,
               std::string_view reduce) {
  if (goes_elsewhere(out)) {
    return out.give("scatter", taper::scatter(self, dim, index, value, reduce), {self, index});
  }
  check_reduce(reduce);
  dim = wrap_dim(dim, self.dim());
  check_index("scatter", self, dim, index, "self");
  Tensor result = writable("scatter", out, self, {index});
  const bool add = reduce == "add";
  if (index.numel() > 0) {
    NoRecordGuard no_record;
    const Tensor number = full({}, value, self.scalar_type()).expand(index.sizes());
    scatter_kernel(result.device(), out_view(result), in(index), in(number), dim,
                   add ? Scatter::add : Scatter::multiply, !out.is_fresh(), "scatter");
  }
  record({.name = "ScatterBackward3",
          .outputs = {result},
          .inputs = {self},
          .save = {index},
          .inplace = out.is_inplace(),
          .backward = [dim, add, value](Backward& b) {
            b.set(0, add ? b.grad() : b.grad().scatter(dim, b.saved(0), value, "multiply"));
          }});
  return result;
}

Tensor scatter_add(Out out, const Tensor& self, int64_t dim, const Tensor& index,
                   const Tensor& src) {
  if (goes_elsewhere(out)) {
    return out.give("scatter_add", taper::scatter_add(self, dim, index, src), {self, index, src});
  }
  dim = wrap_dim(dim, self.dim());
  check_src("scatter_add", self, dim, index, src);
  Tensor result = writable("scatter_add", out, self, {index, src});
  if (index.numel() > 0) {
    scatter_kernel(result.device(), out_view(result), in(index), in(src), dim, Scatter::add,
                   !out.is_fresh(), "scatter_add");
  }
  record({.name = "ScatterAddBackward0",
          .outputs = {result},
          .inputs = {self, src},
          .save = {index},
          .inplace = out.is_inplace(),
          .backward = [dim](Backward& b) {
            if (b.wants(0)) b.set(0, b.grad());
            if (b.wants(1)) b.set(1, gather_for_src(b.grad(), dim, b.saved(0), b.sizes(1)));
          }});
  return result;
}

}  // namespace body

namespace {

void check_slices(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                  const Tensor& source) {
  check_vector(op, index);
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == source.scalar_type(), op,
                 "(): self and source expected to have the same dtype, but got (self) ",
                 self.scalar_type(), " and (source) ", source.scalar_type());
  TAPER_CHECK_AS(ShapeError, index.numel() == size_of(source, dim), op, "(): Number of indices (",
                 index.numel(), ") should be equal to source.size(dim): (", size_of(source, dim),
                 "), for dim: ", dim);
  bool fits = rank_of(self) == rank_of(source);
  for (int64_t d = 0; fits && d < rank_of(self); ++d) {
    fits = d == dim || size_of(self, d) == size_of(source, d);
  }
  TAPER_CHECK_AS(ShapeError, fits, op,
                 "(): source tensor shape must match self tensor shape, excluding the specified "
                 "dimension. Got self.shape = ",
                 self.sizes(), " source.shape = ", source.sizes());
}

/// Writes source to the slices of result that index names.
void put_slices(const Tensor& result, int64_t dim, const Tensor& index, const Tensor& source,
                Scatter how) {
  NoRecordGuard no_record;
  const Tensor to = as_vector(result);
  const Tensor offsets = offsets_of("index_put", index, to.sizes()[dim], to.strides()[dim], dim);
  const Tensor from = as_vector(source);
  put_points_kernel(to.device(), out_view(to), in(from), in(offsets), {dim, 1}, how);
}

/// Throws on an index out of range, before an op in place writes anything.
void check_in_range(const char* op, const Tensor& self, int64_t dim, const Tensor& index) {
  offsets_of(op, index, size_of(self, dim), 1, dim);
}

}  // namespace

namespace body {

Tensor index_add(Out out, const Tensor& self, int64_t dim, const Tensor& index,
                 const Tensor& source, const Scalar& alpha) {
  dim = wrap_dim(dim, self.dim());
  check_slices("index_add", self, dim, index, source);
  check_in_range("index_add", self, dim, index);
  Tensor result = writable("index_add", out, self, {index, source});
  {
    NoRecordGuard no_record;
    put_slices(result, dim, index,
               alpha.equal(1) ? source : source.mul(alpha).to(self.scalar_type()), Scatter::add);
  }
  record({.name = "IndexAddBackward0",
          .outputs = {result},
          .inputs = {self, source},
          .save = {index},
          .inplace = out.is_inplace(),
          .backward = [dim, alpha](Backward& b) {
            if (b.wants(0)) b.set(0, b.grad());
            if (!b.wants(1)) return;
            const Tensor grad = b.grad().index_select(dim, b.saved(0)).reshape(b.sizes(1));
            b.set(1, alpha.equal(1) ? grad : grad.mul(alpha));
          }});
  return result;
}

Tensor index_copy(Out out, const Tensor& self, int64_t dim, const Tensor& index,
                  const Tensor& source) {
  if (autocasting() && out.is_fresh() && self.scalar_type() != source.scalar_type()) [[unlikely]] {
    return autocast_float32(&taper::index_copy, self, dim, index, source);
  }
  dim = wrap_dim(dim, self.dim());
  check_slices("index_copy", self, dim, index, source);
  check_in_range("index_copy", self, dim, index);
  Tensor result = writable("index_copy", out, self, {index, source});
  put_slices(result, dim, index, source, Scatter::assign);
  record({.name = "IndexCopyBackward0",
          .outputs = {result},
          .inputs = {self, source},
          .save = {index},
          .inplace = out.is_inplace(),
          .backward = [dim](Backward& b) {
            if (b.wants(0)) b.set(0, b.grad().index_fill(dim, b.saved(0), 0));
            if (!b.wants(1)) return;
            b.set(1, b.grad().index_select(dim, b.saved(0)).reshape(b.sizes(1)));
          }});
  return result;
}

Tensor index_fill(Out out, const Tensor& self, int64_t dim, const Tensor& index,
                  const Scalar& value) {
  dim = wrap_dim(dim, self.dim());
  check_vector("index_fill", index);
  check_in_range("index_fill", self, dim, index);
  Tensor result = writable("index_fill", out, self, {index});
  {
    NoRecordGuard no_record;
    const DimVector sizes = with_size(as_vector(self).sizes(), dim, index.numel());
    put_slices(result, dim, index, full({}, value, self.scalar_type()).expand(sizes),
               Scatter::assign);
  }
  record({.name = "IndexFillBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {index},
          .inplace = out.is_inplace(),
          .backward = [dim](Backward& b) { b.set(0, b.grad().index_fill(dim, b.saved(0), 0)); }});
  return result;
}

}  // namespace body

Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx,
                 bool scale_grad_by_freq, bool) {
  TAPER_CHECK_AS(ShapeError, weight.dim() == 2, "embedding: 'weight' must be 2-D, got ",
                 weight.sizes());
  TAPER_CHECK_AS(DTypeError, indices.scalar_type() == kLong || indices.scalar_type() == kInt,
                 "embedding: Expected tensor for argument #1 'indices' to have one of the "
                 "following scalar types: Long, Int; but got ",
                 indices.scalar_type(), " instead");
  DimVector sizes(indices.sizes());
  sizes.push_back(weight.sizes()[1]);
  Tensor out = new_tensor("embedding", sizes, weight.scalar_type());
  const Tensor offsets =
      offsets_of("embedding", indices, weight.sizes()[0], weight.strides()[0], 0);
  const int64_t flat[2] = {indices.numel(), weight.sizes()[1]};
  const TensorImplPtr rows = TensorImpl::make("embedding", flat, contiguous_strides(flat),
                                              out.scalar_type(), out.impl().storage(), 0);
  take_points_kernel(out.device(), View(rows.get()), in(weight), in(offsets), {0, 1});
  if (needs_grad(weight)) {
    record({.name = "EmbeddingBackward0",
            .outputs = {out},
            .inputs = {weight},
            .save = {indices},
            .backward = [padding_idx, scale_grad_by_freq](Backward& b) {
              const IntArrayRef sizes = b.sizes(0);
              const Tensor index = b.saved(0).reshape(-1);
              Tensor rows = b.grad().reshape({index.numel(), sizes[1]});
              if (scale_grad_by_freq) {
                const Tensor one = b.grad().new_ones({1}).expand({index.numel()});
                const Tensor counts = b.grad().new_zeros(sizes[0]).index_add_(0, index, one);
                rows = rows.div(counts.index_select(0, index).unsqueeze(1));
              }
              Tensor grad = b.grad().new_zeros(sizes).index_add_(0, index, rows);
              if (padding_idx >= 0) grad.select(0, padding_idx).zero_();
              b.set(0, grad);
            }});
  }
  return out;
}

Tensor one_hot(const Tensor& self, int64_t num_classes) {
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == kLong,
                 "one_hot: one_hot is only applicable to index tensor of type LongTensor, got ",
                 self.scalar_type());
  TAPER_CHECK(self.numel() > 0 || num_classes > 0,
              "one_hot: Can not infer total number of classes from empty tensor.");
  int64_t most = -1;
  if (self.numel() > 0) {
    const Tensor flat = self.reshape(-1);
    Tensor extreme = new_tensor("one_hot", 1, kLong);
    reduce_kernel(flat.device(), out_view(extreme), in(flat), 1, ReduceOp::amin);
    TAPER_CHECK(extreme.item<int64_t>() >= 0, "one_hot: Class values must be non-negative.");
    reduce_kernel(flat.device(), out_view(extreme), in(flat), 1, ReduceOp::amax);
    most = extreme.item<int64_t>();
  }
  TAPER_CHECK(most < INT64_MAX && (num_classes == -1 || num_classes > most),
              "one_hot: Class values must be smaller than num_classes. Got ", most, " and ",
              num_classes);
  DimVector sizes(self.sizes());
  sizes.push_back(num_classes == -1 ? most + 1 : num_classes);
  return zeros(sizes, kLong).scatter_(-1, self.unsqueeze(-1), 1);
}

}  // namespace taper
