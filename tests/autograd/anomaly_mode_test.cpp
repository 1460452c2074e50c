#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using autograd::AnomalyMode;
using autograd::DetectAnomalyGuard;

Tensor leaf(double v) { return full({2}, v, TensorOptions(kDouble)).requires_grad_(); }
/// 0 * d(sqrt)/dx at 0 is 0 * inf.
Tensor poisoned(const Tensor& x) { return (x.sqrt() * 0).sum(); }

TEST(AnomalyMode, NamesTheNodeThatMadeANaN) {
  Tensor x = leaf(0);
  EXPECT_NO_THROW(poisoned(x).backward());
  x.mutable_grad() = Tensor();
  DetectAnomalyGuard guard;
  EXPECT_ERROR(Error, poisoned(x).backward(),
               "Function 'SqrtBackward0' returned nan values in its 0th output.");
  EXPECT_ERROR(Error, poisoned(x).backward(),
               "the op whose backward is SqrtBackward0; its result has sizes [2]");
  // A write to a view is undone by a node of its own.
  EXPECT_ERROR(
      Error,
      [&] {
        Tensor y = x * 1;
        y[0].sqrt_();
        (y * 0).sum().backward();
      }(),
      "Function 'CopySlices' returned nan values in its 0th output. That is the gradient "
      "of argument 0 of the op whose backward is SqrtBackward0");
  EXPECT_FALSE(x.grad().defined());
  EXPECT_ERROR(Error, autograd::grad({poisoned(x)}, {x}, {}, true, true), "SqrtBackward0");
  EXPECT_NO_THROW((x * 2).sum().backward());
}

TEST(AnomalyMode, SeesCustomFunctionsAndTheRightOutput) {
  struct Bad : autograd::Function<Bad> {
    static Tensor forward(autograd::AutogradContext*, const Tensor& a, const Tensor& b) {
      return a + b;
    }
    static autograd::variable_list backward(autograd::AutogradContext*,
                                            autograd::variable_list grads) {
      return {grads[0], grads[0] * std::nan("")};
    }
  };
  DetectAnomalyGuard guard;
  EXPECT_ERROR(Error, Bad::apply(leaf(1), leaf(1)).sum().backward(),
               "Function 'BadBackward' returned nan values in its 1th output.");
}

TEST(AnomalyMode, IsSetAndRestored) {
  EXPECT_FALSE(AnomalyMode::is_enabled());
  {
    DetectAnomalyGuard guard(false);
    EXPECT_TRUE(AnomalyMode::is_enabled());
    EXPECT_FALSE(AnomalyMode::should_check_nan());
    EXPECT_NO_THROW(poisoned(leaf(0)).backward());
    DetectAnomalyGuard inner;
    EXPECT_TRUE(AnomalyMode::should_check_nan());
  }
  EXPECT_FALSE(AnomalyMode::is_enabled());
  EXPECT_FALSE(AnomalyMode::should_check_nan());
  AnomalyMode::set_enabled(true);
  EXPECT_TRUE(AnomalyMode::should_check_nan());
  AnomalyMode::set_enabled(false);
}

TEST(AnomalyModeThreads, HoldsForEveryThread) {
  DetectAnomalyGuard guard;
  std::thread([] {
    Tensor x = leaf(0);
    EXPECT_ERROR(Error, poisoned(x).backward(), "SqrtBackward0");
  }).join();
}

}  // namespace
}  // namespace taper
