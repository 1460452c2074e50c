#include "taper/data/loader_core.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "taper/base/thread_state.h"

namespace taper::data {
namespace {

std::string text_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "(of an unknown type)";
  }
}

}  // namespace

WorkerException::WorkerException(std::exception_ptr original)
    : Error(str("Caught exception in DataLoader worker thread. Original message: ",
                text_of(original))),
      original_exception(std::move(original)) {}

namespace detail {

struct LoaderCore::Impl {
  struct Job {
    uint64_t epoch = 0;
    uint64_t sequence = 0;
    Item request;
  };
  struct Result {
    uint64_t sequence = 0;
    Item batch;
    std::exception_ptr exception;
  };

  size_t workers;
  size_t max_jobs;
  std::optional<int64_t> timeout_ms;
  bool ordered;
  bool persistent;
  Function<void(size_t)> worker_init;
  NextRequest next_request;
  std::vector<MakeBatch> make_batch;

  // Of the consumer's thread alone.
  uint64_t pushed = 0;     // requests of this epoch handed out
  uint64_t delivered = 0;  // batches of this epoch taken
  bool requests_left = false;
  bool ended = false;
  std::exception_ptr request_error;
  std::vector<std::thread> threads;

  // Shared with the workers.
  std::mutex mutex;
  std::condition_variable job_ready;
  std::condition_variable result_ready;
  uint64_t epoch = 0;
  std::deque<Job> jobs;
  std::deque<Result> results;
  bool quit = false;

