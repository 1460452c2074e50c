#include "taper/ops/matmul.h"

#include <algorithm>

#include "taper/kernel/copy.h"
#include "taper/kernel/matmul.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/bodies.h"
#include "taper/ops/linalg_util.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

/// A matrix, or a batch of them, as it lies in a tensor; `transposed` swaps the last two.
struct Factor {
  const Tensor& tensor;
  bool transposed = false;

  int64_t rank() const { return tensor.dim(); }
  int64_t rows() const { return tensor.sizes()[rank() - (transposed ? 1 : 2)]; }
  int64_t cols() const { return tensor.sizes()[rank() - (transposed ? 2 : 1)]; }
  int64_t row() const { return tensor.strides()[rank() - (transposed ? 1 : 2)]; }
  int64_t col() const { return tensor.strides()[rank() - (transposed ? 2 : 1)]; }
  int64_t batch() const { return rank() == 3 ? tensor.strides()[0] : 0; }
};

MatmulGeometry geometry_of(const Tensor& out, Factor a, Factor b) {
  const Factor o{out};
  MatmulGeometry g;
  g.batch = out.dim() == 3 ? out.sizes()[0] : 1;
  g.m = a.rows();
  g.n = b.cols();
  g.k = a.cols();
  g.out_batch = o.batch();
  g.out_row = o.row();
  g.out_col = o.col();
  g.a_batch = a.batch();
  g.a_row = a.row();
  g.a_col = a.col();
  g.b_batch = b.batch();
  g.b_row = b.row();
  g.b_col = b.col();
  return g;
}

/// The real or the imaginary parts of a complex tensor, where they lie.
TensorImplPtr plane_of(const Tensor& t, int64_t part) {
  DimVector strides(t.strides());
  for (int64_t& stride : strides) stride *= 2;
  return TensorImpl::make("matmul", t.sizes(), strides, toRealValueType(t.scalar_type()),
                          t.impl().storage(), 2 * t.storage_offset() + part);
}

/// A product of complex matrices as four of their parts, from the geometry of the numbers.
void multiply_complex(const Tensor& out, const Tensor& a, const Tensor& b, MatmulGeometry g) {
  for (int64_t* stride : {&g.out_batch, &g.out_row, &g.out_col, &g.a_batch, &g.a_row, &g.a_col,
                          &g.b_batch, &g.b_row, &g.b_col}) {
    *stride *= 2;
  }
  const TensorImplPtr x[] = {plane_of(a, 0), plane_of(a, 1)};
  const TensorImplPtr y[] = {plane_of(b, 0), plane_of(b, 1)};
  for (int part = 0; part < 2; ++part) {
    const TensorImplPtr to = plane_of(out, part);
    // Re: re re - im im; Im: re im + im re.
    matmul_kernel(out.device(), View(to.get()), ConstView(x[0].get()), ConstView(y[part].get()),
                  ConstView(), g, Scalar(1), Scalar(0));
    matmul_kernel(out.device(), View(to.get()), ConstView(x[1].get()), ConstView(y[1 - part].get()),
                  ConstView(), g, Scalar(part == 0 ? -1 : 1), Scalar(1));
  }
}

void check_types(const char* op, const Tensor& a, const Tensor& b) {
  check_same_dtype(op, a, b);
  TAPER_CHECK_AS(DTypeError, a.scalar_type() != kBool, op,
                 ": \"addmm_impl_cpu_\" not implemented for 'Bool'");
}

bool shares_memory(const Tensor& a, const Tensor& b) {
  return a.impl().storage() == b.impl().storage();
}

/// Whether a product may be written straight to the caller's tensor: of its type, and not read.
bool direct(const Out& out, ScalarType dtype, const Tensor& a, const Tensor& b) {
  if (out.is_fresh()) return true;
  const Tensor& target = *out.target();
  return target.scalar_type() == dtype && !shares_memory(target, a) && !shares_memory(target, b);
}

