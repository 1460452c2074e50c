// Draws the 15 learning-rate schedules: 60 steps of each, as panels of one SVG picture.
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "taper/taper.h"
#include "taper/train/chart.h"

using namespace taper;
using namespace taper::optim;

using Scheduler = std::shared_ptr<LRScheduler>;
constexpr int kSteps = 60;

struct Panel {
  const char* name;
  std::function<Scheduler(SGD&)> make;
};

const std::vector<Panel> panels = {
    {"StepLR", [](SGD& o) { return std::make_shared<StepLR>(o, 15, 0.5); }},
    {"MultiStepLR",
     [](SGD& o) {
       return std::make_shared<MultiStepLR>(o, std::vector<int64_t>{10, 40, 50}, 0.4);
     }},
    {"LambdaLR",
     [](SGD& o) {
       return std::make_shared<LambdaLR>(
           o, [](int64_t t) { return 1 / std::sqrt(1 + static_cast<double>(t)); });
     }},
    {"MultiplicativeLR",
     [](SGD& o) {
       return std::make_shared<MultiplicativeLR>(o,
                                                 [](int64_t t) { return t % 20 < 10 ? 0.95 : 1; });
     }},
    {"ConstantLR", [](SGD& o) { return std::make_shared<ConstantLR>(o, 0.3, 20); }},
    {"LinearLR", [](SGD& o) { return std::make_shared<LinearLR>(o, 0.1, 1, 30); }},
    {"ExponentialLR", [](SGD& o) { return std::make_shared<ExponentialLR>(o, 0.95); }},
    {"PolynomialLR", [](SGD& o) { return std::make_shared<PolynomialLR>(o, 50, 2); }},
    {"CosineAnnealingLR", [](SGD& o) { return std::make_shared<CosineAnnealingLR>(o, 60); }},
    {"CosineAnnealingWarmRestarts",
     [](SGD& o) { return std::make_shared<CosineAnnealingWarmRestarts>(o, 8, 2); }},
    {"CyclicLR",
     [](SGD& o) {
       return std::make_shared<CyclicLR>(
           o, CyclicLROptions(0.1, 1).step_size_up(8).mode("triangular2"));
     }},
    {"OneCycleLR",
     [](SGD& o) {
       return std::make_shared<OneCycleLR>(o, OneCycleLROptions(1).total_steps(kSteps + 1));
     }},
    {"SequentialLR",
     [](SGD& o) {
       const std::vector<Scheduler> parts = {std::make_shared<LinearLR>(o, 0.05, 1, 10),
                                             std::make_shared<CosineAnnealingLR>(o, 50)};
       return std::make_shared<SequentialLR>(o, parts, std::vector<int64_t>{10});
     }},
    {"ChainedScheduler",
     [](SGD& o) {
       return std::make_shared<ChainedScheduler>(std::vector<Scheduler>{
           std::make_shared<ExponentialLR>(o, 0.97), std::make_shared<ConstantLR>(o, 0.4, 15)});
     }},
    {"ReduceLROnPlateau",
     [](SGD& o) {
       return std::make_shared<ReduceLROnPlateau>(o, ReduceLROnPlateau::SchedulerMode::min, 0.5, 3);
     }},
};

/// A loss that gets better at every tenth step only.
double loss(int step) {
  const int stage = step / 10;
  return 1.0 / (1 + stage);
}

std::vector<double> rates_of(const Panel& panel) {
  SGD optimizer(std::vector<Tensor>{zeros({1}).set_requires_grad(true)},
                SGDOptions(1).momentum(0.9));
  const Scheduler scheduler = panel.make(optimizer);
  std::vector<double> rates = {scheduler->get_last_lr()[0]};
  for (int step = 0; step < kSteps; ++step) {
    optimizer.step();
    if (auto* plateau = dynamic_cast<ReduceLROnPlateau*>(scheduler.get())) {
      plateau->step(loss(step));
    } else {
      scheduler->step();
    }
    rates.push_back(scheduler->get_last_lr()[0]);
  }
  return rates;
}

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "lr_schedules.svg";
  train::Figure figure(3, 240, 140);
  for (const Panel& panel : panels) {
    train::LineChart chart;
    chart.title = panel.name;
    chart.series.push_back({"", {}, rates_of(panel)});
    figure.add(chart);
  }
  figure.save(path);
  std::printf("%zu schedules in %s\n", panels.size(), path.c_str());
  return 0;
}
