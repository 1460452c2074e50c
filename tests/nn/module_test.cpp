// Registration, names, traversal and conversion of modules.
#include "taper/nn/module.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/nn/linear.h"
#include "taper/nn/normalization.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;

struct LeafImpl : nn::Module {
  LeafImpl() {
    w = register_parameter("w", ones({2}));
    b = register_buffer("b", zeros({3}));
  }
  Tensor forward(const Tensor& x) { return x; }
  Tensor w, b;
};
TAPER_MODULE(Leaf);

struct TreeImpl : nn::Module {
  TreeImpl() {
    register_parameter("top", ones({1}));
    left = register_module("left", Leaf());
    right = register_module("right", Leaf());
  }
  Leaf left = nullptr, right = nullptr;
};
TAPER_MODULE(Tree);

struct PlainImpl : nn::Module {};

TEST(Module, NamesFollowTheOrderOfRegistration) {
  Tree tree;
  EXPECT_EQ(tree->named_parameters().keys(), (Names{"top", "left.w", "right.w"}));
  EXPECT_EQ(tree->named_parameters(false).keys(), Names{"top"});
  EXPECT_EQ(tree->named_buffers().keys(), (Names{"left.b", "right.b"}));
  EXPECT_EQ(tree->named_modules().keys(), (Names{"", "left", "right"}));
  EXPECT_EQ(tree->named_modules("net").keys(), (Names{"net", "net.left", "net.right"}));
  EXPECT_EQ(tree->named_modules("", false).keys(), (Names{"left", "right"}));
  EXPECT_EQ(tree->named_children().keys(), (Names{"left", "right"}));
  EXPECT_EQ(tree->parameters().size(), 3u);
  EXPECT_EQ(tree->buffers().size(), 2u);
  EXPECT_EQ(tree->modules().size(), 3u);
  EXPECT_EQ(tree->children().size(), 2u);
  EXPECT_TRUE(tree->named_parameters()["left.w"].is_same(tree->left->w));
}

TEST(Module, WhatIsSharedIsListedOnce) {
  Leaf leaf;
  nn::Sequential twice(leaf, leaf);
  EXPECT_EQ(twice->named_parameters().keys(), Names{"0.w"});
  EXPECT_EQ(twice->named_parameters(true, false).keys(), (Names{"0.w", "1.w"}));
  EXPECT_EQ(twice->named_modules().keys(), (Names{"", "0"}));
  EXPECT_EQ(twice->named_modules("", true, false).keys(), (Names{"", "0", "1"}));
  EXPECT_EQ(twice->named_children().keys(), Names{"0"});
  // Tied tensors in different modules.
  Tree tree;
  PlainImpl tied;
  tied.register_parameter("a", tree->left->w);
  tied.register_parameter("b", tree->left->w);
  EXPECT_EQ(tied.named_parameters().keys(), Names{"a"});
  EXPECT_EQ(tied.parameters().size(), 1u);
}

TEST(Module, RegistrationErrors) {
  PlainImpl m;
  m.register_parameter("p", ones({1}));
  m.register_buffer("b", ones({1}));
  m.register_module("m", Leaf());
  EXPECT_ERROR(Error, m.register_parameter("", ones({1})), "Parameter name must not be empty");
  EXPECT_ERROR(Error, m.register_parameter("a.b", ones({1})),
               "Parameter name must not contain a dot (got 'a.b')");
  EXPECT_ERROR(Error, m.register_parameter("p", ones({1})), "Parameter 'p' already defined");
  EXPECT_ERROR(Error, m.register_buffer("", ones({1})), "Buffer name must not be empty");
  EXPECT_ERROR(Error, m.register_buffer("a.b", ones({1})), "Buffer name must not contain a dot");
  EXPECT_ERROR(Error, m.register_buffer("b", ones({1})), "Buffer 'b' already defined");
  EXPECT_ERROR(Error, m.register_module("", Leaf()), "Submodule name must not be empty");
  EXPECT_ERROR(Error, m.register_module("a.b", Leaf()),
               "Submodule name must not contain a dot (got 'a.b')");
  EXPECT_ERROR(Error, m.register_module("m", Leaf()), "Submodule 'm' already defined");
  for (const char* taken : {"b", "m"}) {
    EXPECT_ERROR(Error, m.register_parameter(taken, ones({1})),
                 str("attribute '", taken, "' already exists"));
  }
  EXPECT_ERROR(Error, m.register_buffer("p", ones({1})), "attribute 'p' already exists");
  EXPECT_ERROR(Error, m.register_module("b", Leaf()), "attribute 'b' already exists");
  EXPECT_ERROR(Error, m.replace_module("x", Leaf()), "Submodule 'x' is not defined");
  EXPECT_ERROR(Error, (m.unregister_module("x"), 0), "No Module with name `x` is registered");
  EXPECT_ERROR(DTypeError, m.register_parameter("i", zeros({1}, kLong)),
               "Only Tensors of floating point and complex dtype can require gradients");
  EXPECT_EQ(m.named_parameters().keys(), (Names{"p", "m.w"}));
}

