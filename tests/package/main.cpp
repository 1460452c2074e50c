// A program outside Taper: it differentiates, and looks at the OpenBLAS it was given.
#include "taper/taper.h"

#include <dlfcn.h>

#include <cstdio>

// 2 is OpenMP, the flavour that shares Taper's threads; -1 where nothing has loaded OpenBLAS.
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
  bool shares_threads = openblas_flavour() == 2 || openblas_flavour() == -1;
  return slope == 24.0 && shares_threads ? 0 : 1;
}
