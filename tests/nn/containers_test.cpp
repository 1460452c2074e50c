// ModuleList, ModuleDict, ParameterList, ParameterDict; Parameter and Buffer; what Sequential has
// of Python's lists.
#include "taper/nn/containers.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/linear.h"
#include "taper/nn/sequential.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;
using ModulePtr = std::shared_ptr<nn::Module>;

struct AddImpl : nn::Cloneable<AddImpl> {
  explicit AddImpl(double amount = 1) : amount(amount) {}
  void reset() override {}
  Tensor forward(const Tensor& x) { return x.add(amount); }
  double amount;
};
TAPER_MODULE(Add);

double amount(const ModulePtr& module) { return module->as<AddImpl>()->amount; }
std::vector<double> amounts(const nn::ModuleListImpl& list) {
  std::vector<double> result;
  for (const ModulePtr& module : list) result.push_back(amount(module));
  return result;
}
std::vector<double> amounts(const nn::SequentialImpl& list) {
  std::vector<double> result;
  for (const nn::AnyModule& module : list) result.push_back(amount(module.ptr()));
  return result;
}
template <class M>
std::string text(const M& module) {
  std::ostringstream out;
  out << module;
  return out.str();
}
using Amounts = std::vector<double>;

TEST(ModuleList, IsChangedLikeAList) {
  nn::ModuleList list(Add(0), Add(1), Add(2), Add(3));
  EXPECT_EQ(amount((*list)[-1]), 3);
  EXPECT_EQ(amount(list->pop(1)), 1);
  EXPECT_EQ(amounts(*list), (Amounts{0, 2, 3}));
  EXPECT_EQ(list->named_children().keys(), (Names{"0", "1", "2"}));
  list->set(-1, Add(9));
  EXPECT_EQ(amounts(*list), (Amounts{0, 2, 9}));
  EXPECT_EQ(amount(list->named_children()["2"]), 9);
  list->erase(0);
  EXPECT_EQ(amounts(*list), (Amounts{2, 9}));
  list->insert(-1, Add(4));
  EXPECT_EQ(amounts(*list), (Amounts{2, 4, 9}));
  list->append(Add(5));
  EXPECT_EQ(amounts(*list), (Amounts{2, 4, 9, 5}));
  EXPECT_ERROR(IndexError, (*list)[7], "index 7 is out of range");
  EXPECT_ERROR(IndexError, (*list)[-5], "index -5 is out of range");
  EXPECT_ERROR(IndexError, (list->insert(5, Add()), 0), "Index out of range: 5");
  list->replace_module("1", std::make_shared<AddImpl>(6));
  EXPECT_EQ(amount((*list)[1]), 6);
  list->unregister_module("0");
  EXPECT_EQ(amounts(*list), (Amounts{6, 9, 5}));
}

TEST(ModuleList, SlicesAndSumsShareModules) {
  nn::ModuleList list(Add(0), Add(1), Add(2), Add(3));
  const nn::ModuleList middle = list->slice(1, 3);
  EXPECT_EQ(amounts(*middle), (Amounts{1, 2}));
  EXPECT_EQ(middle->named_children().keys(), (Names{"0", "1"}));
  EXPECT_EQ((*middle)[0], (*list)[1]);
  EXPECT_EQ(amounts(*list->slice(0, INT64_MAX, 2)), (Amounts{0, 2}));
  EXPECT_EQ(amounts(*list->slice(-1, INT64_MIN, -1)), (Amounts{3, 2, 1, 0}));
  EXPECT_EQ(amounts(*list->slice(-2, 100)), (Amounts{2, 3}));
  EXPECT_EQ(list->slice(3, 1)->size(), 0u);
  EXPECT_EQ(nn::ModuleList()->slice(0, 5, -2)->size(), 0u);
  EXPECT_ERROR(Error, list->slice(0, 2, 0), "slice step cannot be zero");
  const nn::ModuleList both = middle + middle;
  EXPECT_EQ(amounts(*both), (Amounts{1, 2, 1, 2}));
  list += list;
  EXPECT_EQ(list->size(), 8u);
}

