#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "taper/base/error.h"
#include "taper/core/allocator.h"
#include "taper/core/storage.h"
#include "taper/core/tensor_impl.h"
#include "taper/core/thread_cache.h"

namespace taper {
namespace {

TEST(AllocatorThreads, BlocksAreAlignedAndDoNotOverlap) {
  std::vector<std::pair<unsigned char*, size_t>> blocks;
  for (size_t bytes : {0u, 1u, 63u, 64u, 65u, 1000u, 4096u, 100000u, 262144u, 262145u, 5000000u}) {
    for (int i = 0; i < 3; ++i) {
      auto* p = static_cast<unsigned char*>(detail::allocate(bytes));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 64, 0u);
      std::memset(p, static_cast<int>(blocks.size()), bytes);
      blocks.push_back({p, bytes});
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    for (size_t b = 0; b < blocks[i].second; b += 97) {
      ASSERT_EQ(blocks[i].first[b], static_cast<unsigned char>(i));
    }
    detail::deallocate(blocks[i].first, blocks[i].second);
  }
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(AllocatorThreads, AFreedBlockIsReusedWithoutASystemCall) {
  for (size_t bytes : {100u, 3000000u}) {
    void* first = detail::allocate(bytes);
    detail::deallocate(first, bytes);
    const int64_t calls = memory_stats().system_calls;
    void* second = detail::allocate(bytes);
    EXPECT_EQ(first, second);
    EXPECT_EQ(memory_stats().system_calls, calls);
    detail::deallocate(second, bytes);
  }
}

TEST(AllocatorThreads, EmptyCacheGivesLargeBlocksBack) {
  detail::deallocate(detail::allocate(64 << 20), 64 << 20);
  const int64_t before = memory_stats().reserved;
  empty_cache();
  EXPECT_LE(memory_stats().reserved, before - (64 << 20));
}
#endif

TEST(AllocatorThreads, CountsLiveBytesOverThreads) {
  const int64_t before = memory_stats().allocated;
  void* p = nullptr;
  std::thread([&] { p = detail::allocate(5000); }).join();
  EXPECT_EQ(memory_stats().allocated, before + 5000);
  detail::deallocate(p, 5000);
  EXPECT_EQ(memory_stats().allocated, before);
}

TEST(AllocatorThreads, TheLimitRefusesAndIsLifted) {
  empty_cache();
  set_memory_limit(memory_stats().reserved + (8 << 20));
  EXPECT_THROW(detail::allocate(64 << 20), OutOfMemoryError);
  try {
    TensorImpl::empty("zeros", {1 << 20, 64}, kFloat);
    FAIL();
  } catch (const OutOfMemoryError& error) {
    EXPECT_NE(std::string(error.what()).find("268435456 bytes"), std::string::npos) << error.what();
  }
  set_memory_limit(0);
  detail::deallocate(detail::allocate(64 << 20), 64 << 20);
  EXPECT_THROW(set_memory_limit(-1), Error);
}

TEST(AllocatorThreads, RefusesWhatNoMachineHas) {
  EXPECT_THROW(detail::allocate(size_t{1} << 60), OutOfMemoryError);
  EXPECT_THROW(TensorImpl::empty("zeros", {int64_t{1} << 58}, kFloat), OutOfMemoryError);
}

TEST(AllocatorThreads, BlocksMayEndInAnotherThread) {
  std::mutex mutex;
  std::vector<void*> shared;
  const auto work = [&](unsigned seed) {
    for (int i = 0; i < 5000; ++i) {
      seed = seed * 1664525 + 1013904223;
      void* p = detail::allocate(192);
      std::memset(p, 0xab, 192);
      std::lock_guard lock(mutex);
      shared.push_back(p);
      if (shared.size() > 64) {
        const size_t at = seed % shared.size();
        detail::deallocate(shared[at], 192);
        shared[at] = shared.back();
        shared.pop_back();
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) threads.emplace_back(work, t + 1);
  for (std::thread& t : threads) t.join();
  for (void* p : shared) detail::deallocate(p, 192);
}

TEST(AllocatorThreads, StoragesAreCountedAndRunTheirDeleter) {
  const int64_t before = live_objects().storages;
  int ended = 0;
  float memory[4] = {};
  {
    StoragePtr s = StoragePtr::adopt(StorageImpl::wrap(
        memory, sizeof(memory), Device(), [](void* p) { ++*static_cast<int*>(p); }, &ended));
    StoragePtr t = StoragePtr::adopt(StorageImpl::create(100000));
    EXPECT_EQ(live_objects().storages, before + 2);
    EXPECT_EQ(s->data(), memory);
  }
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(live_objects().storages, before);
}

}  // namespace
}  // namespace taper
