#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace data {

/// Random numbers of one sample: Philox4x32-10 with a key of (seed, epoch) and a counter of
/// (sample, stream, draw), so that they depend on nothing else. Streams are independent.
class SampleRandom {
 public:
  SampleRandom() = default;
  SampleRandom(uint64_t seed, uint64_t epoch, uint64_t sample, uint32_t stream = 0);

  uint32_t next();
  /// In [0, 1), 53 bits; in [from, to) of finite numbers.
  double uniform();
  double uniform(double from, double to) { return from + (to - from) * uniform(); }
  /// True with probability p.
  bool chance(double p) { return uniform() < p; }
  /// An integer in [0, count). Throws ConfigError unless count is positive.
  int64_t below(int64_t count);
  /// Standard normal.
  double normal();
  /// 0 to count - 1 in random order.
  std::vector<int64_t> permutation(int64_t count);

 private:
  uint64_t key_ = 0;
  uint64_t sample_ = 0;
  uint32_t stream_ = 0;
  uint32_t block_ = 0;
  uint32_t words_[4] = {};
  int used_ = 4;
};

/// The numbers for the sample that this thread is making or transforming; transforms and datasets
/// draw from them instead of from a generator, so that a sample comes out the same for any number
/// of workers and after a resumed epoch. Outside of a data loader: numbers that the default
/// generator seeds anew with every call. Take it once per sample; it is valid on this thread until
/// the next sample.
SampleRandom& sample_random();

namespace detail {

// What the loader tells the thread that makes a batch: its epoch, and the samples before it.
class BatchScope {
 public:
  BatchScope(uint64_t seed, uint64_t epoch, uint64_t first_sample);
  ~BatchScope();
  BatchScope(const BatchScope&) = delete;
  BatchScope& operator=(const BatchScope&) = delete;

 private:
  bool in_loader_before_;
};

// One step on the samples of a batch: their indices (none: their places in the epoch), and which
// step it is.
class StageScope {
 public:
  StageScope(ArrayRef<size_t> samples, uint32_t stage);
  ~StageScope();
  StageScope(const StageScope&) = delete;
  StageScope& operator=(const StageScope&) = delete;

 private:
  ArrayRef<size_t> samples_before_;
  uint32_t stage_before_;
};

// A part of several datasets in one, whose samples' indices are its own.
class PartScope {
 public:
  explicit PartScope(uint32_t part);
  ~PartScope();
  PartScope(const PartScope&) = delete;
  PartScope& operator=(const PartScope&) = delete;

 private:
  uint32_t part_before_;
};

// The batch's i-th sample is next.
void start_sample(size_t i);

// The indices that a request stands for, if it is one of indices.
template <class Request>
ArrayRef<size_t> sample_indices(const Request& request) {
  if constexpr (std::is_convertible_v<const Request&, ArrayRef<size_t>> &&
                !std::is_convertible_v<const Request&, size_t>) {
    return request;
  } else {
    return {};
  }
}

}  // namespace detail
}  // namespace data
}  // namespace taper
