#include <gtest/gtest.h>

#include <vector>

#include "tests/func/vectors.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using namespace autograd::functional;
using namespace testing;

Tensors two(const Tensors& x) { return {x[0] * x[1], x[0].sum()}; }

TEST(Functional, Jacobian) {
  const Tensor j = jacobian(f, vec({2, 5}));
  EXPECT_EQ(j.sizes().vec(), (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(values(j), (V{20, 4, 0, 3}));
  EXPECT_FALSE(j.requires_grad());
  const Tensor scalar = jacobian(cubes, vec({2, 5}).view({2, 1}));
  EXPECT_EQ(scalar.sizes().vec(), (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(values(scalar), (V{12, 75}));
  const auto many = jacobian(two, {vec({1, 2}), vec({3, 4})});
  EXPECT_EQ(values(many[0][0]), (V{3, 0, 0, 4}));
  EXPECT_EQ(values(many[0][1]), (V{1, 0, 0, 2}));
  EXPECT_EQ(values(many[1][0]), (V{1, 1}));
  EXPECT_EQ(values(many[1][1]), (V{0, 0}));
}

TEST(Functional, JacobianOfNoElements) {
  const Tensor j = jacobian([](const Tensor& x) { return x.narrow(0, 0, 0); }, vec({1, 2}));
  EXPECT_EQ(j.sizes().vec(), (std::vector<int64_t>{0, 2}));
}

TEST(Functional, JacobianCanBeDifferentiated) {
  Tensor x = vec({2, 5}).requires_grad_();
  jacobian(f, x, true).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{2 * 5 + 2 * 2, 2 * 2}));
  // The gradient with respect to the argument, not to what the function has captured.
  x.mutable_grad() = Tensor();
  const Tensor j = jacobian([&](const Tensor& y) { return x * y; }, x);
  EXPECT_EQ(values(j), (V{2, 0, 0, 5}));
  EXPECT_FALSE(x.grad().defined());
}

TEST(Functional, Hessian) {
  EXPECT_EQ(values(hessian(cubes, vec({2, 5}))), (V{12, 0, 0, 30}));
  const auto h = hessian(product, {vec({2, 3}), vec({5, 7})});
  EXPECT_EQ(values(h[0][0]), (V{10, 0, 0, 14}));
  EXPECT_EQ(values(h[0][1]), (V{4, 0, 0, 6}));
  EXPECT_EQ(values(h[1][0]), (V{4, 0, 0, 6}));
  EXPECT_EQ(values(h[1][1]), (V{0, 0, 0, 0}));
  Tensor x = vec({2, 5}).requires_grad_();
  hessian(cubes, x, true).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{6, 6}));
  EXPECT_EQ(values(hessian(
                [](const Tensor& y) {
                  return y.sum().view({1, 1});
                },
                vec({1, 2}))),
            (V{0, 0, 0, 0}));
}

TEST(Functional, Vjp) {
  const auto [y, g] = vjp(f, vec({2, 5}), vec({1, 10}));
  EXPECT_EQ(values(y), (V{20, 15}));
  EXPECT_EQ(values(g), (V{20, 34}));
  EXPECT_FALSE(y.requires_grad());
  EXPECT_EQ(values(vjp(cubes, vec({2, 5})).second), (V{12, 75}));
  const auto many = vjp(two, {vec({1, 2}), vec({3, 4})}, {vec({1, 1}), vec({10}).squeeze()});
  EXPECT_EQ(values(many.second[0]), (V{13, 14}));
  EXPECT_EQ(values(many.second[1]), (V{1, 2}));
}

TEST(Functional, Jvp) {
  const auto [y, g] = jvp(f, vec({2, 5}), vec({1, 10}));
  EXPECT_EQ(values(y), (V{20, 15}));
  EXPECT_EQ(values(g), (V{20 + 40, 30}));
  EXPECT_FALSE(g.requires_grad());
  const auto many = jvp(two, {vec({1, 2}), vec({3, 4})}, {vec({1, 1}), vec({10, 10})});
  EXPECT_EQ(values(many.second[0]), (V{13, 24}));
  EXPECT_EQ(values(many.second[1]), (V{2}));
  EXPECT_EQ(values(jvp(cubes, vec({2})).second), (V{12}));
  Tensor x = vec({2, 5}).requires_grad_();
  jvp(f, x, vec({1, 0}), true).second.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{10, 4}));
}

