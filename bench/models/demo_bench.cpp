// Training steps of the demo's network, dropout included.
#include "models/networks.h"
#include "rows.h"

namespace bench {
namespace {

double demo_flop(int64_t batch) {
  double first = 28.0 * 28 * 32 * 9, second = 14.0 * 14 * 64 * 9 * 32;
  double linear = 3136.0 * 128 + 128 * 10;
  return static_cast<double>(batch) * (6.0 * (first + second + linear) - 2.0 * first);
}

using Make = DemoTrainer (*)(int64_t batch, double drop);

Row demo_row(const std::string& name, int64_t batch, Make make) {
  Row row{name, "ms", {}};
  row.threads = {1, 2};
  row.flop = demo_flop(batch);
  row.setup = [=] {
    DemoTrainer trainer = make(batch, 0.5);
    Body body;
    body.run = timed([trainer] {
      lib::Tensor loss = trainer->step();
      keep(loss);
    });
    // Dropout masks differ between the libraries: losses without it are compared instead.
    body.check = [=] {
      double loss = losses_of([=] { return make(batch, 0.0); }, 2).back();
      return Check{loss, loss};
    };
    return body;
  };
  return row;
}

#ifdef BENCH_PEER
// LibTorch with images and filters in channels-last order: the faster setting for some machines.
DemoTrainer make_channels_last(int64_t batch, double drop) {
  DemoTrainer trainer = make_demo(batch, drop);
  lib::NoGradGuard no_grad;
  trainer->input = trainer->input.contiguous(lib::MemoryFormat::ChannelsLast);
  for (lib::Tensor weight : {trainer->net->conv1->weight, trainer->net->conv2->weight})
    weight.set_data(weight.contiguous(lib::MemoryFormat::ChannelsLast));
  return trainer;
}
#endif

}  // namespace

void add_demo_rows(Suite& suite) {
  for (int64_t batch : {32, 128}) {
    std::string name = "demo/batch" + std::to_string(batch);
    suite.rows.push_back(demo_row(name, batch, make_demo));
#ifdef BENCH_PEER
    Row alternative = demo_row(name + "/channels_last", batch, make_channels_last);
    alternative.alternative_of = name;
    suite.rows.push_back(alternative);
#endif
  }
}

}  // namespace bench
