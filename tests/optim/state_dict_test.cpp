// State dicts of optimizers: round trips, names, and what a load refuses without changing anything.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "taper/taper.h"
#include "tests/optim/golden.h"
#include "tests/support/expect_error.h"

namespace taper::testing {
namespace {

using namespace optim;

constexpr const char* kAll[] = {"SGD",    "Adam",    "AdamW",     "NAdam",    "RAdam",
                                "Adamax", "RMSprop", "Adagrad",   "Adadelta", "ASGD",
                                "Rprop",  "Lion",    "Adafactor", "Muon"};

Tensor leaf(IntArrayRef sizes, double value = 1) {
  return full(sizes, value, kDouble).set_requires_grad(true);
}

void step(Optimizer& optimizer, double slope) {
  for (const OptimizerParamGroup& group : optimizer.param_groups()) {
    for (const Tensor& param : group.params()) {
      param.mutable_grad() = full(param.sizes(), slope, param.scalar_type());
    }
  }
  optimizer.step();
}

/// The same text for the same dict.
std::string text_of(const IValue& value) {
  switch (value.kind()) {
    case IValue::Kind::Dict: {
      std::string text = "{";
      for (const auto& [key, item] : value.toGenericDict()) {
        text += text_of(key) + ": " + text_of(item) + ", ";
      }
      return text + "}";
    }
    case IValue::Kind::List:
    case IValue::Kind::Tuple: {
      std::string text = "[";
      for (const IValue& element : value.toListRef()) text += text_of(element) + ", ";
      return text + "]";
    }
    case IValue::Kind::Tensor: {
      std::string text = str(toString(value.toTensor().scalar_type()), value.toTensor().sizes());
      for (const double v : values_of(value.toTensor())) text += str(' ', v);
      return text;
    }
    case IValue::Kind::String:
      return value.toStringRef();
    case IValue::Kind::None:
      return "None";
    case IValue::Kind::Bool:
      return value.toBool() ? "True" : "False";
    default:
      return str(value.toDouble());
  }
}

TEST(OptimStateDict, RoundTripsBitByBit) {
  for (const char* name : kAll) {
    const Tensor p = leaf({2, 3}), q = leaf({2, 3});
    const auto first = make_optimizer(name, {p});
    for (const double slope : {1.0, -0.5, 0.25}) step(*first, slope);
    const IValue dict = first->state_dict();
    {
      NoGradGuard no_grad;
      q.copy_(p);
    }
    const auto second = make_optimizer(name, {q});
    step(*second, 3);  // what it remembers is replaced
    {
      NoGradGuard no_grad;
      q.copy_(p);
    }
    second->load_state_dict(dict);
    EXPECT_EQ(text_of(second->state_dict()), text_of(dict)) << name;
    for (const double slope : {0.125, -2.0}) {
      step(*first, slope);
      step(*second, slope);
    }
    EXPECT_EQ(values_of(p), values_of(q)) << name;
  }
}

/// The dict shares memory with the optimizer it comes from; what loads it has copies.
TEST(OptimStateDict, LoadsCopiesInTheParametersType) {
  const Tensor p = leaf({2}), q = ones({2}).set_requires_grad(true);
  SGD first(std::vector<Tensor>{p}, SGDOptions(1).momentum(0.5));
  SGD second(std::vector<Tensor>{q}, SGDOptions(1).momentum(0.5));
  step(first, 4);
  second.load_state_dict(first.state_dict());
  step(first, 4);
  const Tensor buffer = static_cast<SGDParamState&>(*second.state().find(q)).momentum_buffer();
  EXPECT_EQ(values_of(buffer), (Values{4, 4}));
  EXPECT_EQ(buffer.scalar_type(), kFloat);
}

TEST(OptimStateDict, GroupsAndTheirNumbers) {
  const Tensor a = leaf({1}), b = leaf({1}), c = leaf({1});
  const auto make = [&] {
    std::vector<OptimizerParamGroup> groups = {{{a, b}}, {{c}, std::make_unique<SGDOptions>(0.5)}};
    return SGD(groups, 0.25);
  };
  SGD sgd = make();
  sgd.param_groups()[1].set_number("initial_lr", 0.75);
  const IValue dict = sgd.state_dict();
  EXPECT_EQ(text_of(dict.at("param_groups").toListRef()[1].at("params")), "[2, ]");
  SGD other = make();
  other.load_state_dict(dict);
  ASSERT_NE(other.param_groups()[1].find_number("initial_lr"), nullptr);
  EXPECT_EQ(*other.param_groups()[1].find_number("initial_lr"), 0.75);
  EXPECT_EQ(other.param_groups()[0].find_number("initial_lr"), nullptr);
  EXPECT_EQ(other.param_groups()[1].options().get_lr(), 0.5);
}

TEST(OptimStateDict, NamesDecideWhereStatesGo) {
  using Named = OrderedDict<std::string, Tensor>;
  const Tensor a = leaf({2}), b = leaf({2});
  const auto make = [&](Named named) {
    return std::make_unique<SGD>(named, SGDOptions(1).momentum(0.5));
  };
  const auto forward = make({{"a", a}, {"b", b}}), backward = make({{"b", b}, {"a", a}});
  a.mutable_grad() = full({2}, 1, kDouble);
  b.mutable_grad() = full({2}, 8, kDouble);
  forward->step();
  const IValue dict = forward->state_dict();
  EXPECT_EQ(text_of(dict.at("param_groups").toListRef()[0].at("param_names")), "[a, b, ]");
  backward->load_state_dict(dict);
  const auto buffer = [&](const Tensor& p) {
    return values_of(static_cast<SGDParamState&>(*backward->state().find(p)).momentum_buffer());
  };
  EXPECT_EQ(buffer(a), (Values{1, 1}));
  EXPECT_EQ(buffer(b), (Values{8, 8}));
  EXPECT_ERROR(ConfigError, (make({{"a", a}, {"c", b}})->load_state_dict(dict), 0),
               "the parameter 'b' is not in the optimizer's group");
  EXPECT_ERROR(Error, (forward->add_parameters({leaf({1})}), 0), "group with names");
}

/// Each edit makes the dict wrong; the load says so and leaves the optimizer as it was.
TEST(OptimStateDict, RefusesWhatDoesNotFitAndChangesNothing) {
  const Tensor a = leaf({2, 3}), b = leaf({4});
  Adam adam(std::vector<Tensor>{a, b}, AdamOptions(0.5).amsgrad(true));
  step(adam, 1);
  const auto group = [](IValue& d) -> IValue& { return d.at("param_groups").toListRef()[0]; };
  const auto state = [](IValue& d, int64_t i) -> IValue& { return *d.at("state").find(i); };
  struct Case {
    std::function<void(IValue&)> edit;
    const char* text;
  };
  const Case cases[] = {
      {[](IValue& d) { d = IValue(3); }, "expected a dict but got int"},
      {[](IValue& d) { d.erase("state"); }, "missing key 'state'"},
      {[](IValue& d) { d.insert("more", 1); }, "unexpected key 'more'"},
      {[](IValue& d) { d.insert("state", 1); }, "state a dict, but got list and int"},
      {[](IValue& d) { d.at("param_groups").toListRef().emplace_back(); },
       "loaded state dict has a different number of parameter groups: got 2, expected 1"},
      {[](IValue& d) { d.at("param_groups").toListRef()[0] = "x"; }, "expected a dict but got str"},
      {[&](IValue& d) { group(d).at("params").toListRef().pop_back(); },
       "doesn't match the size of optimizer's group: got 1 parameters, expected 2"},
      {[&](IValue& d) { group(d).at("params").toListRef()[1] = 0; },
       "the index 0 stands for two parameters"},
      {[&](IValue& d) { group(d).insert("params", "all"); }, "expected list but got str"},
      {[&](IValue& d) { group(d).erase("lr"); }, "param_groups[0]: missing key 'lr'"},
      {[&](IValue& d) { group(d).insert("momentum", 1); }, "unexpected key 'momentum'"},
      {[&](IValue& d) { group(d).insert("lr", "fast"); }, "key 'lr': IValue: expected float"},
      {[&](IValue& d) { group(d).insert("lr", -1.0); }, "Invalid learning rate: -1"},
      {[&](IValue& d) { group(d).insert("betas", IValue::list({0.5})); },
       "key 'betas': expected 2 elements but got 1"},
      {[&](IValue& d) { group(d).insert("amsgrad", 1.5); }, "expected bool but got float"},
      {[&](IValue& d) { d.at("state").insert(7, IValue::dict()); },
       "a key that is no parameter's index: 7"},
      {[&](IValue& d) { d.at("state").insert("x", IValue::dict()); },
       "a key that is no parameter's index"},
      {[&](IValue& d) { state(d, 0).erase("exp_avg"); }, "state[0]: missing key 'exp_avg'"},
      {[&](IValue& d) { state(d, 1).insert("exp_inf", 1); }, "state[1]: unexpected key 'exp_inf'"},
      {[&](IValue& d) { std::swap(state(d, 0), state(d, 1)); },
       "size mismatch for exp_avg: got sizes [4], expected [2, 3]"},
      {[&](IValue& d) { state(d, 0).insert("exp_avg", 0.5); }, "expected Tensor but got float"},
      {[&](IValue& d) { state(d, 0).insert("step", zeros({2})); }, "expected a number but got"},
      {[&](IValue& d) { state(d, 0).insert("step", 1.5); }, "expected a whole number but got 1.5"},
      {[&](IValue& d) { state(d, 0).insert("step", 1e300); }, "expected a whole number"},
      {[&](IValue& d) { state(d, 0).insert("step", -3); }, "expected a count but got -3"},
      {[&](IValue& d) { d.at("state").insert(1, 5); }, "expected a dict but got int"},
  };
  const std::string before = text_of(adam.state_dict());
  for (const Case& c : cases) {
    IValue dict = adam.state_dict();
    c.edit(dict);
    EXPECT_ERROR(Error, (adam.load_state_dict(dict), 0), c.text);
    EXPECT_EQ(text_of(adam.state_dict()), before) << c.text;
  }
  IValue dict = adam.state_dict();  // what is Python's own is ignored
  group(dict).insert("foreach", IValue());
  group(dict).insert("capturable", false);
  state(dict, 0).insert("step", 1);
  adam.load_state_dict(dict);
  EXPECT_EQ(text_of(adam.state_dict()), before);
}

TEST(OptimStateDict, LBFGSRefusesWhatDoesNotFit) {
  const Tensor x = leaf({3});
  LBFGS optimizer(std::vector<Tensor>{x});
  const auto closure = [&] {
    optimizer.zero_grad();
    Tensor loss = x.pow(4).sum();
    loss.backward();
    return loss;
  };
  optimizer.step(closure);
  const std::string before = text_of(optimizer.state_dict());
  IValue dict = optimizer.state_dict();
  dict.at("state").find(int64_t{0})->insert("prev_flat_grad", zeros({2}, kDouble));
  EXPECT_ERROR(ShapeError, (optimizer.load_state_dict(dict), 0), "do not fit together");
  dict = optimizer.state_dict();
  dict.at("state").find(int64_t{0})->insert("ro", IValue::list());
  EXPECT_ERROR(ShapeError, (optimizer.load_state_dict(dict), 0), "do not fit together");
  EXPECT_EQ(text_of(optimizer.state_dict()), before);
  const Tensor y = leaf({5});
  LBFGS other(std::vector<Tensor>{y});
  other.load_state_dict(optimizer.state_dict());
  EXPECT_ERROR(ShapeError, other.step([&] {
    other.zero_grad();
    Tensor loss = y.square().sum();
    loss.backward();
    return loss;
  }),
               "the parameters are not those of the last step");
}

struct PlainOptions : public OptimizerCloneableOptions<PlainOptions> {
  TAPER_ARG(double, lr) = 0.5;
};
struct PlainOptimizer : public Optimizer {
  explicit PlainOptimizer(std::vector<Tensor> params)
      : Optimizer(std::move(params), std::make_unique<PlainOptions>()) {}
  Tensor step(LossClosure closure = nullptr) override { return call(closure); }
};

/// A user's own optimizer works without lists of fields; only saving asks for them.
TEST(OptimStateDict, OwnOptimizersSayWhatIsMissing) {
  PlainOptimizer optimizer(std::vector<Tensor>{leaf({1})});
  EXPECT_EQ(optimizer.param_groups()[0].options().get_lr(), 0.5);
  optimizer.param_groups()[0].options().set_lr(2);
  EXPECT_EQ(static_cast<PlainOptions&>(optimizer.param_groups()[0].options()).lr(), 2);
  EXPECT_ERROR(Error, optimizer.state_dict(), "override fields()");
}

TEST(OptimStateDict, ValuesSayWhatTheyAre) {
  IValue dict = IValue::dict();
  dict.insert("a", 1);
  dict.insert("a", 2.5);
  dict.insert(3, "x");
  EXPECT_EQ(dict.size(), 2u);
  EXPECT_EQ(dict.at("a").toDouble(), 2.5);
  EXPECT_EQ(dict.find(int64_t{3})->toStringRef(), "x");
  EXPECT_EQ(dict.find("b"), nullptr);
  EXPECT_ERROR(Error, dict.at("b"), "the dict has no key 'b'");
  EXPECT_ERROR(Error, dict.at("a").toInt(), "expected int but got float");
  EXPECT_ERROR(Error, dict.toListRef(), "expected list but got dict");
  EXPECT_ERROR(Error, IValue(3).find("x"), "expected dict but got int");
  EXPECT_ERROR(Error, IValue().toTensor(), "expected Tensor but got None");
  EXPECT_ERROR(Error, IValue(1).toBool(), "expected bool but got int");
  EXPECT_ERROR(Error, IValue(true).toStringRef(), "expected str but got bool");
  EXPECT_TRUE(IValue(Tensor()).isNone());
  EXPECT_TRUE(dict.erase("a"));
  EXPECT_FALSE(dict.erase("a"));
  EXPECT_EQ(IValue(7).toDouble(), 7);
}

TEST(OptimHooks, RunAroundSteps) {
  const Tensor p = leaf({1});
  SGD sgd(std::vector<Tensor>{p}, 1);
  std::string calls;
  const int64_t pre = sgd.register_step_pre_hook([&](Optimizer& o) {
    EXPECT_EQ(&o, &sgd);
    calls += str("pre ", p.item<double>(), ' ');
  });
  sgd.register_step_post_hook([&](Optimizer&) { calls += str("post ", p.item<double>(), ' '); });
  step(sgd, 3);
  EXPECT_EQ(calls, "pre 1 post -2 ");
  sgd.remove_hook(pre);
  step(sgd, 3);
  EXPECT_EQ(calls, "pre 1 post -2 post -5 ");
  EXPECT_ERROR(Error, sgd.register_step_pre_hook(nullptr), "the hook is empty");
  EXPECT_EQ(sgd.step_calls(), 2);
}

TEST(OptimHooks, RunAroundSavingAndLoading) {
  const Tensor p = leaf({1});
  SGD sgd(std::vector<Tensor>{p}, 1);
  std::string calls;
  sgd.register_state_dict_pre_hook([&](const Optimizer& o) {
    EXPECT_EQ(&o, &sgd);
    calls += "save ";
  });
  sgd.register_state_dict_post_hook([&](const Optimizer&, IValue& dict) {
    calls += "saved ";
    dict.insert("note", 7);
  });
  sgd.register_state_dict_pre_hook([&](const Optimizer&) { calls += "first "; }, true);
  const IValue saved = sgd.state_dict();
  EXPECT_EQ(calls, "first save saved ");
  EXPECT_EQ(saved.find("note")->toInt(), 7);

  calls.clear();
  EXPECT_ERROR(ConfigError, sgd.load_state_dict(saved), "note");
  const int64_t pre = sgd.register_load_state_dict_pre_hook([&](Optimizer&, IValue& dict) {
    calls += "load ";
    EXPECT_TRUE(dict.erase("note"));
  });
  sgd.register_load_state_dict_post_hook([&](Optimizer& o) {
    EXPECT_EQ(&o, &sgd);
    calls += "loaded ";
  });
  sgd.load_state_dict(saved);
  EXPECT_EQ(calls, "load loaded ");
  EXPECT_NE(saved.find("note"), nullptr);  // the hook had a copy
  sgd.remove_hook(pre);
  EXPECT_ERROR(ConfigError, sgd.load_state_dict(saved), "note");
  EXPECT_EQ(calls, "load loaded ");  // nothing was loaded
  EXPECT_ERROR(Error, sgd.register_state_dict_post_hook(nullptr), "the hook is empty");
}

TEST(OptimOptions, GroupsMustHaveTheOptimizersOwn) {
  const Tensor p = leaf({1});
  std::vector<OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<Tensor>{p}, std::make_unique<AdamOptions>());
  EXPECT_ERROR(ConfigError, SGD(groups, 0.1), "options of type taper::optim::AdamOptions");
  groups[0].set_options(std::make_unique<SGDOptions>(-2));
  EXPECT_ERROR(ConfigError, SGD(groups, 0.1), "SGD: Invalid learning rate: -2");
  SGD sgd(std::vector<Tensor>{p}, 0.1);
  sgd.param_groups()[0].set_options(std::make_unique<AdamOptions>());
  EXPECT_ERROR(ConfigError, (step(sgd, 1), 0), "another optimizer's options");
  Adam adam(std::vector<Tensor>{p});
  adam.state()[p] = std::make_unique<SGDParamState>();
  EXPECT_ERROR(ConfigError, (step(adam, 1), 0), "another optimizer's state");
}

TEST(OptimOptions, EveryOptimizerRefusesWhatIsOutOfRange) {
  const std::vector<Tensor> x{leaf({2, 2})};
  const double nan = std::nan("");
  EXPECT_ERROR(ConfigError, NAdam(x, -1), "NAdam: Invalid learning rate: -1");
  EXPECT_ERROR(ConfigError, NAdam(x, NAdamOptions().momentum_decay(-1)),
               "Invalid momentum_decay value: -1");
  EXPECT_ERROR(ConfigError, RAdam(x, RAdamOptions().betas({0.5, 1})),
               "Invalid beta parameter at index 1: 1");
  EXPECT_ERROR(ConfigError, Adamax(x, AdamaxOptions().eps(nan)), "Invalid epsilon value: nan");
  EXPECT_ERROR(ConfigError, RMSprop(x, RMSpropOptions().alpha(-0.5)), "Invalid alpha value: -0.5");
  EXPECT_ERROR(ConfigError, RMSprop(x, RMSpropOptions().momentum(-1)),
               "Invalid momentum value: -1");
  EXPECT_ERROR(ConfigError, Adagrad(x, AdagradOptions().lr_decay(-1)),
               "Invalid lr_decay value: -1");
  EXPECT_ERROR(ConfigError, Adagrad(x, AdagradOptions().initial_accumulator_value(-1)),
               "Invalid initial_accumulator_value value: -1");
  EXPECT_ERROR(ConfigError, Adadelta(x, AdadeltaOptions().rho(1.5)), "Invalid rho value: 1.5");
  EXPECT_ERROR(ConfigError, ASGD(x, ASGDOptions().weight_decay(-1)),
               "Invalid weight_decay value: -1");
  EXPECT_ERROR(ConfigError, Rprop(x, RpropOptions().etas({0.5, 0.9})),
               "Invalid eta values: 0.5, 0.9");
  EXPECT_ERROR(ConfigError, Lion(x, LionOptions().betas({-1, 0.9})),
               "Invalid beta parameter at index 0: -1");
  EXPECT_ERROR(ConfigError, LBFGS(x, LBFGSOptions().line_search_fn("weak")),
               "only 'strong_wolfe' is supported");
  EXPECT_ERROR(ConfigError, Adafactor(x, -1), "Learning rate should be >= 0 but is: -1");
  EXPECT_ERROR(ConfigError, Adafactor(x, AdafactorOptions().d(0.5)),
               "Clipping threshold d should be >= 1 but is: 0.5");
  EXPECT_ERROR(ConfigError, Adafactor(x, AdafactorOptions().eps({-1.0, 0.5})),
               "epsilon1 should be >= 0 but is: -1");
  EXPECT_ERROR(ConfigError, Muon(x, MuonOptions().ns_steps(100)),
               "Number of steps must be less than 100");
  EXPECT_ERROR(ConfigError, Muon(x, MuonOptions().adjust_lr_fn("none")), "none is not supported");
  EXPECT_ERROR(ConfigError, Muon(std::vector<Tensor>{leaf({3})}), "only supports 2D parameters");
}

}  // namespace
}  // namespace taper::testing
