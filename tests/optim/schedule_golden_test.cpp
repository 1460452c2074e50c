// Every scheduler beside PyTorch's: rates, momenta and state dicts.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/optim/golden.h"

namespace taper::testing {
namespace {

using namespace optim;

struct Case {
  std::string name, label;
  IValue options;
  std::vector<Values> lrs, momenta;
  std::map<std::string, IValue> kept;
};

std::vector<Case> read_cases() {
  std::vector<Case> cases;
  std::ifstream file(test_path("optim/golden/schedules.txt"));
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string word;
    line >> word;
    if (word == "schedule") {
      Case& c = cases.emplace_back();
      c.label = text;
      line >> c.name;
      c.options = read_dict(line);
    } else if (word == "lrs" || word == "momenta") {
      Values& values = (word == "lrs" ? cases.back().lrs : cases.back().momenta).emplace_back();
      while (!at_end(line)) append_numbers(read_value(line), values);
    } else if (word == "kept") {
      line >> word;
      cases.back().kept[word] = read_value(line);
    }
  }
  return cases;
}

/// The options of a case by name, with Python's defaults.
class Options {
 public:
  explicit Options(const IValue& dict) : dict_(dict) {}
  double number(const char* name, double otherwise = 0) const {
    const IValue* value = dict_.find(name);
    return value ? value->toDouble() : otherwise;
  }
  int64_t count(const char* name, int64_t otherwise = 0) const {
    return static_cast<int64_t>(number(name, static_cast<double>(otherwise)));
  }
  std::string text(const char* name, const char* otherwise) const {
    const IValue* value = dict_.find(name);
    return value ? value->toStringRef() : otherwise;
  }
  bool flag(const char* name, bool otherwise) const {
    const IValue* value = dict_.find(name);
    return value ? value->toBool() : otherwise;
  }
  PerGroup list(const char* name, double otherwise = 0) const {
    const IValue* value = dict_.find(name);
    if (value == nullptr) return otherwise;
    return value->isList() ? PerGroup(numbers_of(*value)) : PerGroup(value->toDouble());
  }
  const IValue& at(const char* name) const { return dict_.at(name); }
  bool has(const char* name) const { return dict_.find(name) != nullptr; }

 private:
  const IValue& dict_;
};

std::shared_ptr<LRScheduler> make_cyclic(Optimizer& optimizer, const Options& o) {
  CyclicLROptions options(o.list("base_lr"), o.list("max_lr"));
  options.step_size_up(o.count("step_size_up"))
      .mode(o.text("mode", "triangular"))
      .gamma(o.number("gamma", 1))
      .cycle_momentum(o.flag("cycle_momentum", true))
      .base_momentum(o.list("base_momentum", 0.8))
      .max_momentum(o.list("max_momentum", 0.9));
  if (o.has("step_size_down")) options.step_size_down(o.count("step_size_down"));
  return std::make_shared<CyclicLR>(optimizer, options);
}

std::shared_ptr<LRScheduler> make_one_cycle(Optimizer& optimizer, const Options& o) {
  return std::make_shared<OneCycleLR>(optimizer,
                                      OneCycleLROptions(o.list("max_lr"))
                                          .total_steps(o.count("total_steps"))
                                          .pct_start(o.number("pct_start", 0.3))
                                          .anneal_strategy(o.text("anneal_strategy", "cos"))
                                          .base_momentum(o.list("base_momentum", 0.85))
                                          .max_momentum(o.list("max_momentum", 0.95))
                                          .div_factor(o.number("div_factor", 25))
                                          .final_div_factor(o.number("final_div_factor", 1e4))
                                          .three_phase(o.flag("three_phase", false)));
}

std::shared_ptr<LRScheduler> make_plateau(Optimizer& optimizer, const Options& o) {
  using R = ReduceLROnPlateauScheduler;
  return std::make_shared<R>(
      optimizer, o.text("mode", "min") == "min" ? R::SchedulerMode::min : R::SchedulerMode::max,
      o.number("factor"), o.count("patience"), o.number("threshold"),
      o.text("threshold_mode", "rel") == "rel" ? R::ThresholdMode::rel : R::ThresholdMode::abs,
      o.count("cooldown"), o.list("min_lr"), o.number("eps", 1e-8));
}

std::shared_ptr<LRScheduler> make_composed(Optimizer& optimizer, const std::string& name) {
  if (name == "SequentialLR") {
    const std::vector<std::shared_ptr<LRScheduler>> parts = {
        std::make_shared<ConstantLR>(optimizer, 0.1, 2),
        std::make_shared<ExponentialLR>(optimizer, 0.9),
        std::make_shared<StepLR>(optimizer, 2, 0.5)};
    return std::make_shared<SequentialLR>(optimizer, parts, std::vector<int64_t>{3, 8});
  }
  const std::vector<std::shared_ptr<LRScheduler>> parts = {
      std::make_shared<LinearLR>(optimizer, 0.5, 1, 4),
      std::make_shared<ExponentialLR>(optimizer, 0.9)};
  return std::make_shared<ChainedScheduler>(parts);
}

std::shared_ptr<LRScheduler> make(Optimizer& optimizer, const Case& c) {
  const Options o(c.options);
  const auto& n = c.name;
  const std::vector<LRLambda> lambdas = {
      [](int64_t epoch) { return 1.0 / (1 + static_cast<double>(epoch)); },
      [](int64_t epoch) { return std::pow(0.95, static_cast<double>(epoch)); }};
  if (n == "StepLR") {
    return std::make_shared<StepLR>(optimizer, o.count("step_size"), o.number("gamma"));
  }
  if (n == "MultiStepLR") {
    std::vector<int64_t> milestones;
    for (const IValue& m : o.at("milestones").toListRef()) milestones.push_back(m.toInt());
    return std::make_shared<MultiStepLR>(optimizer, milestones, o.number("gamma"));
  }
  if (n == "LambdaLR") return std::make_shared<LambdaLR>(optimizer, lambdas);
  if (n == "MultiplicativeLR") return std::make_shared<MultiplicativeLR>(optimizer, lambdas);
  if (n == "ConstantLR") {
    return std::make_shared<ConstantLR>(optimizer, o.number("factor"), o.count("total_iters"));
  }
  if (n == "LinearLR") {
    return std::make_shared<LinearLR>(optimizer, o.number("start_factor"), o.number("end_factor"),
                                      o.count("total_iters"));
  }
  if (n == "ExponentialLR") return std::make_shared<ExponentialLR>(optimizer, o.number("gamma"));
  if (n == "PolynomialLR") {
    return std::make_shared<PolynomialLR>(optimizer, o.count("total_iters"), o.number("power"));
  }
  if (n == "CosineAnnealingLR") {
    return std::make_shared<CosineAnnealingLR>(optimizer, o.count("T_max"), o.number("eta_min"));
  }
  if (n == "CosineAnnealingWarmRestarts") {
    return std::make_shared<CosineAnnealingWarmRestarts>(optimizer, o.count("T_0"),
                                                         o.count("T_mult"), o.number("eta_min"));
  }
  if (n == "SWALR") {
    return std::make_shared<SWALR>(optimizer, o.list("swa_lr"), o.count("anneal_epochs"),
                                   o.text("anneal_strategy", "cos"));
  }
  if (n == "CyclicLR") return make_cyclic(optimizer, o);
  if (n == "OneCycleLR") return make_one_cycle(optimizer, o);
  if (n == "ReduceLROnPlateau") return make_plateau(optimizer, o);
  return make_composed(optimizer, n);
}

std::unique_ptr<SGD> make_sgd() {
  std::vector<OptimizerParamGroup> groups;
  for (const double lr : {0.5, 0.1}) {
    groups.emplace_back(std::vector<Tensor>{zeros({1}).set_requires_grad(true)},
                        std::make_unique<SGDOptions>(SGDOptions(lr).momentum(0.85)));
  }
  return std::make_unique<SGD>(std::move(groups), 1.0);
}

void take_step(LRScheduler& scheduler, size_t step) {
  constexpr double kMetrics[] = {3,    2,   2.5,   1.995, 1,   1,   1,  0.9,
                                 0.95, 0.9, 0.899, 0.5,   0.5, 0.5, 0.5};
  scheduler.optimizer().step();
  if (auto* plateau = dynamic_cast<ReduceLROnPlateauScheduler*>(&scheduler)) {
    plateau->step(kMetrics[step % std::size(kMetrics)]);
  } else {
    scheduler.step();
  }
}

void expect_near(const Values& got, const Values& expected, const std::string& label) {
  ASSERT_EQ(got.size(), expected.size()) << label;
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isinf(expected[i])) {
      ASSERT_EQ(got[i], expected[i]) << label;
    } else {
      ASSERT_NEAR(got[i], expected[i], 1e-13 * (1 + std::fabs(expected[i]))) << label;
    }
  }
}

