// Training steps of recurrent layers over 100 steps of time.
#include "models/networks.h"
#include "rows.h"

namespace bench {
namespace {

constexpr int64_t kSteps = 100, kSize = 256, kLayers = 2;

/// The layer's outputs, without its state.
template <class Layer, class Options>
struct Recurrent : lib::nn::Module {
  Layer layer = register_module("layer", Layer(Options(kSize, kSize).num_layers(kLayers)));
  lib::Tensor forward(const lib::Tensor& x) { return std::get<0>(layer->forward(x)); }
};

template <class Layer, class Options>
Row recurrent_row(const std::string& name, int64_t gates, int64_t batch) {
  Row row{"recurrent/" + name + "/2x256/steps100/batch" + std::to_string(batch), "ms", {}};
  row.threads = {1, 2};
  const double weights = static_cast<double>(kLayers * gates * kSize * 2 * kSize);
  row.flop = 6.0 * weights * static_cast<double>(kSteps * batch) -
             2.0 * static_cast<double>(gates * kSize * kSize * kSteps * batch);
  row.setup = [=] {
    using Net = Recurrent<Layer, Options>;
    const auto make = [=] {
      return std::make_shared<Trainer<Net>>(std::make_shared<Net>(),
                                            filled({kSteps, batch, kSize}, 7),
                                            filled({kSteps, batch, kSize}, 8), false);
    };
    const auto trainer = make();
    Body body;
    body.run = timed([trainer] {
      lib::Tensor loss = trainer->step();
      keep(loss);
    });
    body.check = [=] {
      const double loss = losses_of(make, 3).back();
      return Check{loss, loss};
    };
    return body;
  };
  return row;
}

}  // namespace

void add_recurrent_rows(Suite& suite) {
  for (const int64_t batch : {1, 16, 32}) {
    suite.rows.push_back(recurrent_row<lib::nn::LSTM, lib::nn::LSTMOptions>("lstm", 4, batch));
    suite.rows.push_back(recurrent_row<lib::nn::GRU, lib::nn::GRUOptions>("gru", 3, batch));
  }
}

}  // namespace bench
