// Deep copies of modules: values, ties, what reset() must do.
#include <gtest/gtest.h>

#include "taper/nn/linear.h"
#include "taper/nn/normalization.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

struct LeafImpl : nn::Module {
  LeafImpl() {
    w = register_parameter("w", ones({2}));
    b = register_buffer("b", zeros({3}));
  }
  Tensor w, b;
};
TAPER_MODULE(Leaf);

struct PlainImpl : nn::Module {};

TEST(Clone, NeedsCloneable) {
  EXPECT_ERROR(Error, PlainImpl().clone(), "clone() has not been implemented for");
  EXPECT_ERROR(Error, PlainImpl().clone(), "Subclass taper::nn::Cloneable<");
}

struct ForgetfulImpl : nn::Cloneable<ForgetfulImpl> {
  ForgetfulImpl() { register_parameter("p", ones({1})); }
  void reset() override {}
};

struct PairImpl : nn::Cloneable<PairImpl> {
  PairImpl() { reset(); }
  void reset() override {
    first = register_module("first", nn::Linear(2, 3));
    second = register_module("second", nn::BatchNorm1d(3));
    scale = register_parameter("scale", ones({1}));
  }
  Tensor forward(const Tensor& x) { return second(first(x)).mul(scale); }
  nn::Linear first = nullptr;
  nn::BatchNorm1d second = nullptr;
  Tensor scale;
};
TAPER_MODULE(Pair);

TEST(Clone, CopiesDeeply) {
  Pair pair;
  pair->second->running_mean.fill_(5);
  pair->to(kDouble);
  pair->eval();
  auto copy = std::dynamic_pointer_cast<PairImpl>(pair->clone());
  ASSERT_NE(copy, nullptr);
  const auto from = pair->named_parameters(), to = copy->named_parameters();
  ASSERT_EQ(from.keys(), to.keys());
  for (const auto& item : from) {
    const Tensor& other = to[item.key()];
    EXPECT_FALSE(other.is_alias_of(item.value()));
    EXPECT_EQ(other.scalar_type(), kDouble);
    EXPECT_EQ(other.sub(item.value()).abs().sum().item<double>(), 0) << item.key();
    EXPECT_TRUE(other.requires_grad());
  }
  // The copy's members are its own registered tensors.
  EXPECT_TRUE(copy->first->weight.is_same(to["first.weight"]));
  EXPECT_EQ(copy->second->running_mean.sum().item<double>(), 15);
  EXPECT_FALSE(copy->second->is_training());
  const Tensor x = ones({4, 2}, kDouble);
  EXPECT_EQ(copy->forward(x).sub(pair(x)).abs().sum().item<double>(), 0);
  EXPECT_ERROR(Error, ForgetfulImpl().clone(),
               "The cloned module does not have the same number of parameters as the original "
               "module after calling reset()");
}

/// Its second layer's weight is its first one's, and so is the whole third layer.
struct TiedImpl : nn::Cloneable<TiedImpl> {
  TiedImpl() { reset(); }
  void reset() override {
    first = register_module("first", nn::Linear(2, 2));
    second = register_module("second", nn::Linear(2, 2));
    third = register_module("third", nn::Linear(2, 2));
    scale = register_parameter("scale", ones({2}));
    again = register_parameter("again", ones({2}));
  }
  nn::Linear first = nullptr, second = nullptr, third = nullptr;
  Tensor scale, again;
};
TAPER_MODULE(Tied);

TEST(Clone, KeepsTies) {
  Tied tied;
  tied->second->weight = tied->second->replace_parameter("weight", tied->first->weight);
  tied->third = tied->replace_module("third", tied->first);
  tied->again = tied->replace_parameter("again", tied->scale);
  const auto copy = std::dynamic_pointer_cast<TiedImpl>(tied->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_TRUE(copy->second->weight.is_same(copy->first->weight));
  EXPECT_TRUE(copy->get_parameter("second.weight").is_same(copy->first->weight));
  EXPECT_FALSE(copy->first->weight.is_alias_of(tied->first->weight));
  EXPECT_EQ(copy->first->weight.sub(tied->first->weight).abs().sum().item<double>(), 0);
  EXPECT_FALSE(copy->second->bias.is_same(copy->first->bias));
  EXPECT_EQ(copy->third.get(), copy->first.get());
  EXPECT_TRUE(copy->again.is_same(copy->scale));
  EXPECT_EQ(copy->parameters().size(), tied->parameters().size());
  EXPECT_EQ(copy->parameters().size(), 4u);
  // Two clones in one reset() are two modules.
  nn::ModuleList list(tied, tied->clone());
  EXPECT_EQ(list->parameters().size(), 8u);
}

struct LayersImpl : nn::Cloneable<LayersImpl> {
  explicit LayersImpl(Tied prototype) : prototype(std::move(prototype)) { reset(); }
  void reset() override {
    layers = register_module("layers", nn::ModuleList());
    for (int i = 0; i < 2; ++i) layers->push_back(prototype->clone());
  }
  Tied prototype;
  nn::ModuleList layers = nullptr;
};

TEST(Clone, OnesMadeInResetAreSeparate) {
  const LayersImpl layers{Tied()};
  EXPECT_EQ(layers.parameters().size(), 16u);
  const auto copy = layers.clone();
  EXPECT_EQ(copy->parameters().size(), 16u);
  EXPECT_EQ(copy->get_parameter("layers.1.scale")
                .sub(layers.get_parameter("layers.1.scale"))
                .abs()
                .sum()
                .item<double>(),
            0);
}

struct SharerImpl : nn::Cloneable<SharerImpl> {
  SharerImpl() { SharerImpl::reset(); }
  void reset() override { register_module("layer", layer); }
  nn::Linear layer{nn::Linear(1, 1)};
};

struct WithPlainImpl : nn::Cloneable<WithPlainImpl> {
  WithPlainImpl() { WithPlainImpl::reset(); }
  void reset() override { leaf = register_module("leaf", Leaf()); }
  Leaf leaf = nullptr;
};

TEST(Clone, OfAModuleThatCannotCloneItsParts) {
  EXPECT_ERROR(Error, SharerImpl().clone(), "registers the submodule 'layer' of the original");
  // A plain Module is filled where its owner's reset() made it.
  WithPlainImpl with_plain;
  with_plain.leaf->b.fill_(4);
  const auto copy = std::dynamic_pointer_cast<WithPlainImpl>(with_plain.clone());
  EXPECT_EQ(copy->leaf->b.sum().item<double>(), 12);
  EXPECT_FALSE(copy->leaf->b.is_alias_of(with_plain.leaf->b));
}

}  // namespace
}  // namespace taper
