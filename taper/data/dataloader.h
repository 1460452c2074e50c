#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/data/dataloader_options.h"
#include "taper/data/loader_core.h"
#include "taper/data/samplers.h"

namespace taper TAPER_API {
namespace data {

/// Walks over the batches of an epoch; copies share their place. All ended iterators are equal.
template <class Batch>
class Iterator {
 public:
  using value_type = Batch;
  using reference = Batch&;
  using pointer = Batch*;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;

  Iterator() = default;
  Iterator(detail::LoaderCore& core, uint64_t epoch)
      : state_(std::make_shared<State>(State{core, epoch, nullptr, false})) {}

  Iterator& operator++() {
    fetch();
    state_->fetched = false;
    return *this;
  }
  reference operator*() const {
    TAPER_CHECK(fetch(), "Attempted to dereference iterator that was past the end");
    return *static_cast<Batch*>(state_->batch.get());
  }
  pointer operator->() const { return &**this; }
  friend bool operator==(const Iterator& a, const Iterator& b) {
    const bool a_left = a.fetch(), b_left = b.fetch();
    return (!a_left && !b_left) || (a_left && b_left && a.state_ == b.state_);
  }

 private:
  struct State {
    detail::LoaderCore& core;
    uint64_t epoch;
    std::shared_ptr<void> batch;
    bool fetched;
  };
  // The batch is fetched when it is first looked at; false at the end.
  bool fetch() const {
    if (!state_) return false;
    if (!state_->fetched) {
      state_->batch.reset();
      state_->batch = state_->core.next(state_->epoch);
      state_->fetched = true;
    }
    return state_->batch != nullptr;
  }

  std::shared_ptr<State> state_;
};

/// Makes batches of a dataset, in the order of a sampler, on worker threads of its own. Each
/// begin() is a new epoch; what is left of the one before is dropped. Each worker has its own copy
/// of the dataset. A loader belongs to one thread.
template <class Dataset, class Sampler>
class StatelessDataLoader {
 public:
  using BatchType = typename Dataset::BatchType;
  using BatchRequestType = typename Sampler::BatchRequestType;

  StatelessDataLoader(Dataset dataset, Sampler sampler, DataLoaderOptions options)
      : options_(options),
        sampler_(std::move(sampler)),
        core_(
            options_, [this] { return next_request(); },
            copies(std::move(dataset), options_.workers())) {}
  StatelessDataLoader(const StatelessDataLoader&) = delete;
  StatelessDataLoader& operator=(const StatelessDataLoader&) = delete;

  Iterator<BatchType> begin() {
    sampler_.reset(std::nullopt);
    return {core_, core_.start_epoch()};
  }
  Iterator<BatchType> end() { return {}; }
  /// Ends the worker threads, which the destructor does as well.
  void join() { core_.join(); }
  const DataLoaderOptions& options() const { return options_; }

 private:
  using Item = detail::LoaderCore::Item;

  static std::vector<detail::LoaderCore::MakeBatch> copies(Dataset dataset, size_t workers) {
    detail::LoaderCore::MakeBatch make =
        [dataset = std::move(dataset)](const Item& request) mutable -> Item {
      return std::make_shared<BatchType>(
          dataset.get_batch(*static_cast<BatchRequestType*>(request.get())));
    };
    return std::vector<detail::LoaderCore::MakeBatch>(workers == 0 ? 1 : workers, make);
  }
  Item next_request() {
    std::optional<BatchRequestType> request = sampler_.next(options_.batch_size());
    if (!request || (options_.drop_last() && request->size() < options_.batch_size()))
      return nullptr;
    return std::make_shared<BatchRequestType>(std::move(*request));
  }

  DataLoaderOptions options_;
  Sampler sampler_;
  detail::LoaderCore core_;
};

/// A loader with a sampler of the caller's.
template <class Dataset, class Sampler>
requires(!std::is_convertible_v<Sampler, DataLoaderOptions>)
    std::unique_ptr<StatelessDataLoader<Dataset, Sampler>> make_data_loader(
        Dataset dataset, Sampler sampler, DataLoaderOptions options = DataLoaderOptions()) {
  return std::make_unique<StatelessDataLoader<Dataset, Sampler>>(std::move(dataset),
                                                                 std::move(sampler), options);
}

/// A loader with a Sampler over the dataset's size: `make_data_loader<samplers::SequentialSampler>(
/// dataset, DataLoaderOptions().batch_size(128).workers(2))`. Throws when the size is unknown.
template <class Sampler = samplers::RandomSampler, class Dataset>
requires std::is_constructible_v<Sampler, size_t>
    std::unique_ptr<StatelessDataLoader<Dataset, Sampler>> make_data_loader(
        Dataset dataset, DataLoaderOptions options = DataLoaderOptions()) {
  const std::optional<size_t> size = dataset.size();
  TAPER_CHECK(size.has_value(),
              "Expected the dataset to be sized in order to construct the Sampler");
  return make_data_loader(std::move(dataset), Sampler(*size), options);
}

}  // namespace data
}  // namespace taper
