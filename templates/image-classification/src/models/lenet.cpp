#include "models/models.h"
#include "taper/taper.h"

namespace nn = taper::nn;
namespace train = taper::train;
using taper::Tensor;

namespace {

// Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998, with ReLU and
// maxima.
struct LeNet : nn::Module {
  explicit LeNet(const ImageShape& image)
      : conv1(nn::Conv2dOptions(image.channels, 6, 5).padding(2)),
        conv2(nn::Conv2dOptions(6, 16, 5)),
        fc1(16 * ((image.height / 2 - 4) / 2) * ((image.width / 2 - 4) / 2), 120),
        fc2(120, 84),
        fc3(84, image.classes) {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("fc1", fc1);
    register_module("fc2", fc2);
    register_module("fc3", fc3);
  }

  Tensor forward(Tensor x) {
    x = max_pool2d(relu(conv1(x)), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    x = relu(fc1(x.flatten(1)));
    return fc3(relu(fc2(x)));
  }

  nn::Conv2d conv1, conv2;
  nn::Linear fc1, fc2, fc3;
};

}  // namespace

void add_lenet(train::Project& project) {
  project.models.add(
      "LeNet", "two convolutions and three linear layers",
      [](train::DataModule& data) { return std::make_shared<LeNet>(ImageShape(data)); });
}
