#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using autograd::AutogradContext;
using autograd::tensor_list;
using autograd::variable_list;
using V = std::vector<double>;

V values(const Tensor& t) {
  V out;
  const Tensor flat = t.detach().to(kDouble).contiguous().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat.data_ptr<double>()[i]);
  return out;
}
Tensor leaf(V v) { return tensor(v, TensorOptions(kDouble)).requires_grad_(); }

struct Cube : autograd::Function<Cube> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    EXPECT_FALSE(GradMode::is_enabled());
    ctx->save_for_backward({x});
    return x * x * x;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Tensor x = ctx->get_saved_variables()[0];
    return {grads[0] * 3 * x * x};
  }
};

TEST(CustomFunction, HasItsBackward) {
  Tensor x = leaf({1, 2});
  Tensor y = Cube::apply(x);
  EXPECT_STREQ(y.grad_fn()->name(), "CubeBackward");
  EXPECT_EQ(values(y), (V{1, 8}));
  y.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{3, 12}));
  EXPECT_FALSE(Cube::apply(x.detach()).requires_grad());
  NoGradGuard no_grad;
  EXPECT_FALSE(Cube::apply(x).requires_grad());
}

TEST(CustomFunction, PassesGradcheckOfBothOrders) {
  const auto cube = [](const std::vector<Tensor>& x) {
    return std::vector<Tensor>{Cube::apply(x[0])};
  };
  EXPECT_TRUE(gradcheck(cube, {leaf({0.5, -1.5})}));
  EXPECT_TRUE(gradgradcheck(cube, {leaf({0.5, -1.5})}));
}

// Both namespaces, as LibTorch programs have them.
namespace user {
using namespace taper;
using namespace taper::autograd;
class MulConstant : public Function<MulConstant> {
 public:
  static Tensor forward(AutogradContext* ctx, Tensor tensor, double constant) {
    ctx->saved_data["constant"] = constant;
    return tensor * constant;
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    return {grads[0] * ctx->saved_data["constant"].toDouble(), Tensor()};
  }
};
}  // namespace user

TEST(CustomFunction, KeepsPlainValues) {
  Tensor x = leaf({1, 2});
  user::MulConstant::apply(x, 5.5).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{5.5, 5.5}));
}

