#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/float_mode.h"
#include "taper/base/parallel.h"

namespace taper {
namespace {

class ParallelThreads : public ::testing::Test {
 protected:
  void SetUp() override { before_ = get_num_threads(); }
  void TearDown() override { set_num_threads(before_); }

 private:
  int before_ = 1;
};

std::vector<int> visits(int64_t n, int64_t grain) {
  std::vector<int> count(n, 0);
  parallel_for(0, n, grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) ++count[i];
  });
  return count;
}

TEST_F(ParallelThreads, EveryIndexIsVisitedOnce) {
  for (int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    for (int64_t n : {0, 1, 2, 7, 100, 1001}) {
      for (int64_t grain : {1, 10, 5000}) {
        EXPECT_EQ(visits(n, grain), std::vector<int>(n, 1)) << threads << " " << n << " " << grain;
      }
    }
  }
}

TEST_F(ParallelThreads, PartsAreNoSmallerThanTheGrain) {
  set_num_threads(4);
  std::atomic<int> parts{0};
  parallel_for(0, 100, 60, [&](int64_t first, int64_t last) {
    EXPECT_GE(last - first, 50);
    ++parts;
  });
  EXPECT_LE(parts.load(), 2);
}

TEST_F(ParallelThreads, NestedRegionsRunInline) {
  set_num_threads(2);
  std::atomic<int> total{0};
  parallel_for(0, 4, 1, [&](int64_t first, int64_t last) {
    const auto outer = std::this_thread::get_id();
    for (int64_t i = first; i < last; ++i) {
      parallel_for(0, 10, 1, [&](int64_t a, int64_t b) {
        EXPECT_EQ(std::this_thread::get_id(), outer);
        total += static_cast<int>(b - a);
      });
    }
  });
  EXPECT_EQ(total.load(), 40);
}

TEST_F(ParallelThreads, AnExceptionReachesTheCaller) {
  set_num_threads(2);
  for (int64_t bad : {0, 99}) {
    EXPECT_THROW(parallel_for(0, 100, 1,
                              [&](int64_t first, int64_t last) {
                                if (first <= bad && bad < last) throw ShapeError("part");
                              }),
                 ShapeError);
  }
  EXPECT_EQ(visits(10, 1), std::vector<int>(10, 1));
}

TEST_F(ParallelThreads, SeveralHostThreadsShareTheTeam) {
  set_num_threads(2);
  std::vector<std::thread> hosts;
  std::atomic<int64_t> total{0};
  for (int h = 0; h < 4; ++h) {
    hosts.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<int64_t> sum{0};
        parallel_for(0, 64, 1, [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) sum += i;
        });
        total += sum.load();
      }
    });
  }
  for (std::thread& host : hosts) host.join();
  EXPECT_EQ(total.load(), 4 * 200 * (64 * 63 / 2));
}

TEST_F(ParallelThreads, ScopedOmpThreadsIsOneInsideARegion) {
  set_num_threads(2);
  {
    ScopedOmpThreads outside;
    EXPECT_EQ(outside.threads(), 2);
    ScopedOmpThreads second;  // the team is taken
    EXPECT_EQ(second.threads(), 1);
  }
  parallel_for(0, 2, 1, [&](int64_t, int64_t) {
    ScopedOmpThreads inside;
    EXPECT_EQ(inside.threads(), 1);
  });
}

#if !defined(__SANITIZE_THREAD__)
TEST_F(ParallelThreads, AForkedChildRunsOnOneThread) {
  set_num_threads(2);
  visits(100, 1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool ok = visits(100, 1) == std::vector<int>(100, 1) && get_num_threads() == 1;
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

TEST(Parallel, RefusesNoThreads) {
  EXPECT_THROW(set_num_threads(0), Error);
  EXPECT_THROW(set_num_threads(-3), Error);
}

TEST_F(ParallelThreads, RegionsTakeOverTheCallersFlushMode) {
  set_num_threads(2);
  const bool can = set_flush_denormal(true);
  std::atomic<int> denormals{0};
  auto count = [&] {
    denormals = 0;
    volatile float tiny = 1e-30f;
    parallel_for(0, 64, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) denormals += tiny * 1e-10f != 0.0f;
    });
    return denormals.load();
  };
  EXPECT_EQ(count(), can ? 0 : 64);
  set_flush_denormal(false);
  EXPECT_EQ(count(), 64);
}

}  // namespace
}  // namespace taper
