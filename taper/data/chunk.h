#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "taper/base/arg.h"
#include "taper/base/function.h"
#include "taper/data/combined.h"
#include "taper/data/loader_core.h"
#include "taper/data/samplers.h"

// Datasets that are read in chunks: whole files, or parts of a file.
namespace taper TAPER_API {
namespace data {
namespace datasets {

/// Reads chunks by number. Preloaders call read_chunk() from several threads at once.
template <class SingleExample, class Chunk = std::vector<SingleExample>>
class ChunkDataReader {
 public:
  using ChunkType = Chunk;
  using BatchType = Chunk;
  using ExampleType = SingleExample;

  virtual ~ChunkDataReader() = default;
  virtual ChunkType read_chunk(size_t chunk_index) = 0;
  virtual size_t chunk_count() = 0;
  /// Called before each epoch.
  virtual void reset() = 0;
};

/// How a ChunkDataset works. Its constructor and these throw ConfigError on a number that is 0, and
/// on a cache smaller than a batch.
struct ChunkDatasetOptions {
  ChunkDatasetOptions(size_t preloader_count, size_t batch_size, size_t cache_size = 2048,
                      size_t cross_chunk_shuffle_count = 1);
  /// Threads that read chunks.
  TAPER_ARG(size_t, preloader_count);
  TAPER_ARG(size_t, batch_size);
  /// Examples that may wait, LibTorch's name. Each preloader is one read ahead, whatever it says.
  TAPER_ARG(size_t, cache_size) = 2048;
  /// Chunks whose examples are shuffled together.
  TAPER_ARG(size_t, cross_chunk_shuffle_count) = 1;
};

namespace detail {
const ChunkDatasetOptions& checked(const ChunkDatasetOptions& options);
// Before the first epoch, or of another size than the options'.
void check_chunk_request(bool started, size_t batch_size, size_t expected);
}  // namespace detail

/// Reads chunks in the order of one sampler and gives their examples in the order of another, each
/// chunk's (or each cross_chunk_shuffle_count chunks') by themselves; threads read ahead. The order
/// does not depend on the number of threads. What reading throws comes as a WorkerException, and
/// the epoch can go on with the next chunk. reset() starts an epoch.
template <class ChunkReader, class ChunkSampler = samplers::RandomSampler,
          class ExampleSampler = samplers::RandomSampler>
class ChunkDataset final
    : public StatefulDataset<ChunkDataset<ChunkReader, ChunkSampler, ExampleSampler>,
                             typename ChunkReader::BatchType, size_t> {
 public:
  using UnwrappedBatchType = typename ChunkReader::BatchType;
  using BatchType = std::optional<UnwrappedBatchType>;
  using BatchRequestType = size_t;
  using ChunkSamplerType = ChunkSampler;
  using ExampleSamplerType = ExampleSampler;
  /// May change the examples read together before they are shuffled; several threads call it.
  using Preprocess = Function<void(UnwrappedBatchType&)>;

  ChunkDataset(ChunkReader chunk_reader, ChunkSampler chunk_sampler, ExampleSampler example_sampler,
               ChunkDatasetOptions options, Preprocess preprocessing_policy = {})
      : state_(std::make_unique<State>(std::move(chunk_reader), std::move(chunk_sampler),
                                       std::move(example_sampler), options,
                                       std::move(preprocessing_policy))) {}

  /// Throws unless batch_size is that of the options, and before the first reset().
  BatchType get_batch(size_t batch_size) override {
    detail::check_chunk_request(state_->epoch.has_value(), batch_size,
                                state_->options.batch_size());
    return state_->take_batch();
  }
  BatchType get_batch() { return get_batch(state_->options.batch_size()); }
  void reset() override { state_->start(); }
  ChunkSampler& chunk_sampler() { return state_->chunk_sampler; }

  /// The chunk sampler's place, which is ahead of the examples by the chunks that are read; after
  /// load() the next epoch goes on there.
  void save(serialize::OutputArchive& archive) const override {
    state_->chunk_sampler.save(archive);
  }
  void load(serialize::InputArchive& archive) override {
    state_->chunk_sampler.load(archive);
    state_->resumed = true;
  }

 private:
  using Item = data::detail::LoaderCore::Item;
  using Indices = typename ChunkSampler::BatchRequestType;

  struct State {
    State(ChunkReader chunk_reader, ChunkSampler chunks, ExampleSampler examples,
          const ChunkDatasetOptions& o, Preprocess policy)
        : reader(std::move(chunk_reader)),
          chunk_sampler(std::move(chunks)),
          example_sampler(std::move(examples)),
          options(detail::checked(o)),
          preprocess(std::move(policy)),
          core(
              DataLoaderOptions(1)
                  .workers(options.preloader_count())
                  .max_jobs(options.preloader_count()),
              [this] { return next_request(); },
              std::vector<data::detail::LoaderCore::MakeBatch>(
                  options.preloader_count(), [this](const Item& item) { return read(item); })) {}

    void start() {
      core.drop_epoch();
      core.join();  // the reader is nobody else's while it is reset
      if (!std::exchange(resumed, false)) {
        reader.reset();
        chunk_sampler.reset(reader.chunk_count());
      }
      chunk.clear();
      batch.clear();
      left = 0;
      epoch = core.start_epoch();
    }
    Item next_request() {
      auto indices = chunk_sampler.next(options.cross_chunk_shuffle_count());
      return indices ? std::make_shared<Indices>(std::move(*indices)) : nullptr;
    }
    Item read(const Item& item) {
      auto examples = std::make_shared<UnwrappedBatchType>();
      for (const size_t index : *static_cast<const Indices*>(item.get())) {
        UnwrappedBatchType part = reader.read_chunk(index);
        for (auto& example : part) examples->push_back(std::move(example));
      }
      if (preprocess) preprocess(*examples);
      return examples;
    }
    // Fills the batch, which keeps what it has when a chunk cannot be read.
    BatchType take_batch() {
      while (batch.size() < options.batch_size() && (left > 0 || take_chunk())) {
        if (left == 0) continue;  // an empty chunk
        const size_t room = options.batch_size() - batch.size();
        const auto picked = example_sampler.next(room < left ? room : left);
        if (!picked || picked->size() == 0) {
          left = 0;
          continue;
        }
        for (const size_t index : *picked) {
          detail::check_index("ChunkDataset", index, chunk.size());
          batch.push_back(std::move(chunk[index]));
        }
        left = picked->size() < left ? left - picked->size() : 0;
      }
      if (batch.empty()) return std::nullopt;
      return std::exchange(batch, UnwrappedBatchType());
    }
    // False at the end of the epoch.
    bool take_chunk() {
      const Item next = core.next(*epoch);
      if (next == nullptr) return false;
      chunk = std::move(*static_cast<UnwrappedBatchType*>(next.get()));
      left = chunk.size();
      if (left > 0) example_sampler.reset(left);
      return true;
    }

    ChunkReader reader;
    ChunkSampler chunk_sampler;
    ExampleSampler example_sampler;
    ChunkDatasetOptions options;
    Preprocess preprocess;
    UnwrappedBatchType chunk, batch;
    size_t left = 0;  // examples of the chunk that no batch has had
    std::optional<uint64_t> epoch;
    bool resumed = false;
    data::detail::LoaderCore core;  // last: its threads use the members above
  };

  std::unique_ptr<State> state_;
};

}  // namespace datasets
}  // namespace data
}  // namespace taper
