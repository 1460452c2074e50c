#include "taper/train/callback.h"

#include <cmath>

#include "taper/base/error.h"

namespace taper::train {

const double* find_metric(const Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return &value;
  }
  return nullptr;
}

void set_metric(Metrics& metrics, const std::string& name, double value) {
  for (auto& [key, held] : metrics) {
    if (key == name) {
      held = value;
      return;
    }
  }
  metrics.emplace_back(name, value);
}

void fail_missing_metric(const char* what, const std::string& name, const Metrics& metrics) {
  std::string names;
  for (const auto& [key, value] : metrics) names += (names.empty() ? "" : ", ") + key;
  detail::fail<ConfigError>(what, ": there is no metric '", name,
                            "'; there are: ", names.empty() ? "none" : names);
}

bool is_better(double value, double best, Mode mode, double min_delta) {
  if (std::isnan(value)) return false;
  if (std::isnan(best)) return true;
  return mode == Mode::kMin ? value < best - min_delta : value > best + min_delta;
}

const char* to_string(StopReason reason) {
  constexpr const char* kNames[] = {"completed", "early_stopped", "time_limit",
                                    "diverged",  "interrupted",   "requested"};
  return kNames[static_cast<int>(reason)];
}

void TrainerControl::stop(StopReason reason, std::string message) {
  if (reason_) return;
  reason_ = reason;
  message_ = std::move(message);
}

}  // namespace taper::train
