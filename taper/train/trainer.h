#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taper/base/function.h"
#include "taper/nn/any_module.h"
#include "taper/optim/optimizer.h"
#include "taper/train/batches.h"
#include "taper/train/callback.h"
#include "taper/train/checkpoint.h"
#include "taper/train/ema.h"
#include "taper/train/lr_curve.h"
#include "taper/train/metric.h"
#include "taper/train/progress.h"
#include "taper/train/schedule.h"

namespace taper TAPER_API {
namespace train {

/// What a trainer trains, and with what.
struct TrainerParts {
  nn::AnyModule model = {};
  /// loss(output, target), the mean over the batch.
  Function<Tensor(const Tensor& output, const Tensor& target)> loss = {};
  std::shared_ptr<optim::Optimizer> optimizer = nullptr;
  Schedule schedule = {};
  /// Beside the loss; each is cloned for training and validation.
  std::vector<std::shared_ptr<Metric>> metrics = {};
  std::vector<std::shared_ptr<Callback>> callbacks = {};
  /// What the model gives for a batch. Default: model.forward(batch.data).
  Function<Tensor(nn::AnyModule& model, const data::Example<>& batch)> forward = {};
};

/// What to do with a loss (or, where gradients are clipped by norm, a gradient) that is not finite.
enum class NonFinite {
  kStop,   ///< fit() ends as diverged, before the step
  kSkip,   ///< the step is left out; after 100 in a row fit() ends as diverged
  kThrow,  ///< fit() throws
  kIgnore
};

/// In what the model and the loss compute; weights, gradients and the optimizer are float32.
enum class Precision { kFloat32, kBFloat16 };

struct TrainerOptions {
  /// Limits; 0: none, but one of epochs and max_steps must be set.
  int64_t epochs = 10;
  int64_t max_steps = 0;
  double max_seconds = 0;  ///< of training over all resumed runs
  /// Early stops wait for these.
  int64_t min_epochs = 0;
  int64_t min_steps = 0;

  /// Batches per optimizer step; their gradients are averaged.
  int64_t accumulate = 1;
  /// Bounds of the gradients' norm and elements; 0: none.
  double clip_norm = 0;
  double clip_value = 0;
  NonFinite non_finite = NonFinite::kStop;
  /// kBFloat16: the model and the loss run under AutocastGuard.
  Precision precision = Precision::kFloat32;
  /// Autograd looks for the function that gave the first NaN; slow.
  bool detect_anomaly = false;
  EmaOptions ema = {};

  /// The metric that is watched for the best checkpoint.
  std::string monitor = "valid_loss";
  Mode mode = Mode::kMin;
  CheckpointOptions checkpoint = {};

  /// Validates every so many epochs and steps; 0: not for that.
  int64_t validate_every_epochs = 1;
  int64_t validate_every_steps = 0;
  /// Batches of validation before the training, to find errors early.
  int64_t sanity_steps = 0;
  /// Figures go to the callbacks every so many steps; 0: never.
  int64_t log_every = 50;

  /// For debugging: so many batches of each kind in one epoch without checkpoints; the same first
  /// batches in every epoch, for validation too; less of each epoch. 0: off.
  int64_t fast_dev_run = 0;
  int64_t overfit_batches = 0;
  int64_t limit_train_batches = 0;
  int64_t limit_valid_batches = 0;
  int64_t limit_test_batches = 0;

  /// Seeds the default generator when fit() begins, unless it resumes. Default: left as it is.
  std::optional<uint64_t> seed = std::nullopt;
  /// Refuses training data whose order is not fixed: a loader without enforce_ordering, or without
  /// a place. Everything else is deterministic anyway.
  bool deterministic = false;
  /// SIGINT and SIGTERM end fit() after the step, with a checkpoint; a second one ends the program.
  bool handle_signals = true;
  /// Shows progress and a line per epoch.
  bool progress = true;
  ProgressOptions progress_options = {};
};

/// What became of a fit().
struct FitResult {
  StopReason reason = StopReason::kCompleted;
  std::string message;
  int64_t epochs = 0;
  int64_t steps = 0;
  double seconds = 0;
  std::optional<double> best;
  int64_t best_step = -1;
  Metrics metrics;
  std::string last_checkpoint;  ///< empty: none
  std::string best_checkpoint;
};

/// A range test of learning rates (Smith, 2017).
struct LrFinderOptions {
  double min_lr = 1e-8;
  double max_lr = 1;
  int64_t steps = 100;
  /// Of the smoothed loss: 0 none, near 1 much.
  double smoothing = 0.9;
  /// Ends when the smoothed loss is this many times the best.
  double divergence = 4;
};

/// Trains a model: the loop with its limits, validation, checkpoints and resume. The same program
/// on the same machine and number of threads gives the same bits, also when it is stopped anywhere
/// and resumed. One thread at a time.
class Trainer {
 public:
  /// Throws ConfigError on parts that are missing and options out of range.
  explicit Trainer(TrainerParts parts, TrainerOptions options = {});
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains until a limit or a stop; a later call goes on. Throws what the model, the data or a
  /// callback throws, IoError when a checkpoint cannot be written (the older ones stay whole), and
  /// ConfigError when the folder of checkpoints holds those of a run that was not resumed.
  FitResult fit(std::shared_ptr<Batches> train, std::shared_ptr<Batches> valid = nullptr);
  /// The loss and the metrics, with the average weights where there are such, outside autograd and
  /// in evaluation mode: {"test_loss", ...}. The default generator is left where it was.
  Metrics evaluate(Batches& batches, const std::string& prefix = "test");
  /// The outputs for all batches, joined in their order.
  Tensor predict(Batches& batches);
  /// Trains on a few batches with a growing learning rate; afterwards model, optimizer, data and
  /// generator are as before, bit for bit. Throws ConfigError on options out of range.
  LrCurve find_lr(std::shared_ptr<Batches> train, const LrFinderOptions& options = {});

  /// Makes the next fit() go on from a checkpoint, or from the last of a folder of them. Throws
  /// IoError on damage, and what load_state_dict() throws when it is another model's; the trainer
  /// is then of no more use.
  void resume(const std::string& path, const FindCheckpointOptions& options = {});
  /// All that a resumed run needs; tensors share memory with the trainer's. The places of data are
  /// those of the last fit(), and are taken up by the next.
  IValue state_dict() const;
  void load_state_dict(const IValue& state);

  const TrainerState& state() const;
  const TrainerOptions& options() const;
  nn::AnyModule& model();
  optim::Optimizer& optimizer();
  /// The metrics of the last validation or evaluate(), after the loss, e.g. for a confusion matrix.
  const std::vector<std::shared_ptr<Metric>>& evaluated() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace train
}  // namespace taper
