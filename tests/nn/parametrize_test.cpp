// Tensors that are computed from others before each call of their module.
#include "taper/nn/parametrize.h"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/attention.h"
#include "taper/nn/containers.h"
#include "taper/nn/linear.h"
#include "taper/nn/parametrizations.h"
#include "taper/nn/recurrent.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper {
namespace {

namespace parametrize = nn::utils::parametrize;
using testing::same_bits;
using Names = std::vector<std::string>;

/// X + X^T of the upper triangle.
struct SymmetricImpl : nn::Cloneable<SymmetricImpl> {
  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "Symmetric()"; }
  Tensor forward(const Tensor& x) {
    ++calls;
    return x.triu().add(x.triu(1).t());
  }
  Tensor right_inverse(const Tensor& a) { return a.triu(); }
  int calls = 0;
};
TAPER_MODULE(Symmetric);

/// exp(X); its inverse is no part of it.
struct PositiveImpl : nn::Cloneable<PositiveImpl> {
  void reset() override {}
  Tensor forward(const Tensor& x) { return x.exp(); }
};
TAPER_MODULE(Positive);

/// a b^T with a parameter of its own.
struct RankOneImpl : nn::Cloneable<RankOneImpl> {
  RankOneImpl() { RankOneImpl::reset(); }
  void reset() override { register_parameter("scale", &scale, ones({})); }
  Tensor forward(const Tensor& a, const Tensor& b) {
    return a.unsqueeze(1).mm(b.unsqueeze(0)).mul(scale);
  }
  std::vector<Tensor> right_inverse(const Tensor& value) {
    return {value.select(1, 0).clone(), ones({value.size(1)})};
  }
  Tensor scale;
};
TAPER_MODULE(RankOne);

Tensor symmetric(const Tensor& x) { return x.triu().add(x.triu(1).t()); }

TEST(Parametrize, ComputesTheTensorBeforeEachCall) {
  nn::Linear layer(3, 3);
  const Tensor own = layer->weight, before = own.clone();
  parametrize::register_parametrization(layer, "weight", Symmetric());
  EXPECT_TRUE(parametrize::is_parametrized(layer));
  EXPECT_TRUE(parametrize::is_parametrized(layer, "weight"));
  EXPECT_FALSE(parametrize::is_parametrized(layer, "bias"));
  EXPECT_EQ(layer->named_parameters().keys(), (Names{"bias", "parametrizations.weight.original"}));
  const Tensor original = layer->get_parameter("parametrizations.weight.original");
  EXPECT_TRUE(original.is_same(own)) << "optimizers stay valid";
  EXPECT_TRUE(same_bits(original, before.triu()));
  EXPECT_TRUE(same_bits(layer->weight, symmetric(before)));

  const Tensor x = randn({2, 3});
  layer(x).sum().backward();
  ASSERT_TRUE(original.grad().defined());
  EXPECT_EQ(original.grad().tril(-1).abs().sum().item<float>(), 0);
  {
    const NoGradGuard no_grad;
    original.mul_(2);
  }
  EXPECT_TRUE(layer(x).allclose(linear(x, symmetric(before).mul(2), layer->bias)));
  EXPECT_TRUE(layer->weight.allclose(symmetric(before).mul(2)));
  nn::Sequential net(layer);
  EXPECT_TRUE(same_bits(net(x), layer(x)));
}

TEST(Parametrize, Chains) {
  nn::Linear layer(2, 2);
  parametrize::register_parametrization(layer, "weight", Symmetric());
  const Tensor first = layer->weight.detach().clone();
  EXPECT_ERROR(ShapeError,
               parametrize::register_parametrization(
                   layer, "weight", nn::Flatten(nn::FlattenOptions().start_dim(0))),
               "may not change the shape of the tensor");
  parametrize::register_parametrization(*layer, "weight", Positive());
  layer(ones({1, 2}));
  EXPECT_TRUE(layer->weight.allclose(first.exp()));
  EXPECT_ERROR(Error, parametrize::assign(layer, "weight", ones({2, 2})),
               "does not implement right_inverse");
}

