#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taper/data/data.h"
#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/random.h"
#include "taper/optim/optim.h"
#include "taper/train/state_json.h"
#include "taper/train/state_util.h"
#include "taper/train/stops.h"
#include "taper/train/trainer.h"
#include "tests/support/same_bits.h"

// A small training with all that has a state: dropout, batch normalisation, augmentation, momentum,
// a schedule, an average of weights, metrics.
namespace taper::testing {

struct SmallNet : nn::Module {
  SmallNet() {
    register_module("first", first);
    register_module("norm", norm);
    register_module("dropout", dropout);
    register_module("last", last);
  }
  Tensor forward(const Tensor& x) { return last(dropout(norm(first(x)).relu())); }

  nn::Linear first{6, 16};
  nn::BatchNorm1d norm{16};
  nn::Dropout dropout{0.3};
  nn::Linear last{16, 3};
};

/// Noise that belongs to the sample.
struct Noise : data::transforms::TensorTransform<> {
  Tensor operator()(Tensor x) override { return x.add(0.1 * data::sample_random().normal()); }
};

inline data::datasets::PairDataset small_data(int64_t samples) {
  const Generator generator = Generator::create(5);
  const Tensor x = randn({samples, 6}, generator, TensorOptions(kFloat));
  return {x, x.slice(1, 0, 3).argmax(1)};
}

inline std::shared_ptr<train::Batches> small_batches(size_t workers, int64_t samples = 40) {
  return train::make_batches(
      data::make_data_loader(small_data(samples).map(Noise()).map(data::transforms::Stack<>()),
                             data::DataLoaderOptions(8).workers(workers)));
}

inline std::shared_ptr<train::Batches> small_validation() {
  return train::make_batches(data::make_data_loader<data::samplers::SequentialSampler>(
      small_data(20).map(data::transforms::Stack<>()), data::DataLoaderOptions(16)));
}

inline Tensor small_loss(const Tensor& output, const Tensor& target) {
  return nn::functional::cross_entropy(output, target);
}

inline train::TrainerOptions quiet_options() {
  train::TrainerOptions options;
  options.epochs = 3;
  options.progress = false;
  options.handle_signals = false;
  return options;
}

inline train::TrainerOptions full_options() {
  train::TrainerOptions options = quiet_options();
  options.accumulate = 2;
  options.clip_norm = 1;
  options.ema.decay = 0.9;
  options.log_every = 1;
  return options;
}

inline train::TrainerParts small_parts() {
  manual_seed(1);
  auto net = std::make_shared<SmallNet>();
  auto optimizer = std::make_shared<optim::AdamW>(net->parameters(), optim::AdamWOptions(0.01));
  train::Schedule schedule;
  schedule.scheduler = std::make_shared<optim::CosineAnnealingLR>(*optimizer, 20);
  schedule.interval = train::Schedule::Interval::kStep;
  return {.model = nn::AnyModule(net),
          .loss = &small_loss,
          .optimizer = optimizer,
          .schedule = schedule,
          .metrics = {std::make_shared<train::Accuracy>()}};
}

/// Asks for a stop after a step.
struct StopAt : train::Callback {
  explicit StopAt(int64_t step) : step(step) {}
  void on_step_end(const train::TrainerState& state, train::TrainerControl& control) override {
    if (state.step == step) control.stop(train::StopReason::kRequested, "enough");
  }
  int64_t step;
};

/// Whether two trees are equal in kinds, order and bits.
inline bool same_state(const IValue& a, const IValue& b) {
  train::StateTensors in_a, in_b;
  if (train::write_state_json(a, in_a) != train::write_state_json(b, in_b)) return false;
  for (const auto& [file, tensors] : in_a) {
    if (tensors.size() != in_b[file].size()) return false;
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (!same_bits(tensors[i].second, in_b[file][i].second)) return false;
    }
  }
  return true;
}

/// What has to be the same in a resumed run; outlives the trainer.
inline IValue final_state(const train::Trainer& trainer) {
  const IValue all = trainer.state_dict();
  IValue kept = IValue::dict();
  for (const char* name : {"model", "optimizer", "scheduler", "ema", "train_metrics", "callbacks",
                           "train_batches", "valid_batches", "generator"}) {
    if (const IValue* value = all.find(name)) kept.insert(name, *value);
  }
  return train::clone_state(kept);
}

}  // namespace taper::testing
