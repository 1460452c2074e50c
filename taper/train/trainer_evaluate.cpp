#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/base/error.h"
#include "taper/ops/joining.h"
#include "taper/tensor/generator.h"
#include "taper/train/trainer_impl.h"

namespace taper::train {
namespace {

// The average weights in the model's place.
class AverageScope {
 public:
  explicit AverageScope(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->swap();
  }
  ~AverageScope() {
    if (average_ != nullptr) average_->swap();
  }
  AverageScope(const AverageScope&) = delete;
  AverageScope& operator=(const AverageScope&) = delete;

 private:
  WeightAverage* average_;
};

// What is drawn inside is drawn again afterwards, so that training does not depend on it.
class GeneratorScope {
 public:
  GeneratorScope() : state_(get_rng_state()) {}
  ~GeneratorScope() { set_rng_state(state_); }
  GeneratorScope(const GeneratorScope&) = delete;
  GeneratorScope& operator=(const GeneratorScope&) = delete;

 private:
  Tensor state_;
};

}  // namespace

// None when a signal came in between.
std::optional<Metrics> Trainer::Impl::evaluate(Batches& batches, const std::string& prefix,
                                               int64_t limit, const SignalScope* signals) {
  const NoGradGuard no_grad;
  const GeneratorScope generator;
  const ModeScope mode(*parts.model.ptr(), /*training=*/false);
  const AverageScope weights(ema.get());
  for (const auto& metric : valid_metrics) metric->reset();
  batches.start_epoch();
  data::Example<> batch;
  for (int64_t i = 0; limit == 0 || i < limit; ++i) {
    if (signals != nullptr && signals->received() != 0) return std::nullopt;
    if (!next_batch(batches, batch)) break;
    const Tensor output = output_of(batch);
    const double loss = loss_of(output, batch).item<double>();
    add_to(valid_metrics, {output, batch.target, loss, batch.data.size(0)});
  }
  Metrics values;
  for (const auto& metric : valid_metrics) {
    values.emplace_back(prefix + '_' + metric->name(), metric->value());
  }
  return values;
}

void Trainer::Impl::validate(const SignalScope& signals) {
  const ProfilerSpan span("validation");
  // An interrupted validation is done again from where it began.
  const IValue place = store != nullptr ? valid->state_dict() : IValue();
  const std::optional<Metrics> values =
      evaluate(*valid, "valid", options.limit_valid_batches, &signals);
  if (!values) {
    if (store != nullptr) valid->load_state_dict(place);
    return;
  }
  validation_due = false;
  validated_step = state.step;
  unsaved = true;
  watch(*values);
  if (options.monitor.starts_with("valid_") &&
      find_metric(state.metrics, options.monitor) == nullptr) {
    fail_missing_metric("Trainer: monitor", options.monitor, state.metrics);
  }
  call(&Callback::on_metrics, MetricsEvent::kValidation, *values, control);
  call(&Callback::on_validation_end, control);
}

void Trainer::Impl::check_sanity() {
  if (valid == nullptr || options.sanity_steps == 0) return;
  const IValue place = store != nullptr ? valid->state_dict() : IValue();
  evaluate(*valid, "valid", options.sanity_steps, nullptr);
  if (store != nullptr) valid->load_state_dict(place);
}

Metrics Trainer::evaluate(Batches& batches, const std::string& prefix) {
  return *impl_->evaluate(batches, prefix, impl_->options.limit_test_batches, nullptr);
}

Tensor Trainer::predict(Batches& batches) {
  const NoGradGuard no_grad;
  const GeneratorScope generator;
  const ModeScope mode(*impl_->parts.model.ptr(), /*training=*/false);
  const AverageScope weights(impl_->ema.get());
  std::vector<Tensor> outputs;
  data::Example<> batch;
  batches.start_epoch();
  while (next_batch(batches, batch)) outputs.push_back(impl_->output_of(batch));
  TAPER_CHECK(!outputs.empty(), "Trainer: predict got no batch");
  return cat(outputs, 0);
}

}  // namespace taper::train
