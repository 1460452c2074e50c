#include "taper/ops/statistics.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/reduction.h"
#include "taper/ops/bodies.h"
#include "taper/ops/complex.h"
#include "taper/ops/composed_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/reduce_util.h"

namespace taper {
namespace {

constexpr uint64_t kAllDims = ~uint64_t{0};

void check_moments(const char* op, const Tensor& self) {
  TAPER_CHECK_AS(DTypeError, isDifferentiableType(self.scalar_type()), op,
                 ": std and var only support floating point and complex dtypes, got ",
                 self.scalar_type());
}

/// grad * 2 (x - mean) / (n - correction).
Tensor var_slope(const Tensor& grad, const Tensor& self, uint64_t dims, bool keepdim,
                 double correction) {
  const double count = static_cast<double>(reduced_count(self.sizes(), dims));
  const Tensor g = with_reduced_dims(grad, dims, keepdim, self.dim());
  const Tensor mean = self.mean(dims_of(dims, self.dim()), true);
  return self.sub(mean).mul(g.mul(2.0 / (count - correction)));
}

/// The variance or its root; of complex numbers the sum of those of their parts.
Tensor moment(const char* op, const Tensor& self, uint64_t dims, bool keepdim, double correction,
              bool root) {
  check_moments(op, self);
  if (self.is_complex()) {
    NoRecordGuard no_record;
    const Tensor x = self.detach();
    const Tensor sum = moment(op, real(x), dims, keepdim, correction, false)
                           .add(moment(op, imag(x), dims, keepdim, correction, false));
    return root ? sum.sqrt() : sum;
  }
  Tensor result = new_tensor(op, reduced_sizes(self.sizes(), dims, keepdim), self.scalar_type());
  var_kernel(self.device(), out_view(result), View(), in(self), dims, correction, root);
  return result;
}

Tensor var_over(const Tensor& self, uint64_t dims, bool keepdim, double correction) {
  Tensor result = moment("var", self, dims, keepdim, correction, false);
  record({.name = "VarBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {self},
          .unconjugated = true,
          .backward = [dims, keepdim, correction](Backward& g) {
            g.set(0, var_slope(g.grad(), g.saved(0), dims, keepdim, correction));
          }});
  return result;
}

Tensor std_over(const Tensor& self, uint64_t dims, bool keepdim, double correction) {
  Tensor result = moment("std", self, dims, keepdim, correction, true);
  const bool needed = needs_grad(self);
  record({.name = "StdBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed, result)},
          .unconjugated = true,
          .backward = [dims, keepdim, correction](Backward& g) {
            const Tensor& root = g.saved(1);
            const Tensor half = g.grad().div(root.mul(2)).masked_fill(root.eq(0), 0);
            g.set(0, var_slope(half, g.saved(0), dims, keepdim, correction));
          }});
  return result;
}

uint64_t dims_or_all(const char* op, const OptionalIntArrayRef& dim, int64_t rank) {
  return dim ? reduced_dims(op, *dim, rank) : kAllDims;
}

/// The 1- and 2-norms have kernels of their own.
Tensor norm_kernel(const Tensor& self, uint64_t dims, bool keepdim, bool two) {
  Tensor result =
      new_tensor("norm", reduced_sizes(self.sizes(), dims, keepdim), self.scalar_type());
  reduce_kernel(self.device(), out_view(result), in(self), dims,
                two ? ReduceOp::sq_norm : ReduceOp::abs_sum);
  const bool needed = needs_grad(self);
  record({.name = "NormBackward1",
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed && two, result)},
          .backward = [dims, keepdim, two](Backward& g) {
            const Tensor& x = g.saved(0);
            const Tensor grad = with_reduced_dims(g.grad(), dims, keepdim, x.dim());
            if (!two) {
              g.set(0, x.sign().mul(grad));
              return;
            }
            const Tensor root = with_reduced_dims(g.saved(1), dims, keepdim, x.dim());
            // At 0 the subgradient is 0.
            g.set(0, x.mul(grad.div(root).masked_fill(root.eq(0), 0)));
          }});
  return result;
}

