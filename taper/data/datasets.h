#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/data/example.h"
#include "taper/data/sample_random.h"
#include "taper/data/samplers.h"
#include "taper/data/transforms.h"

namespace taper TAPER_API {
namespace data {
namespace datasets {

template <class SourceDataset, class AppliedTransform>
class MapDataset;

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

// The steps that a dataset takes on a sample; see data::detail::StageScope.
template <class D>
inline constexpr uint32_t stages = 0;
template <class D>
requires requires { D::kStages; }
inline constexpr uint32_t stages<D> = D::kStages;
}  // namespace detail

/// A dataset that is asked for whole batches. Self: the class that derives from this one.
template <class Self, class Batch = std::vector<Example<>>, class BatchRequest = ArrayRef<size_t>>
class BatchDataset {
 public:
  using SelfType = Self;
  using BatchType = Batch;
  using BatchRequestType = BatchRequest;
  static constexpr bool is_stateful = detail::is_optional<Batch>;

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
    const data::detail::StageScope stage(indices, 0);
    for (size_t i = 0; i < indices.size(); ++i) {
      data::detail::start_sample(i);
      batch.push_back(get(indices[i]));
    }
    return batch;
  }
};

/// A dataset without indices, which is asked for a number of samples; give it a StreamSampler.
template <class Self, class Batch = std::vector<Example<>>>
using StreamDataset = BatchDataset<Self, Batch, size_t>;

/// A dataset that knows itself which samples come next: get_batch() gives none at the end of an
/// epoch, and reset() starts one. Its loader needs no sampler. save() and load() are for the
/// dataset's place; these ones throw.
template <class Self, class Batch = std::vector<Example<>>, class BatchRequest = size_t>
class StatefulDataset : public BatchDataset<Self, std::optional<Batch>, BatchRequest> {
 public:
  virtual void reset() = 0;
  virtual void save(serialize::OutputArchive&) const { samplers::detail::refuse_state("dataset"); }
  virtual void load(serialize::InputArchive&) { samplers::detail::refuse_state("dataset"); }
  std::optional<size_t> size() const override { return std::nullopt; }
};

/// A StatefulDataset that gives one sample at a time, none at the end.
template <class Self, class SingleExample = Example<>>
class IterableDataset : public StatefulDataset<Self, std::vector<SingleExample>> {
 public:
  using ExampleType = SingleExample;

  virtual std::optional<SingleExample> next() = 0;
  std::optional<std::vector<SingleExample>> get_batch(size_t batch_size) override {
    std::vector<SingleExample> batch;
    const data::detail::StageScope stage({}, 0);
    while (batch.size() < batch_size) {
      data::detail::start_sample(batch.size());
      std::optional<SingleExample> sample = next();
      if (!sample) break;
      batch.push_back(std::move(*sample));
    }
    if (batch.empty()) return std::nullopt;
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
class MapDataset : public BatchDataset<
                       MapDataset<SourceDataset, AppliedTransform>,
                       std::conditional_t<SourceDataset::is_stateful,
                                          std::optional<typename AppliedTransform::OutputBatchType>,
                                          typename AppliedTransform::OutputBatchType>,
                       typename SourceDataset::BatchRequestType> {
 public:
  using DatasetType = SourceDataset;
  using TransformType = AppliedTransform;
  using BatchRequestType = typename SourceDataset::BatchRequestType;
  using OutputBatchType =
      std::conditional_t<SourceDataset::is_stateful,
                         std::optional<typename AppliedTransform::OutputBatchType>,
                         typename AppliedTransform::OutputBatchType>;
  using InputBatchType = typename AppliedTransform::InputBatchType;
  static_assert(
      std::is_same_v<typename SourceDataset::BatchType, InputBatchType> ||
          std::is_same_v<typename SourceDataset::BatchType, std::optional<InputBatchType>>,
      "BatchType of the dataset does not match the input type of the transform");
  static constexpr uint32_t kStages = detail::stages<SourceDataset> + 1;

  MapDataset(SourceDataset dataset, AppliedTransform transform)
      : dataset_(std::move(dataset)), transform_(std::move(transform)) {}

  OutputBatchType get_batch(BatchRequestType request) override {
    if constexpr (GathersBatches<SourceDataset> && transforms::detail::is_stack<AppliedTransform>) {
      if (auto batch = dataset_.gather_batch(request)) return std::move(*batch);
    }
    auto batch = dataset_.get_batch(request);
    const data::detail::StageScope stage(data::detail::sample_indices(request), kStages);
    if constexpr (SourceDataset::is_stateful) {
      if (!batch) return std::nullopt;
      return transform_.apply_batch(std::move(*batch));
    } else {
      return transform_.apply_batch(std::move(batch));
    }
  }
  auto gather_batch(BatchRequestType request) requires
      GathersBatches<SourceDataset> && detail::applies_stacked<AppliedTransform> {
    auto batch = dataset_.gather_batch(request);
    if (batch && !transform_.apply_stacked(*batch)) batch.reset();
    return batch;
  }
  std::optional<size_t> size() const override { return dataset_.size(); }
  /// Of a stateful dataset: starts an epoch.
  void reset() requires SourceDataset::is_stateful { dataset_.reset(); }
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

}  // namespace datasets
}  // namespace data
}  // namespace taper
