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
#include "taper/data/sample_random.h"
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

  /// Starts the next epoch, or goes on with the one that load_state_dict() has brought.
  Iterator<BatchType> begin() {
    core_.drop_epoch();
    if (!position_.take_resumed()) {
      position_.start(options_.generator());
      sampler_.reset(std::nullopt);
      requested_ = 0;
      position_.keep_sampler([this](serialize::OutputArchive& to) { sampler_.save(to); });
    }
    return {core_, core_.start_epoch()};
  }
  Iterator<BatchType> end() { return {}; }
  /// Ends the worker threads, which the destructor does as well.
  void join() { core_.join(); }
  const DataLoaderOptions& options() const { return options_; }
  Sampler& sampler() { return sampler_; }
  /// The number of the epoch that runs or ran last, from 0 on; -1 before the first.
  int64_t epoch() const { return position_.epoch(); }
  /// The seed of that epoch, which transforms draw from.
  uint64_t seed() const { return position_.seed(); }

  /// The place after the batches that iterators have given so far, not those prepared. Throws
  /// ConfigError when the sampler has no state, or the order is not enforced.
  IValue state_dict() const { return position_.save(core_, options_); }
  /// Goes there: begin() continues the epoch with the batch that is next, with any number of
  /// workers and in a time that does not grow with the place (samplers of the user's: unless they
  /// override skip()); an epoch that was at its end is followed by the next. Throws ConfigError on
  /// a state that does not fit.
  void load_state_dict(const IValue& state) {
    const auto [batches, batch_size] = position_.load(
        state, options_, [this](serialize::InputArchive& from) { sampler_.load(from); });
    core_.drop_epoch();
    sampler_.skip(batches, batch_size);
    requested_ = batches * batch_size;
  }

 private:
  using Item = detail::LoaderCore::Item;

  static std::vector<detail::LoaderCore::MakeBatch> copies(Dataset dataset, size_t workers) {
    detail::LoaderCore::MakeBatch make =
        [dataset = std::move(dataset)](const Item& item) mutable -> Item {
      const auto* job = static_cast<const detail::LoaderRequest*>(item.get());
      const detail::BatchScope scope(job->seed, job->epoch, job->first_sample);
      return std::make_shared<BatchType>(
          dataset.get_batch(*static_cast<BatchRequestType*>(job->request.get())));
    };
    return std::vector<detail::LoaderCore::MakeBatch>(workers == 0 ? 1 : workers, make);
  }
  Item next_request() {
    std::optional<BatchRequestType> request = sampler_.next(options_.batch_size());
    if (!request || (options_.drop_last() && request->size() < options_.batch_size()))
      return nullptr;
    const uint64_t first = requested_;
    requested_ += request->size();
    return std::make_shared<detail::LoaderRequest>(
        detail::LoaderRequest{std::make_shared<BatchRequestType>(std::move(*request)),
                              position_.seed(), static_cast<uint64_t>(position_.epoch()), first});
  }

  DataLoaderOptions options_;
  Sampler sampler_;
  detail::LoaderPosition position_;
  uint64_t requested_ = 0;  // samples of the epoch asked for so far
  detail::LoaderCore core_;
};

/// Makes batches of a dataset that decides itself what comes next. One thread at a time asks it,
/// so that batches come in its order: a worker (more do not help) reads ahead of the caller.
template <class Dataset>
class StatefulDataLoader {
 public:
  using BatchType = typename Dataset::BatchType::value_type;
  using BatchRequestType = typename Dataset::BatchRequestType;

  /// Throws ConfigError on drop_last where batches have no size.
  StatefulDataLoader(Dataset dataset, DataLoaderOptions options)
      : options_(options),
        dataset_(std::make_shared<Dataset>(std::move(dataset))),
        core_(one_worker(options), [this] { return next_request(); },
              {[this](const Item& item) { return make_batch(item); }}) {
    TAPER_CHECK_AS(ConfigError, kHasSize || !options.drop_last(),
                   "DataLoader: drop_last of a stateful dataset needs batches that have a size()");
  }
  StatefulDataLoader(const StatefulDataLoader&) = delete;
  StatefulDataLoader& operator=(const StatefulDataLoader&) = delete;

