// A program as it is written against LibTorch, but for the namespace's name.
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "taper/taper.h"

namespace torch = taper;

namespace {

class Squares : public torch::data::datasets::Dataset<Squares> {
 public:
  explicit Squares(size_t size) : size_(size) {}
  torch::data::Example<> get(size_t index) override {
    const double x = static_cast<double>(index);
    return {torch::full({2}, x), torch::tensor(x * x)};
  }
  std::optional<size_t> size() const override { return size_; }

 private:
  size_t size_;
};

class Evens : public torch::data::samplers::Sampler<> {
 public:
  explicit Evens(size_t size) : size_(size) {}
  void reset(std::optional<size_t> new_size) override {
    size_ = new_size.value_or(size_);
    next_ = 0;
  }
  std::optional<std::vector<size_t>> next(size_t batch_size) override {
    std::vector<size_t> batch;
    for (; batch.size() < batch_size && next_ < size_; next_ += 2) batch.push_back(next_);
    if (batch.empty()) return std::nullopt;
    return batch;
  }
  void save(torch::serialize::OutputArchive& archive) const override {
    archive.write("next", torch::tensor(static_cast<int64_t>(next_)));
  }
  void load(torch::serialize::InputArchive& archive) override {
    torch::Tensor next;
    archive.read("next", next);
    next_ = static_cast<size_t>(next.item<int64_t>());
  }

 private:
  size_t size_, next_ = 0;
};

TEST(LibTorchProgram, DatasetsSamplersAndLoaders) {
  auto dataset = Squares(10).map(torch::data::transforms::Stack<>());
  const size_t size = dataset.size().value();
  auto loader = torch::data::make_data_loader<torch::data::samplers::SequentialSampler>(
      std::move(dataset), /*batch_size=*/4);
  size_t samples = 0;
  double sum = 0;
  for (torch::data::Example<>& batch : *loader) {
    samples += static_cast<size_t>(batch.data.size(0));
    sum += batch.target.sum().item<double>();
  }
  EXPECT_EQ(samples, size);
  EXPECT_EQ(sum, 285);

  auto evens = torch::data::make_data_loader(
      Squares(10).map(torch::data::transforms::Stack<>()), Evens(10),
      torch::data::DataLoaderOptions().batch_size(2).workers(1).max_jobs(3));
  for (auto it = evens->begin(); it != evens->end(); ++it) sum -= it->target.sum().item<double>();
  EXPECT_EQ(sum, 285 - 120);

  auto shared = torch::data::datasets::make_shared_dataset<Squares>(6);
  auto counted = torch::data::make_data_loader(
      shared.map(torch::data::transforms::Collate<size_t, std::vector<torch::data::Example<>>>(
          [](std::vector<torch::data::Example<>> batch) { return batch.size(); })),
      torch::data::samplers::DistributedRandomSampler(6, /*num_replicas=*/2, /*rank=*/1),
      torch::data::DataLoaderOptions(2));
  std::vector<size_t> sizes;
  for (auto& count : *counted) sizes.push_back(count);
  EXPECT_EQ(sizes, (std::vector<size_t>{2, 1}));
}

}  // namespace
