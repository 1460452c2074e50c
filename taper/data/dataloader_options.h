#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "taper/base/function.h"
#include "taper/base/macros.h"
#include "taper/tensor/generator.h"

namespace taper TAPER_API {
namespace data {

/// How a data loader works; each setter returns the options.
class DataLoaderOptions {
 public:
  DataLoaderOptions() = default;
  /* implicit */ DataLoaderOptions(size_t batch_size) : batch_size_(batch_size) {}

  /// Samples in a batch. Default: 1.
  DataLoaderOptions& batch_size(size_t v) { return set(batch_size_, v); }
  size_t batch_size() const { return batch_size_; }
  /// Threads that prepare batches; 0: the caller does it. Default: 0.
  DataLoaderOptions& workers(size_t v) { return set(workers_, v); }
  size_t workers() const { return workers_; }
  /// Batches prepared or waiting at once. Default: prefetch_factor * workers.
  DataLoaderOptions& max_jobs(std::optional<size_t> v) { return set(max_jobs_, v); }
  std::optional<size_t> max_jobs() const { return max_jobs_; }
  /// Batches prepared or waiting for each worker, unless max_jobs is set. Default: 2.
  DataLoaderOptions& prefetch_factor(size_t v) { return set(prefetch_factor_, v); }
  size_t prefetch_factor() const { return prefetch_factor_; }
  /// Whether the worker threads stay for the next epoch. Default: true.
  DataLoaderOptions& persistent_workers(bool v) { return set(persistent_workers_, v); }
  bool persistent_workers() const { return persistent_workers_; }
  /// Called in each worker thread as it starts, with the worker's number; what it throws comes
  /// with the worker's batches. Default: nothing is called.
  DataLoaderOptions& worker_init_fn(Function<void(size_t)> v) {
    return set(worker_init_fn_, std::move(v));
  }
  const Function<void(size_t)>& worker_init_fn() const { return worker_init_fn_; }
  /// What the epochs' seeds are drawn from, and by a sampler that the loader makes its order.
  /// Default: undefined, which is the default generator.
  DataLoaderOptions& generator(Generator v) { return set(generator_, std::move(v)); }
  const Generator& generator() const { return generator_; }
  /// How long to wait for a worker's batch; a std::chrono duration. Default: without end.
  template <class Duration>
  requires requires(Duration d) {
    d.count();
    Duration::period::num;
  }
  DataLoaderOptions& timeout(Duration v) {
    using Period = typename Duration::period;
    return set(timeout_ms_, std::optional<int64_t>(static_cast<int64_t>(
                                static_cast<double>(v.count()) * 1000.0 *
                                static_cast<double>(Period::num) / Period::den)));
  }
  std::optional<int64_t> timeout_milliseconds() const { return timeout_ms_; }
  /// Whether batches come in the order of the sampler, whichever worker is first. Default: true.
  DataLoaderOptions& enforce_ordering(bool v) { return set(enforce_ordering_, v); }
  bool enforce_ordering() const { return enforce_ordering_; }
  /// Whether a last batch that is not full is left out. Default: false.
  DataLoaderOptions& drop_last(bool v) { return set(drop_last_, v); }
  bool drop_last() const { return drop_last_; }

 private:
  template <class T>
  DataLoaderOptions& set(T& member, T value) {
    member = std::move(value);
    return *this;
  }

  size_t batch_size_ = 1;
  size_t workers_ = 0;
  size_t prefetch_factor_ = 2;
  std::optional<size_t> max_jobs_;
  Function<void(size_t)> worker_init_fn_;
  Generator generator_;
  std::optional<int64_t> timeout_ms_;
  bool enforce_ordering_ = true;
  bool drop_last_ = false;
  bool persistent_workers_ = true;
};

}  // namespace data
}  // namespace taper