TEST(Parametrize, SeveralOriginals) {
  nn::Linear layer(3, 2);
  const Tensor before = layer->weight.detach().clone();
  parametrize::register_parametrization(layer, "weight", RankOne());
  EXPECT_EQ(layer->state_dict().keys(),
            (Names{"bias", "parametrizations.weight.original0", "parametrizations.weight.original1",
                   "parametrizations.weight.0.scale"}));
  layer(ones({1, 3})).sum().backward();
  EXPECT_TRUE(layer->weight.allclose(before.narrow(1, 0, 1).expand({2, 3})));
  for (const auto& item : layer->named_parameters()) {
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
  EXPECT_ERROR(Error, parametrize::remove_parametrizations(layer, "weight", false),
               "Cannot leave unparametrized");
  parametrize::remove_parametrizations(layer, "weight");
  EXPECT_EQ(layer->state_dict().keys(), (Names{"bias", "weight"}));
  EXPECT_TRUE(layer->weight.is_leaf() && layer->weight.requires_grad());
  EXPECT_TRUE(layer->weight.allclose(before.narrow(1, 0, 1).expand({2, 3})));
}

TEST(Parametrize, Removes) {
  for (const bool leave : {true, false}) {
    nn::Linear layer(3, 3);
    const Tensor own = layer->weight, before = own.clone();
    parametrize::register_parametrization(layer, "weight", Symmetric());
    parametrize::remove_parametrizations(layer, "weight", leave);
    EXPECT_FALSE(parametrize::is_parametrized(layer));
    EXPECT_TRUE(layer->weight.is_same(own) && layer->get_parameter("weight").is_same(own));
    EXPECT_TRUE(same_bits(own, leave ? symmetric(before) : before.triu()));
    EXPECT_EQ(layer->named_children().size(), 0U);
    const Tensor x = randn({2, 3});
    EXPECT_TRUE(same_bits(layer(x), linear(x, own, layer->bias)));
    EXPECT_ERROR(Error, parametrize::remove_parametrizations(layer, "weight"),
                 "does not have a parametrization on weight");
  }
}

TEST(Parametrize, Assigns) {
  nn::Linear layer(2, 2);
  parametrize::register_parametrization(layer, "weight", Symmetric());
  const Tensor value = tensor({1.f, 2.f, 2.f, 3.f}).view({2, 2});
  parametrize::assign(layer, "weight", value);
  EXPECT_TRUE(same_bits(layer->weight, value));
  EXPECT_TRUE(same_bits(layer->get_parameter("parametrizations.weight.original"), value.triu()));
  EXPECT_ERROR(DTypeError, parametrize::assign(layer, "weight", value.to(kDouble)), "has dtype");
}

TEST(Parametrize, CachesWithinAScope) {
  nn::Linear layer(3, 3);
  Symmetric symmetric_of;
  parametrize::register_parametrization(layer, "weight", symmetric_of);
  const Tensor x = randn({1, 3});
  const int before = symmetric_of->calls;
  {
    const parametrize::cached outer;
    layer(x);
    const parametrize::cached inner;
    layer(x).sum().backward();
    EXPECT_EQ(symmetric_of->calls, before + 1);
  }
  layer(x);
  {
    const parametrize::cached again;
    layer(x);
  }
  EXPECT_EQ(symmetric_of->calls, before + 3);
}

TEST(Parametrize, RefusesWhatDoesNotFit) {
  nn::Linear layer(3, 2);
  const Tensor own = layer->weight, before = own.clone();
  EXPECT_ERROR(Error, parametrize::register_parametrization(layer, "weigth", Symmetric()),
               "does not have a parameter, a buffer, or a parametrized element with name 'weigth'");
  EXPECT_ERROR(ShapeError,
               parametrize::register_parametrization(
                   layer, "weight", nn::Flatten(nn::FlattenOptions().start_dim(0))),
               "may not change the shape");
  EXPECT_ERROR(Error, parametrize::register_parametrization(layer, "weight", nn::LSTM(3, 3)),
               "A parametrization must return a tensor");
  EXPECT_ERROR(Error, parametrize::register_parametrization(layer, "weight", Symmetric()), "");
  EXPECT_TRUE(layer->weight.is_same(own) && same_bits(own, before));
  EXPECT_EQ(layer->state_dict().keys(), (Names{"weight", "bias"}));
  nn::Linear without(nn::LinearOptions(3, 2).bias(false));
  EXPECT_ERROR(Error, parametrize::register_parametrization(without, "bias", Positive()),
               "does not have a parameter");
  nn::ParameterList list(ones({2}));
  EXPECT_ERROR(Error, parametrize::register_parametrization(list, "0", Positive()),
               "is read by name");
  EXPECT_ERROR(Error,
               (parametrize::register_parametrization(layer, "weight", Positive()),
                layer->register_parameter("weight", ones({2}))),
               "attribute 'weight' already exists");
  EXPECT_NO_THROW(
      parametrize::register_parametrization(nn::Linear(3, 2), "weight", nn::Flatten(), true));
}

TEST(Parametrize, PartsThatWereTakenAway) {
  const Tensor x = ones({1, 2});
  nn::Linear layer(2, 2);
  parametrize::register_parametrization(layer, "weight", Symmetric());
  layer->get_submodule("parametrizations")->replace_module("weight", nn::Identity());
  EXPECT_ERROR(Error, layer(x), "does not have a parametrization on weight");
  layer->unregister_module("parametrizations");
  EXPECT_ERROR(Error, layer(x), "has no attribute");
  nn::Linear normed(2, 2);
  nn::utils::weight_norm(normed);
  normed->unregister_parameter("weight_g");
  EXPECT_ERROR(Error, normed(x), "Parameter 'weight_g' is not defined");
}

TEST(Parametrize, PrintsAsPython) {
  nn::Linear layer(2, 2);
  parametrize::register_parametrization(layer, "weight", Symmetric());
  std::ostringstream text;
  text << layer;
  EXPECT_EQ(text.str(),
            "taper::nn::ParametrizedLinear(in_features=2, out_features=2, bias=true)(\n"
            "  (parametrizations): taper::nn::ModuleDict(\n"
            "    (weight): taper::nn::utils::parametrize::ParametrizationList(\n"
            "      (0): Symmetric()\n"
            "    )\n"
            "  )\n"
            ")");
}

struct NetImpl : nn::Cloneable<NetImpl> {
  NetImpl() { NetImpl::reset(); }
  void reset() override {
    first = register_module("first", nn::Linear(3, 3));
    second = register_module("second", nn::Linear(3, 3));
  }
  Tensor forward(const Tensor& x) { return second(first(x)); }
  nn::Linear first = nullptr, second = nullptr;
};
TAPER_MODULE(Net);

TEST(Parametrize, ClonesKeepParametrizations) {
  Net net;
  parametrize::register_parametrization(net->first, "weight", Symmetric());
  parametrize::register_parametrization(net->second, "weight", RankOne());
  nn::utils::weight_norm(net->second, "bias");
  const auto copy = std::dynamic_pointer_cast<NetImpl>(net->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->state_dict().keys(), net->state_dict().keys());
  const auto own = net->named_parameters();
  for (const auto& item : copy->named_parameters()) {
    EXPECT_TRUE(same_bits(item.value(), own[item.key()])) << item.key();
    EXPECT_FALSE(item.value().is_alias_of(own[item.key()])) << item.key();
  }
  const Tensor x = randn({2, 3}), y = net(x);
  EXPECT_TRUE(same_bits(copy->first->weight, net->first->weight)) << "also before its first call";
  nn::call(*copy, x).sum().backward();
  EXPECT_TRUE(same_bits(nn::call(*copy, x), y));
  for (const auto& item : own) EXPECT_FALSE(item.value().grad().defined()) << item.key();
  for (const auto& item : copy->named_parameters()) {
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
  parametrize::remove_parametrizations(copy->first, "weight");
  EXPECT_TRUE(parametrize::is_parametrized(net->first));
  net = nullptr;
  EXPECT_TRUE(nn::call(*copy, x).allclose(y));
}

TEST(Parametrize, StateDictsMoveAndConvert) {
  Net from, to;
  for (Net* net : {&from, &to}) {
    parametrize::register_parametrization((*net)->first, "weight", Symmetric());
  }
  EXPECT_EQ(from->state_dict().keys(),
            (Names{"first.bias", "first.parametrizations.weight.original", "second.weight",
                   "second.bias"}));
  to->load_state_dict(from->state_dict());
  const Tensor x = randn({2, 3});
  EXPECT_TRUE(same_bits(to(x), from(x)));
  to->to(kDouble);
  EXPECT_EQ(to->first->weight.scalar_type(), kDouble);
  EXPECT_TRUE(to(x.to(kDouble)).to(kFloat).allclose(from(x), 1e-4, 1e-5));
}

TEST(Parametrize, FunctionalCallsExchangeOriginals) {
  nn::Linear layer(nn::LinearOptions(2, 2).bias(false));
  parametrize::register_parametrization(layer, "weight", Symmetric());
  const Tensor given = randn({2, 2}).requires_grad_(), x = randn({3, 2});
  const nn::Module::TensorMap tensors{{"parametrizations.weight.original", given}};
  const Tensor y = nn::functional_call(layer, tensors, x);
  EXPECT_TRUE(y.allclose(x.mm(symmetric(given).t())));
  y.sum().backward();
  EXPECT_TRUE(given.grad().defined());
  EXPECT_FALSE(layer->get_parameter("parametrizations.weight.original").grad().defined());
}

TEST(Parametrize, WeightsThatOtherModulesRead) {
  nn::MultiheadAttention attention(4, 2);
  nn::utils::weight_norm(attention->out_proj);
  parametrize::register_parametrization(attention, "in_proj_weight", Positive());
  const Tensor x = randn({3, 1, 4});
  for (int i = 0; i < 2; ++i) {
    std::get<0>(attention(x, x, x)).sum().backward();  // a stale weight's graph would be gone
  }
  for (const auto& item : attention->named_parameters()) {
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
  nn::LSTM lstm(4, 3);
  nn::utils::weight_norm(lstm, "weight_hh_l0");
  std::get<0>(lstm(x)).sum().backward();
  EXPECT_TRUE(lstm->get_parameter("weight_hh_l0_g").grad().defined());
  EXPECT_EQ(lstm->named_parameters().keys(), (Names{"weight_ih_l0", "bias_ih_l0", "bias_hh_l0",
                                                    "weight_hh_l0_g", "weight_hh_l0_v"}));
}

TEST(ParametrizeThreads, CallsOfOneModule) {
  nn::Linear layer(8, 8);
  parametrize::register_parametrization(layer, "weight", Symmetric());
  const Tensor x = randn({4, 8}), expected = layer(x).detach();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const NoGradGuard no_grad;
      for (int i = 0; i < 50; ++i) wrong += !same_bits(layer(x), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace taper
