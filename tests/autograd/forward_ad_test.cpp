#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using autograd::AutogradContext;
using autograd::variable_list;
using autograd::forward_ad::dual_level;
using autograd::forward_ad::enter_dual_level;
using autograd::forward_ad::exit_dual_level;
using autograd::forward_ad::make_dual;
using autograd::forward_ad::unpack_dual;
using V = std::vector<double>;

V values(const Tensor& t) {
  V out;
  if (!t.defined()) return out;
  const Tensor flat = t.detach().to(kDouble).contiguous().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat.data_ptr<double>()[i]);
  return out;
}
Tensor vec(V v) { return tensor(v, TensorOptions(kDouble)); }
V tangent(const Tensor& t) { return values(unpack_dual(t).tangent); }

TEST(ForwardAd, AnOpCarriesTangents) {
  dual_level level;
  const Tensor t = vec({1, 10});
  const Tensor x = make_dual(vec({2, 3}), t);
  EXPECT_TRUE(unpack_dual(x).tangent.is_same(t));
  const Tensor y = x * x * 4 + 1;
  EXPECT_EQ(values(y), (V{17, 37}));
  EXPECT_EQ(tangent(y), (V{16, 240}));
  EXPECT_FALSE(y.requires_grad());
  EXPECT_EQ(values(unpack_dual(y).primal), values(y));
  EXPECT_FALSE(unpack_dual(unpack_dual(y).primal * 2).tangent.defined());
  EXPECT_EQ(tangent(y.sum()), (V{256}));
  EXPECT_EQ(tangent(vec({1, 1}).dot(x)), (V{11}));
  EXPECT_EQ(tangent(x.view({2, 1}).matmul(x.view({1, 2}))), (V{4, 23, 23, 60}));
  EXPECT_FALSE(unpack_dual(vec({1}) * 2).tangent.defined());
}

TEST(ForwardAd, LevelsDoNotNestAndTakeTheirTangentsAlong) {
  EXPECT_ERROR(Error, exit_dual_level(), "Trying to exit a forward AD level");
  EXPECT_ERROR(Error, make_dual(vec({1}), vec({1})), "no level exists");
  Tensor x;
  {
    dual_level level;
    EXPECT_ERROR(Error, enter_dual_level(), "Nested forward mode AD is not supported");
    EXPECT_ERROR(Error, exit_dual_level(1), "was not the last one");
    x = make_dual(vec({2}), vec({1}));
    EXPECT_EQ(tangent(x), (V{1}));
  }
  EXPECT_FALSE(unpack_dual(x).tangent.defined());
  EXPECT_TRUE(unpack_dual(x).primal.is_same(x));
  EXPECT_EQ(enter_dual_level(), 0u);
  EXPECT_FALSE(unpack_dual(x * 2).tangent.defined());
  exit_dual_level(0);
}

TEST(ForwardAd, RefusesWhatIsNoTangent) {
  dual_level level;
  const Tensor x = vec({1, 2});
  EXPECT_ERROR(DTypeError, make_dual(ones({2}, kLong), x), "Expected primal to be floating point");
  EXPECT_ERROR(DTypeError, make_dual(x, ones({2}, kLong)), "Expected tangent to be floating point");
  EXPECT_ERROR(DTypeError, make_dual(x, ones({2}, kFloat)), "expected a tangent of type Double");
  EXPECT_ERROR(ShapeError, make_dual(x, vec({1})), "has a different size than that");
  EXPECT_ERROR(Error, make_dual(Tensor(), x), "undefined");
  EXPECT_ERROR(Error, make_dual(x, Tensor()), "undefined");
  EXPECT_ERROR(Error, unpack_dual(Tensor()), "undefined");
  const Tensor dual = make_dual(x, x);
  EXPECT_ERROR(Error, make_dual(dual, x), "already has a forward gradient");
  EXPECT_ERROR(Error, make_dual(x, dual), "itself has a forward gradient");
  Tensor out = empty({2}, kDouble);
  EXPECT_ERROR(Error, add_out(out, dual, dual), "out=... arguments don't support");
}

