#include "taper/ops/indexing.h"

#include <algorithm>
#include <ostream>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/copy.h"
#include "taper/kernel/indexing.h"
#include "taper/ops/copy.h"
#include "taper/ops/masking.h"
#include "taper/ops/op_util.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace indexing {

Slice::Slice(std::optional<int64_t> start, std::optional<int64_t> stop, std::optional<int64_t> step)
    : start_(start.value_or(0)), stop_(stop.value_or(INDEX_MAX)), step_(step.value_or(1)) {
  TAPER_CHECK(step_ != 0, "index: slice step cannot be zero");
  TAPER_CHECK(step_ > 0, "index: step must be greater than zero, got ", step_);
}

TensorIndex::TensorIndex(const char* text) : type_(TensorIndexType::Ellipsis) {
  TAPER_CHECK(std::string_view(text) == "...",
              "index: Expected \"...\" to represent an ellipsis index, but got \"", text, "\"");
}

void append(std::string& s, const Slice& slice) {
  s += str(slice.start(), ":", slice.stop(), ":", slice.step());
}

void append(std::string& s, const TensorIndex& index) {
  if (index.is_none()) {
    s += "None";
  } else if (index.is_ellipsis()) {
    s += "...";
  } else if (index.is_integer()) {
    s += str(index.integer());
  } else if (index.is_boolean()) {
    s += str(index.boolean());
  } else if (index.is_slice()) {
    append(s, index.slice());
  } else {
    s += to_string(index.tensor());
  }
}

void append(std::string& s, const std::vector<TensorIndex>& indices) {
  s += '(';
  for (size_t i = 0; i < indices.size(); ++i) {
    if (i > 0) s += ", ";
    append(s, indices[i]);
  }
  s += ')';
}

std::ostream& operator<<(std::ostream& out, const Slice& slice) { return out << str(slice); }

std::ostream& operator<<(std::ostream& out, const TensorIndex& index) { return out << str(index); }

std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices) {
  std::string text;
  append(text, indices);
  return out << text;
}

}  // namespace indexing

namespace {

using indexing::TensorIndex;

/// What an index makes of a tensor before its index tensors come in: a view of it, and the index
/// tensor of each of the view's dimensions, undefined where there is none.
struct Applied {
  Tensor view;
  std::vector<Tensor> tensors;
  bool has_tensors = false;
};

bool is_mask(const Tensor& t) { return t.scalar_type() == kBool || t.scalar_type() == kByte; }

/// How many dimensions of the indexed tensor an entry takes.
int64_t consumed(const TensorIndex& index) {
  if (index.is_integer() || index.is_slice()) return 1;
  if (!index.is_tensor()) return 0;
  return is_mask(index.tensor()) ? index.tensor().dim() : 1;
}

class IndexWalk {
 public:
  explicit IndexWalk(const Tensor& self, ArrayRef<TensorIndex> indices) {
    TAPER_CHECK_AS(IndexError, !indices.empty(),
                   "index: Passing an empty index list to Tensor::index() is not valid syntax");
    int64_t specified = 0, ellipses = 0;
    for (const TensorIndex& index : indices) {
      specified += consumed(index);
      ellipses += index.is_ellipsis();
    }
    TAPER_CHECK_AS(IndexError, specified <= self.dim(),
                   "index: too many indices for tensor of dimension ", self.dim(), ", got ",
                   specified);
    TAPER_CHECK_AS(IndexError, ellipses <= 1,
                   "index: an index can only have a single ellipsis ('...')");
    result_.view = self;
    for (const TensorIndex& index : indices) apply(index, self.dim() - specified);
    result_.tensors.resize(result_.has_tensors ? result_.view.dim() : 0);
  }

  Applied take() { return std::move(result_); }

