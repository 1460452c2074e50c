// A training that is stopped anywhere and resumed ends with the bits of one that was not.
#include <gtest/gtest.h>

#include <csignal>

#include "taper/tensor/generator.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/train/small_run.h"

namespace taper::train {
namespace {

using namespace taper::testing;

constexpr int64_t kSteps = 9;  // 3 epochs of 5 batches, 2 a step

IValue whole_run(size_t workers, const TrainerOptions& options) {
  Trainer trainer(small_parts(), options);
  const FitResult result = trainer.fit(small_batches(workers), small_validation());
  EXPECT_EQ(result.reason, StopReason::kCompleted);
  EXPECT_EQ(result.steps, kSteps);
  return final_state(trainer);
}

IValue stopped_run(size_t workers, TrainerOptions options, int64_t step) {
  TempFolder folder;
  options.checkpoint.folder = folder / "checkpoints";
  options.checkpoint.every_epochs = 0;
  options.checkpoint.keep_best = 0;
  {
    TrainerParts parts = small_parts();
    parts.callbacks = {std::make_shared<StopAt>(step)};
    Trainer trainer(std::move(parts), options);
    const FitResult result = trainer.fit(small_batches(workers), small_validation());
    EXPECT_EQ(result.reason, StopReason::kRequested);
    EXPECT_EQ(result.steps, step);
  }
  const std::string path = std::exchange(options.checkpoint, {}).folder;
  Trainer trainer(small_parts(), options);
  manual_seed(77);
  trainer.resume(path);
  EXPECT_EQ(trainer.state().step, step);
  const FitResult result = trainer.fit(small_batches(2 - workers), small_validation());
  EXPECT_EQ(result.reason, StopReason::kCompleted);
  EXPECT_EQ(result.steps, kSteps);
  return final_state(trainer);
}

TEST(TrainerResumeThreads, AnyStepWithAnyWorkersGivesTheSameBits) {
  for (const size_t workers : {size_t{0}, size_t{2}}) {
    const IValue whole = whole_run(workers, full_options());
    for (int64_t step = 1; step <= kSteps; ++step) {
      EXPECT_TRUE(same_state(stopped_run(workers, full_options(), step), whole))
          << workers << " workers, stopped after step " << step;
    }
  }
}

TEST(TrainerResumeThreads, PartsOfEpochsAndValidationsInBetween) {
  TrainerOptions options = full_options();
  options.limit_train_batches = 4;
  options.epochs = 0;
  options.max_steps = kSteps;
  options.validate_every_epochs = 2;
  options.validate_every_steps = 3;
  options.limit_valid_batches = 1;
  const IValue whole = whole_run(2, options);
  for (const int64_t step : {1, 2, 3, 5, 6, 8}) {
    EXPECT_TRUE(same_state(stopped_run(2, options, step), whole)) << step;
  }
}

TEST(TrainerResumeThreads, WithBFloat16) {
  TrainerOptions options = full_options();
  options.precision = Precision::kBFloat16;
  const IValue whole = whole_run(0, options);
  EXPECT_FALSE(same_state(whole, whole_run(0, full_options())));
  for (const int64_t step : {1, 4, 7}) {
    EXPECT_TRUE(same_state(stopped_run(2, options, step), whole)) << step;
  }
}

TEST(TrainerResumeThreads, TheSeedIsForTheBeginningOnly) {
  TrainerOptions options = full_options();
  options.seed = 5;
  const IValue whole = whole_run(0, options);
  EXPECT_TRUE(same_state(stopped_run(0, options, 4), whole));
  options.seed = 6;
  EXPECT_FALSE(same_state(whole_run(0, options), whole));
}

// Raises a signal in the middle of what it watches.
struct Interrupt : Callback {
  explicit Interrupt(int64_t step, int signal) : step(step), signal(signal) {}
  void on_gradients(const TrainerState& state) override {
    if (state.step + 1 == step) ::raise(signal);
  }
  int64_t step;
  int signal;
};

TEST(TrainerResumeThreads, ASignalEndsTheStepSavesAndCanBeResumed) {
  TrainerOptions options = full_options();
  const IValue whole = whole_run(2, options);
  options.handle_signals = true;
  // In the middle of an epoch, and before the validation at its end.
  for (const auto& [step, signal] : {std::pair{4, SIGTERM}, std::pair{6, SIGINT}}) {
    TempFolder folder;
    options.checkpoint.folder = folder / "checkpoints";
    options.checkpoint.every_epochs = 0;
    options.checkpoint.restore_best = true;
    TrainerParts parts = small_parts();
    parts.callbacks = {std::make_shared<Interrupt>(step, signal)};
    Trainer trainer(std::move(parts), options);
    const FitResult result = trainer.fit(small_batches(2), small_validation());
    EXPECT_EQ(result.reason, StopReason::kInterrupted);
    EXPECT_EQ(result.steps, step) << "the step is finished";
    EXPECT_EQ(result.last_checkpoint, options.checkpoint.folder + str("/step_0000000", step));
    options.checkpoint.restore_best = false;
    Trainer resumed(small_parts(), options);
    resumed.resume(options.checkpoint.folder);
    resumed.fit(small_batches(2), small_validation());
    EXPECT_TRUE(same_state(final_state(resumed), whole)) << step;
  }
}

// Raises a signal in the second batch of the second validation.
struct InterruptedBatches : Batches {
  void start_epoch(bool resume) override {
    inner->start_epoch(resume);
    ++epochs;
    given = 0;
  }
  bool next(data::Example<>& batch) override {
    if (epochs == 2 && ++given == 1) ::raise(SIGTERM);
    return inner->next(batch);
  }
  IValue state_dict() const override { return inner->state_dict(); }
  void load_state_dict(const IValue& state) override { inner->load_state_dict(state); }
  std::shared_ptr<Batches> inner = small_validation();
  int epochs = 0, given = 0;
};

TEST(TrainerResumeThreads, AnInterruptedValidationIsDoneAgain) {
  TempFolder folder;
  TrainerOptions options = full_options();
  const IValue whole = whole_run(0, options);
  options.handle_signals = true;
  options.checkpoint.folder = folder / "checkpoints";
  Trainer trainer(small_parts(), options);
  const FitResult result = trainer.fit(small_batches(0), std::make_shared<InterruptedBatches>());
  EXPECT_EQ(result.reason, StopReason::kInterrupted);
  EXPECT_EQ(result.steps, 6);
  EXPECT_EQ(result.epochs, 1) << "the second epoch ends with its validation";
  Trainer resumed(small_parts(), options);
  resumed.resume(options.checkpoint.folder);
  EXPECT_EQ(resumed.fit(small_batches(0), small_validation()).reason, StopReason::kCompleted);
  EXPECT_TRUE(same_state(final_state(resumed), whole));
}

TEST(TrainerResumeThreads, ValidationDoesNotChangeTheTraining) {
  TrainerOptions options = full_options();
  Trainer with(small_parts(), options), without(small_parts(), options);
  manual_seed(3);
  with.fit(small_batches(2), small_batches(0));
  manual_seed(3);
  without.fit(small_batches(2));
  EXPECT_TRUE(same_state(with.state_dict().at("model"), without.state_dict().at("model")));
}

TEST(TrainerResumeThreads, AStateOfAnotherTrainingIsRefused) {
  Trainer trainer(small_parts(), full_options());
  const IValue state = trainer.state_dict();
  TrainerParts parts = small_parts();
  parts.schedule = {};
  Trainer without_schedule(std::move(parts), full_options());
  EXPECT_ERROR(ConfigError, without_schedule.load_state_dict(state), "scheduler");
  Trainer without_average(small_parts(), quiet_options());
  EXPECT_ERROR(ConfigError, without_average.load_state_dict(state), "average");
  IValue broken = trainer.state_dict();
  broken.erase("optimizer");
  EXPECT_ERROR(ConfigError, trainer.load_state_dict(broken), "no 'optimizer'");
  EXPECT_ERROR(ConfigError, trainer.load_state_dict(IValue(3)), "a dict");
}

}  // namespace
}  // namespace taper::train
