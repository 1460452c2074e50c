#include "taper/data/combined.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "taper/base/error.h"
#include "taper/data/data.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"

namespace taper::data {
namespace {

using datasets::ConcatDataset;
using datasets::PairDataset;
using datasets::StackDataset;
using datasets::Subset;
using datasets::TensorDataset;

TensorDataset numbers(int64_t first, int64_t last) {
  return TensorDataset(arange(first, last, TensorOptions(kFloat)));
}

template <class D>
std::vector<float> values(D& dataset, const std::vector<size_t>& request) {
  std::vector<float> found;
  for (const TensorExample& sample : dataset.get_batch(request)) {
    found.push_back(sample.data.template item<float>());
  }
  return found;
}

TEST(Combined, ConcatKeepsTheOrderOfTheRequest) {
  auto negated = numbers(0, 3).map(
      transforms::TensorLambda<example::NoTarget>([](Tensor t) { return t.neg(); }));
  ConcatDataset all(numbers(10, 14), numbers(0, 0), negated);
  EXPECT_EQ(all.size(), 7u);
  EXPECT_EQ(all.cumulative_sizes(), (std::vector<size_t>{4, 4, 7}));
  EXPECT_EQ(values(all, {6, 0, 3, 4, 0}), (std::vector<float>{-2, 10, 13, -0.0f, 10}));
  all.add(numbers(20, 21));
  EXPECT_EQ(values(all, {7}), (std::vector<float>{20}));
  EXPECT_ERROR(IndexError, values(all, {0, 8}),
               "index 8 is out of bounds for a dataset with size 8");
  ConcatDataset<TensorExample> none;
  EXPECT_EQ(none.size(), 0u);
  EXPECT_ERROR(IndexError, values(none, {0}), "with size 0");
}

TEST(Combined, SubsetTranslates) {
  Subset subset(numbers(10, 20), {7, 2, 2});
  EXPECT_EQ(subset.size(), 3u);
  EXPECT_EQ(values(subset, {2, 0}), (std::vector<float>{12, 17}));
  EXPECT_ERROR(IndexError, values(subset, {3}), "Subset: index 3 is out of bounds");
  auto stacked = Subset(PairDataset(arange(10, kFloat), arange(10, kLong)), {7, 2, 2})
                     .map(transforms::Stack<>());
  const std::vector<size_t> request = {0, 1};
  EXPECT_EQ(stacked.get_batch(request).target.select(0, 1).item<int64_t>(), 2);
}

TEST(Combined, StackPutsTwoSideBySide) {
  StackDataset both(numbers(0, 4), numbers(10, 14));
  const std::vector<size_t> request = {3, 1};
  const auto batch = both.get_batch(request);
  EXPECT_EQ(batch[0].data.data.item<float>(), 3);
  EXPECT_EQ(batch[1].target.data.item<float>(), 11);
  EXPECT_ERROR(ShapeError, StackDataset(numbers(0, 4), numbers(0, 3)), "got 4 and 3 samples");
}

TEST(Combined, SharedDatasetsAreOne) {
  auto shared = datasets::make_shared_dataset<TensorDataset>(arange(4, kFloat));
  auto copy = shared;
  EXPECT_EQ(&*copy, &*shared);
  EXPECT_EQ(copy->size(), 4u);
  auto loader = make_data_loader<samplers::SequentialSampler>(
      shared.map(transforms::Stack<TensorExample>()), DataLoaderOptions(3).workers(2));
  int64_t samples = 0;
  for (auto& batch : *loader) samples += batch.data.numel();
  EXPECT_EQ(samples, 4);
}

TEST(Combined, RandomSplitDealsOutAll) {
  const auto parts = datasets::random_split(numbers(0, 10), {0.5, 0.25, 0.25});
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].size(), 6u) << "what is left goes to the first ones";
  std::vector<size_t> all;
  for (const auto& part : parts)
    all.insert(all.end(), part.indices().begin(), part.indices().end());
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(all[i], i);
  const size_t rest = 7;
  EXPECT_EQ(datasets::random_split(numbers(0, 10), {3, rest})[1].size(), 7u);
  EXPECT_EQ(datasets::random_split(numbers(0, 1), {1})[0].size(), 1u);
  EXPECT_ERROR(ConfigError, datasets::random_split(numbers(0, 10), {3, 6}),
               "Sum of input lengths does not equal the length of the input dataset");
  EXPECT_ERROR(ConfigError, datasets::random_split(numbers(0, 10), {1.5, -0.5}),
               "Fraction at index 0 is not between 0 and 1");
  EXPECT_ERROR(ConfigError, datasets::random_split(numbers(0, 10), {3.5, 6.5}), "whole numbers");
  EXPECT_ERROR(ConfigError, datasets::random_split(numbers(0, 10), {-1, 11}), "a length of -1");
  EXPECT_ERROR(ConfigError, datasets::random_split(numbers(0, 10), {0.0 / 0.0}), "at index 0");
  EXPECT_ERROR(ConfigError, datasets::random_split(numbers(0, 10), {}), "got 0, expected 10");
}

