#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/data/example.h"
#include "taper/data/transforms.h"

namespace taper TAPER_API {
namespace data {
namespace datasets {

template <class SourceDataset, class AppliedTransform>
class MapDataset;

/// A dataset that is asked for whole batches. Self: the class that derives from this one.
template <class Self, class Batch = std::vector<Example<>>, class BatchRequest = ArrayRef<size_t>>
class BatchDataset {
 public:
  using SelfType = Self;
  using BatchType = Batch;
  using BatchRequestType = BatchRequest;

  virtual ~BatchDataset() = default;
  virtual Batch get_batch(BatchRequest request) = 0;
  /// Number of samples; none when it is not known.
  virtual std::optional<size_t> size() const = 0;

  /// The dataset that applies transform to each batch of this one (a copy of it, or moved).
  template <class TransformType>
  MapDataset<Self, TransformType> map(TransformType transform) & {
    return {static_cast<Self&>(*this), std::move(transform)};
  }
  template <class TransformType>
  MapDataset<Self, TransformType> map(TransformType transform) && {
    return {std::move(static_cast<Self&>(*this)), std::move(transform)};
  }
};

/// A dataset that is asked for one sample at a time.
template <class Self, class SingleExample = Example<>>
class Dataset : public BatchDataset<Self, std::vector<SingleExample>> {
 public:
  using ExampleType = SingleExample;

  virtual ExampleType get(size_t index) = 0;
  std::vector<ExampleType> get_batch(ArrayRef<size_t> indices) override {
    std::vector<ExampleType> batch;
    batch.reserve(indices.size());
    for (const size_t index : indices) batch.push_back(get(index));
    return batch;
  }
};

/// A dataset that can make a stacked batch in one pass (most in-memory ones can):
/// `std::optional<Example> gather_batch(ArrayRef<size_t>)`, none where it cannot after all. It must
/// give what stacking the samples of get_batch() gives.
template <class D>
concept GathersBatches = requires(D& dataset, ArrayRef<size_t> indices) {
  dataset.gather_batch(indices).has_value();
};

namespace detail {
// Only the class that declares apply_stacked vouches for it: a class derived from it may transform
// samples differently.
template <class T>
inline constexpr bool applies_stacked = false;
template <class T>
requires requires { typename T::StackedSelf; }
inline constexpr bool applies_stacked<T> = std::is_same_v<typename T::StackedSelf, T>;
}  // namespace detail

/// Applies a transform to what another dataset gives. Over a dataset that gathers batches, Stack
/// (after transforms that can work on stacked batches) makes no sample by itself.
template <class SourceDataset, class AppliedTransform>
class MapDataset : public BatchDataset<MapDataset<SourceDataset, AppliedTransform>,
                                       typename AppliedTransform::OutputBatchType,
                                       typename SourceDataset::BatchRequestType> {
 public:
  using DatasetType = SourceDataset;
  using TransformType = AppliedTransform;
  using BatchRequestType = typename SourceDataset::BatchRequestType;
  using OutputBatchType = typename AppliedTransform::OutputBatchType;
  static_assert(
      std::is_same_v<typename SourceDataset::BatchType, typename AppliedTransform::InputBatchType>,
      "BatchType of the dataset does not match the input type of the transform");

  MapDataset(SourceDataset dataset, AppliedTransform transform)
      : dataset_(std::move(dataset)), transform_(std::move(transform)) {}

  OutputBatchType get_batch(BatchRequestType request) override {
    if constexpr (GathersBatches<SourceDataset> && transforms::detail::is_stack<AppliedTransform>) {
      if (auto batch = dataset_.gather_batch(request)) return std::move(*batch);
    }
    return transform_.apply_batch(dataset_.get_batch(request));
  }
  auto gather_batch(BatchRequestType request) requires
      GathersBatches<SourceDataset> && detail::applies_stacked<AppliedTransform> {
    auto batch = dataset_.gather_batch(request);
    if (batch && !transform_.apply_stacked(*batch)) batch.reset();
    return batch;
  }
  std::optional<size_t> size() const override { return dataset_.size(); }
  const SourceDataset& dataset() const { return dataset_; }
  const AppliedTransform& transform() const { return transform_; }

 private:
  SourceDataset dataset_;
  AppliedTransform transform_;
};

/// MapDataset of a dataset and a transform.
template <class DatasetType, class TransformType>
MapDataset<DatasetType, TransformType> map(DatasetType dataset, TransformType transform) {
  return {std::move(dataset), std::move(transform)};
}

/// The rows of a tensor.
struct TensorDataset : public Dataset<TensorDataset, TensorExample> {
  /// Stacks the tensors first.
  explicit TensorDataset(const std::vector<Tensor>& tensors);
  explicit TensorDataset(Tensor tensor);
  TensorExample get(size_t index) override;
  std::optional<TensorExample> gather_batch(ArrayRef<size_t> indices);
  std::optional<size_t> size() const override;

  Tensor tensor;
};

/// The rows of two tensors of equally many: data and targets.
class PairDataset : public Dataset<PairDataset> {
 public:
  /// Throws ShapeError when the numbers of rows differ.
  PairDataset(Tensor data, Tensor targets);
  Example<> get(size_t index) override;
  std::optional<Example<>> gather_batch(ArrayRef<size_t> indices);
  std::optional<size_t> size() const override;
  const Tensor& data() const { return data_; }
  const Tensor& targets() const { return targets_; }

 private:
  Tensor data_;
  Tensor targets_;
};

/// MNIST, or another dataset in its files (Fashion-MNIST, KMNIST): in root lie
/// train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
/// t10k-labels-idx1-ubyte, as they are or with .gz at the end. A sample is an image [1, height,
/// width] of float32 in [0, 1], and an int64 label.
class MNIST : public Dataset<MNIST> {
 public:
  enum class Mode { kTrain, kTest };

  /// Reads the files of the mode. Throws IoError on files that are missing, damaged or of other
  /// content.
  explicit MNIST(const std::string& root, Mode mode = Mode::kTrain);
  Example<> get(size_t index) override { return pairs_.get(index); }
  std::optional<Example<>> gather_batch(ArrayRef<size_t> indices) {
    return pairs_.gather_batch(indices);
  }
  std::optional<size_t> size() const override { return pairs_.size(); }
  bool is_train() const { return mode_ == Mode::kTrain; }
  /// All images [N, 1, height, width].
  const Tensor& images() const { return pairs_.data(); }
  /// All labels [N].
  const Tensor& targets() const { return pairs_.targets(); }

 private:
  Mode mode_;
  PairDataset pairs_;
};

}  // namespace datasets
}  // namespace data
}  // namespace taper
