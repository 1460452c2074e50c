// Containers: Sequential, AnyModule, ModuleList, Functional.
#include "taper/nn/sequential.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/nn/activation.h"
#include "taper/nn/linear.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;

struct AddImpl : nn::Cloneable<AddImpl> {
  explicit AddImpl(double amount = 1) : amount(amount) {}
  void reset() override {}
  Tensor forward(const Tensor& x) { return x.add(amount); }
  double amount;
};
TAPER_MODULE(Add);

struct IntToFloatImpl : nn::Module {
  float forward(int x) { return static_cast<float>(x) + 0.5f; }
};
struct FloatToTextImpl : nn::Module {
  std::string forward(const float& x) { return std::to_string(x).substr(0, 3); }
};
struct SumImpl : nn::Module {
  double forward(double a, double b) { return a + b; }
};
/// Called with one tensor although forward takes more.
struct ScaledImpl : nn::Module {
  Tensor forward(const Tensor& x, double factor = 2) { return x.mul(factor); }
};

double value(const Tensor& t) { return t.item<double>(); }

TEST(Sequential, FeedsEachOutputToTheNext) {
  nn::Sequential net(Add(1), std::make_shared<AddImpl>(10), AddImpl(100), ScaledImpl());
  EXPECT_EQ(net->size(), 4u);
  EXPECT_EQ(value(net(zeros({}))), 222);
  EXPECT_EQ(value(net->forward(zeros({}))), 222);
  nn::Sequential outer(net, Add(1), nn::Sequential(Add(1)));
  EXPECT_EQ(value(outer(zeros({}))), 224);
}

TEST(Sequential, ValuesOfAnyType) {
  nn::Sequential net{IntToFloatImpl(), FloatToTextImpl()};
  EXPECT_EQ(net->forward<std::string>(3), "3.5");
  EXPECT_EQ(net.operator()<std::string>(4), "4.5");
  EXPECT_ERROR(Error, net->forward<float>(3), "The type of the return value is");
  EXPECT_ERROR(Error, net->forward<float>(3), ", but you asked for type float");
  EXPECT_ERROR(Error, net->forward<std::string>(3.0),
               "Expected argument #0 to be of type int, but received value of type double");
  EXPECT_ERROR(Error, net->forward(zeros({})), "Expected argument #0 to be of type int");
  nn::Sequential sum{SumImpl()};
  EXPECT_EQ(sum->forward<double>(1.0, 2.0), 3.0);
  EXPECT_ERROR(Error, sum->forward<double>(1.0),
               "forward() method expects 2 argument(s), but received 1");
}

TEST(Sequential, NamesAndAccess) {
  nn::Sequential net({{"first", Add(1)}, {"second", nn::Linear(1, 2)}});
  EXPECT_EQ(net->named_children().keys(), (Names{"first", "second"}));
  EXPECT_EQ(net->at<AddImpl>(0).amount, 1);
  EXPECT_EQ(net->ptr<nn::LinearImpl>(1)->options.out_features(), 2);
  EXPECT_EQ((*net)[1].get(), net->ptr(1).get());
  EXPECT_ERROR(IndexError, net->at<AddImpl>(2), "Index out of range");
  EXPECT_ERROR(IndexError, net->ptr(2), "Index out of range");
  EXPECT_ERROR(Error, net->at<AddImpl>(1), "Attempted to cast module of type");
  net->push_back("third", Add(5));
  net->push_back(Add(6));
  EXPECT_EQ(net->named_children().keys(), (Names{"first", "second", "third", "3"}));
  EXPECT_ERROR(Error, (net->push_back("third", Add(5)), 0), "Submodule 'third' already defined");
  EXPECT_EQ(net->size(), 4u);
  OrderedDict<std::string, nn::AnyModule> dict;
  dict.insert("a", nn::AnyModule(Add(1)));
  dict.insert("b", nn::AnyModule(Add(2)));
  nn::Sequential from_dict(std::move(dict));
  EXPECT_EQ(from_dict->named_children().keys(), (Names{"a", "b"}));
  nn::Sequential extended;
  extended->extend(*from_dict);
  EXPECT_EQ(value(extended(zeros({}))), 3);
  int modules = 0;
  for (nn::AnyModule& m : *extended) modules += m.ptr() != nullptr;
  EXPECT_EQ(modules, 2);
}

