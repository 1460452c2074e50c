#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "taper/optim/lr_scheduler.h"

namespace taper TAPER_API {
namespace train {

/// A learning-rate scheduler and when it is stepped.
struct Schedule {
  enum class Interval : uint8_t { kEpoch, kStep };
  std::shared_ptr<optim::LRScheduler> scheduler = nullptr;
  Interval interval = Interval::kEpoch;
  /// The metric of a ReduceLROnPlateau.
  std::string monitor = "valid_loss";

  /// Whether step() needs the value of the metric.
  bool needs_metric() const;
  /// One interval on.
  void step(double metric = 0);
};

}  // namespace train
}  // namespace taper
