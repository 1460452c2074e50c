#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "taper/taper.h"
#include "tests/support/small_stack.h"

namespace taper {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kDeep = 20000;
#else
constexpr int kDeep = 1000000;
#endif

TEST(DepthThreads, AMillionNodesRunAndEndOnASmallStack) {
  const LiveObjects before = live_objects();
  testing::on_small_stack([] {
    Tensor x = ones({1}).requires_grad_();
    Tensor y = x;
    for (int i = 0; i < kDeep; ++i) y = y + 1;
    y.backward();
    EXPECT_EQ(x.grad().item<float>(), 1);
  });
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

TEST(DepthThreads, AMillionNodesInARandomGraph) {
  // Each is half of the sum of two earlier ones, near or far. The gradient of the last one is
  // what the same walk over numbers gives.
  const LiveObjects before = live_objects();
  std::mt19937 random(5);
  std::vector<std::pair<int, int>> parents(1);
  for (int i = 1; i < kDeep; ++i) {
    const int near = std::max(0, i - 1 - static_cast<int>(random() % 8));
    parents.emplace_back(near, static_cast<int>(random() % static_cast<unsigned>(i)));
  }
  std::vector<double> slopes(kDeep);
  slopes.back() = 1;
  for (int i = kDeep - 1; i > 0; --i) {
    slopes[parents[i].first] += slopes[i] / 2;
    slopes[parents[i].second] += slopes[i] / 4;
  }
  testing::on_small_stack([&] {
    Tensor x = ones({1}, kDouble).requires_grad_();
    std::vector<Tensor> values{x};
    for (int i = 1; i < kDeep; ++i) {
      const auto& [near, far] = parents[i];
      values.push_back(i % 2 != 0 ? values[near].mul(0.5).add(values[far], 0.25)
                                  : values[far].mul(0.25).add(values[near], 0.5));
    }
    const Tensor last = values.back();
    values.clear();
    last.backward();
    EXPECT_NEAR(x.grad().item<double>(), slopes[0], 1e-9 * slopes[0]);
  });
  EXPECT_EQ(live_objects().nodes, before.nodes);
  EXPECT_EQ(live_objects().storages, before.storages);
}

TEST(DepthThreads, AMillionNodesEndWithoutRunning) {
  const LiveObjects before = live_objects();
  testing::on_small_stack([] {
    Tensor x = ones({1}).requires_grad_();
    Tensor y = x;
    for (int i = 0; i < kDeep; ++i) y = y * y;
  });
  EXPECT_EQ(live_objects().nodes, before.nodes);
  EXPECT_EQ(live_objects().storages, before.storages);
}

TEST(BackwardThreads, ASharedLeafGetsEveryGradient) {
  Tensor w = ones({64}).requires_grad_();
  constexpr int kThreads = 4, kRounds = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) (w * 2).sum().backward();
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(w.grad().equal(full({64}, 2.0f * kThreads * kRounds)));
}

TEST(BackwardThreads, LeavesAndGraphsComeAndGo) {
  // The leaf's sink is found through the leaf while other threads drop their graphs: a sink that
  // two threads let go of at once must end once.
  const LiveObjects before = live_objects();
  Tensor w = ones({1}).requires_grad_();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) Tensor y = w * 2;
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(live_objects().nodes, before.nodes);
  (w * 2).backward();
  EXPECT_EQ(w.grad().item<float>(), 2);
}

TEST(BackwardThreads, ASharedSubgraphMayBeRunFromTwoThreads) {
  Tensor x = ones({32}).requires_grad_();
  Tensor shared = x.exp();
  Tensor a = (shared * 2).sum(), b = (shared * 3).sum();
  std::thread first([&] { a.backward({}, true); });
  std::thread second([&] { b.backward({}, true); });
  first.join();
  second.join();
  EXPECT_TRUE(x.grad().allclose(full({32}, 5 * 2.7182818f)));
}

TEST(BackwardThreads, TwoHostThreadsAndTheTeam) {
  set_num_threads(2);
  std::vector<std::thread> hosts;
  for (int t = 0; t < 2; ++t) {
    hosts.emplace_back([] {
      for (int i = 0; i < 20; ++i) {
        Tensor x = ones({1 << 16}).requires_grad_();
        (x * 2).exp().sum().backward();
        EXPECT_NEAR(x.grad()[5].item<float>(), 2 * 7.389056f, 1e-4);
      }
    });
  }
  for (std::thread& t : hosts) t.join();
}

}  // namespace
}  // namespace taper