 private:
  void apply(const TensorIndex& index, int64_t rest) {
    Tensor& view = result_.view;
    if (index.is_none()) {
      view = view.unsqueeze(dim_);
      ++dim_;
    } else if (index.is_ellipsis()) {
      dim_ += rest;
    } else if (index.is_integer()) {
      select(index.integer());
    } else if (index.is_slice()) {
      const indexing::Slice& s = index.slice();
      if (s.start() != 0 || s.stop() < view.size(dim_) || s.step() != 1) {
        view = view.slice(dim_, s.start(), s.stop(), s.step());
      }
      ++dim_;
    } else if (index.is_boolean()) {
      view = view.unsqueeze(dim_);
      Tensor mask = new_tensor("index", {1}, kBool);
      fill_kernel(mask.device(), out_view(mask), index.boolean());
      add_tensor(mask);
    } else {
      apply_tensor(index.tensor());
    }
  }

  void select(int64_t at) {
    const int64_t size = result_.view.sizes()[dim_];
    TAPER_CHECK_AS(IndexError, -size <= at && at < size, "index ", at,
                   " is out of bounds for dimension ", dim_, " with size ", size);
    result_.view = result_.view.select(dim_, at);
  }

  void apply_tensor(const Tensor& index) {
    const ScalarType type = index.scalar_type();
    TAPER_CHECK_AS(IndexError, is_mask(index) || type == kLong || type == kInt,
                   "index: tensors used as indices must be long, int, byte or bool tensors, got ",
                   type);
    if (index.dim() == 0 && is_mask(index)) {
      result_.view = result_.view.unsqueeze(dim_);
      add_tensor(index.to(kBool).unsqueeze(0));
    } else if (index.dim() == 0) {
      select(index.item<int64_t>());
    } else if (is_mask(index)) {
      add_mask(index);
    } else {
      add_tensor(index);
    }
  }

  /// A mask stands for the index tensors of its true elements, one for each of its dimensions.
  void add_mask(const Tensor& mask) {
    const IntArrayRef sizes = result_.view.sizes();
    for (int64_t d = 0; d < mask.dim(); ++d) {
      TAPER_CHECK_AS(IndexError, mask.sizes()[d] == sizes[dim_ + d],
                     "index: The shape of the mask ", mask.sizes(), " at index ", d,
                     " does not match the shape of the indexed tensor ", sizes, " at index ",
                     dim_ + d);
    }
    for (const Tensor& column : mask.nonzero_numpy()) place(column);
  }

  void add_tensor(const Tensor& index) {
    if (is_mask(index)) {
      add_mask(index);
    } else {
      place(index);
    }
  }

  void place(const Tensor& index) {
    result_.tensors.resize(std::max<size_t>(result_.tensors.size(), dim_ + 1));
    result_.tensors[dim_++] = index;
    result_.has_tensors = true;
  }

