#include <cstdio>

#include "taper/taper.h"

int main() {
  taper::Tensor x = taper::ones({2, 3}, taper::requires_grad());
  (x * x).sum().backward();
  double slope = x.grad().sum().item<double>();
  std::printf("taper %s: %g\n", taper::version(), slope);
  return slope == 12.0 ? 0 : 1;
}