TEST(Module, ReplacedAndUnregisteredModules) {
  Tree tree;
  Leaf other;
  tree->replace_module("left", other);
  EXPECT_TRUE(tree->named_parameters()["left.w"].is_same(other->w));
  EXPECT_EQ(tree->named_modules("", false).keys(), (Names{"left", "right"}));
  tree->unregister_module("left");
  EXPECT_EQ(tree->named_parameters().keys(), (Names{"top", "right.w"}));
}

TEST(Module, ReplacedAndUnregisteredTensors) {
  PlainImpl m;
  m.register_parameter("p", ones({1}));
  m.register_buffer("b", ones({1}), false);
  const Tensor& p = m.replace_parameter("p", nn::Parameter(zeros({2}), false));
  EXPECT_FALSE(p.requires_grad());
  EXPECT_TRUE(m.named_parameters()["p"].is_same(p));
  EXPECT_TRUE(m.replace_parameter("p", zeros({3})).requires_grad());
  m.replace_buffer("b", zeros({4}));
  EXPECT_EQ(m.get_buffer("b").numel(), 4);
  EXPECT_FALSE(m.is_persistent_buffer("b"));
  EXPECT_ERROR(Error, m.replace_parameter("b", ones({1})), "Parameter 'b' is not defined");
  EXPECT_ERROR(Error, m.replace_buffer("p", ones({1})), "Buffer 'p' is not defined");
  const Tensor leaf = ones({1}).requires_grad_();
  for (const char* name : {"p", "q"}) {
    const auto put = [&] {
      return name[0] == 'p' ? m.replace_parameter(name, leaf.mul(2))
                            : m.register_parameter(name, leaf.mul(2));
    };
    EXPECT_ERROR(Error, put(), str("Cannot assign non-leaf Tensor to parameter '", name, "'"));
  }
  m.unregister_parameter("p");
  m.unregister_buffer("b");
  EXPECT_TRUE(m.parameters().empty());
  EXPECT_TRUE(m.buffers().empty());
  EXPECT_ERROR(Error, (m.unregister_parameter("p"), 0), "No Parameter with name `p` is registered");
  EXPECT_ERROR(Error, (m.unregister_buffer("b"), 0), "No Buffer with name `b` is registered");
  m.register_buffer("b", ones({1}));  // a new one of the name is persistent
  EXPECT_TRUE(m.is_persistent_buffer("b"));
  EXPECT_EQ(m.add_module("child", Leaf())->w.numel(), 2);
}

TEST(Module, NamesAfterAPrefix) {
  Tree tree;
  EXPECT_EQ(tree->named_parameters("net").keys(), (Names{"net.top", "net.left.w", "net.right.w"}));
  EXPECT_EQ(tree->named_parameters(std::string("net"), false).keys(), Names{"net.top"});
  EXPECT_EQ(tree->named_buffers("net").keys(), (Names{"net.left.b", "net.right.b"}));
  nn::ModuleList twice(tree, tree);
  EXPECT_EQ(twice->named_buffers("", true, false).size(), 4u);
  EXPECT_EQ(twice->named_parameters("", true, true).size(), 3u);
}

