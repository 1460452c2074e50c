#include "taper/ops/histogram.h"

#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/creation.h"
#include "taper/ops/op_util.h"
#include "taper/ops/sorting.h"

namespace taper {
namespace {

struct Span {
  double low, high;
};

/// The range to count in, which is the elements' own when none is given; an empty one gets a
/// margin.
Span span_of(const char* op, const Tensor& x, std::optional<Span> given, double margin) {
  auto [low, high] = given.value_or(Span{0, 1});
  if (!given && x.numel() > 0) {
    low = x.min().item<double>();
    high = x.max().item<double>();
  }
  TAPER_CHECK(std::isfinite(low) && std::isfinite(high), op, ": range of [", low, ", ", high,
              "] is not finite");
  TAPER_CHECK(low <= high, op, ": max must be larger than min, got ", low, " and ", high);
  return low == high ? Span{low - margin, high + margin} : Span{low, high};
}

/// Sums of weights (or counts) by bin; elements whose bin is not in [0, bins) count nowhere.
Tensor totals(const Tensor& bin, int64_t bins, const Tensor& weights) {
  const Tensor outside = bin.lt(0).logical_or(bin.ge(bins));
  const Tensor places = bin.masked_fill(outside, bins);
  return weights.new_zeros({bins + 1}).scatter_add_(0, places, weights).slice(0, 0, bins);
}

void check_bins(const char* op, int64_t bins) {
  TAPER_CHECK(bins > 0 && bins < INT64_MAX, op, ": bins must be > 0, but got ", bins);
}

Tensor edges_of(Span span, int64_t bins) {
  return linspace(span.low, span.high, bins + 1, kDouble);
}

}  // namespace

Tensor histc(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
  const NoRecordGuard no_record;
  check_floating("histc", self);
  check_bins("histc", bins);
  const Tensor x = self.reshape(-1).to(kDouble);
  std::optional<Span> given = Span{min.toDouble(), max.toDouble()};
  if (given->low == given->high) given.reset();
  const Span span = span_of("histc", x, given, 1);
  // The last bin is closed. NaN and what is far outside must not reach the integers.
  const Tensor inside = x.ge(span.low).logical_and(x.le(span.high));
  const Tensor part = x.masked_fill(inside.logical_not(), span.low).sub(span.low);
  const Tensor bin = part.mul(bins / (span.high - span.low)).to(kLong).clamp_max(bins - 1);
  return totals(bin.masked_fill(inside.logical_not(), -1), bins, ones({x.numel()}, kDouble))
      .to(self.scalar_type());
}

Tensor bincount(const Tensor& self, const std::optional<Tensor>& weights, int64_t minlength) {
  const NoRecordGuard no_record;
  TAPER_CHECK(minlength >= 0, "bincount: minlength should be >= 0, got ", minlength);
  TAPER_CHECK_AS(DTypeError, isIntegralType(self.scalar_type(), false),
                 "bincount: expected integers, got ", self.scalar_type());
  const bool weighed = weights && weights->defined();
  TAPER_CHECK_AS(ShapeError, self.dim() == 1 && (!weighed || weights->sizes() == self.sizes()),
                 "bincount: only supports 1-d non-negative integral inputs and weights of the same "
                 "length, got ",
                 self.sizes(), weighed ? " and " : "", weighed ? str(weights->sizes()) : "");
  int64_t bins = minlength;
  const Tensor x = self.to(kLong);
  if (x.numel() > 0) {
    TAPER_CHECK(x.min().item<int64_t>() >= 0,
                "bincount: only supports 1-d non-negative integral inputs, got ",
                x.min().item<int64_t>());
    const int64_t most = x.max().item<int64_t>();
    TAPER_CHECK(most < INT64_MAX - 1, "bincount: largest value ", most, " is too large");
    bins = std::max(bins, most + 1);
  }
  Tensor sums = ones({x.numel()}, kLong);
  if (weighed) sums = weights->scalar_type() == kFloat ? *weights : weights->to(kDouble);
  return sums.new_zeros({bins}).scatter_add_(0, x, sums);
}

std::tuple<Tensor, Tensor> histogram(const Tensor& self, const Tensor& bins,
                                     const std::optional<Tensor>& weight, bool density) {
  const NoRecordGuard no_record;
  check_floating("histogram", self);
  TAPER_CHECK_AS(ShapeError, bins.dim() == 1 && bins.numel() > 1,
                 "histogram: bins tensor should have one dimension and two edges or more, got ",
                 bins.sizes());
  TAPER_CHECK_AS(DTypeError, bins.scalar_type() == self.scalar_type(),
                 "histogram: input tensor and bins tensors should have the same dtype, got ",
                 self.scalar_type(), " and ", bins.scalar_type());
  const bool weighed = weight && weight->defined();
  TAPER_CHECK_AS(ShapeError, !weighed || weight->sizes() == self.sizes(),
                 "histogram: if weight tensor is provided it should have the same shape as the "
                 "input tensor, got ",
                 weighed ? str(weight->sizes()) : "", " and ", self.sizes());
  TAPER_CHECK(bins.diff().ge(0).all().item<bool>(), "histogram: bins tensor should be ascending");
  const Tensor x = self.reshape(-1).to(kDouble), edges = bins.to(kDouble);
  const int64_t count = bins.numel() - 1;
  Tensor bin = searchsorted(edges, x, false, true).sub(1);
  bin = bin.masked_fill(x.eq(edges[count]), count - 1).masked_fill(x.ne(x), -1);
  Tensor sums = totals(bin, count, weighed ? weight->reshape(-1).to(kDouble) : ones_like(x));
  if (density) sums = sums.div(sums.sum()).div(edges.diff());
  return {sums.to(self.scalar_type()), bins};
}

std::tuple<Tensor, Tensor> histogram(const Tensor& self, int64_t bins,
                                     std::optional<ArrayRef<double>> range,
                                     const std::optional<Tensor>& weight, bool density) {
  check_floating("histogram", self);
  check_bins("histogram", bins);
  TAPER_CHECK(!range || range->size() == 2, "histogram: expected two numbers for range, got ",
              range ? range->size() : 0);
  std::optional<Span> given;
  if (range) given = Span{(*range)[0], (*range)[1]};
  const NoRecordGuard no_record;
  const Span span = span_of("histogram", self, given, 0.5);
  return histogram(self, edges_of(span, bins).to(self.scalar_type()), weight, density);
}

}  // namespace taper
