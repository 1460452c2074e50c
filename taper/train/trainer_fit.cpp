// The loop. What remains to be done stands in flags that checkpoints hold, so that a training can
// be saved before any of it and goes on there.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "taper/autograd/anomaly_mode.h"
#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/system.h"
#include "taper/train/state_util.h"
#include "taper/train/trainer_impl.h"

namespace taper::train {

void Trainer::Impl::begin(std::shared_ptr<Batches> train_batches,
                          std::shared_ptr<Batches> valid_batches) {
  TAPER_CHECK_AS(ConfigError, train_batches != nullptr, "Trainer: there are no training batches");
  const bool fresh = state.step == 0 && state.epoch == 0 && !in_epoch;
  if (fresh && options.seed) manual_seed(*options.seed);
  if (options.overfit_batches > 0) {
    train_batches = first_batches(*train_batches, options.overfit_batches);
    valid_batches = first_batches(*train_batches, options.overfit_batches);
  }
  train = std::move(train_batches);
  valid = std::move(valid_batches);
  state.validates = valid != nullptr;
  if (fresh && ema != nullptr) {
    ema = std::make_unique<WeightAverage>(*parts.model.ptr(), options.ema);
  }
  if (options.deterministic) train->state_dict();
  TAPER_CHECK_AS(ConfigError,
                 !options.checkpoint.restore_best || valid != nullptr ||
                     !options.monitor.starts_with("valid_"),
                 "Trainer: restore_best watches '", options.monitor,
                 "', but there are no batches of validation");
  open_store();
  take_up_places();
  if (store != nullptr) store->prepare();
  places.reset();
  control.clear();
  save_due = unsaved = false;
  monitored.reset();
  skipped_in_row = 0;
}

// Puts data and generator where a checkpoint was.
void Trainer::Impl::take_up_places() {
  const bool goes_on = in_epoch && !epoch_ended;
  if (places) {
    const IValue &train_place = state_entry("Trainer", *places, "train_batches"),
                 &valid_place = state_entry("Trainer", *places, "valid_batches"),
                 &generator = state_entry("Trainer", *places, "generator");
    if (!train_place.isNone()) train->load_state_dict(train_place);
    TAPER_CHECK_AS(
        ConfigError, !goes_on || !train_place.isNone(),
        "Trainer: the state is from the middle of an epoch, but has no place in its data");
    if (!valid_place.isNone() && valid != nullptr) valid->load_state_dict(valid_place);
    // Last: loading may have drawn.
    if (generator.isTensor()) set_rng_state(generator.toTensor());
  }
  if (goes_on) train->start_epoch(/*resume=*/true);
}

void Trainer::Impl::open_store() {
  if (options.checkpoint.folder.empty() || store != nullptr) return;
  // A loader without a place is found out now.
  train->state_dict();
  if (valid != nullptr) valid->state_dict();
  auto opened = std::make_unique<CheckpointStore>(options.checkpoint, options.mode);
  if (resumed) {
    opened->resume(state.step, *places);
  } else {
    TAPER_CHECK_AS(ConfigError, opened->empty(), "Trainer: the folder ",
                   quote_path(options.checkpoint.folder),
                   " holds checkpoints already: resume from them, or name another one");
  }
  store = std::move(opened);
}

// Batches of an epoch, when they are known.
void Trainer::Impl::count_batches() {
  state.batches_per_epoch = train->batches();
  const int64_t limit = options.limit_train_batches;
  if (limit > 0 && state.batches_per_epoch) {
    state.batches_per_epoch = std::min(limit, *state.batches_per_epoch);
  }
}

FitResult Trainer::Impl::run() {
  const SignalScope signals(options.handle_signals);
  std::optional<autograd::DetectAnomalyGuard> anomaly;
  if (options.detect_anomaly) anomaly.emplace();
  parts.model.ptr()->train();
  started = epoch_started = monotonic_seconds();
  seconds_before = saved_at = state.seconds;
  count_batches();
  call(&Callback::on_fit_start, control);
  if (in_epoch) {
    start_progress();
  } else if (state.step == 0 && state.epoch == 0) {
    check_sanity();
  }
  FitResult result = loop(signals);
  call(&Callback::on_fit_end, result.reason);
  return result;
}

FitResult Trainer::Impl::loop(const SignalScope& signals) {
  for (;;) {
    if (validation_due && signals.received() == 0) validate(signals);
    if (epoch_ended && !validation_due) finish_epoch();
    take_requests();
    std::string message;
    const std::optional<StopReason> reason = stop_reason(signals, message);
    // A diverged state is none to go on from.
    if (save_due || (reason && unsaved && *reason != StopReason::kDiverged)) save();
    monitored.reset();
    if (reason) return result_of(*reason, std::move(message));
    if (validation_due) continue;
    if (!in_epoch) start_epoch();
    train_step();
    update_seconds();
    const double every = options.checkpoint.every_seconds;
    if (store != nullptr && every > 0 && state.seconds - saved_at >= every) save_due = true;
  }
}

void Trainer::Impl::take_requests() {
  if (std::exchange(control.save_, false)) save_due = true;
  if (std::exchange(control.validate_, false) && valid != nullptr && validated_step != state.step) {
    validation_due = true;
  }
}

std::optional<StopReason> Trainer::Impl::stop_reason(const SignalScope& signals,
                                                     std::string& message) const {
  const auto stop = [&](StopReason reason, std::string text) {
    message = std::move(text);
    return std::optional<StopReason>(reason);
  };
  const bool early = control.reason_ == StopReason::kEarlyStopped;
  const bool too_early = state.epoch < options.min_epochs || state.step < options.min_steps;
  if (control.reason_ && !(early && too_early)) return stop(*control.reason_, control.message_);
  if (const int signal = signals.received(); signal != 0) {
    return stop(StopReason::kInterrupted, str("signal ", signal));
  }
  if (validation_due) return std::nullopt;
  if (options.epochs > 0 && state.epoch >= options.epochs) {
    return stop(StopReason::kCompleted, str(state.epoch, " epochs"));
  }
  if (options.max_steps > 0 && state.step >= options.max_steps) {
    return stop(StopReason::kCompleted, str(state.step, " steps"));
  }
  if (options.max_seconds > 0 && state.seconds >= options.max_seconds) {
    return stop(StopReason::kTimeLimit, str(options.max_seconds, " seconds"));
  }
  return std::nullopt;
}

void Trainer::Impl::start_epoch() {
  train->start_epoch();
  count_batches();
  in_epoch = true;
  state.batch = 0;
  for (const auto& metric : train_metrics) metric->reset();
  epoch_started = monotonic_seconds();
  start_progress();
  call(&Callback::on_epoch_start, control);
}

void Trainer::Impl::start_progress() {
  if (!options.progress) return;
  std::string title = str("epoch ", state.epoch + 1);
  if (options.epochs > 0) title += str('/', options.epochs);
  int64_t total = train->samples().value_or(0);
  // Of a part of an epoch the samples are not known.
  if (options.limit_train_batches > 0) total = 0;
  ProgressOptions shown = options.progress_options;
  if (shown.unit == "images") shown.unit = "samples";
  progress = std::make_unique<Progress>(std::move(title), total, std::move(shown));
}

void Trainer::Impl::finish_epoch() {
  progress.reset();
  Metrics values;
  for (const auto& metric : train_metrics) {
    values.emplace_back("train_" + metric->name(), metric->value());
  }
  ++state.epoch;
  state.batch = 0;
  in_epoch = epoch_ended = false;
  unsaved = true;
  watch(values);
  values.emplace_back("epoch_seconds", monotonic_seconds() - epoch_started);
  if (schedule_is_due()) step_schedule_by_epoch();
  scheduled_step = state.step;
  call(&Callback::on_metrics, MetricsEvent::kEpoch, values, control);
  if (options.monitor.starts_with("train_") &&
      find_metric(state.metrics, options.monitor) == nullptr) {
    fail_missing_metric("Trainer: monitor", options.monitor, state.metrics);
  }
  call(&Callback::on_epoch_end, control);
  show_epoch();
  const int64_t every = options.checkpoint.every_epochs;
  if (store != nullptr && every > 0 && state.epoch % every == 0) save_due = true;
}

// A plateau of validation takes a figure once.
bool Trainer::Impl::schedule_is_due() const {
  const bool waits = dynamic_cast<optim::ReduceLROnPlateau*>(parts.schedule.scheduler.get()) &&
                     parts.schedule.monitor.starts_with("valid_") && valid != nullptr;
  return !waits || validated_step > scheduled_step;
}

void Trainer::Impl::step_schedule_by_epoch() {
  Schedule& schedule = parts.schedule;
  if (schedule.scheduler == nullptr || schedule.interval != Schedule::Interval::kEpoch) return;
  if (!schedule.needs_metric()) return schedule.step();
  const double* value = find_metric(state.metrics, schedule.monitor);
  if (value == nullptr) {
    fail_missing_metric("Trainer: ReduceLROnPlateau", schedule.monitor, state.metrics);
  }
  schedule.step(*value);
}

// The figures of a validation in a line; those of training are the progress's last ones.
void Trainer::Impl::show_epoch() const {
  const bool silent = options.progress_options.style == ProgressOptions::Style::kSilent;
  if (!options.progress || silent || validated_step != state.step) return;
  std::string line = str("epoch ", state.epoch);
  if (options.epochs > 0) line += str('/', options.epochs);
  for (const auto& [name, value] : state.metrics) {
    if (!name.starts_with("train_")) line += fmt::format("  {} {:.4g}", name, value);
  }
  write_output(options.progress_options.output, line + '\n');
}

// Takes over figures of this step; one of them may be the monitored one.
void Trainer::Impl::watch(const Metrics& values) {
  for (const auto& [name, value] : values) {
    set_metric(state.metrics, name, value);
    if (name != options.monitor) continue;
    monitored = value;
    if (std::isnan(value)) continue;
    if (!state.best || is_better(value, *state.best, options.mode)) {
      state.best = value;
      state.best_step = state.step;
    }
    if (store != nullptr && store->would_be_best(value)) save_due = true;
  }
}

void Trainer::Impl::update_seconds() {
  state.seconds = seconds_before + (monotonic_seconds() - started);
}

void Trainer::Impl::save() {
  save_due = false;
  if (store == nullptr) return;
  const ProfilerSpan span("checkpoint");
  update_seconds();
  const std::string folder = store->save(state.step, state_dict(), monitored);
  unsaved = false;
  saved_at = state.seconds;
  call(&Callback::on_checkpoint, folder);
}

FitResult Trainer::Impl::result_of(StopReason reason, std::string message) {
  progress.reset();
  update_seconds();
  leave_weights(reason);
  FitResult result;
  result.reason = reason;
  result.message = std::move(message);
  result.epochs = state.epoch;
  result.steps = state.step;
  result.seconds = state.seconds;
  result.best = state.best;
  result.best_step = state.best_step;
  result.metrics = state.metrics;
  if (store != nullptr) {
    result.last_checkpoint = store->last();
    result.best_checkpoint = store->best();
  }
  return result;
}

// What the model is to hold afterwards: the best weights, the averages, or the last ones.
void Trainer::Impl::leave_weights(StopReason reason) {
  if (reason == StopReason::kInterrupted) return;
  const std::string best = store == nullptr ? std::string() : store->best();
  if (options.checkpoint.restore_best && !best.empty()) {
    const IValue saved = load_checkpoint(best);
    parts.model.ptr()->load_state_dict(nn::StateDict(saved.at(ema != nullptr ? "ema" : "model")));
  } else if (ema != nullptr) {
    ema->copy_to_model();
  }
}

FitResult Trainer::fit(std::shared_ptr<Batches> train, std::shared_ptr<Batches> valid) {
  Impl& impl = *impl_;
  try {
    impl.begin(std::move(train), std::move(valid));
    return impl.run();
  } catch (const std::exception& error) {
    impl.progress.reset();
    impl.call(&Callback::on_exception, error.what());
    throw;
  }
}

}  // namespace taper::train
