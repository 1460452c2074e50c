#include "models/networks.h"

namespace bench {

MlpTrainer make_mlp(const std::vector<int64_t>& sizes, int64_t batch) {
  auto net = std::make_shared<Mlp>(sizes[0], sizes[1], sizes[2], sizes[3]);
  bool classes = sizes[3] > 1;
  lib::Tensor target = classes ? labels(batch, sizes[3]) : filled({batch, 1}, 8);
  return std::make_shared<Trainer<Mlp>>(net, filled({batch, sizes[0]}, 7, 0.0f, 1.0f), target,
                                        classes);
}

DemoTrainer make_demo(int64_t batch, double drop) {
  lib::Tensor input = filled({batch, 1, 28, 28}, 7, 0.0f, 1.0f);
  return std::make_shared<Trainer<DemoNet>>(std::make_shared<DemoNet>(drop), input,
                                            labels(batch, 10), true);
}

}  // namespace bench