TEST(Module, ParametersRequireGradients) {
  PlainImpl m;
  const Tensor& p = m.register_parameter("p", ones({1}));
  EXPECT_TRUE(p.requires_grad());
  EXPECT_FALSE(m.register_parameter("frozen", ones({1}), false).requires_grad());
  EXPECT_FALSE(m.register_buffer("b", ones({1})).requires_grad());
  std::string warning;
  const WarningHandler before = set_warning_handler([&](std::string_view t) { warning = t; });
  m.register_parameter("none", Tensor());
  set_warning_handler(before);
  EXPECT_NE(warning.find("An undefined tensor cannot require grad."), std::string::npos);
  EXPECT_EQ(m.named_parameters().keys(), (Names{"p", "frozen"}));
  m.requires_grad_(false);
  EXPECT_FALSE(m.parameters()[0].requires_grad());
}

TEST(Module, PersistentBuffers) {
  PlainImpl m;
  m.register_buffer("kept", ones({1}));
  m.register_buffer("scratch", ones({1}), false);
  EXPECT_TRUE(m.is_persistent_buffer("kept"));
  EXPECT_FALSE(m.is_persistent_buffer("scratch"));
  EXPECT_EQ(m.named_buffers().keys(), (Names{"kept", "scratch"}));
}

TEST(Module, TrainReachesAllModules) {
  nn::Sequential net{Leaf(), nn::Sequential(Leaf())};
  EXPECT_TRUE(net->is_training());
  net->eval();
  for (const auto& m : net->modules()) EXPECT_FALSE(m->is_training());
  net->train();
  for (const auto& m : net->modules()) EXPECT_TRUE(m->is_training());
}

TEST(Module, ApplyVisitsChildrenFirst) {
  nn::Sequential net(nn::Linear(1, 1), nn::Sequential(nn::Identity(), nn::Linear(1, 1)));
  Names visited;
  const auto note = [&](const std::string& name, nn::Module&) { visited.push_back(name); };
  net->apply(note);
  EXPECT_EQ(visited, (Names{"0", "1.0", "1.1", "1", ""}));
  visited.clear();
  net->apply(note, "net", nn::ApplyOrder::PreOrder);
  EXPECT_EQ(visited, (Names{"net", "net.0", "net.1", "net.1.0", "net.1.1"}));
  int linears = 0;
  net->apply([&](nn::Module& m) { linears += m.as<nn::Linear>() != nullptr; });
  EXPECT_EQ(linears, 2);
  int modules = 0;
  std::as_const(*net).apply([&](const nn::Module&) { ++modules; });
  net->apply([&](const std::shared_ptr<nn::Module>& m) { modules += m != nullptr; });
  net->apply([&](const std::string&, const std::shared_ptr<nn::Module>&) { ++modules; });
  EXPECT_EQ(modules, 15);
  EXPECT_EQ(&net->apply([](nn::Module&) {}), net.get());
  EXPECT_EQ(&net->requires_grad_(false), net.get());
}

TEST(Module, ApplyOnSharedModules) {
  Leaf leaf;
  nn::Sequential net(leaf, leaf, nn::Sequential(leaf));
  int visits = 0;
  net->apply([&](nn::Module& m) { visits += m.as<LeafImpl>() != nullptr; });
  EXPECT_EQ(visits, 2);  // once for each parent
  visits = 0;
  net->apply([&](nn::Module& m) { visits += m.as<LeafImpl>() != nullptr; },
             nn::ApplyOrder::PreOrder);
  EXPECT_EQ(visits, 3);
}

TEST(Module, SharedPointersNeedAnOwner) {
  TreeImpl on_stack;
  EXPECT_EQ(on_stack.parameters().size(), 3u);
  EXPECT_EQ(on_stack.modules(false).size(), 2u);
  EXPECT_ERROR(Error, on_stack.modules(),
               "It looks like you attempted to retrieve your top-level module as a shared_ptr, "
               "but it is not stored in a shared_ptr");
  EXPECT_ERROR(Error, (on_stack.apply([](const std::shared_ptr<nn::Module>&) {}), 0),
               "top-level module as a shared_ptr");
}