  Applied result_;
  int64_t dim_ = 0;
};

/// Index tensors, ready for the kernels: the indexed dimensions adjacent, the indices as offsets.
struct Points {
  Tensor self;             // permuted where the indexed dimensions were apart
  DimVector order;         // that permutation, empty where there was none
  DimVector index_sizes;   // what the index tensors broadcast to
  DimVector result_sizes;  // self's other dimensions around index_sizes
  Tensor offsets;
  IndexedDims dims{0, 0};
};

DimVector broadcast_indices(TensorList tensors) {
  DimVector sizes;
  std::string shapes;
  for (const Tensor& t : tensors) {
    if (t.defined()) shapes += str(shapes.empty() ? "" : ", ", t.sizes());
  }
  for (const Tensor& t : tensors) {
    if (!t.defined()) continue;
    for (size_t i = 0; i < std::min(sizes.size(), t.sizes().size()); ++i) {
      const int64_t a = sizes[sizes.size() - 1 - i], b = t.sizes()[t.sizes().size() - 1 - i];
      TAPER_CHECK_AS(IndexError, a == b || a == 1 || b == 1,
                     "index: shape mismatch: indexing tensors could not be broadcast together "
                     "with shapes ",
                     shapes);
    }
    sizes = broadcast_sizes(sizes, t.sizes());
  }
  return sizes;
}

/// Finds the first indexed dimension and their count; apart, they move to the front.
Tensor gather_dims(const Tensor& self, TensorList tensors, DimVector& order, IndexedDims& dims) {
  DimVector indexed, others;
  for (int64_t d = 0; d < self.dim(); ++d) {
    (tensors[d].defined() ? indexed : others).push_back(d);
  }
  dims = {indexed[0], static_cast<int64_t>(indexed.size())};
  if (indexed.back() - indexed[0] + 1 == dims.count) return self;
  dims.first = 0;
  order = indexed;
  for (int64_t d : others) order.push_back(d);
  return self.permute(order);
}

Points make_points(const char* op, const Tensor& self, TensorList tensors) {
  NoRecordGuard no_record;
  Points p;
  p.self = gather_dims(self, tensors, p.order, p.dims);
  p.index_sizes = broadcast_indices(tensors);
  const IntArrayRef sizes = p.self.sizes();
  const size_t end = static_cast<size_t>(p.dims.first + p.dims.count);
  p.result_sizes.assign(sizes.begin(), sizes.begin() + p.dims.first);
  for (int64_t size : p.index_sizes) p.result_sizes.push_back(size);
  for (size_t d = end; d < sizes.size(); ++d) p.result_sizes.push_back(sizes[d]);
  int64_t count = 1;
  for (int64_t size : p.index_sizes) count *= size;
  p.offsets = new_tensor("index", count, kLong);
  fill_kernel(p.offsets.device(), out_view(p.offsets), 0);
  for (size_t d = p.dims.first; d < end; ++d) {
    const size_t at = p.order.empty() ? d : static_cast<size_t>(p.order[d]);
    const Tensor index = tensors[at].expand(p.index_sizes);
    index_offsets_kernel(index.device(), out_view(p.offsets), in(index), sizes[d],
                         p.self.strides()[d], static_cast<int64_t>(at), true, op);
  }
  return p;
}

/// Sizes with the broadcast index dimensions as one, as the kernels see the result.
DimVector flat_sizes(const Points& p) {
  DimVector sizes(p.result_sizes.begin(), p.result_sizes.begin() + p.dims.first);
  sizes.push_back(p.offsets.numel());
  const size_t after = static_cast<size_t>(p.dims.first) + p.index_sizes.size();
  for (size_t d = after; d < p.result_sizes.size(); ++d) sizes.push_back(p.result_sizes[d]);
  return sizes;
}

void put_points(const Points& p, const Tensor& values, bool accumulate) {
  NoRecordGuard no_record;
  const Tensor expanded = values.expand(p.result_sizes).reshape(flat_sizes(p));
  put_points_kernel(p.self.device(), out_view(p.self), in(expanded), in(p.offsets), p.dims,
                    accumulate ? Scatter::add : Scatter::assign);
}

Tensor take_tensors(const Tensor& self, const std::vector<Tensor>& tensors);
void put_tensors(const Tensor& self, const std::vector<Tensor>& tensors, const Tensor& values,
                 bool accumulate);

std::vector<Tensor> saved_indices(const Backward& b) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < b.num_saved(); ++i) tensors.push_back(b.saved(i));
  return tensors;
}

Tensor take_tensors(const Tensor& self, const std::vector<Tensor>& tensors) {
  const Points p = make_points("index", self, tensors);
  // The result has the broadcast dimensions; the kernel sees them as one.
  Tensor out = new_tensor("index", p.result_sizes, self.scalar_type());
  const DimVector flat = flat_sizes(p);
  const TensorImplPtr rows = TensorImpl::make("index", flat, contiguous_strides(flat),
                                              out.scalar_type(), out.impl().storage(), 0);
  take_points_kernel(out.device(), View(rows.get()), in(p.self), in(p.offsets), p.dims);
  if (needs_grad(self)) {
    record({.name = "IndexBackward0",
            .outputs = {out},
            .inputs = {self},
            .save = tensors,
            .backward = [](Backward& b) {
              const Tensor zeros = b.grad().new_zeros(b.sizes(0));
              put_tensors(zeros, saved_indices(b), b.grad(), true);
              b.set(0, zeros);
            }});
  }
  return out;
}

