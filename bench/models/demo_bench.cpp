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

Row demo_row(const std::string& name, int64_t batch, bool channels_last) {
  Row row{name, "ms", {}};
  row.threads = {1, 2};
  row.flop = demo_flop(batch);
  row.setup = [=] {
    DemoTrainer trainer = make_demo(batch, 0.5, channels_last);
    Body body;
    body.run = timed([trainer] {
      lib::Tensor loss = trainer->step();
      keep(loss);
    });
    // Dropout masks differ between the libraries: the first loss without it is compared instead.
    body.check = [=] {
      double loss = losses_of([=] { return make_demo(batch, 0.0, channels_last); }, 2).back();
      return Check{loss, loss};
    };
    return body;
  };
  return row;
}

}  // namespace

void add_demo_rows(Suite& suite) {
  for (int64_t batch : {32, 128}) {
    std::string name = "demo/batch" + std::to_string(batch);
    suite.rows.push_back(demo_row(name, batch, false));
#ifdef BENCH_PEER
    Row alternative = demo_row(name + "/channels_last", batch, true);
    alternative.alternative_of = name;
    suite.rows.push_back(alternative);
#endif
  }
}

}  // namespace bench
