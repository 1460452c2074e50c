#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taper/train/project_config.h"

namespace taper::train {

/// What a config file asks for, made.
struct Session {
  ProjectConfig config;
  /// The config with everything that it does not say.
  Config resolved;
  std::shared_ptr<DataModule> data;
  std::shared_ptr<Batches> train, valid;
  TrainerParts parts;
  TrainerOptions options;

  /// Whether the training is to leave nothing behind.
  bool is_debugging() const { return options.fast_dev_run > 0 || options.overfit_batches > 0; }
  /// The model's table.
  std::string summary() const;
};

/// Seeds the default generator, sets the number of threads, and makes everything that a training
/// needs. Throws ConfigValueError, also on metrics that are monitored and that nothing gives.
Session make_session(const Project& project, const Config& config);
/// The same for the model and the data only.
Session make_model_session(const Project& project, const Config& config);

/// Loads the weights of a checkpoint, the averages where there are such. Throws IoError.
void load_model(nn::AnyModule& model, const std::string& checkpoint);

}  // namespace taper::train