TEST(CustomFunction, SavedDataIsTyped) {
  autograd::SavedData data;
  data["i"] = 3;
  data["d"] = 0.5;
  data["b"] = true;
  data["s"] = "text";
  data["t"] = ones({2});
  data["is"] = std::vector<int64_t>{1, 2};
  data["ds"] = std::vector<double>{0.5};
  data["ts"] = std::vector<Tensor>{ones({1})};
  EXPECT_EQ(data["i"].toInt(), 3);
  EXPECT_EQ(data["d"].toDouble(), 0.5);
  EXPECT_TRUE(data["b"].toBool());
  EXPECT_EQ(data["s"].toStringRef(), "text");
  EXPECT_EQ(data["t"].toTensor().numel(), 2);
  EXPECT_EQ(data["is"].toIntVector(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(data["ds"].toDoubleVector(), (V{0.5}));
  EXPECT_EQ(data["ts"].toTensorVector().size(), 1u);
  EXPECT_EQ(data.size(), 8u);
  EXPECT_EQ(data.erase("i"), 1u);
  EXPECT_FALSE(data.contains("i"));
  EXPECT_TRUE(data["new"].isNone());
  EXPECT_ERROR(Error, data["d"].toInt(), "Expected Int but got Double");
  EXPECT_ERROR(IndexError, data.at("x"), "no value of the name 'x'");
}

/// Every kind of argument and a tuple of results.
struct Mixed : autograd::Function<Mixed> {
  inline static std::vector<bool> needed;
  static std::tuple<Tensor, Tensor> forward(AutogradContext* ctx, const Tensor& a, int64_t times,
                                            const std::optional<Tensor>& bias,
                                            const std::vector<Tensor>& list) {
    needed.clear();
    for (size_t i = 0; i < 3 + list.size(); ++i) needed.push_back(ctx->needs_input_grad(i));
    EXPECT_ERROR(IndexError, ctx->needs_input_grad(3 + list.size()), "out of range");
    ctx->saved_data["times"] = times;
    ctx->saved_data["list"] = list.size();
    Tensor sum = a * static_cast<double>(times);
    if (bias) sum = sum + *bias;
    Tensor other = a.clone();
    for (const Tensor& t : list) other = other + t;
    return {sum, other};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const double times = static_cast<double>(ctx->saved_data["times"].toInt());
    variable_list out = {grads[0] * times + grads[1], Tensor(), grads[0]};
    for (int64_t i = 0; i < ctx->saved_data["list"].toInt(); ++i) out.push_back(grads[1]);
    if (!ctx->needs_input_grad(2)) out[2] = Tensor();
    return out;
  }
};

TEST(CustomFunction, TakesOptionalsAndListsAndReturnsATuple) {
  Tensor a = leaf({1, 2}), b = leaf({3, 4}), c = leaf({5, 6});
  const auto [sum, other] =
      Mixed::apply(a, 3, std::optional<Tensor>(b), std::vector<Tensor>{c, c.detach()});
  EXPECT_EQ(Mixed::needed, (std::vector<bool>{true, false, true, true, false}));
  EXPECT_EQ(values(sum), (V{6, 10}));
  EXPECT_EQ(values(other), (V{11, 14}));
  (sum.sum() + other.sum() * 10).backward();
  EXPECT_EQ(values(a.grad()), (V{13, 13}));
  EXPECT_EQ(values(b.grad()), (V{1, 1}));
  EXPECT_EQ(values(c.grad()), (V{10, 10}));
  const auto without = Mixed::apply(a, 2, std::optional<Tensor>(), std::vector<Tensor>());
  EXPECT_EQ(Mixed::needed, (std::vector<bool>{true, false, false}));
  std::get<0>(without).sum().backward();
  EXPECT_EQ(values(a.grad()), (V{15, 15}));
}

/// A backward that returns what a test tells it to.
struct Scripted : autograd::Function<Scripted> {
  inline static variable_list answer;
  inline static variable_list seen;
  inline static bool materialize = true;
  static variable_list forward(AutogradContext* ctx, const Tensor& a, double) {
    ctx->set_materialize_grads(materialize);
    const Tensor mark = a * 2;
    ctx->mark_non_differentiable({mark});
    return {mark, a * 3, a * 4};
  }
  static variable_list backward(AutogradContext*, variable_list grads) {
    seen = grads;
    return answer;
  }
};

TEST(CustomFunction, WrongResultsOfBackwardAreNamed) {
  Tensor x = leaf({1, 2, 3, 4});
  const Tensor g = ones({4}, kDouble);
  const auto run = [&](variable_list answer) {
    Scripted::answer = std::move(answer);
    Scripted::apply(x, 1.0)[1].sum().backward();
  };
  EXPECT_ERROR(Error, run({g}),
               "function ScriptedBackward returned an incorrect number of gradients (expected 2, "
               "got 1)");
  EXPECT_ERROR(Error, run({g, Tensor(), g}), "(expected 2, got 3)");
  EXPECT_NO_THROW(run({g, Tensor(), Tensor()}));
  EXPECT_ERROR(Error, run({g, g}),
               "function ScriptedBackward returned a gradient different than None at position 2, "
               "but the corresponding forward input was not a Variable");
  EXPECT_ERROR(ShapeError, run({ones({3}, kDouble), Tensor()}),
               "Function ScriptedBackward returned an invalid gradient at index 0 - got [3] but "
               "expected shape compatible with [4]");
  EXPECT_ERROR(DTypeError, run({ones({4}, kLong), Tensor()}), "expected a floating point type");
  x.mutable_grad() = Tensor();
  EXPECT_NO_THROW(run({ones({2, 4}, kDouble), Tensor()}));
  EXPECT_EQ(values(x.grad()), V(4, 2));
  x.mutable_grad() = Tensor();
  EXPECT_NO_THROW(run({ones({4}, kFloat), Tensor()}));
  EXPECT_EQ(x.grad().scalar_type(), kDouble);
  Scripted::answer.clear();
  Scripted::seen.clear();
}

TEST(CustomFunction, MissingGradientsAreZerosUnlessToldOtherwise) {
  Tensor x = leaf({1, 2});
  Scripted::answer = {x.detach(), Tensor()};
  auto y = Scripted::apply(x, 1.0);
  EXPECT_FALSE(y[0].requires_grad());
  EXPECT_TRUE(y[0].is_leaf());
  EXPECT_EQ(y[2].output_nr(), 2);
  y[1].sum().backward();
  ASSERT_EQ(Scripted::seen.size(), 3u);
  EXPECT_EQ(values(Scripted::seen[0]), (V{0, 0}));
  EXPECT_EQ(values(Scripted::seen[1]), (V{1, 1}));
  EXPECT_EQ(values(Scripted::seen[2]), (V{0, 0}));
  Scripted::materialize = false;
  Scripted::apply(x, 1.0)[1].sum().backward();
  Scripted::materialize = true;
  EXPECT_FALSE(Scripted::seen[0].defined());
  EXPECT_TRUE(Scripted::seen[1].defined());
  EXPECT_FALSE(Scripted::seen[2].defined());
  Scripted::answer.clear();
  Scripted::seen.clear();
}

TEST(CustomFunction, SavedTensorsAreCheckedAndFreed) {
  Tensor x = leaf({1, 2});
  Tensor h = x * 1;
  Tensor y = Cube::apply(h).sum();
  h.detach().add_(1);
  EXPECT_ERROR(Error, y.backward(),
               "CubeBackward: one of the variables needed for gradient computation has been "
               "modified by an inplace operation");
  y = Cube::apply(x).sum();
  y.backward();
  EXPECT_ERROR(Error, y.backward(), "Trying to backward through the graph a second time");
  y = Cube::apply(x).sum();
  y.backward({}, true);
  EXPECT_NO_THROW(y.backward());
}

/// Saves its result, a value in between and a view of the result.
struct Exp : autograd::Function<Exp> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    const Tensor y = x.exp();
    ctx->save_for_backward({y, x + 1, Tensor(), y.view({-1})});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    EXPECT_EQ(saved.size(), 4u);
    EXPECT_EQ(saved[0].requires_grad(), GradMode::is_enabled());
    EXPECT_FALSE(saved[1].requires_grad());
    EXPECT_FALSE(saved[2].defined());
    return {grads[0] * saved[0]};
  }
};

