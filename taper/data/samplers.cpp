#include "taper/data/samplers.h"

#include <algorithm>
#include <numeric>

#include "taper/base/error.h"
#include "taper/data/state.h"
#include "taper/ops/random.h"

namespace taper::data::samplers {
namespace detail {

void refuse_state(const char* what) {
  taper::detail::fail<ConfigError>("DataLoader: this ", what,
                                   " has no state: it overrides no save() and load()");
}

void check_batch_size(size_t batch_size) {
  TAPER_CHECK_AS(ConfigError, batch_size > 0,
                 "BatchSampler: batch_size should be a positive integer value, but got batch_size=",
                 batch_size);
}

}  // namespace detail

namespace {

// Where batches of batch_size end, at most at length.
size_t place_after(size_t from, size_t batches, size_t batch_size, size_t length) {
  size_t samples;
  if (__builtin_mul_overflow(batches, batch_size, &samples)) samples = length;
  return from + std::min(samples, length - from);
}

void check_size(const char* what, int64_t got, size_t expected) {
  TAPER_CHECK_AS(ConfigError, got >= 0 && static_cast<size_t>(got) == expected, what,
                 ": the state is of ", got, " samples, expected ", expected);
}

// A place in an epoch of so many samples.
size_t checked_index(int64_t index, size_t length) {
  TAPER_CHECK_AS(ConfigError, index >= 0 && static_cast<size_t>(index) <= length,
                 "sampler: the state's index is ", index, ", expected 0 to ", length);
  return static_cast<size_t>(index);
}

void append_integers(std::vector<size_t>& to, const Tensor& values, size_t count) {
  const int64_t* from = values.const_data_ptr<int64_t>();
  to.insert(to.end(), from, from + count);
}

Tensor permutation(size_t size, const Generator& generator) {
  return randperm(static_cast<int64_t>(size), generator, TensorOptions(kLong));
}

}  // namespace

std::optional<std::vector<size_t>> IndexedSampler::next(size_t batch_size) {
  const size_t count = std::min(batch_size, length() - index_);
  if (count == 0) return std::nullopt;
  std::vector<size_t> batch(count);
  fill(index_, count, batch.data());
  index_ += count;
  return batch;
}

void IndexedSampler::skip(size_t batches, size_t batch_size) {
  index_ = place_after(index_, batches, batch_size, length());
}

void IndexedSampler::save(serialize::OutputArchive& archive) const {
  write_count(archive, "size", size_);
  write_count(archive, "index", index_);
}

void IndexedSampler::load(serialize::InputArchive& archive) {
  check_size("sampler", read_int(archive, "size"), size_);
  index_ = checked_index(read_int(archive, "index"), length());
}

void SequentialSampler::fill(size_t first, size_t count, size_t* to) const {
  std::iota(to, to + count, first);
}

Generator DrawnSampler::source() const {
  return generator_.defined() ? generator_ : default_generator();
}

void DrawnSampler::reset(std::optional<size_t> new_size) {
  restart(new_size);
  const Generator generator = source();
  Tensor start = generator.get_state();
  order_ = draw(generator);
  start_ = std::move(start);
}

std::optional<std::vector<size_t>> DrawnSampler::next(size_t batch_size) {
  if (!start_.defined()) reset(std::nullopt);
  return IndexedSampler::next(batch_size);
}

void DrawnSampler::skip(size_t batches, size_t batch_size) {
  if (!start_.defined()) reset(std::nullopt);
  IndexedSampler::skip(batches, batch_size);
}

void DrawnSampler::fill(size_t first, size_t count, size_t* to) const {
  std::copy_n(order_.begin() + static_cast<std::ptrdiff_t>(first), count, to);
}

void DrawnSampler::save(serialize::OutputArchive& archive) const {
  IndexedSampler::save(archive);
  archive.write("generator", IValue(start_));
}

void DrawnSampler::load(serialize::InputArchive& archive) {
  check_size("sampler", read_int(archive, "size"), size_);
  IValue start;
  archive.read("generator", start);
  std::vector<size_t> order;
  const Generator generator = Generator::create();
  if (!start.isNone()) {
    generator.set_state(start.toTensor());
    order = draw(generator);
  }
  const size_t index = checked_index(read_int(archive, "index"), order.size());
  if (generator_.defined() && !start.isNone()) generator_.set_state(generator.get_state());
  start_ = start.isNone() ? Tensor() : start.toTensor();
  order_ = std::move(order);
  restart(std::nullopt);
  IndexedSampler::skip(1, index);
}

RandomSampler::RandomSampler(int64_t size, bool replacement, std::optional<size_t> num_samples,
                             Generator generator)
    : DrawnSampler(static_cast<size_t>(size), std::move(generator)),
      replacement_(replacement),
      num_samples_(num_samples) {
  TAPER_CHECK_AS(ConfigError, size >= 0, "RandomSampler: size must not be negative, got ", size);
  TAPER_CHECK_AS(ConfigError, !num_samples || (*num_samples > 0 && size > 0),
                 "RandomSampler: num_samples should be a positive integer value, of a dataset that "
                 "is not empty, but got num_samples=",
                 *num_samples, " of ", size);
}

Generator RandomSampler::source() const {
  return generator_.defined() ? generator_ : Generator::create(draw_seed(default_generator()));
}

std::vector<size_t> RandomSampler::draw(const Generator& generator) const {
  std::vector<size_t> order;
  const size_t count = num_samples_.value_or(size_);
  if (size_ == 0) return order;
  order.reserve(count);
  if (replacement_) {
    const int64_t draws = static_cast<int64_t>(count);
    append_integers(
        order, randint(0, static_cast<int64_t>(size_), {draws}, generator, TensorOptions(kLong)),
        count);
    return order;
  }
  for (size_t i = 0; i < count / size_; ++i) {
    append_integers(order, permutation(size_, generator), size_);
  }
  // Python draws one more permutation, whatever it takes of it: a generator of the caller's shows.
  if (count % size_ != 0 || generator_.defined()) {
    append_integers(order, permutation(size_, generator), count % size_);
  }
  return order;
}

SubsetRandomSampler::SubsetRandomSampler(std::vector<size_t> indices, Generator generator)
    : DrawnSampler(indices.size(), std::move(generator)), indices_(std::move(indices)) {}

std::vector<size_t> SubsetRandomSampler::draw(const Generator& generator) const {
  check_size("SubsetRandomSampler", static_cast<int64_t>(size_), indices_.size());
  std::vector<size_t> order;
  append_integers(order, permutation(size_, generator), size_);
  for (size_t& place : order) place = indices_[place];
  return order;
}

WeightedRandomSampler::WeightedRandomSampler(ArrayRef<double> weights, size_t num_samples,
                                             bool replacement, Generator generator)
    : DrawnSampler(weights.size(), std::move(generator)),
      weights_(TensorImpl::empty("WeightedRandomSampler", {static_cast<int64_t>(weights.size())},
                                 kDouble)),
      num_samples_(num_samples),
      replacement_(replacement) {
  TAPER_CHECK_AS(ConfigError, num_samples > 0,
                 "WeightedRandomSampler: num_samples should be a positive integer value, but got "
                 "num_samples=",
                 num_samples);
  std::copy(weights.begin(), weights.end(), weights_.data_ptr<double>());
}

std::vector<size_t> WeightedRandomSampler::draw(const Generator& generator) const {
  std::vector<size_t> order;
  append_integers(
      order, multinomial(weights_, static_cast<int64_t>(num_samples_), replacement_, generator),
      num_samples_);
  return order;
}

void StreamSampler::reset(std::optional<size_t> new_size) {
  epoch_size_ = new_size.value_or(epoch_size_);
  given_ = 0;
}

std::optional<BatchSize> StreamSampler::next(size_t batch_size) {
  const size_t count = std::min(batch_size, epoch_size_ - given_);
  if (count == 0) return std::nullopt;
  given_ += count;
  return BatchSize(count);
}

void StreamSampler::skip(size_t batches, size_t batch_size) {
  given_ = place_after(given_, batches, batch_size, epoch_size_);
}

void StreamSampler::save(serialize::OutputArchive& archive) const {
  write_count(archive, "size", epoch_size_);
  write_count(archive, "index", given_);
}

void StreamSampler::load(serialize::InputArchive& archive) {
  check_size("StreamSampler", read_int(archive, "size"), epoch_size_);
  given_ = checked_index(read_int(archive, "index"), epoch_size_);
}

template <class BatchRequest>
DistributedSampler<BatchRequest>::DistributedSampler(size_t size, size_t num_replicas, size_t rank,
                                                     bool allow_duplicates)
    : IndexedSampler(size),
      num_replicas_(num_replicas),
      rank_(rank),
      allow_duplicates_(allow_duplicates) {
  TAPER_CHECK_AS(ConfigError, rank < num_replicas, "DistributedSampler: Invalid rank ", rank,
                 ", rank should be in the interval [0, ", num_replicas, ")");
}

template <class BatchRequest>
size_t DistributedSampler<BatchRequest>::local_sample_count() const {
  return size_ / num_replicas_ + (allow_duplicates_ && size_ % num_replicas_ != 0 ? 1 : 0);
}

template class DistributedSampler<std::vector<size_t>>;

DistributedRandomSampler::DistributedRandomSampler(size_t size, size_t num_replicas, size_t rank,
                                                   bool allow_duplicates, uint64_t seed)
    : DistributedSampler(size, num_replicas, rank, allow_duplicates),
      seed_(seed),
      order_(draw(0)) {}

std::vector<size_t> DistributedRandomSampler::draw(size_t epoch) const {
  std::vector<size_t> order;
  append_integers(order, permutation(size_, Generator::create(seed_ + epoch)), size_);
  return order;
}

void DistributedRandomSampler::reset(std::optional<size_t> new_size) {
  restart(new_size);
  order_ = draw(epoch_);
  drawn_epoch_ = epoch_;
}

void DistributedRandomSampler::fill(size_t first, size_t count, size_t* to) const {
  for (size_t i = 0; i < count; ++i) to[i] = order_[place(first + i)];
}

void DistributedRandomSampler::save(serialize::OutputArchive& archive) const {
  IndexedSampler::save(archive);
  write_count(archive, "epoch", drawn_epoch_);
}

void DistributedRandomSampler::load(serialize::InputArchive& archive) {
  const size_t epoch = static_cast<size_t>(read_int(archive, "epoch"));
  std::vector<size_t> order = draw(epoch);
  IndexedSampler::load(archive);
  epoch_ = drawn_epoch_ = epoch;
  order_ = std::move(order);
}

void DistributedSequentialSampler::fill(size_t first, size_t count, size_t* to) const {
  for (size_t i = 0; i < count; ++i) to[i] = place(first + i);
}

}  // namespace taper::data::samplers