TEST(Sequential, EmptyOneCannotBeCalled) {
  nn::Sequential net;
  EXPECT_TRUE(net->is_empty());
  EXPECT_ERROR(Error, net(zeros({})), "Cannot call forward() on an empty Sequential");
  EXPECT_ERROR(Error, net->forward<int>(1), "Cannot call forward() on an empty Sequential");
}

TEST(Sequential, CloneCopiesItsModules) {
  nn::Sequential net(nn::Linear(2, 2), nn::ReLU());
  auto copy = std::dynamic_pointer_cast<nn::SequentialImpl>(net->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->named_parameters().keys(), (Names{"0.weight", "0.bias"}));
  const Tensor x = ones({1, 2});
  EXPECT_EQ(value(copy->forward(x).sub(net(x)).abs().sum()), 0);
  EXPECT_FALSE(copy->parameters()[0].is_alias_of(net->parameters()[0]));
}

TEST(AnyModule, HoldsAModuleOfAnyType) {
  nn::AnyModule none;
  EXPECT_TRUE(none.is_empty());
  EXPECT_ERROR(Error, none.forward(zeros({})), "Cannot call forward() on an empty AnyModule");
  EXPECT_ERROR(Error, none.ptr(), "Cannot call ptr() on an empty AnyModule");
  nn::AnyModule add(Add(3));
  EXPECT_EQ(value(add.forward(zeros({}))), 3);
  EXPECT_EQ(add.get<AddImpl>().amount, 3);
  EXPECT_EQ(add.get<Add>()->amount, 3);
  EXPECT_EQ(add.type_info(), typeid(AddImpl));
  EXPECT_ERROR(Error, add.get<nn::LinearImpl>(), "to type taper::nn::LinearImpl");
  nn::AnyModule copy = add.clone();
  copy.get<AddImpl>().amount = 4;
  EXPECT_EQ(value(add.forward(zeros({}))), 3);
  EXPECT_EQ(value(copy.forward(zeros({}))), 4);
  nn::AnyModule sum(std::make_shared<SumImpl>());
  EXPECT_EQ(sum.forward<double>(1.5, 2.0), 3.5);
  EXPECT_ERROR(Error, sum.forward<int>(1.5, 2.0), "Attempted to cast AnyValue to int");
}

TEST(ModuleList, ListsModules) {
  nn::ModuleList list(Add(0), nn::Linear(1, 1));
  list->push_back(Add(2));
  list->insert(1, Add(1));
  EXPECT_EQ(list->size(), 4u);
  EXPECT_EQ(list->named_children().keys(), (Names{"0", "1", "2", "3"}));
  EXPECT_EQ(list->at<AddImpl>(1).amount, 1);
  EXPECT_EQ(list->at<AddImpl>(3).amount, 2);
  EXPECT_EQ(list->named_parameters().keys(), (Names{"2.weight", "2.bias"}));
  list->insert(4, Add(4));
  EXPECT_EQ(list->at<AddImpl>(4).amount, 4);
  EXPECT_ERROR(IndexError, list->ptr(5), "Index out of range");
  EXPECT_ERROR(IndexError, (list->insert(6, Add()), 0), "Index out of range");
  EXPECT_ERROR(Error, list->at<AddImpl>(2), "Unable to cast module[2] to");
  int modules = 0;
  for (const auto& m : *list) modules += m != nullptr;
  EXPECT_EQ(modules, 5);
  nn::ModuleList more;
  more->extend(*list);
  EXPECT_EQ((*more)[0].get(), (*list)[0].get());
}

TEST(Functional, WrapsAFunction) {
  const auto shift = [](Tensor x, double by) { return x.add(by); };
  nn::Sequential net(nn::Functional(shift, 2.0), nn::Functional([](Tensor x) { return x.mul(3); }));
  EXPECT_EQ(value(net(ones({}))), 9);
  EXPECT_TRUE(net->parameters().empty());
  EXPECT_FALSE((*net)[0]->is_serializable());
}

}  // namespace
}  // namespace taper
