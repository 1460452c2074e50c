#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <tuple>
#include <vector>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using utils::checkpoint;
using V = std::vector<double>;
using Tensors = std::vector<Tensor>;

V values(const Tensor& t) {
  V out;
  const Tensor flat = t.detach().contiguous().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat.data_ptr<double>()[i]);
  return out;
}
Tensor leaf(V v) { return tensor(v, TensorOptions(kDouble)).requires_grad_(); }
Tensor block(const Tensor& x, const Tensor& w) { return ((x * w).exp() * x).tanh(); }

TEST(Checkpoint, GivesTheSameAndRunsAgainOncePerBackward) {
  Tensor x = leaf({0.1, 0.2}), w = leaf({0.3, -0.4});
  block(x, w).sum().backward();
  const V dx = values(x.grad()), dw = values(w.grad());
  x.mutable_grad().reset();
  w.mutable_grad().reset();
  int calls = 0;
  const auto counted = [&](const Tensor& a, const Tensor& b) { return ++calls, block(a, b); };
  Tensor y = checkpoint(counted, x, w);
  EXPECT_EQ(values(y), values(block(x, w)));
  EXPECT_EQ(calls, 1);
  y.sum().backward({}, true);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(values(x.grad()), dx);
  EXPECT_EQ(values(w.grad()), dw);
  y.sum().backward();
  EXPECT_EQ(calls, 3);
  EXPECT_ERROR(Error, y.sum().backward(), "Trying to backward through the graph a second time");
}

TEST(Checkpoint, KeepsNothingOfWhatItComputes) {
  Tensor x = full({1 << 16}, 0.5, TensorOptions(kDouble)).requires_grad_();
  const auto deep = [](const Tensor& a) {
    Tensor h = a;
    for (int i = 0; i < 10; ++i) h = h.sin();
    return h;
  };
  const auto held = [&](auto run) {
    const int64_t before = live_objects().storages;
    const Tensor y = run();
    return live_objects().storages - before;
  };
  EXPECT_GE(held([&] { return deep(x); }), 10);
  EXPECT_LE(held([&] { return checkpoint(deep, x); }), 2);  // the result, the generator's state
}

TEST(Checkpoint, WorksWithGradAndSecondDerivatives) {
  const auto f = [](const Tensors& x) { return Tensors{checkpoint(block, x[0], x[1])}; };
  const Tensors inputs = {leaf({0.3, -0.5}), leaf({0.7, 0.2})};
  EXPECT_TRUE(gradcheck(f, inputs));
  EXPECT_TRUE(gradgradcheck(f, inputs));
  const Tensor y = f(inputs)[0].sum();
  EXPECT_EQ(values(autograd::grad({y}, {inputs[1]})[0]),
            values(autograd::grad({block(inputs[0], inputs[1]).sum()}, {inputs[1]})[0]));
}

TEST(Checkpoint, MayBeNested) {
  int inner = 0, middle = 0, outer = 0;
  const auto run = [&](const Tensors& in) {
    return Tensors{checkpoint(
        [&](const Tensor& x, const Tensor& w) {
          ++outer;
          const Tensor h = x.sin() * w;
          const Tensor k = checkpoint(
              [&, w](const Tensor& a) {
                ++middle;
                return checkpoint([&, w](const Tensor& b) { return ++inner, block(b, w); },
                                  a.cos());
              },
              h);
          return k.exp();
        },
        in[0], in[1])};
  };
  const Tensors inputs = {leaf({0.3, -0.5}), leaf({0.7, 0.2})};
  Tensor y = run(inputs)[0].sum();
  y.backward();
  EXPECT_EQ(outer, 2);
  EXPECT_EQ(middle, 3);
  EXPECT_EQ(inner, 4);
  EXPECT_TRUE(gradcheck(run, inputs));
  EXPECT_TRUE(gradgradcheck(run, inputs));
}

TEST(Checkpoint, ReturnsWhatTheFunctionReturnsAndTakesModules) {
  nn::Linear linear(3, 2);
  const Tensor x = randn({4, 3});
  const auto [a, b] = checkpoint(
      [linear](const Tensor& t) mutable {
        return std::make_tuple(linear->forward(t).relu(), t * 2);
      },
      x);
  EXPECT_FALSE(b.requires_grad());
  (a * a).sum().backward();
  const Tensor grad = linear->weight.grad().clone();
  linear->zero_grad();
  const Tensor plain = linear->forward(x).relu();
  (plain * plain).sum().backward();
  EXPECT_TRUE(equal(grad, linear->weight.grad()));
}

TEST(Checkpoint, DrawsTheSameRandomNumbers) {
  Tensor x = ones({1000}, kDouble).requires_grad_();
  const auto noisy = [](const Tensor& t) {
    return nn::functional::dropout(t, nn::functional::DropoutFuncOptions().p(0.5)) *
           rand({1000}, kDouble) * t;
  };
  manual_seed(3);
  noisy(x).sum().backward();
  const Tensor want = x.grad().clone(), next = rand({3});
  x.mutable_grad().reset();
  manual_seed(3);
  Tensor y = checkpoint(noisy, x).sum();
  EXPECT_TRUE(equal(rand({3}), next));
  const Tensor state = get_rng_state();
  y.backward();
  EXPECT_TRUE(equal(x.grad(), want));
  EXPECT_TRUE(equal(get_rng_state(), state));
  x.mutable_grad().reset();
  checkpoint(utils::CheckpointOptions{.preserve_rng_state = false}, noisy, x).sum().backward();
  EXPECT_FALSE(equal(get_rng_state(), state));
}

