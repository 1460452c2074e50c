#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace data {
namespace samplers {

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
};

/// Samples in the order of their index.
class SequentialSampler : public Sampler<> {
 public:
  explicit SequentialSampler(size_t size) : size_(size) {}
  void reset(std::optional<size_t> new_size = std::nullopt) override;
  std::optional<std::vector<size_t>> next(size_t batch_size) override;
  /// Samples handed out so far.
  size_t index() const { return index_; }

 private:
  size_t size_;
  size_t index_ = 0;
};

/// Samples in a new random order every epoch: reset() draws randperm(size) from the default
/// generator.
class RandomSampler : public Sampler<> {
 public:
  explicit RandomSampler(int64_t size);
  void reset(std::optional<size_t> new_size = std::nullopt) override;
  std::optional<std::vector<size_t>> next(size_t batch_size) override;
  /// Samples handed out so far.
  size_t index() const { return index_; }

 private:
  size_t size_;
  std::vector<size_t> order_;
  size_t index_ = 0;
};

}  // namespace samplers
}  // namespace data
}  // namespace taper
