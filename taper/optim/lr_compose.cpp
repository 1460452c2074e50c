// Schedulers that run others, and the one that watches a metric.
#include <algorithm>
#include <limits>

#include "taper/optim/lr_scheduler.h"

namespace taper::optim {
namespace {

using Schedulers = std::vector<std::shared_ptr<LRScheduler>>;

const Schedulers& check_schedulers(const Schedulers& schedulers, const Optimizer* optimizer,
                                   const char* name) {
  TAPER_CHECK_AS(ConfigError, !schedulers.empty(), name,
                 " expects at least one scheduler to be chained, but got no scheduler.");
  for (size_t i = 0; i < schedulers.size(); ++i) {
    TAPER_CHECK_AS(ConfigError, schedulers[i] != nullptr, name, ": the scheduler at index ", i,
                   " is empty");
    if (optimizer == nullptr) optimizer = &schedulers[i]->optimizer();
    TAPER_CHECK_AS(ConfigError, &schedulers[i]->optimizer() == optimizer, name,
                   " expects all schedulers to belong to the same optimizer, but got schedulers at "
                   "index ",
                   i, " to be different.");
  }
  return schedulers;
}

void fields_of(Schedulers& schedulers, Fields& f) {
  if (f.is_saving()) {
    std::vector<IValue> dicts;
    for (const auto& scheduler : schedulers) dicts.push_back(scheduler->state_dict());
    f.dict().insert("_schedulers", IValue::list(std::move(dicts)));
    return;
  }
  const IValue& dicts = *f.take("_schedulers");
  TAPER_CHECK_AS(ConfigError, dicts.isList() && dicts.size() == schedulers.size(),
                 "load_state_dict: key '_schedulers': expected a list of ", schedulers.size(),
                 " dicts");
  for (size_t i = 0; i < schedulers.size(); ++i) {
    schedulers[i]->load_state_dict(dicts.toListRef()[i]);
  }
}

}  // namespace

SequentialLR::SequentialLR(Optimizer& optimizer, Schedulers schedulers,
                           std::vector<int64_t> milestones, int64_t last_epoch)
    : LRScheduler((check_schedulers(schedulers, &optimizer, "SequentialLR"), optimizer),
                  last_epoch),
      schedulers_(std::move(schedulers)),
      milestones_(std::move(milestones)) {
  TAPER_CHECK_AS(ConfigError, milestones_.size() + 1 == schedulers_.size(),
                 "SequentialLR: Sequential Schedulers expects number of schedulers provided to be "
                 "one more than the number of milestone points, but got number of schedulers ",
                 schedulers_.size(), " and the number of milestones to be equal to ",
                 milestones_.size());
  TAPER_CHECK_AS(ConfigError, std::is_sorted(milestones_.begin(), milestones_.end()),
                 "SequentialLR: expected milestones in increasing order");
  ++last_epoch_;
  // What the schedulers did when they were made is undone, but for the first one's.
  set_lrs(base_lrs_);
  for (const auto& scheduler : schedulers_) --scheduler->last_epoch_;
  schedulers_[0]->step_count_ = 0;
  schedulers_[0]->step();
  last_lr_ = get_current_lrs();
}

void SequentialLR::step() {
  ++last_epoch_;
  const auto passed = std::upper_bound(milestones_.begin(), milestones_.end(), last_epoch_);
  const auto index = static_cast<size_t>(passed - milestones_.begin());
  if (index > 0 && milestones_[index - 1] == last_epoch_) {
    schedulers_[index]->restart();
  } else {
    schedulers_[index]->step();
  }
  last_lr_ = get_current_lrs();
}

void SequentialLR::restart() {
  last_epoch_ = 0;
  schedulers_[0]->restart();
  last_lr_ = get_current_lrs();
}

void SequentialLR::fields(Fields& f) {
  f("_milestones", milestones_);
  f("last_epoch", last_epoch_);
  f("_last_lr", last_lr_);
  fields_of(schedulers_, f);
  TAPER_CHECK_AS(ConfigError,
                 milestones_.size() + 1 == schedulers_.size() &&
                     std::is_sorted(milestones_.begin(), milestones_.end()),
                 "load_state_dict: key '_milestones': expected ", schedulers_.size() - 1,
                 " milestones in increasing order");
}

ChainedScheduler::ChainedScheduler(Schedulers schedulers)
    : LRScheduler(check_schedulers(schedulers, nullptr, "ChainedScheduler")[0]->optimizer()),
      schedulers_(std::move(schedulers)) {}

void ChainedScheduler::step() {
  for (const auto& scheduler : schedulers_) scheduler->step();
  ++last_epoch_;
  last_lr_ = get_current_lrs();
}

void ChainedScheduler::restart() {
  for (const auto& scheduler : schedulers_) scheduler->restart();
  last_epoch_ = 0;
  last_lr_ = get_current_lrs();
}

void ChainedScheduler::fields(Fields& f) {
  fields_of(schedulers_, f);
  f("_last_lr", last_lr_);
}

ReduceLROnPlateauScheduler::ReduceLROnPlateauScheduler(
    Optimizer& optimizer, SchedulerMode mode, double factor, int64_t patience, double threshold,
    ThresholdMode threshold_mode, int64_t cooldown, const PerGroup& min_lr, double eps)
    : LRScheduler(optimizer),
      mode_(mode),
      threshold_mode_(threshold_mode),
      factor_(factor),
      threshold_(threshold),
      eps_(eps),
      best_(mode == SchedulerMode::min ? std::numeric_limits<double>::infinity()
                                       : -std::numeric_limits<double>::infinity()),
      patience_(patience),
      cooldown_(cooldown),
      min_lrs_(min_lr.expand("min_lr", optimizer)) {
  check();
  last_epoch_ = 0;
}

void ReduceLROnPlateauScheduler::check() const {
  TAPER_CHECK_AS(ConfigError, factor_ < 1, "ReduceLROnPlateau: Factor should be < 1.0, got ",
                 factor_);
  TAPER_CHECK_AS(ConfigError, min_lrs_.size() == base_lrs_.size(), "ReduceLROnPlateau: expected ",
                 base_lrs_.size(), " min_lrs, got ", min_lrs_.size());
}

bool ReduceLROnPlateauScheduler::is_better(double metric) const {
  const bool is_relative = threshold_mode_ == ThresholdMode::rel;
  if (mode_ == SchedulerMode::min) {
    return metric < (is_relative ? best_ * (1 - threshold_) : best_ - threshold_);
  }
  return metric > (is_relative ? best_ * (1 + threshold_) : best_ + threshold_);
}

void ReduceLROnPlateauScheduler::step() {
  TAPER_CHECK(false, "ReduceLROnPlateau: step() needs a metric");
}

void ReduceLROnPlateauScheduler::step(double metric) {
  ++last_epoch_;
  if (is_better(metric)) {
    best_ = metric;
    num_bad_epochs_ = 0;
  } else {
    ++num_bad_epochs_;
  }
  if (cooldown_counter_ > 0) {
    --cooldown_counter_;
    num_bad_epochs_ = 0;
  }
  std::vector<double> lrs = get_current_lrs();
  if (num_bad_epochs_ > patience_) {
    for (size_t i = 0; i < std::min(lrs.size(), min_lrs_.size()); ++i) {
      const double reduced = std::max(lrs[i] * factor_, min_lrs_[i]);
      if (lrs[i] - reduced > eps_) lrs[i] = reduced;
    }
    cooldown_counter_ = cooldown_;
    num_bad_epochs_ = 0;
  }
  set_lrs(lrs);
}

void ReduceLROnPlateauScheduler::fields(Fields& f) {
  const auto choice = [&](const char* name, const char* first, const char* second, auto& value) {
    using T = std::decay_t<decltype(value)>;
    std::string text = value == T{0} ? first : second;
    f(name, text);
    TAPER_CHECK_AS(ConfigError, text == first || text == second, "load_state_dict: ", name, " ",
                   text, " is unknown!");
    value = text == first ? T{0} : T{1};
  };
  f("factor", factor_);
  f("min_lrs", min_lrs_);
  f("patience", patience_);
  f("cooldown", cooldown_);
  f("cooldown_counter", cooldown_counter_);
  choice("mode", "min", "max", mode_);
  f("threshold", threshold_);
  choice("threshold_mode", "rel", "abs", threshold_mode_);
  f("best", best_);
  f("num_bad_epochs", num_bad_epochs_);
  double worse = mode_ == SchedulerMode::min ? std::numeric_limits<double>::infinity()
                                             : -std::numeric_limits<double>::infinity();
  f("mode_worse", worse, Fields::kOptional);
  f("eps", eps_);
  f("last_epoch", last_epoch_);
  // Python has it from the first step on.
  f("_last_lr", last_lr_, Fields::kOptional);
}

}  // namespace taper::optim
