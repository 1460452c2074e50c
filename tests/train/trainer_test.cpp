#include "taper/train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "taper/base/folder.h"
#include "taper/io/safetensors.h"
#include "taper/ops/pointwise.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/train/small_run.h"

namespace taper::train {
namespace {

using namespace taper::testing;

// What a callback saw, in order.
struct Recorder : Callback {
  void on_fit_start(const TrainerState&, TrainerControl&) override { add("fit"); }
  void on_epoch_start(const TrainerState&, TrainerControl&) override { add("epoch"); }
  void on_batch(const TrainerState&, data::Example<>&) override { add("batch"); }
  void on_gradients(const TrainerState&) override { add("gradients"); }
  void on_step_end(const TrainerState&, TrainerControl&) override { add("step"); }
  void on_validation_end(const TrainerState&, TrainerControl&) override { add("validation"); }
  void on_epoch_end(const TrainerState&, TrainerControl&) override { add("end"); }
  void on_fit_end(const TrainerState&, StopReason reason) override { add(to_string(reason)); }
  void on_exception(const TrainerState&, const char* what) override { add(what); }
  void on_metrics(const TrainerState&, MetricsEvent event, const Metrics& values,
                  TrainerControl&) override {
    figures.emplace_back(event, values);
  }
  void add(const char* what) { text += (text.empty() ? "" : " ") + std::string(what); }

