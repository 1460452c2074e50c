#include "taper/data/samplers.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "taper/base/error.h"
#include "taper/data/data.h"
#include "taper/io/archive.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"
#include "tests/support/paths.h"

namespace taper::data {
namespace {

using samplers::DistributedRandomSampler;
using samplers::DistributedSequentialSampler;
using samplers::RandomSampler;
using samplers::SequentialSampler;
using samplers::SubsetRandomSampler;
using samplers::WeightedRandomSampler;
using Indices = std::vector<size_t>;

// What Python drew, by name; see tools/golden/data_golden.py.
std::string golden(const std::string& name) {
  static const std::map<std::string, std::string> lines = [] {
    std::map<std::string, std::string> all;
    std::ifstream in(taper::testing::test_path("data/golden/orders.txt"));
    for (std::string line; std::getline(in, line);) {
      const size_t space = line.find(' ');
      all[line.substr(0, space)] = line.substr(space + 1);
    }
    return all;
  }();
  const auto found = lines.find(name);
  return found == lines.end() ? "no golden " + name : found->second;
}

std::string text_of(ArrayRef<size_t> indices) {
  std::string text;
  for (const size_t index : indices) text += (text.empty() ? "" : " ") + std::to_string(index);
  return text;
}

template <class S>
Indices rest_of(S& sampler, size_t batch_size = 7) {
  Indices all;
  while (auto batch = sampler.next(batch_size)) all.insert(all.end(), batch->begin(), batch->end());
  return all;
}

// Two epochs of a sampler.
std::string two_epochs(samplers::Sampler<>& sampler) {
  const std::string first = text_of(rest_of(sampler));
  sampler.reset();
  return first + " " + text_of(rest_of(sampler));
}

TEST(Samplers, DrawPythonsOrders) {
  manual_seed(5);
  RandomSampler random(20);
  EXPECT_EQ(two_epochs(random), golden("random"));
  RandomSampler own(20, false, std::nullopt, Generator::create(6));
  EXPECT_EQ(two_epochs(own), golden("random_generator"));
  RandomSampler replacement(7, true, 70, Generator::create(7));
  EXPECT_EQ(two_epochs(replacement), golden("random_replacement"));
  RandomSampler more(7, false, 17, Generator::create(8));
  EXPECT_EQ(two_epochs(more), golden("random_more"));
  manual_seed(9);
  SubsetRandomSampler subset({3, 1, 4, 15, 9, 2, 6});
  EXPECT_EQ(two_epochs(subset), golden("subset"));
  manual_seed(10);
  const std::vector<double> weights = {0.1, 0.9, 0.4, 0.7, 3.0, 0.6};
  WeightedRandomSampler weighted(weights, 12);
  EXPECT_EQ(two_epochs(weighted), golden("weighted"));
  WeightedRandomSampler without(weights, 5, false, Generator::create(11));
  EXPECT_EQ(two_epochs(without), golden("weighted_without"));
}

TEST(Samplers, DealOutOverProcessesAsPython) {
  for (size_t rank = 0; rank < 3; ++rank) {
    for (const bool drop_last : {false, true}) {
      DistributedRandomSampler sampler(20, 3, rank, !drop_last, 12);
      sampler.set_epoch(2);
      sampler.reset();
      EXPECT_EQ(text_of(rest_of(sampler)),
                golden(str("distributed_", rank, "_", drop_last ? 1 : 0)));
    }
  }
  DistributedSequentialSampler few(5, 8, 6);
  EXPECT_EQ(text_of(rest_of(few)), golden("distributed_sequential"));
  DistributedSequentialSampler none(5, 8, 6, false);
  EXPECT_EQ(rest_of(none), Indices());
  DistributedSequentialSampler empty(0, 2, 1);
  EXPECT_EQ(rest_of(empty), Indices());
  EXPECT_ERROR(ConfigError, DistributedRandomSampler(5, 2, 2), "Invalid rank 2");
}

// Gives the indices it is asked for.
class EchoDataset : public datasets::BatchDataset<EchoDataset, Indices> {
 public:
  Indices get_batch(ArrayRef<size_t> request) override { return request.vec(); }
  std::optional<size_t> size() const override { return 20; }
};

template <class Loader>
std::string batches_of(Loader& loader) {
  std::string text;
  for (const Indices& batch : loader) text += (text.empty() ? "" : " | ") + text_of(batch);
  return text;
}

TEST(Samplers, ALoaderGivesPythonsBatches) {
  manual_seed(13);
  auto loader = make_data_loader(EchoDataset(), DataLoaderOptions(6));
  const std::string first = batches_of(*loader);
  EXPECT_EQ(first + " | " + batches_of(*loader), golden("loader"));
  auto own = make_data_loader(
      EchoDataset(), DataLoaderOptions(6).drop_last(true).generator(Generator::create(14)));
  const std::string own_first = batches_of(*own);
  EXPECT_EQ(own_first + " | " + batches_of(*own), golden("loader_generator"));
}

TEST(Samplers, BatchSamplerKeepsItsSize) {
  samplers::BatchSampler keep(SequentialSampler(10), 3, false);
  EXPECT_EQ(*keep.next(100), (Indices{0, 1, 2}));
  keep.skip(2, 100);
  EXPECT_EQ(*keep.next(1), (Indices{9}));
  EXPECT_FALSE(keep.next(1).has_value());
  samplers::BatchSampler drop(SequentialSampler(10), 3, true);
  EXPECT_EQ(rest_of(drop).size(), 9u);
  auto loader =
      make_data_loader(EchoDataset(), samplers::BatchSampler(SequentialSampler(20), 8, true));
  EXPECT_EQ(batches_of(*loader), "0 1 2 3 4 5 6 7 | 8 9 10 11 12 13 14 15");
  EXPECT_ERROR(ConfigError, samplers::BatchSampler(SequentialSampler(10), 0, false),
               "batch_size should be a positive integer value, but got batch_size=0");
}

TEST(Samplers, StreamSamplerCountsSamples) {
  samplers::StreamSampler sampler(10);
  EXPECT_EQ(sampler.next(4)->size(), 4u);
  sampler.skip(1, 4);
  EXPECT_EQ(size_t{*sampler.next(4)}, 2u);
  EXPECT_FALSE(sampler.next(4).has_value());
  sampler.reset(3);
  EXPECT_EQ(sampler.next(4)->size(), 3u);
}

TEST(Samplers, RefuseWhatCannotWork) {
  EXPECT_ERROR(ConfigError, RandomSampler(-1), "size must not be negative, got -1");
  EXPECT_ERROR(ConfigError, RandomSampler(4, false, 0), "got num_samples=0");
  EXPECT_ERROR(ConfigError, RandomSampler(0, true, 3), "got num_samples=3 of 0");
  EXPECT_ERROR(ConfigError, WeightedRandomSampler({1.0}, 0), "got num_samples=0");
  WeightedRandomSampler negative({1.0, -1.0}, 2);
  EXPECT_THROW(negative.next(1), Error);
  WeightedRandomSampler too_many({1.0, 1.0}, 3, false);
  EXPECT_THROW(too_many.next(1), Error);
  SubsetRandomSampler subset({1, 2});
  EXPECT_ERROR(ConfigError, subset.reset(3), "the state is of 3 samples, expected 2");
  RandomSampler empty(0);
  EXPECT_FALSE(empty.next(3).has_value());
}

// The state in the middle of an epoch brings back the rest of it.
template <class S>
void check_state(S sampler, S other) {
  sampler.reset();
  sampler.next(4);
  serialize::OutputArchive saved;
  sampler.save(saved);
  const Indices rest = rest_of(sampler);
  sampler.reset();
  const Indices next_epoch = rest_of(sampler);
  serialize::InputArchive archive(saved.value());
  other.load(archive);
  EXPECT_EQ(other.index(), 4u);
  EXPECT_EQ(rest_of(other), rest);
  other.reset();
  EXPECT_EQ(rest_of(other), next_epoch);
}

TEST(Samplers, SaveAndLoadTheirPlace) {
  manual_seed(1);
  check_state(SequentialSampler(20), SequentialSampler(20));
  check_state(RandomSampler(20, false, 30, Generator::create(1)),
              RandomSampler(20, false, 30, Generator::create(2)));
  check_state(RandomSampler(20, true, 11, Generator::create(1)),
              RandomSampler(20, true, 11, Generator::create(2)));
  check_state(SubsetRandomSampler({5, 4, 3, 2, 1, 0}, Generator::create(1)),
              SubsetRandomSampler({5, 4, 3, 2, 1, 0}, Generator::create(2)));
  check_state(WeightedRandomSampler({1.0, 2.0, 3.0}, 9, true, Generator::create(1)),
              WeightedRandomSampler({1.0, 2.0, 3.0}, 9, true, Generator::create(2)));
  DistributedRandomSampler fifth(20, 2, 1);
  fifth.set_epoch(5);
  check_state(fifth, DistributedRandomSampler(20, 2, 1));
  check_state(DistributedSequentialSampler(20, 2, 1), DistributedSequentialSampler(20, 2, 1));
}

TEST(Samplers, AStateThatDoesNotFitChangesNothing) {
  RandomSampler sampler(20, false, std::nullopt, Generator::create(3));
  sampler.next(5);
  serialize::OutputArchive before;
  sampler.save(before);
  auto load = [&](std::initializer_list<std::pair<const char*, IValue>> changes) {
    IValue state = before.value();
    for (const auto& [key, value] : changes) state.insert(key, value);
    serialize::InputArchive archive(std::move(state));
    sampler.load(archive);
  };
  EXPECT_ERROR(ConfigError, load({{"size", 19}}), "the state is of 19 samples, expected 20");
  EXPECT_ERROR(ConfigError, load({{"index", 21}}), "the state's index is 21, expected 0 to 20");
  EXPECT_ERROR(ConfigError, load({{"index", -1}}), "the state's index is -1");
  EXPECT_ERROR(ConfigError, load({{"index", "5"}}), "the state has no integer 'index'");
  EXPECT_THROW(load({{"generator", IValue(arange(3, kByte))}}), Error);
  serialize::OutputArchive after;
  sampler.save(after);
  EXPECT_EQ(sampler.index(), 5u);
  EXPECT_EQ(pickle_save(after.value()), pickle_save(before.value()));
}

}  // namespace
}  // namespace taper::data
