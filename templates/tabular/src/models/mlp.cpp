#include "models/mlp.h"

#include <algorithm>

#include "taper/taper.h"
#include "taper/train/project.h"

namespace nn = taper::nn;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct MlpArgs {
  std::vector<int64_t> hidden = {64, 64};
  double dropout = 0;

  void fields(train::Fields& f) {
    f("hidden", hidden, "widths of the hidden layers").min(1);
    f("dropout", dropout, "share of the features that is left out").min(0).below(1);
  }
};

struct Mlp : nn::Module {
  Mlp(int64_t inputs, int64_t outputs, const MlpArgs& args) {
    for (const int64_t width : args.hidden) {
      layers->push_back(nn::Linear(inputs, width));
      layers->push_back(nn::ReLU());
      if (args.dropout > 0) layers->push_back(nn::Dropout(args.dropout));
      inputs = width;
    }
    layers->push_back(nn::Linear(inputs, outputs));
    register_module("layers", layers);
  }

  Tensor forward(Tensor x) { return layers->forward(x); }

  nn::Sequential layers;
};

}  // namespace

void add_mlp(train::Project& project) {
  project.models.add<MlpArgs>("Mlp", "linear layers with ReLU between them",
                              [](const MlpArgs& args, train::DataModule& data) {
                                // One output for each class; one number where there are none.
                                const auto classes = static_cast<int64_t>(data.classes().size());
                                return std::make_shared<Mlp>(data.example().size(1),
                                                             std::max<int64_t>(classes, 1), args);
                              });
}
