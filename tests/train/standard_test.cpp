#include "taper/train/standard.h"

#include <gtest/gtest.h>

#include "taper/nn/linear.h"
#include "taper/nn/loss.h"
#include "taper/nn/sequential.h"
#include "taper/optim/optim.h"
#include "taper/taper.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper::train {
namespace {

using taper::testing::same_bits;

Config parse(std::string_view text) { return Config::parse(text, "c.json"); }

nn::Sequential make_net() {
  manual_seed(1);
  return nn::Sequential(nn::Linear(4, 3), nn::Linear(3, 2));
}

/// The options of an optimizer's group as a state dict has them.
double option(const optim::Optimizer& optimizer, size_t group, const char* name) {
  return optimizer.state_dict().at("param_groups").toListRef()[group].at(name).toDouble();
}

TEST(StandardOptimizers, HaveThePyTorchDefaults) {
  const OptimizerRegistry registry = standard_optimizers();
  EXPECT_EQ(registry.names().size(), 15U);
  const nn::Sequential net = make_net();
  NamedParameters weights;
  weights.insert("0.weight", net->named_parameters()["0.weight"]);
  for (const std::string& name : registry.names()) {
    const auto optimizer = registry.make(name, weights);
    ASSERT_EQ(optimizer->param_groups().size(), 1U) << name;
    EXPECT_EQ(registry.resolve(name).get("args.lr").to_double(),
              optimizer->param_groups()[0].options().get_lr())
        << name;
    // Every option of a state dict is an arg, but for what AdamW fixes.
    const IValue group = optimizer->state_dict().at("param_groups").toListRef()[0];
    for (const auto& [key, value] : group.toGenericDict()) {
      const std::string& option = key.toStringRef();
      if (option == "params" || option == "param_names" || option == "initial_lr") continue;
      if (name == "AdamW" && option == "decoupled_weight_decay") continue;
      EXPECT_TRUE(registry.resolve(name).at("args").find(option)) << name << ' ' << option;
    }
  }
  EXPECT_EQ(registry.resolve("AdamW").get("args.weight_decay").to_double(), 1e-2);
}

TEST(StandardOptimizers, StepAsTheOnesMadeByHand) {
  const nn::Sequential a = make_net(), b = make_net();
  const auto from_config = standard_optimizers().make(
      parse(R"({"type": "SGD", "args": {"lr": 0.1, "momentum": 0.9, "nesterov": true}})"),
      a->named_parameters());
  optim::SGD by_hand(b->parameters(), optim::SGDOptions(0.1).momentum(0.9).nesterov(true));
  for (int step = 0; step < 3; ++step) {
    const auto advance = [](nn::Sequential net, optim::Optimizer& optimizer) {
      optimizer.zero_grad();
      net->forward(ones({2, 4})).square().sum().backward();
      optimizer.step();
    };
    advance(a, *from_config);
    advance(b, by_hand);
  }
  for (size_t i = 0; i < a->parameters().size(); ++i) {
    EXPECT_TRUE(same_bits(a->parameters()[i], b->parameters()[i])) << i;
  }
}

TEST(StandardOptimizers, GroupsByNames) {
  const nn::Sequential net = make_net();
  const Config config = parse(R"({"type": "AdamW", "args": {"lr": 0.5, "weight_decay": 0.25,
    "groups": [{"match": "*.bias", "weight_decay": 0}, {"match": ["1.*", "2.*"], "lr": 0.125}]}})");
  const auto optimizer = standard_optimizers().make(config, net->named_parameters());
  const auto& groups = optimizer->param_groups();
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].param_names(), std::vector<std::string>{"0.weight"});
  EXPECT_EQ(groups[1].param_names(), (std::vector<std::string>{"0.bias", "1.bias"}));
  EXPECT_EQ(groups[2].param_names(), std::vector<std::string>{"1.weight"});
  EXPECT_EQ(option(*optimizer, 0, "lr"), 0.5);
  EXPECT_EQ(option(*optimizer, 0, "weight_decay"), 0.25);
  EXPECT_EQ(option(*optimizer, 1, "lr"), 0.5);  // the optimizer's own
  EXPECT_EQ(option(*optimizer, 1, "weight_decay"), 0);
  EXPECT_EQ(option(*optimizer, 2, "lr"), 0.125);
  const Config resolved = standard_optimizers().resolve(config);
  EXPECT_EQ(resolved.get("args.groups.1.weight_decay").to_double(), 0.25);
  EXPECT_EQ(resolved.get("args.groups.1.weight_decay").source(), "default");
}

TEST(StandardOptimizers, AGroupMustGetParameters) {
  const nn::Sequential net = make_net();
  const auto with_match = [&](const char* match) {
    const Config args = Config::object({{"match", match}});
    const Config config = Config::object(
        {{"type", "SGD"}, {"args", Config::object({{"groups", Config::list({args})}})}});
    return standard_optimizers().make(config, net->named_parameters())->param_groups().size();
  };
  EXPECT_EQ(with_match("*"), 1U);
  EXPECT_EQ(with_match("?.weight"), 2U);
  EXPECT_EQ(with_match("*****************************e*gh*t"), 2U);
  EXPECT_ERROR(train::ConfigValueError, with_match("bn*"),
               "default: groups.0: expected names of parameters, but match leaves none of 4, whose "
               "first is 0.weight");
  EXPECT_ERROR(train::ConfigValueError, with_match(""), "groups.0");
}

