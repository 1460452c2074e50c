#include <torch/torch.h>

#include <iostream>

int main() {
  torch::nn::Linear net(4, 2);
  const at::Tensor y = net(torch::ones({3, 4}));
  TORCH_CHECK(y.sizes() == at::IntArrayRef({3, 2}), "got ", y.sizes());
  std::cout << y << std::endl;
}
