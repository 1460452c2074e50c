#include "taper/train/trainer.h"

#include <cmath>
#include <set>

#include "taper/base/error.h"
#include "taper/train/state_util.h"
#include "taper/train/trainer_impl.h"

namespace taper::train {
namespace {

void check_count(const char* name, int64_t value, int64_t least) {
  TAPER_CHECK_AS(ConfigError, value >= least, "Trainer: ", name, " is ", value, ", expected ",
                 least, " or more");
}

void check_bound(const char* name, double value) {
  TAPER_CHECK_AS(ConfigError, value >= 0 && std::isfinite(value), "Trainer: ", name, " is ", value,
                 ", expected 0 or more");
}

void check_options(const TrainerOptions& options) {
  check_count("epochs", options.epochs, 0);
  check_count("max_steps", options.max_steps, 0);
  check_bound("max_seconds", options.max_seconds);
  TAPER_CHECK_AS(ConfigError,
                 options.epochs > 0 || options.max_steps > 0 || options.max_seconds > 0,
                 "Trainer: epochs, max_steps and max_seconds are all 0: there is no end");
  check_count("min_epochs", options.min_epochs, 0);
  check_count("min_steps", options.min_steps, 0);
  check_count("accumulate", options.accumulate, 1);
  check_bound("clip_norm", options.clip_norm);
  check_bound("clip_value", options.clip_value);
  check_count("validate_every_epochs", options.validate_every_epochs, 0);
  check_count("validate_every_steps", options.validate_every_steps, 0);
  check_count("sanity_steps", options.sanity_steps, 0);
  check_count("log_every", options.log_every, 0);
  check_count("fast_dev_run", options.fast_dev_run, 0);
  check_count("overfit_batches", options.overfit_batches, 0);
  check_count("limit_train_batches", options.limit_train_batches, 0);
  check_count("limit_valid_batches", options.limit_valid_batches, 0);
  check_count("limit_test_batches", options.limit_test_batches, 0);
  TAPER_CHECK_AS(ConfigError, !options.monitor.empty(), "Trainer: monitor names no metric");
}

void check_parts(const TrainerParts& parts) {
  TAPER_CHECK_AS(ConfigError, !parts.model.is_empty(), "Trainer: there is no model");
  TAPER_CHECK_AS(ConfigError, static_cast<bool>(parts.loss), "Trainer: there is no loss");
  TAPER_CHECK_AS(ConfigError, parts.optimizer != nullptr, "Trainer: there is no optimizer");
  const auto& schedule = parts.schedule;
  if (schedule.scheduler != nullptr) {
    TAPER_CHECK_AS(ConfigError, &schedule.scheduler->optimizer() == parts.optimizer.get(),
                   "Trainer: the scheduler is of another optimizer");
    TAPER_CHECK_AS(ConfigError,
                   !schedule.needs_metric() || schedule.interval == Schedule::Interval::kEpoch,
                   "Trainer: ReduceLROnPlateau is stepped by epochs");
  }
  std::set<std::string> names = {"loss"};
  for (const auto& metric : parts.metrics) {
    TAPER_CHECK_AS(ConfigError, metric != nullptr, "Trainer: a metric is null");
    TAPER_CHECK_AS(ConfigError, names.insert(metric->name()).second,
                   "Trainer: two metrics have the name '", metric->name(), "'");
  }
  std::set<std::string> callbacks;
  for (const auto& callback : parts.callbacks) {
    TAPER_CHECK_AS(ConfigError, callback != nullptr, "Trainer: a callback is null");
    const std::string name = callback->name();
    TAPER_CHECK_AS(ConfigError, name.empty() || callbacks.insert(name).second,
                   "Trainer: two callbacks have the name '", name, "'");
  }
}

TrainerOptions effective(TrainerOptions options) {
  check_options(options);
  if (options.fast_dev_run > 0) {
    options.epochs = 1;
    options.max_steps = 0;
    options.min_epochs = options.min_steps = options.sanity_steps = 0;
    options.limit_train_batches = options.limit_valid_batches = options.fast_dev_run;
    options.limit_test_batches = options.fast_dev_run;
    options.log_every = 1;
  }
  // Debugging runs leave nothing behind.
  if (options.fast_dev_run > 0 || options.overfit_batches > 0) options.checkpoint = {};
  return options;
}

MetricList metrics_of(const TrainerParts& parts) {
  MetricList metrics = {std::make_shared<LossMetric>()};
  for (const auto& metric : parts.metrics) metrics.push_back(metric->clone());
  return metrics;
}

}  // namespace

ModeScope::ModeScope(nn::Module& model, bool training) {
  for (auto& module : model.modules()) modes_.emplace_back(module, module->is_training());
  model.train(training);
}

ModeScope::~ModeScope() {
  // Parents stand before their children, whose mode they set.
  for (const auto& [module, mode] : modes_) module->train(mode);
}

Trainer::Impl::Impl(TrainerParts given, TrainerOptions wanted)
    : parts(std::move(given)), options(effective(std::move(wanted))) {
  check_parts(parts);
  for (const auto& group : parts.optimizer->param_groups()) {
    parameters.insert(parameters.end(), group.params().begin(), group.params().end());
  }
  train_metrics = metrics_of(parts);
  valid_metrics = metrics_of(parts);
  for (const auto& metric : train_metrics) progress_values.emplace_back(metric->name(), 0);
  if (options.ema.decay != 0) {
    ema = std::make_unique<WeightAverage>(*parts.model.ptr(), options.ema);
  }
  state.model = parts.model.ptr().get();
  state.optimizer = parts.optimizer.get();
}

Trainer::Trainer(TrainerParts parts, TrainerOptions options)
    : impl_(std::make_unique<Impl>(std::move(parts), std::move(options))) {}
Trainer::~Trainer() = default;

const TrainerState& Trainer::state() const { return impl_->state; }
const TrainerOptions& Trainer::options() const { return impl_->options; }
nn::AnyModule& Trainer::model() { return impl_->parts.model; }
optim::Optimizer& Trainer::optimizer() { return *impl_->parts.optimizer; }
const std::vector<std::shared_ptr<Metric>>& Trainer::evaluated() const {
  return impl_->valid_metrics;
}

}  // namespace taper::train
