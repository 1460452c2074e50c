// An epoch of shuffled batches of 256 from a tensor in memory, made in the caller's thread.
#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

auto make_loader(int64_t samples, int64_t width) {
  auto dataset = lib::data::datasets::TensorDataset(filled({samples, width}, 3))
                     .map(lib::data::transforms::Stack<lib::data::TensorExample>());
  return lib::data::make_data_loader(std::move(dataset),
                                     lib::data::DataLoaderOptions().batch_size(256));
}

}  // namespace

void add_loader_rows(Suite& suite) {
  for (bool wide : {false, true}) {
    const int64_t samples = wide ? 60'000 : 10'000, width = wide ? 784 : 5;
    Row row{wide ? "data/shuffled/60Kx784" : "data/shuffled/10Kx5", "ms", {}};
    row.bytes = 8.0 * static_cast<double>(samples * width);
    row.elements = samples * width;
    row.setup = [=] {
      // A function object must be copyable: the loader itself is not.
      auto loader = std::make_shared<decltype(make_loader(1, 1))>(make_loader(samples, width));
      Body body;
      body.run = timed([loader] {
        for (auto& batch : **loader) keep(batch);
      });
      body.check = [=] {
        Check sums;
        for (auto& batch : **loader) {
          sums.value += batch.data.sum().template item<double>();
          sums.scale += batch.data.abs().sum().template item<double>();
        }
        return sums;
      };
      return body;
    };
    suite.rows.push_back(row);
  }
}

}  // namespace bench
