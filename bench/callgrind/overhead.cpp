// The overhead rows as a fixed number of iterations each, for counting instructions: callgrind
// writes one dump per row, named by the row and its iterations.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <string>

#include "models/networks.h"

namespace {

// Warms up uncounted (caches, first allocations), then counts `iterations` calls.
template <class F>
void count_row(const std::string& name, int iterations, F body) {
  for (int i = 0; i < 200; ++i) body();
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
  for (int i = 0; i < iterations; ++i) body();
  CALLGRIND_TOGGLE_COLLECT;
  std::string label = name + " " + std::to_string(iterations);
  CALLGRIND_DUMP_STATS_AT(label.c_str());
}

void count_tiny() {
  lib::NoGradGuard no_grad;
  lib::Tensor a = bench::filled({1}, 1), b = bench::filled({1}, 2), x = bench::filled({4, 8}, 3);
  lib::Tensor row = bench::filled({1, 64}, 4), weight = bench::filled({64, 64}, 5);
  lib::Tensor bias = bench::filled({64}, 6);
  auto count_op = [](const std::string& name, auto op) {
    count_row(name, 1000, [op]() mutable {
      lib::Tensor result = op();
      bench::keep(result);
    });
  };
  count_op("add", [=] { return a + b; });
  count_op("mul_scalar", [=] { return a * 2.0; });
  count_op("empty", [] { return lib::empty({4, 8}); });
  count_op("view", [=] { return x.view({8, 4}); });
  count_op("select", [=] { return x.select(0, 1); });
  count_op("linear_1x64", [=] { return lib::linear(row, weight, bias); });
  // The same through a module: forward() and the call operator, which looks for hooks.
  lib::nn::Linear layer(64, 64);
  count_op("module_forward", [=]() mutable { return layer->forward(row); });
  count_op("module_call", [=]() mutable { return layer(row); });
}

void count_autograd() {
  lib::Tensor a = bench::filled({1}, 1).requires_grad_(), b = lib::ones({1});
  count_row("recorded_mul", 1000, [=] {
    lib::Tensor result = a * b;
    bench::keep(result);
  });
  // A chain, record and backward together: 100 nodes each.
  count_row("chain_100_backward", 20, [=] {
    lib::Tensor y = a;
    for (int i = 0; i < 100; ++i) y = y * b;
    y.backward();
  });
  lib::nn::Linear layer(8, 8);
  lib::Tensor x = bench::filled({8, 8}, 2);
  count_row("linear_8x8_forward_backward", 500,
            [=]() mutable { layer->forward(x).sum().backward(); });
  bench::MlpTrainer trainer = bench::make_mlp({8, 8, 8, 1}, 1);
  count_row("mlp_8-8-8-1_adam_step", 300, [=] {
    lib::Tensor loss = trainer->step();
    bench::keep(loss);
  });
}

}  // namespace

int main() {
  count_tiny();
  count_autograd();
  return 0;
}
