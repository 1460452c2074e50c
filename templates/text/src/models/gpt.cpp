#include <limits>

#include "models/models.h"
#include "taper/taper.h"
#include "taper/train/project.h"

namespace nn = taper::nn;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct GptArgs {
  int64_t width = 64;
  int64_t heads = 4;
  int64_t layers = 2;
  double dropout = 0.1;

  void fields(train::Fields& f) {
    f("width", width, "features of a character").min(1);
    f("heads", heads, "heads of attention, a divisor of width").min(1);
    f("layers", layers, "layers of the transformer").min(1);
    f("dropout", dropout, "share of the features that is left out").min(0).below(1);
  }
};

nn::TransformerEncoderLayerOptions layer_options(const GptArgs& args) {
  return nn::TransformerEncoderLayerOptions(args.width, args.heads)
      .dim_feedforward(4 * args.width)
      .dropout(args.dropout)
      .activation(taper::kGELU);
}

// A transformer in which each character sees itself and those before it.
struct Gpt : nn::Module {
  Gpt(int64_t characters, int64_t length, const GptArgs& args)
      : characters(characters, args.width),
        places(length, args.width),
        layers(nn::TransformerEncoderOptions(layer_options(args), args.layers)),
        norm(nn::LayerNormOptions({args.width})),
        head(args.width, characters) {
    register_module("characters", this->characters);
    register_module("places", places);
    register_module("layers", layers);
    register_module("norm", norm);
    register_module("head", head);
  }

  Tensor forward(Tensor x) {
    const int64_t length = x.size(1);
    const Tensor mask =
        taper::full({length, length}, -std::numeric_limits<double>::infinity()).triu(1);
    x = characters(x) + places(taper::arange(length));  // [N, length, width]
    x = norm(layers(x.transpose(0, 1), mask));          // [length, N, width]
    return head(x).permute({1, 2, 0});
  }

  nn::Embedding characters, places;
  nn::TransformerEncoder layers;
  nn::LayerNorm norm;
  nn::Linear head;
};

}  // namespace

void add_gpt(train::Project& project) {
  project.models.add<GptArgs>(
      "Gpt", "a small transformer", [](const GptArgs& args, train::DataModule& data) {
        return std::make_shared<Gpt>(static_cast<int64_t>(data.classes().size()),
                                     data.example().size(1), args);
      });
}
