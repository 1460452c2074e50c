#include "taper/autograd/anomaly_mode.h"

#include <atomic>

namespace taper::autograd {
namespace {

std::atomic<bool> mode{false}, nan_check{true};

}  // namespace

bool AnomalyMode::is_enabled() { return mode.load(std::memory_order_relaxed); }

bool AnomalyMode::should_check_nan() {
  return is_enabled() && nan_check.load(std::memory_order_relaxed);
}

void AnomalyMode::set_enabled(bool enabled, bool check_nan) {
  nan_check.store(check_nan, std::memory_order_relaxed);
  mode.store(enabled, std::memory_order_relaxed);
}

DetectAnomalyGuard::DetectAnomalyGuard(bool check_nan)
    : was_enabled_(AnomalyMode::is_enabled()),
      checked_nan_(nan_check.load(std::memory_order_relaxed)) {
  AnomalyMode::set_enabled(true, check_nan);
}

DetectAnomalyGuard::~DetectAnomalyGuard() { AnomalyMode::set_enabled(was_enabled_, checked_nan_); }

}  // namespace taper::autograd
