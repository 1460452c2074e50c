#include <algorithm>
#include <cmath>

#include "taper/base/error.h"
#include "taper/tensor/generator.h"
#include "taper/train/state_util.h"
#include "taper/train/trainer_impl.h"

namespace taper::train {
namespace {

void check_options(const LrFinderOptions& options) {
  TAPER_CHECK_AS(
      ConfigError,
      options.min_lr > 0 && options.max_lr > options.min_lr && std::isfinite(options.max_lr),
      "find_lr: min_lr is ", options.min_lr, " and max_lr is ", options.max_lr,
      ", expected 0 < min_lr < max_lr");
  TAPER_CHECK_AS(ConfigError, options.steps >= 10, "find_lr: steps is ", options.steps,
                 ", expected 10 or more");
  TAPER_CHECK_AS(ConfigError, options.smoothing >= 0 && options.smoothing < 1,
                 "find_lr: smoothing is ", options.smoothing, ", expected 0 to less than 1");
  TAPER_CHECK_AS(ConfigError, options.divergence > 1, "find_lr: divergence is ", options.divergence,
                 ", expected more than 1");
}

// Where the loss falls fastest over the logarithm of the rate; the ends are noise.
std::optional<double> suggestion_of(const LrCurve& curve) {
  const auto& losses = curve.losses;
  const size_t first = std::max<size_t>(losses.size() / 10, 1);
  std::optional<double> rate;
  double steepest = 0;
  for (size_t i = first; i + 1 < losses.size(); ++i) {
    const double slope = (losses[i + 1] - losses[i - 1]) / 2;
    if (slope < steepest) {
      steepest = slope;
      rate = curve.learning_rates[i];
    }
  }
  return rate;
}

// The rates of a range test and the losses that they give, smoothed.
struct RangeTest {
  const LrFinderOptions& options;
  LrCurve curve = {};
  double average = 0, best = 0;

  double rate(int64_t step) const {
    const double share = static_cast<double>(step) / static_cast<double>(options.steps - 1);
    return options.min_lr * std::pow(options.max_lr / options.min_lr, share);
  }
  // False when the loss has diverged.
  bool take(int64_t step, double loss) {
    average = options.smoothing * average + (1 - options.smoothing) * loss;
    const double known = 1 - std::pow(options.smoothing, static_cast<double>(step + 1));
    const double smooth = average / known;
    if (!std::isfinite(smooth) || (step > 0 && smooth > options.divergence * best)) return false;
    best = step == 0 ? smooth : std::min(best, smooth);
    curve.learning_rates.push_back(rate(step));
    curve.losses.push_back(smooth);
    return true;
  }
};

// Puts model, optimizer, data and generator back, whatever happens.
struct Restore {
  nn::Module& model;
  optim::Optimizer& optimizer;
  Batches& batches;
  const IValue model_state, optimizer_state, place;
  const Tensor generator;

  void now() const {
    model.load_state_dict(nn::StateDict(model_state));
    optimizer.load_state_dict(optimizer_state);
    optimizer.zero_grad();
    batches.load_state_dict(place);
    set_rng_state(generator);
  }
};

}  // namespace

LrCurve Trainer::find_lr(std::shared_ptr<Batches> train, const LrFinderOptions& options) {
  check_options(options);
  TAPER_CHECK_AS(ConfigError, train != nullptr, "find_lr: there are no training batches");
  Impl& impl = *impl_;
  optim::Optimizer& optimizer = *impl.parts.optimizer;
  nn::Module& model = *impl.parts.model.ptr();
  const Restore restore{model,
                        optimizer,
                        *train,
                        clone_state(model.state_dict().to_ivalue()),
                        clone_state(optimizer.state_dict()),
                        train->state_dict(),
                        get_rng_state()};
  const ModeScope mode(model, /*training=*/true);
  RangeTest test{options};
  const auto run_step = [&](int64_t i, const data::Example<>& batch) {
    for (auto& group : optimizer.param_groups()) group.options().set_lr(test.rate(i));
    optimizer.zero_grad();
    const Tensor loss = impl.loss_of(impl.output_of(batch), batch);
    if (!test.take(i, loss.item<double>())) return false;
    loss.backward();
    optimizer.step();
    return true;
  };
  try {
    data::Example<> batch;
    train->start_epoch();
    for (int64_t i = 0; i < options.steps; ++i) {
      if (!train->next(batch)) {
        train->start_epoch();
        TAPER_CHECK(train->next(batch), "find_lr: the training data gave no batch");
      }
      if (!run_step(i, batch)) break;
    }
  } catch (...) {
    restore.now();
    throw;
  }
  restore.now();
  test.curve.suggestion = suggestion_of(test.curve);
  return std::move(test.curve);
}

}  // namespace taper::train
