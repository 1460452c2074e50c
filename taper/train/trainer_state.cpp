// What a checkpoint holds.
#include "taper/base/error.h"
#include "taper/base/parallel.h"
#include "taper/tensor/generator.h"
#include "taper/train/state_util.h"
#include "taper/train/trainer_impl.h"

namespace taper::train {
namespace {

constexpr const char* kWhat = "Trainer";

IValue place_of(const std::shared_ptr<Batches>& batches) {
  return batches == nullptr ? IValue() : batches->state_dict();
}

}  // namespace

IValue Trainer::Impl::numbers() const {
  IValue metrics = IValue::dict();
  for (const auto& [name, value] : state.metrics) metrics.insert(name, value);
  return IValue::dict({{"epoch", state.epoch},
                       {"step", state.step},
                       {"batch", state.batch},
                       {"samples", state.samples},
                       {"skipped", state.skipped},
                       {"seconds", state.seconds},
                       {"in_epoch", in_epoch},
                       {"validation_due", validation_due},
                       {"epoch_ended", epoch_ended},
                       {"validated_step", validated_step},
                       {"scheduled_step", scheduled_step},
                       {"skipped_in_row", skipped_in_row},
                       {"best", state.best ? IValue(*state.best) : IValue()},
                       {"best_step", state.best_step},
                       {"metrics", std::move(metrics)},
                       {"threads", get_num_threads()}});
}

void Trainer::Impl::load_numbers(const IValue& from) {
  for (const char* name : {"epoch", "step", "batch", "samples", "skipped"}) {
    const int64_t value = state_int(kWhat, from, name);
    TAPER_CHECK_AS(ConfigError, value >= 0, kWhat, ": the state's '", name, "' is ", value,
                   ", expected 0 or more");
  }
  state.epoch = state_int(kWhat, from, "epoch");
  state.step = state_int(kWhat, from, "step");
  state.batch = state_int(kWhat, from, "batch");
  state.samples = state_int(kWhat, from, "samples");
  state.skipped = state_int(kWhat, from, "skipped");
  state.seconds = state_number(kWhat, from, "seconds");
  in_epoch = state_bool(kWhat, from, "in_epoch");
  validation_due = state_bool(kWhat, from, "validation_due");
  epoch_ended = state_bool(kWhat, from, "epoch_ended");
  validated_step = state_int(kWhat, from, "validated_step");
  scheduled_step = state_int(kWhat, from, "scheduled_step");
  skipped_in_row = state_int(kWhat, from, "skipped_in_row");
  state.best_step = state_int(kWhat, from, "best_step");
  state.best.reset();
  if (!state_entry(kWhat, from, "best").isNone()) state.best = state_number(kWhat, from, "best");
  state.metrics.clear();
  const IValue& metrics = state_entry(kWhat, from, "metrics");
  for (const auto& [name, value] : metrics.toGenericDict()) {
    state.metrics.emplace_back(name.toStringRef(), value.toDouble());
  }
  const int64_t threads = state_int(kWhat, from, "threads");
  if (threads != get_num_threads()) {
    warn(str("Trainer: the checkpoint was made with get_num_threads() = ", threads,
             ", this run has ", get_num_threads(), ": results may differ in the last bits"));
  }
}

IValue Trainer::Impl::state_dict() const {
  IValue metrics = IValue::dict(), callbacks = IValue::dict();
  for (const auto& metric : train_metrics) metrics.insert(metric->name(), metric->state_dict());
  for (const auto& callback : parts.callbacks) {
    if (!callback->name().empty()) callbacks.insert(callback->name(), callback->state_dict());
  }
  const bool has_schedule = parts.schedule.scheduler != nullptr;
  IValue tree =
      IValue::dict({{"trainer", numbers()},
                    {"model", parts.model.ptr()->state_dict().to_ivalue()},
                    {"optimizer", parts.optimizer->state_dict()},
                    {"scheduler", has_schedule ? parts.schedule.scheduler->state_dict() : IValue()},
                    {"train_metrics", std::move(metrics)},
                    {"callbacks", std::move(callbacks)}});
  if (ema != nullptr) tree.insert("ema", ema->state_dict(*parts.model.ptr()));
  if (places) {  // not taken up yet
    for (const char* name : {"train_batches", "valid_batches", "generator"}) {
      tree.insert(name, state_entry(kWhat, *places, name));
    }
  } else {
    tree.insert("train_batches", place_of(train));
    tree.insert("valid_batches", place_of(valid));
    tree.insert("generator", get_rng_state());
  }
  return tree;
}

void Trainer::Impl::load_state_dict(const IValue& from) {
  const IValue& scheduler = state_entry(kWhat, from, "scheduler");
  const bool has_schedule = parts.schedule.scheduler != nullptr;
  TAPER_CHECK_AS(ConfigError, scheduler.isNone() != has_schedule, "Trainer: the state ",
                 has_schedule ? "has no" : "has a", " scheduler, the trainer ",
                 has_schedule ? "has one" : "has none");
  const IValue* averages = from.find("ema");
  TAPER_CHECK_AS(ConfigError, (averages != nullptr) == (ema != nullptr), "Trainer: the state ",
                 ema != nullptr ? "has no" : "has", " average weights (ema), the trainer ",
                 ema != nullptr ? "has" : "has none");
  parts.model.ptr()->load_state_dict(nn::StateDict(state_entry(kWhat, from, "model")));
  parts.optimizer->load_state_dict(state_entry(kWhat, from, "optimizer"));
  if (has_schedule) parts.schedule.scheduler->load_state_dict(scheduler);
  if (ema != nullptr) ema->load_state_dict(*averages);
  const IValue& metrics = state_entry(kWhat, from, "train_metrics");
  for (const auto& metric : train_metrics) {
    metric->load_state_dict(state_entry(kWhat, metrics, metric->name()));
  }
  // A callback that the run did not have begins afresh.
  const IValue& callbacks = state_entry(kWhat, from, "callbacks");
  for (const auto& callback : parts.callbacks) {
    if (callback->name().empty()) continue;
    if (const IValue* saved = callbacks.find(callback->name())) callback->load_state_dict(*saved);
  }
  load_numbers(state_entry(kWhat, from, "trainer"));
  IValue kept = IValue::dict();
  for (const char* name : {"trainer", "train_batches", "valid_batches", "generator"}) {
    kept.insert(name, state_entry(kWhat, from, name));
  }
  if (const IValue* list = from.find("checkpoints")) kept.insert("checkpoints", *list);
  places = std::move(kept);
  resumed = true;
  store.reset();
}

void Trainer::resume(const std::string& path, const FindCheckpointOptions& options) {
  impl_->load_state_dict(load_checkpoint(find_checkpoint(path, options)));
}

IValue Trainer::state_dict() const { return impl_->state_dict(); }
void Trainer::load_state_dict(const IValue& state) { impl_->load_state_dict(clone_state(state)); }

}  // namespace taper::train
