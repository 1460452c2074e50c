#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/core/scalar_type.h"
#include "taper/tensor/generator.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace serialize {
class OutputArchive;
class InputArchive;
}  // namespace serialize

namespace data {
namespace samplers {

namespace detail {
// Throws: the state of a sampler or dataset that has not said how to save it.
[[noreturn]] void refuse_state(const char* what);
void check_batch_size(size_t batch_size);
}  // namespace detail

/// What a sampler may hand out in place of indices; a loader asks for its number of samples.
struct CustomBatchRequest {
  virtual ~CustomBatchRequest() = default;
  virtual size_t size() const = 0;
};

/// Decides which samples make up the batches of an epoch.
template <class BatchRequest = std::vector<size_t>>
class Sampler {
 public:
  using BatchRequestType = BatchRequest;
  virtual ~Sampler() = default;

  /// Starts an epoch, over new_size samples if given.
  virtual void reset(std::optional<size_t> new_size = std::nullopt) = 0;
  /// The next batch's samples, batch_size of them while there are as many; none at the end.
  virtual std::optional<BatchRequest> next(size_t batch_size) = 0;
  /// Goes past batches of the epoch, by asking for them unless overridden.
  virtual void skip(size_t batches, size_t batch_size) {
    while (batches-- > 0 && next(batch_size)) {
    }
  }
  /// The order of the epoch and the place in it, and back. These ones throw ConfigError.
  virtual void save(serialize::OutputArchive&) const { detail::refuse_state("sampler"); }
  virtual void load(serialize::InputArchive&) { detail::refuse_state("sampler"); }
};

/// The base of samplers that know the index of the k-th sample of an epoch: their place is a
/// number.
class IndexedSampler : public Sampler<> {
 public:
  std::optional<std::vector<size_t>> next(size_t batch_size) override;
  /// In a time that does not grow with the number.
  void skip(size_t batches, size_t batch_size) override;
  /// Samples handed out so far.
  size_t index() const { return index_; }
  /// load() takes the state of a sampler over equally many samples; otherwise it throws ConfigError
  /// and changes nothing.
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;

 protected:
  explicit IndexedSampler(size_t size) : size_(size) {}
  void restart(std::optional<size_t> new_size) {
    size_ = new_size.value_or(size_);
    index_ = 0;
  }
  /// Samples of an epoch.
  virtual size_t length() const = 0;
  /// The samples from the first-th on.
  virtual void fill(size_t first, size_t count, size_t* to) const = 0;

  size_t size_;

 private:
  size_t index_ = 0;
};

/// Samples in the order of their index.
class SequentialSampler : public IndexedSampler {
 public:
  explicit SequentialSampler(size_t size) : IndexedSampler(size) {}
  void reset(std::optional<size_t> new_size = std::nullopt) override { restart(new_size); }

 protected:
  size_t length() const override { return size_; }
  void fill(size_t first, size_t count, size_t* to) const override;
};

/// The base of samplers that draw the order of an epoch: in reset(), or when the first samples are
/// asked for. Their state is that of the generator before the draw.
class DrawnSampler : public IndexedSampler {
 public:
  void reset(std::optional<size_t> new_size = std::nullopt) override;
  std::optional<std::vector<size_t>> next(size_t batch_size) override;
  void skip(size_t batches, size_t batch_size) override;
  /// load() also puts a generator of the sampler's own where it was after the draw.
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;
  /// Later orders are drawn from this generator; an undefined one: from the default generator.
  void set_generator(Generator generator) { generator_ = std::move(generator); }

 protected:
  DrawnSampler(size_t size, Generator generator)
      : IndexedSampler(size), generator_(std::move(generator)) {}
  virtual std::vector<size_t> draw(const Generator& generator) const = 0;
  /// The stream to draw from; by default the sampler's generator or else the default one.
  virtual Generator source() const;
  size_t length() const override { return order_.size(); }
  void fill(size_t first, size_t count, size_t* to) const override;

  Generator generator_;

 private:
  std::vector<size_t> order_;
  Tensor start_;  // the generator's state before the draw; undefined: not drawn yet
};

/// Samples in random order, as Python's RandomSampler: randperm(size) from a generator with a seed
/// that the default generator gives, or from the generator given. With replacement: each sample
/// drawn by itself. num_samples: that many, over again when there are fewer. Default: size. Throws
/// ConfigError when size is negative or num_samples 0.
class RandomSampler : public DrawnSampler {
 public:
  explicit RandomSampler(int64_t size, bool replacement = false,
                         std::optional<size_t> num_samples = std::nullopt,
                         Generator generator = {});
  /// The type is LibTorch's and has no effect on the order.
  RandomSampler(int64_t size, ScalarType) : RandomSampler(size) {}

 protected:
  std::vector<size_t> draw(const Generator& generator) const override;
  Generator source() const override;

