#include "taper/ops/sorting.h"

#include <algorithm>
#include <limits>

#include "taper/kernel/sorting.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/indexing.h"
#include "taper/ops/joining.h"
#include "taper/ops/masking.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduce_util.h"
#include "taper/ops/reduction.h"
#include "taper/ops/scan.h"
#include "taper/ops/scatter.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

using Pair = std::tuple<Tensor, Tensor>;

int64_t size_along(const Tensor& t, int64_t dim) { return t.dim() == 0 ? 1 : t.sizes()[dim]; }

/// The first count elements along dim in order; values pass their gradient to where they came from.
Pair ordered(const char* op, const char* node, const Tensor& self, int64_t dim, int64_t count,
             bool descending) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  DimVector sizes(self.sizes());
  if (self.dim() > 0) sizes[dim] = count;
  const Tensor values = new_tensor(op, sizes, self.scalar_type());
  const Tensor indices = new_tensor(op, sizes, kLong);
  sort_kernel(self.device(), out_view(values), out_view(indices), in(self), dim, descending);
  record_choice(node, values, indices, self, dim);
  return {values, indices};
}

/// One element of each line along dim.
Pair picked(const char* op, const char* node, const Tensor& self, int64_t dim, bool keepdim,
            Rank rank, int64_t k = 0) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  const uint64_t dims = uint64_t{1} << dim;
  check_nonempty(op, self.sizes(), dims);
  const DimVector sizes = reduced_sizes(self.sizes(), dims, true);
  const Tensor values = new_tensor(op, sizes, self.scalar_type());
  const Tensor indices = new_tensor(op, sizes, kLong);
  kth_kernel(self.device(), out_view(values), out_view(indices), in(self), dim, rank, k);
  record_choice(node, values, indices, self, dim);
  if (keepdim || self.dim() == 0) return {values, indices};
  return {values.squeeze(dim), indices.squeeze(dim)};
}

/// The median of all elements.
Tensor median_of_all(const char* op, const char* node, const Tensor& self, Rank rank) {
  if (self.numel() == 0) {
    return full({}, std::numeric_limits<double>::quiet_NaN(), kDouble).to(self.scalar_type());
  }
  return std::get<0>(picked(op, node, self.flatten(), 0, false, rank));
}

void check_quantile(const char* op, const Tensor& self, const Tensor& q,
                    std::string_view interpolation) {
  const ScalarType type = self.scalar_type();
  TAPER_CHECK_AS(ShapeError, self.numel() > 0, op, "() input tensor must be non-empty");
  TAPER_CHECK_AS(ShapeError, q.dim() <= 1, op, "() q must be a scalar or 1D tensor, got sizes ",
                 q.sizes());
  TAPER_CHECK_AS(DTypeError, type == kFloat || type == kDouble, op,
                 "() input tensor must be either float or double dtype, got ", type);
  TAPER_CHECK_AS(DTypeError, q.scalar_type() == type, op,
                 "() q tensor must be same dtype as the input tensor, got ", q.scalar_type(),
                 " and ", type);
  TAPER_CHECK(logical_and(ge(q, 0), le(q, 1)).all().item<bool>(), op,
              "() q values must be in the range [0, 1]");
  const std::string_view modes[] = {"linear", "lower", "higher", "midpoint", "nearest"};
  TAPER_CHECK_AS(ConfigError,
                 std::find(std::begin(modes), std::end(modes), interpolation) != std::end(modes),
                 op,
                 "() interpolation must be one of linear, lower, higher, midpoint or nearest, but "
                 "got ",
                 interpolation);
}

