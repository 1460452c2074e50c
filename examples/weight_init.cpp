// Why the first weights matter: the spread of the activations through 20 layers, for several ways
// to initialise them. apply() visits the layers, forward hooks measure what they give.
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "taper/taper.h"

using namespace taper;

constexpr int kLayers = 20, kWidth = 128;

struct Method {
  const char* name;
  std::function<void(nn::LinearImpl&)> init;  // empty: as the layer is made
};

const std::vector<Method> methods = {
    {"as made", {}},
    {"normal, std 0.01", [](nn::LinearImpl& layer) { nn::init::normal_(layer.weight, 0, 0.01); }},
    {"normal, std 1", [](nn::LinearImpl& layer) { nn::init::normal_(layer.weight); }},
    {"Xavier uniform", [](nn::LinearImpl& layer) { nn::init::xavier_uniform_(layer.weight); }},
    {"Kaiming normal",
     [](nn::LinearImpl& layer) { nn::init::kaiming_normal_(layer.weight, 0, kFanIn, kReLU); }},
};

nn::Sequential make_model() {
  nn::Sequential model;
  for (int i = 0; i < kLayers; ++i) {
    model->push_back(nn::Linear(kWidth, kWidth));
    model->push_back(nn::ReLU());
  }
  return model;
}

// How far what each ReLU gives differs from sample to sample: the standard deviation over the
// batch, averaged over the units.
std::vector<double> spreads(const Method& method, const Tensor& x) {
  nn::Sequential model = make_model();
  if (method.init) {
    model->apply([&](nn::Module& module) {
      auto* linear = module.as<nn::Linear>();
      if (linear == nullptr) return;
      method.init(*linear);
      nn::init::zeros_(linear->bias);
    });
  }
  std::vector<double> result;
  for (const auto& module : model->children()) {
    if (module->as<nn::ReLU>() == nullptr) continue;
    module->register_forward_hook(
        [&result](nn::Module&, const nn::ValueList&, const nn::AnyValue& output) {
          result.push_back(output.get<Tensor>().to(kDouble).std(0, true).mean().item<double>());
        });
  }
  NoGradGuard no_grad;
  model(x);
  return result;
}

int main() {
  manual_seed(0);
  const Tensor x = randn({256, kWidth});
  std::printf("spread after layer                 1         5        10        20\n");
  bool as_expected = true;
  for (const Method& method : methods) {
    const std::vector<double> at = spreads(method, x);
    std::printf("%-26s %9.3g %9.3g %9.3g %9.3g\n", method.name, at[0], at[4], at[9], at[19]);
    // A ReLU halves the second moment of its input; Kaiming's factor of 2 makes up for it.
    const double kept = at[19] / at[0];
    const std::string name = method.name;
    if (name == "Kaiming normal") as_expected &= kept > 0.05 && kept < 5;
    if (name == "normal, std 1") as_expected &= kept > 1e10;
    if (name == "as made") as_expected &= kept < 1e-5;
    if (name == "normal, std 0.01") as_expected &= kept < 1e-15;
  }
  std::printf("What shrinks or grows by a factor in each layer does so to gradients as well.\n");
  return as_expected ? 0 : 1;
}
