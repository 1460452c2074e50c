// Generates clothes: a generator and a discriminator of convolutions, one against the other, on
// Fashion-MNIST. The pictures of 64 points go to runs/dcgan/generated.png as they get better.
//   dcgan [folder of the idx files] [batches]      default: two epochs of all images
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "taper/taper.h"
#include "taper/train/train.h"

using namespace taper;
namespace F = nn::functional;

constexpr int64_t kLatent = 64, kBatch = 64;

nn::ConvTranspose2d grow(int64_t from, int64_t to) {
  return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(from, to, 4).stride(2).padding(1));
}
nn::Conv2d shrink(int64_t from, int64_t to) {
  return nn::Conv2d(nn::Conv2dOptions(from, to, 4).stride(2).padding(1));
}

// A point [N, 64] becomes a picture [N, 1, 28, 28] of values from -1 to 1.
nn::Sequential make_generator() {
  return nn::Sequential(nn::Linear(kLatent, 64 * 7 * 7),
                        nn::Unflatten(nn::UnflattenOptions(1, {64, 7, 7})), nn::BatchNorm2d(64),
                        nn::ReLU(), grow(64, 32), nn::BatchNorm2d(32), nn::ReLU(), grow(32, 1),
                        nn::Tanh());
}
// A picture becomes a score [N]: above 0 for one that looks real.
nn::Sequential make_discriminator() {
  const nn::LeakyReLUOptions slope = nn::LeakyReLUOptions().negative_slope(0.2);
  return nn::Sequential(shrink(1, 32), nn::LeakyReLU(slope), shrink(32, 64), nn::BatchNorm2d(64),
                        nn::LeakyReLU(slope), nn::Flatten(), nn::Linear(64 * 7 * 7, 1),
                        nn::Flatten(nn::FlattenOptions().start_dim(0)));
}
// Small random weights, as both need them to stay in step.
void init(nn::Sequential& model) {
  model->apply([](nn::Module& module) {
    if (auto* conv = module.as<nn::Conv2d>()) nn::init::normal_(conv->weight, 0, 0.02);
    if (auto* conv = module.as<nn::ConvTranspose2d>()) nn::init::normal_(conv->weight, 0, 0.02);
    if (auto* norm = module.as<nn::BatchNorm2d>()) nn::init::normal_(norm->weight, 1, 0.02);
  });
}

void save_grid(const std::string& path, nn::Sequential& generator, const Tensor& points) {
  NoGradGuard no_grad;
  generator->eval();
  const Tensor images = ((generator(points) + 1) * 127.5).round().to(kUInt8).contiguous();
  generator->train();
  std::vector<train::PictureTile> tiles;
  for (int64_t i = 0; i < images.size(0); ++i) {
    io::Image picture(images.size(2), images.size(3), 1);
    const auto* pixels = images[i].data_ptr<uint8_t>();
    std::copy_n(pixels, picture.pixels.size(), picture.pixels.begin());
    tiles.push_back({picture, "", ""});
  }
  io::write_png(path, train::picture_grid(tiles, /*columns=*/8));
}

struct Means {
  double discriminator = 0, generator = 0, real = 0, fake = 0;
};

int run(const std::string& folder, int64_t most_batches) {
  manual_seed(0);
  make_folders("runs/dcgan");
  auto images = data::datasets::MNIST(folder)
                    .map(data::transforms::Normalize<>(0.5, 0.5))
                    .map(data::transforms::Stack<>());
  auto loader = data::make_data_loader(
      std::move(images), data::DataLoaderOptions().batch_size(kBatch).workers(1).drop_last(true));
  nn::Sequential generator = make_generator(), discriminator = make_discriminator();
  init(generator);
  init(discriminator);
  const auto options = optim::AdamOptions(2e-4).betas({0.5, 0.999});
  optim::Adam generator_steps(generator->parameters(), options);
  optim::Adam discriminator_steps(discriminator->parameters(), options);
  const Tensor points = randn({64, kLatent}), real = ones({kBatch}), fake = zeros({kBatch});

  int64_t step = 0;
  Means mean;
  const int64_t report = std::clamp<int64_t>(most_batches / 5, 1, 100);
  while (step < most_batches) {
    for (auto& batch : *loader) {
      const Tensor generated = generator(randn({kBatch, kLatent}));
      // The discriminator learns to tell them apart; the generator is left alone.
      const Tensor score = discriminator(batch.data),
                   fake_score = discriminator(generated.detach());
      const Tensor discriminator_loss = F::binary_cross_entropy_with_logits(score, real) +
                                        F::binary_cross_entropy_with_logits(fake_score, fake);
      discriminator_steps.zero_grad();
      discriminator_loss.backward();
      discriminator_steps.step();
      // The generator learns to be taken for real.
      const Tensor generator_loss =
          F::binary_cross_entropy_with_logits(discriminator(generated), real);
      generator_steps.zero_grad();
      generator_loss.backward();
      generator_steps.step();

      mean.discriminator += discriminator_loss.item<double>() / report;
      mean.generator += generator_loss.item<double>() / report;
      mean.real += score.sigmoid().mean().item<double>() / report;
      mean.fake += fake_score.sigmoid().mean().item<double>() / report;
      if (++step % report == 0) {
        std::printf(
            "batch %4ld  loss of the discriminator %.3f, of the generator %.3f; taken for "
            "real: %.2f of the real, %.2f of the generated\n",
            static_cast<long>(step), mean.discriminator, mean.generator, mean.real, mean.fake);
        if (step < most_batches) mean = Means();
        save_grid("runs/dcgan/generated.png", generator, points);
      }
      if (step == most_batches) break;
    }
  }
  std::printf("pictures in runs/dcgan/generated.png\n");
  // What it holds to be real is real more often than not.
  return mean.real > mean.fake ? 0 : 1;
}

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist",
               argc > 2 ? std::atoll(argv[2]) : 2 * (60000 / kBatch));
  } catch (const Error& error) {
    std::fprintf(stderr, "dcgan: %s\n", error.what());
    return 1;
  }
}
