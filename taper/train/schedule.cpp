#include "taper/train/schedule.h"

namespace taper::train {
namespace {

optim::ReduceLROnPlateau* plateau(const Schedule& schedule) {
  return dynamic_cast<optim::ReduceLROnPlateau*>(schedule.scheduler.get());
}

}  // namespace

bool Schedule::needs_metric() const { return plateau(*this) != nullptr; }

void Schedule::step(double metric) {
  if (auto* scheduler = plateau(*this)) {
    scheduler->step(metric);
  } else {
    this->scheduler->step();
  }
}

}  // namespace taper::train
