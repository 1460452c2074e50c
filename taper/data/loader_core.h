#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/function.h"
#include "taper/base/macros.h"
#include "taper/data/dataloader_options.h"
#include "taper/tensor/ivalue.h"

namespace taper TAPER_API {
namespace serialize {
class OutputArchive;
class InputArchive;
}  // namespace serialize

namespace data {

/// What a data loader throws when its dataset threw in a worker thread.
class WorkerException : public Error {
 public:
  explicit WorkerException(std::exception_ptr original);
  std::exception_ptr original_exception;
};

namespace detail {

/// The part of a data loader that knows no types: it hands requests to worker threads and returns
/// their batches in order. One thread uses it; the destructor waits for batches being made and
/// leaves no thread behind.
class LoaderCore {
 public:
  /// A request or a batch, its type erased; null: none.
  using Item = std::shared_ptr<void>;
  using NextRequest = Function<Item()>;
  using MakeBatch = Function<Item(const Item& request)>;

  /// make_batch: one callable per worker; a single one when there are no workers. Throws
  /// ConfigError on options that cannot work. Threads start with the first epoch.
  LoaderCore(const DataLoaderOptions& options, NextRequest next_request,
             std::vector<MakeBatch> make_batch);
  ~LoaderCore();

  /// Starts an epoch, the requests of which are asked for from now on; what is left of an epoch
  /// before is dropped. Returns its number.
  uint64_t start_epoch();
  /// Ends the epoch that is running.
  void drop_epoch();
  /// The next batch, null at the end or when another epoch has been started. A null batch that a
  /// worker makes is the end as well. Throws WorkerException, and Error after the timeout; the
  /// epoch can go on afterwards.
  Item next(uint64_t epoch);
  /// Batches of this epoch that next() has given or thrown for, and whether it has come to the end.
  uint64_t delivered() const;
  bool ended() const;
  /// Ends the worker threads; a later epoch starts them again.
  void join();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a worker is asked for: the request, null for none, and the place of its samples.
struct LoaderRequest {
  LoaderCore::Item request;
  uint64_t seed = 0;
  uint64_t epoch = 0;
  uint64_t first_sample = 0;
};

/// The place of a loader, without types: the epoch, its seed, and the state of the sampler when the
/// epoch started.
class LoaderPosition {
 public:
  using SaveSampler = Function<void(serialize::OutputArchive&)>;
  using LoadSampler = Function<void(serialize::InputArchive&)>;

  LoaderPosition();
  ~LoaderPosition();

  /// Before the first epoch: -1.
  int64_t epoch() const { return epoch_; }
  uint64_t seed() const { return seed_; }
  /// Batches of the epoch before those of the core.
  uint64_t batches_before() const { return batches_before_; }
  /// True once after load(): the epoch is there and goes on.
  bool take_resumed() { return std::exchange(resumed_, false); }
  /// The next epoch: draws its seed.
  void start(const Generator& generator);
  /// Keeps the sampler's state; an exception waits for save().
  void keep_sampler(const SaveSampler& save);
  IValue save(const LoaderCore& core, const DataLoaderOptions& options) const;
  /// Takes the state over; load_sampler gets the sampler's. Returns the batches to skip and their
  /// size.
  std::pair<uint64_t, uint64_t> load(const IValue& state, const DataLoaderOptions& options,
                                     const LoadSampler& load_sampler);

 private:
  int64_t epoch_ = -1;
  uint64_t seed_ = 0;
  uint64_t batches_before_ = 0;
  bool resumed_ = false;
  bool ended_ = false;  // load() brought the end of an epoch
  IValue sampler_;
  std::exception_ptr sampler_error_;
};

}  // namespace detail
}  // namespace data
}  // namespace taper
