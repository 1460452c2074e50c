#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

Tensor leaf(double v) { return full({1}, v, TensorOptions(kDouble)).requires_grad_(); }
double value(const Tensor& t) { return t.item<double>(); }

TEST(Hooks, SeeTheWholeGradientOnceAndMayReplaceIt) {
  Tensor x = leaf(1);
  std::vector<double> seen;
  x.register_hook([&](const Tensor& g) { seen.push_back(value(g)); });
  x.register_hook([](const Tensor& g) { return g * 10; });
  x.register_hook([&](const Tensor& g) { seen.push_back(value(g)); });
  (x * 2 + x * 3).backward();
  EXPECT_EQ(seen, (std::vector<double>{5, 50}));
  EXPECT_EQ(value(x.grad()), 50);
}

TEST(Hooks, OfANonLeafChangeWhatFlowsOn) {
  Tensor x = leaf(3);
  Tensor y = x * 2;
  y.register_hook([](const Tensor& g) { return g * 7; });
  y.backward();
  EXPECT_EQ(value(x.grad()), 14);
}

TEST(Hooks, RemovalBlanksAPosition) {
  Tensor x = leaf(1);
  int first = 0, second = 0;
  const unsigned a = x.register_hook([&](const Tensor&) { ++first; });
  const unsigned b = x.register_hook([&](const Tensor&) { ++second; });
  EXPECT_EQ(a, 0u);
  EXPECT_EQ(b, 1u);
  x.remove_hook(a);
  (x * 2).backward();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  EXPECT_ERROR(IndexError, x.remove_hook(3), "Invalid index, no hook at position 3");
}

TEST(Hooks, RetainedGradIsFilledAfterAllHooks) {
  Tensor x = leaf(1);
  Tensor y = x * 2;
  y.retain_grad();
  EXPECT_TRUE(y.retains_grad());
  y.register_hook([](const Tensor& g) { return g * 5; });
  y.backward();
  EXPECT_EQ(value(y.grad()), 5);
  EXPECT_EQ(value(x.grad()), 10);
  EXPECT_ERROR(Error, ones({1}).retain_grad(),
               "can't retain_grad on Tensor that has requires_grad=False");
}

TEST(Hooks, ARetainedTensorMayDieBeforeBackward) {
  Tensor x = leaf(1), z;
  {
    Tensor y = x * 2;
    y.retain_grad();
    z = y * 3;
  }
  z.backward();
  EXPECT_EQ(value(x.grad()), 6);
}

TEST(Hooks, WrongResultsAreRefused) {
  Tensor x = leaf(1);
  EXPECT_ERROR(Error, ones({1}).register_hook([](const Tensor&) {}),
               "cannot register a hook on a tensor that doesn't require gradient");
  Tensor y = x * 2;
  y.register_hook([](const Tensor&) { return ones({2}, kDouble); });
  EXPECT_ERROR(ShapeError, y.backward(), "has changed the size of value");
  Tensor z = x * 2;
  z.register_hook([](const Tensor& g) { return g.to(kFloat); });
  EXPECT_ERROR(DTypeError, z.backward(), "has changed the type of value");
}

TEST(Hooks, MayRunBackwardOnAnotherGraphThatSharesTheLeaf) {
  Tensor x = leaf(2);
  Tensor y = x * 3;
  y.register_hook([&](const Tensor&) {
    AutoGradMode on(true);
    (x * x).backward();
  });
  y.backward();
  EXPECT_EQ(value(x.grad()), 4 + 3);
}

TEST(Hooks, AreBoundToTheHistoryAtRegistration) {
  Tensor x = leaf(2);
  Tensor y = x * 3;
  std::vector<std::pair<std::string, double>> seen;
  y.register_hook([&](const Tensor& g) { seen.push_back({"old", value(g)}); });
  y.mul_(5);
  y.register_hook([&](const Tensor& g) { seen.push_back({"new", value(g)}); });
  y.backward();
  EXPECT_EQ(seen, (std::vector<std::pair<std::string, double>>{{"new", 1}, {"old", 5}}));
}

