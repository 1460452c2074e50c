#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "taper/base/function.h"
#include "taper/nn/any_module.h"
#include "taper/train/batches.h"
#include "taper/train/callback.h"
#include "taper/train/metric.h"
#include "taper/train/registry.h"
#include "taper/train/standard.h"

namespace taper TAPER_API {
namespace train {

/// The data of a project: where its batches come from and what they mean. Each part has its own
/// transforms.
class DataModule {
 public:
  virtual ~DataModule() = default;

  virtual std::shared_ptr<Batches> train() = 0;
  /// Held out of the training data, to choose the best checkpoint. Default: none.
  virtual std::shared_ptr<Batches> valid();
  /// For the final figure only. Default: none.
  virtual std::shared_ptr<Batches> test();
  /// An input as the model takes it, with one sample: its sizes and type count, not its values.
  virtual Tensor example() = 0;
  /// Names of the classes, when the targets are such.
  virtual std::vector<std::string> classes() const;
  /// Inputs as pictures [N, 1 or 3, height, width] with values from 0 to 1. Default: undefined,
  /// they are none.
  virtual Tensor pictures(const Tensor& inputs);
  /// The input [1, ...] for a file. Throws ConfigError unless overridden.
  virtual Tensor read(const std::string& file);
  /// What `predict` prints for a file: by default the likeliest classes of the model's output for
  /// read(file), or its numbers. The model is in evaluation mode, outside of autograd.
  virtual std::string predict(nn::AnyModule& model, const std::string& file);
};

using ModelRegistry = Registry<nn::AnyModule, DataModule&>;
using DataRegistry = Registry<std::shared_ptr<DataModule>>;
using MetricRegistry = Registry<std::shared_ptr<Metric>, DataModule&>;
using CallbackRegistry = Registry<std::shared_ptr<Callback>, DataModule&>;

/// Accuracy, BinaryAccuracy, ConfusionMatrix, MeanAbsoluteError and MeanSquaredError.
MetricRegistry standard_metrics();
/// EarlyStop.
CallbackRegistry standard_callbacks();

/// What a project's config can name. At first it holds what the library has; models and data are
/// the project's own.
struct Project {
  Project();

  ModelRegistry models;
  DataRegistry data;
  LossRegistry losses;
  OptimizerRegistry optimizers;
  SchedulerRegistry schedulers;
  MetricRegistry metrics;
  CallbackRegistry callbacks;
  /// What the model gives for a batch. Default: model.forward(batch.data).
  Function<Tensor(nn::AnyModule& model, const data::Example<>& batch)> forward;
};

}  // namespace train
}  // namespace taper
