#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using autograd::graph::save_on_cpu;
using autograd::graph::saved_tensors_hooks;
using V = std::vector<double>;

V values(const Tensor& t) {
  V out;
  const Tensor flat = t.detach().contiguous().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat.data_ptr<double>()[i]);
  return out;
}
Tensor leaf(V v) { return tensor(v, TensorOptions(kDouble)).requires_grad_(); }
Tensor same(const Tensor& t) { return t; }

TEST(SavedTensorsHooks, PackWhatOpsSaveAndUnpackWhatBackwardNeeds) {
  Tensor x = leaf({1, 2}), y;
  std::vector<V> packed, unpacked;
  {
    saved_tensors_hooks hooks(
        [&](const Tensor& t) {
          EXPECT_FALSE(GradMode::is_enabled());
          EXPECT_FALSE(t.requires_grad());
          packed.push_back(values(t));
          return values(t);
        },
        [&](const V& v) {
          unpacked.push_back(v);
          return tensor(v, TensorOptions(kDouble));
        });
    y = ((x * 3) * x).exp();
  }
  // x * 3 saves nothing that changes; the product saves both factors, exp its result.
  ASSERT_EQ(packed.size(), 3u);
  EXPECT_EQ(packed[0], (V{3, 6}));
  EXPECT_EQ(packed[1], (V{1, 2}));
  EXPECT_TRUE(unpacked.empty());
  (y * 1).sum().backward();
  EXPECT_EQ(unpacked.size(), 3u);
  EXPECT_EQ(values(x.grad()), (V{6 * values(y)[0], 12 * values(y)[1]}));
  // Outside of the guard nothing is packed.
  (x * x).sum().backward();
  EXPECT_EQ(packed.size(), 3u);
}

TEST(SavedTensorsHooks, SecondDerivativesPassThroughThem) {
  const auto f = [](const std::vector<Tensor>& x) {
    saved_tensors_hooks hooks([](const Tensor& t) { return t.clone(); }, same);
    return std::vector<Tensor>{((x[0] * x[1]).exp() * x[0]).tanh()};
  };
  const std::vector<Tensor> inputs = {leaf({0.3, -0.5}), leaf({0.7, 0.2})};
  EXPECT_TRUE(gradcheck(f, inputs));
  EXPECT_TRUE(gradgradcheck(f, inputs));
}

TEST(SavedTensorsHooks, OfNestedGuardsTheInnermostCounts) {
  Tensor x = leaf({1, 2});
  int outer = 0, inner = 0;
  saved_tensors_hooks a([&](const Tensor& t) { return ++outer, t; }, same);
  {
    saved_tensors_hooks b([&](const Tensor& t) { return ++inner, t; }, same);
    x.exp();
  }
  EXPECT_EQ(inner, 1);
  EXPECT_EQ(outer, 0);
  x.exp();
  EXPECT_EQ(outer, 1);
}

TEST(SavedTensorsHooks, GuardsMayEndInAnyOrder) {
  Tensor x = leaf({1, 2});
  std::vector<int> calls(3);
  std::vector<std::unique_ptr<saved_tensors_hooks>> guards;
  for (int& count : calls) {
    guards.push_back(
        std::make_unique<saved_tensors_hooks>([&](const Tensor& t) { return ++count, t; }, same));
  }
  guards[1].reset();
  x.exp();
  guards[2].reset();
  x.exp();
  guards[0].reset();
  x.exp();
  EXPECT_EQ(calls, (std::vector<int>{1, 0, 1}));
}

TEST(SavedTensorsHooks, SeeWhatACustomFunctionSaves) {
  struct Square : autograd::Function<Square> {
    static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
      ctx->save_for_backward({x, Tensor()});
      return x * x;
    }
    static autograd::variable_list backward(autograd::AutogradContext* ctx,
                                            autograd::variable_list grads) {
      const auto saved = ctx->get_saved_variables();
      EXPECT_FALSE(saved[1].defined());
      return {grads[0] * 2 * saved[0]};
    }
  };
  int packed = 0;
  const auto f = [&](const std::vector<Tensor>& x) {
    saved_tensors_hooks hooks([&](const Tensor& t) { return ++packed, t.clone(); }, same);
    return std::vector<Tensor>{Square::apply(x[0])};
  };
  EXPECT_TRUE(gradgradcheck(f, {leaf({1, 2})}));
  EXPECT_GT(packed, 0);
}

TEST(SavedTensorsHooks, WhatTheyDoWrongIsNamed) {
  Tensor x = leaf({1, 2});
  const auto run = [&](auto pack, auto unpack) {
    Tensor y;
    {
      saved_tensors_hooks hooks(pack, unpack);
      y = x.exp().sum();
    }
    y.backward();
  };
  EXPECT_ERROR(Error, run([](const Tensor& t) { return t.mul_(2); }, same),
               "A saved tensor pack hook is modifying its input in place.");
  EXPECT_ERROR(Error, run(same, [](const Tensor&) { return Tensor(); }),
               "unpack_hook returned an undefined tensor");
  EXPECT_ERROR(ShapeError,
               run(same,
                   [](const Tensor& t) {
                     return t.view({2, 1});
                   }),
               "unpack_hook returned a tensor of sizes [2, 1], expected [2]");
  EXPECT_ERROR(DTypeError, run(same, [](const Tensor& t) { return t.to(kFloat); }),
               "unpack_hook returned a tensor of type Float, expected Double");
  EXPECT_ERROR(Error, run([](const Tensor&) -> Tensor { throw Error("no pack"); }, same),
               "no pack");
  EXPECT_ERROR(Error, run(same, [](const Tensor&) -> Tensor { throw Error("no unpack"); }),
               "no unpack");
  EXPECT_FALSE(x.grad().defined());
  x.exp().sum().backward();
  EXPECT_TRUE(x.grad().defined());
}

TEST(SavedTensorsHooks, ASecondBackwardIsRefusedAsWithout) {
  Tensor x = leaf({1, 2}), y;
  {
    saved_tensors_hooks hooks(same, same);
    y = x.exp().sum();
  }
  y.backward({}, true);
  y.backward();
  EXPECT_ERROR(Error, y.backward(), "Trying to backward through the graph a second time");
}

TEST(SavedTensorsHooks, SaveOnCpuKeepsCopies) {
  Tensor x = leaf({1, 2}), h = x * 1, y;
  {
    save_on_cpu hooks;
    y = (h * h).sum();
  }
  h.detach().zero_();
  y.backward();
  EXPECT_EQ(values(x.grad()), (V{2, 4}));
}

TEST(SavedTensorsHooksThreads, BelongToOneThread) {
  Tensor x = leaf({1, 2});
  int packed = 0;
  saved_tensors_hooks hooks([&](const Tensor& t) { return ++packed, t; }, same);
  std::thread([&] { x.exp().sum().backward(); }).join();
  EXPECT_EQ(packed, 0);
}

}  // namespace
}  // namespace taper
