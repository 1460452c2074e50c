#pragma once

#include <cstdint>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// What the CPU allocator holds, in bytes; counted over all threads.
struct MemoryStats {
  int64_t allocated = 0;      ///< in live blocks
  int64_t reserved = 0;       ///< taken from the system, cached blocks included
  int64_t peak_reserved = 0;  ///< most of `reserved` since the start or reset_peak_memory()
  int64_t system_calls = 0;   ///< times that memory was asked from the system
};
MemoryStats memory_stats();
void reset_peak_memory();
/// Gives cached large blocks back to the system.
void empty_cache();
/// Refuses, with an OutOfMemoryError, what would take more than this from the system; 0: no limit.
void set_memory_limit(int64_t bytes);
int64_t memory_limit();

/// Objects alive, summed over threads; tests assert that both return to zero.
struct LiveObjects {
  int64_t storages = 0;
  int64_t nodes = 0;
};
LiveObjects live_objects();

}  // namespace taper
