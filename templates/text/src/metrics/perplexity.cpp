#include "metrics/perplexity.h"

#include <cmath>

#include "taper/taper.h"
#include "taper/train/project.h"

namespace train = taper::train;

namespace {

// exp of the mean loss.
class Perplexity : public train::MeanMetric {
 public:
  Perplexity() : MeanMetric("perplexity") {}

  void add(const train::BatchResult& batch) override {
    const auto samples = static_cast<double>(batch.samples);
    add_to_mean(batch.loss * samples, samples);
  }
  double value() const override { return std::exp(MeanMetric::value()); }
  std::unique_ptr<train::Metric> clone() const override { return std::make_unique<Perplexity>(); }
};

}  // namespace

void add_perplexity(train::Project& project) {
  project.metrics.add("Perplexity", "exp of the loss",
                      [](train::DataModule&) { return std::make_shared<Perplexity>(); });
}