TEST(Checkpoint, MayDifferentiateWithin) {
  const auto penalty = [](const Tensor& x) {
    const Tensor y = (x * x * x).sum();
    const Tensor g = autograd::grad({y}, {x}, {}, true, true)[0];
    return (g * g).sum();
  };
  Tensor x = leaf({1, 2});
  checkpoint(penalty, x).backward();
  EXPECT_EQ(values(x.grad()), (V{36, 36 * 8}));
}

TEST(Checkpoint, AnotherRecomputationIsRefused) {
  Tensor x = leaf({1, 2});
  int calls = 0;
  Tensor y = checkpoint(
      [&](const Tensor& t) { return ++calls > 1 ? (t * t).exp().exp() : (t * t).exp(); }, x);
  EXPECT_ERROR(Error, y.sum().backward(),
               "A different number of tensors was saved during the original forward and "
               "recomputation.\nNumber of tensors saved during forward: 3\nNumber of tensors saved "
               "during recomputation: 4");
  calls = 0;
  y = checkpoint(
      [&](const Tensor& t) {
        return (++calls > 1 ? t.view({2, 1}) : t).exp().sum();
      },
      x);
  EXPECT_ERROR(ShapeError, y.backward(),
               "Recomputed values for the following tensors have different metadata than during "
               "the forward pass.\ntensor at position 0:\nsaved metadata: [2] Double\nrecomputed "
               "metadata: [2, 1] Double");
}

TEST(Checkpoint, WritesToItsArgumentsAreSeen) {
  const char* text = "has been modified by an inplace operation";
  Tensor x = leaf({1, 2}), w = leaf({3, 4});
  Tensor h = x * 1;
  Tensor y = checkpoint([](const Tensor& t) { return t.exp().exp(); }, h).sum();
  h.detach().add_(1);
  EXPECT_ERROR(Error, y.backward(), text);
  y = checkpoint([w](const Tensor& t) { return (t * w).exp(); }, x).sum();
  {
    NoGradGuard no_grad;
    w.add_(1);
  }
  EXPECT_ERROR(Error, y.backward(), text);
  // The function itself writes to its argument.
  h = x * 1;
  y = checkpoint([](Tensor t) { return t.mul_(2).exp(); }, h).sum();
  EXPECT_ERROR(Error, y.backward(), text);
  // A value in between is computed anew: a write to it afterwards does no harm.
  Tensor between;
  y = checkpoint(
          [&](const Tensor& t) {
            const Tensor e = t.exp();
            if (!between.defined()) between = e;
            return e * t;
          },
          x)
          .sum();
  between.detach().zero_();
  y.backward();
  EXPECT_NEAR(values(x.grad())[1], std::exp(2.0) * 3, 1e-12);
}

TEST(Checkpoint, BadArgumentsAndExceptions) {
  Tensor x = leaf({1, 2});
  EXPECT_ERROR(Error, checkpoint([](const Tensor& t) { return t; }, Tensor()),
               "checkpoint: expected defined arguments");
  EXPECT_ERROR(Error, checkpoint([](const Tensor& t) { return t.view({5}); }, x), "is invalid");
  EXPECT_FALSE(checkpoint([](const Tensor& t) { return t.exp(); }, x.detach()).requires_grad());
  NoGradGuard no_grad;
  EXPECT_FALSE(checkpoint([](const Tensor& t) { return t.exp(); }, x).requires_grad());
}

TEST(Checkpoint, ARecomputationThatThrowsMayBeRepeated) {
  Tensor x = leaf({1, 2});
  int calls = 0;
  Tensor y = checkpoint(
      [&](const Tensor& t) {
        const Tensor e = t.exp();
        TAPER_CHECK(++calls != 2, "the function fails");
        return e.exp().sum();
      },
      x);
  EXPECT_ERROR(Error, y.backward(), "the function fails");
  EXPECT_FALSE(x.grad().defined());
  y.backward();
  EXPECT_NEAR(values(x.grad())[0], std::exp(std::exp(1.0)) * std::exp(1.0), 1e-12);
}

TEST(CheckpointThreads, OneGraphInSeveralThreads) {
  Tensor x = leaf({0.1, 0.2}), w = leaf({0.3, -0.4});
  block(x, w).sum().backward();
  const V want = values(x.grad());
  x.mutable_grad().reset();
  Tensor y = checkpoint(utils::CheckpointOptions{.preserve_rng_state = false}, block, x, w).sum();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 4; ++k) y.backward({}, true);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_NEAR(values(x.grad())[0], 16 * want[0], 1e-12);
  EXPECT_NEAR(values(x.grad())[1], 16 * want[1], 1e-12);
}

}  // namespace
}  // namespace taper
