#include "data/text_file.h"

#include <algorithm>
#include <array>

#include "taper/base/file.h"
#include "taper/taper.h"
#include "taper/train/project.h"

namespace data = taper::data;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct TextArgs {
  std::string file;
  int64_t length = 64;
  int64_t stride = 16;
  int64_t batch_size = 32;
  double valid_share = 0.1, test_share = 0.1;
  double temperature = 0.7;
  int64_t generate = 200;

  void fields(train::Fields& f) {
    f("file", file, "a text").required();
    f("length", length, "characters of a sample").min(1);
    f("stride", stride, "characters from one sample's start to the next").min(1);
    f("batch_size", batch_size, "samples in a batch").min(1);
    f("valid_share", valid_share, "share of the text that chooses the best checkpoint")
        .min(0)
        .below(0.9);
    f("test_share", test_share, "share of the text for the final figure").min(0).below(0.9);
    f("temperature", temperature, "of generated text; small: always the likeliest").above(0);
    f("generate", generate, "characters that predict writes").min(1);
  }
};

std::string read_text(const std::string& file) {
  const taper::ByteBuffer bytes = taper::read_file(file);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Characters are bytes: any text and any language, without a table.
class TextFile : public train::DataModule {
 public:
  explicit TextFile(const TextArgs& args) : args_(args) {
    const std::string text = read_text(args.file);
    for (const char c : text) numbers_[static_cast<unsigned char>(c)] = 0;
    for (size_t byte = 0; byte < numbers_.size(); ++byte) {
      if (numbers_[byte] < 0) continue;
      numbers_[byte] = static_cast<int64_t>(characters_.size());
      characters_ += static_cast<char>(byte);
    }
    text_ = encoded(text);
  }

  std::shared_ptr<train::Batches> train() override {
    const auto batches =
        this->batches<data::samplers::RandomSampler>(0, 1 - args_.valid_share - args_.test_share);
    TAPER_CHECK_AS(ConfigError, batches != nullptr, args_.file, ": ", text_.numel(),
                   " characters are too few for a sample of ", args_.length);
    return batches;
  }
  std::shared_ptr<train::Batches> valid() override {
    return batches<data::samplers::SequentialSampler>(1 - args_.valid_share - args_.test_share,
                                                      1 - args_.test_share);
  }
  std::shared_ptr<train::Batches> test() override {
    return batches<data::samplers::SequentialSampler>(1 - args_.test_share, 1);
  }
  Tensor example() override { return taper::zeros({1, args_.length}, taper::kLong); }
  std::vector<std::string> classes() const override {
    std::vector<std::string> names;
    for (const char c : characters_) names.emplace_back(1, c);
    return names;
  }

  // How the model goes on with the text of a file, the same each time.
  std::string predict(taper::nn::AnyModule& model, const std::string& file) override {
    std::string text = read_text(file);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    TAPER_CHECK_AS(ConfigError, !text.empty(), file, ": expected some text to go on with");
    taper::manual_seed(0);
    Tensor ids = encoded(text);
    for (int64_t i = 0; i < args_.generate; ++i) {
      const int64_t seen = std::min(ids.size(0), args_.length);
      const Tensor logits = model.forward(ids.slice(0, ids.size(0) - seen).unsqueeze(0));
      const Tensor next =
          taper::softmax(logits[0].select(1, -1) / args_.temperature, 0).multinomial(1);
      text += characters_[static_cast<size_t>(next.item<int64_t>())];
      ids = taper::cat({ids, next}, 0);
    }
    return "\n" + text;
  }

 private:
  Tensor encoded(const std::string& text) const {
    std::vector<int64_t> ids;
    for (const char c : text) {
      const int64_t id = numbers_[static_cast<unsigned char>(c)];
      TAPER_CHECK_AS(ConfigError, id >= 0, "the character '", c, "' is not in ", args_.file);
      ids.push_back(id);
    }
    return taper::tensor(ids, taper::kLong);
  }

  // Samples of a part of the text; none where it is too short for one.
  template <class Sampler>
  std::shared_ptr<train::Batches> batches(double from, double to) const {
    const auto length = static_cast<double>(text_.numel());
    const Tensor part =
        text_.slice(0, static_cast<int64_t>(from * length), static_cast<int64_t>(to * length));
    if (part.numel() <= args_.length) return nullptr;
    const Tensor pieces = part.unfold(0, args_.length + 1, args_.stride);
    auto dataset = data::datasets::PairDataset(pieces.slice(1, 0, args_.length).contiguous(),
                                               pieces.slice(1, 1).contiguous())
                       .map(data::transforms::Stack<>());
    return train::make_batches(
        data::make_data_loader<Sampler>(
            std::move(dataset), data::DataLoaderOptions(static_cast<size_t>(args_.batch_size))),
        pieces.size(0));
  }

  static std::array<int64_t, 256> no_numbers() {
    std::array<int64_t, 256> numbers;
    numbers.fill(-1);
    return numbers;
  }

  TextArgs args_;
  std::array<int64_t, 256> numbers_ = no_numbers();  // of each byte; -1: not in the text
  std::string characters_;
  Tensor text_;
};

}  // namespace

void add_text_file(train::Project& project) {
  project.data.add<TextArgs>("TextFile", "the characters of a file",
                             [](const TextArgs& args) { return std::make_shared<TextFile>(args); });
}
