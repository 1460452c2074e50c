#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "taper/core/allocator.h"
#include "taper/train/profiler.h"

// What the profiler keeps: profiler.cpp records it, profiler_report.cpp shows it.
namespace taper::train {

/// A call that has ended; times are nanoseconds of the monotonic clock.
struct ProfileEvent {
  const char* name;
  int64_t start;
  int64_t duration;
  bool is_kernel;
};

/// Of one thread. Names of kernels are literals, those of spans stand in `names`.
struct ThreadRecord {
  struct Totals {
    bool is_kernel = false;
    int64_t calls = 0, total = 0, self = 0;
  };
  std::unordered_map<const char*, Totals> totals;
  std::vector<ProfileEvent> events;
  std::unordered_set<std::string> names;
};

struct Profiler::Impl {
  struct Step {
    int64_t number, time;
    MemoryStats memory;
  };

  ProfilerOptions options;
  std::atomic<bool> recording{false};
  uint64_t session = 0;
  int64_t begin = 0, end = 0;
  int64_t steps = 0, most_reserved = 0;
  std::vector<Step> marks;  // in the trace
  std::vector<ThreadRecord> threads;

  /// Calls that begin from here on are part of the trace.
  std::atomic<int64_t> trace_from{0};
  std::atomic<int64_t> kept{0}, left_out{0};

  /// Throws ConfigError while it records.
  void check_ended(const char* what) const;
};

}  // namespace taper::train
