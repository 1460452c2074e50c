// The smallest program: one result, then the memory that the process holds.
#include <cstdio>
#include <cstring>

#ifdef BENCH_PEER
#include <torch/torch.h>
namespace lib = torch;
#else
#include "taper/taper.h"
namespace lib = taper;
#endif

int main() {
  lib::Tensor sum = (lib::ones({4}) + lib::ones({4})).sum();
  printf("result %g\n", sum.item<double>());
  fflush(stdout);
  FILE* status = fopen("/proc/self/status", "r");
  if (status == nullptr) return 1;
  char line[256];
  while (fgets(line, sizeof line, status) != nullptr) {
    if (strncmp(line, "VmRSS:", 6) == 0) printf("%s", line);
  }
  fclose(status);
  return 0;
}
