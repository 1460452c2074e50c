// What files_roundtrip.py runs: copies files through Taper, and loads, runs and saves networks.
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "taper/taper.h"

namespace {

using namespace taper;

bool ends_with(const std::string& text, const char* end) { return text.ends_with(end); }

void copy(const std::string& from, const std::string& to) {
  if (ends_with(from, ".npy")) {
    io::save_npy(to, io::load_npy(from));
  } else if (ends_with(from, ".npz")) {
    io::save_npz(to, io::load_npz(from), to.find("compressed") != std::string::npos);
  } else {
    save(load(from), to);
  }
}

using Network = std::shared_ptr<nn::Module>;

/// The networks that files_roundtrip.py defines by the same names, each with its forward.
struct Named {
  Network module;
  std::function<Tensor(const Tensor&)> forward;
};

template <class Holder>
Named named(Holder holder) {
  return {holder.ptr(), [holder](const Tensor& x) mutable { return holder->forward(x); }};
}

std::map<std::string, Named> networks() {
  using namespace nn;
  return {
      {"linear", named(Linear(6, 3))},
      {"mlp", named(Sequential(Linear(6, 8), ReLU(), Linear(8, 8), Tanh(), Linear(8, 2)))},
      {"no_bias", named(Linear(LinearOptions(6, 3).bias(false)))},
      {"batchnorm", named(Sequential(Linear(6, 4), BatchNorm1d(4), Sigmoid()))},
      {"layernorm", named(Sequential(LayerNorm(LayerNormOptions({6})), Linear(6, 2)))},
      {"groupnorm", named(Sequential(Conv2d(Conv2dOptions(1, 4, 3)), GroupNorm(2, 4), GELU()))},
      {"conv", named(Sequential(Conv2d(Conv2dOptions(1, 4, 3).padding(1)), BatchNorm2d(4), ReLU(),
                                MaxPool2d(MaxPool2dOptions(2)), Conv2d(Conv2dOptions(4, 2, 3))))},
      {"grouped", named(Sequential(Conv2d(Conv2dOptions(1, 4, 3)),
                                   Conv2d(Conv2dOptions(4, 4, 3).groups(4).bias(false))))},
      {"nested", named(Sequential(Sequential(Linear(6, 5), ReLU()),
                                  Sequential(Linear(5, 4), Sequential(Linear(4, 3)))))},
      {"dropout", named(Sequential(Linear(6, 4), Dropout(0.5), Linear(4, 2)))},
  };
}

/// FOLDER/NAME.pt is a network's state, NAME.x.pt its input; its output goes to NAME.y.pt and what
/// Taper writes of the network to NAME.taper.pt.
void run(const std::string& folder) {
  for (auto& [name, network] : networks()) {
    const std::string base = folder + "/" + name;
    load(network.module, base + ".pt");
    network.module->eval();
    Tensor x;
    load(x, base + ".x.pt");
    save(network.forward(x).detach(), base + ".y.pt");
    save(network.module, base + ".taper.pt");
  }
}

/// Adam's state over two parameters, after FOLDER/adam.pt has been loaded and another step.
void step(const std::string& folder) {
  const Tensor a = full({2, 3}, 1.0).requires_grad_(), b = full({4}, 2.0).requires_grad_();
  optim::Adam optimizer({a, b}, optim::AdamOptions(1.0));
  load(optimizer, folder + "/adam.pt");
  a.mutable_grad() = full({2, 3}, 0.5);
  b.mutable_grad() = full({4}, -0.25);
  optimizer.step();
  save(optimizer, folder + "/adam.taper.pt");
  save(std::vector<Tensor>{a.detach(), b.detach()}, folder + "/params.taper.pt");
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::string verb = count > 1 ? arguments[1] : "";
    if (verb == "copy" && count % 2 == 0) {
      for (int i = 2; i < count; i += 2) copy(arguments[i], arguments[i + 1]);
      return 0;
    }
    if (verb == "run" && count == 3) return run(arguments[2]), 0;
    if (verb == "step" && count == 3) return step(arguments[2]), 0;
    std::fprintf(stderr, "usage: copy FROM TO ... | run FOLDER | step FOLDER\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 1;
}