TEST(Hooks, OfInputsRunUnderGrad) {
  Tensor x = leaf(1);
  x.register_hook([](const Tensor& g) { return g * 2; });
  const auto g = autograd::grad({x * 3}, {x});
  EXPECT_EQ(value(g[0]), 6);
  EXPECT_FALSE(x.grad().defined());
}

TEST(PostAccumulateHooks, RunAfterGradHasGrown) {
  Tensor x = leaf(1);
  std::vector<double> seen;
  x.register_hook([](const Tensor& g) { return g * 10; });
  const unsigned first = x.register_post_accumulate_grad_hook([&](const Tensor& p) {
    EXPECT_TRUE(p.is_same(x));
    seen.push_back(value(p.grad()));
  });
  const unsigned second = x.register_post_accumulate_grad_hook(
      [&](const Tensor& p) { seen.push_back(-value(p.grad())); });
  (x * 2 + x * 3).backward();
  (x * 1).backward();
  EXPECT_EQ(seen, (std::vector<double>{50, -50, 60, -60}));
  x.remove_post_accumulate_grad_hook(second);
  autograd::backward({x * 4}, {}, std::nullopt, false, {x});
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen.back(), 100);
  // grad() accumulates nothing.
  autograd::grad({x * 3}, {x});
  EXPECT_EQ(seen.size(), 5u);
  x.remove_post_accumulate_grad_hook(first);
  (x * 1).backward();
  EXPECT_EQ(seen.size(), 5u);
}

TEST(PostAccumulateHooks, MayStepAndDropTheGrad) {
  Tensor x = leaf(1);
  x.register_post_accumulate_grad_hook([](const Tensor& p) {
    NoGradGuard no_grad;
    Tensor q = p;
    q.sub_(p.grad() * 0.5);
    p.mutable_grad().reset();
  });
  (x * 1).backward();
  EXPECT_FALSE(x.grad().defined());
  EXPECT_EQ(value(x), 0.5);
}

TEST(PostAccumulateHooks, MayRunABackwardOnTheSameLeafAndRemoveThemselves) {
  Tensor x = leaf(2);
  int calls = 0;
  unsigned position = 0;
  position = x.register_post_accumulate_grad_hook([&](const Tensor& p) {
    ++calls;
    p.remove_post_accumulate_grad_hook(position);
    AutoGradMode on(true);
    (p * 5).backward();
  });
  (x * 3).backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(value(x.grad()), 8);
}

TEST(Hooks, ThoseThatAHookRegistersRunNextTime) {
  Tensor x = leaf(1);
  int calls = 0;
  Function<void(const Tensor&)> again = [&](const Tensor& t) {
    ++calls;
    t.register_post_accumulate_grad_hook(again);
  };
  x.register_post_accumulate_grad_hook(again);
  Function<void(const Tensor&)> on_gradient = [&](const Tensor&) {
    ++calls;
    x.register_hook(on_gradient);
  };
  x.register_hook(on_gradient);
  (x * 2).backward();
  EXPECT_EQ(calls, 2);
  (x * 2).backward();
  EXPECT_EQ(calls, 6);
}

TEST(PostAccumulateHooks, AreOfLeavesThatRequireGrad) {
  Tensor x = leaf(1);
  const auto nothing = [](const Tensor&) {};
  EXPECT_ERROR(Error, (x * 1).register_post_accumulate_grad_hook(nothing),
               "post accumulate grad hooks cannot be registered on non-leaf tensors");
  EXPECT_ERROR(Error, ones({1}).register_post_accumulate_grad_hook(nothing),
               "cannot register a hook on a tensor that doesn't require gradient");
  EXPECT_ERROR(Error, x.register_post_accumulate_grad_hook(nullptr), "expected a function");
  EXPECT_ERROR(IndexError, x.remove_post_accumulate_grad_hook(0), "no hook at position 0");
  x.register_post_accumulate_grad_hook([](const Tensor&) { throw Error("the hook fails"); });
  EXPECT_ERROR(Error, (x * 2).backward(), "the hook fails");
  EXPECT_EQ(value(x.grad()), 2);
}

}  // namespace
}  // namespace taper
