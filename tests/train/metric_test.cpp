#include "taper/train/metric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"

namespace taper::train {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

double value_of(Metric& metric, const Tensor& output, const Tensor& target, double loss = 0) {
  metric.reset();
  metric.add({output, target, loss, output.size(0)});
  return metric.value();
}

Tensor classes(std::vector<int64_t> values) { return tensor(ArrayRef<int64_t>(values)); }

TEST(Metric, SamplesCountOnceWhateverTheirBatch) {
  LossMetric loss;
  EXPECT_TRUE(std::isnan(loss.value()));
  const Tensor none;
  loss.add({none, none, 1.0, 8});
  loss.add({none, none, 4.0, 2});
  EXPECT_DOUBLE_EQ(loss.value(), 1.6);
  EXPECT_EQ(loss.name(), "loss");
  EXPECT_TRUE(std::isnan(loss.clone()->value())) << "a clone is empty";
  LossMetric other;
  other.load_state_dict(loss.state_dict());
  EXPECT_EQ(other.value(), loss.value());
  EXPECT_ERROR(ConfigError, other.load_state_dict(IValue(1)), "loss: expected its state");
  EXPECT_ERROR(ConfigError, other.load_state_dict(IValue::dict({{"sum", 1.0}})), "'weight'");
  EXPECT_EQ(other.value(), loss.value());
}

TEST(Metric, AccuracyCountsTheHighest) {
  const Tensor output = tensor({3., 1., 2., 0., 5., 4., 1., 1., 1.}, kFloat).view({3, 3});
  Accuracy top1, top2(2);
  EXPECT_EQ(top1.name(), "accuracy");
  EXPECT_EQ(top2.name(), "top2");
  EXPECT_DOUBLE_EQ(value_of(top1, output, classes({0, 2, 0})), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value_of(top1, output, classes({0, 1, 1})), 2.0 / 3) << "of equals the first";
  EXPECT_DOUBLE_EQ(value_of(top2, output, classes({2, 2, 1})), 1);
  EXPECT_DOUBLE_EQ(value_of(top2, output, classes({1, 0, 2})), 0);
  EXPECT_DOUBLE_EQ(value_of(top1, output.to(kDouble), classes({0, 2, 0})), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value_of(top1, output.to(kHalf), classes({0, 2, 0})), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value_of(top1, output, classes({0, -100, 0})), 1) << "padding does not count";
  EXPECT_TRUE(std::isnan(value_of(top1, output, classes({-1, -1, -1}))));
}

TEST(Metric, AccuracyOfNaNIsAMiss) {
  Accuracy top1;
  EXPECT_EQ(value_of(top1, full({2, 3}, kNaN), classes({0, 2})), 0);
  EXPECT_EQ(value_of(top1, tensor({kNaN, 1.f}, kFloat).view({1, 2}), classes({1})), 0);
}

TEST(Metric, AccuracyOfProbabilitiesAndPositions) {
  Accuracy top1;
  const Tensor output = tensor({3., 1., 0., 5.}, kFloat).view({2, 2});
  const Tensor mixed = tensor({0.7, 0.3, 0.4, 0.6}, kFloat).view({2, 2});
  EXPECT_EQ(value_of(top1, output, mixed), 1);
  // [N, C, L]: one class per position.
  const Tensor sequence = tensor({3., 0., 1., 5.}, kFloat).view({1, 2, 2});
  EXPECT_EQ(value_of(top1, sequence, classes({0, 1}).view({1, 2})), 1);
  EXPECT_EQ(value_of(top1, sequence, classes({1, 1}).view({1, 2})), 0.5);
}

TEST(Metric, AccuracyRefusesWhatDoesNotFit) {
  Accuracy top1;
  const Tensor output = zeros({2, 3}), none;
  EXPECT_ERROR(ConfigError, Accuracy(0), "k is 0");
  EXPECT_ERROR(Error, value_of(top1, output, none), "no target");
  EXPECT_ERROR(ShapeError, value_of(top1, output, classes({0})), "a class for each");
  EXPECT_ERROR(ShapeError, value_of(top1, zeros({2}), classes({0, 0})), "[N, C, ...]");
  EXPECT_ERROR(ShapeError, value_of(top1, output, zeros({2, 2})), "probabilities");
  EXPECT_ERROR(DTypeError, value_of(top1, output.to(kLong), classes({0, 1})), "floating");
  EXPECT_ERROR(IndexError, value_of(top1, output, classes({0, 3})), "class 3 is out of range");
}

TEST(Metric, ErrorsOfNumbers) {
  MeanAbsoluteError mae;
  MeanSquaredError mse;
  BinaryAccuracy binary;
  const Tensor output = tensor({1., -2., 3.}, kFloat).view({3, 1}), target = tensor({0., 0., 1.});
  EXPECT_DOUBLE_EQ(value_of(mae, output, target), 5.0 / 3);
  EXPECT_DOUBLE_EQ(value_of(mse, output, target), 3);
  EXPECT_DOUBLE_EQ(value_of(binary, output, target), 2.0 / 3);
  EXPECT_ERROR(ShapeError, value_of(mae, output, zeros({2})), "mae: expected output and target");
  EXPECT_ERROR(ShapeError, value_of(binary, output, zeros({2})), "accuracy: expected output");
}

TEST(Metric, ConfusionMatrixCounts) {
  ConfusionMatrix confusion(3);
  EXPECT_TRUE(std::isnan(confusion.value()));
  const Tensor output = tensor({3., 1., 2., 0., 5., 4., 0., 1., 0.}, kFloat).view({3, 3});
  confusion.add({output, classes({0, 1, 0}), 0, 3});
  EXPECT_EQ(confusion.value(), 0.75) << "half of class 0, all of class 1";
  EXPECT_TRUE(confusion.matrix().equal(classes({1, 1, 0, 0, 1, 0, 0, 0, 0}).view({3, 3})));
  ConfusionMatrix other(3), smaller(2);
  other.load_state_dict(confusion.state_dict());
  EXPECT_TRUE(other.matrix().equal(confusion.matrix()));
  EXPECT_ERROR(ConfigError, smaller.load_state_dict(confusion.state_dict()), "int64 of [2, 2]");
  EXPECT_ERROR(ShapeError, smaller.add({output, classes({0, 1, 0}), 0, 3}), "2 classes");
  EXPECT_ERROR(ConfigError, ConfusionMatrix(0), "classes is 0");
  other.reset();
  EXPECT_EQ(other.matrix().sum().item<int64_t>(), 0);
}

}  // namespace
}  // namespace taper::train