DimVector product_sizes(Factor a, Factor b) {
  DimVector sizes;
  if (a.rank() == 3) sizes.push_back(a.tensor.sizes()[0]);
  sizes.push_back(a.rows());
  sizes.push_back(b.cols());
  return sizes;
}

/// alpha * a b of matrices or batches whose sizes fit; of complex ones alpha is 1. Its gradients
/// are products again.
Tensor product(const char* op, const char* node, const Out& out, Factor a, Factor b,
               const Scalar& alpha = 1) {
  const Tensor &x = a.tensor, &y = b.tensor;
  check_types(op, x, y);
  const DimVector sizes = product_sizes(a, b);
  if (!direct(out, x.scalar_type(), x, y)) {
    return out.give(op, product(op, node, Out(), a, b, alpha), {x, y});
  }
  Tensor result = out.make(op, sizes, x.scalar_type(), {x, y});
  const MatmulGeometry geometry = geometry_of(result, a, b);
  if (x.is_complex()) {
    multiply_complex(result, x, y, geometry);
  } else {
    matmul_kernel(result.device(), out_view(result), in(x), in(y), ConstView(), geometry, alpha,
                  Scalar(0));
  }
  if (!out.is_fresh() || !wants_grad({x, y})) return result;
  const bool ta = a.transposed, tb = b.transposed;
  record({.name = node,
          .outputs = {result},
          .inputs = {x, y},
          .save = {save_if(needs_grad(y), x), save_if(needs_grad(x), y)},
          .backward =
              [=](Backward& g) {
                const Tensor &x = g.saved(0), &y = g.saved(1), &d = g.grad();
                if (g.wants(0)) {
                  g.set(0, ta ? product(op, node, Out(), {y, tb}, {d, true}, alpha)
                              : product(op, node, Out(), {d, false}, {y, !tb}, alpha));
                }
                if (g.wants(1)) {
                  g.set(1, tb ? product(op, node, Out(), {d, true}, {x, ta}, alpha)
                              : product(op, node, Out(), {x, !ta}, {d, false}, alpha));
                }
              },
          .jvp =
              [&](Forward& t) {
                if (t.has(0)) t.add(0, product(op, node, Out(), {t.tangent(0), ta}, b, alpha));
                if (t.has(1)) t.add(0, product(op, node, Out(), a, {t.tangent(1), tb}, alpha));
              }});
  return result;
}

Tensor times(const char* op, const Tensor& a, bool ta, const Tensor& b, bool tb,
             const Scalar& alpha = 1) {
  return product(op, a.dim() == 3 ? "BmmBackward0" : "MmBackward0", Out(), {a, ta}, {b, tb}, alpha);
}

void check_numbers(const char* op, ScalarType dtype, const Scalar& beta, const Scalar& alpha) {
  const bool integral = isIntegralType(dtype, true);
  TAPER_CHECK(!integral || !alpha.isFloatingPoint(), op,
              ": For integral input tensors, argument alpha must not be a floating point number.");
  TAPER_CHECK(!integral || !beta.isFloatingPoint(), op,
              ": For integral input tensors, argument beta must not be a floating point number.");
}

/// A row vector that every row of the result gets: the kernel adds it as it goes.
bool is_bias(const Tensor& self, const Out& out, int64_t cols) {
  return out.is_fresh() && self.dim() == 1 && self.sizes()[0] == cols;
}

