#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/data/example.h"
#include "taper/nn/module.h"
#include "taper/optim/optimizer.h"
#include "taper/tensor/ivalue.h"

namespace taper TAPER_API {
namespace train {

/// Figures by name, such as {"train_loss", 0.25}.
using Metrics = std::vector<std::pair<std::string, double>>;
/// The figure of a name; null when there is none.
const double* find_metric(const Metrics& metrics, const std::string& name);
/// Replaces the figure of a name, or appends it.
void set_metric(Metrics& metrics, const std::string& name, double value);
/// Throws ConfigError, which names the metrics there are.
[[noreturn]] void fail_missing_metric(const char* what, const std::string& name,
                                      const Metrics& metrics);

/// Which of two figures is the better one.
enum class Mode { kMin, kMax };
/// Whether value is better than best by more than min_delta; a tie is not, NaN never is.
bool is_better(double value, double best, Mode mode, double min_delta = 0);

/// Why fit() came to its end.
enum class StopReason {
  kCompleted,     ///< all epochs or steps
  kEarlyStopped,  ///< a metric has not got better for long enough, or is good enough
  kTimeLimit,
  kDiverged,     ///< the loss, a gradient or a metric is not finite or past a limit
  kInterrupted,  ///< by SIGINT or SIGTERM; the state is saved
  kRequested     ///< by a callback
};
/// "completed", "early_stopped", "time_limit", "diverged", "interrupted", "requested".
const char* to_string(StopReason reason);

/// Where a training stands; callbacks read it.
struct TrainerState {
  int64_t epoch = 0;    ///< epochs that are complete
  int64_t step = 0;     ///< optimizer steps
  int64_t batch = 0;    ///< batches of the running epoch
  int64_t samples = 0;  ///< samples trained on in all epochs
  int64_t skipped = 0;  ///< steps left out because a figure was not finite
  double seconds = 0;   ///< of training, over all resumed runs
  double loss = 0;      ///< of the last step
  /// Before clipping; NaN unless gradients are clipped by their norm.
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> learning_rates;  ///< one per parameter group
  Metrics metrics;                     ///< the newest of each name
  std::optional<double> best;          ///< of the monitored metric
  int64_t best_step = -1;
  std::optional<int64_t> batches_per_epoch;
  bool validates = false;  ///< whether there are batches of validation
  const nn::Module* model = nullptr;
  const optim::Optimizer* optimizer = nullptr;
};

/// What a callback can ask for; the trainer does it at the end of the step.
class TrainerControl {
 public:
  /// Ends fit(), not before min_epochs and min_steps. The first one that asks gives the reason.
  void stop(StopReason reason, std::string message);
  /// Writes a checkpoint.
  void save() { save_ = true; }
  /// Runs a validation.
  void validate() { validate_ = true; }
  /// What was asked for so far.
  std::optional<StopReason> reason() const { return reason_; }
  const std::string& message() const { return message_; }

 private:
  friend class Trainer;
  void clear() { *this = TrainerControl(); }
  std::optional<StopReason> reason_;
  std::string message_;
  bool save_ = false, validate_ = false;
};

/// What figures are of.
enum class MetricsEvent {
  kStep,        ///< every log_every steps: training so far in this epoch, learning rates
  kValidation,  ///< of a validation
  kEpoch        ///< the training figures of a whole epoch, its seconds
};

/// What happens around a training; override what is needed. Hooks of several callbacks run in the
/// order in which they were given.
class Callback {
 public:
  virtual ~Callback() = default;

  /// Under which its state stands in checkpoints; empty: it has none.
  virtual std::string name() const { return {}; }
  virtual IValue state_dict() const { return {}; }
  virtual void load_state_dict(const IValue&) {}

  /// Before the first step, also of a resumed run; after state has been loaded.
  virtual void on_fit_start(const TrainerState&, TrainerControl&) {}
  virtual void on_epoch_start(const TrainerState&, TrainerControl&) {}
  /// A batch of training before the model sees it; it may be changed. Random numbers from the
  /// default generator are the same in a resumed run.
  virtual void on_batch(const TrainerState&, data::Example<>&) {}
  /// Gradients are there and clipped; the step comes next.
  virtual void on_gradients(const TrainerState&) {}
  virtual void on_step_end(const TrainerState&, TrainerControl&) {}
  /// Figures, for logs; the metrics of a validation come before on_validation_end.
  virtual void on_metrics(const TrainerState&, MetricsEvent, const Metrics&, TrainerControl&) {}
  virtual void on_validation_end(const TrainerState&, TrainerControl&) {}
  virtual void on_epoch_end(const TrainerState&, TrainerControl&) {}
  /// A checkpoint is whole and in its place.
  virtual void on_checkpoint(const TrainerState&, const std::string& folder) {
    static_cast<void>(folder);
  }
  virtual void on_fit_end(const TrainerState&, StopReason) {}
  /// fit() is about to throw.
  virtual void on_exception(const TrainerState&, const char* what) { static_cast<void>(what); }
};

}  // namespace train
}  // namespace taper
