#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/function.h"
#include "taper/data/datasets.h"

namespace taper TAPER_API {
namespace data {
namespace datasets {

/// A dataset that copies share: a loader's workers ask this one object at once.
template <class UnderlyingDataset>
class SharedBatchDataset : public BatchDataset<SharedBatchDataset<UnderlyingDataset>,
                                               typename UnderlyingDataset::BatchType,
                                               typename UnderlyingDataset::BatchRequestType> {
 public:
  using BatchType = typename UnderlyingDataset::BatchType;
  using BatchRequestType = typename UnderlyingDataset::BatchRequestType;
  static constexpr uint32_t kStages = detail::stages<UnderlyingDataset>;

  /* implicit */ SharedBatchDataset(std::shared_ptr<UnderlyingDataset> shared_dataset)
      : dataset_(std::move(shared_dataset)) {}
  BatchType get_batch(BatchRequestType request) override {
    return dataset_->get_batch(std::move(request));
  }
  std::optional<size_t> size() const override { return dataset_->size(); }
  UnderlyingDataset& operator*() { return *dataset_; }
  const UnderlyingDataset& operator*() const { return *dataset_; }
  UnderlyingDataset* operator->() { return dataset_.get(); }
  const UnderlyingDataset* operator->() const { return dataset_.get(); }
  void reset() { dataset_->reset(); }

 private:
  std::shared_ptr<UnderlyingDataset> dataset_;
};

/// A SharedBatchDataset of a new dataset with these arguments.
template <class UnderlyingDataset, class... Args>
SharedBatchDataset<UnderlyingDataset> make_shared_dataset(Args&&... args) {
  return std::make_shared<UnderlyingDataset>(std::forward<Args>(args)...);
}

namespace detail {
// The number of samples; throws where it is not known.
size_t size_of(const char* what, std::optional<size_t> size);
// Throws IndexError.
void check_index(const char* what, size_t index, size_t size);

// A request dealt out to parts that lie one after the other.
struct Parts {
  std::vector<std::vector<size_t>> indices;    // of each part, its own
  std::vector<std::vector<size_t>> positions;  // in the batch
};
Parts deal_out(ArrayRef<size_t> request, const std::vector<size_t>& ends);

// {begin, end} of each of the shares in a permutation of count samples.
std::vector<std::pair<size_t, size_t>> split_shares(size_t count, ArrayRef<double> lengths);
std::vector<size_t> split_order(size_t count, const Generator& generator);
}  // namespace detail

/// The samples of a dataset at these indices.
template <class D>
class Subset : public BatchDataset<Subset<D>, typename D::BatchType> {
 public:
  static constexpr uint32_t kStages = detail::stages<D>;

  Subset(D dataset, std::vector<size_t> indices)
      : dataset_(std::move(dataset)),
        indices_(std::make_shared<const std::vector<size_t>>(std::move(indices))) {}
  typename D::BatchType get_batch(ArrayRef<size_t> request) override {
    return dataset_.get_batch(translate(request));
  }
  auto gather_batch(ArrayRef<size_t> request) requires GathersBatches<D> {
    return dataset_.gather_batch(translate(request));
  }
  std::optional<size_t> size() const override { return indices_->size(); }
  const D& dataset() const { return dataset_; }
  const std::vector<size_t>& indices() const { return *indices_; }

 private:
  std::vector<size_t> translate(ArrayRef<size_t> request) const {
    std::vector<size_t> indices;
    indices.reserve(request.size());
    for (const size_t index : request) {
      detail::check_index("Subset", index, indices_->size());
      indices.push_back((*indices_)[index]);
    }
    return indices;
  }

