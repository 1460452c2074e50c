#pragma once

#include <cstdint>

#include "taper/base/macros.h"
#include "taper/nn/module.h"
#include "taper/train/metrics_log.h"

namespace taper TAPER_API {
namespace train {

class EventWriter;

/// The 2-norms of the gradients of a module's parameters, as `grad_norm/<parameter>`, in the order
/// of the parameters; those without a gradient are left out.
MetricsLog::Values gradient_norms(const nn::Module& module);

/// Writes histograms of a module's parameters, as `weights/<parameter>`, and of the gradients that
/// they have, as `gradients/<parameter>`. Throws IoError.
void write_histograms(EventWriter& events, const nn::Module& module, int64_t step);

}  // namespace train
}  // namespace taper