TEST(ForwardAd, NoGradKeepsItAndInferenceModeDoesNot) {
  dual_level level;
  const Tensor x = make_dual(vec({3}), vec({1}));
  {
    NoGradGuard no_grad;
    EXPECT_EQ(tangent(x * x), (V{6}));
    EXPECT_EQ(tangent(x.exp().log()), (V{1}));
  }
  {
    InferenceMode inference;
    EXPECT_FALSE(unpack_dual(x * x).tangent.defined());
  }
  {
    AutoFwGradMode off(false);
    EXPECT_FALSE(unpack_dual(x * x).tangent.defined());
  }
  EXPECT_EQ(tangent(x * x), (V{6}));
}

TEST(ForwardAd, InferenceModeAroundALevelEndsWithIt) {
  {
    InferenceMode inference;
    enter_dual_level();
  }
  EXPECT_EQ(tangent(make_dual(vec({3}), vec({1})) * 2), (V{2}));
  exit_dual_level();
}

TEST(ForwardAd, DetachDropsTheTangent) {
  dual_level level;
  const Tensor x = make_dual(vec({3}), vec({1}));
  EXPECT_FALSE(unpack_dual(x.detach()).tangent.defined());
  EXPECT_FALSE(unpack_dual(x.detach() * 2).tangent.defined());
  Tensor y = x * 2;
  y.detach_();
  EXPECT_FALSE(unpack_dual(y).tangent.defined());
  Tensor z = x * 2;
  z.set_data(vec({1, 2, 3}));
  EXPECT_FALSE(unpack_dual(z).tangent.defined());
}

TEST(ForwardAd, ViewsShareTheTangentsMemory) {
  dual_level level;
  Tensor x = make_dual(vec({1, 2, 3, 4, 5, 6}), vec({1, 2, 3, 4, 5, 6})).clone();
  const Tensor m = x.view({2, 3});
  const Tensor column = m.t().select(0, 1);
  EXPECT_EQ(tangent(column), (V{2, 5}));
  EXPECT_TRUE(unpack_dual(column).tangent.is_view());
  column.mul_(10);
  EXPECT_EQ(tangent(x), (V{1, 20, 3, 4, 50, 6}));
  EXPECT_EQ(tangent(m), (V{1, 20, 3, 4, 50, 6}));
  x.mul_(x);
  EXPECT_EQ(values(m), (V{1, 400, 9, 16, 2500, 36}));
  EXPECT_EQ(tangent(m), (V{2, 800, 18, 32, 5000, 72}));
  EXPECT_EQ(tangent(column), (V{800, 5000}));
  EXPECT_EQ(tangent(m.expand({2, 2, 3}).sum(0)), (V{4, 1600, 36, 64, 10000, 144}));
  // Of a tangent in other strides than the tensor's.
  const Tensor y = make_dual(vec({1, 2, 3, 4}).view({2, 2}), vec({1, 2, 3, 4}).view({2, 2}).t());
  EXPECT_EQ(tangent(y.view(-1)), (V{1, 3, 2, 4}));
  EXPECT_EQ(tangent(y.select(0, 0)), (V{1, 3}));
  const Tensor wide = make_dual(vec({1, 2}).expand({2, 2}), vec({1, 2, 3, 4}).view({2, 2}));
  EXPECT_EQ(tangent(wide.t()), (V{1, 3, 2, 4}));
}

TEST(ForwardAd, AWriteToAViewReachesItsBase) {
  dual_level level;
  const Tensor t = make_dual(vec({3}), vec({7}));
  const Tensor x = vec({1, 2, 3});
  const Tensor first = x.narrow(0, 0, 2), last = x.narrow(0, 1, 2);
  first.select(0, 1).copy_(t.squeeze());
  EXPECT_EQ(values(x), (V{1, 3, 3}));
  EXPECT_EQ(tangent(x), (V{0, 7, 0}));
  EXPECT_EQ(tangent(last), (V{7, 0}));
  last.mul_(2);
  EXPECT_EQ(tangent(x), (V{0, 14, 0}));
  EXPECT_EQ(tangent(first), (V{0, 14}));
  // The primal's views are its own.
  const Tensor primal = unpack_dual(x).primal;
  EXPECT_FALSE(unpack_dual(primal.narrow(0, 0, 1)).tangent.defined());
  x.zero_();
  EXPECT_EQ(tangent(first), (V{0, 0}));
}