TEST(ModuleList, PrintsRunsOfEqualModulesOnce) {
  EXPECT_EQ(text(nn::ModuleList()), "taper::nn::ModuleList()");
  const nn::ModuleList list(nn::Linear(1, 2), nn::Linear(1, 2), nn::Identity(),
                            nn::Sequential(nn::Identity()), nn::Sequential(nn::Identity()));
  EXPECT_EQ(text(list),
            "taper::nn::ModuleList(\n"
            "  (0-1): 2 x taper::nn::Linear(in_features=1, out_features=2, bias=true)\n"
            "  (2): taper::nn::Identity()\n"
            "  (3-4): 2 x taper::nn::Sequential(\n"
            "    (0): taper::nn::Identity()\n"
            "  )\n"
            ")");
}

TEST(Sequential, IsChangedLikeAList) {
  nn::Sequential net(Add(1), Add(10), Add(100));
  const auto value = [&] { return net(zeros({})).item<double>(); };
  net->insert(1, Add(1000));
  EXPECT_EQ(amounts(*net), (Amounts{1, 1000, 10, 100}));
  EXPECT_EQ(value(), 1111);
  net->set(-1, Add(5));
  EXPECT_EQ(value(), 1016);
  EXPECT_EQ(net->pop(0).get<AddImpl>().amount, 1);
  net->erase(-1);
  EXPECT_EQ(amounts(*net), (Amounts{1000, 10}));
  EXPECT_EQ(net->named_children().keys(), (Names{"0", "1"}));
  EXPECT_ERROR(IndexError, net->ptr(5), "index 5 is out of range");
  EXPECT_ERROR(IndexError, (net->insert(4, Add()), 0), "Index out of range: 4");
  net->append(Add(1));
  EXPECT_EQ(value(), 1011);
}

TEST(Sequential, SlicesAndSumsShareModules) {
  nn::Sequential net({{"a", Add(1)}, {"b", Add(2)}, {"c", Add(4)}});
  const nn::Sequential part = net->slice(1);
  EXPECT_EQ(part->named_children().keys(), (Names{"b", "c"}));
  EXPECT_EQ(part->ptr(0), net->ptr(1));
  EXPECT_EQ(amounts(*net->slice(-1)), Amounts{4});
  nn::Sequential sum = net + part;
  EXPECT_EQ(sum->named_children().keys().size(), 3u);  // named_children lists what is shared once
  EXPECT_EQ(sum->size(), 5u);
  EXPECT_EQ(sum(zeros({})).item<double>(), 13);
  EXPECT_EQ((2 * part)(zeros({})).item<double>(), 12);
  nn::Sequential twice(Add(3));
  twice *= 3;
  EXPECT_EQ(twice(zeros({})).item<double>(), 9);
  twice += twice;
  EXPECT_EQ(twice->size(), 6u);
  EXPECT_ERROR(Error, twice * 0, "Non-positive multiplication factor 0 for");
}

TEST(Sequential, FollowsItsRegisteredChildren) {
  nn::Sequential net(Add(1), nn::Identity());
  net->replace_module("0", Add(5));
  EXPECT_EQ(net(zeros({})).item<double>(), 5);
  net->set_submodule("1", Add(2));
  EXPECT_EQ(net(zeros({})).item<double>(), 7);
  net->unregister_module("0");
  EXPECT_EQ(net(zeros({})).item<double>(), 2);
  // What is known only as a Module is called as the module of its type that is there.
  net->replace_module("1", ModulePtr(std::make_shared<AddImpl>(4)));
  EXPECT_EQ(net(zeros({})).item<double>(), 4);
  EXPECT_ERROR(Error, net->replace_module("1", ModulePtr(nn::Linear(1, 1).ptr())),
               "the forward() of a taper::nn::LinearImpl is not known here");
  EXPECT_EQ(net(zeros({})).item<double>(), 4);
  EXPECT_EQ(amount(net->named_children()["1"]), 4);
}

TEST(ModuleDict, KeepsTheOrderOfInsertion) {
  nn::ModuleDict dict({{"conv", Add(1)}, {"pool", std::make_shared<AddImpl>(2)}});
  EXPECT_EQ(dict->keys(), (Names{"conv", "pool"}));
  dict->update({{"pool", Add(3)}, {"act", nn::Linear(1, 2)}, {"conv", Add(4)}});
  EXPECT_EQ(dict->keys(), (Names{"conv", "pool", "act"}));
  EXPECT_EQ(amount((*dict)["conv"]), 4);
  EXPECT_EQ(dict->at<AddImpl>("pool").amount, 3);
  EXPECT_EQ(dict->named_parameters().keys(), (Names{"act.weight", "act.bias"}));
  EXPECT_TRUE(dict->contains("act"));
  EXPECT_EQ(dict->size(), 3u);
  Names iterated;
  for (const auto& item : *dict) iterated.push_back(item.key());
  EXPECT_EQ(iterated, dict->keys());
  EXPECT_EQ(dict->items()[1].second, dict->values()[1]);
  EXPECT_ERROR(Error, (*dict)["zz"], "Key 'zz' is not defined");
  EXPECT_ERROR(Error, dict->at<AddImpl>("act"), "Unable to cast module[act] to");
  EXPECT_ERROR(Error, (dict->set("a.b", Add()), 0),
               "Submodule name must not contain a dot (got 'a.b')");
  EXPECT_ERROR(Error, (dict->set("", Add()), 0), "Submodule name must not be empty");
}

