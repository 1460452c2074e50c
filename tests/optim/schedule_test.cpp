// Schedulers beside the golden trajectories: errors, orders of calls, other optimizers, resuming.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using namespace optim;
using Rates = std::vector<double>;

Tensor leaf() { return zeros({1}).set_requires_grad(true); }

class Schedules : public ::testing::Test {
 protected:
  SGD sgd{std::vector<Tensor>{leaf()}, SGDOptions(1).momentum(0.5)};
  double lr() { return sgd.param_groups()[0].options().get_lr(); }
  Rates run(LRScheduler& scheduler, int steps) {
    Rates rates{lr()};
    for (int i = 0; i < steps; ++i) {
      sgd.step();
      scheduler.step();
      rates.push_back(lr());
    }
    return rates;
  }
};

TEST_F(Schedules, RefuseSettingsOutOfRange) {
  EXPECT_ERROR(ConfigError, StepLR(sgd, 0), "Expected positive integer step_size, but got 0");
  EXPECT_ERROR(ConfigError, ConstantLR(sgd, 1.5), "expected to be between 0 and 1, got 1.5");
  EXPECT_ERROR(ConfigError, LinearLR(sgd, 0), "greater than 0 and less or equal to 1, got 0");
  EXPECT_ERROR(ConfigError, LinearLR(sgd, 1, -1), "Ending multiplicative factor");
  EXPECT_ERROR(ConfigError, PolynomialLR(sgd, 0), "Expected positive integer total_iters");
  EXPECT_ERROR(ConfigError, CosineAnnealingLR(sgd, 0), "Expected positive integer T_max");
  EXPECT_ERROR(ConfigError, CosineAnnealingWarmRestarts(sgd, 0),
               "Expected positive integer T_0, but got 0");
  EXPECT_ERROR(ConfigError, CosineAnnealingWarmRestarts(sgd, 1, 0),
               "Expected integer T_mult >= 1, but got 0");
  EXPECT_ERROR(ConfigError, LambdaLR(sgd, std::vector<LRLambda>(2)),
               "Expected 1 lr_lambdas, but got 2");
  EXPECT_ERROR(ConfigError, LambdaLR(sgd, LRLambda()), "a function of lr_lambdas is empty");
  EXPECT_ERROR(ConfigError, CyclicLR(sgd, CyclicLROptions(0.1, 1).mode("square")),
               "mode is invalid and scale_fn is None, got mode square");
  EXPECT_ERROR(ConfigError, CyclicLR(sgd, CyclicLROptions(0.1, 1).step_size_up(0)),
               "expected positive step sizes");
  EXPECT_ERROR(ConfigError, CyclicLR(sgd, CyclicLROptions({0.1, 0.2}, 1)),
               "expected 1 values for base_lr, got 2");
  EXPECT_ERROR(ConfigError, OneCycleLR(sgd, OneCycleLROptions(1)),
               "You must define either total_steps OR (epochs AND steps_per_epoch)");
  EXPECT_ERROR(ConfigError, OneCycleLR(sgd, OneCycleLROptions(1).total_steps(-3)),
               "Expected positive integer total_steps, but got -3");
  EXPECT_ERROR(ConfigError, OneCycleLR(sgd, OneCycleLROptions(1).total_steps(3).pct_start(2)),
               "Expected float between 0 and 1 pct_start, but got 2");
  EXPECT_ERROR(ConfigError,
               OneCycleLR(sgd, OneCycleLROptions(1).total_steps(3).anneal_strategy("log")),
               "anneal_strategy must be one of 'cos' or 'linear', instead got log");
  EXPECT_ERROR(ConfigError, SWALR(sgd, 0.1, -1), "anneal_epochs must be equal or greater than 0");
  EXPECT_ERROR(ConfigError, ReduceLROnPlateau(sgd, ReduceLROnPlateau::SchedulerMode::min, 1),
               "Factor should be < 1.0, got 1");
  EXPECT_ERROR(ConfigError, StepLR(sgd, 1, 0.1, 5), "'initial_lr' is not specified");
  EXPECT_EQ(lr(), 1);
}

TEST(Schedule, CyclesNeedAMomentum) {
  Adagrad adagrad(std::vector<Tensor>{leaf()}, 1);
  EXPECT_ERROR(ConfigError, CyclicLR(adagrad, CyclicLROptions(0.1, 1)),
               "optimizer must support momentum");
  EXPECT_ERROR(ConfigError, OneCycleLR(adagrad, OneCycleLROptions(1).total_steps(5)),
               "optimizer must support momentum");
  EXPECT_EQ(adagrad.param_groups()[0].options().get_lr(), 1);
  CyclicLR cyclic(adagrad, CyclicLROptions(0.1, 1).step_size_up(2).cycle_momentum(false));
  EXPECT_EQ(adagrad.param_groups()[0].options().get_lr(), 0.1);
}