TEST(CustomFunction, ASavedResultIsDifferentiableAndLeaksNothing) {
  const LiveObjects before = live_objects();
  {
    Tensor x = leaf({0.5});
    Tensor y = Exp::apply(x);
    const Tensor g = autograd::grad({y}, {x}, {}, true, true)[0];
    const Tensor gg = autograd::grad({g}, {x})[0];
    EXPECT_NEAR(values(gg)[0], std::exp(0.5), 1e-15);
  }
  EXPECT_EQ(live_objects().storages, before.storages);
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

struct KeepsOutput : autograd::Function<KeepsOutput> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    const Tensor y = x * 2;
    ctx->saved_data["y"] = y;
    return y;
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return grads; }
};

TEST(CustomFunction, AnOutputInSavedDataIsRefused) {
  EXPECT_ERROR(Error, KeepsOutput::apply(leaf({1})),
               "saved_data['y'] holds an output, which would never be freed");
}

struct InPlace : autograd::Function<InPlace> {
  inline static bool returns_it = true;
  static Tensor forward(AutogradContext* ctx, Tensor x) {
    x.mul_(2);
    ctx->mark_dirty({x});
    return returns_it ? x : x.clone();
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 2}; }
};

TEST(CustomFunction, MarkDirtyRewritesHistory) {
  Tensor x = leaf({1, 2});
  Tensor h = x * 3;
  const int64_t version = h._version();
  Tensor y = InPlace::apply(h);
  EXPECT_TRUE(y.is_same(h));
  EXPECT_GT(h._version(), version);
  EXPECT_STREQ(h.grad_fn()->name(), "InPlaceBackward");
  (h * h).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{2 * 6 * 6, 2 * 12 * 6}));
}