/// Any order but 0 and the infinite ones.
Tensor power_norm(const Tensor& self, double p, uint64_t dims, bool keepdim) {
  Tensor result;
  {
    NoRecordGuard no_record;
    result = self.detach().abs().pow(p).sum(dims_of(dims, self.dim()), keepdim).pow(1 / p);
  }
  const bool needed = needs_grad(self);
  record({.name = "NormBackward1",
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed, result)},
          .backward = [dims, keepdim, p](Backward& g) {
            const Tensor& x = g.saved(0);
            const Tensor grad = with_reduced_dims(g.grad(), dims, keepdim, x.dim());
            const Tensor root = with_reduced_dims(g.saved(1), dims, keepdim, x.dim());
            // At 0 the subgradient is 0; no power of 0 is taken, whose slope may be infinite.
            const Tensor size = x.abs().masked_fill(x.eq(0), 1);
            const Tensor scale = root.masked_fill(root.eq(0), 1).pow(1 - p);
            g.set(0, x.sign().mul(size.pow(p - 1)).mul(grad.mul(scale).masked_fill(root.eq(0), 0)));
          }});
  return result;
}

Tensor norm_over(const Tensor& self, double p, uint64_t dims, bool keepdim) {
  if (self.is_complex()) return norm_over(self.abs(), p, dims, keepdim);
  TAPER_CHECK_AS(DTypeError, self.is_floating_point(),
                 "norm(): input dtype should be either floating point or complex. Got ",
                 self.scalar_type(), " instead.");
  const DimVector list = dims_of(dims, self.dim());
  if (p == 2 || p == 1) return norm_kernel(self, dims, keepdim, p == 2);
  if (std::isinf(p)) return p > 0 ? self.abs().amax(list, keepdim) : self.abs().amin(list, keepdim);
  if (p == 0) return self.masked_fill(self.ne(0), 1).sign().sum(list, keepdim);  // no slope
  return power_norm(self, p, dims, keepdim);
}
double order_of(const std::optional<Scalar>& p) { return p ? p->toDouble() : 2; }

}  // namespace

Tensor var(const Tensor& self, StrictBool unbiased) {
  return var_over(self, kAllDims, false, unbiased);
}
Tensor var(const Tensor& self, OptionalIntArrayRef dim, Correction correction, bool keepdim) {
  return var_over(self, dims_or_all("var", dim, self.dim()), keepdim, correction.value());
}
Tensor std(const Tensor& self, StrictBool unbiased) {
  return std_over(self, kAllDims, false, unbiased);
}
Tensor std(const Tensor& self, OptionalIntArrayRef dim, Correction correction, bool keepdim) {
  return std_over(self, dims_or_all("std", dim, self.dim()), keepdim, correction.value());
}

std::tuple<Tensor, Tensor> var_mean(const Tensor& self, StrictBool unbiased) {
  return {var(self, unbiased), self.mean()};
}
std::tuple<Tensor, Tensor> var_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    Correction correction, bool keepdim) {
  return {var(self, dim, correction, keepdim), self.mean(dim.value_or({}), keepdim)};
}
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, StrictBool unbiased) {
  return {taper::std(self, unbiased), self.mean()};
}
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, OptionalIntArrayRef dim,
                                    Correction correction, bool keepdim) {
  return {taper::std(self, dim, correction, keepdim), self.mean(dim.value_or({}), keepdim)};
}

Tensor norm(const Tensor& self, const Scalar& p) {
  return norm_over(self, p.toDouble(), kAllDims, false);
}
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, ScalarType dtype) {
  return norm_over(self.to(dtype), order_of(p), kAllDims, false);
}
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, IntArrayRef dim, bool keepdim) {
  return norm_over(self, order_of(p), reduced_dims("norm", dim, self.dim()), keepdim);
}
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, IntArrayRef dim, bool keepdim,
            ScalarType dtype) {
  return norm_over(self.to(dtype), order_of(p), reduced_dims("norm", dim, self.dim()), keepdim);
}

Tensor logsumexp(const Tensor& input, IntArrayRef dim, bool keepdim) {
  const Tensor self = input.is_floating_point() ? input : input.to(get_default_dtype());
  const uint64_t dims = reduced_dims("logsumexp", dim, self.dim());
  const DimVector list = dims_of(dims, self.dim());
  Tensor result;
  {
    NoRecordGuard no_record;
    if (self.numel() == 0) {
      result = self.exp().sum(list, keepdim).log();
    } else {
      Tensor most = self.amax(list, true);
      most = most.masked_fill(most.abs().eq(INFINITY), 0);
      result = self.sub(most).exp().sum(list, true).log().add(most);
      result = result.reshape(reduced_sizes(self.sizes(), dims, keepdim));
    }
  }
  const bool needed = needs_grad(self);
  record({.name = "LogsumexpBackward0",
          .outputs = {result},
          .inputs = {self},
          .save = {save_if(needed, self), save_if(needed, result)},
          .backward = [dims, keepdim](Backward& g) {
            const Tensor& x = g.saved(0);
            const Tensor grad = with_reduced_dims(g.grad(), dims, keepdim, x.dim());
            const Tensor lse = with_reduced_dims(g.saved(1), dims, keepdim, x.dim());
            g.set(0, grad.mul(x.sub(lse).exp()));
          }});
  return result;
}

