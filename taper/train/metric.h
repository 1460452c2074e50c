#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taper/tensor/ivalue.h"

namespace taper TAPER_API {
namespace train {

/// What a model gave for a batch, and what came of it. target may be undefined.
struct BatchResult {
  const Tensor& output;
  const Tensor& target;
  double loss = 0;
  int64_t samples = 0;
};

/// A figure over many batches. Each sample counts once, whatever its batch's size, so that
/// training, validation and test are one measure.
class Metric {
 public:
  virtual ~Metric() = default;

  /// What it is called after "train_", "valid_" or "test_".
  virtual std::string name() const = 0;
  virtual void add(const BatchResult& batch) = 0;
  /// NaN before the first sample.
  virtual double value() const = 0;
  virtual void reset() = 0;
  /// A metric of the same kind, empty.
  virtual std::unique_ptr<Metric> clone() const = 0;
  /// What has been added, and back. Throws ConfigError on another metric's state.
  virtual IValue state_dict() const = 0;
  virtual void load_state_dict(const IValue& state) = 0;
};

/// A sum over samples divided by their weight; the base of most metrics.
class MeanMetric : public Metric {
 public:
  std::string name() const override { return name_; }
  double value() const override;
  void reset() override { sum_ = weight_ = 0; }
  IValue state_dict() const override;
  void load_state_dict(const IValue& state) override;

 protected:
  explicit MeanMetric(std::string name) : name_(std::move(name)) {}
  void add_to_mean(double sum, double weight) {
    sum_ += sum;
    weight_ += weight;
  }

 private:
  std::string name_;
  double sum_ = 0, weight_ = 0;
};

/// "loss": the mean of the batches' losses, weighted by their samples.
class LossMetric final : public MeanMetric {
 public:
  LossMetric() : MeanMetric("loss") {}
  void add(const BatchResult& batch) override;
  std::unique_ptr<Metric> clone() const override;
};

/// "accuracy", or "top5" for k = 5: the share of targets whose class is among the k with the
/// highest output. output [N, C] or [N, C, ...]; target of classes [N] or [N, ...], where negative
/// ones do not count, or of probabilities in output's sizes. Of equal outputs the lower class is
/// first.
class Accuracy final : public MeanMetric {
 public:
  /// Throws ConfigError unless k > 0.
  explicit Accuracy(int64_t k = 1);
  /// Throws ShapeError, DTypeError, and IndexError on a class that is none.
  void add(const BatchResult& batch) override;
  std::unique_ptr<Metric> clone() const override;

 private:
  int64_t k_;
};

/// "accuracy" of two classes: output [N] or [N, 1] above the threshold (0: of logits) against
/// target above one half.
class BinaryAccuracy final : public MeanMetric {
 public:
  explicit BinaryAccuracy(double threshold = 0) : MeanMetric("accuracy"), threshold_(threshold) {}
  void add(const BatchResult& batch) override;
  std::unique_ptr<Metric> clone() const override;

 private:
  double threshold_;
};

/// "mae" and "mse": means over all elements; output and target have as many.
class MeanAbsoluteError final : public MeanMetric {
 public:
  MeanAbsoluteError() : MeanMetric("mae") {}
  void add(const BatchResult& batch) override;
  std::unique_ptr<Metric> clone() const override;
};
class MeanSquaredError final : public MeanMetric {
 public:
  MeanSquaredError() : MeanMetric("mse") {}
  void add(const BatchResult& batch) override;
  std::unique_ptr<Metric> clone() const override;
};

/// "balanced_accuracy", the mean share of each class's samples that were recognised, and the whole
/// matrix. Takes what Accuracy takes.
class ConfusionMatrix final : public Metric {
 public:
  /// Throws ConfigError unless classes > 0.
  explicit ConfusionMatrix(int64_t classes);
  std::string name() const override { return "balanced_accuracy"; }
  void add(const BatchResult& batch) override;
  double value() const override;
  void reset() override;
  std::unique_ptr<Metric> clone() const override;
  IValue state_dict() const override;
  void load_state_dict(const IValue& state) override;
  /// Counts [classes, classes] of int64: rows are the true classes, columns the predicted ones.
  Tensor matrix() const;

 private:
  int64_t classes_;
  std::vector<int64_t> counts_;
};

}  // namespace train
}  // namespace taper