/// beta * self + alpha * a b, self broadcast to the product's sizes.
Tensor accumulate(const char* op, const char* node, const Out& out, const Tensor& self,
                  const Tensor& x, const Tensor& y, const Scalar& beta, const Scalar& alpha) {
  check_types(op, x, y);
  check_same_dtype(op, self, x);
  check_numbers(op, x.scalar_type(), beta, alpha);
  const Factor a{x}, b{y};
  const DimVector sizes = product_sizes(a, b);
  TAPER_CHECK_AS(ShapeError, static_cast<size_t>(self.dim()) <= sizes.size(), op,
                 ": expected self to expand to ", sizes, ", got sizes ", self.sizes(),
                 ": the number of sizes provided (", sizes.size(),
                 ") must be greater or equal to the number of dimensions in the tensor (",
                 self.dim(), ")");
  if (x.is_complex()) {
    return composite(out, op, self, {self, x, y}, [&](const Tensor& base) {
      const Tensor xy = times(op, x, false, y, false);
      const Tensor product = alpha.equal(1) ? xy : mul(xy, alpha);
      const Tensor wide = base.expand(sizes);
      return beta.equal(0) ? product : add(product, beta.equal(1) ? wide : mul(wide, beta));
    });
  }
  DimVector expanded, strides;
  expand_strides(self.sizes(), self.strides(), sizes, expanded, strides);
  if (!direct(out, x.scalar_type(), x, y)) {
    // In place, a factor lies in the memory to write: it is read from a copy.
    if (out.is_inplace()) return accumulate(op, node, out, self, x.clone(), y.clone(), beta, alpha);
    return out.give(op, accumulate(op, node, Out(), self, x, y, beta, alpha), {self, x, y});
  }
  Tensor result = out.make(op, sizes, x.scalar_type(), {self, x, y});
  const bool bias = is_bias(self, out, b.cols()) && beta.toDouble() == 1;
  const bool reads = beta.toDouble() != 0 && !bias;
  if (reads && !result.is_same(self)) {
    const TensorImplPtr wide =
        TensorImpl::view(self.impl(), expanded, strides, self.storage_offset());
    copy_kernel(result.device(), out_view(result), ConstView(wide.get()));
  }
  matmul_kernel(result.device(), out_view(result), in(x), in(y), bias ? in(self) : ConstView(),
                geometry_of(result, a, b), alpha, reads ? beta : Scalar(0));
  if (!wants_grad({self, x, y})) return result;
  record({.name = node,
          .outputs = {result},
          .inputs = {self, x, y},
          .save = {save_if(needs_grad(y), x), save_if(needs_grad(x), y)},
          .inplace = out.is_inplace(),
          .backward =
              [=](Backward& g) {
                const Tensor& d = g.grad();
                if (g.wants(0)) {
                  const Tensor sum = sum_to(d, g.sizes(0));
                  g.set(0, beta.toDouble() == 1 ? sum : mul(sum, beta));
                }
                if (g.wants(1)) g.set(1, times(op, d, false, g.saved(1), true, alpha));
                if (g.wants(2)) g.set(2, times(op, g.saved(0), true, d, false, alpha));
              },
          .jvp =
              [&](Forward& t) {
                if (t.has(0)) t.add(0, mul(t.tangent(0), beta).expand(sizes));
                if (t.has(1)) t.add(0, times(op, t.tangent(1), false, y, false, alpha));
                if (t.has(2)) t.add(0, times(op, x, false, t.tangent(2), false, alpha));
              }});
  return result;
}

void check_mm(const char* op, const Tensor& a, const Tensor& b) {
  TAPER_CHECK_AS(ShapeError, a.dim() == 2, op, ": self must be a matrix, got sizes ", a.sizes());
  TAPER_CHECK_AS(ShapeError, b.dim() == 2, op, ": mat2 must be a matrix, got sizes ", b.sizes());
  TAPER_CHECK_AS(ShapeError, a.sizes()[1] == b.sizes()[0], op,
                 ": mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0], "x", a.sizes()[1],
                 " and ", b.sizes()[0], "x", b.sizes()[1], ")");
}

void check_bmm(const char* op, const Tensor& a, const Tensor& b) {
  TAPER_CHECK_AS(ShapeError, a.dim() == 3, op, ": batch1 must be a 3D tensor, got sizes ",
                 a.sizes());
  TAPER_CHECK_AS(ShapeError, b.dim() == 3, op, ": batch2 must be a 3D tensor, got sizes ",
                 b.sizes());
  TAPER_CHECK_AS(ShapeError, b.sizes()[0] == a.sizes()[0] && b.sizes()[1] == a.sizes()[2], op,
                 ": Expected size for first two dimensions of batch2 tensor to be: [", a.sizes()[0],
                 ", ", a.sizes()[2], "] but got: [", b.sizes()[0], ", ", b.sizes()[1], "].");
}