  // What the user's worker_init_fn threw in this thread, or null.
  static std::exception_ptr init_worker(const Function<void(size_t)>& init, size_t worker) {
    if (!init) return nullptr;
    try {
      init(worker);
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }

  void run_worker(size_t worker, const Function<void(size_t)>& init) {
    // Workers keep to their own core: the threads of parallel_for are the training's.
    thread_state.in_parallel = true;
    MakeBatch& make = make_batch[worker];
    const std::exception_ptr init_error = init_worker(init, worker);
    std::unique_lock lock(mutex);
    while (true) {
      job_ready.wait(lock, [&] { return quit || !jobs.empty(); });
      if (quit) return;
      Job job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      Result result{job.sequence, nullptr, nullptr};
      try {
        if (init_error) std::rethrow_exception(init_error);
        result.batch = make(job.request);
      } catch (...) {
        result.exception = std::current_exception();
      }
      job.request.reset();
      lock.lock();
      if (job.epoch == epoch && !quit) {
        results.push_back(std::move(result));
        result_ready.notify_one();
      } else {
        // An abandoned epoch's batch; its destructor may be the user's and slow.
        lock.unlock();
        result = Result();
        lock.lock();
      }
    }
  }

  void start_threads() {
    if (!threads.empty()) return;
    quit = false;
    try {
      for (size_t i = 0; i < workers; ++i) {
        threads.emplace_back([this, i, init = worker_init] { run_worker(i, init); });
      }
    } catch (const std::system_error& error) {
      stop_threads();
      taper::detail::fail<Error>("DataLoader: cannot start ", workers,
                                 " worker threads: ", error.what());
    }
  }

  void stop_threads() {
    {
      std::lock_guard lock(mutex);
      quit = true;
      ++epoch;
    }
    job_ready.notify_all();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    jobs.clear();
    results.clear();
  }

  // Asks the sampler for one more request while it has any.
  Item take_request() {
    if (!requests_left) return nullptr;
    Item request = next_request();
    requests_left = request != nullptr;
    return request;
  }

  void push_requests() {
    while (pushed - delivered < max_jobs) {
      Item request = take_request();
      if (request == nullptr) return;
      {
        std::lock_guard lock(mutex);
        jobs.push_back(Job{epoch, pushed++, std::move(request)});
      }
      job_ready.notify_one();
    }
  }

  // Waits for the batch that is due (or any, where order does not matter).
  Result pop_result() {
    std::unique_lock lock(mutex);
    auto due = results.end();
    auto found = [&] {
      due = std::find_if(results.begin(), results.end(), [&](const Result& result) {
        return !ordered || result.sequence == delivered;
      });
      return due != results.end();
    };
    if (!timeout_ms) {
      result_ready.wait(lock, found);
    } else if (!result_ready.wait_for(lock, std::chrono::milliseconds(*timeout_ms), found)) {
      taper::detail::fail<Error>(
          "Timeout in DataLoader queue while waiting for next batch. (timeout was ", *timeout_ms,
          " ms)");
    }
    Result result = std::move(*due);
    results.erase(due);
    return result;
  }

  // The next batch by the caller's own hands; null at the end.
  Item make_next() {
    const Item request = take_request();
    if (request == nullptr) return nullptr;
    ++delivered;
    Item batch = make_batch[0](request);
    if (batch == nullptr) {
      --delivered;
      requests_left = false;
    }
    return batch;
  }

  // The next batch of the workers'; null at the end.
  Item wait_for_next() {
    while (pushed != delivered) {
      Result result = pop_result();
      ++delivered;
      if (result.exception == nullptr && result.batch == nullptr) requests_left = false;
      try {
        push_requests();
      } catch (...) {
        // This batch is good: the sampler's error comes with the next call.
        request_error = std::current_exception();
      }
      if (result.exception) throw WorkerException(std::move(result.exception));
      if (result.batch != nullptr) return std::move(result.batch);
    }
    return nullptr;
  }
};

LoaderCore::LoaderCore(const DataLoaderOptions& options, NextRequest next_request,
                       std::vector<MakeBatch> make_batch)
    : impl_(std::make_unique<Impl>()) {
  TAPER_CHECK_AS(ConfigError, options.batch_size() > 0,
                 "DataLoader: batch_size must be positive, got 0");
  impl_->workers = options.workers();
  impl_->max_jobs = options.max_jobs().value_or(options.prefetch_factor() * options.workers());
  TAPER_CHECK_AS(ConfigError, impl_->workers == 0 || impl_->max_jobs > 0,
                 "DataLoader: max_jobs and prefetch_factor must be positive, got 0");
  impl_->timeout_ms = options.timeout_milliseconds();
  impl_->ordered = options.enforce_ordering();
  impl_->persistent = options.persistent_workers();
  impl_->worker_init = options.worker_init_fn();
  impl_->next_request = std::move(next_request);
  impl_->make_batch = std::move(make_batch);
  TAPER_DCHECK(impl_->make_batch.size() == std::max<size_t>(impl_->workers, 1));
}

LoaderCore::~LoaderCore() { impl_->stop_threads(); }

void LoaderCore::join() { impl_->stop_threads(); }

uint64_t LoaderCore::delivered() const { return impl_->delivered; }

bool LoaderCore::ended() const { return impl_->ended; }

void LoaderCore::drop_epoch() {
  Impl& p = *impl_;
  std::deque<Impl::Job> old_jobs;
  std::deque<Impl::Result> old_results;
  {
    std::lock_guard lock(p.mutex);
    ++p.epoch;
    old_jobs.swap(p.jobs);
    old_results.swap(p.results);
  }
  p.pushed = p.delivered = 0;
  p.requests_left = p.ended = false;
  p.request_error = nullptr;
}

uint64_t LoaderCore::start_epoch() {
  drop_epoch();
  Impl& p = *impl_;
  p.requests_left = true;
  if (p.workers > 0) {
    p.start_threads();
    p.push_requests();
  }
  std::lock_guard lock(p.mutex);
  return p.epoch;
}

LoaderCore::Item LoaderCore::next(uint64_t epoch) {
  Impl& p = *impl_;
  {
    std::lock_guard lock(p.mutex);
    if (epoch != p.epoch) return nullptr;
  }
  if (p.request_error) std::rethrow_exception(std::exchange(p.request_error, nullptr));
  Item batch = p.workers == 0 ? p.make_next() : p.wait_for_next();
  if (batch == nullptr && !p.ended) {
    p.ended = true;
    if (!p.persistent) p.stop_threads();
  }
  return batch;
}

}  // namespace detail
}  // namespace taper::data
