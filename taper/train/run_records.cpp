#include "taper/train/run_records.h"

#include <algorithm>

#include "taper/base/error.h"
#include "taper/train/diagnostics.h"
#include "taper/train/events.h"

namespace taper::train {
namespace {

// "valid_accuracy" is valid/accuracy; a figure of one step stands apart from those of epochs.
std::string recorded_name(const std::string& name, MetricsEvent event) {
  for (const std::string part : {"train", "valid"}) {
    if (name.starts_with(part + "_")) {
      const std::string of_steps = event == MetricsEvent::kStep ? "step" : part;
      return of_steps + "/" + name.substr(part.size() + 1);
    }
  }
  if (name == "loss") return "step/batch_loss";
  if (name == "gradient_norm") return "grad_norm/all";
  if (name == "epoch_seconds") return "time/epoch_seconds";
  if (name.starts_with("lr_")) return "lr/group_" + name.substr(3);
  return name;
}

double epochs_of(const TrainerState& state) {
  const int64_t batches = state.batches_per_epoch.value_or(0);
  const double part =
      batches > 0 ? static_cast<double>(state.batch) / static_cast<double>(batches) : 0;
  return static_cast<double>(state.epoch) + std::min(part, 1.0);
}

void add_leaves(const Config& config, MetricsLog::Values& values) {
  if (config.is_object() || config.is_list()) {
    for (size_t i = 0; config.is_list() && i < config.size(); ++i) add_leaves(config.at(i), values);
    for (const std::string& key : config.keys()) add_leaves(config.at(key), values);
  } else if (config.is_bool()) {
    values.emplace_back(config.path(), config.to_bool());
  } else if (config.is_number()) {
    values.emplace_back(config.path(), config.to_double());
  } else if (config.is_text()) {
    values.emplace_back(config.path(), config.to_text());
  }
}

}  // namespace

void RunRecords::open(const RunFolder& folder, const Config& config, const std::string& summary,
                      std::optional<int64_t> resume_step) {
  RecorderOptions options;
  options.csv = options_.csv;
  options.tensorboard = options_.tensorboard;
  options.resume_step = resume_step;
  recorder_ = std::make_unique<Recorder>(folder, options);
  EventWriter* events = recorder_->events();
  if (events == nullptr) return;
  shows_samples_ = !resume_step;
  MetricsLog::Values settings;
  add_leaves(config, settings);
  events->add_hparams(settings);
  const int64_t step = resume_step.value_or(0);
  events->add_text("model", "```\n" + summary + "```", step);
  events->add_text("config", "```json\n" + config.dump() + "\n```", step);
}

void RunRecords::on_batch(const TrainerState& state, data::Example<>& batch) {
  if (!std::exchange(shows_samples_, false)) return;
  const int64_t shown = std::min<int64_t>(batch.data.size(0), 32);
  const Tensor pictures = data_->pictures(batch.data.slice(0, 0, shown));
  if (pictures.defined()) {
    recorder_->events()->add_images("samples/train", pictures.clamp(0, 1), state.step);
  }
}

void RunRecords::on_gradients(const TrainerState& state) {
  const bool due = options_.log_every > 0 && (state.step + 1) % options_.log_every == 0;
  norms_ = due ? gradient_norms(*state.model) : MetricsLog::Values();
  // Gradients are gone at the epoch's end.
  const int64_t batches = state.batches_per_epoch.value_or(0);
  const int64_t every = options_.histograms_every_epochs;
  const bool ends = batches > 0 && state.batch >= batches;
  if (ends && every > 0 && (state.epoch + 1) % every == 0) {
    write_histograms_of(state, state.step + 1);
  }
}

// Of the epoch that comes to its end; once.
void RunRecords::write_histograms_of(const TrainerState& state, int64_t step) {
  if (recorder_->events() == nullptr || step == histograms_step_) return;
  histograms_step_ = step;
  write_histograms(*recorder_->events(), *state.model, step);
}

void RunRecords::on_metrics(const TrainerState& state, MetricsEvent event, const Metrics& values,
                            TrainerControl&) {
  MetricsLog::Values row;
  for (const auto& [name, value] : values) row.emplace_back(recorded_name(name, event), value);
  if (event == MetricsEvent::kStep) {
    row.insert(row.end(), norms_.begin(), norms_.end());
    norms_.clear();
  }
  recorder_->write(state.step, epochs_of(state), row);
}

void RunRecords::on_epoch_end(const TrainerState& state, TrainerControl&) {
  const int64_t every = options_.histograms_every_epochs;
  if (every > 0 && state.epoch % every == 0) write_histograms_of(state, state.step);
}

// What the checkpoint goes with is on disk before it counts.
void RunRecords::on_checkpoint(const TrainerState&, const std::string&) { recorder_->flush(); }

void RunRecords::on_fit_end(const TrainerState&, StopReason reason) {
  if (recorder_->events() != nullptr && reason != StopReason::kInterrupted) {
    recorder_->events()->add_end(reason == StopReason::kDiverged ? RunStatus::kFailure
                                                                 : RunStatus::kSuccess);
  }
  recorder_->flush();
}

void RunRecords::on_exception(const TrainerState&, const char*) {
  if (recorder_ != nullptr && recorder_->events() != nullptr) {
    recorder_->events()->add_end(RunStatus::kFailure);
    recorder_->flush();
  }
}

}  // namespace taper::train