void check_mv(const char* op, const Tensor& a, const Tensor& v) {
  TAPER_CHECK_AS(ShapeError, a.dim() == 2 && v.dim() == 1, op,
                 ": vector + matrix @ vector expected, got ", a.dim(), ", ", v.dim());
  TAPER_CHECK_AS(ShapeError, a.sizes()[1] == v.sizes()[0], op, ": size mismatch, got ",
                 a.sizes()[0], ", ", a.sizes()[0], "x", a.sizes()[1], ",", v.sizes()[0]);
}

Tensor mv_fresh(const char* op, const Tensor& self, const Tensor& vec) {
  check_mv(op, self, vec);
  return times(op, self, false, vec.unsqueeze(1), false).squeeze(1);
}

Tensor dot_fresh(const char* op, const Tensor& self, const Tensor& other) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 1 && other.dim() == 1, op,
                 ": 1D tensors expected, but got ", self.dim(), "D and ", other.dim(), "D tensors");
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == other.scalar_type(), op,
                 ": dot : expected both vectors to have same dtype, but found ", self.scalar_type(),
                 " and ", other.scalar_type());
  TAPER_CHECK_AS(DTypeError, self.scalar_type() != kBool, op,
                 ": \"dot\" not implemented for 'Bool'");
  TAPER_CHECK_AS(ShapeError, self.numel() == other.numel(), op,
                 ": inconsistent tensor size, expected tensor ", self.sizes(), " and src ",
                 other.sizes(), " to have the same number of elements, but got ", self.numel(),
                 " and ", other.numel(), " elements respectively");
  return times(op, self.unsqueeze(0), false, other.unsqueeze(1), false).reshape({});
}

/// A batch as one dimension of matrices, repeated without a copy where it broadcasts.
Tensor folded(const Tensor& t, const DimVector& batch, int64_t count) {
  const int64_t rows = t.sizes()[t.dim() - 2], cols = t.sizes()[t.dim() - 1];
  if (t.dim() == 2) return t.expand({count, rows, cols});
  return t.expand(with_matrix(batch, rows, cols)).reshape({count, rows, cols});
}

/// matmul() of operands with at least two dimensions, one with more.
Tensor matmul_batched(const Tensor& a, const Tensor& b) {
  const int64_t rows = a.sizes()[a.dim() - 2], k = a.sizes()[a.dim() - 1];
  const int64_t cols = b.sizes()[b.dim() - 1];
  if (b.dim() == 2) {
    // One matrix for all rows: one product.
    TAPER_CHECK_AS(ShapeError, k == b.sizes()[0],
                   "matmul: mat1 and mat2 shapes cannot be multiplied (", a.numel() / (k ? k : 1),
                   "x", k, " and ", b.sizes()[0], "x", cols, ")");
    int64_t count = rows;
    for (const int64_t s : batch_sizes(a)) count *= s;
    return times("matmul", a.reshape({count, k}), false, b, false)
        .reshape(with_matrix(batch_sizes(a), rows, cols));
  }
  const DimVector batch = broadcast_sizes(batch_sizes(a), batch_sizes(b));
  int64_t count = 1;
  for (const int64_t s : batch) count *= s;
  const Tensor x = folded(a, batch, count), y = folded(b, batch, count);
  check_bmm("matmul", x, y);
  return times("matmul", x, false, y, false).reshape(with_matrix(batch, rows, cols));
}

Tensor matmul_fresh(const Tensor& self, const Tensor& other) {
  const int64_t left = self.dim(), right = other.dim();
  TAPER_CHECK_AS(ShapeError, left > 0 && right > 0,
                 "matmul: both arguments to matmul need to be at least 1D, but they are ", left,
                 "D and ", right, "D");
  if (left == 1 && right == 1) return dot_fresh("matmul", self, other);
  if (left == 2 && right == 1) return mv_fresh("matmul", self, other);
  if (left == 1) return matmul_fresh(self.unsqueeze(0), other).squeeze(-2);
  if (right == 1) return matmul_fresh(self, other.unsqueeze(1)).squeeze(-1);
  if (left == 2 && right == 2) {
    check_mm("matmul", self, other);
    return times("matmul", self, false, other, false);
  }
  return matmul_batched(self, other);
}