// A transform's numbers belong to the sample, the step and the part.
class Drawn : public transforms::TensorTransform<example::NoTarget> {
 public:
  Tensor operator()(Tensor input) override {
    return full({}, static_cast<double>(sample_random().next()), kDouble).add(input.mul(0));
  }
};

TEST(Combined, DrawsDependOnSampleStepAndPart) {
  auto draws = [](auto dataset, size_t batch_size, size_t workers) {
    auto loader = make_data_loader<samplers::SequentialSampler>(
        dataset, DataLoaderOptions(batch_size).workers(workers).generator(Generator::create(1)));
    std::vector<double> found;
    for (auto& batch : *loader) {
      for (const TensorExample& sample : batch) found.push_back(sample.data.item<double>());
    }
    return found;
  };
  const auto once = numbers(0, 6).map(Drawn());
  const std::vector<double> first = draws(once, 4, 0);
  EXPECT_EQ(draws(once, 1, 3), first);
  EXPECT_EQ(draws(once, 6, 1), first);
  auto twice = once;
  const std::vector<double> second = draws(twice.map(Drawn()), 2, 0);
  const std::vector<double> joined = draws(ConcatDataset(once, once), 5, 2);
  std::vector<double> all = first;
  all.insert(all.end(), second.begin(), second.end());
  all.insert(all.end(), joined.begin(), joined.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << "all are different";
}

TEST(SampleRandom, IsTheStreamOfItsKey) {
  SampleRandom a(1, 2, 3), b(1, 2, 3);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(), b.next());
  std::vector<uint32_t> firsts = {SampleRandom(1, 2, 3).next(), SampleRandom(2, 2, 3).next(),
                                  SampleRandom(1, 3, 3).next(), SampleRandom(1, 2, 4).next(),
                                  SampleRandom(1, 2, 3, 1).next()};
  std::sort(firsts.begin(), firsts.end());
  EXPECT_EQ(std::adjacent_find(firsts.begin(), firsts.end()), firsts.end());
  double sum = 0, squares = 0;
  for (int i = 0; i < 10000; ++i) {
    const double u = a.uniform(), n = a.normal();
    EXPECT_TRUE(u >= 0 && u < 1);
    sum += u + n;
    squares += n * n;
    EXPECT_LT(a.below(3), 3);
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.05);
  EXPECT_NEAR(squares / 10000, 1, 0.05);
  std::vector<int64_t> order = a.permutation(5);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3, 4}));
  EXPECT_ERROR(ConfigError, a.below(0), "expected a positive one");
  manual_seed(3);
  const uint32_t outside = sample_random().next();
  EXPECT_NE(sample_random().next(), outside);
  manual_seed(3);
  EXPECT_EQ(sample_random().next(), outside);
}

}  // namespace
}  // namespace taper::data
