// Training steps of a DCGAN: LibTorch's tutorial's two networks, each with its Adam.
#include "models/networks.h"
#include "rows.h"

namespace bench {
namespace {

constexpr int64_t kBatch = 64, kNoise = 100;

lib::nn::ConvTranspose2d grow(int64_t from, int64_t to, int64_t kernel, int64_t stride,
                              int64_t padding) {
  return lib::nn::ConvTranspose2d(lib::nn::ConvTranspose2dOptions(from, to, kernel)
                                      .stride(stride)
                                      .padding(padding)
                                      .bias(false));
}

lib::nn::Conv2d shrink(int64_t from, int64_t to, int64_t kernel, int64_t stride, int64_t padding) {
  return lib::nn::Conv2d(
      lib::nn::Conv2dOptions(from, to, kernel).stride(stride).padding(padding).bias(false));
}

/// Noise (n, 100, 1, 1) to images (n, 1, 28, 28).
lib::nn::Sequential make_generator() {
  return lib::nn::Sequential(grow(kNoise, 256, 4, 1, 0), lib::nn::BatchNorm2d(256), lib::nn::ReLU(),
                             grow(256, 128, 3, 2, 1), lib::nn::BatchNorm2d(128), lib::nn::ReLU(),
                             grow(128, 64, 4, 2, 1), lib::nn::BatchNorm2d(64), lib::nn::ReLU(),
                             grow(64, 1, 4, 2, 1), lib::nn::Tanh());
}

/// Images to probabilities (n, 1, 1, 1) of being real.
lib::nn::Sequential make_discriminator() {
  const auto leaky = [] {
    return lib::nn::LeakyReLU(lib::nn::LeakyReLUOptions().negative_slope(0.2));
  };
  return lib::nn::Sequential(shrink(1, 64, 4, 2, 1), leaky(), shrink(64, 128, 4, 2, 1),
                             lib::nn::BatchNorm2d(128), leaky(), shrink(128, 256, 4, 2, 1),
                             lib::nn::BatchNorm2d(256), leaky(), shrink(256, 1, 3, 1, 0),
                             lib::nn::Sigmoid());
}

/// Both networks with their optimizers over resident noise and images.
struct DcganTrainer {
  lib::nn::Sequential generator = make_generator(), discriminator = make_discriminator();
  lib::optim::Adam generator_optimizer, discriminator_optimizer;
  lib::Tensor images, noise, real_labels, fake_labels;

  DcganTrainer()
      : generator_optimizer(generator->parameters(), options()),
        discriminator_optimizer(discriminator->parameters(), options()),
        images(filled({kBatch, 1, 28, 28}, 7)),
        noise(filled({kBatch, kNoise, 1, 1}, 8)),
        real_labels(filled({kBatch}, 9, 0.8f, 1.0f)),
        fake_labels(lib::zeros({kBatch})) {
    set_weights(generator->parameters(), 100);
    set_weights(discriminator->parameters(), 200);
  }

  /// Trains the discriminator, then the generator, and gives the sum of their losses.
  lib::Tensor step() {
    discriminator->zero_grad();
    lib::Tensor loss = loss_of(images, real_labels);
    loss.backward();
    const lib::Tensor made = generator->forward(noise);
    const lib::Tensor fake_loss = loss_of(made.detach(), fake_labels);
    fake_loss.backward();
    discriminator_optimizer.step();
    generator->zero_grad();
    const lib::Tensor generator_loss = loss_of(made, lib::ones_like(fake_labels));
    generator_loss.backward();
    generator_optimizer.step();
    lib::NoGradGuard no_grad;
    return loss + fake_loss + generator_loss;
  }

 private:
  static lib::optim::AdamOptions options() {
    return lib::optim::AdamOptions(2e-4).betas(std::make_tuple(0.5, 0.999));
  }
  lib::Tensor loss_of(const lib::Tensor& pictures, const lib::Tensor& labels) {
    return lib::binary_cross_entropy(discriminator->forward(pictures).reshape({kBatch}), labels);
  }
};

// The discriminator runs three times, twice of them without the gradient of its input; the
// generator once, and its noise has no gradient.
double step_flop() {
  const double generator_first = kNoise * 256.0 * 16, discriminator_first = 14.0 * 14 * 64 * 16;
  const double generator_rest = 16 * 256.0 * 128 * 9 + 49 * 128.0 * 64 * 16 + 14.0 * 14 * 64 * 16;
  const double discriminator_rest = 49 * 64.0 * 128 * 16 + 9 * 128.0 * 256 * 16 + 256 * 9;
  return kBatch * (6 * generator_rest + 4 * generator_first + 18 * discriminator_rest +
                   14 * discriminator_first);
}

}  // namespace

void add_dcgan_rows(Suite& suite) {
  const auto make = [] { return std::make_shared<DcganTrainer>(); };
  Row row{"dcgan/28x28/batch64", "ms", {}};
  row.threads = {1, 2};
  row.flop = step_flop();
  row.setup = [=] {
    const auto trainer = make();
    Body body;
    body.run = timed([trainer] {
      lib::Tensor loss = trainer->step();
      keep(loss);
    });
    body.check = [=] {
      const double loss = losses_of(make, 3).back();
      return Check{loss, loss};
    };
    return body;
  };
  suite.rows.push_back(row);
}

}  // namespace bench
