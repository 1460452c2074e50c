#include "taper/train/metric.h"

#include <cmath>
#include <limits>
#include <utility>

#include "taper/base/error.h"
#include "taper/train/state_util.h"

namespace taper::train {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// One row of scores per target.
struct Scores {
  Tensor output;  // [rows, classes], float32 or float64
  Tensor target;  // [rows] of int64, negative: does not count
  int64_t rows = 0, classes = 0;
};

Scores scores_of(const std::string& name, const BatchResult& batch) {
  Tensor output = batch.output.detach(), target = batch.target;
  TAPER_CHECK(target.defined(), name, ": the batch has no target");
  TAPER_CHECK_AS(ShapeError, output.dim() >= 2, name, ": expected output [N, C, ...], got sizes ",
                 output.sizes());
  TAPER_CHECK_AS(DTypeError, output.is_floating_point(), name,
                 ": expected scores of a floating type");
  if (target.is_floating_point()) {
    TAPER_CHECK_AS(ShapeError, target.sizes() == output.sizes(), name,
                   ": expected probabilities of sizes ", output.sizes(), ", got ", target.sizes());
    target = target.detach().argmax(1);
  }
  TAPER_CHECK_AS(ShapeError, target.numel() * output.size(1) == output.numel(), name,
                 ": expected a class for each of output's ", output.sizes(), ", got sizes ",
                 target.sizes());
  Scores scores;
  scores.classes = output.size(1);
  scores.rows = target.numel();
  if (output.dim() > 2) output = output.movedim(1, -1);
  if (output.scalar_type() != kDouble) output = output.to(kFloat);
  scores.output = output.contiguous();
  scores.target = target.to(kLong).contiguous();
  return scores;
}

int64_t class_of(const std::string& name, const Scores& scores, int64_t row) {
  const int64_t wanted = scores.target.const_data_ptr<int64_t>()[row];
  TAPER_CHECK_AS(IndexError, wanted < scores.classes, name, ": the class ", wanted,
                 " is out of range, expected less than ", scores.classes);
  return wanted;
}

// Classes that come before the wanted one: with a higher output, or an equal one and a lower
// number. NaN is before everything, and what is NaN itself is last.
template <class T>
int64_t rank_of(const T* row, int64_t classes, int64_t wanted) {
  const T score = row[wanted];
  int64_t before = 0;
  for (int64_t i = 0; i < classes; ++i) {
    if (i == wanted) continue;
    before += !(row[i] <= score) || (row[i] == score && i < wanted);
  }
  return before;
}

template <class T>
int64_t largest_of(const T* row, int64_t classes) {
  int64_t largest = 0;
  for (int64_t i = 1; i < classes; ++i) {
    if (!(row[i] <= row[largest]) && !std::isnan(row[largest])) largest = i;
  }
  return largest;
}

// Calls visit(row's scores, wanted class) for each row whose target counts.
template <class Visit>
void for_each_row(const std::string& name, const Scores& scores, const Visit& visit) {
  const auto walk = [&]<class T>(const T* rows) {
    for (int64_t i = 0; i < scores.rows; ++i) {
      const int64_t wanted = class_of(name, scores, i);
      if (wanted >= 0) visit(rows + i * scores.classes, wanted);
    }
  };
  if (scores.output.scalar_type() == kDouble) {
    walk(scores.output.const_data_ptr<double>());
  } else {
    walk(scores.output.const_data_ptr<float>());
  }
}

// output - target, element by element, as float64.
Tensor errors_of(const std::string& name, const BatchResult& batch) {
  TAPER_CHECK(batch.target.defined(), name, ": the batch has no target");
  TAPER_CHECK_AS(ShapeError, batch.output.numel() == batch.target.numel(), name,
                 ": expected output and target to have as many elements, got sizes ",
                 batch.output.sizes(), " and ", batch.target.sizes());
  return batch.output.detach().to(kDouble).reshape({-1}).sub(
      batch.target.detach().to(kDouble).reshape({-1}));
}

}  // namespace

double MeanMetric::value() const { return weight_ > 0 ? sum_ / weight_ : kNothing; }

IValue MeanMetric::state_dict() const { return IValue::dict({{"sum", sum_}, {"weight", weight_}}); }

void MeanMetric::load_state_dict(const IValue& state) {
  const double sum = state_number(name_.c_str(), state, "sum");
  weight_ = state_number(name_.c_str(), state, "weight");
  sum_ = sum;
}

void LossMetric::add(const BatchResult& batch) {
  const auto weight = static_cast<double>(batch.samples);
  add_to_mean(batch.loss * weight, weight);
}
std::unique_ptr<Metric> LossMetric::clone() const { return std::make_unique<LossMetric>(); }

Accuracy::Accuracy(int64_t k) : MeanMetric(k == 1 ? "accuracy" : str("top", k)), k_(k) {
  TAPER_CHECK_AS(ConfigError, k > 0, "Accuracy: k is ", k, ", expected 1 or more");
}

