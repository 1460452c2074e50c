#include "taper/ops/reduction.h"

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/copy.h"
#include "taper/kernel/reduction.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/bodies.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/reduce_util.h"

namespace taper {
namespace {

/// The type of a sum: as asked for, int64 for integers, else self's.
ScalarType sum_type(const Tensor& self, std::optional<ScalarType> dtype) {
  if (dtype) return *dtype;
  return isIntegralType(self.scalar_type(), true) ? kLong : self.scalar_type();
}

/// The product of complex numbers over dimensions, halves of the last times each other; its order
/// follows from the shape alone.
Tensor complex_product(const Tensor& numbers, uint64_t dims, bool keepdim) {
  NoRecordGuard no_record;
  const DimVector sizes = reduced_sizes(numbers.sizes(), dims, keepdim);
  Tensor rest = numbers.detach();
  for (int64_t d = numbers.dim(); d-- > 0;) {
    if ((dims >> d & 1) == 0) continue;
    if (rest.size(d) == 0) return ones(sizes, numbers.options());
    while (rest.size(d) > 1) {
      const int64_t half = rest.size(d) / 2, odd = rest.size(d) % 2;
      const Tensor product = rest.narrow(d, 0, half).mul(rest.narrow(d, half, half));
      rest = odd == 0 ? product : cat({product, rest.narrow(d, 2 * half, 1)}, d);
    }
  }
  return rest.reshape(sizes);
}

Tensor reduce_into(const Out& out, const char* op, const Tensor& self, uint64_t dims, bool keepdim,
                   ScalarType dtype, ReduceOp what) {
  Tensor result = out.make(op, reduced_sizes(self.sizes(), dims, keepdim), dtype, {self});
  if (!isComplexType(dtype)) {
    reduce_kernel(self.device(), out_view(result), in(self), dims, what);
    return result;
  }
  const Tensor numbers = self.to(dtype);
  if (what == ReduceOp::prod) {
    copy_kernel(result.device(), out_view(result), in(complex_product(numbers, dims, keepdim)));
    return result;
  }
  // The parts of a sum are the sums of the parts, which are one dimension more.
  if (what != ReduceOp::sum && what != ReduceOp::mean) fail_complex(op, dtype);
  const TensorImplPtr from = parts_of(op, numbers);
  const uint64_t kept = ~(uint64_t{1} << self.dim());
  const Tensor sums =
      result.scalar_type() == dtype ? result : new_tensor(op, result.sizes(), dtype);
  const TensorImplPtr to = parts_of(op, sums);
  reduce_kernel(self.device(), View(to.get()), ConstView(from.get()), dims & kept, what);
  if (!sums.is_same(result)) copy_kernel(result.device(), out_view(result), in(sums));
  return result;
}

Tensor sum_over(const Out& out, const Tensor& self, uint64_t dims, bool keepdim,
                std::optional<ScalarType> dtype) {
  Tensor result =
      reduce_into(out, "sum", self, dims, keepdim, sum_type(self, dtype), ReduceOp::sum);
  record({.name = "SumBackward1",
          .outputs = {result},
          .inputs = {self},
          .backward =
              [dims, keepdim](Backward& g) {
                g.set(0, expand_reduced(grad_as(g.grad(), g.dtype(0)), dims, keepdim, g.sizes(0)));
              },
          .jvp =
              [&](Forward& t) {
                t.add(0, sum_over(Out(), t.tangent(0), dims, keepdim, result.scalar_type()));
              }});
  return result;
}

ScalarType mean_type(const Tensor& self, std::optional<ScalarType> dtype) {
  const ScalarType type = dtype.value_or(self.scalar_type());
  TAPER_CHECK_AS(DTypeError, isDifferentiableType(type), "mean(): could not infer output dtype. ",
                 dtype ? "Optional dtype" : "Input dtype",
                 " must be either a floating point or complex dtype. Got: ", type);
  return type;
}

Tensor mean_over(const Out& out, const Tensor& self, uint64_t dims, bool keepdim,
                 std::optional<ScalarType> dtype) {
  Tensor result =
      reduce_into(out, "mean", self, dims, keepdim, mean_type(self, dtype), ReduceOp::mean);
  const int64_t count = reduced_count(self.sizes(), dims);
  record({.name = "MeanBackward1",
          .outputs = {result},
          .inputs = {self},
          .backward =
              [dims, keepdim, count](Backward& g) {
                const Tensor share = grad_as(g.grad(), g.dtype(0)).div(static_cast<double>(count));
                g.set(0, expand_reduced(share, dims, keepdim, g.sizes(0)));
              },
          .jvp =
              [&](Forward& t) {
                t.add(0, mean_over(Out(), t.tangent(0), dims, keepdim, result.scalar_type()));
              }});
  return result;
}

/// The product of the other elements along a flattened last dimension, any number of zeros.
/// Differentiable to any order at the price of n^2 elements.
Tensor product_of_others(const Tensor& lines) {
  const int64_t n = lines.size(-1);
  DimVector sizes(lines.sizes());
  sizes.insert(sizes.end() - 1, n);
  const Tensor square = lines.unsqueeze(-2).expand(sizes);
  return square.masked_fill(eye(n, lines.options().dtype(kBool)), 1).prod(-1);
}

/// d prod / d self times grad; exact where elements are 0.
Tensor prod_slope(const Tensor& grad, const Tensor& self, const Tensor& result, uint64_t dims,
                  bool keepdim) {
  const Tensor g = expand_reduced(grad, dims, keepdim, self.sizes());
  bool zeros = false;
  {
    NoRecordGuard no_record;
    zeros = self.eq(0).any().item<bool>();
  }
  if (!zeros) {
    return g.mul(with_reduced_dims(result, dims, keepdim, self.dim())).div(self);
  }
  // Reduced dimensions are one, or all.
  const DimVector list = dims_of(dims, self.dim());
  if (list.size() != 1) {
    return g.mul(product_of_others(self.reshape({self.numel()})).reshape(self.sizes()));
  }
  return g.mul(product_of_others(self.transpose(list[0], -1)).transpose(list[0], -1));
}

Tensor prod_over(const Out& out, const Tensor& input, uint64_t dims, bool keepdim,
                 std::optional<ScalarType> dtype) {
  const ScalarType type = sum_type(input, dtype);
  const Tensor self = input.scalar_type() == type ? input : input.to(type);
  Tensor result = reduce_into(out, "prod", self, dims, keepdim, type, ReduceOp::prod);
  const bool needed = needs_grad(self);
  record({.name = "ProdBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed, result)},
          .backward = [dims, keepdim](Backward& g) {
            g.set(0, prod_slope(g.grad(), g.saved(0), g.saved(1), dims, keepdim));
          }});
  return result;
}

Tensor truth(const Out& out, const char* op, const Tensor& self, uint64_t dims, bool keepdim,
             ReduceOp what) {
  if (self.is_complex()) return truth(out, op, self.ne(0), dims, keepdim, what);
  const ScalarType type = self.scalar_type() == kByte ? kByte : kBool;
  Tensor result = out.make(op, reduced_sizes(self.sizes(), dims, keepdim), type, {self});
  // Of no elements: false for any, true for all.
  if (self.numel() == 0) {
    NoRecordGuard no_record;
    result.fill_(what == ReduceOp::all);
    return result;
  }
  reduce_kernel(self.device(), out_view(result), in(self), dims, what);
  return result;
}

constexpr uint64_t kAllDims = ~uint64_t{0};

uint64_t one_dim(const Tensor& self, int64_t dim) {
  return uint64_t{1} << wrap_dim(dim, self.dim());
}

}  // namespace

Tensor sum(const Tensor& self, std::optional<ScalarType> dtype) {
  Tensor result =
      reduce_into(Out(), "sum", self, kAllDims, false, sum_type(self, dtype), ReduceOp::sum);
  record(
      {.name = "SumBackward0",
       .outputs = {result},
       .inputs = {self},
       .backward = [](Backward& g) { g.set(0, grad_as(g.grad(), g.dtype(0)).expand(g.sizes(0))); },
       .jvp = [&](Forward& t) { t.add(0, sum(t.tangent(0), result.scalar_type())); }});
  return result;
}
Tensor mean(const Tensor& self, std::optional<ScalarType> dtype) {
  return mean_over(Out(), self, kAllDims, false, dtype);
}
Tensor prod(const Tensor& self, std::optional<ScalarType> dtype) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::prod(a...); }, self, dtype);
  }
  return prod_over(Out(), self, kAllDims, false, dtype);
}
Tensor any(const Tensor& self) { return truth(Out(), "any", self, kAllDims, false, ReduceOp::any); }
Tensor all(const Tensor& self) { return truth(Out(), "all", self, kAllDims, false, ReduceOp::all); }