 private:
  bool replacement_;
  std::optional<size_t> num_samples_;
};

/// The given samples in random order.
class SubsetRandomSampler : public DrawnSampler {
 public:
  explicit SubsetRandomSampler(std::vector<size_t> indices, Generator generator = {});

 protected:
  std::vector<size_t> draw(const Generator& generator) const override;

 private:
  std::vector<size_t> indices_;
};

/// num_samples draws of samples with probabilities proportional to their weights, by multinomial().
/// Throws ConfigError when num_samples is 0; a draw throws as multinomial() does.
class WeightedRandomSampler : public DrawnSampler {
 public:
  WeightedRandomSampler(ArrayRef<double> weights, size_t num_samples, bool replacement = true,
                        Generator generator = {});

 protected:
  std::vector<size_t> draw(const Generator& generator) const override;

 private:
  Tensor weights_;
  size_t num_samples_;
  bool replacement_;
};

/// Batches of a size of their own, whatever the loader's; with drop_last only full ones.
template <class S>
class BatchSampler : public Sampler<typename S::BatchRequestType> {
 public:
  using Request = typename S::BatchRequestType;
  BatchSampler(S sampler, size_t batch_size, bool drop_last)
      : sampler_(std::move(sampler)), batch_size_(batch_size), drop_last_(drop_last) {
    detail::check_batch_size(batch_size);
  }
  void reset(std::optional<size_t> new_size = std::nullopt) override { sampler_.reset(new_size); }
  std::optional<Request> next(size_t) override {
    std::optional<Request> batch = sampler_.next(batch_size_);
    if (batch && drop_last_ && batch->size() < batch_size_) batch.reset();
    return batch;
  }
  void skip(size_t batches, size_t) override { sampler_.skip(batches, batch_size_); }
  void save(serialize::OutputArchive& archive) const override { sampler_.save(archive); }
  void load(serialize::InputArchive& archive) override { sampler_.load(archive); }

 private:
  S sampler_;
  size_t batch_size_;
  bool drop_last_;
};

/// What a stream is asked for: so many samples.
struct BatchSize {
  explicit BatchSize(size_t size) : size_(size) {}
  size_t size() const { return size_; }
  operator size_t() const { return size_; }
  size_t size_;
};

/// For datasets without indices: epoch_size samples an epoch.
class StreamSampler : public Sampler<BatchSize> {
 public:
  explicit StreamSampler(size_t epoch_size) : epoch_size_(epoch_size) {}
  void reset(std::optional<size_t> new_size = std::nullopt) override;
  std::optional<BatchSize> next(size_t batch_size) override;
  void skip(size_t batches, size_t batch_size) override;
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;

 private:
  size_t epoch_size_;
  size_t given_ = 0;
};

/// The base of samplers that deal an order of all samples out to num_replicas processes, of which
/// this is number rank: it gets every num_replicas-th, so that any number of processes together
/// sees the same order. When the numbers do not divide: with allow_duplicates (Python: not
/// drop_last) the first samples come again, else the last ones are left out. Throws ConfigError
/// unless rank < num_replicas.
template <class BatchRequest = std::vector<size_t>>
class DistributedSampler : public IndexedSampler {
 public:
  DistributedSampler(size_t size, size_t num_replicas = 1, size_t rank = 0,
                     bool allow_duplicates = true);
  /// Picks the order of the epochs that reset() starts from now on.
  void set_epoch(size_t epoch) { epoch_ = epoch; }
  size_t epoch() const { return epoch_; }

 protected:
  size_t local_sample_count() const;
  size_t length() const override { return local_sample_count(); }
  /// The place in the order of all samples.
  size_t place(size_t i) const { return (i * num_replicas_ + rank_) % size_; }

  size_t num_replicas_;
  size_t rank_;
  bool allow_duplicates_;
  size_t epoch_ = 0;
};

/// Deals out randperm(size) from a generator of seed + epoch, as Python's DistributedSampler.
class DistributedRandomSampler : public DistributedSampler<> {
 public:
  DistributedRandomSampler(size_t size, size_t num_replicas = 1, size_t rank = 0,
                           bool allow_duplicates = true, uint64_t seed = 0);
  void reset(std::optional<size_t> new_size = std::nullopt) override;
  void save(serialize::OutputArchive& archive) const override;
  void load(serialize::InputArchive& archive) override;

 protected:
  void fill(size_t first, size_t count, size_t* to) const override;

 private:
  std::vector<size_t> draw(size_t epoch) const;

  uint64_t seed_;
  size_t drawn_epoch_ = 0;
  std::vector<size_t> order_;
};

/// Deals out the samples in the order of their index.
class DistributedSequentialSampler : public DistributedSampler<> {
 public:
  using DistributedSampler::DistributedSampler;
  void reset(std::optional<size_t> new_size = std::nullopt) override { restart(new_size); }

 protected:
  void fill(size_t first, size_t count, size_t* to) const override;
};

}  // namespace samplers
}  // namespace data
}  // namespace taper