TEST(ForwardAd, WritesInPlaceChangeTheTangent) {
  dual_level level;
  const Tensor t = vec({1, 2});
  const auto fresh = [&] { return make_dual(vec({3, 4}), t) * 1; };
  EXPECT_EQ(tangent(fresh().mul_(5)), (V{5, 10}));
  EXPECT_EQ(tangent(fresh().exp_().log_()), (V{1, 2}));
  EXPECT_EQ(tangent(fresh().fill_(5)), (V{0, 0}));
  EXPECT_EQ(tangent(fresh().zero_()), (V{0, 0}));
  EXPECT_EQ(tangent(fresh().copy_(vec({1, 1}))), (V{0, 0}));
  EXPECT_EQ(tangent(fresh().normal_()), (V{0, 0}));
  EXPECT_EQ(tangent(fresh().masked_fill_(vec({1, 0}).to(kBool), 9)), (V{0, 2}));
  EXPECT_EQ(tangent(fresh().index_put_({0}, vec({8}).squeeze())), (V{0, 2}));
  EXPECT_EQ(tangent(vec({1, 1}).add_(fresh())), (V{1, 2}));
  EXPECT_EQ(tangent(vec({1, 1}).copy_(fresh())), (V{1, 2}));
  EXPECT_EQ(tangent(fresh().unsqueeze_(0).matmul(eye(2, kDouble))), (V{1, 2}));
  EXPECT_EQ(values(t), (V{1, 2}));  // what fresh() used is not written to
  // A result does not share its tangent with the argument.
  const Tensor x = fresh(), y = x + 1;
  y.mul_(3);
  EXPECT_EQ(tangent(x), (V{1, 2}));
  EXPECT_EQ(tangent(y), (V{3, 6}));
}

TEST(ForwardAd, SeveralOutputsAndIndices) {
  dual_level level;
  const Tensor x =
      make_dual(vec({1, 5, 3, 2, 8, 1}).view({2, 3}), vec({1, 2, 3, 4, 5, 6}).view({2, 3}));
  const auto [top, where] = x.max(1);
  EXPECT_EQ(tangent(top), (V{2, 5}));
  EXPECT_FALSE(unpack_dual(where).tangent.defined());
  const auto parts = x.chunk(3, 1);
  EXPECT_EQ(tangent(parts[2]), (V{3, 6}));
  const auto [sorted, order] = x.sort(1);
  EXPECT_EQ(tangent(sorted), (V{1, 3, 2, 6, 4, 5}));
  EXPECT_EQ(tangent(std::get<1>(var_mean(x, 1))), (V{2, 5}));
  EXPECT_EQ(tangent(cat({x, ones({1, 3}, kDouble)})), (V{1, 2, 3, 4, 5, 6, 0, 0, 0}));
}

TEST(ForwardAd, ForwardOverReverse) {
  // d/dx x^3 y = 3 x^2 y; along (1, 0): 6 x y, along (0, 1): 3 x^2. exp saves its result.
  dual_level level;
  const Tensor x = vec({2, 3}).requires_grad_();
  const Tensor y = make_dual(x, vec({1, 10}));
  EXPECT_TRUE(y.requires_grad());
  (y.pow(3).sum() + y.exp().sum()).backward();
  const V e{std::exp(2.0), std::exp(3.0)};
  EXPECT_DOUBLE_EQ(values(x.grad())[0], 12 + e[0]);
  EXPECT_DOUBLE_EQ(tangent(x.grad())[0], 12 + e[0]);
  EXPECT_DOUBLE_EQ(tangent(x.grad())[1], (18 + e[1]) * 10);
  // Added to a gradient that is there.
  y.pow(2).sum().backward();
  EXPECT_DOUBLE_EQ(tangent(x.grad())[1], (18 + e[1]) * 10 + 20);
}

