// The place of a loader: saved in one, taken up in another with other workers.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "taper/base/error.h"
#include "taper/data/data.h"
#include "taper/io/archive.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"

namespace taper::data {
namespace {

using Numbers = std::vector<uint64_t>;

// Gives the index and a random number of the sample.
class DrawingDataset : public datasets::BatchDataset<DrawingDataset, Numbers> {
 public:
  explicit DrawingDataset(size_t size) : size_(size) {}
  Numbers get_batch(ArrayRef<size_t> request) override {
    Numbers batch;
    const detail::StageScope stage(request, 0);
    for (size_t i = 0; i < request.size(); ++i) {
      detail::start_sample(i);
      batch.push_back(request[i]);
      batch.push_back(sample_random().next());
    }
    return batch;
  }
  std::optional<size_t> size() const override { return size_; }

 private:
  size_t size_;
};

template <class Loader>
std::vector<Numbers> rest_of(Loader& loader) {
  std::vector<Numbers> all;
  for (auto& batch : loader) all.push_back(batch);
  return all;
}

auto make_loader(size_t workers, size_t seed, size_t batch_size = 10) {
  return make_data_loader(
      DrawingDataset(103),
      DataLoaderOptions(batch_size).workers(workers).generator(Generator::create(seed)));
}

TEST(ResumeThreads, GivesTheSameBatchesFromAnyPlaceWithAnyWorkers) {
  auto whole = make_loader(0, 1);
  const std::vector<std::vector<Numbers>> epochs = {rest_of(*whole), rest_of(*whole),
                                                    rest_of(*whole)};
  EXPECT_NE(epochs[0], epochs[1]);
  for (const size_t workers : {0, 1, 3}) {
    for (const size_t place : {1, 6, 11}) {
      auto loader = make_loader(workers, 1);
      EXPECT_EQ(rest_of(*loader), epochs[0]);
      auto it = loader->begin();
      for (size_t i = 0; i + 1 < place; ++i) ++it;
      EXPECT_EQ(*it, epochs[1][place - 1]);
      const std::vector<char> file = pickle_save(loader->state_dict());

      auto other = make_loader(3 - workers, 2);
      rest_of(*other);
      other->load_state_dict(pickle_load(file));
      EXPECT_EQ(other->epoch(), 1);
      EXPECT_EQ(other->seed(), loader->seed());
      EXPECT_EQ(pickle_save(other->state_dict()), file) << "a state that came is one to give";
      const std::vector<Numbers> expected(epochs[1].begin() + static_cast<std::ptrdiff_t>(place),
                                          epochs[1].end());
      EXPECT_EQ(rest_of(*other), expected) << workers << " workers, batch " << place;
      EXPECT_EQ(rest_of(*other), epochs[2]);
    }
  }
}

TEST(ResumeThreads, TheEndOfAnEpochIsFollowedByTheNext) {
  for (const size_t workers : {0, 2}) {
    auto loader = make_loader(workers, 1);
    const IValue fresh = loader->state_dict();
    rest_of(*loader);
    const IValue state = loader->state_dict();
    const std::vector<Numbers> next = rest_of(*loader);
    auto other = make_loader(2 - workers, 2);
    other->load_state_dict(state);
    const std::vector<char> file = pickle_save(state);
    EXPECT_EQ(pickle_save(other->state_dict()), file);
    EXPECT_EQ(rest_of(*other), next);
    EXPECT_EQ(other->epoch(), 1);
    other->load_state_dict(fresh);
    EXPECT_EQ(other->epoch(), -1);
    EXPECT_EQ(rest_of(*other), rest_of(*make_loader(0, 1)));
  }
}

TEST(ResumeThreads, AnotherBatchSizeGoesOnWithTheNextSample) {
  auto loader = make_loader(2, 1);
  auto it = loader->begin();
  Numbers all = *it;
  ++it;
  all.insert(all.end(), it->begin(), it->end());
  const IValue state = loader->state_dict();
  auto other = make_loader(1, 1, 7);
  other->load_state_dict(state);
  for (const Numbers& batch : *other) all.insert(all.end(), batch.begin(), batch.end());
  std::vector<Numbers> batches = rest_of(*make_loader(0, 1));
  Numbers expected;
  for (const Numbers& batch : batches) expected.insert(expected.end(), batch.begin(), batch.end());
  EXPECT_EQ(all, expected);
}

TEST(ResumeThreads, WithoutAGeneratorTheRunningEpochGoesOn) {
  manual_seed(4);
  auto loader = make_data_loader(DrawingDataset(30), DataLoaderOptions(4).workers(2));
  auto it = loader->begin();
  EXPECT_EQ(it->size(), 8u);
  const IValue state = loader->state_dict();
  const Tensor random = get_rng_state();
  std::vector<Numbers> expected;
  for (++it; it != loader->end(); ++it) expected.push_back(*it);
  const std::vector<Numbers> next = rest_of(*loader);
  manual_seed(99);
  set_rng_state(random);
  auto other = make_data_loader(DrawingDataset(30), DataLoaderOptions(4).workers(1));
  other->load_state_dict(state);
  EXPECT_EQ(rest_of(*other), expected);
  EXPECT_EQ(rest_of(*other), next);
}

TEST(ResumeThreads, RefusesStatesThatDoNotFit) {
  auto loader = make_loader(1, 1);
  auto it = loader->begin();
  const Numbers first = *it;
  const IValue state = loader->state_dict();
  auto load = [&](const char* key, IValue value) {
    IValue changed = state;
    changed.insert(key, std::move(value));
    loader->load_state_dict(changed);
  };
  EXPECT_ERROR(ConfigError, loader->load_state_dict(IValue(3)), "expected a dict but got int");
  EXPECT_ERROR(ConfigError, load("epoch", IValue()), "no integer 'epoch'");
  EXPECT_ERROR(ConfigError, load("epoch", -2), "the state's epoch is -2");
  EXPECT_ERROR(ConfigError, load("batches", -1), "the state's batches is -1");
  EXPECT_ERROR(ConfigError, load("batches", INT64_MAX), "its batches are");
  EXPECT_ERROR(ConfigError, load("batch_size", 0), "of 0 samples");
  EXPECT_ERROR(ConfigError, load("ended", IValue()), "lacks 'ended'");
  EXPECT_ERROR(ConfigError, load("sampler", 1), "of the wrong type");
  EXPECT_ERROR(ConfigError, load("sampler", IValue::dict()), "no integer 'size'");
  EXPECT_THROW(load("generator", arange(5, kByte)), Error);
  ++it;
  EXPECT_EQ(*it, rest_of(*make_loader(0, 1))[1]) << "the epoch goes on as if nothing had been";

  auto any_order =
      make_data_loader(DrawingDataset(30), DataLoaderOptions(4).workers(2).enforce_ordering(false));
  EXPECT_ERROR(ConfigError, any_order->state_dict(), "state_dict needs enforce_ordering");
}

// So many samples that going past them one by one would not end.
class EndlessDataset : public datasets::BatchDataset<EndlessDataset, Numbers> {
 public:
  Numbers get_batch(ArrayRef<size_t> request) override {
    return Numbers(request.begin(), request.end());
  }
  std::optional<size_t> size() const override { return size_t{1} << 45; }
};

TEST(ResumeThreads, TheTimeDoesNotGrowWithThePlace) {
  for (const size_t workers : {0, 2}) {
    auto loader = make_data_loader<samplers::SequentialSampler>(
        EndlessDataset(), DataLoaderOptions(8).workers(workers));
    auto it = loader->begin();
    EXPECT_EQ((*it)[0], 0u);
    IValue state = loader->state_dict();
    const int64_t batches = int64_t{1} << 40;
    state.insert("batches", batches);
    loader->load_state_dict(state);
    EXPECT_EQ((*loader->begin())[0], static_cast<uint64_t>(batches) * 8);
    EXPECT_EQ(loader->state_dict().at("batches").toInt(), batches + 1);
  }
}

// A sampler of the user's, with LibTorch's members.
class EverySecond : public samplers::Sampler<> {
 public:
  void reset(std::optional<size_t>) override { next_ = 0; }
  std::optional<std::vector<size_t>> next(size_t batch_size) override {
    std::vector<size_t> batch;
    for (; batch.size() < batch_size && next_ < 30; next_ += 2) batch.push_back(next_);
    if (batch.empty()) return std::nullopt;
    return batch;
  }
  void save(serialize::OutputArchive& archive) const override {
    archive.write("next", IValue(static_cast<int64_t>(next_)));
  }
  void load(serialize::InputArchive& archive) override {
    IValue value;
    archive.read("next", value);
    next_ = static_cast<size_t>(value.toInt());
  }

