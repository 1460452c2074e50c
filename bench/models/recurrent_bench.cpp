// Forward and backward of recurrent layers over 100 steps.
#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

constexpr int64_t kSteps = 100, kSize = 256, kLayers = 2;

/// A layer over a resident batch; `step` gives the outputs and leaves the gradients.
template <class Layer>
struct Recurrent {
  Layer layer;
  lib::Tensor input;

  Recurrent(Layer l, int64_t batch)
      : layer(std::move(l)), input(filled({kSteps, batch, kSize}, 7)) {
    set_weights(layer->parameters(), 100);
  }
  lib::Tensor step() {
    for (const lib::Tensor& p : layer->parameters()) p.mutable_grad() = lib::Tensor();
    lib::Tensor output = std::get<0>(layer->forward(input));
    output.sum().backward();
    return output;
  }
};

template <class Layer, class Options>
Row recurrent_row(const std::string& name, int64_t gates, int64_t batch) {
  Row row{"recurrent/" + name + "/2x256/steps100/batch" + std::to_string(batch), "ms", {}};
  row.threads = {1, 2};
  const double weights = static_cast<double>(kLayers * gates * kSize * 2 * kSize);
  row.flop = 6.0 * weights * static_cast<double>(kSteps * batch) -
             2.0 * static_cast<double>(gates * kSize * kSize * kSteps * batch);
  row.setup = [=] {
    const auto make = [=] {
      return std::make_shared<Recurrent<Layer>>(Layer(Options(kSize, kSize).num_layers(kLayers)),
                                                batch);
    };
    const auto net = make();
    Body body;
    body.run = timed([net] {
      lib::Tensor output = net->step();
      keep(output);
    });
    body.check = [=] {
      const auto fresh = make();
      const Check output = checksum(fresh->step());
      const Check grad = checksum(fresh->layer->named_parameters()["weight_hh_l0"].grad());
      return Check{output.value + grad.value, output.scale + grad.scale};
    };
    return body;
  };
  return row;
}

}  // namespace

void add_recurrent_rows(Suite& suite) {
  for (const int64_t batch : {1, 32}) {
    suite.rows.push_back(recurrent_row<lib::nn::LSTM, lib::nn::LSTMOptions>("lstm", 4, batch));
    suite.rows.push_back(recurrent_row<lib::nn::GRU, lib::nn::GRUOptions>("gru", 3, batch));
  }
}

}  // namespace bench