TEST(ForwardAd, ForwardOverReverseThroughHooksAndViews) {
  dual_level level;
  const autograd::graph::saved_tensors_hooks hooks([](const Tensor& t) { return t.clone(); },
                                                   [](Tensor& t) { return t; });
  const Tensor x = vec({1, 2}).requires_grad_();
  Tensor y = make_dual(x, vec({1, 1})) * 1;
  y.select(0, 0).mul_(y.select(0, 1));
  const Tensor z = y.sigmoid() * y;
  const Tensor grad = autograd::grad(z.sum(), x, {}, true, false)[0];
  // Against reverse over reverse.
  const Tensor x2 = vec({1, 2}).requires_grad_();
  const Tensor y2 = stack({x2[0] * x2[1], x2[1]});
  const Tensor g2 = autograd::grad((y2.sigmoid() * y2).sum(), x2, {}, true, true)[0];
  const V want = values(autograd::grad(g2.sum(), x2)[0]);
  const V got = tangent(grad);
  ASSERT_EQ(got.size(), 2u);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(got[i], want[i], 1e-12);
}

TEST(ForwardAd, ReverseOverForward) {
  // The tangent of x^3 along t is 3 x^2 t; its gradients are 6 x t and 3 x^2.
  const Tensor x = vec({2, 3}).requires_grad_(), t = vec({1, 10}).requires_grad_();
  for (const bool pointwise : {true, false}) {
    Tensor result;
    {
      dual_level level;
      const Tensor y = make_dual(x, t);
      const Tensor cube = pointwise ? y.pow(3) : cumsum(y, 0).diff().pow(3);
      result = unpack_dual(cube).tangent;
    }
    EXPECT_TRUE(result.requires_grad());
    const auto grads = autograd::grad(result.sum(), {x, t});
    EXPECT_EQ(values(grads[0]), pointwise ? (V{12, 180}) : (V{0, 180}));
    EXPECT_EQ(values(grads[1]), pointwise ? (V{12, 27}) : (V{0, 27}));
  }
}