 private:
  size_t next_ = 0;
};

class WithoutState : public samplers::Sampler<> {
 public:
  void reset(std::optional<size_t>) override { given_ = 0; }
  std::optional<std::vector<size_t>> next(size_t) override {
    if (given_ == 3) return std::nullopt;
    return std::vector<size_t>{given_++};
  }

 private:
  size_t given_ = 0;
};

TEST(ResumeThreads, TakesUpSamplersOfTheUsers) {
  for (const size_t workers : {0, 2}) {
    const DataLoaderOptions options = DataLoaderOptions(4).workers(workers);
    auto loader = make_data_loader(DrawingDataset(30), EverySecond(), options);
    auto it = loader->begin();
    EXPECT_EQ((*it)[2], 2u);
    const IValue state = loader->state_dict();
    std::vector<Numbers> expected;
    for (++it; it != loader->end(); ++it) expected.push_back(*it);
    EXPECT_EQ(expected.size(), 3u);
    auto other = make_data_loader(DrawingDataset(30), EverySecond(), options);
    other->load_state_dict(state);
    EXPECT_EQ(rest_of(*other), expected);
  }
  auto loader = make_data_loader(DrawingDataset(30), WithoutState(), DataLoaderOptions(1));
  EXPECT_EQ(rest_of(*loader).size(), 3u);
  EXPECT_ERROR(ConfigError, loader->state_dict(), "it overrides no save() and load()");
}

// Counts up to its size.
class Counter : public datasets::IterableDataset<Counter, uint64_t> {
 public:
  Counter(uint64_t first, uint64_t last) : first_(first), last_(last), next_(last) {}
  void reset() override { next_ = first_; }
  std::optional<uint64_t> next() override {
    if (next_ == 13) throw std::runtime_error("13 is bad");
    return next_ < last_ ? std::optional<uint64_t>(next_++) : std::nullopt;
  }

