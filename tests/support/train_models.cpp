#include "tests/support/train_models.h"

#include "taper/nn/linear.h"

namespace taper::testing {
namespace {

std::shared_ptr<nn::Module> make_net(const NetArgs& args, int64_t features) {
  TAPER_CHECK(features > 0, "Net: expected an input with features, got ", features);
  return nn::Linear(nn::LinearOptions(features, args.classes).bias(args.bias)).ptr();
}

}  // namespace

void register_models(ModelRegistry& registry) {
  registry.add<NetArgs>("Net", "a network", &make_net);
  registry.add("Linear", "one layer", [](int64_t features) -> std::shared_ptr<nn::Module> {
    return nn::Linear(features, 1).ptr();
  });
}

}  // namespace taper::testing
