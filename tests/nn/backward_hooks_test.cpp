// Full backward hooks of modules: order, what they see and replace, where they do not fire.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "taper/autograd/autograd.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/node.h"
#include "taper/nn/activation.h"
#include "taper/nn/linear.h"
#include "taper/nn/sequential.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;
using Grads = std::vector<Tensor>;
using nn::Module;

struct WeightImpl : nn::Module {
  explicit WeightImpl(double w = 2) { weight = register_parameter("weight", full({}, w, kDouble)); }
  Tensor forward(const Tensor& x) { return x.mul(weight); }
  Tensor weight;
};
TAPER_MODULE(Weight);

struct TwoImpl : nn::Module {
  std::tuple<Tensor, Tensor> forward(const Tensor& a, int times, const Tensor& b) {
    return {a.mul(times), b.mul(3)};
  }
};
TAPER_MODULE(Two);

struct ListImpl : nn::Module {
  std::vector<Tensor> forward(const std::vector<Tensor>& list) {
    return {list[0].mul(2), list[1].mul(3)};
  }
};
TAPER_MODULE(List);

struct TextImpl : nn::Module {
  std::string forward(const Tensor& x) { return x.is_leaf() ? "leaf" : "made"; }
};
TAPER_MODULE(Text);

double value(const Tensor& t) { return t.item<double>(); }
Tensor scalar(double v) { return full({}, v, kDouble); }
Tensor leaf(double v) { return scalar(v).requires_grad_(); }

TEST(FullBackwardHooks, SeeTheGradientsOfInputsAndOutputs) {
  Two two;
  int calls = 0;
  two->register_full_backward_hook(
      [&](Module& module, const Grads& grad_input, const Grads& grad_output) {
        ++calls;
        EXPECT_EQ(&module, two.get());
        ASSERT_EQ(grad_input.size(), 3u);  // one for each argument
        EXPECT_EQ(value(grad_input[0]), 70);
        EXPECT_FALSE(grad_input[1].defined());
        EXPECT_EQ(value(grad_input[2]), 15);
        ASSERT_EQ(grad_output.size(), 2u);
        EXPECT_EQ(value(grad_output[0]), 10);
        EXPECT_EQ(value(grad_output[1]), 5);
      });
  const Tensor a = leaf(1), b = leaf(1);
  const auto [x, y] = two(a, 7, b);
  (x * 10 + y * 5).backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(value(a.grad()), 70);
  EXPECT_EQ(value(b.grad()), 15);
}

TEST(FullBackwardHooks, SeeNothingWhereThereIsNoGradient) {
  Two two;
  Grads inputs, outputs;
  two->register_full_backward_hook([&](Module&, const Grads& in, const Grads& out) {
    inputs = in;
    outputs = out;
  });
  const Tensor a = leaf(1), b = leaf(1);
  // The second output is not used: its input's gradient is zeros, as it is in PyTorch.
  std::get<0>(two(a, 7, b)).backward();
  EXPECT_TRUE(outputs[0].defined());
  EXPECT_FALSE(outputs[1].defined());
  EXPECT_EQ(value(inputs[0]), 7);
  EXPECT_EQ(value(inputs[2]), 0);
  // An input that needs no gradient has none.
  std::get<0>(two(a, 7, scalar(1))).backward();
  EXPECT_FALSE(inputs[2].defined());
}

TEST(FullBackwardHooks, ReplaceTheGradientsOfInputsOnly) {
  Weight layer(2);
  const Tensor x = leaf(3);
  layer->register_full_backward_hook(
      [](Module&, const Grads& in, const Grads&) { return Grads{in[0].mul(0).add(7)}; });
  layer->register_full_backward_hook(
      [](Module&, const Grads& in, const Grads&) { return in[0] + 1; });
  layer->register_full_backward_hook([](Module&, const Grads&, const Grads&) { return Tensor(); });
  layer(x).backward();
  EXPECT_EQ(value(x.grad()), 8);
  EXPECT_EQ(value(layer->weight.grad()), 3);
}

TEST(FullBackwardHooks, PreHooksReplaceTheGradientsOfOutputs) {
  Weight layer(2);
  const Tensor x = leaf(3);
  double seen = 0;
  layer->register_full_backward_pre_hook(
      [](Module&, const Grads& out) { return Grads{out[0] * 10}; });
  layer->register_full_backward_pre_hook([](Module&, const Grads& out) { return out[0] + 1; },
                                         {.prepend = true});
  layer->register_full_backward_pre_hook([](Module&, const Grads&) { return std::nullopt; });
  layer->register_full_backward_hook(
      [&](Module&, const Grads&, const Grads& out) { seen = value(out[0]); });
  layer(x).backward();
  EXPECT_EQ(seen, 20);
  EXPECT_EQ(value(x.grad()), 40);
  EXPECT_EQ(value(layer->weight.grad()), 60);
}