TEST(ForwardAd, WritesInPlaceInReverseOverForward) {
  const LiveObjects before = live_objects();
  {
    const Tensor x = vec({2}).requires_grad_(), t = vec({3}).requires_grad_();
    const Tensor c = vec({5}).requires_grad_();
    Tensor result;
    {
      dual_level level;
      const Tensor y = make_dual(x, t).clone();
      y.mul_(c).mul_(y);
      result = unpack_dual(y).tangent;
    }
    EXPECT_EQ(values(result), (V{300}));  // 2 x t c^2
    const auto grads = autograd::grad(result, {x, t, c});
    EXPECT_EQ(values(grads[0]), (V{150}));
    EXPECT_EQ(values(grads[1]), (V{100}));
    EXPECT_EQ(values(grads[2]), (V{120}));
  }
  EXPECT_EQ(live_objects().storages, before.storages);
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

TEST(ForwardAd, SavedOutputsInReverseOverForward) {
  const Tensor x = vec({0.5}).requires_grad_();
  Tensor tangents;
  {
    dual_level level;
    tangents = unpack_dual(make_dual(x, vec({1})).view({1, 1}).softmax(1).sum() +
                           make_dual(x, vec({1})).exp().cumsum(0).exp())
                   .tangent;
  }
  // d2/dx2 exp(exp(x)) = exp(x) exp(exp(x)) (1 + exp(x)).
  const double e = std::exp(0.5);
  EXPECT_NEAR(values(autograd::grad(tangents, x)[0])[0], e * std::exp(e) * (1 + e), 1e-10);
}

/// The tangent of f along t, and the central difference.
void expect_derivative(const char* what, const std::function<Tensor(const Tensor&)>& f,
                       const Tensor& x, const Tensor& t) {
  const double h = 1e-6;
  const Tensor want = (f(x + t * h) - f(x - t * h)) / (2 * h);
  dual_level level;
  const Tensor got = unpack_dual(f(make_dual(x, t))).tangent;
  ASSERT_TRUE(got.defined()) << what;
  EXPECT_EQ(got.scalar_type(), want.scalar_type()) << what;
  EXPECT_LT((got - want).abs().max().item<double>(), 1e-6) << what;
}

TEST(ForwardAd, ComplexNumbers) {
  const Tensor x = complex(vec({0.4, -0.7, 1.1}), vec({0.3, 0.9, -0.2}));
  const Tensor t = complex(vec({1, -0.5, 0.25}), vec({0.75, 2, -1}));
  const Tensor c = complex(vec({0.4, 2, 1}), vec({-0.3, 1, 5}));
  using F = std::function<Tensor(const Tensor&)>;
  const std::vector<std::pair<const char*, F>> functions = {
      {"mul", [&](const Tensor& z) { return z * z * c; }},
      {"number", [](const Tensor& z) { return z * Complex<double>(1, 2); }},
      {"div", [&](const Tensor& z) { return c / z; }},
      {"exp", [](const Tensor& z) { return z.exp(); }},
      {"pow", [&](const Tensor& z) { return z.pow(c); }},
      {"tanh", [](const Tensor& z) { return z.tanh(); }},
      {"abs", [](const Tensor& z) { return z.abs(); }},
      {"sgn", [](const Tensor& z) { return z.sgn(); }},
      {"angle", [](const Tensor& z) { return z.angle(); }},
      {"conj", [](const Tensor& z) { return z.conj() * z; }},
      {"parts", [](const Tensor& z) { return view_as_real(z).pow(2); }},
      {"real", [](const Tensor& z) { return z.real() * z.imag(); }},
      {"sum", [&](const Tensor& z) { return (z * c).sum() * z; }},
      {"where", [&](const Tensor& z) { return where(c.abs().gt(1), z, c) * z; }},
      {"matmul",
       [&](const Tensor& z) {
         return z.view({3, 1}).matmul(z.view({1, 3}));
       }},
  };
  for (const auto& [name, f] : functions) expect_derivative(name, f, x, t);
  expect_derivative(
      "real argument", [&](const Tensor& z) { return (z * c).exp() * z; }, vec({1, 2, -1}),
      vec({1, 3, 2}));
}

struct Scale : autograd::Function<Scale> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, double factor, const Tensor& y) {
    ctx->saved_data["factor"] = factor;
    ctx->save_for_forward({x, y});
    return x * y * factor;
  }
  static variable_list backward(AutogradContext*, variable_list grads) {
    return {grads[0], Tensor(), grads[0]};
  }
  static variable_list jvp(AutogradContext* ctx, variable_list tangents) {
    EXPECT_EQ(tangents.size(), 3u);
    EXPECT_FALSE(tangents[1].defined());
    const auto saved = ctx->get_saved_variables();
    const double factor = ctx->saved_data["factor"].toDouble();
    return {(tangents[0] * saved[1] + tangents[2] * saved[0]) * factor};
  }
};

struct Plain : autograd::Function<Plain> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x * 2; }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 2}; }
};

struct Double : autograd::Function<Double> {
  static Tensor forward(AutogradContext* ctx, Tensor x, bool wrong) {
    ctx->saved_data["wrong"] = wrong;
    ctx->mark_dirty({x});
    return x.mul_(2);
  }
  static variable_list backward(AutogradContext*, variable_list grads) {
    return {grads[0] * 2, Tensor()};
  }
  static variable_list jvp(AutogradContext* ctx, variable_list tangents) {
    if (ctx->saved_data["wrong"].toBool()) return {tangents[0].sum()};
    return {tangents[0] * 2};
  }
};

