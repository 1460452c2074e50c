// A dataset of one's own, a transform of one's own, and the loader over both: pictures of discs,
// squares and rings that are drawn when they are asked for, by worker threads.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "taper/taper.h"

using namespace taper;
namespace F = nn::functional;

constexpr const char* kNames[] = {"disc", "square", "ring"};

// All discs, squares and rings of 3 sizes in 6 x 6 places on 16 x 16 pixels. Nothing is kept: get()
// draws. Workers have copies of the dataset, so it may also keep what is not safe to share.
struct Shapes : data::datasets::Dataset<Shapes> {
  static constexpr int64_t kSize = 16;

  data::Example<> get(size_t index) override {
    const auto kind = static_cast<int64_t>(index % 3);
    const int radius = 3 + static_cast<int>(index / 3 % 3);
    const int row = 5 + static_cast<int>(index / 9 % 6), column = 5 + static_cast<int>(index / 54);
    Tensor image = zeros({1, kSize, kSize});
    auto pixels = image.accessor<float, 3>();
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) {
        const double round = std::hypot(y - row, x - column);
        const int square = std::max(std::abs(y - row), std::abs(x - column));
        const bool inside = kind == 0   ? round <= radius
                            : kind == 1 ? square <= radius
                                        : round <= radius && round > radius - 1.5;
        pixels[0][y][x] = inside ? 1.0F : 0.0F;
      }
    }
    return {image, tensor(kind)};
  }
  std::optional<size_t> size() const override { return 324; }
};

// Sets random pixels. The numbers are the sample's own: the same for any number of workers.
struct Speckle : data::transforms::TensorTransform<> {
  Tensor operator()(Tensor image) override {
    data::SampleRandom& random = data::sample_random();
    for (int i = 0; i < 20; ++i) {
      const int64_t y = random.below(Shapes::kSize), x = random.below(Shapes::kSize);
      image[0][y][x].fill_(random.uniform());
    }
    return image;
  }
};

void print(const Tensor& image) {
  for (int64_t y = 0; y < image.size(0); ++y) {
    for (int64_t x = 0; x < image.size(1); ++x) {
      const auto level = static_cast<int>(image[y][x].item<double>() * 3.99);
      std::printf("%c%c", " .+#"[level], " .+#"[level]);
    }
    std::printf("\n");
  }
}

int main() {
  using namespace data::transforms;
  manual_seed(0);
  const auto parts = data::datasets::random_split(Shapes(), {0.8, 0.2});
  auto train_set = data::datasets::map(parts[0], Speckle())
                       .map(RandomHorizontalFlip())
                       .map(Normalize<>(0.3, 0.45))
                       .map(Stack<>());
  auto test_set =
      data::datasets::map(parts[1], Speckle()).map(Normalize<>(0.3, 0.45)).map(Stack<>());
  auto train_loader = data::make_data_loader(std::move(train_set),
                                             data::DataLoaderOptions().batch_size(16).workers(2));
  auto test_loader = data::make_data_loader<data::samplers::SequentialSampler>(
      std::move(test_set), data::DataLoaderOptions().batch_size(16));
  const auto first = *train_loader->begin();
  std::printf("%zu pictures to train on, %zu to test; the first of a batch, a %s:\n",
              *parts[0].size(), *parts[1].size(), kNames[first.target[0].item<int64_t>()]);
  print((first.data[0][0] * 0.45 + 0.3).clamp(0, 1));

  nn::Sequential model(nn::Conv2d(nn::Conv2dOptions(1, 16, 3).padding(1)), nn::ReLU(),
                       nn::MaxPool2d(2), nn::Conv2d(nn::Conv2dOptions(16, 32, 3).padding(1)),
                       nn::ReLU(), nn::AdaptiveMaxPool2d(1), nn::Flatten(), nn::Linear(32, 3));
  optim::Adam optimizer(model->parameters(), optim::AdamOptions(5e-3));
  double accuracy = 0;
  for (int epoch = 1; epoch <= 6; ++epoch) {
    double loss_sum = 0;
    for (auto& batch : *train_loader) {
      optimizer.zero_grad();
      const Tensor loss = F::cross_entropy(model(batch.data), batch.target);
      loss.backward();
      optimizer.step();
      loss_sum += loss.item<double>() * static_cast<double>(batch.target.size(0));
    }
    NoGradGuard no_grad;
    int64_t correct = 0;
    for (auto& batch : *test_loader) {
      correct += model(batch.data).argmax(1).eq(batch.target).sum().item<int64_t>();
    }
    accuracy = static_cast<double>(correct) / static_cast<double>(*parts[1].size());
    std::printf("epoch %d  train loss %.4f  test accuracy %.3f\n", epoch,
                loss_sum / static_cast<double>(*parts[0].size()), accuracy);
  }
  return accuracy > 0.9 ? 0 : 1;
}
