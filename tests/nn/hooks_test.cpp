// Hooks around calls of modules: order, what they replace, handles, hooks of all modules.
#include "taper/nn/hooks.h"

#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/hooks.h"
#include "taper/nn/linear.h"
#include "taper/nn/sequential.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;
using nn::AnyValue;
using nn::Module;
using nn::ValueList;

struct ScaleImpl : nn::Cloneable<ScaleImpl> {
  explicit ScaleImpl(double factor = 2) : factor(factor) {}
  void reset() override {}
  Tensor forward(const Tensor& x) {
    TAPER_CHECK(!fails, "forward failed");
    return x.mul(factor);
  }
  double factor;
  bool fails = false;
};
TAPER_MODULE(Scale);

struct MixImpl : nn::Module {
  double forward(int count, const std::string& word, double& sum) {
    sum += count;
    return static_cast<double>(word.size()) + sum;
  }
};
TAPER_MODULE(Mix);

struct QuietImpl : nn::Module {
  void forward(const Tensor& x) { seen = x.item<double>(); }
  double seen = 0;
};
TAPER_MODULE(Quiet);

struct OwnerImpl : nn::Module {
  std::unique_ptr<int> forward(std::unique_ptr<int> p, int add) {
    *p += add;
    return p;
  }
};
TAPER_MODULE(Owner);

struct ReferenceImpl : nn::Module {
  const Tensor& forward(const Tensor& x) { return x; }
};
TAPER_MODULE(Reference);

double value(const Tensor& t) { return t.item<double>(); }
Tensor scalar(double v) { return full({}, v); }

TEST(ForwardHooks, RunInOrderAroundTheCallOperatorOnly) {
  Names calls;
  Scale a, b;
  nn::Sequential s(a, b);
  const auto note = [&](Module& module, const std::string& name) {
    module.register_forward_pre_hook(
        [&calls, name](Module&, const ValueList&) { calls.push_back("pre " + name); });
    module.register_forward_hook([&calls, name](Module&, const ValueList&, const AnyValue&) {
      calls.push_back("fwd " + name);
    });
  };
  note(*s, "s");
  note(*a, "a");
  note(*b, "b");
  const Names all{"pre s", "pre a", "fwd a", "pre b", "fwd b", "fwd s"};
  EXPECT_EQ(value(s(scalar(1))), 4);
  EXPECT_EQ(calls, all);
  calls.clear();
  s->forward(scalar(1));  // the children are called, s is not
  EXPECT_EQ(calls, Names(all.begin() + 1, all.end() - 1));
  calls.clear();
  a->forward(scalar(1));
  EXPECT_TRUE(calls.empty());
  nn::call(*a, scalar(1));
  EXPECT_EQ(calls, (Names{"pre a", "fwd a"}));
  calls.clear();
  {
    const NoGradGuard no_grad;
    s->eval();
    nn::AnyModule(s).forward(scalar(1));
  }
  EXPECT_EQ(calls, all);
}

TEST(ForwardHooks, SeeAndReplaceArgumentsAndResult) {
  Scale scale(10);
  double argument = 0, output = 0;
  scale->register_forward_pre_hook(
      [](Module&, const ValueList& arguments) { return arguments[0].get<Tensor>() + 1; });
  scale->register_forward_pre_hook([](Module&, const ValueList& arguments) {
    return ValueList{AnyValue(arguments[0].get<Tensor>() * 2)};
  });
  scale->register_forward_hook([](Module& module, const ValueList&, const AnyValue& out) {
    EXPECT_EQ(module.name(), Scale()->name());
    return out.get<Tensor>() + 5;
  });
  scale->register_forward_hook([&](Module&, const ValueList& arguments, const AnyValue& out) {
    argument = value(arguments[0].get<Tensor>());
    output = value(out.get<Tensor>());
    return Tensor();  // undefined: keeps the result
  });
  scale->register_forward_hook(
      [](Module&, const ValueList&, const AnyValue&) { return std::optional<AnyValue>(); });
  EXPECT_EQ(value(scale(scalar(1))), 45);
  EXPECT_EQ(argument, 4);  // as the pre-hooks left it
  EXPECT_EQ(output, 45);   // as the hook before left it
  EXPECT_EQ(value(scale->forward(scalar(1))), 10);
}

