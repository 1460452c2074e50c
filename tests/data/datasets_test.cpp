#include "taper/data/datasets.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <set>
#include <string>
#include <vector>

#include "taper/base/error.h"
#include "taper/data/data.h"
#include "taper/data/gather.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/random.h"
#include "taper/ops/view.h"
#include "tests/support/same_bits.h"
#include "tests/support/temp_folder.h"

namespace taper::data {
namespace {

using datasets::MNIST;
using datasets::PairDataset;
using datasets::TensorDataset;
using taper::testing::message_of;
using taper::testing::same_bits;
using taper::testing::spill;
using taper::testing::TempFolder;

TEST(GatherRows, EqualsStackingRows) {
  const Tensor base = arange(5 * 6 * 7, kInt).view({5, 6, 7});
  const std::vector<Tensor> sources = {base,
                                       base.to(kByte),
                                       base.to(kDouble),
                                       base.transpose(0, 2),
                                       base.transpose(1, 2),
                                       base.slice(0, 0, 5, 2),
                                       base.select(2, 3),
                                       base.select(2, 3).select(1, 0),
                                       base.select(1, 0).select(1, 0).unsqueeze(1).expand({5, 4})};
  const std::vector<size_t> indices = {2, 0, 0, 1};
  for (const Tensor& source : sources) {
    std::vector<Tensor> rows;
    for (const size_t index : indices)
      rows.push_back(source.select(0, static_cast<int64_t>(index)));
    EXPECT_TRUE(same_bits(gather_rows(source, indices), stack(rows))) << str(source.sizes());
  }
}

TEST(GatherRows, EdgesAndErrors) {
  const Tensor source = arange(6, kFloat).view({3, 2});
  EXPECT_EQ(gather_rows(source, {}).sizes(), IntArrayRef({0, 2}));
  EXPECT_EQ(gather_rows(source.slice(1, 0, 0), {1, 2}).sizes(), IntArrayRef({2, 0}));
  const std::vector<size_t> outside = {0, 3};
  const std::string text = message_of<IndexError>([&] { gather_rows(source, outside); });
  EXPECT_EQ(text, "gather_rows: index 3 is out of bounds for dimension 0 with size 3");
  EXPECT_THROW(gather_rows(source.select(0, 0).select(0, 0), {}), ShapeError);
}

TEST(GatherRows, CopiesLargeBatchesOnAllThreads) {
  const Tensor source = arange(2000 * 784, kFloat).view({2000, 784});
  std::vector<size_t> indices;
  for (size_t i = 0; i < 1500; ++i) indices.push_back(i * 7919 % 2000);
  const Tensor batch = gather_rows(source, indices);
  const float* values = batch.data_ptr<float>();
  for (size_t i = 0; i < indices.size(); ++i) {
    ASSERT_EQ(values[i * 784 + 5], static_cast<float>(indices[i] * 784 + 5));
  }
}

TEST(Datasets, TensorDatasetGivesRows) {
  TensorDataset dataset(arange(6, kFloat).view({3, 2}));
  EXPECT_EQ(dataset.size(), 3u);
  EXPECT_TRUE(same_bits(dataset.get(1).data, arange(2, 4, kFloat)));
  const std::vector<size_t> indices = {2, 0};
  const std::vector<TensorExample> batch = dataset.get_batch(indices);
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_TRUE(same_bits(batch[0].data, arange(4, 6, kFloat)));
  TensorDataset stacked(std::vector<Tensor>{arange(2, kFloat), arange(2, kFloat)});
  EXPECT_EQ(stacked.tensor.sizes(), IntArrayRef({2, 2}));
  EXPECT_THROW(dataset.get(3), IndexError);
  EXPECT_THROW(PairDataset(arange(3, kFloat), arange(2, kFloat)), ShapeError);
}

// The one-pass way through MapDataset gives what the way through samples gives.
TEST(Datasets, GatheredBatchesEqualStackedSamples) {
  const Tensor images = arange(10 * 3 * 4 * 5, kFloat).view({10, 3, 4, 5});
  const PairDataset pairs(images, arange(10, kLong));
  const transforms::Normalize<> normalize({0.5, 1.0, 2.0}, {0.25, 0.5, 3.0});
  const std::vector<size_t> indices = {7, 3, 3, 9};
  auto gathered = PairDataset(pairs).map(normalize).map(transforms::Stack<>());
  transforms::Normalize<> by_sample = normalize;
  transforms::Stack<> stacking;
  PairDataset copy = pairs;
  const Example<> expected = stacking.apply_batch(by_sample.apply_batch(copy.get_batch(indices)));
  const Example<> got = gathered.get_batch(indices);
  EXPECT_TRUE(same_bits(got.data, expected.data));
  EXPECT_TRUE(same_bits(got.target, expected.target));
  // Samples of fewer dimensions grow some: only the long way gives that.
  auto flat = PairDataset(images.view({10, 60}), arange(10, kLong))
                  .map(transforms::Normalize<>({1.0}, {2.0}))
                  .map(transforms::Stack<>());
  EXPECT_EQ(flat.get_batch(indices).data.sizes(), IntArrayRef({4, 1, 1, 60}));
}

// A transform of the user's, derived from one that works on whole batches.
struct Doubled : transforms::Normalize<> {
  Doubled() : Normalize({0.0}, {1.0}) {}
  Tensor operator()(Tensor input) override { return input.add(input); }
};

TEST(Datasets, ADerivedTransformIsNotBypassed) {
  const Tensor images = arange(8, kFloat).view({2, 1, 2, 2});
  auto dataset = PairDataset(images, arange(2, kLong)).map(Doubled()).map(transforms::Stack<>());
  const std::vector<size_t> indices = {0, 1};
  EXPECT_TRUE(same_bits(dataset.get_batch(indices).data, images.add(images)));
}

TEST(Datasets, LambdasApply) {
  auto dataset =
      TensorDataset(arange(6, kFloat).view({3, 2}))
          .map(transforms::TensorLambda<example::NoTarget>([](Tensor t) { return t.add(t); }))
          .map(transforms::Stack<TensorExample>());
  const std::vector<size_t> indices = {1};
  EXPECT_EQ(dataset.get_batch(indices).data.data_ptr<float>()[0], 4.0f);
  auto counted = TensorDataset(arange(6, kFloat))
                     .map(transforms::BatchLambda<std::vector<TensorExample>, size_t>(
                         [](std::vector<TensorExample> batch) { return batch.size(); }));
  EXPECT_EQ(counted.get_batch(indices), 1u);
  EXPECT_EQ(counted.size(), 6u);
}

TEST(Samplers, RandomSamplerFollowsTheSeed) {
  auto order = [](samplers::RandomSampler& sampler) {
    std::vector<size_t> all;
    while (auto batch = sampler.next(7)) all.insert(all.end(), batch->begin(), batch->end());
    return all;
  };
  manual_seed(3);
  samplers::RandomSampler a(100);
  const std::vector<size_t> first = order(a);
  a.reset();
  const std::vector<size_t> second = order(a);
  EXPECT_EQ(std::set<size_t>(first.begin(), first.end()).size(), 100u);
  EXPECT_NE(first, second);
  manual_seed(3);
  samplers::RandomSampler b(100);
  EXPECT_EQ(order(b), first);
  b.reset(5);
  EXPECT_EQ(order(b).size(), 5u);
  samplers::SequentialSampler c(3);
  EXPECT_EQ(*c.next(2), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(c.index(), 2u);
  EXPECT_EQ(*c.next(2), (std::vector<size_t>{2}));
  EXPECT_FALSE(c.next(2).has_value());
}

std::string idx(std::initializer_list<uint32_t> sizes, const std::string& payload) {
  std::string text = {0, 0, 8, static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift);
  }
  return text + payload;
}

void spill_gzip(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
            static_cast<int>(text.size()));
  gzclose(file);
}

TEST(Mnist, ReadsPlainAndCompressedFiles) {
  TempFolder folder;
  spill(folder / "train-images-idx3-ubyte",
        idx({2, 2, 3}, std::string("\0\1\2\3\4\5\6\7\10\11\12\377", 12)));
  spill_gzip(folder / "train-labels-idx1-ubyte.gz", idx({2}, "\7\3"));
  MNIST dataset(folder.path().string());
  EXPECT_TRUE(dataset.is_train());
  EXPECT_EQ(dataset.size(), 2u);
  EXPECT_EQ(dataset.images().sizes(), IntArrayRef({2, 1, 2, 3}));
  EXPECT_EQ(dataset.images().data_ptr<float>()[1], 1.0f / 255.0f);
  EXPECT_EQ(dataset.images().data_ptr<float>()[11], 1.0f);
  EXPECT_EQ(dataset.get(1).data.sizes(), IntArrayRef({1, 2, 3}));
  EXPECT_EQ(dataset.get(1).target.item<int64_t>(), 3);
  EXPECT_EQ(dataset.targets().data_ptr<int64_t>()[0], 7);
}

TEST(Mnist, RefusesWrongFiles) {
  TempFolder folder;
  const std::string root = folder.path().string();
  auto text = [&] { return message_of<IoError>([&] { MNIST(root, MNIST::Mode::kTest); }); };
  EXPECT_NE(text().find("t10k-labels-idx1-ubyte.gz'"), std::string::npos) << text();
  spill(folder / "t10k-labels-idx1-ubyte", idx({3}, "abc"));
  EXPECT_NE(text().find("t10k-images-idx3-ubyte.gz'"), std::string::npos) << text();
  spill(folder / "t10k-images-idx3-ubyte", idx({2, 1, 1}, "ab"));
  EXPECT_NE(text().find("has 2 t10k images, but 3 labels"), std::string::npos) << text();
  spill(folder / "t10k-images-idx3-ubyte", idx({3}, "abc"));
  EXPECT_NE(text().find("got Byte [3], expected Byte of 3 dimensions"), std::string::npos);
}

TEST(Mnist, ReadsFashionMnist) {
  const std::string root = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "needs Debian's dataset-fashion-mnist";
  auto dataset = MNIST(root, MNIST::Mode::kTest)
                     .map(transforms::Normalize<>({0.5}, {0.5}))
                     .map(transforms::Stack<>());
  auto loader = make_data_loader<samplers::SequentialSampler>(
      std::move(dataset), DataLoaderOptions().batch_size(1000).workers(1));
  int64_t images = 0;
  int64_t counts[10] = {};
  for (auto& batch : *loader) {
    images += batch.data.size(0);
    const int64_t* labels = batch.target.data_ptr<int64_t>();
    for (int64_t i = 0; i < batch.target.numel(); ++i) ++counts[labels[i]];
  }
  EXPECT_EQ(images, 10000);
  for (const int64_t count : counts) EXPECT_EQ(count, 1000);
}

}  // namespace
}  // namespace taper::data