TEST(CustomFunction, MarkDirtyOnAViewRewritesTheBase) {
  Tensor x = leaf({1, 2, 3});
  Tensor base = x * 1;
  Tensor view = base.narrow(0, 1, 2);
  InPlace::apply(view);
  EXPECT_STREQ(base.grad_fn()->name(), "CopySlices");
  base.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{1, 2, 2}));
}

TEST(CustomFunction, MarkDirtyErrors) {
  EXPECT_ERROR(Error, InPlace::apply(leaf({1})),
               "a leaf Variable that requires grad has been used in an in-place operation.");
  InPlace::returns_it = false;
  EXPECT_ERROR(Error, InPlace::apply(leaf({1}) * 1),
               "Some elements marked as dirty during the forward method were not returned as "
               "output.");
  InPlace::returns_it = true;
}

struct Same : autograd::Function<Same> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x; }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 5}; }
};
struct Flat : autograd::Function<Flat> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x.view({-1}); }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 5}; }
};

TEST(CustomFunction, AnInputReturnedAsItIsBecomesAView) {
  Tensor x = leaf({1, 2});
  Tensor y = Same::apply(x);
  EXPECT_FALSE(y.is_same(x));
  EXPECT_TRUE(y.is_alias_of(x));
  EXPECT_TRUE(x.is_leaf());
  y.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{5, 5}));
}

TEST(CustomFunction, AViewOfAnInputIsNotWrittenInPlace) {
  const char* text =
      "This view was created inside a custom Function (or because an input was returned as-is)";
  Tensor x = leaf({1, 2});
  EXPECT_ERROR(Error, Flat::apply(x * 2).mul_(2),
               "Output 0 of FlatBackward is a view and is being");
  EXPECT_ERROR(Error, Same::apply(x * 2).mul_(2), text);
  EXPECT_ERROR(Error, Flat::apply(x * 2).view({2, 1}).mul_(2), text);
  Tensor base = x * 2, flat = Flat::apply(base);
  base.mul_(2);
  EXPECT_ERROR(Error, flat.sum(), "its base or another view of its base has been modified inplace");
  flat = Flat::apply(x * 2);
  flat.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{10, 10}));
}

struct Thrower : autograd::Function<Thrower> {
  inline static int where = 0;
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    TAPER_CHECK(where != 1, "forward fails");
    return x * 2;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    TAPER_CHECK(where != 2, "backward fails");
    EXPECT_ERROR(Error, ctx->save_for_backward({}), "can only be called in forward");
    EXPECT_ERROR(Error, ctx->mark_dirty({}), "can only be called in forward");
    EXPECT_ERROR(Error, ctx->mark_non_differentiable({}), "can only be called in forward");
    return {grads[0] * 2};
  }
};

TEST(CustomFunction, ExceptionsReachTheCallerAndLeaveTheGraphUsable) {
  Tensor x = leaf({1});
  Thrower::where = 1;
  EXPECT_ERROR(Error, Thrower::apply(x), "forward fails");
  EXPECT_TRUE(GradMode::is_enabled());
  Thrower::where = 2;
  Tensor y = Thrower::apply(x);
  EXPECT_ERROR(Error, y.backward(), "backward fails");
  Thrower::where = 0;
  y.backward();
  EXPECT_EQ(values(x.grad()), (V{2}));
}

TEST(CustomFunction, InferenceTensorsAreNotSaved) {
  Tensor x;
  {
    InferenceMode mode;
    x = ones({2}, kDouble);
  }
  struct Scale : autograd::Function<Scale> {
    static Tensor forward(AutogradContext* ctx, const Tensor& a, const Tensor& b) {
      ctx->save_for_backward({b});
      return a * b;
    }
    static variable_list backward(AutogradContext*, variable_list grads) {
      return {grads[0], Tensor()};
    }
  };
  EXPECT_ERROR(Error, Scale::apply(leaf({1, 2}), x),
               "Inference tensors cannot be saved for backward");
}

TEST(CustomFunctionThreads, RunInSeveralThreads) {
  Tensor x = leaf({1, 2});
  Tensor shared = Cube::apply(x).sum();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) {
        Cube::apply(x).sum().backward();
        shared.backward({}, true);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(values(x.grad()), (V{400 * 3, 400 * 12}));
}

}  // namespace
}  // namespace taper
