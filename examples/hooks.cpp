// What hooks are good for: the gradients of every layer are watched while a network trains, an
// alarm says where they explode, and a hook that clips them keeps the training alive. At one step a
// batch comes in the wrong unit. The norms are drawn, without clipping and with it.
//   hooks [svg file]      default gradient_norms.svg
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "taper/taper.h"
#include "taper/train/chart.h"

using namespace taper;
namespace F = nn::functional;

constexpr int kSteps = 60, kBadStep = 30, kLayers = 4;
constexpr double kAlarm = 100, kClip = 1;

struct Run {
  std::vector<std::vector<double>> norms{kLayers};  // of each layer's weight, in each step
  std::vector<std::string> alarms;
  double first_loss = 0, last_loss = 0;
};

// Hooks run in the order of registration: the watcher sees what the backward gives, the clipper
// returns what shall stand in its place.
void watch(Run& run, int layer, const Tensor& weight) {
  weight.register_hook([&run, layer](const Tensor& gradient) {
    const double norm = gradient.norm().item<double>();
    run.norms[layer].push_back(norm);
    if (norm > kAlarm || !std::isfinite(norm)) {
      char text[80];
      std::snprintf(text, sizeof(text), "step %zu, layer %d: gradient norm %.3g",
                    run.norms[layer].size() - 1, layer, norm);
      run.alarms.emplace_back(text);
    }
  });
}
void clip(const Tensor& parameter) {
  parameter.register_hook([](const Tensor& gradient) {
    const double norm = gradient.norm().item<double>();
    return norm > kClip ? gradient * (kClip / norm) : gradient;
  });
}

Run run_training(bool with_clipping) {
  manual_seed(0);
  Run run;
  nn::Sequential model;
  for (int i = 0; i < kLayers; ++i) {
    nn::Linear linear(i == 0 ? 8 : 32, i == kLayers - 1 ? 1 : 32);
    watch(run, i, linear->weight);
    if (with_clipping) {
      for (const Tensor& parameter : linear->parameters()) clip(parameter);
    }
    model->push_back(linear);
    if (i < kLayers - 1) model->push_back(nn::ReLU());
  }
  optim::SGD optimizer(model->parameters(), optim::SGDOptions(0.05).momentum(0.9));
  const Tensor weight = randn({8, 1});
  for (int step = 0; step < kSteps; ++step) {
    Tensor x = randn({64, 8});
    const Tensor y = x.mm(weight);
    if (step == kBadStep) x *= 1000;
    const Tensor loss = F::mse_loss(model(x), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    if (step == 0) run.first_loss = loss.item<double>();
    run.last_loss = loss.item<double>();
  }
  return run;
}

train::LineChart chart_of(const char* title, const Run& run) {
  train::LineChart chart;
  chart.title = title;
  chart.x_label = "step";
  chart.log_y = true;
  for (int layer = 0; layer < kLayers; ++layer) {
    chart.series.push_back({"layer " + std::to_string(layer), {}, run.norms[layer]});
  }
  return chart;
}

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "gradient_norms.svg";
  const Run plain = run_training(false), clipped = run_training(true);
  for (const Run* run : {&plain, &clipped}) {
    std::printf("%s\n", run == &plain ? "without clipping" : "with clipping");
    for (size_t i = 0; i < std::min<size_t>(run->alarms.size(), 6); ++i) {
      std::printf("  alarm: %s\n", run->alarms[i].c_str());
    }
    std::printf("  %zu alarms; loss %.3g at first, %.3g at last\n", run->alarms.size(),
                run->first_loss, run->last_loss);
  }
  train::Figure figure(2, 380, 300);
  figure.add(chart_of("Gradient norms without clipping", plain));
  figure.add(chart_of("With clipping, before it", clipped));
  figure.save(path);
  std::printf("drawn in %s\n", path.c_str());
  const bool destroyed = !(plain.last_loss < plain.first_loss);
  const bool saved = clipped.last_loss < 0.1 * clipped.first_loss;
  return destroyed && saved ? 0 : 1;
}
