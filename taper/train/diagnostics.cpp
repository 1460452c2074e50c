#include "taper/train/diagnostics.h"

#include "taper/base/error.h"
#include "taper/ops/reduction.h"
#include "taper/train/events.h"

namespace taper::train {

MetricsLog::Values gradient_norms(const nn::Module& module) {
  MetricsLog::Values norms;
  for (const auto& item : module.named_parameters()) {
    const Tensor gradient = item.value().grad();
    if (!gradient.defined()) continue;
    norms.emplace_back("grad_norm/" + item.key(), gradient.detach().norm().item<double>());
  }
  return norms;
}

void write_histograms(EventWriter& events, const nn::Module& module, int64_t step) {
  for (const auto& item : module.named_parameters()) {
    events.add_histogram("weights/" + item.key(), item.value(), step);
    const Tensor gradient = item.value().grad();
    if (gradient.defined()) events.add_histogram("gradients/" + item.key(), gradient, step);
  }
}

}  // namespace taper::train