Tensor outer_fresh(const char* op, const Tensor& self, const Tensor& vec2) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 1, op, ": Expected 1-D argument self, but got ",
                 self.dim(), "-D");
  TAPER_CHECK_AS(ShapeError, vec2.dim() == 1, op, ": Expected 1-D argument vec2, but got ",
                 vec2.dim(), "-D");
  return mul(self.unsqueeze(1), vec2);
}

/// The gradients of linear(): of the input, the weight and the bias.
void linear_backward(Backward& g) {
  const Tensor &d = g.grad(), &x = g.saved(0), &weight = g.saved(1);
  const bool is_matrix = d.dim() == 2;
  const int64_t n = d.sizes()[d.dim() - 1];
  Tensor flat_d, flat_x;
  if (!is_matrix) flat_d = d.reshape({d.numel() / std::max<int64_t>(n, 1), n});
  const Tensor& rows = is_matrix ? d : flat_d;
  if (g.wants(0)) {
    Tensor gx = times("linear", rows, false, weight, false);
    g.set(0, is_matrix ? std::move(gx) : gx.reshape(g.sizes(0)));
  }
  if (g.wants(1)) {
    if (!is_matrix) flat_x = x.reshape({rows.sizes()[0], g.sizes(1)[1]});
    g.set(1, times("linear", rows, true, is_matrix ? x : flat_x, false));
  }
  if (g.wants(2)) g.set(2, sum_to(rows, {n}));
}

}  // namespace

