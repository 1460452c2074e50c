#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "taper/train/callback.h"

namespace taper TAPER_API {
namespace train {

/// When to stop early.
struct EarlyStopOptions {
  std::string monitor = "valid_loss";
  Mode mode = Mode::kMin;
  /// Stops when this many figures in a row were no better than the best: with 1, at the first.
  int64_t patience = 3;
  /// By how much a figure has to be better; a tie never is.
  double min_delta = 0;
  /// What the first figures have to beat. Default: nothing.
  std::optional<double> baseline = std::nullopt;
  /// Figures before this epoch (counted from 0) do not count.
  int64_t start_epoch = 0;
  /// Good enough: stops when the figure is at least as good.
  std::optional<double> stopping_threshold = std::nullopt;
  /// Too bad: stops as diverged when the figure is worse.
  std::optional<double> divergence_threshold = std::nullopt;
  /// Stops as diverged on NaN and infinity; otherwise such a figure is one that is no better.
  bool check_finite = true;
};

/// Ends a training whose metric does not get better. Its count is part of checkpoints.
class EarlyStop final : public Callback {
 public:
  /// Throws ConfigError on options out of range.
  explicit EarlyStop(EarlyStopOptions options = {});

  std::string name() const override { return "early_stop:" + options_.monitor; }
  IValue state_dict() const override;
  void load_state_dict(const IValue& state) override;
  void on_fit_start(const TrainerState& state, TrainerControl& control) override;
  void on_metrics(const TrainerState& state, MetricsEvent event, const Metrics& values,
                  TrainerControl& control) override;
  /// Throw ConfigError when there is no figure of the monitored name.
  void on_validation_end(const TrainerState& state, TrainerControl& control) override;
  void on_epoch_end(const TrainerState& state, TrainerControl& control) override;

  /// Figures in a row that were no better, and the best so far.
  int64_t waited() const { return waited_; }
  std::optional<double> best() const { return best_; }

 private:
  void judge(double value, TrainerControl& control);
  void stop_if_waited(TrainerControl& control) const;
  void check_metric(const TrainerState& state) const;

  EarlyStopOptions options_;
  std::optional<double> best_;
  int64_t waited_ = 0;
};

}  // namespace train
}  // namespace taper
