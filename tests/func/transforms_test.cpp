#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/func/vectors.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using namespace testing;
namespace functional = autograd::functional;

TEST(Transforms, GradAndValue) {
  EXPECT_EQ(values(func::grad(cubes, vec({2, 3}))), (V{12, 27}));
  const auto [grads, value] = func::grad_and_value(product, {vec({1, 2}), vec({3, 4})});
  EXPECT_EQ(values(grads[0]), (V{6, 16}));
  EXPECT_EQ(values(grads[1]), (V{1, 4}));
  EXPECT_EQ(values(value), (V{19}));
  EXPECT_FALSE(value.requires_grad());
  EXPECT_FALSE(grads[0].requires_grad());
  EXPECT_EQ(values(func::grad([](const Tensor&) { return ones({}, kDouble); }, vec({1}))), (V{0}));
  EXPECT_ERROR(ShapeError, func::grad(f, vec({1, 2})),
               "to return a scalar tensor, got tensor with 1");
  EXPECT_ERROR(ShapeError, func::grad([](const Tensor&) { return Tensor(); }, vec({1, 2})),
               "to return a scalar");
  EXPECT_ERROR(Error, func::grad(cubes, Tensor()), "undefined");
  EXPECT_ERROR(Error, func::grad(product, Tensors{}), "at least one input");
  NoGradGuard no_grad;
  EXPECT_EQ(values(func::grad(cubes, vec({2, 3}))), (V{12, 27}));
}

TEST(Transforms, TheyNest) {
  const auto first = [](const Tensor& x) { return func::grad(cubes, x).sum(); };
  const auto second = [&](const Tensor& x) { return func::grad(first, x).sum(); };
  EXPECT_EQ(values(func::grad(first, vec({2, 3}))), (V{12, 18}));
  EXPECT_EQ(values(func::grad(second, vec({2, 3}))), (V{6, 6}));
  const auto gradient = [](const Tensor& x) { return func::grad(cubes, x); };
  EXPECT_EQ(values(func::jvp(gradient, vec({2, 3}), vec({1, 10})).second), (V{12, 180}));
  const auto push = [](const Tensor& x) { return func::jvp(cubes, x, vec({1, 10})).second; };
  EXPECT_EQ(values(func::grad(push, vec({2, 3}))), (V{12, 180}));
  EXPECT_EQ(values(func::jvp(push, vec({2, 3}), vec({1, 1})).second), (V{192}));
  const auto fwd = [](const Tensor& x) { return func::jacfwd(f, x); };
  const auto rev = [](const Tensor& x) { return func::jacrev(f, x); };
  const V want{6, 4, 4, 0, 0, 0, 0, 0};  // of [x0^2 x1, 3 x1] at (2, 3)
  EXPECT_EQ(values(func::jacfwd(fwd, vec({2, 3}))), want);
  EXPECT_EQ(values(func::jacrev(fwd, vec({2, 3}))), want);
  EXPECT_EQ(values(func::jacrev(rev, vec({2, 3}))), want);
  EXPECT_EQ(values(func::hessian(f, vec({2, 3}))), want);
  EXPECT_EQ(func::hessian(f, vec({2, 3})).sizes(), (std::vector<int64_t>{2, 2, 2}));
  // A result of an outer graph's tensor is part of that graph.
  const Tensor x = vec({2, 3}).requires_grad_();
  func::grad(cubes, x).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{12, 18}));
}

TEST(Transforms, MapsMayBeCalledAgain) {
  const Tensor x = vec({2, 5});
  const auto [y, pull] = func::vjp(f, x);
  EXPECT_EQ(values(y), (V{20, 15}));
  EXPECT_EQ(values(pull(vec({1, 0}))), (V{20, 4}));
  EXPECT_EQ(values(pull(vec({0, 1}))), (V{0, 3}));
  EXPECT_ERROR(ShapeError, pull(vec({1})), "expected a tensor of sizes");
  EXPECT_ERROR(Error, pull(Tensor()), "undefined");
  const auto [z, push] = func::linearize(f, x);
  EXPECT_EQ(values(z), (V{20, 15}));
  EXPECT_FALSE(z.requires_grad());
  EXPECT_EQ(values(push(vec({1, 0}))), (V{20, 0}));
  EXPECT_EQ(values(push(vec({1, 10}))), (V{60, 30}));
  EXPECT_FALSE(push(vec({1, 10})).requires_grad());
  EXPECT_ERROR(ShapeError, push(vec({1, 2, 3})), "expected a tensor of sizes");
  EXPECT_EQ(values(func::jvp(f, x, vec({1, 10})).second), (V{60, 30}));
  const auto constant = func::linearize([](const Tensor&) { return ones({3}, kDouble); }, x);
  EXPECT_EQ(values(constant.second(x)), (V{0, 0, 0}));
}

