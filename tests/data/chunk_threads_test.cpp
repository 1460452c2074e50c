// Datasets read in chunks, and what workers do as they start.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include "taper/data/data.h"
#include "taper/io/archive.h"
#include "tests/support/expect_error.h"

namespace taper::data {
namespace {

using datasets::ChunkDatasetOptions;
using samplers::RandomSampler;
using samplers::SequentialSampler;
using Ints = std::vector<int>;

struct Log {
  std::atomic<int> reads{0}, resets{0};
};

// Chunk i holds i examples, the numbers from the sum of those before on.
class Reader : public datasets::ChunkDataReader<int> {
 public:
  explicit Reader(std::shared_ptr<Log> log, size_t bad = ~size_t{0})
      : log_(std::move(log)), bad_(bad) {}
  Ints read_chunk(size_t i) override {
    ++log_->reads;
    if (i == bad_) throw std::runtime_error("chunk cannot be read");
    Ints chunk(i);
    std::iota(chunk.begin(), chunk.end(), static_cast<int>(i * (i - 1) / 2));
    return chunk;
  }
  size_t chunk_count() override { return 12; }
  void reset() override { ++log_->resets; }

 private:
  std::shared_ptr<Log> log_;
  size_t bad_;
};
constexpr int kExamples = 66;

template <class Chunks = SequentialSampler, class Examples = SequentialSampler>
using Dataset = datasets::ChunkDataset<Reader, Chunks, Examples>;

template <class D>
std::vector<Ints> epoch_of(D& dataset) {
  dataset.reset();
  std::vector<Ints> batches;
  while (auto batch = dataset.get_batch()) batches.push_back(std::move(*batch));
  return batches;
}

Ints flat(const std::vector<Ints>& batches) {
  Ints all;
  for (const Ints& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

Ints numbers() {
  Ints all(kExamples);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(ChunkThreads, GivesEveryExampleInOrderWithAnyNumberOfPreloaders) {
  for (const size_t preloaders : {1, 3}) {
    auto log = std::make_shared<Log>();
    Dataset<> dataset(Reader(log), SequentialSampler(0), SequentialSampler(0),
                      ChunkDatasetOptions(preloaders, 8));
    EXPECT_ERROR(Error, dataset.get_batch(), "needs to call reset()");
    for (int epoch = 1; epoch <= 2; ++epoch) {
      const std::vector<Ints> batches = epoch_of(dataset);
      ASSERT_EQ(batches.size(), 9u);
      for (size_t i = 0; i < 8; ++i) EXPECT_EQ(batches[i].size(), 8u);
      EXPECT_EQ(flat(batches), numbers());
      EXPECT_EQ(log->resets, epoch);
      EXPECT_EQ(log->reads, 12 * epoch);
    }
    EXPECT_ERROR(ConfigError, dataset.get_batch(7), "does not match");
    // An epoch that is left early.
    dataset.reset();
    EXPECT_EQ(dataset.get_batch()->front(), 0);
    EXPECT_EQ(flat(epoch_of(dataset)), numbers());
  }
}

TEST(ChunkThreads, ShufflesChunksAndExamples) {
  const auto shuffled = [](size_t preloaders, size_t together) {
    manual_seed(5);
    Dataset<RandomSampler, RandomSampler> dataset(
        Reader(std::make_shared<Log>()), RandomSampler(1), RandomSampler(1),
        ChunkDatasetOptions(preloaders, 5, 100, together));
    return flat(epoch_of(dataset));
  };
  const Ints one = shuffled(1, 1), three = shuffled(1, 3);
  EXPECT_EQ(shuffled(4, 1), one) << "the order does not depend on the threads";
  EXPECT_NE(one, numbers());
  EXPECT_NE(one, three);
  for (const Ints& order : {one, three}) {
    EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), size_t{kExamples});
  }
}

TEST(ChunkThreads, PreprocessesAndWorksInALoader) {
  using D = Dataset<>;
  const auto shared = datasets::make_shared_dataset<D>(Reader(std::make_shared<Log>()),
                                                       SequentialSampler(0), SequentialSampler(0),
                                                       ChunkDatasetOptions(2, 10), [](Ints& chunk) {
                                                         for (int& each : chunk) each += 100;
                                                       });
  auto loader = make_data_loader(shared, DataLoaderOptions(10).workers(1));
  for (int epoch = 0; epoch < 2; ++epoch) {
    int count = 0;
    for (const Ints& batch : *loader) {
      for (const int each : batch) EXPECT_EQ(each, 100 + count++);
    }
    EXPECT_EQ(count, kExamples);
  }
}

TEST(ChunkThreads, AChunkThatCannotBeReadCostsItselfOnly) {
  Dataset<> dataset(Reader(std::make_shared<Log>(), 4), SequentialSampler(0), SequentialSampler(0),
                    ChunkDatasetOptions(2, 4));
  dataset.reset();
  Ints all;
  int errors = 0;
  for (;;) {
    try {
      const auto batch = dataset.get_batch();
      if (!batch) break;
      all.insert(all.end(), batch->begin(), batch->end());
    } catch (const WorkerException& error) {
      ++errors;
      EXPECT_NE(std::string(error.what()).find("chunk cannot be read"), std::string::npos);
    }
  }
  Ints expected = numbers();
  expected.erase(expected.begin() + 6, expected.begin() + 10);
  EXPECT_EQ(all, expected);
  EXPECT_EQ(errors, 1);
}

TEST(ChunkThreads, KeepsThePlaceOfTheChunks) {
  const auto make = [] {
    return Dataset<>(Reader(std::make_shared<Log>()), SequentialSampler(12), SequentialSampler(0),
                     ChunkDatasetOptions(1, 3));
  };
  auto dataset = make(), next = make();
  dataset.reset();
  dataset.get_batch();  // chunks 0 to 2 are given, and one more is read
  serialize::OutputArchive archive;
  dataset.save(archive);
  serialize::InputArchive from{archive.value()};
  next.load(from);
  const Ints rest = flat(epoch_of(next));
  ASSERT_FALSE(rest.empty());
  EXPECT_EQ(rest.back(), kExamples - 1);
  EXPECT_LT(rest.size(), size_t{kExamples});
  EXPECT_EQ(flat(epoch_of(next)), numbers()) << "the epoch after it is whole";
}

TEST(ChunkThreads, RefusesOptionsThatCannotWork) {
  EXPECT_ERROR(ConfigError, ChunkDatasetOptions(0, 1), "Preloader count is 0");
  EXPECT_ERROR(ConfigError, ChunkDatasetOptions(1, 0), "Batch size is 0");
  EXPECT_ERROR(ConfigError, ChunkDatasetOptions(1, 8, 7), "Cache size is less than batch size");
  EXPECT_ERROR(ConfigError, ChunkDatasetOptions(1, 8, 8, 0), "cross_chunk_shuffle_count");
  EXPECT_ERROR(ConfigError,
               Dataset<>(Reader(std::make_shared<Log>()), SequentialSampler(0),
                         SequentialSampler(0), ChunkDatasetOptions(1, 8).preloader_count(0)),
               "Preloader count is 0");
}

class Numbers : public datasets::Dataset<Numbers, int> {
 public:
  int get(size_t index) override { return static_cast<int>(index); }
  std::optional<size_t> size() const override { return 20; }
};

TEST(WorkerInitThreads, RunsOnceInEachWorkerBeforeItsBatches) {
  std::mutex mutex;
  std::set<size_t> workers;
  std::set<std::thread::id> threads;
  std::atomic<int> calls{0};
  const auto options = DataLoaderOptions(2).workers(3).worker_init_fn([&](size_t worker) {
    const std::lock_guard lock(mutex);
    workers.insert(worker);
    threads.insert(std::this_thread::get_id());
    ++calls;
  });
  {
    auto loader = make_data_loader<SequentialSampler>(Numbers(), options);
    for (int epoch = 0; epoch < 2; ++epoch) {
      int count = 0;
      for (const std::vector<int>& batch : *loader) count += static_cast<int>(batch.size());
      EXPECT_EQ(count, 20);
    }
  }
  EXPECT_EQ(workers, (std::set<size_t>{0, 1, 2}));
  EXPECT_EQ(calls, 3) << "workers stay for the second epoch";
  EXPECT_EQ(threads.count(std::this_thread::get_id()), 0u);
  auto plain =
      make_data_loader<SequentialSampler>(Numbers(), DataLoaderOptions(options).workers(0));
  for (const std::vector<int>& batch : *plain) EXPECT_EQ(batch.size(), 2u);
  EXPECT_EQ(calls, 3) << "without workers there is nothing to start";
}

TEST(WorkerInitThreads, WhatItThrowsComesWithTheBatches) {
  auto loader = make_data_loader<SequentialSampler>(
      Numbers(), DataLoaderOptions(5).workers(1).worker_init_fn(
                     [](size_t) { throw std::runtime_error("no licence for this worker"); }));
  EXPECT_ERROR(data::WorkerException, *loader->begin(), "no licence for this worker");
}

}  // namespace
}  // namespace taper::data
