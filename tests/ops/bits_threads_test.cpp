// The same bits in any layout and at any thread count, at sizes that are split over eight threads.
#include <gtest/gtest.h>

#include "taper/base/parallel.h"
#include "taper/taper.h"
#include "tests/support/accuracy.h"
#include "tests/support/same_bits.h"

namespace taper::testing {
namespace {

/// Values of both signs and many sizes, no zero.
Tensor numbers(uint64_t seed) {
  manual_seed(seed);
  return randn({300, 480}).mul(randn({300, 480}).exp());
}

/// The same values with other strides: transposed, and every second element after an offset.
std::vector<Tensor> layouts(const Tensor& x) {
  const Tensor apart = zeros({x.size(0), 2 * x.size(1) + 3}).slice(1, 3, std::nullopt, 2);
  const Tensor other = apart.copy_(x);
  return {x.t().contiguous().t(), other};
}

class SameBitsThreads : public ::testing::Test {
 protected:
  SameBitsThreads() { set_num_threads(1); }
  ~SameBitsThreads() override { set_num_threads(before_); }

  template <class F>
  void expect_same(const char* name, F f) {
    const Tensor x = numbers(1), y = numbers(2);
    set_num_threads(1);
    const Tensor want = f(x, y);
    for (int threads : {2, 4, 8}) {
      set_num_threads(threads);
      EXPECT_TRUE(same_bits(f(x, y), want)) << name << " at " << threads << " threads";
    }
    const std::vector<Tensor> xs = layouts(x), ys = layouts(y);
    for (size_t i = 0; i < xs.size(); ++i) {
      for (int threads : {1, 8}) {
        set_num_threads(threads);
        EXPECT_TRUE(same_bits(f(xs[i], y), want)) << name << ", layout " << i << ", " << threads;
      }
      EXPECT_TRUE(same_bits(f(x, ys[i]), want)) << name << ", layout " << i << " of the second";
    }
  }

 private:
  int before_ = get_num_threads();
};

TEST_F(SameBitsThreads, UnaryFunctions) {
  for (const UnaryFunction& function : unary_functions()) {
    expect_same(function.name, [&](const Tensor& x, const Tensor&) { return function.op(x); });
  }
}

TEST_F(SameBitsThreads, FunctionsOfTwo) {
  using Two = Tensor (*)(const Tensor&, const Tensor&);
  const std::pair<const char*, Two> functions[] = {
      {"add", [](const Tensor& a, const Tensor& b) { return a.add(b, 1.7); }},
      {"mul", [](const Tensor& a, const Tensor& b) { return a.mul(b); }},
      {"div", [](const Tensor& a, const Tensor& b) { return a.div(b); }},
      {"pow", [](const Tensor& a, const Tensor& b) { return a.abs().pow(b); }},
      {"atan2", [](const Tensor& a, const Tensor& b) { return a.atan2(b); }},
      {"hypot", [](const Tensor& a, const Tensor& b) { return hypot(a, b); }},
      {"fmod", [](const Tensor& a, const Tensor& b) { return a.fmod(b); }},
      {"remainder", [](const Tensor& a, const Tensor& b) { return a.remainder(b); }},
      {"maximum", [](const Tensor& a, const Tensor& b) { return maximum(a, b); }},
      {"lerp", [](const Tensor& a, const Tensor& b) { return a.lerp(b, 0.3); }},
      {"addcmul", [](const Tensor& a, const Tensor& b) { return a.addcmul(b, b, 0.7); }},
      {"addcdiv", [](const Tensor& a, const Tensor& b) { return a.addcdiv(a, b, 0.7); }},
      {"where", [](const Tensor& a, const Tensor& b) { return where(a.gt(b), a, b); }},
      {"row", [](const Tensor& a, const Tensor& b) { return a.mul(b.select(0, 7)); }},
  };
  for (const auto& [name, function] : functions) expect_same(name, function);
}

TEST_F(SameBitsThreads, Reductions) {
  using One = Tensor (*)(const Tensor&);
  const std::pair<const char*, One> functions[] = {
      {"sum", [](const Tensor& x) { return x.sum(); }},
      {"sum 0", [](const Tensor& x) { return x.sum(0); }},
      {"sum 1", [](const Tensor& x) { return x.sum(1); }},
      {"mean", [](const Tensor& x) { return x.mean(); }},
      {"var", [](const Tensor& x) { return x.var(); }},
      {"var 0", [](const Tensor& x) { return x.var(IntArrayRef{0}); }},
      {"var 1", [](const Tensor& x) { return x.var(IntArrayRef{1}); }},
      {"norm", [](const Tensor& x) { return x.norm(); }},
      {"prod 1", [](const Tensor& x) { return x.sign().mul(1.01).prod(1); }},
      {"logsumexp 1", [](const Tensor& x) { return x.logsumexp(1); }},
      {"amax 0", [](const Tensor& x) { return x.amax(0); }},
      {"argmin 1", [](const Tensor& x) { return x.argmin(1); }},
      {"cumsum 0", [](const Tensor& x) { return x.cumsum(0); }},
      {"cumsum 1", [](const Tensor& x) { return x.cumsum(1); }},
      {"softmax 0", [](const Tensor& x) { return x.softmax(0); }},
      {"softmax 1", [](const Tensor& x) { return x.softmax(1); }},
  };
  for (const auto& [name, function] : functions) {
    const One f = function;
    expect_same(name, [f](const Tensor& x, const Tensor&) { return f(x); });
  }
}

}  // namespace
}  // namespace taper::testing