TEST(FullBackwardHooks, FireFromTheOutsideInWithoutInputGradients) {
  for (const bool input_needs_grad : {true, false}) {
    Names calls;
    Weight a, b;
    nn::Sequential s(a, b);
    const auto note = [&](Module& module, const char* name) {
      module.register_full_backward_hook(
          [&calls, name, input_needs_grad](Module&, const Grads& in, const Grads&) {
            if (input_needs_grad || name[0] == 'b') {
              EXPECT_TRUE(in[0].defined());
            } else {
              EXPECT_FALSE(in[0].defined());
            }
            calls.push_back(name);
          });
    };
    note(*s, "s");
    note(*a, "a");
    note(*b, "b");
    s(scalar(1).requires_grad_(input_needs_grad)).backward();
    EXPECT_EQ(calls, input_needs_grad ? (Names{"b", "a", "s"}) : (Names{"s", "b", "a"}));
  }
}

TEST(FullBackwardHooks, CheckWhatHooksReturn) {
  Weight layer;
  const Tensor x = leaf(1);
  nn::RemovableHandle hook =
      layer->register_full_backward_hook([](Module&, const Grads&, const Grads& out) {
        return Grads{out[0], out[0]};
      });
  EXPECT_ERROR(Error, (layer(x).backward(), 0),
               "Backward hook returned an invalid number of grad_input, got 2, but expected 1");
  EXPECT_ERROR(Error, (layer(scalar(1)).backward(), 0),
               "Backward hook for Modules where no input requires gradient should always return "
               "None or None for all gradients.");
  hook.remove();
  hook = layer->register_full_backward_hook(
      [](Module&, const Grads&, const Grads&) { return Grads{ones({3}, kDouble)}; });
  EXPECT_ERROR(ShapeError, (layer(x).backward(), 0), "has changed the size of value");
  hook.remove();
  hook = layer->register_full_backward_hook(
      [](Module&, const Grads& in, const Grads&) { return Grads(in.size()); });
  layer(scalar(1)).backward();  // None for all
  hook.remove();
  layer->register_full_backward_pre_hook(
      [](Module&, const Grads& out) { return std::tuple(out[0], out[0]); });
  EXPECT_ERROR(Error, (layer(x).backward(), 0),
               "Backward pre hook returned an invalid number of grad_output, got 2, but expected "
               "1");
}

TEST(FullBackwardHooks, OfAllModulesRunFirst) {
  Names calls;
  Weight layer;
  layer->register_full_backward_pre_hook([&](Module&, const Grads&) { calls.push_back("pre"); });
  layer->register_full_backward_hook(
      [&](Module&, const Grads&, const Grads&) { calls.push_back("full"); });
  nn::RemovableHandle pre = nn::register_module_full_backward_pre_hook(
      [&](Module&, const Grads&) { calls.push_back("global pre"); });
  nn::RemovableHandle full = nn::register_module_full_backward_hook(
      [&](Module&, const Grads&, const Grads&) { calls.push_back("global full"); });
  const Tensor x = leaf(1);
  layer(x).backward();
  EXPECT_EQ(calls, (Names{"global pre", "pre", "global full", "full"}));
  pre.remove();
  full.remove();
  calls.clear();
  layer(x).backward();
  EXPECT_EQ(calls, (Names{"pre", "full"}));
}

TEST(FullBackwardHooks, FindTensorsInLists) {
  List list;
  size_t inputs = 0, outputs = 0;
  list->register_full_backward_hook([&](Module&, const Grads& in, const Grads& out) {
    inputs = in.size();
    outputs = out.size();
    return Grads{in[0] * 2, in[1] * 2};
  });
  const Tensor a = leaf(1), b = leaf(1);
  const Grads result = list(Grads{a, b});
  (result[0] + result[1]).backward();
  EXPECT_EQ(inputs, 2u);
  EXPECT_EQ(outputs, 2u);
  EXPECT_EQ(value(a.grad()), 4);
  EXPECT_EQ(value(b.grad()), 6);
}

TEST(FullBackwardHooks, LeaveOtherArgumentsToTheCaller) {
  struct CountImpl : nn::Module {
    Tensor forward(const Tensor& x, int& count, const char* word) {
      count += static_cast<int>(std::string(word).size());
      return x.mul(2);
    }
  };
  CountImpl module;
  size_t inputs = 0;
  module.register_full_backward_hook(
      [&](Module&, const Grads& in, const Grads&) { inputs = in.size(); });
  int count = 1;
  nn::call(module, leaf(1), count, "abc").backward();
  EXPECT_EQ(inputs, 3u);
  EXPECT_EQ(count, 4);
}

TEST(FullBackwardHooks, AreNotSetUpWithoutAGraph) {
  Weight layer;
  int calls = 0;
  layer->register_full_backward_hook([&](Module&, const Grads&, const Grads&) { ++calls; });
  const Tensor x = leaf(1);
  {
    const NoGradGuard no_grad;
    EXPECT_FALSE(layer(x).requires_grad());
  }
  layer->requires_grad_(false);
  EXPECT_FALSE(layer(scalar(1)).requires_grad());
  layer->forward(x).backward();  // not the call operator
  EXPECT_EQ(calls, 0);
  const Tensor y = layer(x);
  EXPECT_STREQ(y.grad_fn()->name(), "BackwardHookFunctionBackward");
  EXPECT_TRUE(y.is_view());
  y.backward();
  EXPECT_EQ(calls, 1);
}