Tensor quantiles(const char* op, const Tensor& self, const Tensor& q, std::optional<int64_t> dim,
                 bool keepdim, std::string_view interpolation, bool skip_nans) {
  check_quantile(op, self, q, interpolation);
  const int64_t d = dim ? wrap_dim(*dim, self.dim()) : 0;
  const Tensor lines = !dim || self.dim() == 0 ? self.flatten() : self.movedim(d, -1);
  const Tensor sorted = std::get<0>(
      ordered(op, "QuantileBackward0", lines.contiguous(), lines.dim() - 1, lines.size(-1), false));
  const double last = static_cast<double>(sorted.size(-1) - 1);
  // NaNs stand at the end: one there decides, or shortens the line.
  const Tensor nans = isnan(sorted.detach());
  Tensor ranks;
  if (skip_nans) {
    const Tensor valid = rsub(nans.sum(-1, true), static_cast<int64_t>(last));
    ranks = mul(q, clamp_min(valid, 0).to(q.scalar_type()));
  } else {
    ranks = where(nans.any(-1, true), Scalar(last), mul(q, last));
  }
  if (interpolation == "lower") ranks = floor(ranks);
  if (interpolation == "higher") ranks = ceil(ranks);
  if (interpolation == "nearest") ranks = round(ranks);
  const Tensor below = floor(ranks);
  Tensor result = sorted.gather(-1, below.to(kLong));
  if (interpolation == "linear" || interpolation == "midpoint") {
    const Tensor above = sorted.gather(-1, ceil(ranks).to(kLong));
    const Tensor weight = interpolation == "linear" ? sub(ranks, below) : full_like(ranks, 0.5);
    result = lerp(result, above, weight);
  }
  // [..., Q]: Q goes to the front of what a reduction leaves.
  const Tensor front = result.movedim(-1, 0);
  const uint64_t dims = dim ? uint64_t{1} << d : ~uint64_t{0};
  DimVector sizes = reduced_sizes(self.sizes(), dims, keepdim);
  sizes.insert(sizes.begin(), front.size(0));
  const Tensor shaped = front.reshape(sizes);
  return q.dim() == 0 ? shaped.squeeze(0) : shaped;
}

Tensor one_quantile(const char* op, const Tensor& self, double q) {
  TAPER_CHECK(q >= 0 && q <= 1, op, "() q must be in the range [0, 1] but got ", q);
  return full({}, q, self.scalar_type());
}

Tensor search(const char* op, const Tensor& sequence, const Tensor& values, bool out_int32,
              bool right) {
  TAPER_CHECK_AS(ShapeError, sequence.dim() > 0, op,
                 ": boundaries tensor should have positive dimension, but got 0 dimension");
  TAPER_CHECK_AS(DTypeError, sequence.scalar_type() == values.scalar_type(), op,
                 ": boundary tensor and input value tensor should have same dtype, but got ",
                 sequence.scalar_type(), " and ", values.scalar_type());
  const int64_t lead = sequence.dim() - 1;
  TAPER_CHECK_AS(ShapeError,
                 lead == 0 || (values.dim() == lead + 1 &&
                               values.sizes().slice(0, static_cast<size_t>(lead)) ==
                                   sequence.sizes().slice(0, static_cast<size_t>(lead))),
                 op,
                 ": boundaries tensor should be 1 dimension or the first N-1 dimensions of "
                 "boundaries tensor and input value tensor must match, but we got boundaries "
                 "tensor ",
                 sequence.sizes(), " and input value tensor ", values.sizes());
  TAPER_CHECK_AS(ShapeError, !out_int32 || sequence.size(-1) < std::numeric_limits<int32_t>::max(),
                 op, ": the size of boundaries' last dimension should be less than INT_MAX, got ",
                 sequence.size(-1));
  const Tensor x = values.contiguous(), sorted = sequence.contiguous();
  Tensor positions = new_tensor(op, x.sizes(), out_int32 ? kInt : kLong);
  search_kernel(x.device(), out_view(positions), in(sorted), in(x), right);
  return positions;
}

Tensor as_boundary(const Scalar& value, const Tensor& boundaries) {
  return scalar_tensor(value, boundaries.scalar_type());
}

bool side_is_right(bool right, std::optional<std::string_view> side) {
  if (!side) return right;
  TAPER_CHECK_AS(ConfigError, *side == "left" || *side == "right",
                 "searchsorted: side can only be 'left' or 'right' but got ", *side);
  TAPER_CHECK_AS(ConfigError, *side == "right" || !right,
                 "searchsorted: side and right can't be set to opposites, got side of ", *side,
                 " while right was True");
  return *side == "right";
}

/// From the order of rows and whether each differs from the one before: the positions of the first
/// of each run, the run of each row where it stood before, and the runs' lengths.
struct Runs {
  Tensor first, inverse, counts;
};
Runs runs_of(const Tensor& differs, const Tensor& order) {
  const int64_t n = order.numel();
  const Tensor head = ones({std::min<int64_t>(n, 1)}, kBool);
  const Tensor starts = cat({head, differs});
  Runs runs;
  runs.first = starts.nonzero().view(-1);
  const Tensor run = starts.cumsum(0).sub(1);
  runs.inverse = zeros({n}, kLong).scatter(0, order, run);
  runs.counts = cat({runs.first, full({1}, n)});
  runs.counts = runs.counts.slice(0, 1).sub(runs.counts.slice(0, 0, -1));
  return runs;
}

