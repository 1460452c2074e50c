// The trained networks, as a user of either library writes them.
#pragma once

#include <memory>
#include <optional>

#include "lib.h"

namespace bench {

/// Linear, ReLU, Linear, ReLU, Linear.
struct Mlp : lib::nn::Module {
  Mlp(int64_t in, int64_t first, int64_t second, int64_t out)
      : fc1(register_module("fc1", lib::nn::Linear(in, first))),
        fc2(register_module("fc2", lib::nn::Linear(first, second))),
        fc3(register_module("fc3", lib::nn::Linear(second, out))) {}

  lib::Tensor forward(lib::Tensor x) {
    x = lib::relu(fc1->forward(x));
    x = lib::relu(fc2->forward(x));
    return fc3->forward(x);
  }

  lib::nn::Linear fc1, fc2, fc3;
};

/// The demo's convolutional classifier for (n, 1, 28, 28) images.
struct DemoNet : lib::nn::Module {
  explicit DemoNet(double drop)
      : conv1(
            register_module("conv1", lib::nn::Conv2d(lib::nn::Conv2dOptions(1, 32, 3).padding(1)))),
        conv2(register_module("conv2",
                              lib::nn::Conv2d(lib::nn::Conv2dOptions(32, 64, 3).padding(1)))),
        norm(register_module("norm", lib::nn::BatchNorm2d(64))),
        fc1(register_module("fc1", lib::nn::Linear(3136, 128))),
        dropout(register_module("dropout", lib::nn::Dropout(drop))),
        fc2(register_module("fc2", lib::nn::Linear(128, 10))) {}

  lib::Tensor forward(lib::Tensor x) {
    x = lib::max_pool2d(lib::relu(conv1->forward(x)), {2, 2});
    x = lib::max_pool2d(lib::relu(norm->forward(conv2->forward(x))), {2, 2});
    x = lib::relu(fc1->forward(x.flatten(1)));
    return fc2->forward(dropout->forward(x));
  }

  lib::nn::Conv2d conv1, conv2;
  lib::nn::BatchNorm2d norm;
  lib::nn::Linear fc1;
  lib::nn::Dropout dropout;
  lib::nn::Linear fc2;
};

/// A network with its Adam optimizer and one resident batch; `step` trains once and gives the loss.
template <class Net>
struct Trainer {
  std::shared_ptr<Net> net;
  lib::Tensor input, target;
  bool classes, bf16;
  lib::optim::Adam optimizer;

  Trainer(std::shared_ptr<Net> network, lib::Tensor x, lib::Tensor y, bool y_is_classes,
          bool autocast = false)
      : net(prepared(std::move(network))),
        input(std::move(x)),
        target(std::move(y)),
        classes(y_is_classes),
        bf16(autocast),
        optimizer(net->parameters(), lib::optim::AdamOptions(1e-3)) {}

  lib::Tensor step() {
    optimizer.zero_grad();
    lib::Tensor loss;
    {
      std::optional<Autocast> guard;
      if (bf16) guard.emplace();
      lib::Tensor output = net->forward(input);
      loss = classes ? lib::nn::functional::cross_entropy(output, target)
                     : lib::nn::functional::mse_loss(output, target);
    }
    loss.backward();
    optimizer.step();
    return loss;
  }

 private:
  static std::shared_ptr<Net> prepared(std::shared_ptr<Net> network) {
    set_weights(network->parameters(), 100);
    return network;
  }
};

/// `steps` losses of a fresh trainer.
template <class Make>
std::vector<double> losses_of(Make make, int steps) {
  auto trainer = make();
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) losses.push_back(trainer->step().template item<double>());
  return losses;
}

using MlpTrainer = std::shared_ptr<Trainer<Mlp>>;
using DemoTrainer = std::shared_ptr<Trainer<DemoNet>>;

/// MLP with layer widths `sizes` (four of them); one output means regression.
MlpTrainer make_mlp(const std::vector<int64_t>& sizes, int64_t batch);
DemoTrainer make_demo(int64_t batch, double drop);

}  // namespace bench