TEST(Functional, HessianProducts) {
  const Tensor x = vec({2, 5}), v = vec({1, 10});
  EXPECT_EQ(values(vhp(cubes, x, v).first), (V{133}));
  EXPECT_EQ(values(vhp(cubes, x, v).second), (V{12, 300}));
  EXPECT_EQ(values(hvp(cubes, x, v).second), (V{12, 300}));
  const Tensors inputs = {vec({2, 3}), vec({5, 7})}, vs = {vec({1, 2}), vec({3, 4})};
  const auto a = vhp(product, inputs, vs), b = hvp(product, inputs, vs);
  for (const auto& result : {a, b}) {
    EXPECT_EQ(values(result.second[0]), (V{10 + 12, 28 + 24}));
    EXPECT_EQ(values(result.second[1]), (V{4, 12}));
  }
  EXPECT_EQ(values(hvp(cubes, vec({2})).second), (V{12}));
  Tensor w = vec({2, 5}).requires_grad_();
  vhp(cubes, w, v, true).second.sum().backward();
  EXPECT_EQ(values(w.grad()), (V{6, 60}));
}

TEST(Functional, WorkWithoutGradients) {
  NoGradGuard no_grad;
  EXPECT_EQ(values(jacobian(f, vec({2, 5}))), (V{20, 4, 0, 3}));
  EXPECT_EQ(values(hvp(cubes, vec({2, 5}), vec({1, 10})).second), (V{12, 300}));
}

TEST(Functional, WrongArgumentsAreNamed) {
  const Tensor x = vec({2, 5});
  EXPECT_ERROR(ShapeError, vjp(f, x, vec({1})), "v has invalid size: should be [2] but got [1]");
  EXPECT_ERROR(Error, vjp(f, x),
               "The vector v can only be None if the user-provided function returns a single "
               "Tensor with a single element.");
  EXPECT_ERROR(Error, jvp(f, x),
               "The vector v can only be None if the input to the user-provided function is a "
               "single Tensor with a single element.");
  EXPECT_ERROR(Error, vjp(two, {x, x}, {x}),
               "v is a tuple of invalid length: should be 2 but got 1");
  EXPECT_ERROR(ShapeError, hessian(f, x),
               "The Tensor returned by the function given to hessian should contain a single "
               "element");
  EXPECT_ERROR(ShapeError, vhp(f, x, x), "given to vhp should contain a single element");
  EXPECT_ERROR(Error, jacobian(two, Tensors{}), "expected at least one input");
  EXPECT_ERROR(Error, jacobian(f, Tensor()), "expected defined tensors");
  EXPECT_ERROR(Error, jacobian([](const Tensor&) { return Tensor(); }, x), "is undefined");
  EXPECT_ERROR(DTypeError, jacobian(f, ones({2}, kLong)), "Only Tensors of floating point");
}

TEST(Functional, StrictRefusesWhatDoesNotDepend) {
  const Tensor x = vec({2, 5});
  const auto constant = [&](const Tensor&) { return vec({1}); };
  const auto linear = [](const Tensor& y) { return y.sum(); };
  EXPECT_EQ(values(jacobian(constant, x)), (V{0, 0}));
  EXPECT_ERROR(Error, jacobian(constant, x, false, true),
               "Output 0 of the user-provided function does not require gradients.");
  const auto first = [](const Tensors& y) { return Tensors{y[0] * 2}; };
  EXPECT_ERROR(Error, jacobian(first, {x, x}, false, true),
               "Output 0 of the user-provided function is independent of input 1.");
  EXPECT_ERROR(Error, vjp(first, {x, x}, {x}, false, true),
               "The output of the user-provided function is independent of input 1.");
  Tensor grad = vec({2, 5}).requires_grad_();
  EXPECT_ERROR(Error, jacobian(linear, grad, true, true),
               "independent of input 0. This is not allowed in strict mode when create_graph=True");
  EXPECT_ERROR(Error, hessian(linear, x, false, true), "is independent of the input");
  EXPECT_ERROR(Error, vhp(linear, x, x, false, true), "is independent of the input");
  EXPECT_EQ(values(vhp(linear, x, x).second), (V{0, 0}));
  EXPECT_EQ(values(hvp(linear, x, x).second), (V{0, 0}));
  EXPECT_EQ(values(jvp(constant, x, x).second), (V{0}));
}

}  // namespace
}  // namespace taper
