// A small GPT: blocks of causal attention and a feed-forward network over characters, trained on a
// text file; then it goes on with a prompt.
//   gpt [text file] [steps] [layers] [width]      default docs/modules.md 600 2 64
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "taper/taper.h"

using namespace taper;
namespace F = nn::functional;

// How large the network is. Bytes are the vocabulary, so that any text will do.
struct Config {
  int64_t vocabulary = 256, context = 64, layers = 2, heads = 4, width = 64;
};

struct BlockImpl : nn::Module {
  explicit BlockImpl(const Config& c)
      : heads(c.heads),
        norm1(std::vector<int64_t>{c.width}),
        norm2(std::vector<int64_t>{c.width}),
        qkv(c.width, 3 * c.width),
        project(c.width, c.width),
        feed_forward(nn::Linear(c.width, 4 * c.width), nn::GELU(),
                     nn::Linear(4 * c.width, c.width)) {
    register_module("norm1", norm1);
    register_module("norm2", norm2);
    register_module("qkv", qkv);
    register_module("project", project);
    register_module("feed_forward", feed_forward);
  }
  // [N, L, width] to [N, L, width]; each place sees itself and those before it.
  Tensor forward(const Tensor& x) {
    const auto parts = qkv(norm1(x)).unflatten(2, {3, heads, -1}).permute({2, 0, 3, 1, 4});
    const Tensor seen = F::scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, 0,
                                                        /*is_causal=*/true);
    const Tensor y = x + project(seen.transpose(1, 2).flatten(2));
    return y + feed_forward(norm2(y));
  }

  int64_t heads;
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, project;
  nn::Sequential feed_forward;
};
TAPER_MODULE(Block);

struct GPTImpl : nn::Module {
  explicit GPTImpl(const Config& c)
      : config(c),
        letters(c.vocabulary, c.width),
        places(c.context, c.width),
        norm(std::vector<int64_t>{c.width}),
        head(nn::LinearOptions(c.width, c.vocabulary).bias(false)) {
    for (int64_t i = 0; i < c.layers; ++i) blocks->push_back(Block(c));
    register_module("letters", letters);
    register_module("places", places);
    register_module("blocks", blocks);
    register_module("norm", norm);
    register_module("head", head);
    apply([](nn::Module& module) {
      if (auto* linear = module.as<nn::Linear>()) nn::init::normal_(linear->weight, 0, 0.02);
      if (auto* table = module.as<nn::Embedding>()) nn::init::normal_(table->weight, 0, 0.02);
    });
  }
  // Codes [N, L] to scores [N, L, vocabulary] of what comes next.
  Tensor forward(const Tensor& codes) {
    return head(norm(blocks(letters(codes) + places(arange(codes.size(1))))));
  }

  Config config;
  nn::Embedding letters, places;
  nn::Sequential blocks;
  nn::LayerNorm norm;
  nn::Linear head;
};
TAPER_MODULE(GPT);

Tensor encode(const std::string& text) {
  Tensor codes = empty({static_cast<int64_t>(text.size())}, kLong);
  std::transform(text.begin(), text.end(), codes.data_ptr<int64_t>(),
                 [](char c) { return static_cast<unsigned char>(c); });
  return codes;
}

std::string go_on(GPT& model, std::string text, int64_t length, double temperature) {
  NoGradGuard no_grad;
  Tensor codes = encode(text).unsqueeze(0);
  for (int64_t i = 0; i < length; ++i) {
    const Tensor scores =
        model(codes.slice(1, std::max<int64_t>(0, codes.size(1) - model->config.context)));
    const Tensor next = multinomial(softmax(scores[0][-1] / temperature, 0), 1);
    codes = cat({codes, next.unsqueeze(0)}, 1);
    text += static_cast<char>(next.item<int64_t>());
  }
  return text;
}

int run(const std::string& path, int steps, const Config& config) {
  manual_seed(0);
  std::ifstream file(path, std::ios::binary);
  const Tensor text = encode({std::istreambuf_iterator<char>(file), {}});
  TAPER_CHECK(text.numel() > config.context + 1, "cannot read ", config.context + 2,
              " characters of ", path);
  GPT model(config);
  const Tensor share = bincount(text).to(kFloat) / static_cast<double>(text.numel());
  const double frequency_loss = -xlogy(share, share).sum().item<double>();
  const Tensor parameters = nn::utils::parameters_to_vector(model->parameters());
  std::printf("%s: %ld characters, loss of their frequencies %.2f; %ld parameters\n", path.c_str(),
              static_cast<long>(text.numel()), frequency_loss,
              static_cast<long>(parameters.numel()));

  optim::AdamW optimizer(model->parameters(), optim::AdamWOptions(3e-3).weight_decay(0.1));
  optim::CosineAnnealingLR scheduler(optimizer, steps, /*eta_min=*/3e-4);
  double sum = 0, mean = 0;
  const int report = std::max(steps / 10, 1);
  for (int step = 1; step <= steps; ++step) {
    const Tensor places = randint(text.numel() - config.context, {16, 1}) + arange(config.context);
    const Tensor scores = model(text.index({places}));
    const Tensor loss = F::cross_entropy(scores.flatten(0, 1), text.index({places + 1}).flatten());
    optimizer.zero_grad();
    loss.backward();
    nn::utils::clip_grad_norm_(model->parameters(), 1.0);
    optimizer.step();
    scheduler.step();
    sum += loss.item<double>();
    if (step % report != 0) continue;
    mean = std::exchange(sum, 0) / report;
    std::printf("step %4d  loss per character %.3f\n", step, mean);
  }
  std::printf("--- it goes on ---\n%s\n---\n", go_on(model, "The ", 300, 0.7).c_str());
  // Clearly better than the frequencies: it has learned what follows what.
  return mean > 0 && mean < 0.9 * frequency_loss ? 0 : 1;
}

int main(int argc, char** argv) {
  Config config;
  if (argc > 3) config.layers = std::atoi(argv[3]);
  if (argc > 4) config.width = std::atoi(argv[4]);
  try {
    return run(argc > 1 ? argv[1] : "docs/modules.md", argc > 2 ? std::atoi(argv[2]) : 600, config);
  } catch (const Error& error) {
    std::fprintf(stderr, "gpt: %s\n", error.what());
    return 1;
  }
}
