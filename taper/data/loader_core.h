#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/function.h"
#include "taper/base/macros.h"
#include "taper/data/dataloader_options.h"

namespace taper TAPER_API {
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
  /// The next batch, null at the end or when another epoch has been started. Throws
  /// WorkerException, and Error after the timeout; the epoch can go on afterwards.
  Item next(uint64_t epoch);
  /// Ends the worker threads; a later epoch starts them again.
  void join();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace detail
}  // namespace data
}  // namespace taper
