// Parameter, buffer, plain tensor: who trains it, who saves it, who moves it.
#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "taper/taper.h"

using namespace taper;

namespace {

// The same three numbers, held in five ways.
struct HolderImpl : nn::Module {
  HolderImpl() {
    parameter = register_parameter("parameter", nn::Parameter(ones({3})));
    frozen = register_parameter("frozen", nn::Parameter(ones({3}), /*requires_grad=*/false));
    buffer = register_buffer("buffer", nn::Buffer(ones({3})));
    cache = register_buffer("cache", nn::Buffer(ones({3}), /*persistent=*/false));
    plain = ones({3});
  }
  Tensor forward(const Tensor& x) { return x * parameter * frozen * buffer * cache * plain; }
  Tensor parameter, frozen, buffer, cache, plain;
};
TAPER_MODULE(Holder);

std::string yes(bool value) { return value ? "yes" : "no"; }
std::string padded(std::string text, size_t width) {
  text.resize(width, ' ');
  return text;
}

void show_table() {
  Holder module;
  module(ones({3})).sum().backward();
  optim::SGD(module->parameters(), optim::SGDOptions(0.5)).step();
  const auto saved = module->state_dict().keys();
  module->to(kDouble);
  std::cout << "           trained  in the state  moved by to()\n";
  const std::vector<std::pair<std::string, Tensor>> all = {{"parameter", module->parameter},
                                                           {"frozen", module->frozen},
                                                           {"buffer", module->buffer},
                                                           {"cache", module->cache},
                                                           {"plain", module->plain}};
  for (const auto& [name, tensor] : all) {
    const bool trained = tensor[0].item<double>() != 1;
    const bool in_state = std::find(saved.begin(), saved.end(), name) != saved.end();
    std::cout << padded(name, 11) << padded(yes(trained), 9) << padded(yes(in_state), 14)
              << yes(tensor.dtype() == kDouble) << '\n';
  }
}

// What a Parameter is made of does not matter: it is a leaf of its own over the same memory.
void show_leaf() {
  std::cout << "\nA Parameter of a result\n";
  const Tensor weight = ones({2}).requires_grad_();
  const Tensor scaled = weight * 2;
  const nn::Parameter parameter(scaled);
  std::cout << "leaf: " << yes(scaled.is_leaf()) << " before, " << yes(parameter.is_leaf())
            << " after; same memory: " << yes(parameter.data_ptr() == scaled.data_ptr()) << '\n';
  nn::Module module;
  try {
    module.register_parameter("scaled", scaled);
  } catch (const Error& error) {
    std::cout << "error: " << error.what_without_backtrace() << '\n';
  }
}

// To freeze is to end requires_grad: the optimizer then passes by what has no gradient.
void show_freezing() {
  std::cout << "\nFreezing the first layer\n";
  manual_seed(0);
  nn::Sequential net(nn::Linear(2, 2), nn::Tanh(), nn::Linear(2, 1));
  for (const Tensor& parameter : net->ptr(0)->parameters()) parameter.requires_grad_(false);
  optim::SGD optimizer(net->parameters(), optim::SGDOptions(0.1));
  std::vector<Tensor> before;
  for (const Tensor& parameter : net->parameters()) before.push_back(parameter.detach().clone());
  net(ones({4, 2})).sum().backward();
  optimizer.step();
  size_t i = 0;
  for (const auto& item : net->named_parameters()) {
    std::cout << item.key() << ": " << (item.value().equal(before[i++]) ? "as before" : "changed")
              << '\n';
  }
}

}  // namespace

int main() {
  show_table();
  show_leaf();
  show_freezing();
  return 0;
}