namespace {

/// A weight for each of count observations.
void check_weights(const char* name, const Tensor& weights, int64_t count, bool integers) {
  TAPER_CHECK_AS(ShapeError, weights.dim() == 1, "cov(): expected ", name,
                 " to have one or fewer dimensions, and one, but got ", weights.dim());
  TAPER_CHECK_AS(DTypeError, isIntegralType(weights.scalar_type(), false) == integers,
                 "cov(): expected ", name, " to have ", integers ? "integral" : "floating point",
                 " dtype but got ", weights.scalar_type());
  TAPER_CHECK_AS(ShapeError, weights.numel() == count, "cov(): expected ", name,
                 " to have the same numel as there are observations, ", count, ", but got ",
                 weights.numel());
  TAPER_CHECK(count == 0 || weights.detach().min().item<double>() >= 0, "cov(): ", name,
              " cannot be negative");
}

}  // namespace

Tensor cov(const Tensor& self, int64_t correction, const std::optional<Tensor>& fweights,
           const std::optional<Tensor>& aweights) {
  TAPER_CHECK_AS(ShapeError, self.dim() <= 2,
                 "cov(): expected input to have two or fewer dimensions but got an input with ",
                 self.dim(), " dimensions");
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool,
                 "cov(): bool dtype is not supported for input");
  const Tensor x =
      (self.dim() < 2 ? self.reshape({1, -1}) : self).to(to_floating(self.scalar_type()));
  const int64_t count = x.sizes()[1];
  Tensor weights;
  if (fweights && fweights->defined()) {
    check_weights("fweights", *fweights, count, true);
    weights = fweights->to(x.scalar_type());
  }
  const bool weighed = aweights && aweights->defined();
  if (weighed) {
    check_weights("aweights", *aweights, count, false);
    weights = weights.defined() ? weights.mul(*aweights) : *aweights;
  }
  const Tensor total = weights.defined() ? weights.sum() : full({}, count, x.options());
  TAPER_CHECK(!weights.defined() || count == 0 || total.detach().item<double>() != 0,
              "cov(): weights sum to zero, can't be normalized");
  const Tensor mean = (weights.defined() ? x.mul(weights) : x).sum(1, true).div(total);
  const Tensor away = x.sub(mean);
  const Tensor moved = weighed ? weights.mul(*aweights).sum().div(total).mul(correction)
                               : full({}, correction, x.options());
  const Tensor products = away.matmul((weights.defined() ? away.mul(weights) : away).t());
  return products.div(total.sub(moved).clamp_min(0)).squeeze();
}

Tensor corrcoef(const Tensor& self) {
  TAPER_CHECK_AS(
      ShapeError, self.dim() <= 2,
      "corrcoef(): expected input to have two or fewer dimensions but got an input with ",
      self.dim(), " dimensions");
  const Tensor c = self.cov();
  if (c.dim() == 0) return c.div(c);
  const Tensor root = c.diagonal().sqrt();
  return c.div(root.unsqueeze(1)).div(root.unsqueeze(0)).clamp(-1, 1);
}

Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p) {
  return self.sub(other).norm(p);
}

Tensor body::renorm(Out out, const Tensor& self, const Scalar& p, int64_t dim,
                    const Scalar& maxnorm) {
  check_floating("renorm", self);
  TAPER_CHECK(p.toDouble() > 0, "renorm: non-positive-norm not supported, got p ", p.toDouble());
  TAPER_CHECK(maxnorm.toDouble() >= 0, "renorm: expected maxnorm to be >= 0 but got ",
              maxnorm.toDouble());
  TAPER_CHECK_AS(ShapeError, self.dim() > 1, "renorm: input needs at least 2 dimensions, got ",
                 self.dim(), " dimensions");
  const uint64_t others = ~(uint64_t{1} << wrap_dim(dim, self.dim()));
  return composed(out, self, [&](const Tensor& x) {
    const Tensor length = x.norm(p, dims_of(others, x.dim()), true);
    // As in PyTorch a little below maxnorm, so that rounding does not lead above it.
    const Tensor factor = length.add(1e-7).reciprocal().mul(maxnorm);
    return x.mul(factor.masked_fill(length.le(maxnorm), 1));
  });
}

}  // namespace taper
