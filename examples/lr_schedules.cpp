// Draws the 15 learning-rate schedules: 60 steps of each, as panels of one SVG picture.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "taper/taper.h"

using namespace taper;
using namespace taper::optim;

using Scheduler = std::shared_ptr<LRScheduler>;
constexpr int kSteps = 60, kColumns = 3, kWidth = 200, kHeight = 90, kMargin = 26;

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
  const int rows = static_cast<int>(panels.size() + kColumns - 1) / kColumns;
  std::ofstream svg(path);
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << kColumns * (kWidth + kMargin)
      << "\" height=\"" << rows * (kHeight + kMargin) << "\" font-family=\"sans-serif\""
      << " font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  for (size_t i = 0; i < panels.size(); ++i) {
    const int x = static_cast<int>(i % kColumns) * (kWidth + kMargin) + kMargin / 2;
    const int y = static_cast<int>(i / kColumns) * (kHeight + kMargin) + kMargin - 6;
    svg << "<text x=\"" << x << "\" y=\"" << y - 4 << "\">" << panels[i].name << "</text>\n"
        << "<rect x=\"" << x << "\" y=\"" << y << "\" width=\"" << kWidth << "\" height=\""
        << kHeight << "\" fill=\"none\" stroke=\"#bbb\"/>\n<polyline fill=\"none\" "
        << "stroke=\"#1565c0\" stroke-width=\"1.6\" points=\"";
    const std::vector<double> rates = rates_of(panels[i]);
    for (size_t t = 0; t < rates.size(); ++t) {
      char point[32];
      std::snprintf(point, sizeof(point), "%.1f,%.1f ",
                    x + static_cast<double>(t) * kWidth / kSteps,
                    y + kHeight - 4 - std::min(rates[t], 1.0) * (kHeight - 8));
      svg << point;
    }
    svg << "\"/>\n";
  }
  svg << "</svg>\n";
  svg.close();
  std::printf("%zu schedules in %s\n", panels.size(), path.c_str());
  return svg ? 0 : 1;
}