TEST(Module, PathsToPartsOfTheTree) {
  nn::Sequential net{nn::Sequential{Leaf(), Leaf()}, Leaf()};
  EXPECT_EQ(net->get_submodule("").get(), net.get());
  EXPECT_EQ(net->get_submodule("0.0")->name(), Leaf()->name());
  EXPECT_TRUE(net->get_parameter("0.0.w").is_same(net->parameters()[0]));
  EXPECT_TRUE(net->get_buffer("0.0.b").is_same(net->buffers()[0]));
  EXPECT_ERROR(Error, net->get_submodule("0.7"), "has no attribute `7`");
  EXPECT_ERROR(Error, net->get_submodule("0.0.w"), "`w` is not an nn.Module");
  EXPECT_ERROR(Error, net->get_parameter("0.0.zz"), "LeafImpl has no attribute `zz`");
  EXPECT_ERROR(Error, net->get_parameter("0.0.b"), "`b` is not an nn.Parameter");
  EXPECT_ERROR(Error, net->get_buffer("0.0.w"), "`w` is not a buffer");
}

TEST(Module, SubmodulesAreSetByPath) {
  nn::ModuleList net(nn::Sequential{Leaf(), Leaf()}, Tree());
  Leaf other;
  net->set_submodule("0.1", other);
  EXPECT_EQ(net->get_submodule("0.1").get(), other.get());
  EXPECT_TRUE(net->get_parameter("0.1.w").is_same(other->w));
  net->set_submodule("1.extra", other);
  EXPECT_EQ(net->get_submodule("1")->named_children().keys(), (Names{"left", "right", "extra"}));
  net->set_submodule("1.left.b", other);  // takes the name from a buffer
  EXPECT_EQ(net->get_submodule("1.left")->named_buffers(false).size(), 0u);
  EXPECT_ERROR(Error, (net->set_submodule("", other), 0),
               "Cannot set the submodule without a target name!");
  EXPECT_ERROR(Error, (net->set_submodule("7.x", other), 0), "has no attribute `7`");
  EXPECT_ERROR(Error, (net->set_submodule("1.top.x", other), 0), "`top` is not an nn.Module");
  EXPECT_ERROR(Error, (net->set_submodule("1.top", other), 0),
               "as parameter 'top' (torch.nn.Parameter or None expected)");
}

TEST(Module, BufferOfNoneIsReturned) {
  PlainImpl m;
  m.register_buffer("b", Tensor());
  m.register_parameter("none", Tensor(), false);
  EXPECT_FALSE(m.get_buffer("b").defined());
  EXPECT_TRUE(m.named_buffers().is_empty());
  EXPECT_TRUE(m.state_dict().is_empty());
  EXPECT_ERROR(Error, m.get_parameter("none"), "`none` is not an nn.Parameter");
}

TEST(Module, ToConvertsFloatingTensorsInPlace) {
  nn::BatchNorm1d norm(3);
  const Tensor weight = norm->weight, count = norm->num_batches_tracked;
  weight.mutable_grad() = ones({3});
  norm->to(kDouble);
  EXPECT_EQ(weight.scalar_type(), kDouble);
  EXPECT_TRUE(norm->weight.is_same(weight));
  EXPECT_TRUE(weight.requires_grad());
  EXPECT_EQ(weight.grad().scalar_type(), kDouble);
  EXPECT_EQ(norm->running_var.scalar_type(), kDouble);
  EXPECT_EQ(count.scalar_type(), kLong);
  EXPECT_ERROR(DTypeError, (norm->to(kLong), 0),
               "nn.Module.to only accepts floating point or complex dtypes");
  norm->to(Device(kCPU), kFloat);
  EXPECT_EQ(weight.scalar_type(), kFloat);
  norm->half();
  EXPECT_EQ(weight.scalar_type(), kHalf);
  norm->bfloat16();
  norm->cpu();
  EXPECT_EQ(weight.scalar_type(), kBFloat16);
}