Tensor nansum(const Tensor& self, IntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  if (self.is_complex()) fail_complex("nansum", self.scalar_type());
  if (!self.is_floating_point()) return sum(self, dim, keepdim, dtype);
  return sum(self.masked_fill(self.ne(self), 0), dim, keepdim, dtype);
}
Tensor nanmean(const Tensor& self, IntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  TAPER_CHECK_AS(DTypeError, self.is_floating_point(),
                 "nanmean(): expected input to have floating point or complex dtype but got ",
                 self.scalar_type());
  const Tensor count = self.detach().isnan().logical_not().sum(dim, keepdim);
  return nansum(self, dim, keepdim, dtype).div(count);
}

Tensor count_nonzero(const Tensor& self, IntArrayRef dim) {
  const uint64_t dims = reduced_dims("count_nonzero", dim, self.dim());
  const Tensor counted = self.is_complex() ? self.ne(0) : self;
  return reduce_into(Out(), "count_nonzero", counted, dims, false, kLong, ReduceOp::count);
}

Tensor trace(const Tensor& self) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&taper::trace, self);
  }
  TAPER_CHECK_AS(ShapeError, self.dim() == 2, "trace: expected a matrix, but got tensor with ",
                 self.dim(), " dim");
  return self.diagonal().sum();
}

namespace body {

Tensor sum(Out out, const Tensor& self, IntArrayRef dim, bool keepdim,
           std::optional<ScalarType> dtype) {
  return sum_over(out, self, reduced_dims("sum", dim, self.dim()), keepdim, dtype);
}
Tensor mean(Out out, const Tensor& self, IntArrayRef dim, bool keepdim,
            std::optional<ScalarType> dtype) {
  return mean_over(out, self, reduced_dims("mean", dim, self.dim()), keepdim, dtype);
}
Tensor prod(Out out, const Tensor& self, int64_t dim, bool keepdim,
            std::optional<ScalarType> dtype) {
  if (autocasting() && out.is_fresh()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::prod(a...); }, self, dim, keepdim,
                            dtype);
  }
  return prod_over(out, self, one_dim(self, dim), keepdim, dtype);
}
Tensor any(Out out, const Tensor& self, int64_t dim, bool keepdim) {
  return truth(out, "any", self, one_dim(self, dim), keepdim, ReduceOp::any);
}
Tensor all(Out out, const Tensor& self, int64_t dim, bool keepdim) {
  return truth(out, "all", self, one_dim(self, dim), keepdim, ReduceOp::all);
}

}  // namespace body
}  // namespace taper
