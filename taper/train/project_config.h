#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "taper/train/profiler.h"
#include "taper/train/project.h"
#include "taper/train/trainer.h"

namespace taper::train {

/// The key "trainer" of a project's config.
struct TrainerConfig {
  TrainerConfig();

  TrainerOptions options;
  std::string mode = "min";
  std::string non_finite = "stop";
  std::string precision = "float32";
  bool csv = true;
  bool tensorboard = true;
  int64_t histograms_every_epochs = 1;
  Config profiler = "off";
  Registry<std::shared_ptr<ProfileTraining>> profilers{"profiler"};

  void fields(Fields& f);
  /// The options with what is given as texts.
  TrainerOptions made() const;
};

/// A project's config file.
struct ProjectConfig {
  explicit ProjectConfig(const Project& project) : project(&project) {}

  const Project* project;
  std::string name = "run";
  std::string runs = "runs";
  int64_t seed = 0;
  int64_t threads = 0;
  Config arch, data, loss, optimizer, scheduler;
  std::vector<Config> metrics, callbacks;
  TrainerConfig trainer;

  void fields(Fields& f);
};

/// Reads the config and fills in what it does not say. Throws ConfigValueError.
Config read_project_config(const Config& config, ProjectConfig& read);
/// The JSON Schema of the project's config files.
Config project_schema(const Project& project);

}  // namespace taper::train
