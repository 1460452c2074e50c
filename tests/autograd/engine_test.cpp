#include <gtest/gtest.h>

#include <vector>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using V = std::vector<double>;

V values(const Tensor& t) {
  V out;
  const Tensor flat = t.detach().to(kDouble).contiguous().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat.data_ptr<double>()[i]);
  return out;
}

Tensor leaf(V v) { return tensor(v, TensorOptions(kDouble)).requires_grad_(); }

TEST(Engine, AddsTheGradientOfEveryUse) {
  Tensor x = leaf({1, 2, 3});
  (x * 2 + x * 3).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{5, 5, 5}));
  (x * x).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{7, 9, 11}));
}

TEST(Engine, ADiamondRunsEachNodeOnce) {
  Tensor x = leaf({2});
  Tensor y = x * x;
  Tensor a = y * 3, b = y * y;
  int calls = 0;
  y.register_hook([&](const Tensor& g) {
    ++calls;
    EXPECT_EQ(values(g), (V{3 + 2 * 4}));
  });
  (a + b).sum().backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(values(x.grad()), (V{(3 + 8) * 4}));
}

TEST(Engine, SharedGradientsAreNotAliased) {
  Tensor a = leaf({1}), b = leaf({1});
  (a + b).sum().backward();
  a.grad().mul_(2);
  EXPECT_EQ(values(a.grad()), (V{2}));
  EXPECT_EQ(values(b.grad()), (V{1}));
  Tensor g = tensor(V{5}, TensorOptions(kDouble));
  Tensor c = leaf({1});
  (c + 0).backward(g);
  c.grad().mul_(2);
  EXPECT_EQ(values(g), (V{5}));
}

TEST(Engine, ErrorsNameWhatIsWrong) {
  Tensor x = leaf({1, 2});
  EXPECT_ERROR(Error, (x * 2).backward(), "grad can be implicitly created only for scalar outputs");
  EXPECT_ERROR(Error, tensor(V{1}).backward(),
               "element 0 of tensors does not require grad and does not have a grad_fn");
  EXPECT_ERROR(ShapeError, (x * 2).backward(ones({3}, kDouble)), "Mismatch in shape");
  Tensor y = (x * x).sum();
  y.backward();
  EXPECT_ERROR(Error, y.backward(), "Trying to backward through the graph a second time");
  Tensor z = (x * x).sum();
  z.backward({}, true);
  EXPECT_NO_THROW(z.backward());
  EXPECT_ERROR(DTypeError, ones({2}, kLong).requires_grad_(),
               "Only Tensors of floating point and complex dtype can require gradients");
  EXPECT_ERROR(Error, (x * 2).requires_grad_(false),
               "you can only change requires_grad flags of leaf variables");
}

TEST(Engine, GradReturnsAndLeavesGradAlone) {
  Tensor x = leaf({1, 2}), unused = leaf({1});
  Tensor y = (x * x * x).sum();
  auto g = autograd::grad({y}, {x}, {}, true, true);
  EXPECT_EQ(values(g[0]), (V{3, 12}));
  EXPECT_FALSE(x.grad().defined());
  auto gg = autograd::grad({g[0].sum()}, {x});
  EXPECT_EQ(values(gg[0]), (V{6, 12}));
  EXPECT_ERROR(Error, autograd::grad({y}, {unused}),
               "One of the differentiated Tensors appears to not have been used in the graph");
  auto none = autograd::grad({(x * x).sum()}, {unused}, {}, std::nullopt, false, true);
  EXPECT_FALSE(none[0].defined());
  // An input in the middle of the graph, and one below it.
  Tensor m = x * 2;
  auto both = autograd::grad({(m * m).sum()}, {m, x});
  EXPECT_EQ(values(both[0]), (V{4, 8}));
  EXPECT_EQ(values(both[1]), (V{8, 16}));
}

TEST(Engine, BackwardWithInputsTouchesOnlyThem) {
  Tensor x = leaf({1}), w = leaf({3});
  Tensor y = (x * w).sum();
  const Tensor inputs[] = {x};
  y.backward({}, std::nullopt, false, TensorList(inputs));
  EXPECT_EQ(values(x.grad()), (V{3}));
  EXPECT_FALSE(w.grad().defined());
}

TEST(Engine, ModesSwitchRecordingOff) {
  Tensor x = leaf({1});
  {
    NoGradGuard no_grad;
    EXPECT_FALSE((x * 2).requires_grad());
    AutoGradMode on(true);
    EXPECT_TRUE((x * 2).requires_grad());
  }
  Tensor made;
  {
    InferenceMode inference;
    made = x * 2;
    EXPECT_TRUE(made.is_inference());
    EXPECT_FALSE(made.requires_grad());
    made.add_(1);
  }
  EXPECT_ERROR(Error, made.add_(1), "Inplace update to inference tensor outside InferenceMode");
  EXPECT_ERROR(Error, made * x, "Inference tensors cannot be saved for backward");
  EXPECT_TRUE((x * 2).detach().is_leaf());
  EXPECT_FALSE((x * 2).detach().requires_grad());
}

TEST(Engine, AnExceptionLeavesEverythingUsable) {
  for (int bad = 0; bad < 5; ++bad) {
    Tensor x = leaf({1});
    Tensor y = x;
    std::vector<Tensor> chain;
    for (int i = 0; i < 5; ++i) {
      y = y * 2;
      if (i == bad) {
        y.register_hook([](const Tensor&) -> Tensor { throw IndexError("from a hook"); });
      }
    }
    EXPECT_ERROR(IndexError, y.backward(), "from a hook");
    Tensor again = leaf({1});
    (again * 2).backward();
    EXPECT_EQ(values(again.grad()), (V{2}));
  }
  EXPECT_TRUE(GradMode::is_enabled());
}

TEST(Engine, CreateGraphLeavesNoCycleBehind) {
  const LiveObjects before = live_objects();
  {
    Tensor x = leaf({1, 2, 3});
    Tensor y = (x.exp() * x.tanh()).sum();
    y.backward({}, true, true);
    EXPECT_TRUE(x.grad().requires_grad());
    x.mutable_grad() = Tensor();
  }
  EXPECT_EQ(live_objects().storages, before.storages);
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

}  // namespace
}  // namespace taper
