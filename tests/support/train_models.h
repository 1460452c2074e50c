#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taper/nn/module.h"
#include "taper/train/registry.h"

// Models as a project registers them. They stand in a static library of their own: the linker may
// drop what nobody calls, so that only an explicit call can register anything.
namespace taper::testing {

using ModelRegistry = train::Registry<std::shared_ptr<nn::Module>, int64_t>;

struct NetArgs {
  int64_t classes = 10;
  double dropout = 0.5;
  std::string init = "he";
  std::vector<int64_t> layers = {32, 64};
  bool bias = true;

  void fields(train::Fields& f) {
    f("classes", classes, "number of classes").min(1);
    f("dropout", dropout, "part of the features that is dropped").range(0, 1);
    f("init", init, "how weights begin").one_of({"he", "xavier"});
    f("layers", layers, "channels of each layer").min(1).size(1, 8);
    f("bias", bias, "layers have biases");
  }
  void check() const {
    TAPER_CHECK(bias || init == "he", "init: without biases expected \"he\", got ", init);
  }
};

/// Adds "Net" and "Linear", which get the number of their input's features.
void register_models(ModelRegistry& registry);

}  // namespace taper::testing
