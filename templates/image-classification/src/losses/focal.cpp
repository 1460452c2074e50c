#include "losses/focal.h"

#include "taper/taper.h"
#include "taper/train/project.h"

namespace train = taper::train;
using taper::Tensor;

namespace {

struct FocalArgs {
  double gamma = 2;

  void fields(train::Fields& f) { f("gamma", gamma, "0 is cross entropy").min(0); }
};

}  // namespace

void add_focal_loss(train::Project& project) {
  project.losses.add<FocalArgs>("FocalLoss", "of logits and classes", [](const FocalArgs& args) {
    // T.-Y. Lin et al., "Focal loss for dense object detection", 2017.
    return [args](const Tensor& logits, const Tensor& target) {
      const Tensor logs = log_softmax(logits, 1).gather(1, target.unsqueeze(1));
      return -((1 - logs.exp()).pow(args.gamma) * logs).mean();
    };
  });
}