TEST(Schedule, CyclesTheFirstBeta) {
  Adam adam(std::vector<Tensor>{leaf()}, 1);
  const auto betas = [&] {
    return static_cast<AdamOptions&>(adam.param_groups()[0].options()).betas();
  };
  OneCycleLR scheduler(adam, OneCycleLROptions(1).total_steps(11).pct_start(0.6));
  EXPECT_DOUBLE_EQ(std::get<0>(betas()), 0.95);
  for (int i = 0; i < 10; ++i) {
    adam.step();
    scheduler.step();
    EXPECT_EQ(std::get<1>(betas()), 0.999);
    EXPECT_GE(std::get<0>(betas()), 0.85);
  }
  EXPECT_NEAR(std::get<0>(betas()), 0.95, 1e-12);
  scheduler.step();
  EXPECT_ERROR(Error, (scheduler.step(), 0),
               "Tried to step 12 times. The specified number of total steps is 11");
  EXPECT_EQ(scheduler.last_epoch(), 11);
}

TEST_F(Schedules, OneCycleByEpochs) {
  OneCycleLR scheduler(sgd, OneCycleLROptions(2).epochs(2).steps_per_epoch(3));
  const Rates rates = run(scheduler, 5);
  EXPECT_NEAR(rates.front(), 0.08, 1e-12);
  EXPECT_NEAR(rates.back(), 0.08 / 1e4, 1e-12);
  // A rise of no length is at its end at once.
  OneCycleLR short_rise(sgd, OneCycleLROptions(2).total_steps(10).pct_start(0.1));
  EXPECT_NEAR(lr(), 2, 1e-12);
}

TEST_F(Schedules, CyclicTakesAFunction) {
  CyclicLR scheduler(sgd, CyclicLROptions(0, 1)
                              .step_size_up(1)
                              .scale_fn([](double step) { return 1 / step; })
                              .scale_mode("iterations"));
  const Rates rates = run(scheduler, 3);
  EXPECT_NEAR(rates[1], 1, 1e-12);
  EXPECT_NEAR(rates[3], 1.0 / 3, 1e-12);
}

TEST_F(Schedules, FunctionsOfTheEpoch) {
  LambdaLR scheduler(sgd, [](int64_t epoch) { return 1.0 + static_cast<double>(epoch); });
  EXPECT_EQ(run(scheduler, 3), (Rates{1, 2, 3, 4}));
  EXPECT_EQ(scheduler.get_last_lr(), (Rates{4}));
  EXPECT_EQ(scheduler.last_epoch(), 3);
  LambdaLR throws(sgd, [](int64_t epoch) -> double {
    TAPER_CHECK(epoch == 0, "stop here");
    return 1;
  });
  EXPECT_ERROR(Error, (throws.step(), 0), "stop here");
  EXPECT_EQ(throws.last_epoch(), 0);
}

TEST_F(Schedules, ChainedFactorsMultiply) {
  StepLR by_step(sgd, 2, 0.5);
  ExponentialLR by_epoch(sgd, 0.5);
  Rates rates;
  for (int i = 0; i < 4; ++i) {
    sgd.step();
    by_step.step();
    by_epoch.step();
    rates.push_back(lr());
  }
  EXPECT_EQ(rates, (Rates{0.5, 0.125, 0.0625, 0.015625}));
}

TEST_F(Schedules, WarmRestartsBetweenEpochs) {
  CosineAnnealingWarmRestarts scheduler(sgd, 2, 2);
  scheduler.step(0.5);
  EXPECT_NEAR(lr(), (1 + std::cos(M_PI / 4)) / 2, 1e-12);
  scheduler.step(7.0);  // the second of periods 2, 4 began at 2 and ended at 6
  EXPECT_NEAR(lr(), (1 + std::cos(M_PI / 8)) / 2, 1e-12);
  EXPECT_EQ(scheduler.last_epoch(), 7);
  EXPECT_ERROR(ConfigError, (scheduler.step(-1.0), 0), "Expected non-negative epoch, but got -1");
}