TEST(ForwardAd, CustomFunctions) {
  dual_level level;
  const Tensor x = make_dual(vec({2, 3}), vec({1, 10}));
  EXPECT_EQ(tangent(Scale::apply(x, 3.0, vec({5, 7}))), (V{15, 210}));
  EXPECT_EQ(tangent(Scale::apply(vec({5, 7}), 3.0, x)), (V{15, 210}));
  EXPECT_FALSE(unpack_dual(Scale::apply(vec({5}), 3.0, vec({1}))).tangent.defined());
  EXPECT_ERROR(Error, Plain::apply(x), "PlainBackward: You must implement the jvp function");
  EXPECT_EQ(values(Plain::apply(vec({1}))), (V{2}));
  Tensor y = x * 1;
  EXPECT_TRUE(Double::apply(y, false).is_same(y));
  EXPECT_EQ(tangent(y), (V{2, 20}));
  EXPECT_ERROR(ShapeError, Double::apply(y, true), "jvp returned a tangent of sizes");
}

TEST(ForwardAd, LayersAndTheirHooks) {
  dual_level level;
  nn::Sequential net(nn::Linear(2, 3), nn::Tanh(), nn::LayerNorm(nn::LayerNormOptions({3})));
  net->to(kDouble);
  net->register_full_backward_hook(
      [](nn::Module&, const std::vector<Tensor>&,
         const std::vector<Tensor>&) -> std::optional<std::vector<Tensor>> {
        return std::nullopt;
      });
  const Tensor x = vec({1, 2}).view({1, 2}), t = vec({0.5, -1}).view({1, 2});
  const Tensor got = unpack_dual(net->forward(make_dual(x, t))).tangent;
  ASSERT_TRUE(got.defined());
  NoGradGuard no_grad;
  const Tensor want = (net->forward(x + t * 1e-6) - net->forward(x - t * 1e-6)) / 2e-6;
  EXPECT_LT((got - want).abs().max().item<double>(), 1e-6);
}

TEST(ForwardAd, LongChainsLeaveNothing) {
  const LiveObjects before = live_objects();
  {
    const Tensor leaf = vec({1}).requires_grad_();
    for (const bool graph : {false, true}) {
      dual_level level;
      Tensor x = make_dual(graph ? leaf : vec({1}), vec({1}));
      for (int i = 0; i < 100000; ++i) x = i % 2 == 0 ? x * 2 : x * 0.5;
      EXPECT_EQ(tangent(x), (V{1}));
      if (graph) x.backward();
    }
    EXPECT_EQ(values(leaf.grad()), (V{1}));
    Tensor kept = vec({1, 2});
    {
      dual_level level;
      kept.add_(make_dual(vec({1, 2}), vec({1, 2})));
      (void)kept.select(0, 1).exp().cumsum(0);
    }
    EXPECT_FALSE(unpack_dual(kept).tangent.defined());
  }
  EXPECT_EQ(live_objects().storages, before.storages);
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

TEST(ForwardAd, AnOpWithoutASecondGradientThrowsAndLeavesNothing) {
  const LiveObjects before = live_objects();
  {
    const Tensor scores = rand({4, 2, 3}, kDouble).requires_grad_();
    const Tensor targets = ones({2, 2}, kLong), lengths = full({2}, 4, kLong);
    dual_level level;
    const Tensor x = make_dual(scores, ones({4, 2, 3}, kDouble)).log_softmax(2);
    EXPECT_ERROR(Error, ctc_loss(x, targets, lengths, full({2}, 2, kLong)),
                 "the derivative for '_ctc_loss_backward' is not implemented");
    EXPECT_ERROR(Error, Plain::apply(x), "jvp function");
  }
  EXPECT_EQ(live_objects().storages, before.storages);
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

TEST(ForwardAdThreads, ALevelBelongsToItsThread) {
  dual_level level;
  const Tensor x = make_dual(vec({2}), vec({1}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&x, i] {
      EXPECT_FALSE(unpack_dual(x * x).tangent.defined());
      dual_level own;
      EXPECT_FALSE(unpack_dual(x * x).tangent.defined());
      const Tensor y = make_dual(x, vec({double(i)}));
      for (int k = 0; k < 100; ++k) EXPECT_EQ(tangent(y * x), (V{2.0 * i}));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tangent(x * x), (V{4}));
}

}  // namespace
}  // namespace taper
