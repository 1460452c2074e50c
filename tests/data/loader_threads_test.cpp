#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/parallel.h"
#include "taper/core/allocator.h"
#include "taper/data/data.h"
#include "taper/ops/creation.h"

namespace taper::data {
namespace {

using Indices = std::vector<size_t>;

int thread_count() {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                                        std::filesystem::directory_iterator()));
}

// The system strikes a thread from its list a moment after the join that waited for it returns.
int settled_thread_count(int expected) {
  for (int i = 0; i < 1000 && thread_count() != expected; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return thread_count();
}

struct Behaviour {
  size_t samples = 100;
  // Batches whose first index is a multiple of this take a while; 0: none.
  size_t slow = 0;
  // The batch that holds this index throws.
  size_t bad = ~size_t{0};
};

// Gives the indices it is asked for.
class EchoDataset : public datasets::BatchDataset<EchoDataset, Indices> {
 public:
  explicit EchoDataset(Behaviour behaviour) : behaviour_(behaviour) {}
  Indices get_batch(ArrayRef<size_t> request) override {
    if (behaviour_.slow != 0 && request[0] % behaviour_.slow == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (const size_t index : request) {
      if (index == behaviour_.bad) throw std::out_of_range(str("sample ", index, " is bad"));
    }
    return request.vec();
  }
  std::optional<size_t> size() const override { return behaviour_.samples; }

 private:
  Behaviour behaviour_;
};

auto sequential(Behaviour behaviour, DataLoaderOptions options) {
  return make_data_loader<samplers::SequentialSampler>(EchoDataset(behaviour), options);
}

template <class Loader>
Indices collect(Loader& loader) {
  Indices all;
  for (auto& batch : loader) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

Indices range(size_t count) {
  Indices all(count);
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

TEST(DataLoaderThreads, GivesEverySampleInOrderEveryEpoch) {
  for (const size_t workers : {0, 1, 2, 5}) {
    auto loader = sequential({.samples = 103, .slow = 20},
                             DataLoaderOptions().batch_size(10).workers(workers));
    for (int epoch = 0; epoch < 3; ++epoch) {
      EXPECT_EQ(collect(*loader), range(103)) << workers << " workers, epoch " << epoch;
    }
  }
}

TEST(DataLoaderThreads, BatchSizesAndDropLast) {
  for (const size_t workers : {0, 2}) {
    std::vector<size_t> sizes;
    auto all = sequential({.samples = 25}, DataLoaderOptions(10).workers(workers));
    for (auto& batch : *all) sizes.push_back(batch.size());
    EXPECT_EQ(sizes, (std::vector<size_t>{10, 10, 5}));
    auto full = sequential({.samples = 25}, DataLoaderOptions(10).workers(workers).drop_last(true));
    EXPECT_EQ(collect(*full), range(20));
    auto none = sequential({.samples = 0}, DataLoaderOptions(10).workers(workers));
    EXPECT_TRUE(none->begin() == none->end());
    auto few = sequential({.samples = 3}, DataLoaderOptions(10).workers(workers).drop_last(true));
    EXPECT_EQ(collect(*few), Indices());
  }
}

TEST(DataLoaderThreads, WithoutOrderingGivesEachSampleOnce) {
  auto loader = sequential({.samples = 100, .slow = 20},
                           DataLoaderOptions(10).workers(3).enforce_ordering(false));
  const Indices all = collect(*loader);
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(std::set<size_t>(all.begin(), all.end()).size(), 100u);
}

TEST(DataLoaderThreads, CarriesExceptionsToTheCallerAndGoesOn) {
  auto loader = sequential({.samples = 50, .bad = 25}, DataLoaderOptions(10).workers(2));
  for (int epoch = 0; epoch < 2; ++epoch) {
    Indices seen;
    std::string text;
    auto it = loader->begin();
    const auto end = loader->end();
    while (true) {
      try {
        if (it == end) break;
        seen.insert(seen.end(), it->begin(), it->end());
        ++it;
      } catch (const WorkerException& error) {
        text = error.what();
        EXPECT_THROW(std::rethrow_exception(error.original_exception), std::out_of_range);
      }
    }
    EXPECT_EQ(text,
              "Caught exception in DataLoader worker thread. Original message: sample 25 is bad");
    EXPECT_EQ(seen.size(), 40u) << "only the bad batch is missing";
  }
  auto inline_loader = sequential({.samples = 50, .bad = 25}, DataLoaderOptions(10));
  EXPECT_THROW(collect(*inline_loader), std::out_of_range);
}

TEST(DataLoaderThreads, LeavesNoThreadBehind) {
  const int before = thread_count();
  for (int round = 0; round < 20; ++round) {
    auto loader = sequential({.samples = 1000, .slow = 100}, DataLoaderOptions(10).workers(3));
    EXPECT_EQ(thread_count(), before) << "threads start with the first epoch";
    auto it = loader->begin();
    for (int i = 0; i < round % 4; ++i) ++it;
    EXPECT_EQ(thread_count(), before + 3);
    loader.reset();  // in the middle of the epoch
    EXPECT_EQ(settled_thread_count(before), before);
  }
  auto loader = sequential({.samples = 100}, DataLoaderOptions(10).workers(2));
  EXPECT_EQ(collect(*loader), range(100));
  loader->join();
  EXPECT_EQ(settled_thread_count(before), before);
  EXPECT_EQ(collect(*loader), range(100)) << "a later epoch starts them again";
}

TEST(DataLoaderThreads, WorkersThatDoNotStayEndWithTheEpoch) {
  const int before = thread_count();
  auto loader =
      sequential({.samples = 100},
                 DataLoaderOptions(10).workers(2).persistent_workers(false).prefetch_factor(1));
  for (int epoch = 0; epoch < 2; ++epoch) {
    auto it = loader->begin();
    EXPECT_EQ(thread_count(), before + 2);
    Indices all;
    for (; it != loader->end(); ++it) all.insert(all.end(), it->begin(), it->end());
    EXPECT_EQ(all, range(100));
    EXPECT_TRUE(it == loader->end());
    EXPECT_EQ(settled_thread_count(before), before);
    EXPECT_TRUE(loader->state_dict().at("ended").toBool());
  }
}

TEST(DataLoaderThreads, ANewEpochDropsTheOldOne) {
  for (const size_t workers : {0, 2}) {
    auto loader = sequential({.samples = 100, .slow = 10}, DataLoaderOptions(10).workers(workers));
    auto old = loader->begin();
    EXPECT_EQ((*old)[0], 0u);
    ++old;
    for (int round = 0; round < 3; ++round) {
      auto it = loader->begin();
      ++it;
      EXPECT_EQ((*it)[0], 10u);
    }
    EXPECT_EQ(collect(*loader), range(100));
    EXPECT_TRUE(old == loader->end());
  }
}

TEST(DataLoaderThreads, TimesOutAndGoesOn) {
  auto loader = sequential({.samples = 20, .slow = 10},
                           DataLoaderOptions(10).workers(1).timeout(std::chrono::milliseconds(1)));
  auto it = loader->begin();
  int timeouts = 0;
  Indices all;
  while (true) {
    try {
      if (it == loader->end()) break;
      all.insert(all.end(), it->begin(), it->end());
      ++it;
    } catch (const Error& error) {
      ++timeouts;
      EXPECT_NE(std::string(error.what()).find("timeout was 1 ms"), std::string::npos);
    }
  }
  EXPECT_GE(timeouts, 1);
  EXPECT_EQ(all, range(20));
}

TEST(DataLoaderThreads, RefusesOptionsThatCannotWork) {
  EXPECT_THROW(sequential({}, DataLoaderOptions(0)), ConfigError);
  EXPECT_THROW(sequential({}, DataLoaderOptions(1).workers(1).max_jobs(0)), ConfigError);
  EXPECT_THROW(sequential({}, DataLoaderOptions(1).workers(1).prefetch_factor(0)), ConfigError);
}

// Fails after some batches.
class BadSampler : public samplers::Sampler<> {
 public:
  void reset(std::optional<size_t>) override { given_ = 0; }
  std::optional<Indices> next(size_t batch_size) override {
    if (given_ == 3) throw std::runtime_error("no more");
    return Indices(batch_size, given_++);
  }

 private:
  size_t given_ = 0;
};

TEST(DataLoaderThreads, ASamplersErrorComesAfterTheBatchesBeforeIt) {
  for (const size_t workers : {0, 1}) {
    auto loader = make_data_loader(EchoDataset({}), BadSampler(),
                                   DataLoaderOptions(2).workers(workers).max_jobs(1));
    size_t batches = 0;
    EXPECT_THROW(
        {
          for (auto& batch : *loader) batches += batch.size() / 2;
        },
        std::runtime_error);
    EXPECT_EQ(batches, 3u);
  }
}

// A worker's own work must not take the threads that the training uses.
class ParallelDataset : public datasets::BatchDataset<ParallelDataset, int> {
 public:
  int get_batch(ArrayRef<size_t>) override {
    std::atomic<int> parts{0};
    parallel_for(0, 1000, 1, [&](int64_t, int64_t) { ++parts; });
    return parts;
  }
  std::optional<size_t> size() const override { return 50; }
};

TEST(DataLoaderThreads, WorkersRunParallelRegionsInline) {
  auto loader = make_data_loader<samplers::SequentialSampler>(ParallelDataset(),
                                                              DataLoaderOptions(1).workers(2));
  for (const int parts : *loader) {
    EXPECT_EQ(parts, 1);
    std::atomic<int64_t> sum{0};
    parallel_for(0, 1000, 1, [&](int64_t first, int64_t last) { sum += last - first; });
    EXPECT_EQ(sum, 1000);
  }
}

TEST(DataLoaderThreads, BatchesOfTensorsOutliveTheLoaderAndItsThreads) {
  std::vector<Example<>> kept;
  {
    const Tensor data = arange(3000, kFloat).view({300, 10});
    auto loader =
        make_data_loader(datasets::PairDataset(data, arange(300, kLong)).map(transforms::Stack<>()),
                         samplers::SequentialSampler(300), DataLoaderOptions(32).workers(2));
    for (auto& batch : *loader) kept.push_back(batch);
  }
  ASSERT_EQ(kept.size(), 10u);
  for (size_t i = 0; i < kept.size(); ++i) {
    const int64_t first = static_cast<int64_t>(i) * 32;
    EXPECT_EQ(kept[i].data.data_ptr<float>()[0], static_cast<float>(first * 10));
    EXPECT_EQ(kept[i].target.data_ptr<int64_t>()[0], first);
  }
  EXPECT_EQ(kept.back().data.size(0), 300 - 9 * 32);
}

}  // namespace
}  // namespace taper::data