namespace body {

Tensor dot(Out out, const Tensor& self, const Tensor& tensor) {
  return out.give("dot", dot_fresh("dot", self, tensor), {self, tensor});
}

Tensor mv(Out out, const Tensor& self, const Tensor& vec) {
  return out.give("mv", mv_fresh("mv", self, vec), {self, vec});
}

Tensor mm(Out out, const Tensor& self, const Tensor& mat2) {
  if (autocasting() && out.is_fresh()) [[unlikely]] {
    return autocast_lower(&taper::mm, self, mat2);
  }
  check_mm("mm", self, mat2);
  return product("mm", "MmBackward0", out, {self}, {mat2});
}

Tensor bmm(Out out, const Tensor& self, const Tensor& mat2) {
  if (autocasting() && out.is_fresh()) [[unlikely]] {
    return autocast_lower(&taper::bmm, self, mat2);
  }
  check_bmm("bmm", self, mat2);
  return product("bmm", "BmmBackward0", out, {self}, {mat2});
}

Tensor matmul(Out out, const Tensor& self, const Tensor& other) {
  if (autocasting() && out.is_fresh()) [[unlikely]] {
    return autocast_lower(&taper::matmul, self, other);
  }
  if (self.dim() == 2 && other.dim() == 2) {
    check_mm("matmul", self, other);
    return product("matmul", "MmBackward0", out, {self}, {other});
  }
  return out.give("matmul", matmul_fresh(self, other), {self, other});
}

Tensor addmm(Out out, const Tensor& self, const Tensor& mat1, const Tensor& mat2,
             const Scalar& beta, const Scalar& alpha) {
  if (autocasting() && out.is_fresh()) [[unlikely]] {
    return autocast_lower(&taper::addmm, self, mat1, mat2, beta, alpha);
  }
  TAPER_CHECK_AS(ShapeError, mat1.dim() == 2 && mat2.dim() == 2,
                 "addmm: mat1 and mat2 must be matrices, got sizes ", mat1.sizes(), " and ",
                 mat2.sizes());
  check_mm("addmm", mat1, mat2);
  return accumulate("addmm", "AddmmBackward0", out, self, mat1, mat2, beta, alpha);
}

Tensor addmv(Out out, const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta,
             const Scalar& alpha) {
  check_mv("addmv", mat, vec);
  TAPER_CHECK_AS(ShapeError, self.dim() <= 1, "addmv: vector + matrix @ vector expected, got ",
                 self.dim(), ", ", mat.dim(), ", ", vec.dim());
  return composite(out, "addmv", self, {self, mat, vec}, [&](const Tensor& x) {
    const Tensor column = x.dim() == 1 ? x.unsqueeze(1) : x;
    return accumulate("addmv", "AddmvBackward0", Out(), column, mat, vec.unsqueeze(1), beta, alpha)
        .squeeze(1);
  });
}

Tensor baddbmm(Out out, const Tensor& self, const Tensor& batch1, const Tensor& batch2,
               const Scalar& beta, const Scalar& alpha) {
  if (autocasting() && out.is_fresh()) [[unlikely]] {
    return autocast_lower(&taper::baddbmm, self, batch1, batch2, beta, alpha);
  }
  check_bmm("baddbmm", batch1, batch2);
  return accumulate("baddbmm", "BaddbmmBackward0", out, self, batch1, batch2, beta, alpha);
}

Tensor outer(Out out, const Tensor& self, const Tensor& vec2) {
  return out.give("outer", outer_fresh("outer", self, vec2), {self, vec2});
}

Tensor ger(Out out, const Tensor& self, const Tensor& vec2) {
  return out.give("ger", outer_fresh("ger", self, vec2), {self, vec2});
}

}  // namespace body

Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (autocasting()) [[unlikely]] {
    return autocast_lower(&taper::linear, input, weight, bias);
  }
  TAPER_CHECK_AS(ShapeError, weight.dim() == 2, "linear: weight must be a matrix, got sizes ",
                 weight.sizes());
  TAPER_CHECK_AS(ShapeError, input.dim() >= 1, "linear: input must have at least one dimension");
  check_types("linear", input, weight);
  const int64_t rank = input.dim(), k = weight.sizes()[1], n = weight.sizes()[0];
  const bool has_bias = bias && bias->defined();
  if (has_bias) {
    check_same_dtype("linear", *bias, weight);
    TAPER_CHECK_AS(ShapeError, bias->dim() == 1 && bias->sizes()[0] == n,
                   "linear: expected a bias of size [", n, "], got ", bias->sizes());
  }
  // Leading dimensions fold into rows.
  Tensor dense;
  if (rank != 2 && !input.is_contiguous()) dense = input.contiguous();
  const Tensor& x = dense.defined() ? dense : input;
  DimVector sizes(x.sizes());
  sizes[rank - 1] = n;
  int64_t rows = 1;
  for (int64_t d = 0; d + 1 < rank; ++d) rows *= sizes[d];
  TAPER_CHECK_AS(ShapeError, x.sizes()[rank - 1] == k,
                 "linear: mat1 and mat2 shapes cannot be multiplied (", rows, "x",
                 x.sizes()[rank - 1], " and ", k, "x", n, ")");
  if (x.is_complex()) {
    const Tensor product = matmul(x, weight.t());
    return has_bias ? add(product, *bias) : product;
  }
  Tensor out = new_tensor("linear", sizes, x.scalar_type());
  MatmulGeometry g;
  g.m = rows;
  g.n = n;
  g.k = k;
  g.out_row = n;
  g.a_row = rank == 2 ? x.strides()[0] : k;
  g.a_col = x.strides()[rank - 1];
  g.b_row = weight.strides()[1];
  g.b_col = weight.strides()[0];
  matmul_kernel(out.device(), out_view(out), in(x), in(weight), has_bias ? in(*bias) : ConstView(),
                g, Scalar(1), Scalar(0));
  record({.name = "LinearBackward0",
          .outputs = {out},
          .inputs = {x, weight, bias},
          .save = {save_if(needs_grad(weight), x), save_if(needs_grad(x), weight)},
          .backward = linear_backward});
  return out;
}

}  // namespace taper
