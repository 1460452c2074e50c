// A language model of characters: an LSTM reads a text and learns to guess the next character; then
// it writes some text of its own.
//   lstm_text [text file] [steps]      default docs/modules.md 600
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "taper/taper.h"

using namespace taper;
namespace F = nn::functional;

constexpr int64_t kBatch = 16, kLength = 48, kHidden = 128;

// The text as numbers, and the characters that they stand for.
struct Text {
  explicit Text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    TAPER_CHECK(all.size() > kLength + 1, "cannot read ", kLength + 2, " characters of ", path);
    const std::vector<int64_t> bytes(all.begin(), all.end());
    Tensor counts;
    std::tie(letters, codes, counts) = _unique2(tensor(bytes), /*sorted=*/true,
                                                /*return_inverse=*/true, /*return_counts=*/true);
    const Tensor share = counts.to(kFloat) / static_cast<double>(all.size());
    frequency_loss = -xlogy(share, share).sum().item<double>();
  }
  // Random pieces [batch, length], and the same one character on.
  std::pair<Tensor, Tensor> batch() const {
    const Tensor start = randint(codes.size(0) - kLength, {kBatch, 1});
    const Tensor places = start + arange(kLength);
    return {codes.index({places}), codes.index({places + 1})};
  }
  char letter(int64_t code) const { return static_cast<char>(letters[code].item<int64_t>()); }

  Tensor letters, codes;
  double frequency_loss = 0;  // of a model that knows nothing but how frequent each character is
};

struct ModelImpl : nn::Module {
  using State = std::tuple<Tensor, Tensor>;

  explicit ModelImpl(int64_t letters)
      : embedding(letters, 32),
        lstm(nn::LSTMOptions(32, kHidden).num_layers(2).batch_first(true)),
        head(kHidden, letters) {
    register_module("embedding", embedding);
    register_module("lstm", lstm);
    register_module("head", head);
  }
  // Scores [N, L, letters] of what comes after each character, and the state after the last one.
  std::pair<Tensor, State> forward(const Tensor& codes, const std::optional<State>& state = {}) {
    auto [output, next] = lstm(embedding(codes), state);
    return {head(output), next};
  }

  nn::Embedding embedding;
  nn::LSTM lstm;
  nn::Linear head;
};
TAPER_MODULE(Model);

// The state carries what was written so far, so that each step reads one character only.
std::string write(Model& model, const Text& text, int64_t length, double temperature) {
  NoGradGuard no_grad;
  std::string written;
  Tensor code = text.codes.slice(0, 0, 1).view({1, 1});
  std::optional<ModelImpl::State> state;
  for (int64_t i = 0; i < length; ++i) {
    auto [scores, next] = model(code, state);
    state = next;
    code = multinomial(softmax(scores[0] / temperature, 1), 1);
    written += text.letter(code.item<int64_t>());
  }
  return written;
}

int run(const std::string& path, int steps) {
  manual_seed(0);
  const Text text(path);
  Model model(text.letters.size(0));
  optim::Adam optimizer(model->parameters(), optim::AdamOptions(5e-3));
  std::printf(
      "%s: %ld characters, %ld different ones\n"
      "loss of a blind guess %.2f, of the characters' frequencies %.2f\n",
      path.c_str(), static_cast<long>(text.codes.size(0)), static_cast<long>(text.letters.size(0)),
      std::log(static_cast<double>(text.letters.size(0))), text.frequency_loss);

  double sum = 0, mean = 0;
  const int report = std::max(steps / 10, 1);
  for (int step = 1; step <= steps; ++step) {
    const auto [input, target] = text.batch();
    const Tensor loss = F::cross_entropy(model(input).first.flatten(0, 1), target.flatten());
    optimizer.zero_grad();
    loss.backward();
    nn::utils::clip_grad_norm_(model->parameters(), 1.0);
    optimizer.step();
    sum += loss.item<double>();
    if (step % report != 0) continue;
    mean = std::exchange(sum, 0) / report;
    std::printf("step %4d  loss per character %.3f\n", step, mean);
  }
  std::printf("--- it writes ---\n%s\n---\n", write(model, text, 300, 0.7).c_str());
  // Clearly better than the frequencies: it has learned what follows what.
  return mean > 0 && mean < 0.9 * text.frequency_loss ? 0 : 1;
}

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : "docs/modules.md", argc > 2 ? std::atoi(argv[2]) : 600);
  } catch (const Error& error) {
    std::fprintf(stderr, "lstm_text: %s\n", error.what());
    return 1;
  }
}