TEST(ModuleDict, PopAndClearUnregister) {
  nn::ModuleDict dict({{"a", nn::Linear(1, 1)}, {"b", Add(2)}});
  EXPECT_EQ(amount(dict->pop("b")), 2);
  EXPECT_EQ(dict->named_children().keys(), Names{"a"});
  EXPECT_ERROR(Error, dict->pop("b"), "Key 'b' is not defined");
  dict->clear();
  EXPECT_TRUE(dict->empty());
  EXPECT_TRUE(dict->parameters().empty());
  nn::ModuleDict other;
  other->update(
      std::vector<std::pair<std::string, ModulePtr>>{{"x", std::make_shared<AddImpl>(7)}});
  dict->update(*other);
  EXPECT_EQ((*dict)["x"], (*other)["x"]);
  EXPECT_EQ(text(dict).substr(0, 29), "taper::nn::ModuleDict(\n  (x):");
  EXPECT_EQ(text(nn::ModuleDict()), "taper::nn::ModuleDict()");
}

TEST(ParameterList, HoldsParameters) {
  nn::ParameterList list(ones({2, 3}), nn::Parameter(zeros({2}), false));
  EXPECT_EQ(list->named_parameters().keys(), (Names{"0", "1"}));
  EXPECT_TRUE((*list)[0].requires_grad());
  EXPECT_FALSE(list->at(-1).requires_grad());
  const Tensor leaf = ones({1}).requires_grad_();
  list->append(leaf);
  EXPECT_TRUE((*list)[2].is_same(leaf));
  const Tensor made = leaf * 2;
  list->append(made);
  EXPECT_TRUE((*list)[3].is_leaf());
  EXPECT_TRUE((*list)[3].is_alias_of(made));
  EXPECT_EQ(list->size(), 4u);
  list->set(0, full({1}, 3.0));
  EXPECT_EQ((*list)[0].item<double>(), 3);
  EXPECT_TRUE(list->parameters()[0].is_same((*list)[0]));
  const nn::ParameterList part = list->slice(1, 3);
  EXPECT_TRUE((*part)[1].is_same(leaf));
  EXPECT_FALSE((*part)[0].requires_grad());
  *list += *part;
  EXPECT_EQ(list->size(), 6u);
  list->extend(std::vector<Tensor>{ones({1}), ones({1})});
  int items = 0;
  for (const auto& item : *list) items += item.value().defined();
  EXPECT_EQ(items, 8);
  EXPECT_ERROR(IndexError, list->at(8), "index 8 is out of range");
  EXPECT_ERROR(DTypeError, (list->append(ones({1}, kLong)), 0),
               "Only Tensors of floating point and complex dtype can require gradients");
}

TEST(ParameterList, PrintsItsParameters) {
  const nn::ParameterList one(ones({2, 3})), two(ones({2, 3}), ones({2}, kDouble));
  EXPECT_EQ(text(one),
            "taper::nn::ParameterList(  (0): Parameter containing: [torch.float32 of size 2x3])");
  EXPECT_EQ(text(two),
            "taper::nn::ParameterList(\n"
            "    (0): Parameter containing: [torch.float32 of size 2x3]\n"
            "    (1): Parameter containing: [torch.float64 of size 2]\n"
            ")");
  EXPECT_EQ(text(nn::ParameterDict()), "taper::nn::ParameterDict()");
}