TEST(Transforms, Jacobians) {
  const Tensor x = vec({2, 5});
  EXPECT_EQ(values(func::jacfwd(f, x)), (V{20, 4, 0, 3}));
  EXPECT_EQ(values(func::jacrev(f, x)), (V{20, 4, 0, 3}));
  const auto none = func::jacfwd(f, zeros({2, 0}, kDouble));
  EXPECT_EQ(none.sizes(), (std::vector<int64_t>{2, 0, 2, 0}));
  EXPECT_EQ(values(func::hessian(cubes, x)), (V{12, 0, 0, 30}));
}

TEST(Transforms, FunctionalInForwardMode) {
  const Tensor x = vec({2, 5});
  EXPECT_EQ(values(functional::jacobian(f, x, false, false, "forward-mode")), (V{20, 4, 0, 3}));
  const auto two = [](const Tensors& x) { return Tensors{x[0] * x[1], x[0].sum()}; };
  const Tensors inputs{vec({1, 2}), vec({3, 4})};
  const auto got = functional::jacobian(two, inputs, false, false, "forward-mode");
  const auto want = functional::jacobian(two, inputs);
  for (size_t o = 0; o < 2; ++o) {
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(got[o][i].sizes(), want[o][i].sizes());
      EXPECT_EQ(values(got[o][i]), values(want[o][i]));
    }
  }
  EXPECT_EQ(values(functional::jvp(f, x, vec({1, 10}), false, false, "forward-mode").second),
            (V{60, 30}));
  const Tensor leaf = vec({2, 5}).requires_grad_();
  functional::jacobian(f, leaf, true, false, "forward-mode").sum().backward();
  EXPECT_EQ(values(leaf.grad()), (V{2 * 5 + 2 * 2, 2 * 2}));
  EXPECT_ERROR(ConfigError, functional::jacobian(f, x, false, false, "sideways"),
               "Expected strategy to be either");
  EXPECT_ERROR(ConfigError, functional::jvp(f, x, x, false, true, "forward-mode"),
               "are not supported together");
}

TEST(Transforms, HvpWithAGraphAndInsideALevel) {
  const Tensor x = vec({2, 5}).requires_grad_(), v = vec({1, 10});
  const auto [value, product] = functional::hvp(cubes, x, v, true);
  EXPECT_EQ(values(product), (V{12, 300}));
  product.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{6, 60}));
  autograd::forward_ad::dual_level level;
  EXPECT_EQ(values(functional::hvp(cubes, x, v).second), (V{12, 300}));
}

TEST(Transforms, AModuleAsAFunctionOfItsParameters) {
  manual_seed(3);
  nn::Linear layer(2, 1);
  layer->to(kDouble);
  const Tensor data = vec({1, 2, 3, 4}).view({2, 2});
  const auto loss = [&](const Tensors& p) {
    OrderedDict<std::string, Tensor> parameters;
    parameters.insert("weight", p[0]);
    parameters.insert("bias", p[1]);
    return nn::functional_call(layer, parameters, data).sum();
  };
  const auto grads = func::grad(loss, {layer->weight.detach(), layer->bias.detach()});
  EXPECT_EQ(values(grads[0]), (V{4, 6}));
  EXPECT_EQ(values(grads[1]), (V{2}));
}

TEST(Transforms, GradcheckFindsAWrongTangent) {
  struct Wrong : autograd::Function<Wrong> {
    static Tensor forward(autograd::AutogradContext*, const Tensor& x) { return x * 2; }
    static autograd::variable_list backward(autograd::AutogradContext*,
                                            autograd::variable_list grads) {
      return {grads[0] * 2};
    }
    static autograd::variable_list jvp(autograd::AutogradContext*, autograd::variable_list t) {
      return {t[0] * 3};
    }
  };
  const auto wrong = [](const Tensors& x) { return Tensors{Wrong::apply(x[0])}; };
  const Tensors inputs{vec({1, 2}).requires_grad_()};
  EXPECT_TRUE(gradcheck(wrong, inputs));
  EXPECT_ERROR(Error, gradcheck(wrong, inputs, 1e-6, 1e-5, 1e-3, true), "forward mode mismatch");
}

TEST(Transforms, LeaveNothing) {
  const LiveObjects before = live_objects();
  {
    const Tensor x = vec({2, 5});
    (void)func::hessian(cubes, x);
    const auto map = func::linearize(f, x).second;
    (void)map(x);
    EXPECT_ERROR(Error, func::jacfwd([](const Tensor& t) { return t.view({7}); }, x),
                 "invalid for input");
    EXPECT_FALSE(autograd::forward_ad::in_dual_level());
  }
  EXPECT_EQ(live_objects().storages, before.storages);
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

}  // namespace
}  // namespace taper
