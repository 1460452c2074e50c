#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/base/error.h"
#include "taper/nn/utils.h"
#include "taper/train/trainer_impl.h"

namespace taper::train {
namespace {

constexpr int64_t kMostSkippedInRow = 100;

}  // namespace

void add_to(const MetricList& metrics, const BatchResult& result) {
  const ProfilerSpan span("metrics");
  for (const auto& metric : metrics) metric->add(result);
}

bool next_batch(Batches& batches, data::Example<>& batch) {
  const ProfilerSpan span("data");
  return batches.next(batch);
}

// In float32 the autocast of the caller stays as it is.
AutocastGuard Trainer::Impl::autocast() const {
  const bool bf16 = options.precision == Precision::kBFloat16;
  return AutocastGuard(kCPU, bf16 ? std::optional(kBFloat16) : std::nullopt,
                       bf16 || taper::autocast::is_cpu_enabled());
}

Tensor Trainer::Impl::output_of(const data::Example<>& batch) {
  const ProfilerSpan span("forward");
  const AutocastGuard guard = autocast();
  const Tensor output =
      parts.forward ? parts.forward(parts.model, batch) : parts.model.forward(batch.data);
  // Losses, metrics and predictions are no place for eight bits.
  const bool narrow = options.precision == Precision::kBFloat16 && output.defined() &&
                      output.scalar_type() == kBFloat16;
  return narrow ? output.to(kFloat) : output;
}

Tensor Trainer::Impl::loss_of(const Tensor& output, const data::Example<>& batch) {
  const ProfilerSpan span("loss");
  const AutocastGuard guard = autocast();
  Tensor loss = parts.loss(output, batch.target);
  TAPER_CHECK_AS(ShapeError, loss.defined() && loss.numel() == 1,
                 "Trainer: expected the loss to be one number, got ",
                 loss.defined() ? str("sizes ", loss.sizes()) : std::string("nothing"));
  return loss;
}

// Whether a step with this figure may be taken; asks for what is to be done if not.
bool Trainer::Impl::is_usable(const char* what, double value) {
  if (std::isfinite(value) || options.non_finite == NonFinite::kIgnore) return true;
  const std::string text = str("the ", what, " of step ", state.step + 1, " is ", value);
  TAPER_CHECK(options.non_finite != NonFinite::kThrow, "Trainer: ", text);
  parts.optimizer->zero_grad();
  if (options.non_finite == NonFinite::kStop) {
    control.stop(StopReason::kDiverged, text);
    return false;
  }
  ++state.skipped;
  if (++skipped_in_row >= kMostSkippedInRow) {
    control.stop(StopReason::kDiverged, str(text, ", and ", skipped_in_row, " steps were skipped"));
  }
  return false;
}

// Adds the gradients of a batch; false when its loss is not finite.
bool Trainer::Impl::add_batch(const data::Example<>& batch) {
  const Tensor output = output_of(batch);
  const Tensor loss = loss_of(output, batch);
  const double value = loss.item<double>();
  if (!is_usable("loss", value)) return false;
  {
    const ProfilerSpan span("backward");
    loss.backward();
  }
  state.loss = value;
  add_to(train_metrics, {output, batch.target, value, batch.data.size(0)});
  return true;
}

// The batches of a step; returns how many there were, 0 when it is not to be taken.
int64_t Trainer::Impl::collect_gradients(int64_t& samples) {
  int64_t count = 0;
  bool good = true;
  data::Example<> batch;
  while (count < options.accumulate) {
    const int64_t limit = options.limit_train_batches;
    if ((limit > 0 && state.batch >= limit) || !next_batch(*train, batch)) {
      epoch_ended = true;
      break;
    }
    ++state.batch;
    call(&Callback::on_batch, batch);
    samples += batch.data.size(0);
    ++count;
    // What is left of a bad step's batches is passed over.
    if (good) good = add_batch(batch);
  }
  if (options.limit_train_batches > 0 && state.batch >= options.limit_train_batches) {
    epoch_ended = true;
  }
  TAPER_CHECK(state.batch > 0, "Trainer: the training data gave no batch in epoch ",
              state.epoch + 1);
  return good ? count : 0;
}

// Averages and clips gradients; false when they are not finite.
bool Trainer::Impl::prepare_gradients(int64_t count) {
  const ProfilerSpan span("clipping");
  if (count > 1) {
    const NoGradGuard no_grad;
    for (const Tensor& parameter : parameters) {
      if (parameter.grad().defined()) parameter.grad().mul_(1.0 / static_cast<double>(count));
    }
  }
  if (options.clip_norm > 0) {
    state.gradient_norm = nn::utils::clip_grad_norm_(parameters, options.clip_norm);
    if (!is_usable("gradients' norm", state.gradient_norm)) return false;
  }
  if (options.clip_value > 0) nn::utils::clip_grad_value_(parameters, options.clip_value);
  return true;
}

void Trainer::Impl::train_step() {
  const ProfilerSpan span("step");
  parts.optimizer->zero_grad();
  int64_t samples = 0;
  const int64_t count = collect_gradients(samples);
  state.samples += samples;
  unsaved = unsaved || samples > 0;
  if (count > 0 && prepare_gradients(count)) {
    state.learning_rates.clear();
    for (const auto& group : parts.optimizer->param_groups()) {
      state.learning_rates.push_back(group.options().get_lr());
    }
    call(&Callback::on_gradients);
    {
      const ProfilerSpan update("optimizer");
      parts.optimizer->step();
    }
    skipped_in_row = 0;
    after_step(samples);
  }
  if (epoch_ended && valid != nullptr && options.validate_every_epochs > 0 &&
      (state.epoch + 1) % options.validate_every_epochs == 0 && validated_step != state.step) {
    validation_due = true;
  }
}

void Trainer::Impl::after_step(int64_t samples) {
  ++state.step;
  if (parts.schedule.scheduler != nullptr && parts.schedule.interval == Schedule::Interval::kStep) {
    parts.schedule.scheduler->step();
  }
  if (ema != nullptr) ema->update(state.step);
  if (progress != nullptr) {
    for (size_t i = 0; i < train_metrics.size(); ++i) {
      progress_values[i].second = train_metrics[i]->value();
    }
    progress->update(samples, progress_values);
  }
  if (options.log_every > 0 && state.step % options.log_every == 0) log_step();
  call(&Callback::on_step_end, control);
  const int64_t validate_every = options.validate_every_steps;
  if (valid != nullptr && validate_every > 0 && state.step % validate_every == 0) {
    validation_due = true;
  }
  const int64_t save_every = options.checkpoint.every_steps;
  if (store != nullptr && save_every > 0 && state.step % save_every == 0) save_due = true;
}

void Trainer::Impl::log_step() {
  Metrics values = {{"loss", state.loss}};
  for (const auto& metric : train_metrics) {
    values.emplace_back("train_" + metric->name(), metric->value());
  }
  const auto& rates = state.learning_rates;
  for (size_t i = 0; i < rates.size(); ++i) {
    values.emplace_back(rates.size() == 1 ? std::string("lr") : str("lr_", i), rates[i]);
  }
  if (options.clip_norm > 0) values.emplace_back("gradient_norm", state.gradient_norm);
  call(&Callback::on_metrics, MetricsEvent::kStep, values, control);
}

}  // namespace taper::train
