#include "models/models.h"
#include "taper/taper.h"

namespace nn = taper::nn;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct VisionTransformerArgs {
  int64_t patch = 4;
  int64_t width = 96;
  int64_t heads = 4;
  int64_t layers = 6;
  double dropout = 0.1;

  void fields(train::Fields& f) {
    f("patch", patch, "edge of a patch in pixels").min(1);
    f("width", width, "features of a patch").min(1);
    f("heads", heads, "heads of attention, a divisor of width").min(1);
    f("layers", layers, "layers of the encoder").min(1);
    f("dropout", dropout, "share of the features that is left out").min(0).below(1);
  }
};

nn::TransformerEncoderLayerOptions layer_options(const VisionTransformerArgs& args) {
  return nn::TransformerEncoderLayerOptions(args.width, args.heads)
      .dim_feedforward(4 * args.width)
      .dropout(args.dropout)
      .activation(taper::kGELU);
}

// A. Dosovitskiy et al., "An image is worth 16x16 words", 2021, small enough for a processor.
struct VisionTransformer : nn::Module {
  VisionTransformer(const ImageShape& image, const VisionTransformerArgs& args)
      : patches(nn::Conv2dOptions(image.channels, args.width, args.patch).stride(args.patch)),
        encoder(nn::TransformerEncoderOptions(layer_options(args), args.layers)),
        norm(nn::LayerNormOptions({args.width})),
        head(args.width, image.classes) {
    const int64_t count = (image.height / args.patch) * (image.width / args.patch);
    register_module("patches", patches);
    register_module("encoder", encoder);
    register_module("norm", norm);
    register_module("head", head);
    token = register_parameter("token", 0.02 * taper::randn({1, 1, args.width}));
    places = register_parameter("places", 0.02 * taper::randn({count + 1, 1, args.width}));
  }

  Tensor forward(Tensor x) {
    x = patches(x).flatten(2).permute({2, 0, 1});  // [patches, N, width]
    x = taper::cat({token.expand({1, x.size(1), x.size(2)}), x}, 0) + places;
    return head(norm(encoder(x)[0]));
  }

  nn::Conv2d patches;
  nn::TransformerEncoder encoder;
  nn::LayerNorm norm;
  nn::Linear head;
  Tensor token, places;
};

}  // namespace

void add_vision_transformer(train::Project& project) {
  project.models.add<VisionTransformerArgs>(
      "VisionTransformer", "a small transformer over patches of the image",
      [](const VisionTransformerArgs& args, train::DataModule& data) {
        return std::make_shared<VisionTransformer>(ImageShape(data), args);
      });
}
