// Groups, options, states and errors that all optimizers share.
#include "taper/optim/optimizer.h"

#include <gtest/gtest.h>

#include <string>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "taper/optim/optim.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

Tensor leaf(std::initializer_list<double> values) {
  return tensor(std::vector<double>(values), kDouble).set_requires_grad(true);
}

void set_grad(const Tensor& param, std::initializer_list<double> values) {
  param.mutable_grad() = tensor(std::vector<double>(values), param.scalar_type());
}

TEST(Optimizer, RefusesWhatCannotBeOptimized) {
  using Groups = std::vector<optim::OptimizerParamGroup>;
  const Tensor x = leaf({1, 2});
  EXPECT_ERROR(Error, (optim::SGD(std::vector<Tensor>{}, 0.1)),
               "optimizer got an empty parameter list");
  EXPECT_ERROR(Error, optim::Adam(Groups{}), "optimizer got an empty parameter list");
  EXPECT_ERROR(Error, (optim::SGD(std::vector<Tensor>{x.view({2, 1})}, 0.1)),
               "can't optimize a non-leaf Tensor");
  EXPECT_ERROR(Error, (optim::SGD(std::vector<Tensor>{x, Tensor()}, 0.1)), "undefined");
  EXPECT_ERROR(Error, (optim::SGD(Groups{{{x}}, {{leaf({1}), x}}}, 0.1)),
               "some parameters appear in more than one parameter group");
}

TEST(Optimizer, RefusesSettingsOutOfRange) {
  const std::vector<Tensor> x{leaf({1})};
  using optim::AdamOptions;
  using optim::SGDOptions;
  EXPECT_ERROR(ConfigError, (optim::SGD(x, -1)), "Invalid learning rate: -1");
  EXPECT_ERROR(ConfigError, (optim::SGD(x, SGDOptions(1).momentum(-1))),
               "Invalid momentum value: -1");
  EXPECT_ERROR(ConfigError, (optim::SGD(x, SGDOptions(1).weight_decay(-2))),
               "Invalid weight_decay value: -2");
  EXPECT_ERROR(ConfigError, (optim::SGD(x, SGDOptions(1).nesterov(true))),
               "Nesterov momentum requires a momentum and zero dampening");
  EXPECT_ERROR(ConfigError,
               (optim::SGD(x, SGDOptions(1).nesterov(true).momentum(1).dampening(0.5))),
               "Nesterov momentum requires a momentum and zero dampening");
  EXPECT_ERROR(ConfigError, (optim::Adam(x, -0.5)), "Invalid learning rate: -0.5");
  EXPECT_ERROR(ConfigError, (optim::Adam(x, AdamOptions().eps(-1))), "Invalid epsilon value: -1");
  EXPECT_ERROR(ConfigError, (optim::Adam(x, AdamOptions().betas({1, 0.9}))),
               "Invalid beta parameter at index 0: 1");
  EXPECT_ERROR(ConfigError, (optim::Adam(x, AdamOptions().betas({0.9, -0.1}))),
               "Invalid beta parameter at index 1: -0.1");
  EXPECT_ERROR(ConfigError, (optim::AdamW(x, optim::AdamWOptions().weight_decay(-1))),
               "Invalid weight_decay value: -1");
}

TEST(Optimizer, GroupsHaveTheirOwnOptions) {
  const Tensor a = leaf({1}), b = leaf({1});
  optim::SGD sgd({{{a}}, {{b}, std::make_unique<optim::SGDOptions>(0.5)}}, 0.25);
  set_grad(a, {1});
  set_grad(b, {1});
  sgd.step();
  EXPECT_EQ(a.item<double>(), 0.75);
  EXPECT_EQ(b.item<double>(), 0.5);
  EXPECT_EQ(sgd.size(), 2u);
  EXPECT_EQ(sgd.param_groups().size(), 2u);
  EXPECT_EQ(sgd.param_groups()[1].options().get_lr(), 0.5);
  EXPECT_EQ(sgd.defaults().get_lr(), 0.25);
  sgd.param_groups()[0].options().set_lr(2);
  sgd.step();
  EXPECT_EQ(a.item<double>(), -1.25);
  const Tensor c = leaf({8});
  sgd.add_param_group({{c}});
  set_grad(c, {4});
  sgd.step();
  EXPECT_EQ(c.item<double>(), 7);
  EXPECT_ERROR(Error, (sgd.add_param_group({{c}}), 0), "more than one parameter group");
}

TEST(Optimizer, StepReturnsTheClosuresLoss) {
  const Tensor a = leaf({3});
  optim::SGD sgd(std::vector<Tensor>{a}, 1);
  EXPECT_FALSE(sgd.step().defined());
  EXPECT_EQ(a.item<double>(), 3);  // no gradient, no step
  const Tensor loss = sgd.step([&] {
    EXPECT_TRUE(GradMode::is_enabled());
    Tensor l = a.mul(a);
    l.backward();
    return l;
  });
  EXPECT_EQ(loss.item<double>(), 9);
  EXPECT_EQ(a.item<double>(), -3);
}

TEST(Optimizer, ZeroGradDropsOrZeroes) {
  const Tensor a = leaf({1, 2}), b = leaf({1});
  optim::Adam adam(std::vector<Tensor>{a, b});
  set_grad(a, {3, 4});
  const Tensor kept = a.grad();
  adam.zero_grad(false);
  EXPECT_TRUE(a.grad().is_same(kept));
  EXPECT_EQ(kept.select(0, 1).item<double>(), 0);
  EXPECT_FALSE(b.grad().defined());
  adam.zero_grad();
  EXPECT_FALSE(a.grad().defined());
}

TEST(Optimizer, StepsCountAsWrites) {
  const Tensor a = leaf({1});
  set_grad(a, {1});
  const Tensor square = a.mul(a);
  optim::SGD(std::vector<Tensor>{a}, 1).step();
  EXPECT_ERROR(Error, (square.backward(), 0), "has been modified by an inplace operation");
}

TEST(Optimizer, StateFollowsItsParameter) {
  const Tensor a = leaf({1}), b = leaf({2}), c = leaf({3});
  optim::SGD sgd(std::vector<Tensor>{a, b, c}, optim::SGDOptions(0.5).momentum(0.5));
  EXPECT_TRUE(sgd.state().empty());
  for (const Tensor& p : {a, b, c}) set_grad(p, {1});
  sgd.step();
  EXPECT_EQ(sgd.state().size(), 3u);
  const auto buffer = [&](const Tensor& p) {
    return static_cast<optim::SGDParamState&>(*sgd.state().find(p)).momentum_buffer();
  };
  static_cast<optim::SGDParamState&>(*sgd.state()[b]).momentum_buffer().fill_(8);
  sgd.parameters().erase(sgd.parameters().begin());  // a leaves, b and c move up
  sgd.parameters().push_back(leaf({0}));
  sgd.step();
  EXPECT_EQ(buffer(a).item<double>(), 1);
  EXPECT_EQ(buffer(b).item<double>(), 5);
  EXPECT_EQ(buffer(c).item<double>(), 1.5);
  EXPECT_EQ(b.item<double>(), 1.5 - 2.5);
  sgd.state().erase(b);
  EXPECT_FALSE(sgd.state().contains(b));
  sgd.step();
  EXPECT_EQ(buffer(b).item<double>(), 1);
}

TEST(Optimizer, AParameterMayNotStandTwiceInAGroup) {
  const Tensor a = leaf({4});
  EXPECT_ERROR(Error, optim::Adam(std::vector<Tensor>({a, a})), "duplicate parameters");
}

}  // namespace
}  // namespace taper
