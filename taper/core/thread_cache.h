#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "taper/base/macros.h"
#include "taper/base/thread_state.h"

// The allocator's fast path, inline: an op makes two or three blocks. Internal to the library.

#if defined(__SANITIZE_ADDRESS__)
#define TAPER_BYPASS_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TAPER_BYPASS_CACHE 1
#endif
#endif
#ifndef TAPER_BYPASS_CACHE
#define TAPER_BYPASS_CACHE 0
#endif

namespace taper {

// Size classes: four steps per doubling from 64 bytes, so at most a quarter is lost. Blocks up to
// kSmallLimit are carved from slabs and cached per thread; larger ones come from the system.
inline constexpr size_t kBlockAlign = 64;
inline constexpr size_t kSmallLimit = size_t{1} << 18;
inline constexpr int kSmallClasses = 49;

constexpr int size_class(size_t bytes) {
  if (bytes <= 4 * kBlockAlign) return bytes == 0 ? 0 : static_cast<int>((bytes - 1) / kBlockAlign);
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes <= 2^(log+1)
  const size_t step = size_t{1} << (log - 2);
  return (log - 8) * 4 + 4 + static_cast<int>((bytes - 1 - (size_t{1} << log)) / step);
}
constexpr size_t class_bytes(int c) {
  if (c < 4) return (c + 1) * kBlockAlign;
  const int log = (c - 4) / 4 + 8;
  return (size_t{1} << log) + ((c - 4) % 4 + 1) * (size_t{1} << (log - 2));
}
static_assert(size_class(1) == 0 && size_class(64) == 0 && size_class(256) == 3);
static_assert(size_class(257) == 4 && class_bytes(size_class(320)) == 320);
static_assert(class_bytes(size_class(321)) == 384 && size_class(kSmallLimit) < kSmallClasses);

/// Classes of small sizes by 64-byte units: a load instead of a computation.
inline constexpr size_t kTableLimit = 4096 + 64;
inline constexpr auto kClassTable = [] {
  std::array<uint8_t, kTableLimit / kBlockAlign + 1> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<uint8_t>(size_class(i * kBlockAlign));
  }
  return table;
}();

struct FreeBlock {
  FreeBlock* next;
};
struct Magazine {
  FreeBlock* top = nullptr;
  uint32_t count = 0;
  uint32_t room = 0;  // blocks that still fit
};

/// A thread's blocks and counters. Other threads read the counters, hence the relaxed atomics.
struct ThreadCache {
  ThreadCache();

  Magazine magazines[kSmallClasses];
  std::atomic<int64_t> allocated{0};
  std::atomic<int64_t> storages{0};
  std::atomic<int64_t> nodes{0};
};

namespace detail {

void* allocate_slow(size_t bytes);
void deallocate_slow(void* block, size_t bytes) noexcept;
ThreadCache& cache_of_thread();

/// To a counter that this thread alone writes.
inline void add_relaxed(std::atomic<int64_t>& counter, int64_t delta) {
  counter.store(counter.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
}

/// A block of at least bytes, 64-byte aligned. Throws OutOfMemoryError.
inline void* allocate(size_t bytes) {
  ThreadCache* cache = thread_state.cache;
  if (!TAPER_BYPASS_CACHE && cache != nullptr && bytes <= kTableLimit) [[likely]] {
    Magazine& magazine = cache->magazines[kClassTable[(bytes + kBlockAlign - 1) / kBlockAlign]];
    if (FreeBlock* block = magazine.top) [[likely]] {
      magazine.top = block->next;
      --magazine.count;
      ++magazine.room;
      add_relaxed(cache->allocated, static_cast<int64_t>(bytes));
      return block;
    }
  }
  return allocate_slow(bytes);
}

/// Gives back a block with the size that was asked for.
inline void deallocate(void* block, size_t bytes) noexcept {
  ThreadCache* cache = thread_state.cache;
  if (!TAPER_BYPASS_CACHE && cache != nullptr && bytes <= kTableLimit) [[likely]] {
    Magazine& magazine = cache->magazines[kClassTable[(bytes + kBlockAlign - 1) / kBlockAlign]];
    if (magazine.room > 0) [[likely]] {
      FreeBlock* head = static_cast<FreeBlock*>(block);
      head->next = magazine.top;
      magazine.top = head;
      ++magazine.count;
      --magazine.room;
      add_relaxed(cache->allocated, -static_cast<int64_t>(bytes));
      return;
    }
  }
  deallocate_slow(block, bytes);
}

inline ThreadCache& counters() {
  ThreadCache* cache = thread_state.cache;
  return cache != nullptr ? *cache : cache_of_thread();
}
inline void count_storage(int delta) noexcept { add_relaxed(counters().storages, delta); }
inline void count_node(int delta) noexcept { add_relaxed(counters().nodes, delta); }

}  // namespace detail
}  // namespace taper
