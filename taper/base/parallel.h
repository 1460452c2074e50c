#pragma once

#include <cstdint>

#include <type_traits>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// Threads that a parallel region uses. Default: OpenMP's (OMP_NUM_THREADS or the cores).
int get_num_threads();
/// Throws when threads < 1. Takes effect with the next region, for all host threads.
void set_num_threads(int threads);

namespace detail {
void parallel_run(int64_t begin, int64_t end, int64_t grain, void (*body)(void*, int64_t, int64_t),
                  void* context);
}  // namespace detail

/// Splits [begin, end) over the threads and calls body(first, last) on each part; parts are no
/// smaller than grain. Runs inline when one part is enough, inside another region, or while
/// another host thread owns the team. An exception of any part reaches the caller.
template <class Body>
void parallel_for(int64_t begin, int64_t end, int64_t grain, Body&& body) {
  detail::parallel_run(
      begin, end, grain,
      [](void* context, int64_t first, int64_t last) {
        (*static_cast<std::remove_reference_t<Body>*>(context))(first, last);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

/// The number of threads that an OpenMP library called from this thread may use, for the life of
/// the scope: get_num_threads() outside a region, one inside (or what the caller asks for).
class ScopedOmpThreads {
 public:
  ScopedOmpThreads();
  explicit ScopedOmpThreads(int threads);
  ~ScopedOmpThreads();
  ScopedOmpThreads(const ScopedOmpThreads&) = delete;
  ScopedOmpThreads& operator=(const ScopedOmpThreads&) = delete;

  int threads() const { return threads_; }

 private:
  int threads_;
  int before_;
  bool owns_team_ = false;
};

}  // namespace taper