 private:
  uint64_t first_, last_, next_;
};

TEST(StatefulLoaderThreads, IteratesInOrderEveryEpoch) {
  for (const size_t workers : {0, 1, 4}) {
    auto loader =
        make_data_loader(datasets::ChainDataset(Counter(0, 5), Counter(5, 5), Counter(5, 12)),
                         DataLoaderOptions(5).workers(workers));
    for (int epoch = 0; epoch < 3; ++epoch) {
      EXPECT_EQ(rest_of(*loader),
                (std::vector<Numbers>{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}, {10, 11}}));
    }
    auto it = loader->begin();
    EXPECT_EQ((*it)[0], 0u);
    EXPECT_EQ(rest_of(*loader).size(), 3u) << "after an epoch left early";
    auto full =
        make_data_loader(Counter(0, 12), DataLoaderOptions(5).workers(workers).drop_last(true));
    EXPECT_EQ(rest_of(*full).size(), 2u);
  }
}

TEST(StatefulLoaderThreads, TransformsAndErrors) {
  for (const size_t workers : {0, 2}) {
    auto doubled = Counter(0, 6)
                       .map(transforms::Lambda<uint64_t>([](uint64_t n) { return 2 * n; }))
                       .map(transforms::Collate<uint64_t>([](Numbers n) { return n.back(); }));
    auto loader = make_data_loader(doubled, DataLoaderOptions(4).workers(workers));
    std::vector<uint64_t> last;
    for (const uint64_t number : *loader) last.push_back(number);
    EXPECT_EQ(last, (std::vector<uint64_t>{6, 10}));
    auto bad = make_data_loader(Counter(10, 20), DataLoaderOptions(2).workers(workers));
    EXPECT_THROW(rest_of(*bad), std::exception);
    EXPECT_ERROR(ConfigError, make_data_loader(doubled, DataLoaderOptions(4).drop_last(true)),
                 "drop_last of a stateful dataset");
  }
}

TEST(StatefulLoaderThreads, StreamsTakeNumbersOfSamples) {
  struct Stream : datasets::StreamDataset<Stream, Numbers> {
    Numbers get_batch(size_t count) override { return Numbers(count, 7); }
    std::optional<size_t> size() const override { return std::nullopt; }
  };
  for (const size_t workers : {0, 2}) {
    auto loader = make_data_loader(Stream(), samplers::StreamSampler(10),
                                   DataLoaderOptions(4).workers(workers));
    EXPECT_EQ(rest_of(*loader),
              (std::vector<Numbers>{Numbers(4, 7), Numbers(4, 7), Numbers(2, 7)}));
  }
}

// Ranges of numbers in place of indices.
struct Range : samplers::CustomBatchRequest {
  Range(int first, size_t count) : first(first), count(count) {}
  size_t size() const override { return count; }
  int first;
  size_t count;
};

TEST(LoaderThreads, RequestsOfOnesOwnReachTheDataset) {
  struct Ranges : samplers::Sampler<Range> {
    void reset(std::optional<size_t>) override { at = 0; }
    std::optional<Range> next(size_t batch_size) override {
      if (at >= 5) return std::nullopt;
      const size_t count = std::min<size_t>(batch_size, 5 - static_cast<size_t>(at));
      at += static_cast<int>(batch_size);
      return Range(at - static_cast<int>(batch_size), count);
    }
    int at = 0;
  };
  struct Data : datasets::BatchDataset<Data, Numbers, Range> {
    Numbers get_batch(Range range) override {
      Numbers batch;
      for (size_t i = 0; i < range.count; ++i) batch.push_back(range.first + static_cast<int>(i));
      return batch;
    }
    std::optional<size_t> size() const override { return 5; }
  };
  for (const size_t workers : {0, 2}) {
    auto loader = make_data_loader(Data(), Ranges(), DataLoaderOptions(2).workers(workers));
    EXPECT_EQ(rest_of(*loader), (std::vector<Numbers>{{0, 1}, {2, 3}, {4}}));
  }
}

}  // namespace
}  // namespace taper::data
