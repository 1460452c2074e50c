#include "taper/ops/scan.h"

#include <limits>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/copy.h"
#include "taper/kernel/reduction.h"
#include "taper/ops/bodies.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

/// The running product of complex numbers: after each round an element holds the product of twice
/// as many as before it.
Tensor complex_products(const Tensor& self, int64_t dim) {
  NoRecordGuard no_record;
  Tensor result = self.detach().clone(MemoryFormat::Contiguous);
  if (self.dim() == 0) return result;
  for (int64_t reach = 1, n = self.size(dim); reach < n; reach *= 2) {
    const Tensor before = result.narrow(dim, 0, n - reach);
    result =
        cat({result.narrow(dim, 0, reach), result.narrow(dim, reach, n - reach).mul(before)}, dim);
  }
  return result;
}

Tensor scan(const char* op, const Tensor& self, int64_t dim, ScalarType type, Scan what) {
  if (isComplexType(type) && what == Scan::product) return complex_products(self.to(type), dim);
  Tensor result = new_tensor(op, self.sizes(), type);
  if (!isComplexType(type)) {
    if (self.is_complex()) fail_complex(op, self.scalar_type());
    cumulate_kernel(self.device(), out_view(result), in(self), dim, what);
    return result;
  }
  if (what != Scan::sum && what != Scan::sum_from_end) fail_complex(op, type);
  const TensorImplPtr from = parts_of(op, self.to(type)), to = parts_of(op, result);
  if (self.dim() == 0) {
    copy_kernel(self.device(), View(to.get()), ConstView(from.get()));
  } else {
    cumulate_kernel(self.device(), View(to.get()), ConstView(from.get()), dim, what);
  }
  return result;
}

/// Running sum from either end; each is the other's backward.
Tensor running_sum(const Tensor& self, int64_t dim, ScalarType type, bool from_end) {
  Tensor result = scan("cumsum", self, dim, type, from_end ? Scan::sum_from_end : Scan::sum);
  record({.name = "CumsumBackward0",
          .outputs = {result},
          .inputs = {self},
          .backward = [dim, from_end](Backward& g) {
            g.set(0, grad_as(running_sum(g.grad(), dim, g.grad().scalar_type(), !from_end),
                             g.dtype(0)));
          }});
  return result;
}

ScalarType running_type(const Tensor& self, std::optional<ScalarType> dtype) {
  if (dtype) return *dtype;
  return isIntegralType(self.scalar_type(), true) ? kLong : self.scalar_type();
}

/// As the product over a triangle of ones and elements: any derivative, any zeros, n^2 elements.
Tensor product_of_triangle(const Tensor& self, int64_t dim) {
  const Tensor lines = self.transpose(dim, -1);
  const int64_t n = lines.size(-1);
  DimVector sizes(lines.sizes());
  sizes.insert(sizes.end() - 1, n);
  const Tensor above = ones({n, n}, self.options().dtype(kBool)).triu(1);
  return lines.unsqueeze(-2).expand(sizes).masked_fill(above, 1).prod(-1).transpose(dim, -1);
}

bool has_zero(const Tensor& self) {
  NoRecordGuard no_record;
  return self.eq(0).any().item<bool>();
}

/// The running extremum: its kernel says where each one stands.
std::tuple<Tensor, Tensor> running_extremum(const char* op, const char* node, const Tensor& self,
                                            int64_t dim, bool largest) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  const int64_t d = wrap_dim(dim, self.dim());
  const Tensor indices = new_tensor(op, self.sizes(), kLong);
  running_position_kernel(self.device(), out_view(indices), in(self), d, largest);
  Tensor values;
  {
    NoRecordGuard no_record;
    values = self.gather(d, indices);
  }
  // Unlike the choice of max(), one element may stand in several places.
  record({.name = node,
          .outputs = {values},
          .inputs = {self},
          .save = {indices},
          .backward = [d](Backward& g) {
            g.set(0, g.grad().new_zeros(g.sizes(0)).scatter_add(d, g.saved(0), g.grad()));
          }});
  return {values, indices};
}

template <class F>
std::tuple<Tensor&, Tensor&> give_extremum(const char* op, Tensor& values, Tensor& indices,
                                           const Tensor& self, F f) {
  const Out to_values = Out::into(values), to_indices = Out::into(indices);
  to_values.check_apart(op, self.scalar_type(), {indices});
  to_indices.check_apart(op, kLong, {values});
  const auto [v, i] = f();
  to_values.give(op, v, {self});
  to_indices.give(op, i, {self});
  return {values, indices};
}

/// logcumsumexp() of grad's positive elements' logarithms, from the end: the sums over i >= j of
/// grad[i] e^(x[j] - result[i]), which never leave the range of their terms.
Tensor weighted_from_end(const Tensor& grad, const Tensor& x, const Tensor& result, int64_t dim) {
  const Tensor positive = grad.gt(0);
  // Far below every logarithm, yet twice it is finite.
  const double nothing = grad.scalar_type() == kHalf ? -16384.0 : -1e30;
  const Tensor logs = grad.masked_fill(positive.logical_not(), 1).log();
  const Tensor terms = logs.masked_fill(positive.logical_not(), nothing).sub(result);
  return terms.flip(dim).logcumsumexp(dim).flip(dim).add(x).exp();
}