struct Made {
  Tensor w = ones({2}).set_requires_grad(true);
  optim::SGD optimizer{{w}, optim::SGDOptions(1.0).momentum(0.9)};
  Schedule schedule;

  explicit Made(std::string_view config, RunLength run = {10, 5}) {
    schedule = standard_schedulers().make(parse(config), optimizer, run);
  }
  std::vector<double> rates(int count, double metric = 0) {
    std::vector<double> rates;
    for (int i = 0; i < count; ++i) {
      rates.push_back(optimizer.param_groups()[0].options().get_lr());
      optimizer.step();
      schedule.step(metric);
    }
    return rates;
  }
};

TEST(StandardSchedulers, EachRuns) {
  const std::vector<std::pair<const char*, const char*>> args = {
      {"StepLR", R"({"step_size": 2})"},
      {"MultiStepLR", R"({"milestones": [2, 3]})"},
      {"ExponentialLR", R"({"gamma": 0.5})"},
      {"ConstantLR", "{}"},
      {"LinearLR", "{}"},
      {"PolynomialLR", "{}"},
      {"CosineAnnealingLR", "{}"},
      {"CosineAnnealingWarmRestarts", R"({"T_0": 2})"},
      {"CyclicLR", R"({"base_lr": 0.1, "max_lr": [1.0], "step_size_up": 2})"},
      {"OneCycleLR", R"({"max_lr": 1})"},
      {"SWALR", R"({"swa_lr": 0.1})"},
      {"ReduceLROnPlateau", R"({"monitor": "loss", "patience": 1})"},
      {"SequentialLR", R"({"schedulers": ["LinearLR", "CosineAnnealingLR"], "milestones": [3]})"},
      {"ChainedScheduler", R"({"schedulers": ["LinearLR", "PolynomialLR"]})"},
  };
  std::vector<std::string> names;
  for (const auto& [name, text] : args) {
    SCOPED_TRACE(name);
    names.emplace_back(name);
    Made made(str(R"({"type": ")", name, R"(", "args": )", text, "}"));
    const std::vector<double> rates = made.rates(6);
    EXPECT_NE(rates.front(), rates.back());
    EXPECT_EQ(made.schedule.interval == Schedule::Interval::kStep,
              std::string(name) == "CyclicLR" || std::string(name) == "OneCycleLR");
    EXPECT_EQ(made.schedule.needs_metric(), std::string(name) == "ReduceLROnPlateau");
  }
  EXPECT_EQ(names, standard_schedulers().names());
}

TEST(StandardSchedulers, LengthsAreTheRuns) {
  Made epochs(R"("CosineAnnealingLR")");
  EXPECT_NEAR(epochs.rates(11)[10], 0, 1e-12);
  Made steps(R"({"type": "CosineAnnealingLR", "args": {"interval": "step"}})");
  EXPECT_NEAR(steps.rates(51)[50], 0, 1e-12);
  // Warm-up, then a cosine over what is left.
  Made both(R"({"type": "SequentialLR", "args": {"milestones": [4], "schedulers":
    [{"type": "LinearLR", "args": {"start_factor": 0.25, "total_iters": 3}}, "CosineAnnealingLR"]}})");
  const std::vector<double> rates = both.rates(11);
  EXPECT_DOUBLE_EQ(rates[0], 0.25);
  EXPECT_DOUBLE_EQ(rates[3], 1);
  EXPECT_NEAR(rates[4], 1, 1e-12);
  EXPECT_NEAR(rates[7], 0.5, 1e-12);
  EXPECT_NEAR(rates[10], 0, 1e-12);
  EXPECT_ERROR(train::ConfigValueError, Made(R"({"type": "CosineAnnealingLR"})", {}),
               "c.json:1:1: T_max: expected a number of steps, for the length of the run is not");
  EXPECT_ERROR(train::ConfigValueError,
               Made(R"({"type": "OneCycleLR", "args": {"max_lr": [1, 2]}})"), "c.json:1:1: ");
  const int64_t most = std::numeric_limits<int64_t>::max();
  const RunLength endless = {most, most};
  EXPECT_NO_THROW(Made(R"({"type": "CosineAnnealingLR", "args": {"interval": "step"}})", endless));
  EXPECT_ERROR(train::ConfigValueError,
               Made(R"({"type": "OneCycleLR", "args": {"max_lr": 1}})", endless),
               "OneCycleLR: Expected positive integer total_steps");
}

TEST(StandardSchedulers, PlateauTakesItsMetric) {
  Made made(R"({"type": "ReduceLROnPlateau", "args":
    {"monitor": "accuracy", "mode": "max", "factor": 0.5, "patience": 0}})");
  EXPECT_EQ(made.schedule.monitor, "accuracy");
  EXPECT_EQ(made.rates(3, 0.9), (std::vector<double>{1, 1, 0.5}));
}

