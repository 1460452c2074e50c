#include "callbacks/mixup.h"

#include <cmath>

#include "taper/taper.h"
#include "taper/train/project.h"

namespace data = taper::data;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct MixupArgs {
  double alpha = 0.2;

  void fields(train::Fields& f) {
    f("alpha", alpha, "of the beta distribution of shares; small: little is mixed").above(0).max(1);
  }
};

// H. Zhang et al., "mixup: Beyond empirical risk minimization", 2018. Random numbers come from the
// default generator, whose state is in the checkpoints: a resumed run mixes the same.
class Mixup : public train::Callback {
 public:
  Mixup(double alpha, int64_t classes) : alpha_(alpha), classes_(classes) {}

  void on_batch(const train::TrainerState&, data::Example<>& batch) override {
    const double share = draw_share();
    const Tensor order = taper::randperm(batch.data.size(0));
    const Tensor target = one_hot(batch.target, classes_).to(taper::kFloat);
    batch.data = share * batch.data + (1 - share) * batch.data.index_select(0, order);
    batch.target = share * target + (1 - share) * target.index_select(0, order);
  }

 private:
  // Beta(alpha, alpha) by M. Joehnk's method.
  double draw_share() const {
    for (;;) {
      const Tensor u = taper::rand({2}, taper::kDouble);
      const double x = std::pow(u[0].item<double>(), 1 / alpha_);
      const double y = std::pow(u[1].item<double>(), 1 / alpha_);
      if (x + y <= 1 && x + y > 0) return x / (x + y);
    }
  }

  double alpha_;
  int64_t classes_;
};

}  // namespace

void add_mixup(train::Project& project) {
  project.callbacks.add<MixupArgs>(
      "Mixup", "trains on mixtures of images", [](const MixupArgs& args, train::DataModule& data) {
        return std::make_shared<Mixup>(args.alpha, static_cast<int64_t>(data.classes().size()));
      });
}