TEST(ForwardHooks, PassValuesOfAnyType) {
  Mix mix;
  double sum = 1;
  EXPECT_EQ(mix(2, "abc", sum), 6);
  EXPECT_EQ(sum, 3);
  int seen = 0;
  mix->register_forward_hook([&](Module&, const ValueList& arguments, const AnyValue& output) {
    seen = arguments[0].get<int>();
    EXPECT_EQ(arguments[2].type_info(), typeid(double));
    return output.get<double>() + 100;
  });
  const std::string word = "ab";
  EXPECT_EQ(mix(2, word, sum), 107);
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(sum, 5);  // nothing was replaced: forward() got the caller's own variable
  mix->register_forward_pre_hook(
      [](Module&, const ValueList&) { return std::tuple(7, std::string("wxyz"), 0.5); });
  EXPECT_EQ(mix(2, word, sum), 111.5);
  EXPECT_EQ(sum, 5);  // now it got the hook's
  nn::RemovableHandle bad = mix->register_forward_pre_hook(
      [](Module&, const ValueList&) { return std::tuple(1.5f, std::string("x"), 3.0); });
  EXPECT_ERROR(Error, mix(2, word, sum),
               "Expected argument #0 to be of type int, but received value of type float");
  bad.remove();
  bad = mix->register_forward_pre_hook([](Module&, const ValueList&) { return 1; });
  EXPECT_ERROR(Error, mix(2, word, sum),
               "forward() method expects 3 argument(s), but its forward pre-hooks returned 1");
  bad.remove();
  mix->register_forward_hook(
      [](Module&, const ValueList&, const AnyValue&) { return std::string("text"); });
  EXPECT_ERROR(Error, mix(2, word, sum), "a forward hook returned a value of type");
}

TEST(ForwardHooks, TakeModulesThatReturnNothingOwnOrRefer) {
  Quiet quiet;
  bool empty = false;
  quiet->register_forward_pre_hook(
      [](Module&, const ValueList& arguments) { return arguments[0].get<Tensor>() + 1; });
  quiet->register_forward_hook(
      [&](Module&, const ValueList&, const AnyValue& output) { empty = output.is_empty(); });
  quiet(scalar(3));
  EXPECT_EQ(quiet->seen, 4);
  EXPECT_TRUE(empty);

  // What has no copy passes by the hooks.
  Owner owner;
  owner->register_forward_pre_hook([](Module&, const ValueList& arguments) {
    EXPECT_TRUE(arguments[0].is_empty());
    ValueList changed = arguments;
    changed[1] = AnyValue(arguments[1].get<int>() * 10);
    return changed;
  });
  owner->register_forward_hook(
      [](Module&, const ValueList&, const AnyValue& output) { EXPECT_TRUE(output.is_empty()); });
  EXPECT_EQ(*owner(std::make_unique<int>(1), 2), 21);

  Reference reference;
  const Tensor x = scalar(2);
  int calls = 0;
  reference->register_forward_hook([&](Module&, const ValueList&, const AnyValue&) { ++calls; });
  EXPECT_EQ(&reference(x), &x);
  EXPECT_EQ(calls, 1);
  reference->register_forward_hook(
      [](Module&, const ValueList&, const AnyValue& output) { return output.get<Tensor>() + 1; });
  EXPECT_ERROR(Error, reference(x), "returns a reference, which no hook can replace");
}