  D dataset_;
  std::shared_ptr<const std::vector<size_t>> indices_;
};

/// A length of random_split(): any number.
struct SplitLength {
  template <class T>
  requires std::is_arithmetic_v<T>
  /* implicit */ SplitLength(T length) : value(static_cast<double>(length)) {}
  double value;
};

/// Deals the samples out at random, by randperm(size) from the generator: so many to each part, or,
/// when the lengths' sum is 1, such fractions, what is left one by one to the first ones. Throws
/// ConfigError when the lengths do not add up.
template <class D>
std::vector<Subset<D>> random_split(const D& dataset, const std::vector<SplitLength>& lengths,
                                    const Generator& generator = {}) {
  std::vector<double> values;
  values.reserve(lengths.size());
  for (const SplitLength& length : lengths) values.push_back(length.value);
  const size_t count = detail::size_of("random_split", dataset.size());
  const auto shares = detail::split_shares(count, values);
  const std::vector<size_t> order = detail::split_order(count, generator);
  std::vector<Subset<D>> parts;
  parts.reserve(shares.size());
  for (const auto& [begin, end] : shares) {
    parts.emplace_back(dataset,
                       std::vector<size_t>(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                           order.begin() + static_cast<std::ptrdiff_t>(end)));
  }
  return parts;
}

/// Datasets one after the other, of any types with the same kind of samples.
template <class SingleExample = Example<>>
class ConcatDataset
    : public BatchDataset<ConcatDataset<SingleExample>, std::vector<SingleExample>> {
 public:
  using ExampleType = SingleExample;
  /// More steps than any part takes.
  static constexpr uint32_t kStages = 64;

  template <class... Ds>
  requires(!std::is_same_v<std::decay_t<Ds>, ConcatDataset> &&
           ...) explicit ConcatDataset(Ds... datasets) {
    (add(std::move(datasets)), ...);
  }
  /// Appends a dataset.
  template <class D>
  void add(D dataset) {
    const size_t size = detail::size_of("ConcatDataset", dataset.size());
    parts_.push_back([dataset = std::move(dataset)](ArrayRef<size_t> indices) mutable {
      return dataset.get_batch(indices);
    });
    ends_.push_back(size + (ends_.empty() ? 0 : ends_.back()));
  }
  std::vector<SingleExample> get_batch(ArrayRef<size_t> request) override {
    const detail::Parts parts = detail::deal_out(request, ends_);
    std::vector<std::optional<SingleExample>> found(request.size());
    for (size_t part = 0; part < parts.indices.size(); ++part) {
      if (parts.indices[part].empty()) continue;
      const data::detail::PartScope scope(static_cast<uint32_t>(part));
      std::vector<SingleExample> samples = parts_[part](parts.indices[part]);
      for (size_t i = 0; i < parts.positions[part].size(); ++i) {
        found[parts.positions[part][i]] = std::move(samples.at(i));
      }
    }
    std::vector<SingleExample> batch;
    batch.reserve(found.size());
    for (std::optional<SingleExample>& sample : found) batch.push_back(std::move(*sample));
    return batch;
  }
  std::optional<size_t> size() const override { return ends_.empty() ? 0 : ends_.back(); }
  /// The number of samples in the first part, the first two, ...
  const std::vector<size_t>& cumulative_sizes() const { return ends_; }

 private:
  std::vector<Function<std::vector<SingleExample>(ArrayRef<size_t>)>> parts_;
  std::vector<size_t> ends_;
};
template <class D, class... Ds>
ConcatDataset(D, Ds...) -> ConcatDataset<typename D::BatchType::value_type>;

/// Iterable datasets one after the other; copies share them.
template <class SingleExample = Example<>>
class ChainDataset : public IterableDataset<ChainDataset<SingleExample>, SingleExample> {
 public:
  template <class... Ds>
  requires(!std::is_same_v<std::decay_t<Ds>, ChainDataset> &&
           ...) explicit ChainDataset(Ds... datasets) {
    (add(std::move(datasets)), ...);
  }
  /// Appends a dataset.
  template <class D>
  void add(D dataset) {
    auto shared = std::make_shared<D>(std::move(dataset));
    parts_.push_back({[shared] { shared->reset(); }, [shared] { return shared->next(); }});
  }
  void reset() override {
    at_ = 0;
    for (Part& part : parts_) part.reset();
  }
  std::optional<SingleExample> next() override {
    while (at_ < parts_.size()) {
      if (std::optional<SingleExample> sample = parts_[at_].next()) return sample;
      ++at_;
    }
    return std::nullopt;
  }

 private:
  struct Part {
    Function<void()> reset;
    Function<std::optional<SingleExample>()> next;
  };
  std::vector<Part> parts_;
  size_t at_ = 0;
};
template <class D, class... Ds>
ChainDataset(D, Ds...) -> ChainDataset<typename D::ExampleType>;

/// Two datasets of equally many samples side by side: one's sample is the data, the other's the
/// target. Throws ShapeError when the numbers differ.
template <class A, class B>
class StackDataset : public BatchDataset<StackDataset<A, B>,
                                         std::vector<Example<typename A::BatchType::value_type,
                                                             typename B::BatchType::value_type>>> {
 public:
  using ExampleType = Example<typename A::BatchType::value_type, typename B::BatchType::value_type>;
  static constexpr uint32_t kStages = 64;

  StackDataset(A data, B target) : data_(std::move(data)), target_(std::move(target)) {
    const size_t a = detail::size_of("StackDataset", data_.size());
    const size_t b = detail::size_of("StackDataset", target_.size());
    TAPER_CHECK_AS(ShapeError, a == b, "StackDataset: Size mismatch between datasets: got ", a,
                   " and ", b, " samples");
  }
  std::vector<ExampleType> get_batch(ArrayRef<size_t> request) override {
    auto data = data_.get_batch(request);
    const data::detail::PartScope scope(0);
    auto targets = target_.get_batch(request);
    std::vector<ExampleType> batch;
    batch.reserve(request.size());
    for (size_t i = 0; i < request.size(); ++i) {
      batch.emplace_back(std::move(data.at(i)), std::move(targets.at(i)));
    }
    return batch;
  }
  std::optional<size_t> size() const override { return data_.size(); }

 private:
  A data_;
  B target_;
};

}  // namespace datasets
}  // namespace data
}  // namespace taper
