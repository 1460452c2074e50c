#include "taper/data/samplers.h"

#include <algorithm>
#include <numeric>

#include "taper/base/error.h"
#include "taper/ops/random.h"

namespace taper::data::samplers {

void SequentialSampler::reset(std::optional<size_t> new_size) {
  size_ = new_size.value_or(size_);
  index_ = 0;
}

std::optional<std::vector<size_t>> SequentialSampler::next(size_t batch_size) {
  const size_t count = std::min(batch_size, size_ - index_);
  if (count == 0) return std::nullopt;
  std::vector<size_t> batch(count);
  std::iota(batch.begin(), batch.end(), index_);
  index_ += count;
  return batch;
}

RandomSampler::RandomSampler(int64_t size) : size_(static_cast<size_t>(size)) {
  TAPER_CHECK_AS(ConfigError, size >= 0, "RandomSampler: size must not be negative, got ", size);
  reset();
}

void RandomSampler::reset(std::optional<size_t> new_size) {
  size_ = new_size.value_or(size_);
  const Tensor order = randperm(static_cast<int64_t>(size_), TensorOptions(kLong));
  const int64_t* values = order.const_data_ptr<int64_t>();
  order_.assign(values, values + size_);
  index_ = 0;
}

std::optional<std::vector<size_t>> RandomSampler::next(size_t batch_size) {
  const size_t count = std::min(batch_size, size_ - index_);
  if (count == 0) return std::nullopt;
  const auto first = order_.begin() + static_cast<std::ptrdiff_t>(index_);
  index_ += count;
  return std::vector<size_t>(first, first + static_cast<std::ptrdiff_t>(count));
}

}  // namespace taper::data::samplers
