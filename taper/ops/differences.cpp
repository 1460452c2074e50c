#include "taper/ops/differences.h"

#include "taper/ops/joining.h"
#include "taper/ops/op_util.h"

namespace taper {
namespace {

/// All but the first, and all but the last.
Tensor tail(const Tensor& t, int64_t dim) { return t.slice(dim, 1); }
Tensor head(const Tensor& t, int64_t dim) { return t.slice(dim, 0, -1); }

/// The areas between neighbours, twice.
Tensor pair_sums(const Tensor& y, int64_t dim) { return tail(y, dim).add(head(y, dim)); }

/// x as it broadcasts against y: a vector lies along dim.
Tensor along(const char* op, const Tensor& y, const Tensor& x, int64_t dim) {
  Tensor points = x;
  if (x.dim() == 1) {
    DimVector sizes(y.sizes());
    for (int64_t& size : sizes) size = 1;
    sizes[dim] = x.numel();
    points = x.reshape(sizes);
  }
  const int64_t d = dim - y.dim() + points.dim();
  TAPER_CHECK_AS(ShapeError, d >= 0 && points.sizes()[d] == y.sizes()[dim], op,
                 "(): There must be one `x` value for each sample point, got x ", x.sizes(),
                 " for y ", y.sizes(), " along dimension ", dim);
  return points;
}

void check_areas(const char* op, const Tensor& y) {
  TAPER_CHECK_AS(DTypeError, y.scalar_type() != kBool, op,
                 ": received a bool input for `x` or `y`, but bool is not supported");
}

/// The area of each trapezoid.
Tensor areas(const char* op, const Tensor& y, const Tensor& x, int64_t dim) {
  check_areas(op, y);
  check_areas(op, x);
  const Tensor points = along(op, y, x, dim);
  const int64_t d = dim - y.dim() + points.dim();
  return tail(points, d).sub(head(points, d)).mul(pair_sums(y, dim)).div(2);
}
Tensor areas(const char* op, const Tensor& y, const Scalar& dx, int64_t dim) {
  check_areas(op, y);
  return pair_sums(y, dim).mul(dx).div(2);
}

}  // namespace

Tensor diff(const Tensor& self, int64_t n, int64_t dim, const std::optional<Tensor>& prepend,
            const std::optional<Tensor>& append) {
  TAPER_CHECK_AS(ShapeError, self.dim() > 0,
                 "diff expects input to be at least one-dimensional, got no dimensions");
  TAPER_CHECK(n >= 0, "diff: order must be non-negative but got ", n);
  const int64_t d = wrap_dim(dim, self.dim());
  std::vector<Tensor> parts;
  if (prepend && prepend->defined()) parts.push_back(*prepend);
  parts.push_back(self);
  if (append && append->defined()) parts.push_back(*append);
  for (const Tensor& part : parts) {
    TAPER_CHECK_AS(ShapeError, part.dim() == self.dim(),
                   "diff expects prepend or append to be the same dimension as input, got ",
                   part.sizes(), " and ", self.sizes());
  }
  if (n == 0) return self.clone();
  Tensor result = parts.size() > 1 ? cat(parts, d) : self;
  for (int64_t i = 0; i < n && (i == 0 || result.sizes()[d] > 0); ++i) {
    const Tensor first = head(result, d), second = tail(result, d);
    result = result.scalar_type() == kBool ? second.logical_xor(first) : second.sub(first);
  }
  return result;
}

Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim) {
  const int64_t d = wrap_dim(dim, y.dim());
  if (y.dim() == 0 || y.sizes()[d] == 0) return y.sum(d).mul(0);
  return areas("trapezoid", y, x, d).sum(d - y.dim());
}
Tensor trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  const int64_t d = wrap_dim(dim, y.dim());
  if (y.dim() == 0 || y.sizes()[d] == 0) return y.sum(d).mul(0);
  return areas("trapezoid", y, dx, d).sum(d);
}
Tensor trapz(const Tensor& y, const Tensor& x, int64_t dim) { return trapezoid(y, x, dim); }
Tensor trapz(const Tensor& y, double dx, int64_t dim) { return trapezoid(y, Scalar(dx), dim); }

Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim) {
  const int64_t d = wrap_dim(dim, y.dim());
  if (y.dim() == 0 || y.sizes()[d] == 0) return y.clone();
  return areas("cumulative_trapezoid", y, x, d).cumsum(d - y.dim());
}
Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  const int64_t d = wrap_dim(dim, y.dim());
  if (y.dim() == 0 || y.sizes()[d] == 0) return y.clone();
  return areas("cumulative_trapezoid", y, dx, d).cumsum(d);
}

