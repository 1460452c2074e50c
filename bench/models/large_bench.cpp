// Training steps of GPT and ResNet-18, in float32 and under bfloat16 autocast.
#include "models/large_networks.h"
#include "rows.h"

namespace bench {
namespace {

constexpr GptSize kGpt{6, 384, 6, 256, 65};

std::shared_ptr<Trainer<Gpt>> make_gpt(bool bf16) {
  constexpr int64_t kBatch = 8;
  const lib::Tensor text = labels(kBatch * kGpt.length, kGpt.vocabulary);
  return std::make_shared<Trainer<Gpt>>(std::make_shared<Gpt>(kGpt),
                                        text.view({kBatch, kGpt.length}), text, true, bf16);
}

double gpt_flop() {
  const double width = kGpt.width, length = kGpt.length;
  const double block = 12 * width * width + 2 * length * width;
  return 6.0 * 8 * length * (static_cast<double>(kGpt.layers) * block + 65 * width);
}

std::shared_ptr<Trainer<ResNet18>> make_resnet(bool bf16) {
  constexpr int64_t kBatch = 32;
  return std::make_shared<Trainer<ResNet18>>(
      std::make_shared<ResNet18>(), filled({kBatch, 3, 32, 32}, 7), labels(kBatch, 10), true, bf16);
}

double resnet_flop() {
  double products = 32.0 * 32 * 64 * 27 + 512 * 10, size = 32 * 32, in = 64;
  for (const double out : {64.0, 128.0, 256.0, 512.0}) {
    if (out > 64) size /= 4;
    products += size * out * 9 * (in + 3 * out) + (out > 64 ? size * out * in : 0);
    in = out;
  }
  return 6.0 * 32 * products - 2.0 * 32 * 32 * 32 * 64 * 27;
}

template <class Make>
Row step_row(const std::string& name, double flop, bool bf16, Make make) {
  Row row{name + (bf16 ? "/bf16" : ""), "ms", {}};
  row.threads = {1, 2};
  // The ceiling is float32's.
  row.flop = bf16 ? 0 : flop;
  row.setup = [=] {
    const auto trainer = make(bf16);
    Body body;
    body.run = timed([trainer] {
      lib::Tensor loss = trainer->step();
      keep(loss);
    });
    body.check = [=] {
      const double loss = losses_of([=] { return make(bf16); }, 2).back();
      return Check{loss, bf16 ? 100 * loss : loss};
    };
    return body;
  };
  return row;
}

}  // namespace

void add_large_rows(Suite& suite) {
  for (const bool bf16 : {false, true}) {
    suite.rows.push_back(step_row("gpt/6x384/batch8", gpt_flop(), bf16, make_gpt));
    suite.rows.push_back(step_row("resnet18/32x32/batch32", resnet_flop(), bf16, make_resnet));
  }
}

}  // namespace bench
