#include "taper/data/combined.h"

#include <algorithm>
#include <cmath>

#include "taper/base/error.h"
#include "taper/ops/random.h"

namespace taper::data::datasets::detail {

size_t size_of(const char* what, std::optional<size_t> size) {
  TAPER_CHECK_AS(ConfigError, size.has_value(), what,
                 ": expected a dataset of known size, got one that does not know its own");
  return *size;
}

void check_index(const char* what, size_t index, size_t size) {
  TAPER_CHECK_AS(IndexError, index < size, what, ": index ", index,
                 " is out of bounds for a dataset with size ", size);
}

Parts deal_out(ArrayRef<size_t> request, const std::vector<size_t>& ends) {
  Parts parts;
  parts.indices.resize(ends.size());
  parts.positions.resize(ends.size());
  for (size_t i = 0; i < request.size(); ++i) {
    check_index("ConcatDataset", request[i], ends.empty() ? 0 : ends.back());
    const auto end = std::upper_bound(ends.begin(), ends.end(), request[i]);
    const size_t part = static_cast<size_t>(end - ends.begin());
    parts.indices[part].push_back(request[i] - (part == 0 ? 0 : ends[part - 1]));
    parts.positions[part].push_back(i);
  }
  return parts;
}

std::vector<std::pair<size_t, size_t>> split_shares(size_t count, ArrayRef<double> lengths) {
  double sum = 0;
  for (const double length : lengths) sum += length;
  const bool fractions = sum <= 1 && std::abs(sum - 1) <= 1e-9;
  std::vector<size_t> sizes;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const double length = lengths[i];
    TAPER_CHECK_AS(ConfigError, !fractions || (length >= 0 && length <= 1),
                   "random_split: Fraction at index ", i, " is not between 0 and 1: got ", length);
    TAPER_CHECK_AS(ConfigError,
                   fractions || (length >= 0 && length <= static_cast<double>(count) &&
                                 length == std::floor(length)),
                   "random_split: got a length of ", length, " at index ", i,
                   ", expected whole numbers from 0 to the dataset's ", count,
                   ", or fractions with a sum of 1");
    sizes.push_back(
        static_cast<size_t>(fractions ? std::floor(static_cast<double>(count) * length) : length));
  }
  size_t total = 0;
  for (const size_t size : sizes) total += size;
  for (size_t i = 0; fractions && total < count; ++i, ++total) ++sizes[i % sizes.size()];
  TAPER_CHECK_AS(ConfigError, total == count,
                 "random_split: Sum of input lengths does not equal the length of the input "
                 "dataset: got ",
                 total, ", expected ", count);
  std::vector<std::pair<size_t, size_t>> shares;
  size_t begin = 0;
  for (const size_t size : sizes) {
    shares.emplace_back(begin, begin + size);
    begin += size;
  }
  return shares;
}

std::vector<size_t> split_order(size_t count, const Generator& generator) {
  const Tensor order =
      randperm(static_cast<int64_t>(count),
               generator.defined() ? std::optional<Generator>(generator) : std::nullopt,
               TensorOptions(kLong));
  const int64_t* values = order.const_data_ptr<int64_t>();
  return std::vector<size_t>(values, values + count);
}

}  // namespace taper::data::datasets::detail