namespace {

/// The slope along dim at points whose distances are gaps (n - 1 of them, one dimension).
Tensor slope(const Tensor& y, const Tensor& gaps, int64_t dim, int64_t edge_order) {
  DimVector line(y.dim(), 1);
  const auto lying = [&](const Tensor& t) {
    line[dim] = t.numel();
    return t.reshape(line);
  };
  const int64_t n = y.sizes()[dim];
  const Tensor left = lying(gaps.slice(0, 0, n - 2)), right = lying(gaps.slice(0, 1));
  const Tensor steps = tail(y, dim).sub(head(y, dim)).div(lying(gaps));
  const Tensor before = steps.slice(dim, 0, n - 2), after = steps.slice(dim, 1);
  // The slope of the parabola through three neighbours.
  const Tensor inner = before.mul(right).add(after.mul(left)).div(left.add(right));
  Tensor first = steps.slice(dim, 0, 1), last = steps.slice(dim, n - 2);
  if (edge_order == 2) {
    const Tensor bend = after.sub(before).div(left.add(right));
    first = first.sub(bend.slice(dim, 0, 1).mul(left.slice(dim, 0, 1)));
    last = last.add(bend.slice(dim, n - 3).mul(right.slice(dim, n - 3)));
  }
  return cat({first, inner, last}, dim);
}

DimVector slope_dims(const Tensor& self, IntArrayRef dim, int64_t edge_order) {
  TAPER_CHECK(edge_order == 1 || edge_order == 2,
              "torch.gradient only supports edge_order=1 and edge_order=2, got ", edge_order);
  DimVector dims;
  for (const int64_t d : dim) dims.push_back(wrap_dim(d, self.dim()));
  for (int64_t d = 0; dim.empty() && d < self.dim(); ++d) dims.push_back(d);
  for (size_t i = 0; i < dims.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      TAPER_CHECK_AS(ShapeError, dims[i] != dims[k], "gradient: dim ", dims[i],
                     " appears multiple times in the list of dims");
    }
    TAPER_CHECK_AS(ShapeError, self.dim() > 0 && self.sizes()[dims[i]] > edge_order,
                   "torch.gradient expected each dimension size to be at least edge_order+1, got ",
                   self.sizes(), " and edge_order ", edge_order);
  }
  return dims;
}

void check_spacings(size_t spacings, size_t dims) {
  TAPER_CHECK_AS(
      ShapeError, spacings == dims,
      "torch.gradient expected spacing to be unspecified, a scalar, or a list of length ", dims,
      ", got a list of length ", spacings);
}

}  // namespace

std::vector<Tensor> gradient(const Tensor& self, const Scalar& spacing, IntArrayRef dim,
                             int64_t edge_order) {
  const std::vector<Scalar> all(dim.empty() ? self.dim() : dim.size(), spacing);
  return gradient(self, ArrayRef<Scalar>(all), dim, edge_order);
}
std::vector<Tensor> gradient(const Tensor& input, ArrayRef<Scalar> spacing, IntArrayRef dim,
                             int64_t edge_order) {
  const Tensor self = input.to(to_floating(input.scalar_type()));
  const DimVector dims = slope_dims(self, dim, edge_order);
  check_spacings(spacing.size(), dims.size());
  std::vector<Tensor> slopes;
  for (size_t i = 0; i < dims.size(); ++i) {
    const Tensor gaps = self.new_full(self.sizes()[dims[i]] - 1, spacing[i]);
    slopes.push_back(slope(self, gaps, dims[i], edge_order));
  }
  return slopes;
}
std::vector<Tensor> gradient(const Tensor& input, TensorList spacing, IntArrayRef dim,
                             int64_t edge_order) {
  const Tensor self = input.to(to_floating(input.scalar_type()));
  const DimVector dims = slope_dims(self, dim, edge_order);
  check_spacings(spacing.size(), dims.size());
  std::vector<Tensor> slopes;
  for (size_t i = 0; i < dims.size(); ++i) {
    const Tensor& points = spacing[i];
    TAPER_CHECK_AS(ShapeError, points.dim() == 1 && points.numel() == self.sizes()[dims[i]],
                   "torch.gradient expected each element of spacing to have one point for each "
                   "value, got ",
                   points.sizes(), " for size ", self.sizes()[dims[i]]);
    slopes.push_back(slope(self, points.to(self.scalar_type()).diff(), dims[i], edge_order));
  }
  return slopes;
}

}  // namespace taper