std::tuple<Tensor, Tensor, Tensor> unique_rows(const char* op, const Tensor& self,
                                               std::optional<int64_t> dim, bool in_order) {
  // Elements are rows of one column.
  const Tensor flat = dim ? self : self.flatten();
  const int64_t d = dim ? wrap_dim(*dim, self.dim()) : 0;
  const int64_t n = size_along(flat, d);
  const Tensor lines = flat.detach().movedim(d, 0);
  const int64_t width = n == 0 ? 0 : lines.numel() / n;
  TAPER_CHECK_AS(ShapeError, n == 0 || width > 0, op,
                 ": There are 0 sized dimensions, and they aren't selected, so unique cannot be "
                 "applied");
  const Tensor table = lines.reshape({n, width});
  Tensor order = arange(n);
  if (!in_order) {
    for (int64_t c = width - 1; c >= 0; --c) {
      order = order.index_select(0, argsort(table.select(1, c).index_select(0, order)));
    }
  }
  const Tensor sorted = in_order ? table : table.index_select(0, order);
  const Tensor differs =
      n == 0 ? zeros({0}, kBool) : sorted.slice(0, 1).ne(sorted.slice(0, 0, -1)).any(1);
  const Runs runs = runs_of(differs, order);
  const Tensor rows = order.index_select(0, runs.first);
  const Tensor inverse = dim ? runs.inverse : runs.inverse.view(self.sizes());
  return {flat.detach().index_select(d, rows), inverse, runs.counts};
}

std::tuple<Tensor, Tensor, Tensor> asked_for(std::tuple<Tensor, Tensor, Tensor> all, bool inverse,
                                             bool counts) {
  if (!inverse) std::get<1>(all) = empty({0}, kLong);
  if (!counts) std::get<2>(all) = empty({0}, kLong);
  return all;
}

}  // namespace

Pair sort(const Tensor& self, int64_t dim, bool descending) {
  const int64_t d = wrap_dim(dim, self.dim());
  return ordered("sort", "SortBackward0", self, d, size_along(self, d), descending);
}
Pair sort(const Tensor& self, std::optional<bool>, int64_t dim, bool descending) {
  return sort(self, dim, descending);
}

Tensor argsort(const Tensor& self, int64_t dim, bool descending) {
  Tensor indices = new_tensor("argsort", self.sizes(), kLong);
  sort_kernel(self.device(), View(), out_view(indices), in(self), wrap_dim(dim, self.dim()),
              descending);
  return indices;
}
Tensor argsort(const Tensor& self, bool, int64_t dim, bool descending) {
  return argsort(self, dim, descending);
}

Tensor msort(const Tensor& self) { return std::get<0>(sort(self, 0)); }

Pair topk(const Tensor& self, int64_t k, int64_t dim, bool largest, bool) {
  const int64_t d = wrap_dim(dim, self.dim());
  TAPER_CHECK(k >= 0 && k <= size_along(self, d), "topk: selected index k out of range, got ", k,
              " for a dimension of size ", size_along(self, d));
  if (self.dim() == 0 && k == 0) return {self.detach().clone(), zeros({}, kLong)};
  return ordered("topk", "TopkBackward0", self, d, k, largest);
}

Pair kthvalue(const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
  const int64_t d = wrap_dim(dim, self.dim());
  check_nonempty("kthvalue", self.sizes(), uint64_t{1} << d);
  TAPER_CHECK(k >= 1 && k <= size_along(self, d),
              "kthvalue: kthvalue(): selected number k out of range for dimension ", d, ", got ",
              k);
  return picked("kthvalue", "KthvalueBackward0", self, d, keepdim, Rank::kth, k);
}

Tensor median(const Tensor& self) {
  return median_of_all("median", "MedianBackward0", self, Rank::median);
}
Pair median(const Tensor& self, int64_t dim, bool keepdim) {
  return picked("median", "MedianBackward1", self, wrap_dim(dim, self.dim()), keepdim,
                Rank::median);
}
Tensor nanmedian(const Tensor& self) {
  return median_of_all("nanmedian", "NanmedianBackward0", self, Rank::nanmedian);
}
Pair nanmedian(const Tensor& self, int64_t dim, bool keepdim) {
  return picked("nanmedian", "NanmedianBackward1", self, wrap_dim(dim, self.dim()), keepdim,
                Rank::nanmedian);
}
Pair mode(const Tensor& self, int64_t dim, bool keepdim) {
  return picked("mode", "ModeBackward0", self, wrap_dim(dim, self.dim()), keepdim, Rank::mode);
}