void compare(Optimizer& optimizer, const LRScheduler& scheduler, const Case& c, size_t step) {
  const std::string label = c.label + " step " + std::to_string(step);
  Values lrs, momenta;
  for (OptimizerParamGroup& group : optimizer.param_groups()) {
    lrs.push_back(group.options().get_lr());
    momenta.push_back(static_cast<SGDOptions&>(group.options()).momentum());
  }
  expect_near(lrs, c.lrs[step], label);
  if (!c.momenta.empty()) expect_near(momenta, c.momenta[step], label);
  EXPECT_EQ(scheduler.get_last_lr(), lrs) << label;
}

TEST(ScheduleGolden, RatesArePyTorchs) {
  const std::vector<Case> cases = read_cases();
  ASSERT_EQ(cases.size(), 23u);
  for (const Case& c : cases) {
    ASSERT_EQ(c.lrs.size(), 20u);
    const auto optimizer = make_sgd();
    const auto scheduler = make(*optimizer, c);
    compare(*optimizer, *scheduler, c, 0);
    for (size_t step = 1; step < c.lrs.size(); ++step) {
      take_step(*scheduler, step - 1);
      compare(*optimizer, *scheduler, c, step);
    }
  }
}

/// The state dict after ten steps holds Python's values; with these in it, and the optimizer's, a
/// new scheduler goes on as the old one.
TEST(ScheduleGolden, StateDictsArePyTorchsAndContinue) {
  for (const Case& c : read_cases()) {
    const auto optimizer = make_sgd();
    const auto scheduler = make(*optimizer, c);
    for (size_t step = 0; step < 10; ++step) take_step(*scheduler, step);
    IValue dict = scheduler->state_dict();
    for (const auto& [key, value] : c.kept) {
      ASSERT_NE(dict.find(key), nullptr) << c.label << ' ' << key;
      expect_near(numbers_of(dict.at(key)), numbers_of(value), c.label + ' ' + key);
      dict.insert(key, value);
    }
    dict.insert("verbose", false);
    const auto again = make_sgd();
    const auto next = make(*again, c);
    again->load_state_dict(optimizer->state_dict());
    next->load_state_dict(dict);
    for (size_t step = 11; step < c.lrs.size(); ++step) {
      take_step(*next, step - 1);
      compare(*again, *next, c, step);
    }
  }
}

}  // namespace
}  // namespace taper::testing