TEST(FullBackwardHooks, WarnWhereTheOutputHoldsNoTensors) {
  Text text;
  int calls = 0;
  text->register_full_backward_hook([&](Module&, const Grads&, const Grads&) { ++calls; });
  std::string warning;
  const WarningHandler before = set_warning_handler([&](std::string_view t) { warning = t; });
  EXPECT_EQ(text(leaf(1)), "made");
  set_warning_handler(before);
  EXPECT_NE(warning.find("For backward hooks to be called, module output should be a Tensor or a "
                         "tuple of Tensors but received std::"),
            std::string::npos);
  EXPECT_EQ(calls, 0);
}

TEST(FullBackwardHooks, ForbidWritesToTheViewsTheyMake) {
  struct InPlaceImpl : nn::Module {
    Tensor forward(Tensor x) { return x.relu_(); }
  };
  nn::AnyModule in_place{InPlaceImpl()};
  in_place.ptr()->register_full_backward_hook([](Module&, const Grads&, const Grads&) {});
  const Tensor made = leaf(1) * 2;
  EXPECT_ERROR(Error, in_place.forward(made),
               "Output 0 of BackwardHookFunctionBackward is a view and is being modified inplace");
  nn::ReLU relu;
  relu->register_full_backward_hook([](Module&, const Grads&, const Grads&) {});
  const Tensor x = ones({2}, kDouble).requires_grad_();
  const Tensor y = relu(x * 2);
  EXPECT_ERROR(Error, y.add_(1),
               "Output 0 of BackwardHookFunctionBackward is a view and is being modified inplace");
  EXPECT_ERROR(Error, y[0].add_(1), "is a view and is being modified inplace");
  EXPECT_ERROR(Error, leaf(1).mul_(1), "a leaf Variable that requires grad");
  // A write to what the output is a view of shows when the output is used.
  const Tensor base = y._base();
  base.add_(1);
  EXPECT_ERROR(Error, y.grad_fn(), "is a view and its base or another view of its base has been");
  // Copies may be written.
  const Tensor z = relu(x * 2).clone();
  z.add_(1);
  z.sum().backward();
  EXPECT_EQ(value(x.grad().sum()), 4);
}

TEST(FullBackwardHooks, FireOnceForEachBackward) {
  Weight layer(2);
  const Tensor x = leaf(3);
  int calls = 0;
  layer->register_full_backward_hook([&](Module&, const Grads& in, const Grads&) {
    ++calls;
    return in[0] * 2;
  });
  const Tensor y = layer(x);
  y.backward({}, true);
  y.backward();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(value(x.grad()), 8);
  const Tensor grad = autograd::grad(layer(x), x)[0];
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(value(grad), 4);
  // The hooks are those of the call: later ones are not added, removed ones still run.
  nn::RemovableHandle late;
  const Tensor z = layer(x);
  late = layer->register_full_backward_hook(
      [&](Module&, const Grads&, const Grads&) { calls += 100; });
  z.backward();
  EXPECT_EQ(calls, 4);
}

TEST(FullBackwardHooks, AreDifferentiable) {
  struct SquareImpl : nn::Module {
    Tensor forward(const Tensor& x) { return x.mul(x); }
  };
  nn::AnyModule square{SquareImpl()};
  int calls = 0;
  square.ptr()->register_full_backward_hook([&](Module&, const Grads& in, const Grads&) {
    ++calls;
    return in[0] * 3;
  });
  const Tensor x = leaf(5);
  const Tensor g = autograd::grad(square.forward(x), x, {}, true, true)[0];
  EXPECT_EQ(value(g), 30);
  EXPECT_EQ(calls, 1);
  // The second derivative reaches the input without passing the output: no hook, no factor.
  EXPECT_EQ(value(autograd::grad(g, x)[0]), 6);
  EXPECT_EQ(calls, 1);
}

TEST(FullBackwardHooks, EndWithTheirModule) {
  int calls = 0;
  const Tensor x = leaf(3);
  Tensor y;
  {
    Weight layer(2);
    layer->register_full_backward_hook([&](Module&, const Grads&, const Grads&) { ++calls; });
    y = layer(x);
  }
  y.backward();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(value(x.grad()), 2);
}

TEST(ModuleHooksThreads, OneModuleIsCalledFromSeveral) {
  Weight layer(2);
  std::atomic<int> calls{0};
  std::atomic<int> wrong{0};
  layer->register_forward_pre_hook([&](Module&, const nn::ValueList&) { ++calls; });
  layer->register_full_backward_hook([&](Module&, const Grads& in, const Grads&) {
    if (value(in[0]) != 2) ++wrong;
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        nn::RemovableHandle global =
            nn::register_module_full_backward_hook([&](Module&, const Grads&, const Grads&) {});
        const Tensor x = leaf(1);
        nn::call(*layer, x).backward();
        if (value(x.grad()) != 2) ++wrong;
        global.remove();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls, 200);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(value(layer->weight.grad()), 200);
  EXPECT_TRUE(nn::global_hooks().empty());
}

}  // namespace
}  // namespace taper