TEST(ParameterDict, IsADictionaryOfParameters) {
  nn::ParameterDict dict;
  dict->insert("left", ones({2}));
  dict->insert("frozen", nn::Parameter(ones({2}), false));
  EXPECT_TRUE((*dict)["left"].requires_grad());
  EXPECT_FALSE((*dict)["frozen"].requires_grad());
  EXPECT_ERROR(Error, dict->insert("left", ones({1})), "Parameter 'left' already defined");
  dict->set("left", zeros({3}));
  EXPECT_EQ(dict->keys(), (Names{"left", "frozen"}));
  EXPECT_EQ((*dict)["left"].numel(), 3);
  EXPECT_FALSE(dict->get("none").defined());
  EXPECT_EQ(dict->get("none", ones({4})).numel(), 4);
  EXPECT_EQ(dict->setdefault("new", ones({5})).numel(), 5);
  EXPECT_EQ(dict->setdefault("new", ones({6})).numel(), 5);
  EXPECT_TRUE(dict->contains("new"));
  EXPECT_EQ(dict->popitem().first, "new");
  EXPECT_EQ(dict->pop("left").numel(), 3);
  EXPECT_EQ(dict->named_parameters().keys(), Names{"frozen"});
  EXPECT_ERROR(Error, (*dict)["x"], "Key 'x' is not defined");
  nn::ParameterDict other;
  other->update(*dict);
  EXPECT_EQ(other->items()[0].first, "frozen");
  EXPECT_TRUE((*other)["frozen"].is_same((*dict)["frozen"]));
  EXPECT_FALSE((*other)["frozen"].requires_grad());
  EXPECT_EQ(other->values().size(), 1u);
  dict->clear();
  EXPECT_TRUE(dict->empty());
  EXPECT_ERROR(Error, dict->popitem(), "popitem() on an empty dictionary");
  EXPECT_EQ(other->size(), 1u);
}

TEST(Containers, ClonesAreDeep) {
  nn::ParameterList list(ones({2}), nn::Parameter(ones({1}), false));
  const Tensor shared = (*list)[0];
  nn::ParameterDict dict;
  dict->insert("tied", shared);
  nn::ModuleDict root({{"list", list}, {"dict", dict}, {"again", list}});
  root->eval();
  const auto copy = std::dynamic_pointer_cast<nn::ModuleDictImpl>(root->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_FALSE(copy->is_training());
  EXPECT_EQ(copy->keys(), root->keys());
  const Tensor copied = copy->get_parameter("list.0");
  EXPECT_FALSE(copied.is_alias_of(shared));
  EXPECT_TRUE(copied.requires_grad());
  EXPECT_FALSE(copy->get_parameter("list.1").requires_grad());
  // The tie and the submodule that stands twice are kept.
  EXPECT_TRUE(copy->get_parameter("dict.tied").is_same(copied));
  EXPECT_EQ((*copy)["again"], (*copy)["list"]);
  EXPECT_EQ(copy->parameters().size(), 2u);
}

TEST(Parameter, IsALeafThatSharesMemory) {
  const Tensor leaf = ones({2}).requires_grad_();
  const Tensor made = leaf * 3;
  nn::Parameter p(made);
  EXPECT_TRUE(p.is_leaf());
  EXPECT_TRUE(p.requires_grad());
  EXPECT_TRUE(p.is_alias_of(made));
  NoGradGuard no_grad;
  EXPECT_TRUE(nn::Parameter(zeros({1})).requires_grad());
  EXPECT_EQ(nn::Parameter().sizes(), IntArrayRef({0}));
  EXPECT_ERROR(DTypeError, nn::Parameter(ones({1}, kLong)),
               "Only Tensors of floating point and complex dtype can require gradients");
  EXPECT_FALSE(nn::Parameter(ones({1}, kLong), false).requires_grad());
}

TEST(Buffer, IsStateThatIsNotTrained) {
  struct StatsImpl : nn::Module {};
  StatsImpl m;
  m.register_buffer("kept", nn::Buffer(ones({2})));
  m.register_buffer("scratch", nn::Buffer(ones({2}).requires_grad_(), false));
  m.register_parameter("w", nn::Parameter(ones({1})));
  m.register_parameter("frozen", nn::Parameter(ones({1}), false));
  EXPECT_TRUE(m.is_persistent_buffer("kept"));
  EXPECT_FALSE(m.is_persistent_buffer("scratch"));
  EXPECT_TRUE(m.get_buffer("scratch").requires_grad());
  EXPECT_EQ(m.named_parameters().keys(), (Names{"w", "frozen"}));
  EXPECT_FALSE(m.get_parameter("frozen").requires_grad());
  EXPECT_EQ(nn::Buffer().numel(), 0);
}

}  // namespace
}  // namespace taper
