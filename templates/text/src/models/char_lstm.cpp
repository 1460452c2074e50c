#include "models/models.h"
#include "taper/taper.h"
#include "taper/train/project.h"

namespace nn = taper::nn;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct LstmArgs {
  int64_t width = 128;
  int64_t layers = 2;
  double dropout = 0.1;

  void fields(train::Fields& f) {
    f("width", width, "features of a character and of the state").min(1);
    f("layers", layers, "layers of the LSTM").min(1);
    f("dropout", dropout, "share of the features left out between layers").min(0).below(1);
  }
};

struct CharLstm : nn::Module {
  CharLstm(int64_t characters, const LstmArgs& args)
      : characters(characters, args.width),
        lstm(nn::LSTMOptions(args.width, args.width)
                 .num_layers(args.layers)
                 .batch_first(true)
                 .dropout(args.layers > 1 ? args.dropout : 0)),
        head(args.width, characters) {
    register_module("characters", this->characters);
    register_module("lstm", lstm);
    register_module("head", head);
  }

  Tensor forward(Tensor x) {
    const auto [states, last] = lstm(characters(x));  // [N, length, width]
    return head(states).transpose(1, 2);
  }

  nn::Embedding characters;
  nn::LSTM lstm;
  nn::Linear head;
};

}  // namespace

void add_char_lstm(train::Project& project) {
  project.models.add<LstmArgs>(
      "CharLstm", "a recurrent network", [](const LstmArgs& args, train::DataModule& data) {
        return std::make_shared<CharLstm>(static_cast<int64_t>(data.classes().size()), args);
      });
}
