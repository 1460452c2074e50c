// The worst error of each unary float32 function over all 2^32 inputs, or every stride-th of them,
// against what tests/support/accuracy.cpp holds it to be. Ends with 1 where one is over its bound.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "taper/taper.h"
#include "tests/support/accuracy.h"

namespace {

int usage() {
  std::fprintf(stderr, "usage: taper_accuracy [--stride N] [FUNCTION...]\n");
  return 2;
}

bool wanted(std::string_view name, int count, char** names) {
  for (int i = 0; i < count; ++i) {
    if (name == names[i]) return true;
  }
  return count == 0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace taper::testing;
  uint64_t stride = 1;
  int first = 1;
  if (argc > 1 && std::string_view(argv[1]) == "--stride") {
    if (argc < 3 || (stride = std::strtoull(argv[2], nullptr, 10)) == 0) return usage();
    first = 3;
  }
  int ran = 0, over = 0;
  for (const UnaryFunction& function : unary_functions()) {
    if (!wanted(function.name, argc - first, argv + first)) continue;
    const auto start = std::chrono::steady_clock::now();
    const WorstError worst = worst_error(function, 0, uint64_t{1} << 32, stride);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const bool bad = !(worst.ulps <= function.bound);
    std::printf("%s%s (bound %g; %.0f s)\n", bad ? "OVER " : "", worst.text(function).c_str(),
                function.bound, seconds.count());
    std::fflush(stdout);
    ++ran;
    over += bad;
  }
  if (ran == 0) return usage();
  std::printf("%d functions, every %llu. of 2^32 inputs: %d over their bound\n", ran,
              static_cast<unsigned long long>(stride), over);
  return over == 0 ? 0 : 1;
}