TEST_F(Schedules, ComposedOnesBelongToOneOptimizer) {
  using List = std::vector<std::shared_ptr<LRScheduler>>;
  SGD other(std::vector<Tensor>{leaf()}, 1);
  const auto mine = std::make_shared<StepLR>(sgd, 1), theirs = std::make_shared<StepLR>(other, 1);
  EXPECT_ERROR(ConfigError, SequentialLR(sgd, List{mine, theirs}, {3}),
               "expects all schedulers to belong to the same optimizer, but got schedulers at "
               "index 1 to be different");
  EXPECT_ERROR(ConfigError, ChainedScheduler(List{mine, theirs}), "at index 1 to be different");
  EXPECT_ERROR(ConfigError, ChainedScheduler(List{}), "at least one scheduler");
  EXPECT_ERROR(ConfigError, ChainedScheduler(List{mine, nullptr}), "at index 1 is empty");
  EXPECT_ERROR(ConfigError, SequentialLR(sgd, List{mine, mine}, {3, 5}),
               "got number of schedulers 2 and the number of milestones to be equal to 2");
  EXPECT_ERROR(ConfigError, SequentialLR(sgd, List{mine, mine, mine}, {5, 3}),
               "milestones in increasing order");
}

TEST_F(Schedules, PlateauNeedsAMetric) {
  ReduceLROnPlateau scheduler(sgd);
  EXPECT_ERROR(Error, (static_cast<LRScheduler&>(scheduler).step(), 0), "needs a metric");
  for (int i = 0; i < 12; ++i) scheduler.step(std::nan(""));  // never better
  EXPECT_DOUBLE_EQ(lr(), 0.1);
}

TEST_F(Schedules, RefusedDictsChangeNothing) {
  MultiStepLR scheduler(sgd, {2, 4}, 0.5);
  run(scheduler, 3);
  struct Case {
    std::function<void(IValue&)> edit;
    const char* text;
  };
  const Case cases[] = {
      {[](IValue& d) { d = IValue::list(); }, "load_state_dict: expected a dict but got list"},
      {[](IValue& d) { d.erase("gamma"); }, "load_state_dict: missing key 'gamma'"},
      {[](IValue& d) { d.insert("step_size", 3); }, "unexpected key 'step_size'"},
      {[](IValue& d) { d.insert("milestones", 3); }, "expected dict but got int"},
      {[](IValue& d) { d.insert("last_epoch", "x"); }, "key 'last_epoch'"},
      {[](IValue& d) {
         d.insert("base_lrs", IValue::list({1.0, 2.0}));
       },
       "got base_lrs and _last_lr of 2 and 1 groups, expected 1"},
  };
  for (const Case& c : cases) {
    IValue dict = scheduler.state_dict();
    c.edit(dict);
    EXPECT_ERROR(ConfigError, (scheduler.load_state_dict(dict), 0), c.text);
    EXPECT_EQ(scheduler.last_epoch(), 3);
    EXPECT_EQ(scheduler.state_dict().at("milestones").size(), 2u);
  }
  CosineAnnealingLR cosine(sgd, 5);
  IValue dict = cosine.state_dict();
  dict.insert("T_max", 0);
  EXPECT_ERROR(ConfigError, (cosine.load_state_dict(dict), 0), "Expected positive integer T_max");
  cosine.step();
}

TEST_F(Schedules, ResumeFromAnEpoch) {
  StepLR first(sgd, 2, 0.5);
  const Rates rates = run(first, 6);
  SGD again(std::vector<Tensor>{leaf()}, SGDOptions(1).momentum(0.5));
  StepLR until(sgd, 2, 0.5);
  IValue dict = sgd.state_dict();
  dict.at("param_groups").toListRef()[0].insert("lr", rates[3]);
  again.load_state_dict(dict);
  StepLR rest(again, 2, 0.5, 3);
  EXPECT_EQ(rest.last_epoch(), 4);
  EXPECT_EQ(again.param_groups()[0].options().get_lr(), rates[4]);
}

/// A scheduler in LibTorch's manner: get_lrs() alone.
class Halving : public LRScheduler {
 public:
  using LRScheduler::LRScheduler;

 protected:
  Rates get_lrs() override {
    Rates rates = get_current_lrs();
    if (step_count_ > 0) rates[0] /= 2;
    return rates;
  }
};

TEST_F(Schedules, OwnSchedulersSayWhatARateIs) {
  Halving scheduler(sgd);
  EXPECT_EQ(run(scheduler, 3), (Rates{1, 1, 0.5, 0.25}));
}

TEST_F(Schedules, WarnOfASkippedFirstRate) {
  std::string warnings;
  const WarningHandler before =
      set_warning_handler([&](std::string_view text) { warnings += text; });
  StepLR scheduler(sgd, 1);
  sgd.step();
  scheduler.step();
  EXPECT_EQ(warnings, "");
  StepLR early(sgd, 1);
  early.step();
  set_warning_handler(before);
  EXPECT_NE(warnings.find("Detected call of `lr_scheduler.step()` before `optimizer.step()`"),
            std::string::npos);
}

}  // namespace
}  // namespace taper