TEST(ForwardHooks, OfModulesInASequentialOfAnyTypes) {
  struct HalfImpl : nn::Module {
    double forward(int x) { return x / 2.0; }
  };
  nn::Sequential net{HalfImpl()};
  net->ptr(0)->register_forward_pre_hook(
      [](Module&, const ValueList& arguments) { return arguments[0].get<int>() + 1; });
  net->ptr(0)->register_forward_hook(
      [](Module&, const ValueList&, const AnyValue& output) { return output.get<double>() + 10; });
  EXPECT_EQ(net->forward<double>(2), 11.5);
  EXPECT_EQ(net.operator()<double>(2), 11.5);
  net->register_forward_hook(
      [](Module&, const ValueList&, const AnyValue& output) { return -output.get<double>(); });
  EXPECT_EQ(net.operator()<double>(2), -11.5);
}

TEST(ForwardHooks, AreOrderedByPrependAndEndByHandle) {
  Scale scale;
  Names calls;
  const auto note = [&](const std::string& name) {
    return [&calls, name](Module&, const ValueList&) { calls.push_back(name); };
  };
  nn::RemovableHandle a = scale->register_forward_pre_hook(note("a"));
  nn::RemovableHandle b = scale->register_forward_pre_hook(note("b"), {.prepend = true});
  EXPECT_NE(a.id(), b.id());
  scale(scalar(1));
  EXPECT_EQ(calls, (Names{"b", "a"}));
  const std::vector<nn::HookInfo> listed = scale->hooks();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].id, b.id());
  EXPECT_EQ(listed[0].kind, nn::HookKind::kForwardPre);
  EXPECT_STREQ(nn::to_string(listed[0].kind), "forward_pre");
  EXPECT_NE(listed[0].callable.find("lambda"), std::string::npos);
  calls.clear();
  b.remove();
  b.remove();
  scale(scalar(1));
  EXPECT_EQ(calls, Names{"a"});
  scale = nullptr;
  a.remove();  // the module is gone
  nn::RemovableHandle().remove();
}

TEST(ForwardHooks, MayRemoveThemselves) {
  Scale scale;
  int calls = 0;
  nn::RemovableHandle once;
  once = scale->register_forward_pre_hook([&](Module&, const ValueList&) {
    ++calls;
    once.remove();
  });
  scale(scalar(1));
  scale(scalar(1));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(scale->hooks().empty());
}

TEST(ForwardHooks, OfAllModulesRunFirst) {
  Names calls;
  const auto note = [&](const std::string& name) {
    return [&calls, name](Module& module, const ValueList&, auto&&...) {
      if (module.as<ScaleImpl>()) calls.push_back(name);
    };
  };
  Scale scale;
  scale->register_forward_pre_hook(note("pre"));
  scale->register_forward_hook(note("fwd"));
  nn::RemovableHandle pre = nn::register_module_forward_pre_hook(
      [&](Module& m, const ValueList& a) { note("global pre")(m, a); });
  nn::RemovableHandle fwd = nn::register_module_forward_hook(
      [&](Module& m, const ValueList& a, const AnyValue&) { note("global fwd")(m, a); });
  EXPECT_EQ(nn::global_hooks().size(), 2u);
  scale(scalar(1));
  EXPECT_EQ(calls, (Names{"global pre", "pre", "global fwd", "fwd"}));
  calls.clear();
  pre.remove();
  fwd.remove();
  EXPECT_TRUE(nn::global_hooks().empty());
  scale(scalar(1));
  EXPECT_EQ(calls, (Names{"pre", "fwd"}));
  Scale without;
  calls.clear();
  without(scalar(1));
  EXPECT_TRUE(calls.empty());
}

