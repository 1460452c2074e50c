#pragma once

#include <memory>
#include <optional>
#include <string>

#include "taper/train/config.h"
#include "taper/train/project.h"
#include "taper/train/recorder.h"
#include "taper/train/run_folder.h"

namespace taper::train {

/// How much RunRecords writes.
struct RecordsOptions {
  bool csv = true;
  bool tensorboard = true;
  int64_t histograms_every_epochs = 1;
  /// Norms of gradients are written with the figures of steps.
  int64_t log_every = 50;
};

/// Writes what a training tells into its run folder: metrics, TensorBoard's histograms, pictures
/// and texts.
class RunRecords final : public Callback {
 public:
  RunRecords(std::shared_ptr<DataModule> data, RecordsOptions options)
      : data_(std::move(data)), options_(options) {}

  /// Begins to write; of a resumed run, after its step. summary: of the model.
  void open(const RunFolder& folder, const Config& config, const std::string& summary,
            std::optional<int64_t> resume_step);

  void on_batch(const TrainerState& state, data::Example<>& batch) override;
  void on_gradients(const TrainerState& state) override;
  void on_metrics(const TrainerState& state, MetricsEvent event, const Metrics& values,
                  TrainerControl& control) override;
  void on_epoch_end(const TrainerState& state, TrainerControl& control) override;
  void on_checkpoint(const TrainerState& state, const std::string& folder) override;
  void on_fit_end(const TrainerState& state, StopReason reason) override;
  void on_exception(const TrainerState& state, const char* what) override;

 private:
  void write_histograms_of(const TrainerState& state, int64_t step);

  std::shared_ptr<DataModule> data_;
  RecordsOptions options_;
  std::unique_ptr<Recorder> recorder_;
  MetricsLog::Values norms_;
  bool shows_samples_ = false;
  int64_t histograms_step_ = -1;
};

}  // namespace taper::train
