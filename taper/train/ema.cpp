#include "taper/train/ema.h"

#include <unordered_map>

#include "taper/autograd/grad_mode.h"
#include "taper/base/error.h"
#include "taper/nn/state_dict.h"
#include "taper/tensor/ivalue.h"
#include "taper/train/state_util.h"

namespace taper::train {

WeightAverage::WeightAverage(const nn::Module& model, EmaOptions options) : options_(options) {
  TAPER_CHECK_AS(ConfigError, options.decay > 0 && options.decay < 1, "EMA: decay is ",
                 options.decay, ", expected a number between 0 and 1");
  TAPER_CHECK_AS(ConfigError, options.every_steps > 0, "EMA: every_steps is ", options.every_steps,
                 ", expected 1 or more");
  TAPER_CHECK_AS(ConfigError, options.start_step >= 0, "EMA: start_step is ", options.start_step,
                 ", expected 0 or more");
  const NoGradGuard no_grad;
  for (const auto& item : model.named_parameters()) {
    names_.push_back(item.key());
    weights_.push_back(item.value());
    averages_.push_back(item.value().detach().clone());
  }
}

void WeightAverage::update(int64_t step) {
  if (step % options_.every_steps != 0) return;
  const NoGradGuard no_grad;
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (step <= options_.start_step || !averages_[i].is_floating_point()) {
      averages_[i].copy_(weights_[i]);
    } else {
      averages_[i].lerp_(weights_[i].detach(), 1 - options_.decay);
    }
  }
}

void WeightAverage::swap() {
  const NoGradGuard no_grad;
  for (size_t i = 0; i < weights_.size(); ++i) {
    const Tensor weight = weights_[i].detach().clone();
    weights_[i].copy_(averages_[i]);
    averages_[i].copy_(weight);
  }
}

void WeightAverage::copy_to_model() const {
  const NoGradGuard no_grad;
  for (size_t i = 0; i < weights_.size(); ++i) weights_[i].copy_(averages_[i]);
}

IValue WeightAverage::state_dict(const nn::Module& model) const {
  std::unordered_map<const TensorImpl*, size_t> places;
  for (size_t i = 0; i < weights_.size(); ++i) places.emplace(weights_[i].impl_ptr(), i);
  IValue result = IValue::dict();
  for (const auto& item : model.state_dict(std::string(), /*keep_vars=*/true)) {
    const auto found = places.find(item.value().impl_ptr());
    result.insert(item.key(),
                  found == places.end() ? item.value().detach() : averages_[found->second]);
  }
  return result;
}

void WeightAverage::load_state_dict(const IValue& state) {
  std::vector<Tensor> loaded;
  for (size_t i = 0; i < names_.size(); ++i) {
    const IValue& value = state_entry("EMA", state, names_[i]);
    TAPER_CHECK_AS(ConfigError, value.isTensor(), "EMA: expected the state's '", names_[i],
                   "' to be a tensor, got ", value.type_name());
    TAPER_CHECK_AS(ShapeError, value.toTensor().sizes() == averages_[i].sizes(),
                   "EMA: the state's '", names_[i], "' has sizes ", value.toTensor().sizes(),
                   ", expected ", averages_[i].sizes());
    loaded.push_back(value.toTensor());
  }
  const NoGradGuard no_grad;
  for (size_t i = 0; i < loaded.size(); ++i) averages_[i].copy_(loaded[i]);
}

}  // namespace taper::train
