// What hooks are good for: the gradients of every layer are watched while a network trains, an
// alarm says where they explode, and a hook that clips them keeps the training alive. At one step a
// batch comes in the wrong unit. The norms are drawn, without clipping and with it.
//   hooks [svg file]      default gradient_norms.svg
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "taper/taper.h"

using namespace taper;
namespace F = nn::functional;

constexpr int kSteps = 60, kBadStep = 30, kLayers = 4;
constexpr double kAlarm = 100, kClip = 1;
constexpr double kLowest = -5, kHighest = 7;  // powers of ten in the picture

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

Run train(bool with_clipping) {
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

// One panel: a line for each layer, the norms on a scale of powers of ten.
void draw(std::ofstream& svg, int left, const char* title, const Run& run) {
  constexpr int kTop = 30, kWidth = 320, kHeight = 220;
  static const char* colours[kLayers] = {"#1565c0", "#2e7d32", "#ef6c00", "#c62828"};
  const auto y_of = [](double power) {
    const double share = (std::clamp(power, kLowest, kHighest) - kLowest) / (kHighest - kLowest);
    return kTop + kHeight * (1 - share);
  };
  svg << "<text x=\"" << left << "\" y=\"" << kTop - 10 << "\">" << title << "</text>\n";
  for (int power = static_cast<int>(kLowest) + 1; power < kHighest; power += 2) {
    svg << "<path stroke=\"#ddd\" d=\"M" << left << ' ' << y_of(power) << "h" << kWidth << "\"/>\n"
        << "<text x=\"" << left + 3 << "\" y=\"" << y_of(power) - 3 << "\" fill=\"#777\">1e"
        << power << "</text>\n";
  }
  svg << "<rect x=\"" << left << "\" y=\"" << kTop << "\" width=\"" << kWidth << "\" height=\""
      << kHeight << "\" fill=\"none\" stroke=\"#bbb\"/>\n";
  for (int layer = 0; layer < kLayers; ++layer) {
    svg << "<polyline fill=\"none\" stroke-width=\"1.6\" stroke=\"" << colours[layer]
        << "\" points=\"";
    for (size_t step = 0; step < run.norms[layer].size(); ++step) {
      const double norm = run.norms[layer][step];
      if (!std::isfinite(norm)) break;
      svg << left + static_cast<double>(step) * kWidth / (kSteps - 1) << ','
          << y_of(norm > 0 ? std::log10(norm) : kLowest) << ' ';
    }
    svg << "\"/>\n<text x=\"" << left + 70 * layer << "\" y=\"" << kTop + kHeight + 18
        << "\" fill=\"" << colours[layer] << "\">layer " << layer << "</text>\n";
  }
}

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "gradient_norms.svg";
  const Run plain = train(false), clipped = train(true);
  for (const Run* run : {&plain, &clipped}) {
    std::printf("%s\n", run == &plain ? "without clipping" : "with clipping");
    for (size_t i = 0; i < std::min<size_t>(run->alarms.size(), 6); ++i) {
      std::printf("  alarm: %s\n", run->alarms[i].c_str());
    }
    std::printf("  %zu alarms; loss %.3g at first, %.3g at last\n", run->alarms.size(),
                run->first_loss, run->last_loss);
  }
  std::ofstream svg(path);
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"700\" height=\"280\""
      << " font-family=\"sans-serif\" font-size=\"12\">\n"
      << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  draw(svg, 15, "gradient norms without clipping", plain);
  draw(svg, 365, "with clipping, before it", clipped);
  svg << "</svg>\n";
  svg.close();
  std::printf(svg ? "drawn in %s\n" : "cannot write %s\n", path.c_str());
  const bool destroyed = !(plain.last_loss < plain.first_loss);
  const bool saved = clipped.last_loss < 0.1 * clipped.first_loss;
  return svg && destroyed && saved ? 0 : 1;
}