/// The same sums as a product with a triangle of n^2 elements: of any gradient, and with a
/// derivative where that is 0.
Tensor weighted_by_triangle(const Tensor& grad, const Tensor& x, const Tensor& result,
                            int64_t dim) {
  const Tensor lines = x.transpose(dim, -1), sums = result.transpose(dim, -1);
  const int64_t n = lines.size(-1);
  const Tensor above = ones({n, n}, x.options().dtype(kBool)).triu(1);
  const double nothing = -std::numeric_limits<double>::infinity();
  const Tensor slopes =
      lines.unsqueeze(-2).sub(sums.unsqueeze(-1)).masked_fill(above, nothing).exp();
  return grad.transpose(dim, -1).unsqueeze(-2).matmul(slopes).squeeze(-2).transpose(dim, -1);
}

}  // namespace

std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) {
  return running_extremum("cummax", "CummaxBackward0", self, dim, true);
}
std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) {
  return running_extremum("cummin", "CumminBackward0", self, dim, false);
}

std::tuple<Tensor&, Tensor&> cummax_out(Tensor& values, Tensor& indices, const Tensor& self,
                                        int64_t dim) {
  return give_extremum("cummax", values, indices, self, [&] { return cummax(self, dim); });
}
std::tuple<Tensor&, Tensor&> cummin_out(Tensor& values, Tensor& indices, const Tensor& self,
                                        int64_t dim) {
  return give_extremum("cummin", values, indices, self, [&] { return cummin(self, dim); });
}

namespace {

Tensor logcumsumexp_fresh(const Tensor& self, int64_t dim) {
  check_floating("logcumsumexp", self);
  const int64_t d = wrap_dim(dim, self.dim());
  Tensor result = scan("logcumsumexp", self, d, self.scalar_type(), Scan::log_sum_exp);
  const bool needed = needs_grad(self);
  record({.name = "LogcumsumexpBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed, result)},
          .backward = [d](Backward& g) {
            if (g.saved(0).dim() == 0 || g.saved(0).numel() == 0) {
              g.set(0, g.grad());
              return;
            }
            if (thread_state.recording() && has_zero(g.grad())) {
              g.set(0, weighted_by_triangle(g.grad(), g.saved(0), g.saved(1), d));
              return;
            }
            const Tensor up = weighted_from_end(g.grad(), g.saved(0), g.saved(1), d);
            g.set(0, up.sub(weighted_from_end(g.grad().neg(), g.saved(0), g.saved(1), d)));
          }});
  return result;
}

Tensor cumprod_fresh(const Tensor& input, int64_t dim, std::optional<ScalarType> dtype) {
  const int64_t d = wrap_dim(dim, input.dim());
  const ScalarType type = running_type(input, dtype);
  const Tensor self = input.scalar_type() == type ? input : input.to(type);
  const bool needed = needs_grad(self);
  // The short formula divides by the elements.
  if (needed && self.dim() > 0 && has_zero(self)) return product_of_triangle(self, d);
  Tensor result = scan("cumprod", self, d, type, Scan::product);
  record({.name = "CumprodBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed, result)},
          .backward = [d](Backward& g) {
            const Tensor weighted = g.grad().mul(g.saved(1));
            g.set(0, running_sum(weighted, d, weighted.scalar_type(), true).div(g.saved(0)));
          }});
  return result;
}

/// The type of a running total, which an in-place form leaves as it is.
std::optional<ScalarType> total_type(const char* op, const Out& out, const Tensor& self,
                                     std::optional<ScalarType> dtype) {
  if (!out.is_inplace()) return dtype;
  TAPER_CHECK_AS(DTypeError, !dtype || *dtype == self.scalar_type(), op,
                 "_: Bad in-place call: input tensor dtype ", self.scalar_type(),
                 " and output tensor dtype ", *dtype, " should match");
  return self.scalar_type();
}

}  // namespace

namespace body {

Tensor cumsum(Out out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  const int64_t d = wrap_dim(dim, self.dim());
  const ScalarType type = running_type(self, total_type("cumsum", out, self, dtype));
  return composite(out, "cumsum", self, {self},
                   [&](const Tensor& x) { return running_sum(x, d, type, false); });
}

Tensor cumprod(Out out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  dtype = total_type("cumprod", out, self, dtype);
  return composite(out, "cumprod", self, {self},
                   [&](const Tensor& x) { return cumprod_fresh(x, dim, dtype); });
}

Tensor logcumsumexp(Out out, const Tensor& self, int64_t dim) {
  return out.give("logcumsumexp", logcumsumexp_fresh(self, dim), {self});
}

}  // namespace body

}  // namespace taper
