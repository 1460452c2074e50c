// A program outside Taper: it differentiates, and looks at the OpenBLAS it was given.
#include "taper/taper.h"

#include <dlfcn.h>

#include <cstdio>

// 2 is OpenMP, the flavour that shares Taper's threads; -1 where Taper is built without OpenBLAS.
int openblas_flavour() {
  void* parallel = dlsym(RTLD_DEFAULT, "openblas_get_parallel");
  return parallel == nullptr ? -1 : reinterpret_cast<int (*)()>(parallel)();
}

int main() {
  taper::Tensor x = taper::ones({2, 3}, taper::requires_grad());
  taper::mm(x, x.t()).sum().backward();
  double slope = x.grad().sum().item<double>();
  std::printf("taper %s: slope %g, OpenBLAS flavour %d\n", taper::version(), slope,
              openblas_flavour());
  return slope == 24.0 && openblas_flavour() == EXPECTED_FLAVOUR ? 0 : 1;
}