TEST(StandardLosses, AreThoseOfNn) {
  const Tensor x = randn({5, 3}), target = tensor({0, 2, 1, 1, 0}, kLong), real = randn({5, 3});
  const Tensor p = sigmoid(x), sign = real.sign();
  const LossRegistry losses = standard_losses();
  const auto value = [&](const char* config, const Tensor& a, const Tensor& b) {
    return losses.make(parse(config))(a, b);
  };
  EXPECT_TRUE(
      same_bits(value(R"("CrossEntropyLoss")", x, target), nn::CrossEntropyLoss()(x, target)));
  const Tensor weight = tensor({1.0, 2.0, 3.0}, kFloat);
  EXPECT_TRUE(same_bits(
      value(R"({"type": "CrossEntropyLoss", "args": {"label_smoothing": 0.1, "weight": [1, 2, 3],
               "ignore_index": 2, "reduction": "sum"}})",
            x, target),
      nn::CrossEntropyLoss(nn::CrossEntropyLossOptions()
                               .label_smoothing(0.1)
                               .weight(weight)
                               .ignore_index(2)
                               .reduction(kSum))(x, target)));
  EXPECT_TRUE(same_bits(value(R"("NLLLoss")", log_softmax(x, 1), target),
                        nn::NLLLoss()(log_softmax(x, 1), target)));
  EXPECT_TRUE(same_bits(value(R"("MSELoss")", x, real), nn::MSELoss()(x, real)));
  EXPECT_TRUE(same_bits(value(R"("L1Loss")", x, real), nn::L1Loss()(x, real)));
  EXPECT_TRUE(same_bits(value(R"({"type": "SmoothL1Loss", "args": {"beta": 0.5}})", x, real),
                        nn::SmoothL1Loss(nn::SmoothL1LossOptions().beta(0.5))(x, real)));
  EXPECT_TRUE(same_bits(value(R"({"type": "HuberLoss", "args": {"delta": 0.5}})", x, real),
                        nn::HuberLoss(nn::HuberLossOptions().delta(0.5))(x, real)));
  EXPECT_TRUE(same_bits(value(R"("BCELoss")", p, p), nn::BCELoss()(p, p)));
  EXPECT_TRUE(
      same_bits(value(R"({"type": "BCEWithLogitsLoss", "args": {"pos_weight": [1, 2, 3]}})", x, p),
                nn::BCEWithLogitsLoss(nn::BCEWithLogitsLossOptions().pos_weight(weight))(x, p)));
  EXPECT_TRUE(same_bits(value(R"({"type": "KLDivLoss", "args": {"reduction": "batchmean"}})", x, p),
                        nn::KLDivLoss(nn::KLDivLossOptions().reduction(kBatchMean))(x, p)));
  EXPECT_TRUE(same_bits(value(R"("PoissonNLLLoss")", x, p), nn::PoissonNLLLoss()(x, p)));
  EXPECT_TRUE(same_bits(value(R"("SoftMarginLoss")", x, sign), nn::SoftMarginLoss()(x, sign)));
  EXPECT_TRUE(
      same_bits(value(R"("HingeEmbeddingLoss")", x, sign), nn::HingeEmbeddingLoss()(x, sign)));
  EXPECT_TRUE(same_bits(value(R"({"type": "MultiMarginLoss", "args": {"p": 2}})", x, target),
                        nn::MultiMarginLoss(nn::MultiMarginLossOptions().p(2))(x, target)));
  const Tensor classes = tensor({0, 1, -1}, kLong).expand({5, 3});
  EXPECT_TRUE(same_bits(value(R"("MultiLabelMarginLoss")", x, classes),
                        nn::MultiLabelMarginLoss()(x, classes)));
  EXPECT_TRUE(same_bits(
      value(R"({"type": "MultiLabelSoftMarginLoss", "args": {"weight": [1, 2, 3]}})", x, p),
      nn::MultiLabelSoftMarginLoss(nn::MultiLabelSoftMarginLossOptions().weight(weight))(x, p)));
  EXPECT_EQ(losses.names().size(), 15U);
}

// Weights follow the type of the output.
TEST(StandardLosses, WeightsInHalfAndDouble) {
  const LossFunction loss =
      standard_losses().make(parse(R"({"type": "CrossEntropyLoss", "args": {"weight": [1, 2]}})"));
  const Tensor target = tensor({0, 1}, kLong);
  for (const ScalarType type : {kDouble, kFloat, kBFloat16}) {
    EXPECT_EQ(loss(ones({2, 2}, type), target).scalar_type(), type);
  }
}

TEST(Standard, SchemasHoldEachName) {
  EXPECT_EQ(standard_optimizers().schema().at("anyOf").size(), 16U);
  EXPECT_EQ(standard_schedulers().schema().at("anyOf").size(), 15U);
  EXPECT_NE(standard_losses().help().find("label_smoothing: a number from 0 to 1, default 0"),
            std::string::npos);
}

}  // namespace
}  // namespace taper::train
