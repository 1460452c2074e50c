// What a user's first file looks like: include the umbrella header, train an MLP.
#include <cstdio>

#ifdef BENCH_TORCH
#include <torch/torch.h>
namespace lib = torch;
#else
#include "taper/taper.h"
namespace lib = taper;
#endif

struct Net : lib::nn::Module {
  Net() {
    fc1 = register_module("fc1", lib::nn::Linear(8, 16));
    fc2 = register_module("fc2", lib::nn::Linear(16, 1));
  }
  lib::Tensor forward(const lib::Tensor& x) { return fc2->forward(lib::relu(fc1->forward(x))); }
  lib::nn::Linear fc1{nullptr}, fc2{nullptr};
};

int main() {
  lib::manual_seed(0);
  auto net = std::make_shared<Net>();
  lib::optim::Adam optimizer(net->parameters(), lib::optim::AdamOptions(1e-2));
  lib::Tensor x = lib::rand({64, 8}), y = x.sum(1, /*keepdim=*/true);
  for (int epoch = 0; epoch < 100; ++epoch) {
    optimizer.zero_grad();
    lib::Tensor loss = lib::nn::functional::mse_loss(net->forward(x), y);
    loss.backward();
    optimizer.step();
    if (epoch % 20 == 0) printf("%d %g\n", epoch, loss.item<double>());
  }
}