TEST(Module, ZeroGrad) {
  Tree tree;
  const Tensor w = tree->left->w;
  w.mutable_grad() = ones({2});
  tree->zero_grad(false);
  EXPECT_EQ(w.grad().sum().item<double>(), 0);
  tree->zero_grad();
  EXPECT_FALSE(w.grad().defined());
}

TEST(Module, PrintsItsTree) {
  std::ostringstream out;
  nn::Sequential net(nn::Linear(2, 3), nn::Sequential(nn::Identity()));
  out << net;
  EXPECT_EQ(out.str(),
            "taper::nn::Sequential(\n"
            "  (0): taper::nn::Linear(in_features=2, out_features=3, bias=true)\n"
            "  (1): taper::nn::Sequential(\n"
            "    (0): taper::nn::Identity()\n"
            "  )\n"
            ")");
  EXPECT_EQ(nn::Linear(2, 3)->name(), "taper::nn::LinearImpl");
  struct LinesImpl : nn::Module {
    void pretty_print(std::ostream& stream) const override { stream << "Lines(\n  a\n)"; }
  };
  out.str("");
  out << nn::ModuleDict({{"lines", LinesImpl()}});
  EXPECT_EQ(out.str(), "taper::nn::ModuleDict(\n  (lines): Lines(\n    a\n  )\n)");
  struct NamedImpl : nn::Module {
    NamedImpl() : nn::Module("Mine") {}
  };
  EXPECT_EQ(NamedImpl().name(), "Mine");
}

TEST(ModuleHolder, SharesItsModule) {
  Leaf a;
  const Leaf b = a;
  EXPECT_EQ(a.get(), b.get());
  EXPECT_TRUE(b);
  Leaf none = nullptr;
  EXPECT_TRUE(none.is_empty());
  EXPECT_ERROR(Error, none->name(), "Accessing empty ModuleHolder");
  EXPECT_ERROR(Error, none(ones({1})), "Accessing empty ModuleHolder");
  const Leaf from_pointer(std::make_shared<LeafImpl>());
  EXPECT_EQ(from_pointer->parameters().size(), 1u);
  EXPECT_EQ(a->as<nn::Linear>(), nullptr);
  EXPECT_EQ(a->as<Leaf>(), a.get());
}

TEST(OrderedDict, KeepsOrderAndFinds) {
  OrderedDict<std::string, int> dict("Thing");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(dict.insert("k" + std::to_string(i), i), i);
  EXPECT_EQ(dict.size(), 100u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(dict["k" + std::to_string(i)], i);
    EXPECT_EQ(dict[static_cast<size_t>(i)].value(), i);
  }
  EXPECT_ERROR(Error, dict.insert("k3", 0), "Thing 'k3' already defined");
  EXPECT_ERROR(Error, dict["x"], "Thing 'x' is not defined");
  EXPECT_ERROR(IndexError, dict[size_t{100}], "Index 100 is out of bounds");
  for (int i = 0; i < 100; i += 2) dict.erase("k" + std::to_string(i));
  EXPECT_EQ(dict.size(), 50u);
  EXPECT_FALSE(dict.contains("k4"));
  EXPECT_EQ(*dict.find("k5"), 5);
  EXPECT_EQ(dict.front().key(), "k1");
  EXPECT_EQ(dict.back().value(), 99);
  EXPECT_ERROR(Error, (dict.erase("k4"), 0), "Thing 'k4' is not defined");
  const OrderedDict<std::string, int> braced{{"a", 1}, {"b", 2}};
  OrderedDict<std::string, int> joined;
  joined.update(braced);
  EXPECT_TRUE(joined == braced);
  EXPECT_EQ(joined.pairs(), (std::vector<std::pair<std::string, int>>{{"a", 1}, {"b", 2}}));
  joined.clear();
  EXPECT_TRUE(joined.is_empty());
}

}  // namespace
}  // namespace taper