TEST(ForwardHooks, AlwaysCalledOnesRunWhenTheCallFails) {
  Scale scale;
  scale->fails = true;
  Names calls;
  bool had_output = true;
  scale->register_forward_hook(
      [&](Module&, const ValueList&, const AnyValue&) { calls.push_back("usual"); });
  scale->register_forward_hook(
      [&](Module&, const ValueList&, const AnyValue& output) {
        calls.push_back("always");
        had_output = !output.is_empty();
      },
      {.always_call = true});
  scale->register_forward_hook(
      [&](Module&, const ValueList&, const AnyValue&) {
        calls.push_back("throws");
        TAPER_CHECK(false, "second error");
      },
      {.always_call = true});
  std::string warning;
  const WarningHandler before = set_warning_handler([&](std::string_view t) { warning = t; });
  EXPECT_ERROR(Error, scale(scalar(1)), "forward failed");
  EXPECT_EQ(calls, (Names{"always", "throws"}));
  EXPECT_FALSE(had_output);
  EXPECT_NE(warning.find("module forward hook with ``always_call=True`` raised an exception that "
                         "was silenced as another error was raised in forward: second error"),
            std::string::npos);
  // A hook that fails lets the ones behind it run, and runs once itself.
  scale->fails = false;
  calls.clear();
  scale->register_forward_hook(
      [&](Module&, const ValueList&, const AnyValue&) { calls.push_back("last"); },
      {.always_call = true});
  EXPECT_ERROR(Error, scale(scalar(1)), "second error");
  EXPECT_EQ(calls, (Names{"usual", "always", "throws", "last"}));
  set_warning_handler(before);
}

TEST(ForwardHooks, AreNotCloned) {
  Scale scale;
  int calls = 0;
  scale->register_forward_pre_hook([&](Module&, const ValueList&) { ++calls; });
  Scale copy(std::dynamic_pointer_cast<ScaleImpl>(scale->clone()));
  EXPECT_TRUE(copy->hooks().empty());
  copy(scalar(1));
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(scale->hooks().size(), 1u);
}

TEST(RegistrationHooks, SeeAndReplaceWhatModulesRegister) {
  Names seen;
  nn::RemovableHandle parameters = nn::register_module_parameter_registration_hook(
      [&](Module&, const std::string& name, const Tensor& tensor) {
        seen.push_back(name);
        return name == "p" ? tensor.detach().mul(2).requires_grad_() : Tensor();
      });
  nn::RemovableHandle buffers = nn::register_module_buffer_registration_hook(
      [&](Module&, const std::string& name, const Tensor&) { seen.push_back(name); });
  nn::RemovableHandle modules = nn::register_module_module_registration_hook(
      [&](Module&, const std::string& name, const std::shared_ptr<Module>&) {
        seen.push_back(name);
        return name == "s" ? std::shared_ptr<Module>(std::make_shared<ScaleImpl>(5)) : nullptr;
      });
  struct HolderImpl : nn::Module {};
  HolderImpl m;
  EXPECT_EQ(value(m.register_parameter("p", scalar(3))), 6);
  m.register_buffer("b", scalar(1));
  EXPECT_EQ(m.register_module("s", Scale())->factor, 5);
  EXPECT_ERROR(Error, m.replace_module("s", nn::Identity()),
               "the submodule to register as 's' is a");
  EXPECT_EQ(m.children()[0]->as<ScaleImpl>()->factor, 5);
  EXPECT_EQ(seen, (Names{"p", "b", "s", "s"}));
  parameters.remove();
  buffers.remove();
  modules.remove();
  m.register_parameter("q", scalar(3));
  EXPECT_EQ(seen.size(), 4u);
}

TEST(HookPositions, ListATensorsHooks) {
  Tensor x = scalar(1).requires_grad_();
  EXPECT_TRUE(autograd::hook_positions(x).empty());
  x.register_hook([](const Tensor&) {});
  const unsigned middle = x.register_hook([](const Tensor&) {});
  x.register_hook([](const Tensor&) {});
  EXPECT_EQ(autograd::hook_positions(x), (std::vector<unsigned>{0, 1, 2}));
  x.remove_hook(middle);
  EXPECT_EQ(autograd::hook_positions(x), (std::vector<unsigned>{0, 2}));
  const Tensor y = x * 2;
  EXPECT_TRUE(autograd::hook_positions(y).empty());
  y.register_hook([](const Tensor&) {});
  EXPECT_EQ(autograd::hook_positions(y), std::vector<unsigned>{0});
  EXPECT_TRUE(autograd::hook_positions(scalar(1)).empty());
}

}  // namespace
}  // namespace taper