Tensor quantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                std::string_view interpolation) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::quantile(a...); }, self, q, dim,
                            keepdim, interpolation);
  }
  return quantiles("quantile", self, q, dim, keepdim, interpolation, false);
}
Tensor quantile(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim,
                std::string_view interpolation) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::quantile(a...); }, self, q, dim,
                            keepdim, interpolation);
  }
  return quantile(self, one_quantile("quantile", self, q), dim, keepdim, interpolation);
}
Tensor nanquantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::nanquantile(a...); }, self, q, dim,
                            keepdim, interpolation);
  }
  return quantiles("nanquantile", self, q, dim, keepdim, interpolation, true);
}
Tensor nanquantile(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::nanquantile(a...); }, self, q, dim,
                            keepdim, interpolation);
  }
  return nanquantile(self, one_quantile("nanquantile", self, q), dim, keepdim, interpolation);
}

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32, bool right,
                    std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  const bool from_right = side_is_right(right, side);
  if (!sorter || !sorter->defined()) {
    return search("searchsorted", sorted_sequence, self, out_int32, from_right);
  }
  TAPER_CHECK_AS(ShapeError, sorter->sizes() == sorted_sequence.sizes(),
                 "searchsorted: boundary and sorter must have the same size, but got boundary "
                 "tensor ",
                 sorted_sequence.sizes(), " and got sorter tensor ", sorter->sizes());
  TAPER_CHECK_AS(DTypeError, sorter->scalar_type() == kLong,
                 "searchsorted: sorter must be a tensor of long dtype but got dtype ",
                 sorter->scalar_type());
  return search("searchsorted", sorted_sequence.gather(-1, *sorter), self, out_int32, from_right);
}
Tensor searchsorted(const Tensor& sorted_sequence, const Scalar& self, bool out_int32, bool right,
                    std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  TAPER_CHECK_AS(ShapeError, sorted_sequence.dim() == 1,
                 "searchsorted: input value can be a scalar only when boundaries tensor dimension "
                 "is 1, got sizes ",
                 sorted_sequence.sizes());
  return searchsorted(sorted_sequence, as_boundary(self, sorted_sequence), out_int32, right, side,
                      sorter);
}

Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
  TAPER_CHECK_AS(ShapeError, boundaries.dim() == 1,
                 "bucketize: boundaries tensor must be 1 dimension, but got dim(", boundaries.dim(),
                 ")");
  return search("bucketize", boundaries, self, out_int32, right);
}
Tensor bucketize(const Scalar& self, const Tensor& boundaries, bool out_int32, bool right) {
  return bucketize(as_boundary(self, boundaries), boundaries, out_int32, right);
}

std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& self, bool return_inverse,
                                                      bool return_counts,
                                                      std::optional<int64_t> dim) {
  return asked_for(unique_rows("unique_consecutive", self, dim, true), return_inverse,
                   return_counts);
}
std::tuple<Tensor, Tensor, Tensor> unique_dim(const Tensor& self, int64_t dim, bool,
                                              bool return_inverse, bool return_counts) {
  return asked_for(unique_rows("unique_dim", self, dim, false), return_inverse, return_counts);
}
std::tuple<Tensor, Tensor, Tensor> unique_dim_consecutive(const Tensor& self, int64_t dim,
                                                          bool return_inverse, bool return_counts) {
  return asked_for(unique_rows("unique_dim_consecutive", self, dim, true), return_inverse,
                   return_counts);
}
std::tuple<Tensor, Tensor, Tensor> _unique2(const Tensor& self, bool, bool return_inverse,
                                            bool return_counts) {
  return asked_for(unique_rows("unique", self, std::nullopt, false), return_inverse, return_counts);
}

Tensor isin(const Tensor& elements, const Tensor& test_elements, bool, bool invert) {
  const ScalarType type = result_type(elements, test_elements);
  TAPER_CHECK_AS(DTypeError, !isComplexType(type),
                 "isin: Unsupported input type encountered for isin(): ", type);
  const Tensor x = elements.detach().to(type);
  const Tensor among = std::get<0>(sort(test_elements.detach().to(type).flatten()));
  const int64_t n = among.numel();
  if (n == 0) return full(elements.sizes(), invert, kBool);
  // The first of those that are not below is equal, or none is.
  const Tensor at = clamp_max(searchsorted(among, x), n - 1);
  const Tensor found = among.index_select(0, at.flatten()).view(x.sizes()).eq(x);
  return invert ? logical_not(found) : found;
}

}  // namespace taper
