#include "taper/core/allocator.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/os_memory.h"
#include "taper/base/thread_state.h"

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
namespace {

// Size classes: four steps per doubling from 64 bytes, so at most a quarter is lost. Blocks up to
// kSmallLimit are carved from slabs and cached per thread; larger ones come from mmap.
constexpr size_t kAlign = 64;
constexpr size_t kSmallLimit = size_t{1} << 18;
constexpr int kSmallClasses = 49;

constexpr int class_of(size_t bytes) {
  if (bytes <= 4 * kAlign) return bytes == 0 ? 0 : static_cast<int>((bytes - 1) / kAlign);
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes <= 2^(log+1)
  const size_t step = size_t{1} << (log - 2);
  return (log - 8) * 4 + 4 + static_cast<int>((bytes - 1 - (size_t{1} << log)) / step);
}
constexpr size_t class_bytes(int c) {
  if (c < 4) return (c + 1) * kAlign;
  const int log = (c - 4) / 4 + 8;
  return (size_t{1} << log) + ((c - 4) % 4 + 1) * (size_t{1} << (log - 2));
}
static_assert(class_of(1) == 0 && class_of(64) == 0 && class_of(256) == 3 && class_of(257) == 4);
static_assert(class_bytes(class_of(320)) == 320 && class_bytes(class_of(321)) == 384);
static_assert(class_of(kSmallLimit) < kSmallClasses);

size_t large_bytes(size_t bytes) {
  // Eight steps per doubling, at least pages; huge pages once the block can fill one.
  const size_t step = std::max<size_t>(4096, std::bit_floor(bytes) / 8);
  const size_t unit = bytes >= os::kHugePage ? std::max(step, os::kHugePage) : step;
  return (bytes + unit - 1) / unit * unit;
}

struct FreeBlock {
  FreeBlock* next;
};

struct Magazine {
  FreeBlock* top = nullptr;
  uint32_t count = 0;
};

uint32_t magazine_limit(int c) {
  return static_cast<uint32_t>(std::clamp<size_t>((size_t{1} << 20) / class_bytes(c), 8, 4096));
}

}  // namespace

/// A thread's blocks and counters. Other threads read the counters, hence the relaxed atomics.
struct ThreadCache {
  Magazine magazines[kSmallClasses];
  std::atomic<int64_t> allocated{0};
  std::atomic<int64_t> storages{0};
  std::atomic<int64_t> nodes{0};
};

namespace {

void add(std::atomic<int64_t>& counter, int64_t delta) {
  counter.store(counter.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
}

struct Central {
  std::mutex mutex;
  Magazine surplus[kSmallClasses];
  char* slab = nullptr;
  size_t slab_left = 0;
  std::multimap<size_t, void*> large;  // cached, by size
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
  for (auto& [bytes, block] : c.large) unmap_pages(block, bytes);
  c.large.clear();
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

ThreadCache* cache_of_thread() {
  ThreadCache* cache = thread_state.cache;
  return cache != nullptr ? cache : make_cache();
}

[[maybe_unused]] void* allocate_large(size_t bytes) {
  Central& c = central();
  const size_t size = large_bytes(bytes);
  if (size < bytes) refuse(bytes);
  std::lock_guard lock(c.mutex);
  // A cached block up to an eighth larger will do... but its class must be found again when it
  // is freed, so only the exact class is taken.
  if (auto it = c.large.find(size); it != c.large.end()) {
    void* block = it->second;
    c.large.erase(it);
    return block;
  }
  void* block = obtain(c, size);
  if (block == nullptr) refuse(bytes);
  return block;
}

}  // namespace

namespace detail {

void* allocate(size_t bytes) {
  ThreadCache* cache = cache_of_thread();
  add(cache->allocated, static_cast<int64_t>(bytes));
#if TAPER_BYPASS_CACHE
  void* raw = nullptr;
  if (!over_limit(bytes) && bytes < (size_t{1} << 62)) {
    raw = std::aligned_alloc(kAlign, (bytes + kAlign) / kAlign * kAlign);
  }
  if (raw == nullptr) {
    add(cache->allocated, -static_cast<int64_t>(bytes));
    refuse(bytes);
  }
  central().system_calls.fetch_add(1, std::memory_order_relaxed);
  account(static_cast<int64_t>(bytes));
  return raw;
#else
  if (bytes <= kSmallLimit) [[likely]] {
    const int k = class_of(bytes);
    Magazine& magazine = cache->magazines[k];
    if (magazine.top == nullptr && !refill(magazine, k)) [[unlikely]] {
      add(cache->allocated, -static_cast<int64_t>(bytes));
      refuse(bytes);
    }
    FreeBlock* block = magazine.top;
    magazine.top = block->next;
    --magazine.count;
    return block;
  }
  try {
    return allocate_large(bytes);
  } catch (...) {
    add(cache->allocated, -static_cast<int64_t>(bytes));
    throw;
  }
#endif
}

void deallocate(void* block, size_t bytes) noexcept {
  ThreadCache* cache = cache_of_thread();
  add(cache->allocated, -static_cast<int64_t>(bytes));
#if TAPER_BYPASS_CACHE
  std::free(block);
  account(-static_cast<int64_t>(bytes));
#else
  if (bytes <= kSmallLimit) [[likely]] {
    const int k = class_of(bytes);
    Magazine& magazine = cache->magazines[k];
    FreeBlock* head = static_cast<FreeBlock*>(block);
    head->next = magazine.top;
    magazine.top = head;
    if (++magazine.count > magazine_limit(k)) [[unlikely]]
      spill(magazine, k, magazine.count / 2);
    return;
  }
  Central& c = central();
  const size_t size = large_bytes(bytes);
  std::lock_guard lock(c.mutex);
  c.large.emplace(size, block);
#endif
}

void count_storage(int delta) noexcept { add(cache_of_thread()->storages, delta); }
void count_node(int delta) noexcept { add(cache_of_thread()->nodes, delta); }

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
