#include "data/rings.h"

#include "taper/taper.h"
#include "taper/train/project.h"

namespace data = taper::data;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct RingsArgs {
  int64_t samples = 2000;
  double noise = 0.3;
  int64_t batch_size = 64;

  void fields(train::Fields& f) {
    f("samples", samples, "points in each of training, validation and test").min(2);
    f("noise", noise, "deviation of the radius").min(0);
    f("batch_size", batch_size, "samples in a batch").min(1);
  }
};

class Rings : public train::DataModule {
 public:
  explicit Rings(const RingsArgs& args) : args_(args) {}

  std::shared_ptr<train::Batches> train() override {
    return batches<data::samplers::RandomSampler>(1);
  }
  std::shared_ptr<train::Batches> valid() override {
    return batches<data::samplers::SequentialSampler>(2);
  }
  std::shared_ptr<train::Batches> test() override {
    return batches<data::samplers::SequentialSampler>(3);
  }
  Tensor example() override { return taper::zeros({1, 2}); }
  std::vector<std::string> classes() const override { return {"inner", "outer"}; }

 private:
  // Random points, the same for a seed, whatever else draws random numbers.
  template <class Sampler>
  std::shared_ptr<train::Batches> batches(uint64_t seed) const {
    const taper::Generator generator = taper::Generator::create(seed);
    const int64_t n = args_.samples;
    const Tensor ring = taper::arange(n) % 2;  // 0 the inner one, 1 the outer one
    const Tensor angle = taper::rand({n}, generator) * 6.283185;
    const Tensor radius = 1 + ring + args_.noise * taper::randn({n}, generator);
    const Tensor points = taper::stack({radius * angle.cos(), radius * angle.sin()}, 1);
    auto dataset = data::datasets::PairDataset(points, ring).map(data::transforms::Stack<>());
    return train::make_batches(
        data::make_data_loader<Sampler>(
            std::move(dataset), data::DataLoaderOptions(static_cast<size_t>(args_.batch_size))),
        n);
  }

  RingsArgs args_;
};

}  // namespace

void add_rings(train::Project& project) {
  project.data.add<RingsArgs>("Rings", "points in two rings",
                              [](const RingsArgs& args) { return std::make_shared<Rings>(args); });
}
