#include "taper/train/stops.h"

#include <cmath>

#include "taper/base/error.h"
#include "taper/train/state_util.h"

namespace taper::train {
namespace {

// At least as good as a limit.
bool reaches(double value, double limit, Mode mode) {
  return mode == Mode::kMin ? value <= limit : value >= limit;
}

}  // namespace

EarlyStop::EarlyStop(EarlyStopOptions options) : options_(std::move(options)) {
  TAPER_CHECK_AS(ConfigError, !options_.monitor.empty(), "EarlyStop: monitor names no metric");
  TAPER_CHECK_AS(ConfigError, options_.patience > 0, "EarlyStop: patience is ", options_.patience,
                 ", expected 1 or more");
  TAPER_CHECK_AS(ConfigError, options_.min_delta >= 0 && std::isfinite(options_.min_delta),
                 "EarlyStop: min_delta is ", options_.min_delta, ", expected 0 or more");
  TAPER_CHECK_AS(ConfigError, !options_.baseline || !std::isnan(*options_.baseline),
                 "EarlyStop: baseline is nan");
  best_ = options_.baseline;
}

void EarlyStop::stop_if_waited(TrainerControl& control) const {
  if (waited_ < options_.patience) return;
  control.stop(StopReason::kEarlyStopped,
               best_ ? str(options_.monitor, " has not got better than ", *best_, " for ", waited_,
                           waited_ == 1 ? " time" : " times")
                     : str(options_.monitor, " has not been a number for ", waited_,
                           waited_ == 1 ? " time" : " times"));
}

void EarlyStop::judge(double value, TrainerControl& control) {
  if (options_.check_finite && !std::isfinite(value)) {
    control.stop(StopReason::kDiverged, str(options_.monitor, " is ", value));
    return;
  }
  const auto past = [&](double limit) { return !reaches(value, limit, options_.mode); };
  if (options_.divergence_threshold && past(*options_.divergence_threshold)) {
    control.stop(StopReason::kDiverged, str(options_.monitor, " is ", value, ", past the limit of ",
                                            *options_.divergence_threshold));
    return;
  }
  if (options_.stopping_threshold && reaches(value, *options_.stopping_threshold, options_.mode)) {
    control.stop(StopReason::kEarlyStopped, str(options_.monitor, " is ", value, ", as good as ",
                                                *options_.stopping_threshold));
  }
  const bool better =
      best_ ? is_better(value, *best_, options_.mode, options_.min_delta) : !std::isnan(value);
  if (better) {
    best_ = value;
    waited_ = 0;
  } else {
    ++waited_;
  }
  stop_if_waited(control);
}

void EarlyStop::on_fit_start(const TrainerState&, TrainerControl& control) {
  // A run that has been stopped stays so when it is resumed, unless patience has grown.
  stop_if_waited(control);
}

void EarlyStop::on_metrics(const TrainerState& state, MetricsEvent event, const Metrics& values,
                           TrainerControl& control) {
  if (event == MetricsEvent::kStep || state.epoch < options_.start_epoch) return;
  if (const double* value = find_metric(values, options_.monitor)) judge(*value, control);
}

void EarlyStop::on_validation_end(const TrainerState& state, TrainerControl&) {
  if (options_.monitor.starts_with("valid_")) check_metric(state);
}

void EarlyStop::on_epoch_end(const TrainerState& state, TrainerControl&) {
  if (!options_.monitor.starts_with("valid_") || !state.validates) check_metric(state);
}

void EarlyStop::check_metric(const TrainerState& state) const {
  if (find_metric(state.metrics, options_.monitor) == nullptr) {
    fail_missing_metric("EarlyStop", options_.monitor, state.metrics);
  }
}

IValue EarlyStop::state_dict() const {
  return IValue::dict({{"waited", waited_}, {"best", best_ ? IValue(*best_) : IValue()}});
}

void EarlyStop::load_state_dict(const IValue& state) {
  const int64_t waited = state_int("EarlyStop", state, "waited");
  const IValue& best = state_entry("EarlyStop", state, "best");
  TAPER_CHECK_AS(ConfigError, waited >= 0, "EarlyStop: the state's 'waited' is ", waited);
  best_ = best.isNone() ? std::nullopt
                        : std::optional<double>(state_number("EarlyStop", state, "best"));
  waited_ = waited;
}

}  // namespace taper::train
