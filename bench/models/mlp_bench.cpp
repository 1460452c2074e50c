// Training steps of multi-layer perceptrons, from all overhead to all arithmetic.
#include "models/networks.h"
#include "rows.h"

namespace bench {
namespace {

Row mlp_row(const std::string& name, const std::string& unit, std::vector<int64_t> sizes,
            int64_t batch) {
  Row row{name, unit, {}};
  double multiply_adds = 0.0;
  for (size_t i = 0; i + 1 < sizes.size(); ++i)
    multiply_adds += static_cast<double>(sizes[i] * sizes[i + 1] * batch);
  row.flop = 6.0 * multiply_adds - 2.0 * static_cast<double>(sizes[0] * sizes[1] * batch);
  row.setup = [=] {
    MlpTrainer trainer = make_mlp(sizes, batch);
    Body body;
    body.run = timed([trainer] {
      lib::Tensor loss = trainer->step();
      keep(loss);
    });
    body.check = [=] {
      double loss = losses_of([=] { return make_mlp(sizes, batch); }, 4).back();
      return Check{loss, loss};
    };
    return body;
  };
  return row;
}

}  // namespace

void add_mlp_rows(Suite& suite) {
  suite.rows.push_back(mlp_row("mlp/8-8-8-1/batch1", "us", {8, 8, 8, 1}, 1));
  suite.rows.push_back(mlp_row("mlp/64-64-64-10/batch1", "us", {64, 64, 64, 10}, 1));
  for (int64_t batch : {32, 128, 512}) {
    Row row = mlp_row("mlp/784-256-128-10/batch" + std::to_string(batch), "us", {784, 256, 128, 10},
                      batch);
    row.threads = {1, 2};
    suite.rows.push_back(row);
  }
}

}  // namespace bench
