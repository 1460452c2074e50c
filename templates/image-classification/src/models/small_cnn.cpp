#include "models/models.h"
#include "taper/taper.h"

namespace nn = taper::nn;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct SmallCnnArgs {
  int64_t width = 32;
  double dropout = 0.2;

  void fields(train::Fields& f) {
    f("width", width, "channels of the first convolution").min(1);
    f("dropout", dropout, "share of the features that is left out").min(0).below(1);
  }
};

// A convolution, batch normalisation and ReLU.
nn::Sequential block(int64_t in, int64_t out) {
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1).bias(false)),
                        nn::BatchNorm2d(out), nn::ReLU());
}

struct SmallCnn : nn::Module {
  SmallCnn(const ImageShape& image, const SmallCnnArgs& args)
      : block1(block(image.channels, args.width)),
        block2(block(args.width, 2 * args.width)),
        block3(block(2 * args.width, 2 * args.width)),
        block4(block(2 * args.width, 4 * args.width)),
        pool(nn::AdaptiveMaxPool2dOptions({3, 3})),
        dropout(args.dropout),
        head(4 * args.width * 9, image.classes) {
    register_module("block1", block1);
    register_module("block2", block2);
    register_module("block3", block3);
    register_module("block4", block4);
    register_module("pool", pool);
    register_module("dropout", dropout);
    register_module("head", head);
  }

  Tensor forward(Tensor x) {
    x = max_pool2d(block1->forward(x), 2);
    x = block2->forward(x);
    x = max_pool2d(block3->forward(x), 2);
    x = block4->forward(x);
    x = pool(x);  // 3 x 3, whatever the size of the images
    return head(dropout(x.flatten(1)));
  }

  nn::Sequential block1, block2, block3, block4;
  nn::AdaptiveMaxPool2d pool;
  nn::Dropout dropout;
  nn::Linear head;
};

}  // namespace

void add_small_cnn(train::Project& project) {
  project.models.add<SmallCnnArgs>("SmallCnn", "four convolutions with batch normalisation",
                                   [](const SmallCnnArgs& args, train::DataModule& data) {
                                     return std::make_shared<SmallCnn>(ImageShape(data), args);
                                   });
}
