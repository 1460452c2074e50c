#include "taper/base/parallel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "taper/base/error.h"
#include "taper/base/float_mode.h"
#include "taper/base/thread_state.h"

// libgomp's entry points, called directly: clang's own pragma would load a second runtime.
extern "C" {
void GOMP_parallel(void (*fn)(void*), void* data, unsigned num_threads, unsigned flags);
int omp_get_max_threads();
int omp_get_thread_num();
int omp_get_num_threads();
void omp_set_num_threads(int threads);
}

#if defined(__SANITIZE_THREAD__)
#define TAPER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TAPER_TSAN 1
#endif
#endif
#ifdef TAPER_TSAN
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#endif

namespace taper {
namespace {

// libgomp is not instrumented: without these TSan sees no fork and no join.
void sync_release([[maybe_unused]] void* token) {
#ifdef TAPER_TSAN
  __tsan_release(token);
#endif
}
void sync_acquire([[maybe_unused]] void* token) {
#ifdef TAPER_TSAN
  __tsan_acquire(token);
#endif
}

std::atomic<int> thread_count{0};  // 0: not asked for yet
std::atomic<bool> team_busy{false};
std::atomic<bool> forked_child{false};

int team_size() {
  if (forked_child.load(std::memory_order_relaxed)) return 1;
  int n = thread_count.load(std::memory_order_relaxed);
  if (n == 0) [[unlikely]] {
    n = std::max(1, omp_get_max_threads());
    thread_count.store(n, std::memory_order_relaxed);
    // libgomp's workers do not survive a fork; the child must not wait for them.
    pthread_atfork(nullptr, nullptr, [] {
      forked_child.store(true, std::memory_order_relaxed);
      team_busy.store(false, std::memory_order_relaxed);
    });
  }
  return n;
}

bool take_team() {
  return !team_busy.load(std::memory_order_relaxed) &&
         !team_busy.exchange(true, std::memory_order_acquire);
}
void give_team() { team_busy.store(false, std::memory_order_release); }

struct Region {
  int64_t begin, end, parts;
  void (*body)(void*, int64_t, int64_t);
  void* context;
  uint64_t flush_mode;
  std::mutex mutex;
  std::exception_ptr error;
  char fork_token = 0, join_token = 0;

  void run_part(int64_t part) {
    const int64_t n = end - begin;
    const int64_t first = begin + n * part / parts;
    const int64_t last = begin + n * (part + 1) / parts;
    if (first >= last) return;
    try {
      body(context, first, last);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  }
};

void run_member(void* data) {
  Region& region = *static_cast<Region*>(data);
  sync_acquire(&region.fork_token);
  const bool nested = std::exchange(thread_state.in_parallel, true);
  const uint64_t own_flush_mode = detail::flush_mode();
  detail::set_flush_mode(region.flush_mode);
  // The team may come out smaller than asked for (thread limits): each member strides.
  const int members = omp_get_num_threads();
  for (int64_t part = omp_get_thread_num(); part < region.parts; part += members) {
    region.run_part(part);
  }
  detail::set_flush_mode(own_flush_mode);
  thread_state.in_parallel = nested;
  sync_release(&region.join_token);
}

}  // namespace

int get_num_threads() { return team_size(); }

void set_num_threads(int threads) {
  TAPER_CHECK(threads >= 1, "set_num_threads: expected a positive number of threads, got ",
              threads);
  team_size();
  thread_count.store(threads, std::memory_order_relaxed);
}

namespace detail {

void parallel_run(int64_t begin, int64_t end, int64_t grain, void (*body)(void*, int64_t, int64_t),
                  void* context) {
  const int64_t n = end - begin;
  if (n <= 0) return;
  const int size = team_size();
  if (size == 1 || n <= grain || thread_state.in_parallel || !take_team()) {
    body(context, begin, end);
    return;
  }
  // Changing a team's size costs 0.1-0.3 ms, so the team is whole even for few parts.
  Region region{
      begin, end,     std::min<int64_t>(size, (n + grain - 1) / std::max<int64_t>(grain, 1)),
      body,  context, flush_mode(),
      {},    nullptr};
  sync_release(&region.fork_token);
  GOMP_parallel(run_member, &region, static_cast<unsigned>(size), 0);
  sync_acquire(&region.join_token);
  give_team();
  if (region.error) std::rethrow_exception(region.error);
}

}  // namespace detail

ScopedOmpThreads::ScopedOmpThreads() : ScopedOmpThreads(team_size()) {}

ScopedOmpThreads::ScopedOmpThreads(int threads) : threads_(threads) {
  if (threads_ > 1) {
    owns_team_ = !thread_state.in_parallel && take_team();
    if (!owns_team_) threads_ = 1;
  }
  before_ = omp_get_max_threads();
  omp_set_num_threads(threads_);
}

ScopedOmpThreads::~ScopedOmpThreads() {
  omp_set_num_threads(before_);
  if (owns_team_) give_team();
}

}  // namespace taper
