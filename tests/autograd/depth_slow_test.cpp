// A graph of ten million nodes, which takes 6 GB.
#include <gtest/gtest.h>

#include "taper/taper.h"
#include "tests/support/small_stack.h"

namespace taper {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kNodes = 100000;
#else
constexpr int kNodes = 10000000;
#endif

TEST(Depth, TenMillionNodesRunAndEndOnASmallStack) {
  const LiveObjects before = live_objects();
  testing::on_small_stack([] {
    Tensor x = ones({1}).requires_grad_();
    Tensor y = x;
    for (int i = 0; i < kNodes; ++i) y = y + 1;
    y.backward();
    EXPECT_EQ(x.grad().item<float>(), 1);
  });
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

}  // namespace
}  // namespace taper
