#pragma once

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace autograd {

/// Whether every backward, in any thread, looks for NaN in the gradients that a node computes. The
/// first one ends it with an Error that names the node, as in "Function 'LogBackward0' returned nan
/// values in its 0th output." Costs a pass over every gradient. torch.autograd.detect_anomaly.
struct AnomalyMode {
  static bool is_enabled();
  static bool should_check_nan();
  static void set_enabled(bool enabled, bool check_nan = true);
};

/// Sets the mode for its life.
class DetectAnomalyGuard {
 public:
  explicit DetectAnomalyGuard(bool check_nan = true);
  ~DetectAnomalyGuard();
  DetectAnomalyGuard(const DetectAnomalyGuard&) = delete;
  DetectAnomalyGuard& operator=(const DetectAnomalyGuard&) = delete;

 private:
  bool was_enabled_, checked_nan_;
};

}  // namespace autograd
}  // namespace taper