void Accuracy::add(const BatchResult& batch) {
  const std::string op = name();
  const Scores scores = scores_of(op, batch);
  int64_t hits = 0, rows = 0;
  for_each_row(op, scores, [&](const auto* row, int64_t wanted) {
    hits += rank_of(row, scores.classes, wanted) < k_;
    ++rows;
  });
  add_to_mean(static_cast<double>(hits), static_cast<double>(rows));
}
std::unique_ptr<Metric> Accuracy::clone() const { return std::make_unique<Accuracy>(k_); }

void BinaryAccuracy::add(const BatchResult& batch) {
  TAPER_CHECK(batch.target.defined(), "accuracy: the batch has no target");
  TAPER_CHECK_AS(ShapeError, batch.output.numel() == batch.target.numel(),
                 "accuracy: expected output and target to have as many elements, got sizes ",
                 batch.output.sizes(), " and ", batch.target.sizes());
  const Tensor predicted = batch.output.detach().to(kDouble).reshape({-1}).gt(threshold_);
  const Tensor wanted = batch.target.to(kDouble).reshape({-1}).gt(0.5);
  add_to_mean(static_cast<double>(predicted.eq(wanted).sum().item<int64_t>()),
              static_cast<double>(wanted.numel()));
}
std::unique_ptr<Metric> BinaryAccuracy::clone() const {
  return std::make_unique<BinaryAccuracy>(threshold_);
}

void MeanAbsoluteError::add(const BatchResult& batch) {
  const Tensor errors = errors_of("mae", batch);
  add_to_mean(errors.abs().sum().item<double>(), static_cast<double>(errors.numel()));
}
std::unique_ptr<Metric> MeanAbsoluteError::clone() const {
  return std::make_unique<MeanAbsoluteError>();
}

void MeanSquaredError::add(const BatchResult& batch) {
  const Tensor errors = errors_of("mse", batch);
  add_to_mean(errors.square().sum().item<double>(), static_cast<double>(errors.numel()));
}
std::unique_ptr<Metric> MeanSquaredError::clone() const {
  return std::make_unique<MeanSquaredError>();
}

ConfusionMatrix::ConfusionMatrix(int64_t classes) : classes_(classes) {
  // The square of more would be gigabytes.
  TAPER_CHECK_AS(ConfigError, classes > 0 && classes <= 20'000, "ConfusionMatrix: classes is ",
                 classes, ", expected 1 to 20000");
  reset();
}

void ConfusionMatrix::reset() { counts_.assign(static_cast<size_t>(classes_ * classes_), 0); }

void ConfusionMatrix::add(const BatchResult& batch) {
  const Scores scores = scores_of("ConfusionMatrix", batch);
  TAPER_CHECK_AS(ShapeError, scores.classes == classes_, "ConfusionMatrix: expected ", classes_,
                 " classes, got output of sizes ", batch.output.sizes());
  for_each_row("ConfusionMatrix", scores, [&](const auto* row, int64_t wanted) {
    ++counts_[static_cast<size_t>(wanted * classes_ + largest_of(row, classes_))];
  });
}

double ConfusionMatrix::value() const {
  double shares = 0;
  int64_t present = 0;
  for (int64_t i = 0; i < classes_; ++i) {
    int64_t all = 0;
    for (int64_t j = 0; j < classes_; ++j) all += counts_[static_cast<size_t>(i * classes_ + j)];
    if (all == 0) continue;
    ++present;
    shares += static_cast<double>(counts_[static_cast<size_t>(i * classes_ + i)]) /
              static_cast<double>(all);
  }
  return present > 0 ? shares / static_cast<double>(present) : kNothing;
}

Tensor ConfusionMatrix::matrix() const {
  Tensor matrix(TensorImpl::empty("ConfusionMatrix", {classes_, classes_}, kLong));
  std::copy(counts_.begin(), counts_.end(), matrix.data_ptr<int64_t>());
  return matrix;
}

std::unique_ptr<Metric> ConfusionMatrix::clone() const {
  return std::make_unique<ConfusionMatrix>(classes_);
}

IValue ConfusionMatrix::state_dict() const { return IValue::dict({{"matrix", matrix()}}); }

void ConfusionMatrix::load_state_dict(const IValue& state) {
  const IValue& value = state_entry("ConfusionMatrix", state, "matrix");
  TAPER_CHECK_AS(ConfigError,
                 value.isTensor() && value.toTensor().scalar_type() == kLong &&
                     value.toTensor().sizes() == IntArrayRef({classes_, classes_}),
                 "ConfusionMatrix: expected the state's 'matrix' to be int64 of [", classes_, ", ",
                 classes_, "]");
  const Tensor counts = value.toTensor().contiguous();
  const int64_t* from = counts.const_data_ptr<int64_t>();
  counts_.assign(from, from + counts_.size());
}

}  // namespace taper::train
