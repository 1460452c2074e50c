#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/indexing.h"
#include "taper/ops/bodies.h"
#include "taper/ops/composed_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/scatter.h"

// Reductions to computed places. Sums and means are made of scatter_add(); products and extremes
// have gradients of their own.
namespace taper {
namespace {

/// self with src, of index's sizes, combined into it; no graph.
Tensor combined(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                Scatter how) {
  NoRecordGuard no_record;
  Tensor result = self.clone();
  if (index.numel() > 0) {
    scatter_kernel(result.device(), out_view(result), in(index), in(src), dim, how, false,
                   "scatter_reduce");
  }
  return result;
}

bool has_zero(const Tensor& t) {
  NoRecordGuard no_record;
  return t.eq(0).any().item<bool>();
}

/// An element of src gets the product of the others at its place, also where just it is 0.
void product_gradient(Backward& g, int64_t dim) {
  const Tensor &self = g.saved(0), &index = g.saved(1), &src = g.saved(2);
  TAPER_CHECK(!GradMode::is_enabled() || !(has_zero(self) || has_zero(src)),
              "scatter_reduce(): the second derivative of prod with zeros is not implemented");
  const Tensor no_self = self.eq(0), no_src = src.eq(0);
  const auto product = [&](const Tensor& a, const Tensor& b) {
    return a.scatter_reduce(dim, index, b, "prod");
  };
  if (g.wants(0)) {
    const Tensor filled = self.masked_fill(no_self, 1);
    g.set(0, g.grad().mul(product(filled, src)).div(filled));
  }
  if (!g.wants(1)) return;
  const Tensor zeros_there =
      self.new_zeros(self.sizes()).scatter_add(dim, index, no_src.to(src.scalar_type()));
  const Tensor alone = no_src.logical_and(zeros_there.gather(dim, index).eq(1));
  const Tensor others = g.grad().mul(product(self, src.masked_fill(alone, 1))).gather(dim, index);
  const Tensor all = g.grad().mul(product(self, src)).gather(dim, index);
  g.set(1, all.div(src.masked_fill(no_src, 1))
               .masked_fill(alone, 0)
               .add(others.masked_fill(alone.logical_not(), 0)));
}

/// The elements that equal the result share its gradient; self's take part only if included.
void extremum_gradient(Backward& g, int64_t dim, bool include_self) {
  const Tensor &index = g.saved(1), &result = g.saved(3);
  const ScalarType type = result.scalar_type();
  const auto ties = [&](const Tensor& x, const Tensor& best) {
    return x.eq(best).logical_or(x.ne(x).logical_and(best.ne(best))).to(type);
  };
  Tensor mine = ties(g.saved(0), result);
  if (!include_self) mine = mine.scatter(dim, index, 0);
  const Tensor theirs = ties(g.saved(2), result.gather(dim, index));
  const Tensor count = mine.scatter_add(dim, index, theirs).clamp_min(1);
  const Tensor share = g.grad().div(count);
  if (g.wants(0)) g.set(0, mine.mul(share));
  if (g.wants(1)) g.set(1, theirs.mul(share.gather(dim, index)));
}

Tensor product(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  Tensor result = combined(self, dim, index, src, Scatter::multiply);
  record({.name = "ScatterReduceBackward0",
          .outputs = {result},
          .inputs = {self, src},
          .save = {self, index, src},
          .backward = [dim](Backward& g) { product_gradient(g, dim); }});
  return result;
}

Tensor extremum(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                bool largest, bool include_self) {
  const Tensor from = include_self ? self : combined(self, dim, index, src, Scatter::assign);
  Tensor result = combined(from, dim, index, src, largest ? Scatter::amax : Scatter::amin);
  const bool needed = wants_grad({self, src});
  record(
      {.name = "ScatterReduceBackward0",
       .outputs = {result},
       .inputs = {self, src},
       .save = {save_if(needed, self), save_if(needed, index), save_if(needed, src),
                save_if(needed, result)},
       .backward = [dim, include_self](Backward& g) { extremum_gradient(g, dim, include_self); }});
  return result;
}

Tensor mean(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
            bool include_self) {
  Tensor count;
  {
    NoRecordGuard no_record;
    const Tensor one = src.new_ones({}, TensorOptions(kLong)).expand(index.sizes());
    count = full(self.sizes(), include_self ? 1 : 0, kLong).scatter_add(dim, index, one);
    count = count.clamp_min(1);
  }
  const Tensor from = include_self ? self : self.scatter(dim, index, 0);
  const Tensor sum = from.scatter_add(dim, index, src);
  return self.is_floating_point() ? sum.div(count.to(self.scalar_type()))
                                  : sum.div(count, "floor").to(self.scalar_type());
}

/// The part of src that an index covers.
Tensor corner(const Tensor& src, IntArrayRef sizes) {
  Tensor part = src;
  for (int64_t d = 0; d < src.dim(); ++d) {
    if (part.sizes()[d] != sizes[d]) part = part.narrow(d, 0, sizes[d]);
  }
  return part;
}

void check_reduced(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                   const Tensor& src) {
  TAPER_CHECK_AS(DTypeError, index.scalar_type() == kLong, op,
                 "(): Expected dtype int64 for index, got ", index.scalar_type());
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == src.scalar_type(), op,
                 "(): Expected self.dtype to be equal to src.dtype, got ", self.scalar_type(),
                 " and ", src.scalar_type());
  TAPER_CHECK_AS(ShapeError, index.dim() == self.dim() && index.dim() == src.dim(), op,
                 "(): Index tensor must have the same number of dimensions as self and src "
                 "tensor, got ",
                 index.sizes(), ", ", self.sizes(), " and ", src.sizes());
  for (int64_t d = 0; d < index.dim(); ++d) {
    TAPER_CHECK_AS(
        ShapeError,
        index.sizes()[d] <= src.sizes()[d] && (d == dim || index.sizes()[d] <= self.sizes()[d]), op,
        "(): Expected index ", index.sizes(), " to be smaller than self ", self.sizes(),
        " apart from dimension ", dim, " and to be smaller size than src ", src.sizes());
  }
}

Tensor reduced(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
               const Tensor& whole, std::string_view reduce, bool include_self) {
  check_reduced(op, self, dim, index, whole);
  if (index.numel() == 0) return self.clone();
  const Tensor src = corner(whole, index.sizes());
  if (reduce == "mean") return mean(self, dim, index, src, include_self);
  if (reduce == "amax" || reduce == "amin") {
    return extremum(self, dim, index, src, reduce == "amax", include_self);
  }
  const bool sum = reduce == "sum";
  const Tensor from = include_self ? self : self.scatter(dim, index, sum ? 0 : 1);
  return sum ? from.scatter_add(dim, index, src) : product(from, dim, index, src);
}

}  // namespace

