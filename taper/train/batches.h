#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/data/dataloader.h"
#include "taper/data/example.h"
#include "taper/tensor/ivalue.h"

namespace taper TAPER_API {
namespace train {

/// Where a trainer gets its batches from, whatever the loader's type; make_batches() makes one of a
/// loader.
class Batches {
 public:
  virtual ~Batches() = default;

  /// Starts an epoch. With resume it goes on with the one that load_state_dict() has brought, or
  /// with the one that runs.
  virtual void start_epoch(bool resume = false) = 0;
  /// The next batch of the epoch; false at its end. data is [samples, ...].
  virtual bool next(data::Example<>& batch) = 0;
  /// Batches and samples of an epoch, when they are known: for progress and schedules.
  virtual std::optional<int64_t> batches() const { return std::nullopt; }
  virtual std::optional<int64_t> samples() const { return std::nullopt; }
  /// The place after the batches given so far, and back, as the loader's. Throws ConfigError where
  /// it has none.
  virtual IValue state_dict() const = 0;
  virtual void load_state_dict(const IValue& state) = 0;
};

/// Batches from memory, the same in every epoch.
class MemoryBatches final : public Batches {
 public:
  explicit MemoryBatches(std::vector<data::Example<>> all) : all_(std::move(all)) {}
  void start_epoch(bool resume = false) override;
  bool next(data::Example<>& batch) override;
  std::optional<int64_t> batches() const override;
  std::optional<int64_t> samples() const override;
  IValue state_dict() const override;
  void load_state_dict(const IValue& state) override;

 private:
  std::vector<data::Example<>> all_;
  size_t next_ = 0;
};

/// The first count batches (at most) of an epoch, kept in memory: to see whether a model can learn
/// them by heart.
std::shared_ptr<Batches> first_batches(Batches& batches, int64_t count);

namespace detail {

/// What a source over a loader knows without the loader's type.
class LoaderBatchesBase : public Batches {
 public:
  std::optional<int64_t> batches() const override { return batches_; }
  std::optional<int64_t> samples() const override { return samples_; }

 protected:
  /// samples: of an epoch, when the caller knows them.
  LoaderBatchesBase(std::optional<int64_t> samples, const data::DataLoaderOptions& options);
  void note_start(bool from_beginning);
  void note_batch(const data::Example<>& batch);
  void note_end();
  /// Whether a state is of the middle of an epoch.
  static bool is_inside(const IValue& state);

 private:
  std::optional<int64_t> samples_, batches_;
  int64_t seen_samples_ = 0, seen_batches_ = 0;
  bool whole_ = false;  // counted from the epoch's start
};

/// Throws: a loader whose place nobody knows.
[[noreturn]] void refuse_loader_state();

template <class Loader>
class LoaderBatches final : public LoaderBatchesBase {
 public:
  LoaderBatches(std::shared_ptr<Loader> loader, std::optional<int64_t> samples)
      : LoaderBatchesBase(samples, loader->options()), loader_(std::move(loader)) {}

  void start_epoch(bool resume) override {
    if (resume && runs_) return;
    place_ = loader_->begin();
    // What was loaded goes on with the first begin(); another one starts afresh.
    if (!resume && loaded_inside_) place_ = loader_->begin();
    note_start(!loaded_inside_ || !resume);
    loaded_inside_ = false;
    runs_ = true;
    first_ = true;
  }
  bool next(data::Example<>& batch) override {
    if (!runs_) return false;
    if (!first_) ++place_;
    first_ = false;
    if (place_ == loader_->end()) {
      runs_ = false;
      note_end();
      return false;
    }
    auto& given = *place_;
    using Given = std::remove_cvref_t<decltype(given)>;
    if constexpr (requires { given.target; }) {
      static_assert(std::is_same_v<Given, data::Example<>>,
                    "make_batches: map(Stack<>()) makes batches of tensors");
      batch = given;
    } else {
      static_assert(std::is_same_v<Given, data::TensorExample>,
                    "make_batches: map(Stack<>()) makes batches of tensors");
      batch = data::Example<>(given.data, Tensor());
    }
    note_batch(batch);
    return true;
  }
  IValue state_dict() const override {
    if constexpr (requires { loader_->state_dict(); }) {
      return loader_->state_dict();
    } else {
      refuse_loader_state();
    }
  }
  void load_state_dict(const IValue& state) override {
    if constexpr (requires { loader_->load_state_dict(state); }) {
      loader_->load_state_dict(state);
      loaded_inside_ = is_inside(state);
      runs_ = false;
    } else {
      refuse_loader_state();
    }
  }

 private:
  std::shared_ptr<Loader> loader_;
  decltype(std::declval<Loader&>().begin()) place_;
  bool runs_ = false, first_ = false, loaded_inside_ = false;
};

}  // namespace detail

/// The batches of a loader whose batches are Example<> or TensorExample (without target). samples:
/// how many an epoch has, if the caller knows (dataset.size()); otherwise they are counted in the
/// first epoch.
template <class Loader>
std::shared_ptr<Batches> make_batches(std::shared_ptr<Loader> loader,
                                      std::optional<int64_t> samples = std::nullopt) {
  return std::make_shared<detail::LoaderBatches<Loader>>(std::move(loader), samples);
}
template <class Loader>
std::shared_ptr<Batches> make_batches(std::unique_ptr<Loader> loader,
                                      std::optional<int64_t> samples = std::nullopt) {
  return make_batches(std::shared_ptr<Loader>(std::move(loader)), samples);
}

}  // namespace train
}  // namespace taper
