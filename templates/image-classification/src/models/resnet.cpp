#include "models/models.h"
#include "taper/taper.h"

namespace nn = taper::nn;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct ResNetArgs {
  int64_t width = 64;
  std::vector<int64_t> blocks = {2, 2, 2, 2};

  void fields(train::Fields& f) {
    f("width", width, "channels of the first stage; each further one has twice as many").min(1);
    f("blocks", blocks, "blocks of the stages").min(1).size(1, 5);
  }
};

nn::Conv2d conv3x3(int64_t in, int64_t out, int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false));
}

// Two convolutions around which the input is led.
struct BasicBlock : nn::Module {
  BasicBlock(int64_t in, int64_t out, int64_t stride)
      : conv1(conv3x3(in, out, stride)), bn1(out), conv2(conv3x3(out, out, 1)), bn2(out) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
    if (stride != 1 || in != out) {
      shortcut->push_back(nn::Conv2d(nn::Conv2dOptions(in, out, 1).stride(stride).bias(false)));
      shortcut->push_back(nn::BatchNorm2d(out));
    }
    register_module("shortcut", shortcut);
  }

  Tensor forward(Tensor x) {
    const Tensor around = shortcut->is_empty() ? x : shortcut->forward(x);
    x = relu(bn1(conv1(x)));
    return relu(bn2(conv2(x)) + around);
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
  nn::Sequential shortcut;
};

// K. He et al., "Deep residual learning for image recognition", 2016; with the stem for small
// images.
struct ResNet : nn::Module {
  ResNet(const ImageShape& image, const ResNetArgs& args)
      : conv(conv3x3(image.channels, args.width, 1)), bn(args.width) {
    int64_t in = args.width, out = args.width;
    for (size_t stage = 0; stage < args.blocks.size(); ++stage) {
      for (int64_t i = 0; i < args.blocks[stage]; ++i) {
        stages->push_back(BasicBlock(in, out, stage > 0 && i == 0 ? 2 : 1));
        in = out;
      }
      out *= 2;
    }
    head = nn::Linear(in, image.classes);
    register_module("conv", conv);
    register_module("bn", bn);
    register_module("stages", stages);
    register_module("head", head);
  }

  Tensor forward(Tensor x) {
    x = stages->forward(relu(bn(conv(x))));
    return head(x.mean({2, 3}));
  }

  nn::Conv2d conv;
  nn::BatchNorm2d bn;
  nn::Sequential stages;
  nn::Linear head{nullptr};
};

}  // namespace

void add_resnet(train::Project& project) {
  project.models.add<ResNetArgs>("ResNet18", "residual blocks, 18 layers unless told otherwise",
                                 [](const ResNetArgs& args, train::DataModule& data) {
                                   return std::make_shared<ResNet>(ImageShape(data), args);
                                 });
}
