#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "taper/nn/module.h"

namespace taper TAPER_API {
namespace train {

/// An exponential moving average of weights.
struct EmaOptions {
  /// How much of the average stays at each update; 0: no average.
  double decay = 0;
  /// Updates every so many steps, from a step on; before it the average is the weights.
  int64_t every_steps = 1;
  int64_t start_step = 0;
};

/// The moving average of a module's parameters. Buffers are the module's own.
class WeightAverage {
 public:
  /// Starts with the present weights. Throws ConfigError on options out of range.
  WeightAverage(const nn::Module& model, EmaOptions options);

  /// average = decay average + (1 - decay) weight, when the step (counted from 1) is one for that.
  void update(int64_t step);
  /// Exchanges the module's weights and the average.
  void swap();
  /// Leaves the average in the module.
  void copy_to_model() const;
  /// The model's state dict with the averages in the place of the weights, and back. Throws
  /// ConfigError and ShapeError; then nothing has changed.
  IValue state_dict(const nn::Module& model) const;
  void load_state_dict(const IValue& state);

 private:
  EmaOptions options_;
  std::vector<std::string> names_;
  std::vector<Tensor> weights_, averages_;
};

}  // namespace train
}  // namespace taper
