#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "taper/base/error.h"
#include "taper/train/events.h"

namespace taper::train {
namespace {

constexpr size_t kMostLimits = 800;

// The ends of the buckets above 0, and where to look for a value's: a cell of the table is an
// eighth of a binade, less than two buckets wide.
struct Buckets {
  std::array<double, kMostLimits> ends{};
  size_t count = 0;
  std::array<uint16_t, 1 << 14> first{};  // the first end above the cell's smallest value

  Buckets() {
    for (double end = 1e-12; end < 1e20; end *= 1.1) ends[count++] = end;
    ends[count++] = std::numeric_limits<double>::max();
    for (size_t cell = 0, at = 0; cell < first.size(); ++cell) {
      const double smallest = std::bit_cast<double>(static_cast<uint64_t>(cell) << 49);
      while (at + 1 < count && ends[at] <= smallest) ++at;
      first[cell] = static_cast<uint16_t>(at);
    }
  }

  // The first end above a value that is not negative; the last one for the largest number.
  size_t above(double value) const {
    size_t at = first[std::bit_cast<uint64_t>(value) >> 49];
    while (at + 1 < count && ends[at] <= value) ++at;
    return at;
  }
  // How many ends are below a positive value.
  size_t below(double value) const {
    size_t at = first[std::bit_cast<uint64_t>(value) >> 49];
    while (at > 0 && ends[at - 1] >= value) --at;
    while (at < count && ends[at] < value) ++at;
    return at;
  }
};

// counts: the buckets that end at -ends[count - 1], ..., -ends[0], 0, ends[0], ...
template <class T>
void count_values(const T* values, int64_t size, const Buckets& buckets, Histogram& histogram,
                  std::vector<int64_t>& counts) {
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0, squares = 0;
  int64_t nonfinite = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double value = static_cast<double>(values[i]);
    if (!std::isfinite(value)) {
      ++nonfinite;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
    squares += value * value;
    // A bucket ends above its values: those below 0 end at the next smaller size.
    const size_t bucket = value < 0 ? buckets.count - buckets.below(-value)
                                    : buckets.count + 1 + buckets.above(value + 0.0);
    ++counts[bucket];
  }
  histogram.nonfinite = nonfinite;
  histogram.count = static_cast<double>(size - nonfinite);
  if (nonfinite == size) return;
  histogram.min = low;
  histogram.max = high;
  histogram.sum = sum;
  histogram.sum_squares = squares;
}

}  // namespace

Histogram histogram_of(const Tensor& values) {
  TAPER_CHECK(values.defined(), "histogram_of: got an undefined tensor");
  static const Buckets buckets;
  // float32 holds all values of the shorter types.
  const Dtype type = values.scalar_type();
  const bool short_type = isFloatingType(type) && type != kDouble;
  const Tensor plain = values.detach().to(short_type ? kFloat : kDouble).contiguous();
  Histogram histogram;
  std::vector<int64_t> counts(2 * buckets.count + 1);
  if (short_type) {
    count_values(plain.data_ptr<float>(), plain.numel(), buckets, histogram, counts);
  } else {
    count_values(plain.data_ptr<double>(), plain.numel(), buckets, histogram, counts);
  }
  const auto used = [](int64_t count) { return count != 0; };
  const auto begin = std::find_if(counts.begin(), counts.end(), used);
  const auto end = std::find_if(counts.rbegin(), std::make_reverse_iterator(begin), used).base();
  for (auto at = begin; at < end; ++at) {
    const size_t bucket = static_cast<size_t>(at - counts.begin());
    histogram.limits.push_back(bucket < buckets.count ? -buckets.ends[buckets.count - 1 - bucket]
                               : bucket == buckets.count
                                   ? 0.0
                                   : buckets.ends[bucket - buckets.count - 1]);
    histogram.counts.push_back(static_cast<double>(*at));
  }
  return histogram;
}

}  // namespace taper::train