  /// Resets the dataset and starts an epoch.
  Iterator<BatchType> begin() {
    // The thread that reads ahead must be done with the dataset.
    core_.join();
    position_.start(options_.generator());
    requested_ = 0;
    dataset_->reset();
    return {core_, core_.start_epoch()};
  }
  Iterator<BatchType> end() { return {}; }
  void join() { core_.join(); }
  const DataLoaderOptions& options() const { return options_; }
  int64_t epoch() const { return position_.epoch(); }
  uint64_t seed() const { return position_.seed(); }

 private:
  using Item = detail::LoaderCore::Item;
  static constexpr bool kHasSize = requires(const BatchType& batch) { batch.size(); };

  static DataLoaderOptions one_worker(DataLoaderOptions options) {
    if (options.workers() > 1) {
      if (!options.max_jobs()) options.max_jobs(options.workers() * options.prefetch_factor());
      options.workers(1);
    }
    return options;
  }
  Item next_request() {
    const uint64_t first = requested_;
    requested_ += options_.batch_size();
    return std::make_shared<detail::LoaderRequest>(detail::LoaderRequest{
        nullptr, position_.seed(), static_cast<uint64_t>(position_.epoch()), first});
  }
  Item make_batch(const Item& item) {
    const auto* job = static_cast<const detail::LoaderRequest*>(item.get());
    const detail::BatchScope scope(job->seed, job->epoch, job->first_sample);
    auto batch = dataset_->get_batch(BatchRequestType(options_.batch_size()));
    if (!batch) return nullptr;
    if constexpr (kHasSize) {
      if (options_.drop_last() && batch->size() < options_.batch_size()) return nullptr;
    }
    return std::make_shared<BatchType>(std::move(*batch));
  }

  DataLoaderOptions options_;
  std::shared_ptr<Dataset> dataset_;
  detail::LoaderPosition position_;
  uint64_t requested_ = 0;
  detail::LoaderCore core_;
};

/// A loader with a sampler of the caller's.
template <class Dataset, class Sampler>
requires(!Dataset::is_stateful && requires { typename Sampler::BatchRequestType; })
    std::unique_ptr<StatelessDataLoader<Dataset, Sampler>> make_data_loader(
        Dataset dataset, Sampler sampler, DataLoaderOptions options = DataLoaderOptions()) {
  return std::make_unique<StatelessDataLoader<Dataset, Sampler>>(std::move(dataset),
                                                                 std::move(sampler), options);
}

/// A loader with a Sampler over the dataset's size: `make_data_loader<samplers::SequentialSampler>(
/// dataset, DataLoaderOptions().batch_size(128).workers(2))`. Throws when the size is unknown.
template <class Sampler = samplers::RandomSampler, class Dataset>
requires(std::is_constructible_v<Sampler, size_t> && !Dataset::is_stateful)
    std::unique_ptr<StatelessDataLoader<Dataset, Sampler>> make_data_loader(
        Dataset dataset, DataLoaderOptions options = DataLoaderOptions()) {
  const std::optional<size_t> size = dataset.size();
  TAPER_CHECK(size.has_value(),
              "Expected the dataset to be sized in order to construct the Sampler");
  Sampler sampler(*size);
  if constexpr (std::is_base_of_v<samplers::DrawnSampler, Sampler>) {
    sampler.set_generator(options.generator());
  }
  return std::make_unique<StatelessDataLoader<Dataset, Sampler>>(std::move(dataset),
                                                                 std::move(sampler), options);
}

/// A loader of a dataset that needs no sampler.
template <class Dataset>
requires(Dataset::is_stateful) std::unique_ptr<StatefulDataLoader<Dataset>> make_data_loader(
    Dataset dataset, DataLoaderOptions options = DataLoaderOptions()) {
  return std::make_unique<StatefulDataLoader<Dataset>>(std::move(dataset), options);
}

}  // namespace data
}  // namespace taper
