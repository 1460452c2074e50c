#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/autograd/autocast_mode.h"
#include "taper/base/signals.h"
#include "taper/train/profiler.h"
#include "taper/train/trainer.h"

// A trainer in parts: trainer.cpp has the options, trainer_fit.cpp the loop, trainer_step.cpp a
// step, trainer_evaluate.cpp what does not train, trainer_state.cpp what checkpoints hold.
namespace taper::train {

/// The next batch, as a span of the profiler.
bool next_batch(Batches& batches, data::Example<>& batch);

/// Keeps each module's training mode; restores them at its end.
class ModeScope {
 public:
  ModeScope(nn::Module& model, bool training);
  ~ModeScope();
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  std::vector<std::pair<std::shared_ptr<nn::Module>, bool>> modes_;
};

using MetricList = std::vector<std::shared_ptr<Metric>>;

/// Counts a batch in each metric.
void add_to(const MetricList& metrics, const BatchResult& result);

struct Trainer::Impl {
  Impl(TrainerParts given, TrainerOptions wanted);

  TrainerParts parts;
  TrainerOptions options;
  TrainerState state;
  TrainerControl control;
  std::vector<Tensor> parameters;  // of the optimizer
  MetricList train_metrics, valid_metrics;
  std::unique_ptr<WeightAverage> ema;
  std::unique_ptr<CheckpointStore> store;
  std::shared_ptr<Batches> train, valid;
  std::unique_ptr<Progress> progress;
  ProgressValues progress_values;

  // What remains to be done, in this order, before the next step; part of checkpoints.
  bool in_epoch = false;
  bool validation_due = false;
  bool epoch_ended = false;
  int64_t validated_step = -1;
  int64_t scheduled_step = -1;  // at the last end of an epoch

  bool save_due = false, unsaved = false;
  std::optional<double> monitored;  // the metric, when it is of this step
  int64_t skipped_in_row = 0;
  double started = 0, seconds_before = 0, epoch_started = 0, saved_at = 0;
  std::optional<IValue> places;  // of data and generator: from a checkpoint, for the next fit()
  bool resumed = false;

  // trainer_fit.cpp
  void begin(std::shared_ptr<Batches> train_batches, std::shared_ptr<Batches> valid_batches);
  FitResult run();
  FitResult loop(const SignalScope& signals);
  void take_up_places();
  void open_store();
  void count_batches();
  void start_epoch();
  void finish_epoch();
  bool schedule_is_due() const;
  void step_schedule_by_epoch();
  void show_epoch() const;
  void start_progress();
  void take_requests();
  std::optional<StopReason> stop_reason(const SignalScope& signals, std::string& message) const;
  void save();
  FitResult result_of(StopReason reason, std::string message);
  void leave_weights(StopReason reason);
  void watch(const Metrics& values);
  void update_seconds();
  template <class Hook, class... Args>
  void call(Hook hook, Args&&... args) {
    const ProfilerSpan span("callbacks");
    for (const auto& callback : parts.callbacks) (*callback.*hook)(state, args...);
  }

  // trainer_step.cpp
  void train_step();
  int64_t collect_gradients(int64_t& samples);
  bool add_batch(const data::Example<>& batch);
  bool is_usable(const char* what, double value);
  bool prepare_gradients(int64_t count);
  void after_step(int64_t samples);
  void log_step();
  AutocastGuard autocast() const;
  Tensor output_of(const data::Example<>& batch);
  Tensor loss_of(const Tensor& output, const data::Example<>& batch);

  // trainer_evaluate.cpp
  std::optional<Metrics> evaluate(Batches& batches, const std::string& prefix, int64_t limit,
                                  const SignalScope* signals);
  void validate(const SignalScope& signals);
  void check_sanity();

  // trainer_state.cpp
  IValue numbers() const;
  void load_numbers(const IValue& from);
  IValue state_dict() const;
  void load_state_dict(const IValue& from);
};

}  // namespace taper::train
