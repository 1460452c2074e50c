#include "taper/train/stops.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <vector>

#include "taper/base/error.h"
#include "tests/support/expect_error.h"

namespace taper::train {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// After how many figures it stops, and why; 0: never.
struct Outcome {
  int64_t figures = 0;
  std::optional<StopReason> reason;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(EarlyStop& stop, const std::vector<double>& figures) {
  TrainerState state;
  for (size_t i = 0; i < figures.size(); ++i) {
    TrainerControl control;
    stop.on_metrics(state, MetricsEvent::kValidation, {{"other", 0.0}, {"valid_loss", figures[i]}},
                    control);
    if (control.reason()) return {static_cast<int64_t>(i) + 1, control.reason()};
    ++state.epoch;
  }
  return {};
}

Outcome outcome_of(const EarlyStopOptions& options, const std::vector<double>& figures) {
  EarlyStop stop(options);
  return outcome_of(stop, figures);
}

constexpr StopReason kEarly = StopReason::kEarlyStopped, kDiverged = StopReason::kDiverged;

TEST(EarlyStop, PatienceIsTheNumberOfFiguresThatWereNoBetter) {
  EXPECT_EQ(outcome_of({.patience = 1}, {3, 2, 2.5}), (Outcome{3, kEarly}));
  EXPECT_EQ(outcome_of({.patience = 2}, {3, 2, 2.5, 1, 2, 2}), (Outcome{6, kEarly}));
  EXPECT_EQ(outcome_of({.patience = 3}, {3, 4, 5}), Outcome{});
  EXPECT_EQ(outcome_of({.patience = 3}, {3, 4, 5, 6}), (Outcome{4, kEarly}));
}

TEST(EarlyStop, ATieIsNotBetter) {
  EXPECT_EQ(outcome_of({.patience = 2}, {1, 1, 1}), (Outcome{3, kEarly}));
  EXPECT_EQ(outcome_of({.mode = Mode::kMax, .patience = 2}, {1, 1, 1}), (Outcome{3, kEarly}));
}

TEST(EarlyStop, BetterIsByMoreThanMinDelta) {
  EXPECT_EQ(outcome_of({.patience = 1, .min_delta = 0.5}, {3, 2.5}), (Outcome{2, kEarly}));
  EXPECT_EQ(outcome_of({.patience = 1, .min_delta = 0.5}, {3, 2.25}), Outcome{});
  EXPECT_EQ(outcome_of({.mode = Mode::kMax, .patience = 1, .min_delta = 0.5}, {3, 3.75}),
            Outcome{});
}

TEST(EarlyStop, FiguresThatAreNotFinite) {
  EXPECT_EQ(outcome_of({}, {1, kNaN}), (Outcome{2, kDiverged}));
  EXPECT_EQ(outcome_of({}, {std::numeric_limits<double>::infinity()}), (Outcome{1, kDiverged}));
  const EarlyStopOptions tolerant{.patience = 2, .check_finite = false};
  EXPECT_EQ(outcome_of(tolerant, {kNaN, kNaN}), (Outcome{2, kEarly}));
  EXPECT_EQ(outcome_of(tolerant, {kNaN, 5, kNaN, 4, 3}), Outcome{}) << "any number beats NaN";
}

TEST(EarlyStop, Limits) {
  EXPECT_EQ(outcome_of({.stopping_threshold = 0.5}, {3, 1, 0.5}), (Outcome{3, kEarly}));
  EXPECT_EQ(outcome_of({.divergence_threshold = 10}, {3, 10, 11}), (Outcome{3, kDiverged}));
  EXPECT_EQ(outcome_of({.patience = 2, .baseline = 1.0}, {3, 2}), (Outcome{2, kEarly}));
  EXPECT_EQ(outcome_of({.patience = 1, .start_epoch = 2}, {1, 2, 3, 2}), Outcome{});
}

TEST(EarlyStop, ItsCountIsAState) {
  EarlyStop stop({.patience = 3});
  outcome_of(stop, {2, 3, 3});
  EXPECT_EQ(stop.waited(), 2);
  EarlyStop resumed({.patience = 3});
  resumed.load_state_dict(stop.state_dict());
  EXPECT_EQ(resumed.best(), 2);
  EXPECT_EQ(outcome_of(resumed, {2.5}), (Outcome{1, kEarly}));
  // Resumed once more it stays stopped; with more patience it goes on.
  TrainerControl control, patient_control;
  EarlyStop again({.patience = 3}), patient({.patience = 5});
  again.load_state_dict(resumed.state_dict());
  patient.load_state_dict(resumed.state_dict());
  again.on_fit_start({}, control);
  patient.on_fit_start({}, patient_control);
  EXPECT_EQ(control.reason(), kEarly);
  EXPECT_EQ(control.message(), "valid_loss has not got better than 2 for 3 times");
  EXPECT_EQ(patient_control.reason(), std::nullopt);
  EXPECT_ERROR(ConfigError, again.load_state_dict(IValue::dict()), "no 'waited'");
}

TEST(EarlyStop, RefusesWhatCannotWork) {
  EXPECT_ERROR(ConfigError, EarlyStop({.monitor = ""}), "monitor");
  EXPECT_ERROR(ConfigError, EarlyStop({.patience = 0}), "patience is 0");
  EXPECT_ERROR(ConfigError, EarlyStop({.min_delta = -1}), "min_delta is -1");
  EXPECT_ERROR(ConfigError, EarlyStop({.baseline = kNaN}), "baseline");
  EarlyStop stop({.monitor = "valid_los"});
  TrainerState state;
  state.validates = true;
  state.metrics = {{"train_loss", 1}, {"valid_loss", 2}};
  TrainerControl control;
  stop.on_epoch_end(state, control);
  EXPECT_ERROR(ConfigError, stop.on_validation_end(state, control),
               "there is no metric 'valid_los'; there are: train_loss, valid_loss");
  state.validates = false;
  EXPECT_ERROR(ConfigError, stop.on_epoch_end(state, control), "there is no metric");
}

}  // namespace
}  // namespace taper::train
