// Calls of modules with other tensors than their own.
#include "taper/nn/functional_call.h"

#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/nn/attention.h"
#include "taper/nn/containers.h"
#include "taper/nn/linear.h"
#include "taper/nn/loss.h"
#include "taper/nn/normalization.h"
#include "taper/nn/recurrent.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper {
namespace {

using testing::same_bits;
using Dict = nn::Module::TensorMap;

/// Every parameter and buffer of a module, in other memory.
Dict copies(const nn::Module& module) {
  Dict result;
  for (const auto& item : module.named_parameters()) {
    result.insert(item.key(), item.value().detach().mul(2).add(0.5).requires_grad_());
  }
  for (const auto& item : module.named_buffers()) {
    result.insert(item.key(), item.value().clone());
  }
  return result;
}

/// Loads the dict instead, and gives the module its own tensors back.
template <class M, class... Args>
auto with_loaded(M& module, const Dict& tensors, const Args&... args) {
  Dict before;
  for (const auto& item : module->state_dict()) before.insert(item.key(), item.value().clone());
  nn::StateDict given;
  for (const auto& item : tensors) given.set(item.key(), item.value().detach());
  module->load_state_dict(given);
  auto result = module(args...);
  nn::StateDict own;
  for (const auto& item : before) own.set(item.key(), item.value());
  module->load_state_dict(own);
  return result;
}

TEST(FunctionalCall, UsesTheGivenTensors) {
  nn::Linear layer(3, 2);
  const Tensor weight = layer->weight, x = randn({4, 3});
  const Tensor before = weight.clone();
  const Tensor w = randn({2, 3}).requires_grad_(), b = randn({2}).requires_grad_();
  const Tensor y = nn::functional_call(layer, Dict{{"weight", w}, {"bias", b}}, x);
  EXPECT_TRUE(same_bits(y, linear(x, w, b)));
  y.sum().backward();
  EXPECT_TRUE(w.grad().defined() && b.grad().defined());
  EXPECT_FALSE(layer->weight.grad().defined());
  EXPECT_TRUE(layer->weight.is_same(weight) && layer->get_parameter("weight").is_same(weight));
  EXPECT_TRUE(same_bits(weight, before));
}

TEST(FunctionalCall, LeavesOutWhatIsNotGiven) {
  nn::Linear layer(3, 2);
  const Tensor x = randn({4, 3}), w = randn({2, 3});
  EXPECT_TRUE(same_bits(nn::functional_call(*layer, Dict{{"weight", w}, {"other", w}}, x),
                        linear(x, w, layer->bias)));
}

TEST(FunctionalCall, TakesComputedTensors) {
  nn::Linear layer(3, 2);
  const Tensor flat = randn({8}).requires_grad_(), x = randn({4, 3});
  const Dict tensors{{"weight", flat.narrow(0, 0, 6).view({2, 3})}, {"bias", flat.narrow(0, 6, 2)}};
  const Tensor y = nn::functional_call(layer, tensors, x);
  y.square().sum().backward();
  ASSERT_TRUE(flat.grad().defined());
  EXPECT_GT(flat.grad().abs().min().item<double>(), 0);
}

TEST(FunctionalCall, SecondDerivatives) {
  nn::Linear layer(nn::LinearOptions(3, 1).bias(false));
  const Tensor w = randn({1, 3}).requires_grad_(), x = randn({5, 3});
  const Tensor loss = nn::functional_call(layer, Dict{{"weight", w}}, x).square().sum();
  const Tensor inner = autograd::grad({loss}, {w}, {}, true, true)[0];
  const Tensor stepped = w.sub(inner.mul(0.1));
  nn::functional_call(layer, Dict{{"weight", stepped}}, x).square().sum().backward();
  const Tensor gram = x.t().mm(x).mul(2), step = eye(3).sub(gram.mul(0.1));
  const Tensor expected = stepped.detach().mm(gram).mm(step);
  EXPECT_TRUE(w.grad().allclose(expected, 1e-4, 1e-4));
}

TEST(FunctionalCall, WholeNetworks) {
  nn::Sequential net(nn::Linear(4, 6), nn::BatchNorm1d(6), nn::Functional(relu), nn::Linear(6, 2));
  const Dict tensors = copies(*net);
  const Tensor x = randn({5, 4});
  const auto own = [&] { return net->get_buffer("1.running_mean").clone(); };
  const Tensor mean = own();
  const Tensor y = nn::functional_call(net, tensors, x);
  EXPECT_TRUE(same_bits(own(), mean));
  EXPECT_FALSE(same_bits(tensors["1.running_mean"], mean)) << "the given buffer is written";
  Dict again = copies(*net);
  EXPECT_TRUE(same_bits(y, with_loaded(net, again, x)));
}

TEST(FunctionalCall, EveryKindOfLayer) {
  const Tensor x = randn({5, 2, 4});
  nn::LSTM lstm(nn::LSTMOptions(4, 3).num_layers(2).bidirectional(true));
  EXPECT_TRUE(same_bits(std::get<0>(nn::functional_call(lstm, copies(*lstm), x)),
                        std::get<0>(with_loaded(lstm, copies(*lstm), x))));
  nn::MultiheadAttention attention(4, 2);
  EXPECT_TRUE(same_bits(std::get<0>(nn::functional_call(attention, copies(*attention), x, x, x)),
                        std::get<0>(with_loaded(attention, copies(*attention), x, x, x))));
  nn::BCELoss loss(nn::BCELossOptions().weight(full({3}, 2.0)));
  const Tensor p = rand({3});
  EXPECT_TRUE(same_bits(nn::functional_call(loss, Dict{{"weight", ones({3})}}, p, ones({3})),
                        nn::BCELoss()(p, ones({3}))));
}

struct TiedImpl : nn::Cloneable<TiedImpl> {
  TiedImpl() { TiedImpl::reset(); }
  void reset() override {
    first = register_module("first", nn::Linear(nn::LinearOptions(2, 2).bias(false)));
    second = register_module("second", nn::Linear(nn::LinearOptions(2, 2).bias(false)));
    second->weight = second->replace_parameter("weight", first->weight);
    list = register_module("list", nn::ParameterList(ones({2})));
    register_parameter("scale", &scale, ones({2}));
  }
  Tensor forward(const Tensor& x) {
    if (fails) TAPER_CHECK(false, "as it was told");
    return second(first(x)).mul(scale).add(list->at(0));
  }
  nn::Linear first = nullptr, second = nullptr;
  nn::ParameterList list = nullptr;
  Tensor scale;
  bool fails = false;
};
TAPER_MODULE(Tied);

TEST(FunctionalCall, TiedTensorsAreExchangedTogether) {
  Tied net;
  const Tensor x = randn({3, 2}), w = randn({2, 2}), s = randn({2}), l = randn({2});
  const Tensor expected = x.mm(w.t()).mm(w.t()).mul(s).add(l);
  const Dict tensors{{"first.weight", w}, {"scale", s}, {"list.0", l}};
  EXPECT_TRUE(nn::functional_call(net, tensors, x).allclose(expected));
  EXPECT_TRUE(nn::functional_call(net, Dict{{"second.weight", w}, {"scale", s}, {"list.0", l}}, x)
                  .allclose(expected));
  EXPECT_TRUE(nn::functional_call(net, tensors, nn::FunctionalCallOptions().strict(true), x)
                  .allclose(expected));
  EXPECT_ERROR(Error, nn::functional_call(net, Dict{{"first.weight", w}, {"second.weight", x}}, x),
               "got multiple values for keys ['first.weight', 'second.weight'], which are tied");
}

TEST(FunctionalCall, Strict) {
  nn::Linear layer(2, 2);
  const auto strict = nn::FunctionalCallOptions().strict(true);
  EXPECT_ERROR(Error,
               nn::functional_call(layer, Dict{{"weight", ones({2, 2})}, {"x.y", ones({1})}},
                                   strict, ones({2})),
               "Error(s) in reparametrizing for taper::nn::LinearImpl:\n\tUnexpected key(s): "
               "'x.y'.\n\tMissing key(s): 'bias'.");
}

TEST(FunctionalCall, PutsEverythingBackAfterAnError) {
  Tied net;
  const Dict before = net->named_parameters();
  net->fails = true;
  EXPECT_ERROR(Error, nn::functional_call(net, copies(*net), ones({1, 2})), "as it was told");
  for (const auto& item : net->named_parameters()) {
    EXPECT_TRUE(item.value().is_same(before[item.key()])) << item.key();
  }
  EXPECT_TRUE(net->second->weight.is_same(net->first->weight));
  EXPECT_TRUE(net->scale.is_same(before["scale"]));
}

struct UnknownImpl : nn::Module {
  UnknownImpl() { w = register_parameter("w", ones({2})); }
  Tensor forward(const Tensor& x) { return x.mul(w); }
  Tensor w;
};

TEST(FunctionalCall, MembersMustBeKnown) {
  UnknownImpl module;
  EXPECT_ERROR(Error, nn::functional_call(module, Dict{{"w", zeros({2})}}, ones({2})),
               "keeps 'w' in a member that is not known");
  nn::Linear layer(2, 2);
  layer->weight = ones({2, 2});
  EXPECT_ERROR(Error, nn::functional_call(layer, Dict{{"weight", ones({2, 2})}}, ones({2})),
               "holds another tensor than the registered one");
}

TEST(FunctionalCall, CopiesOfModulesHaveTheirOwnMembers) {
  nn::LinearImpl original(2, 2);
  nn::LinearImpl copy(original);
  const Tensor x = ones({1, 2}), w = randn({2, 2});
  EXPECT_TRUE(
      nn::functional_call(copy, Dict{{"weight", w}}, x).allclose(linear(x, w, original.bias)));
  const auto clone = std::dynamic_pointer_cast<TiedImpl>(Tied()->clone());
  EXPECT_TRUE(nn::functional_call(clone, Dict{{"first.weight", w}, {"list.0", zeros({2})}}, x)
                  .allclose(x.mm(w.t()).mm(w.t())));
  struct WiderImpl : nn::LinearImpl {
    using LinearImpl::LinearImpl;
    int64_t more[4] = {};
  };
  const WiderImpl wider(2, 2);
  nn::LinearImpl sliced(wider);
  EXPECT_ERROR(Error, nn::functional_call(sliced, Dict{{"weight", w}}, x), "is not known");
  nn::Sequential net(nn::LinearImpl(2, 2));
  EXPECT_NO_THROW(nn::functional_call(net, Dict{{"0.weight", w}}, x));
}

TEST(FunctionalCall, RegistersMembers) {
  nn::LinearImpl module(2, 2);
  module.register_parameter("a", {}, /*requires_grad=*/false);  // LibTorch's form
  module.register_buffer("b", {}, /*persistent=*/false);
  EXPECT_ERROR(Error, module.register_parameter("c", static_cast<Tensor*>(nullptr), ones({1})),
               "the member of 'c' is null");
  EXPECT_ERROR(Error, module.register_buffer("c", static_cast<Tensor*>(nullptr), ones({1})),
               "the member of 'c' is null");
  Tensor d;
  EXPECT_ERROR(Error, module.register_parameter("weight", &d, ones({1})), "already defined");
  EXPECT_FALSE(d.defined());
}

TEST(FunctionalCall, ReplacingSetsTheMember) {
  nn::Linear first(2, 2), second(2, 2);
  second->replace_parameter("weight", first->weight);
  EXPECT_TRUE(second->weight.is_same(first->weight));
  nn::BatchNorm1d norm(2);
  const Tensor mean = ones({2});
  norm->replace_buffer("running_mean", mean);
  EXPECT_TRUE(norm->running_mean.is_same(mean));
  nn::functional_call(norm, Dict{{"running_mean", zeros({2})}}, randn({3, 2}));
  EXPECT_TRUE(mean.equal(ones({2})));
}

TEST(TensorExchange, LastsAsLongAsItLives) {
  nn::Linear layer(2, 2);
  const Tensor own = layer->weight, other = ones({2, 2});
  {
    const nn::TensorExchange exchange(*layer, Dict{{"weight", other}});
    EXPECT_TRUE(layer->weight.is_same(other) && layer->get_parameter("weight").is_same(other));
  }
  EXPECT_TRUE(layer->weight.is_same(own) && layer->get_parameter("weight").is_same(own));
}

}  // namespace
}  // namespace taper