  std::string text;
  std::vector<std::pair<MetricsEvent, Metrics>> figures;
};

TrainerParts parts_with(std::vector<std::shared_ptr<Callback>> callbacks) {
  TrainerParts parts = small_parts();
  parts.callbacks = std::move(callbacks);
  return parts;
}

TEST(Trainer, CallsHooksInOrder) {
  const auto recorder = std::make_shared<Recorder>();
  TrainerOptions options = quiet_options();
  options.epochs = 2;
  options.accumulate = 2;
  Trainer trainer(parts_with({recorder}), options);
  trainer.fit(small_batches(0, 24), small_validation());
  EXPECT_EQ(recorder->text,
            "fit epoch batch batch gradients step batch gradients step validation end "
            "epoch batch batch gradients step batch gradients step validation end completed");
}

// The trainer against the same steps by hand.
TEST(Trainer, TakesTheStepsOfABareLoop) {
  TrainerParts parts = small_parts();
  Trainer trainer(parts, quiet_options());
  manual_seed(2);
  const FitResult result = trainer.fit(small_batches(0));
  EXPECT_EQ(result.steps, 15);
  EXPECT_EQ(result.epochs, 3);

  TrainerParts bare = small_parts();
  manual_seed(2);
  const auto batches = small_batches(0);
  double sum = 0;
  for (int epoch = 0; epoch < 3; ++epoch) {
    data::Example<> batch;
    batches->start_epoch();
    sum = 0;
    while (batches->next(batch)) {
      bare.optimizer->zero_grad();
      const Tensor loss = small_loss(bare.model.forward(batch.data), batch.target);
      loss.backward();
      bare.optimizer->step();
      bare.schedule.scheduler->step();
      sum += loss.item<double>() * 8;
    }
  }
  EXPECT_TRUE(same_state(parts.model.ptr()->state_dict().to_ivalue(),
                         bare.model.ptr()->state_dict().to_ivalue()));
  EXPECT_TRUE(same_state(parts.optimizer->state_dict(), bare.optimizer->state_dict()));
  EXPECT_DOUBLE_EQ(*find_metric(result.metrics, "train_loss"), sum / 40);
}

TEST(Trainer, AccumulatedGradientsAreThoseOfTheWholeBatch) {
  const auto gradients_of = [](int64_t accumulate, std::vector<int64_t> sizes) {
    TrainerParts parts = small_parts();
    auto net = std::make_shared<nn::LinearImpl>(6, 3);
    parts.model = nn::AnyModule(net);
    net->weight.data().fill_(0.1);
    net->bias.data().fill_(0);
    parts.optimizer = std::make_shared<optim::SGD>(net->parameters(), optim::SGDOptions(1));
    parts.schedule = {};
    const Tensor x = arange(48, kFloat).view({8, 6}).div(48), y = arange(8).remainder(3);
    std::vector<data::Example<>> batches;
    int64_t at = 0;
    for (const int64_t size : sizes) {
      batches.emplace_back(x.slice(0, at, at + size), y.slice(0, at, at + size));
      at += size;
    }
    TrainerOptions options = quiet_options();
    options.epochs = 1;
    options.accumulate = accumulate;
    Trainer trainer(std::move(parts), options);
    EXPECT_EQ(trainer.fit(std::make_shared<MemoryBatches>(batches)).steps, 1);
    return net->weight.detach().clone();
  };
  const Tensor whole = gradients_of(1, {8});
  EXPECT_TRUE(whole.allclose(gradients_of(4, {2, 2, 2, 2}), 1e-6, 1e-6));
  EXPECT_TRUE(whole.allclose(gradients_of(9, {4, 4}), 1e-6, 1e-6)) << "an epoch's end ends a step";
}

TEST(Trainer, LimitsEndAFit) {
  const auto run = [](auto change) {
    TrainerOptions options = quiet_options();
    change(options);
    Trainer trainer(small_parts(), options);
    return trainer.fit(small_batches(0), small_validation());
  };
  FitResult result = run([](TrainerOptions& o) { o.max_steps = 7; });
  EXPECT_EQ(result.steps, 7);
  EXPECT_EQ(result.epochs, 1);
  EXPECT_EQ(result.reason, StopReason::kCompleted);
  EXPECT_EQ(result.message, "7 steps");
  result = run([](TrainerOptions& o) { o.max_seconds = 1e-9; });
  EXPECT_EQ(result.reason, StopReason::kTimeLimit);
  EXPECT_EQ(result.steps, 1);
  result = run([](TrainerOptions& o) { o.limit_train_batches = 2; });
  EXPECT_EQ(result.steps, 6);
  EXPECT_EQ(result.epochs, 3);
  result = run([](TrainerOptions& o) { o.fast_dev_run = 3; });
  EXPECT_EQ(result.steps, 3);
  EXPECT_EQ(result.epochs, 1);
  result = run([](TrainerOptions& o) { o.overfit_batches = 2; });
  EXPECT_EQ(result.steps, 6);
}

TEST(Trainer, OverfittingSeesTheSameBatchesAndLearnsThem) {
  TrainerOptions options = quiet_options();
  options.epochs = 60;
  options.overfit_batches = 1;
  TrainerParts parts = small_parts();
  parts.schedule = {};
  Trainer trainer(std::move(parts), options);
  const FitResult result = trainer.fit(small_batches(0));
  EXPECT_EQ(*find_metric(result.metrics, "valid_accuracy"), 1);
}

TEST(Trainer, AnEarlyStopWaitsForTheLeastEpochs) {
  TrainerOptions options = quiet_options();
  options.epochs = 50;
  const auto stop_of = [&] {
    // No figure beats 0: the first one stops.
    return std::make_shared<EarlyStop>(EarlyStopOptions{.patience = 1, .baseline = 0.0});
  };
  Trainer trainer(parts_with({stop_of()}), options);
  FitResult result = trainer.fit(small_batches(0), small_validation());
  EXPECT_EQ(result.reason, StopReason::kEarlyStopped);
  EXPECT_EQ(result.epochs, 1);
  options.min_epochs = 4;
  Trainer longer(parts_with({stop_of()}), options);
  result = longer.fit(small_batches(0), small_validation());
  EXPECT_EQ(result.reason, StopReason::kEarlyStopped);
  EXPECT_EQ(result.epochs, 4);
}

// A loss that is not a number at one step.
struct Poison : Callback {
  explicit Poison(int64_t at) : at(at) {}
  void on_batch(const TrainerState&, data::Example<>& batch) override {
    if (++seen == at || at == 0) {
      batch.data = full({batch.data.size(0), 6}, std::numeric_limits<float>::quiet_NaN());
    }
  }
  int64_t at, seen = 0;
};

TEST(Trainer, ALossThatIsNotFinite) {
  const auto run = [](NonFinite policy, int64_t at) {
    TrainerOptions options = quiet_options();
    options.non_finite = policy;
    options.epochs = 40;
    options.max_steps = 20;
    Trainer trainer(parts_with({std::make_shared<Poison>(at)}), options);
    FitResult result = trainer.fit(small_batches(0));
    return std::pair(result, trainer.state().skipped);
  };
  auto [stopped, none] = run(NonFinite::kStop, 4);
  EXPECT_EQ(stopped.reason, StopReason::kDiverged);
  EXPECT_EQ(stopped.steps, 3);
  EXPECT_EQ(stopped.message, "the loss of step 4 is nan");
  auto [skipping, one] = run(NonFinite::kSkip, 4);
  EXPECT_EQ(skipping.reason, StopReason::kCompleted);
  EXPECT_EQ(skipping.steps, 20);
  EXPECT_EQ(one, 1);
  auto [hopeless, hundred] = run(NonFinite::kSkip, 0);
  EXPECT_EQ(hopeless.reason, StopReason::kDiverged);
  EXPECT_EQ(hundred, 100);
  EXPECT_ERROR(Error, run(NonFinite::kThrow, 4), "the loss of step 4 is nan");
  EXPECT_EQ(run(NonFinite::kIgnore, 4).first.reason, StopReason::kCompleted);
}

TEST(Trainer, ADivergedStateIsNotSaved) {
  TempFolder folder;
  TrainerOptions options = quiet_options();
  options.checkpoint.folder = folder / "ckpt";
  options.checkpoint.every_steps = 2;
  Trainer trainer(parts_with({std::make_shared<Poison>(4)}), options);
  const FitResult result = trainer.fit(small_batches(0));
  EXPECT_EQ(result.reason, StopReason::kDiverged);
  EXPECT_EQ(result.last_checkpoint, options.checkpoint.folder + "/step_00000002");
}

TEST(Trainer, FiguresGoToCallbacks) {
  const auto recorder = std::make_shared<Recorder>();
  TrainerOptions options = quiet_options();
  options.epochs = 1;
  options.log_every = 4;
  options.clip_norm = 1;
  Trainer trainer(parts_with({recorder}), options);
  trainer.fit(small_batches(0), small_validation());
  ASSERT_EQ(recorder->figures.size(), 3u);
  const auto names = [&](size_t i) {
    std::string text;
    for (const auto& [name, value] : recorder->figures[i].second) text += name + ' ';
    return text;
  };
  EXPECT_EQ(recorder->figures[0].first, MetricsEvent::kStep);
  EXPECT_EQ(names(0), "loss train_loss train_accuracy lr gradient_norm ");
  EXPECT_EQ(recorder->figures[1].first, MetricsEvent::kValidation);
  EXPECT_EQ(names(1), "valid_loss valid_accuracy ");
  EXPECT_EQ(recorder->figures[2].first, MetricsEvent::kEpoch);
  EXPECT_EQ(names(2), "train_loss train_accuracy epoch_seconds ");
}

TEST(Trainer, ShowsProgressAndALinePerValidation) {
  TempFolder folder;
  const std::string path = folder / "shown";
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  TrainerOptions options = quiet_options();
  options.epochs = 2;
  options.validate_every_epochs = 2;
  options.progress = true;
  options.progress_options.output = ::fileno(file);
  Trainer trainer(small_parts(), options);
  trainer.fit(small_batches(0), small_validation());
  std::fclose(file);
  std::string text = slurp(path);
  EXPECT_EQ(text.rfind("epoch 1/2  40  ", 0), 0u) << "an unknown length: " << text;
  text.erase(0, text.find('\n') + 1);
  EXPECT_EQ(text.rfind("epoch 2/2  40/40  ", 0), 0u) << text;
  EXPECT_NE(text.find(" samples/s  loss "), std::string::npos) << text;
  text.erase(0, text.find('\n') + 1);
  EXPECT_EQ(text.rfind("epoch 2/2  valid_loss ", 0), 0u) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST(Trainer, PlateausFollowTheirMetric) {
  TrainerParts parts = small_parts();
  parts.schedule.scheduler = std::make_shared<optim::ReduceLROnPlateau>(
      *parts.optimizer, optim::ReduceLROnPlateau::SchedulerMode::max, 0.5, 0);
  parts.schedule.monitor = "valid_accuracy";
  EXPECT_ERROR(ConfigError, Trainer(parts, quiet_options()), "stepped by epochs");
  parts.schedule.interval = Schedule::Interval::kEpoch;
  TrainerOptions options = quiet_options();
  options.limit_valid_batches = 1;
  options.epochs = 8;
  Trainer trainer(parts, options);
  trainer.fit(small_batches(0), small_validation());
  EXPECT_LT(parts.optimizer->param_groups()[0].options().get_lr(), 0.01);
  parts.schedule.monitor = "valid_acuracy";
  Trainer wrong(parts, options);
  EXPECT_ERROR(ConfigError, wrong.fit(small_batches(0), small_validation()),
               "there is no metric 'valid_acuracy'; there are: valid_loss, valid_accuracy, "
               "train_loss");
}

TEST(Trainer, PlateausTakeAFigureOnce) {
  const auto rate_after = [](int64_t validate_every) {
    TrainerParts parts = small_parts();
    // No figure is better than the first by so much: the rate falls with each one after it.
    parts.schedule.scheduler = std::make_shared<optim::ReduceLROnPlateau>(
        *parts.optimizer, optim::ReduceLROnPlateau::SchedulerMode::min, 0.5, 0, 1e9,
        optim::ReduceLROnPlateau::ThresholdMode::abs);
    parts.schedule.interval = Schedule::Interval::kEpoch;
    TrainerOptions options = quiet_options();
    options.epochs = 4;
    options.validate_every_epochs = validate_every;
    Trainer trainer(parts, options);
    trainer.fit(small_batches(0), small_validation());
    return parts.optimizer->param_groups()[0].options().get_lr();
  };
  EXPECT_DOUBLE_EQ(rate_after(1), 0.01 / 8);
  EXPECT_DOUBLE_EQ(rate_after(2), 0.01 / 2);
}

TEST(Trainer, TheBestCheckpointIsKeptAndRestored) {
  TempFolder folder;
  TrainerOptions options = quiet_options();
  options.epochs = 6;
  options.monitor = "valid_accuracy";
  options.mode = Mode::kMax;
  options.checkpoint.folder = folder / "ckpt";
  options.checkpoint.every_epochs = 4;
  options.checkpoint.restore_best = true;
  TrainerParts parts = small_parts();
  Trainer trainer(parts, options);
  const auto valid = small_validation();
  EXPECT_ERROR(ConfigError, trainer.fit(small_batches(0)), "no batches of validation");
  const FitResult result = trainer.fit(small_batches(0), valid);
  ASSERT_TRUE(result.best.has_value());
  EXPECT_EQ(result.best_checkpoint, options.checkpoint.folder + "/step_" +
                                        (result.best_step < 10 ? "0000000" : "000000") +
                                        str(result.best_step))
      << "written when it came, not when a period ended";
  EXPECT_EQ(*find_metric(trainer.evaluate(*valid), "test_accuracy"), *result.best);
  const io::SafetensorsFile weights =
      io::load_safetensors(result.best_checkpoint + "/model.safetensors");
  EXPECT_TRUE(same_bits(weights.at("first.weight"),
                        parts.model.ptr()->get_parameter("first.weight").detach()));
}

TEST(Trainer, SavesByStepsAndByTime) {
  TempFolder folder;
  TrainerOptions options = quiet_options();
  options.epochs = 1;
  options.checkpoint.folder = folder / "ckpt";
  options.checkpoint.every_epochs = 0;
  options.checkpoint.every_seconds = 1e-9;
  options.checkpoint.keep_last = 10;
  Trainer trainer(small_parts(), options);
  trainer.fit(small_batches(0));
  EXPECT_EQ(list_folder(options.checkpoint.folder).size(), 6u) << "last, and one for each step";
}

TEST(Trainer, AFolderOfAnotherRunIsRefused) {
  TempFolder folder;
  TrainerOptions options = quiet_options();
  options.checkpoint.folder = folder / "ckpt";
  Trainer first(small_parts(), options), second(small_parts(), options);
  first.fit(small_batches(0));
  EXPECT_ERROR(ConfigError, second.fit(small_batches(0)), "holds checkpoints already");
  second.resume(options.checkpoint.folder);
  EXPECT_EQ(second.fit(small_batches(0)).steps, 15) << "there is nothing left to do";
}

TEST(Trainer, ARefusedResumeStaysRefusedAndChangesNothing) {
  TempFolder folder;
  TrainerOptions options = quiet_options();
  options.checkpoint.folder = folder / "a";
  Trainer first(small_parts(), options);
  first.fit(small_batches(0));
  options.checkpoint.folder = folder / "b";
  options.epochs = 1;
  Trainer second(small_parts(), options);
  second.fit(small_batches(0));
  const auto before = list_folder(folder / "b");
  options.epochs = 4;
  Trainer third(small_parts(), options);
  third.resume(folder / "a");
  for (int i = 0; i < 2; ++i) {
    EXPECT_ERROR(ConfigError, third.fit(small_batches(0)), "holds checkpoints of another run");
  }
  EXPECT_EQ(list_folder(folder / "b"), before);
  third.resume(folder / "b");
  EXPECT_EQ(third.fit(small_batches(0)).epochs, 4);

  // Data of another kind: no folder is left behind, and the right data may follow.
  options.checkpoint.folder = folder / "c";
  options.epochs = 3;
  options.max_steps = 2;
  Trainer stopped(small_parts(), options);
  stopped.fit(small_batches(0));
  options.checkpoint.folder = folder / "d";
  options.max_steps = 0;
  Trainer last(small_parts(), options);
  last.resume(folder / "c");
  EXPECT_ANY_THROW(last.fit(small_batches(0, /*samples=*/24)));
  EXPECT_FALSE(is_folder(folder / "d"));
  EXPECT_EQ(last.fit(small_batches(0)).steps, 15);
}

TEST(Trainer, AveragedWeightsAreValidatedAndLeft) {
  TrainerOptions options = quiet_options();
  options.ema.decay = 0.5;
  options.epochs = 1;
  TrainerParts parts = small_parts();
  const Tensor weight = parts.model.ptr()->get_parameter("last.weight");
  struct Average : Callback {
    explicit Average(Tensor weight) : weight(std::move(weight)) {}
    void on_fit_start(const TrainerState&, TrainerControl&) override {
      average = weight.detach().clone();
    }
    void on_step_end(const TrainerState&, TrainerControl&) override {
      average.lerp_(weight.detach(), 0.5);
    }
    Tensor weight, average;
  };
  const auto average = std::make_shared<Average>(weight);
  parts.callbacks = {average};
  Trainer trainer(std::move(parts), options);
  const FitResult result = trainer.fit(small_batches(0), small_validation());
  EXPECT_TRUE(same_bits(weight.detach(), average->average));
  const auto valid = small_validation();
  EXPECT_EQ(*find_metric(trainer.evaluate(*valid), "test_loss"),
            *find_metric(result.metrics, "valid_loss"));
}

TEST(Trainer, EvaluatesOnceAndTheSameEverywhere) {
  TrainerParts parts = small_parts();
  Trainer trainer(parts, quiet_options());
  const auto data = small_validation();
  parts.model.ptr()->train();
  parts.model.ptr()->get_submodule("norm")->eval();
  const Tensor generator = get_rng_state();
  const Metrics metrics = trainer.evaluate(*data, "valid");
  EXPECT_TRUE(same_bits(get_rng_state(), generator));
  EXPECT_TRUE(parts.model.ptr()->is_training());
  EXPECT_FALSE(parts.model.ptr()->get_submodule("norm")->is_training()) << "modes are kept";
  const Tensor output = trainer.predict(*data);
  EXPECT_EQ(output.sizes(), IntArrayRef({20, 3}));
  EXPECT_FALSE(output.requires_grad());
  const Tensor target = small_data(20).targets();
  // Batches of 16 and 4: the mean over samples, not over batches.
  EXPECT_NEAR(*find_metric(metrics, "valid_loss"), small_loss(output, target).item<double>(), 1e-6);
  EXPECT_EQ(*find_metric(metrics, "valid_accuracy"),
            output.argmax(1).eq(target).to(kDouble).mean().item<double>());
  EXPECT_EQ(trainer.evaluated().size(), 2u);
  MemoryBatches nothing({});
  EXPECT_ERROR(Error, trainer.predict(nothing), "no batch");
}

TEST(Trainer, TheRangeTestLeavesNoTrace) {
  TrainerParts parts = small_parts();
  Trainer trainer(parts, quiet_options());
  const auto batches = small_batches(2);
  const IValue model = clone_state(parts.model.ptr()->state_dict().to_ivalue()),
               optimizer = clone_state(parts.optimizer->state_dict()),
               place = clone_state(batches->state_dict());
  const Tensor generator = get_rng_state();
  const LrCurve curve = trainer.find_lr(batches, {.min_lr = 1e-5, .max_lr = 10, .steps = 60});
  EXPECT_TRUE(same_state(model, parts.model.ptr()->state_dict().to_ivalue()));
  EXPECT_TRUE(same_state(optimizer, parts.optimizer->state_dict()));
  EXPECT_TRUE(same_state(place, batches->state_dict()));
  EXPECT_TRUE(same_bits(generator, get_rng_state()));
  ASSERT_EQ(curve.losses.size(), curve.learning_rates.size());
  ASSERT_GT(curve.losses.size(), 20u);
  EXPECT_DOUBLE_EQ(curve.learning_rates[0], 1e-5);
  ASSERT_TRUE(curve.suggestion.has_value());
  EXPECT_GT(*curve.suggestion, 1e-5);
  EXPECT_LT(*curve.suggestion, 10);
  EXPECT_ERROR(ConfigError, trainer.find_lr(batches, {.min_lr = 0}), "min_lr is 0");
  EXPECT_ERROR(ConfigError, trainer.find_lr(batches, {.steps = 2}), "steps is 2");
  EXPECT_ERROR(ConfigError, trainer.find_lr(nullptr), "no training batches");
}

TEST(Trainer, RefusesPartsAndOptionsThatCannotWork) {
  const auto with = [](auto change) {
    TrainerParts parts = small_parts();
    TrainerOptions options = quiet_options();
    change(parts, options);
    Trainer trainer(std::move(parts), options);
  };
  using P = TrainerParts;
  using O = TrainerOptions;
  EXPECT_ERROR(ConfigError, with([](P& p, O&) { p.model = {}; }), "no model");
  EXPECT_ERROR(ConfigError, with([](P& p, O&) { p.loss = {}; }), "no loss");
  EXPECT_ERROR(ConfigError, with([](P& p, O&) { p.optimizer = {}; }), "no optimizer");
  EXPECT_ERROR(ConfigError, with([](P& p, O&) { p.metrics.push_back(p.metrics[0]); }),
               "the name 'accuracy'");
  EXPECT_ERROR(ConfigError, with([](P& p, O&) { p.metrics = {nullptr}; }), "null");
  EXPECT_ERROR(ConfigError, with([](P& p, O&) {
                 p.callbacks = {std::make_shared<EarlyStop>(), std::make_shared<EarlyStop>()};
               }),
               "two callbacks have the name 'early_stop:valid_loss'");
  EXPECT_ERROR(ConfigError, with([](P& p, O&) { p.optimizer = small_parts().optimizer; }),
               "of another optimizer");
  EXPECT_ERROR(ConfigError, with([](P&, O& o) { o.epochs = 0; }), "there is no end");
  EXPECT_ERROR(ConfigError, with([](P&, O& o) { o.accumulate = 0; }), "accumulate is 0");
  EXPECT_ERROR(ConfigError, with([](P&, O& o) { o.clip_norm = -1; }), "clip_norm is -1");
  EXPECT_ERROR(ConfigError, with([](P&, O& o) { o.ema.decay = 2; }), "decay is 2");
  EXPECT_ERROR(ConfigError, with([](P&, O& o) { o.monitor = ""; }), "monitor");
}

TEST(Trainer, TellsCallbacksOfExceptions) {
  const auto recorder = std::make_shared<Recorder>();
  Trainer trainer(parts_with({recorder}), quiet_options());
  EXPECT_ERROR(ConfigError, trainer.fit(nullptr), "no training batches");
  EXPECT_ERROR(Error, trainer.fit(std::make_shared<MemoryBatches>(std::vector<data::Example<>>())),
               "gave no batch in epoch 1");
  EXPECT_EQ(recorder->text,
            "Trainer: there are no training batches fit epoch Trainer: the training data gave no "
            "batch in epoch 1");
}

TEST(Trainer, LoadersWithoutAPlaceCannotBeCheckpointed) {
  struct Placeless : Batches {
    void start_epoch(bool) override {}
    bool next(data::Example<>&) override { return false; }
    IValue state_dict() const override { detail::refuse_loader_state(); }
    void load_state_dict(const IValue&) override {}
  };
  TempFolder folder;
  TrainerOptions options = quiet_options();
  options.checkpoint.folder = folder / "ckpt";
  Trainer trainer(small_parts(), options);
  EXPECT_ERROR(ConfigError, trainer.fit(std::make_shared<Placeless>()), "has no place");
  EXPECT_EQ(folder.count(), 0);
  options.checkpoint = {};
  options.deterministic = true;
  Trainer strict(small_parts(), options);
  EXPECT_ERROR(ConfigError, strict.fit(std::make_shared<Placeless>()), "has no place");
}

TEST(Batches, CountThemselves) {
  const auto unknown = small_batches(0, 20);
  EXPECT_EQ(unknown->batches(), std::nullopt);
  data::Example<> batch;
  unknown->start_epoch();
  while (unknown->next(batch)) {
  }
  EXPECT_EQ(unknown->batches(), 3);
  EXPECT_EQ(unknown->samples(), 20);
  EXPECT_FALSE(unknown->next(batch)) << "an end stays one";
  const auto known =
      make_batches(data::make_data_loader(small_data(20).map(data::transforms::Stack<>()),
                                          data::DataLoaderOptions(8).drop_last(true)),
                   20);
  EXPECT_EQ(known->batches(), 2);
  EXPECT_EQ(known->samples(), 16);
}

TEST(Batches, TakeLoadersWithoutTargets) {
  const auto batches = make_batches(data::make_data_loader<data::samplers::SequentialSampler>(
      data::datasets::TensorDataset(arange(10)).map(data::transforms::Stack<data::TensorExample>()),
      data::DataLoaderOptions(4)));
  data::Example<> batch;
  batches->start_epoch();
  ASSERT_TRUE(batches->next(batch));
  EXPECT_FALSE(batch.target.defined());
  EXPECT_TRUE(batch.data.equal(arange(4)));
}

TEST(Batches, ANewEpochAfterAPlaceInTheMiddle) {
  const auto first = small_batches(0);
  manual_seed(9);
  data::Example<> batch, expected, given;
  first->start_epoch();
  first->next(batch);
  const IValue place = first->state_dict();
  const Tensor generator = get_rng_state();
  first->start_epoch();
  first->next(expected);
  const auto second = small_batches(2);
  second->load_state_dict(place);
  set_rng_state(generator);
  second->start_epoch();
  second->next(given);
  EXPECT_TRUE(same_bits(expected.data, given.data));
  MemoryBatches memory({batch});
  EXPECT_ERROR(ConfigError, memory.load_state_dict(IValue::dict({{"next", 2}})), "place");
}

}  // namespace
}  // namespace taper::train