namespace body {

Tensor scatter_reduce(Out out, const Tensor& self, int64_t dim, const Tensor& index,
                      const Tensor& src, std::string_view reduce, bool include_self) {
  const std::string_view known[] = {"sum", "prod", "mean", "amax", "amin"};
  TAPER_CHECK(std::find(std::begin(known), std::end(known), reduce) != std::end(known),
              "scatter_reduce: reduce argument must be either sum, prod, mean, amax or amin, got ",
              reduce);
  const int64_t d = wrap_dim(dim, self.dim());
  return composed(out, self, [&](const Tensor& x) {
    return reduced("scatter_reduce", x, d, index, src, reduce, include_self);
  });
}

Tensor index_reduce(Out out, const Tensor& self, int64_t dim, const Tensor& index,
                    const Tensor& source, std::string_view reduce, bool include_self) {
  const std::string_view known[] = {"prod", "mean", "amax", "amin"};
  TAPER_CHECK(std::find(std::begin(known), std::end(known), reduce) != std::end(known),
              "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ",
              reduce, ".");
  const int64_t d = wrap_dim(dim, self.dim());
  const bool integers = index.scalar_type() == kLong || index.scalar_type() == kInt;
  TAPER_CHECK_AS(DTypeError, integers && index.dim() <= 1,
                 "index_reduce(): Index is expected to be a vector of int32 or int64, got ",
                 index.scalar_type(), " of sizes ", index.sizes());
  bool fits = self.dim() == source.dim();
  for (int64_t k = 0; fits && k < self.dim(); ++k) {
    fits = source.sizes()[k] == (k == d ? index.numel() : self.sizes()[k]);
  }
  TAPER_CHECK_AS(ShapeError, fits && (self.dim() > 0 || index.numel() == 1),
                 "index_reduce(): expected source to have self's sizes and the number of indices "
                 "at dim ",
                 d, ", got source ", source.sizes(), ", self ", self.sizes(), " and index ",
                 index.sizes());
  DimVector line(std::max<int64_t>(self.dim(), 1), 1);
  line[d] = index.numel();
  const Tensor places =
      index.to(kLong).reshape(self.dim() == 0 ? IntArrayRef() : line).expand(source.sizes());
  return composed(out, self, [&](const Tensor& x) {
    return reduced("index_reduce", x, d, places, source, reduce, include_self);
  });
}

Tensor put(Out out, const Tensor& self, const Tensor& index, const Tensor& source,
           bool accumulate) {
  TAPER_CHECK_AS(DTypeError, index.scalar_type() == kLong,
                 "put_(): Expected a long tensor for index, but got ", index.scalar_type());
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == source.scalar_type(),
                 "put_(): self and source expected to have the same dtype, but got self.dtype = ",
                 self.scalar_type(), " and source.dtype = ", source.scalar_type());
  TAPER_CHECK_AS(ShapeError, index.numel() == source.numel(),
                 "put_(): Expected source and index to have the same number of elements, but got "
                 "source.numel() = ",
                 source.numel(), ", index.numel() = ", index.numel());
  TAPER_CHECK_AS(IndexError, self.numel() > 0 || index.numel() == 0,
                 "put_(): Tried to put elements into an empty tensor");
  const Tensor at = index.reshape(-1);
  const Tensor wrapped = at.add(at.lt(0).to(kLong).mul(self.numel()));
  const Tensor values = source.reshape(-1);
  return composed(out, self, [&](const Tensor& x) {
    const Tensor flat = x.reshape(-1);
    return (accumulate ? flat.index_add(0, wrapped, values) : flat.index_copy(0, wrapped, values))
        .view(x.sizes());
  });
}

}  // namespace body
}  // namespace taper
