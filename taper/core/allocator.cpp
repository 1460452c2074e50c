#include "taper/core/allocator.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/os_memory.h"
#include "taper/base/thread_state.h"
#include "taper/core/thread_cache.h"

namespace taper {
namespace {

// Large blocks: eight steps per doubling, whole pages; whole huge pages once a block can fill one.
struct LargeClass {
  size_t bytes;
  int index;
};
constexpr int kLargeClasses = 64 * 8;
LargeClass large_class(size_t bytes) {
  const size_t step = std::max<size_t>(4096, std::bit_floor(bytes) / 8);
  const size_t unit = bytes >= os::kHugePage ? std::max(step, os::kHugePage) : step;
  const size_t rounded = (bytes + unit - 1) / unit * unit;
  const int log = std::bit_width(rounded) - 1;
  return {rounded, log * 8 + static_cast<int>((rounded - std::bit_floor(rounded)) >> (log - 3))};
}

uint32_t magazine_limit(int c) {
  return static_cast<uint32_t>(std::clamp<size_t>((size_t{1} << 20) / class_bytes(c), 8, 4096));
}

}  // namespace

ThreadCache::ThreadCache() {
  for (int k = 0; k < kSmallClasses; ++k) magazines[k].room = magazine_limit(k);
}

namespace {

struct Central {
  std::mutex mutex;
  Magazine surplus[kSmallClasses];
  char* slab = nullptr;
  size_t slab_left = 0;
  FreeBlock* large[kLargeClasses] = {};  // cached
  size_t large_sizes[kLargeClasses] = {};
  std::vector<ThreadCache*> threads;
  std::vector<ThreadCache*> idle;  // caches of ended threads, their counters kept
  std::atomic<int64_t> reserved{0}, peak{0}, limit{0}, system_calls{0};
};

// Leaked on purpose: tensors of static storage are freed after main.
Central& central() {
  static Central* instance = new Central;
  return *instance;
}

void account(int64_t bytes) {
  Central& c = central();
  const int64_t now = c.reserved.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t peak = c.peak.load(std::memory_order_relaxed);
  while (now > peak && !c.peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

bool over_limit(size_t bytes) {
  const int64_t limit = central().limit.load(std::memory_order_relaxed);
  return limit > 0 &&
         static_cast<int64_t>(bytes) > limit - central().reserved.load(std::memory_order_relaxed);
}

[[noreturn]] TAPER_COLD void refuse(size_t bytes) {
  Central& c = central();
  throw OutOfMemoryError(str("allocator: not enough memory: you tried to allocate ", bytes,
                             " bytes, with ", c.reserved.load(), " bytes held and a limit of ",
                             c.limit.load(), " (0: none)"));
}

void* map_pages(size_t bytes) {
  central().system_calls.fetch_add(1, std::memory_order_relaxed);
  void* p = os::map_pages(bytes);
  if (p != nullptr) account(static_cast<int64_t>(bytes));
  return p;
}

void unmap_pages(void* p, size_t bytes) {
  os::unmap_pages(p, bytes);
  central().reserved.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
}

void drop_large_blocks(Central& c) {
  for (int k = 0; k < kLargeClasses; ++k) {
    while (FreeBlock* block = c.large[k]) {
      c.large[k] = block->next;
      unmap_pages(block, c.large_sizes[k]);
    }
  }
}

/// System memory, after the cached large blocks have been given up if need be. Holds c.mutex.
void* obtain(Central& c, size_t bytes) {
  if (over_limit(bytes)) drop_large_blocks(c);
  if (over_limit(bytes)) return nullptr;
  void* p = map_pages(bytes);
  if (p == nullptr) {
    drop_large_blocks(c);
    p = map_pages(bytes);
  }
  return p;
}

/// Moves blocks of class k into the magazine, from the central surplus or a slab.
[[maybe_unused]] bool refill(Magazine& magazine, int k) {
  Central& c = central();
  const size_t bytes = class_bytes(k);
  const uint32_t want = std::max<uint32_t>(1, std::min<uint32_t>(magazine_limit(k) / 4, 16));
  std::lock_guard lock(c.mutex);
  while (magazine.count < want) {
    FreeBlock* block = c.surplus[k].top;
    if (block != nullptr) {
      c.surplus[k].top = block->next;
      --c.surplus[k].count;
    } else {
      if (c.slab_left < bytes) {
        if (magazine.count > 0) break;
        // Slabs grow with use: a small program stays small.
        const size_t slab = std::clamp<size_t>(
            std::bit_floor(static_cast<size_t>(c.reserved.load(std::memory_order_relaxed)) / 4),
            std::max<size_t>(kSmallLimit / 4, std::bit_ceil(bytes)), os::kHugePage);
        char* fresh = static_cast<char*>(obtain(c, slab));
        if (fresh == nullptr) return false;
        c.slab = fresh;
        c.slab_left = slab;
      }
      block = reinterpret_cast<FreeBlock*>(c.slab);
      c.slab += bytes;
      c.slab_left -= bytes;
    }
    block->next = magazine.top;
    magazine.top = block;
    ++magazine.count;
    --magazine.room;
  }
  return true;
}

/// Gives half of a full magazine (or all of it) to the central list.
void spill(Magazine& magazine, int k, uint32_t keep) {
  Central& c = central();
  std::lock_guard lock(c.mutex);
  while (magazine.count > keep) {
    FreeBlock* block = magazine.top;
    magazine.top = block->next;
    --magazine.count;
    ++magazine.room;
    block->next = c.surplus[k].top;
    c.surplus[k].top = block;
    ++c.surplus[k].count;
  }
}

/// Returns a thread's blocks when it ends.
struct CacheOwner {
  ~CacheOwner() {
    ThreadCache* cache = std::exchange(thread_state.cache, nullptr);
    if (cache == nullptr) return;
    for (int k = 0; k < kSmallClasses; ++k) spill(cache->magazines[k], k, 0);
    Central& c = central();
    std::lock_guard lock(c.mutex);
    c.idle.push_back(cache);
  }
};

TAPER_COLD ThreadCache* make_cache() {
  static thread_local CacheOwner owner;
  (void)owner;
  Central& c = central();
  std::lock_guard lock(c.mutex);
  if (!c.idle.empty()) {
    thread_state.cache = c.idle.back();
    c.idle.pop_back();
  } else {
    thread_state.cache = new ThreadCache;
    c.threads.push_back(thread_state.cache);
  }
  return thread_state.cache;
}

[[maybe_unused]] void* allocate_large(size_t bytes) {
  Central& c = central();
  const LargeClass wanted = large_class(bytes);
  if (wanted.bytes < bytes) refuse(bytes);
  std::lock_guard lock(c.mutex);
  if (FreeBlock* block = c.large[wanted.index]) {
    c.large[wanted.index] = block->next;
    return block;
  }
  void* block = obtain(c, wanted.bytes);
  if (block == nullptr) refuse(bytes);
  return block;
}

}  // namespace

namespace detail {

ThreadCache& cache_of_thread() {
  ThreadCache* cache = thread_state.cache;
  return cache != nullptr ? *cache : *make_cache();
}

#if TAPER_BYPASS_CACHE

void* allocate_slow(size_t bytes) {
  void* raw = nullptr;
  if (!over_limit(bytes) && bytes < (size_t{1} << 62)) {
    raw = std::aligned_alloc(kBlockAlign, (bytes + kBlockAlign) / kBlockAlign * kBlockAlign);
  }
  if (raw == nullptr) refuse(bytes);
  central().system_calls.fetch_add(1, std::memory_order_relaxed);
  account(static_cast<int64_t>(bytes));
  add_relaxed(cache_of_thread().allocated, static_cast<int64_t>(bytes));
  return raw;
}

void deallocate_slow(void* block, size_t bytes) noexcept {
  std::free(block);
  account(-static_cast<int64_t>(bytes));
  add_relaxed(cache_of_thread().allocated, -static_cast<int64_t>(bytes));
}

#else

void* allocate_slow(size_t bytes) {
  ThreadCache& cache = cache_of_thread();
  void* block;
  if (bytes <= kSmallLimit) {
    const int k = size_class(bytes);
    Magazine& magazine = cache.magazines[k];
    if (magazine.top == nullptr && !refill(magazine, k)) refuse(bytes);
    FreeBlock* top = magazine.top;
    magazine.top = top->next;
    --magazine.count;
    ++magazine.room;
    block = top;
  } else {
    block = allocate_large(bytes);
  }
  add_relaxed(cache.allocated, static_cast<int64_t>(bytes));
  return block;
}

void deallocate_slow(void* block, size_t bytes) noexcept {
  ThreadCache& cache = cache_of_thread();
  add_relaxed(cache.allocated, -static_cast<int64_t>(bytes));
  FreeBlock* freed = static_cast<FreeBlock*>(block);
  if (bytes <= kSmallLimit) {
    const int k = size_class(bytes);
    Magazine& magazine = cache.magazines[k];
    if (magazine.room == 0) spill(magazine, k, magazine.count / 2);
    freed->next = magazine.top;
    magazine.top = freed;
    ++magazine.count;
    --magazine.room;
    return;
  }
  Central& c = central();
  const LargeClass freed_class = large_class(bytes);
  std::lock_guard lock(c.mutex);
  freed->next = c.large[freed_class.index];
  c.large[freed_class.index] = freed;
  c.large_sizes[freed_class.index] = freed_class.bytes;
}

#endif

}  // namespace detail

MemoryStats memory_stats() {
  Central& c = central();
  MemoryStats s;
  std::lock_guard lock(c.mutex);
  for (ThreadCache* t : c.threads) s.allocated += t->allocated.load(std::memory_order_relaxed);
  s.reserved = c.reserved.load(std::memory_order_relaxed);
  s.peak_reserved = c.peak.load(std::memory_order_relaxed);
  s.system_calls = c.system_calls.load(std::memory_order_relaxed);
  return s;
}

void reset_peak_memory() {
  central().peak.store(central().reserved.load(std::memory_order_relaxed),
                       std::memory_order_relaxed);
}

void empty_cache() {
  Central& c = central();
  std::lock_guard lock(c.mutex);
  drop_large_blocks(c);
}

void set_memory_limit(int64_t bytes) {
  TAPER_CHECK(bytes >= 0, "set_memory_limit: expected a non-negative number of bytes, got ", bytes);
  central().limit.store(bytes, std::memory_order_relaxed);
}

int64_t memory_limit() { return central().limit.load(std::memory_order_relaxed); }

LiveObjects live_objects() {
  Central& c = central();
  LiveObjects live;
  std::lock_guard lock(c.mutex);
  for (ThreadCache* t : c.threads) {
    live.storages += t->storages.load(std::memory_order_relaxed);
    live.nodes += t->nodes.load(std::memory_order_relaxed);
  }
  return live;
}

}  // namespace taper