void put_tensors(const Tensor& self, const std::vector<Tensor>& tensors, const Tensor& values,
                 bool accumulate) {
  TAPER_CHECK_AS(DTypeError, values.scalar_type() == self.scalar_type(),
                 "index_put_: Index put requires the source and destination dtypes match, got ",
                 self.scalar_type(), " for the destination and ", values.scalar_type(),
                 " for the source.");
  const Points p = make_points("index_put_", self, tensors);
  TAPER_CHECK_AS(ShapeError, is_expandable_to(values.sizes(), p.result_sizes),
                 "index_put_: shape mismatch: value tensor of shape ", values.sizes(),
                 " cannot be broadcast to indexing result of shape ", p.result_sizes);
  begin_inplace("index_put_", self, {values});
  put_points(p, values, accumulate);
  record({.name = "IndexPutBackward0",
          .outputs = {self},
          .inputs = {self, values},
          .save = tensors,
          .inplace = true,
          .backward = [accumulate](Backward& b) {
            const std::vector<Tensor> indices = saved_indices(b);
            if (b.wants(0)) {
              Tensor grad = b.grad();
              if (!accumulate) {
                grad = grad.clone();
                put_tensors(grad, indices, grad.new_zeros({}), false);
              }
              b.set(0, grad);
            }
            if (b.wants(1)) b.set(1, sum_to(take_tensors(b.grad(), indices), b.sizes(1)));
          }});
}

/// Without leading dimensions of size 1, which an assignment ignores.
Tensor without_leading_ones(const Tensor& values, int64_t rank) {
  Tensor v = values;
  while (v.dim() > rank && v.sizes()[0] == 1) v = v.squeeze(0);
  return v;
}

}  // namespace

Tensor Tensor::index(ArrayRef<TensorIndex> indices) const {
  const Applied a = IndexWalk(*this, indices).take();
  if (a.has_tensors) return take_tensors(a.view, a.tensors);
  // A view even where the index changes nothing.
  return a.view.is_same(*this) ? a.view.view(a.view.sizes()) : a.view;
}

Tensor Tensor::index(std::initializer_list<TensorIndex> indices) const {
  return index(ArrayRef<TensorIndex>(indices.begin(), indices.size()));
}

Tensor& Tensor::index_put_(ArrayRef<TensorIndex> indices, const Tensor& values,
                           bool accumulate) const {
  const Applied a = IndexWalk(*this, indices).take();
  if (a.has_tensors) {
    put_tensors(a.view, a.tensors, values, accumulate);
  } else if (accumulate) {
    a.view.add_(without_leading_ones(values, a.view.dim()));
  } else {
    a.view.copy_(without_leading_ones(values, a.view.dim()));
  }
  return const_cast<Tensor&>(*this);
}

Tensor& Tensor::index_put_(ArrayRef<TensorIndex> indices, const Scalar& value) const {
  const Applied a = IndexWalk(*this, indices).take();
  if (a.has_tensors) {
    put_tensors(a.view, a.tensors, new_full({}, value), false);
  } else {
    a.view.fill_(value);
  }
  return const_cast<Tensor&>(*this);
}

Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& values,
                           bool accumulate) const {
  return index_put_(ArrayRef<TensorIndex>(indices.begin(), indices.size()), values, accumulate);
}

Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Scalar& value) const {
  return index_put_(ArrayRef<TensorIndex>(indices.begin(), indices.size()), value);
}

Tensor Tensor::index_put(ArrayRef<TensorIndex> indices, const Tensor& values,
                         bool accumulate) const {
  return clone().index_put_(indices, values, accumulate);
}

Tensor Tensor::index_put(std::initializer_list<TensorIndex> indices, const Tensor& values,
                         bool accumulate) const {
  return clone().index_put_(indices, values, accumulate);
}

Tensor Tensor::operator[](int64_t index) const {
  TAPER_CHECK_AS(IndexError, dim() > 0,
                 "index: invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim "
                 "tensor to a number");
  return select(0, index);
}

Tensor Tensor::operator[](const Tensor& index) const {
  TAPER_CHECK_AS(IndexError, index.dim() == 0 && isIntegralType(index.scalar_type(), false),
                 "index: Can only index with tensors that are scalars (zero-dim) of integers, got ",
                 index.scalar_type(), " of sizes ", index.sizes());
  return (*this)[index.item<int64_t>()];
}

}  // namespace taper
