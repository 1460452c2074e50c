// A generator made with TORCH_MODULE, a discriminator made of a Sequential, two Adams, checkpoints.
#include <torch/torch.h>

#include <cmath>
#include <cstdio>
#include <iostream>

namespace {
const int64_t kNoiseSize = 8;
}

struct DCGANGeneratorImpl : torch::nn::Module {
  DCGANGeneratorImpl(int kNoiseSize)
      : conv1(torch::nn::ConvTranspose2dOptions(kNoiseSize, 16, 4).bias(false)),
        batch_norm1(16),
        conv2(torch::nn::ConvTranspose2dOptions(16, 1, 4).stride(2).padding(1).bias(false)) {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("batch_norm1", batch_norm1);
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(batch_norm1(conv1(x)));
    return torch::tanh(conv2(x));
  }
  torch::nn::ConvTranspose2d conv1{nullptr};
  torch::nn::BatchNorm2d batch_norm1;
  torch::nn::ConvTranspose2d conv2;
};
TORCH_MODULE(DCGANGenerator);

int main(int, char** argv) {
  torch::manual_seed(1);
  torch::Device device = torch::kCPU;
  DCGANGenerator generator(kNoiseSize);
  generator->to(device);
  torch::nn::Sequential discriminator(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 8, 4).stride(2).padding(1).bias(false)),
      torch::nn::LeakyReLU(torch::nn::LeakyReLUOptions().negative_slope(0.2)),
      torch::nn::BatchNorm2d(8),
      torch::nn::Conv2d(torch::nn::Conv2dOptions(8, 1, 4).stride(1).padding(0).bias(false)),
      torch::nn::Sigmoid());
  discriminator->to(device);
  torch::optim::Adam generator_optimizer(
      generator->parameters(), torch::optim::AdamOptions(2e-4).betas(std::make_tuple(0.5, 0.5)));
  torch::optim::Adam discriminator_optimizer(
      discriminator->parameters(),
      torch::optim::AdamOptions(2e-4).betas(std::make_tuple(0.5, 0.5)));
  for (int step = 0; step < 3; ++step) {
    discriminator->zero_grad();
    torch::Tensor real_images = torch::rand({4, 1, 8, 8}, device);
    torch::Tensor real_labels = torch::empty(4, device).uniform_(0.8, 1.0);
    torch::Tensor real_output = discriminator->forward(real_images).reshape(real_labels.sizes());
    torch::Tensor d_loss_real = torch::binary_cross_entropy(real_output, real_labels);
    d_loss_real.backward();
    torch::Tensor noise = torch::randn({4, kNoiseSize, 1, 1}, device);
    torch::Tensor fake_images = generator->forward(noise);
    torch::Tensor fake_labels = torch::zeros(4, device);
    torch::Tensor fake_output =
        discriminator->forward(fake_images.detach()).reshape(fake_labels.sizes());
    torch::Tensor d_loss_fake = torch::binary_cross_entropy(fake_output, fake_labels);
    d_loss_fake.backward();
    torch::Tensor d_loss = d_loss_real + d_loss_fake;
    discriminator_optimizer.step();
    generator->zero_grad();
    fake_labels.fill_(1);
    fake_output = discriminator->forward(fake_images).reshape(fake_labels.sizes());
    torch::Tensor g_loss = torch::binary_cross_entropy(fake_output, fake_labels);
    g_loss.backward();
    generator_optimizer.step();
    std::cout << "D_loss: " << d_loss.item<float>() << " G_loss: " << g_loss.item<float>()
              << std::endl;
  }
  const std::string folder = argv[1];
  torch::save(generator, folder + "/generator-checkpoint.pt");
  torch::save(generator_optimizer, folder + "/generator-optimizer-checkpoint.pt");
  DCGANGenerator copy(kNoiseSize);
  torch::load(copy, folder + "/generator-checkpoint.pt");
  torch::load(generator_optimizer, folder + "/generator-optimizer-checkpoint.pt");
  generator->eval();
  copy->eval();
  torch::save(generator->forward(torch::ones({1, kNoiseSize, 1, 1})), folder + "/sample.pt");
  torch::Tensor sample;
  torch::load(sample, folder + "/sample.pt");
  const auto fixed = torch::ones({1, kNoiseSize, 1, 1});
  std::cout << generator << std::endl << discriminator << std::endl;
  for (const auto& pair : generator->named_parameters())
    std::cout << pair.key() << ": " << pair.value().sizes() << std::endl;
  return torch::equal(generator->forward(fixed), copy(fixed)) &&
                 sample.sizes() == torch::IntArrayRef({1, 1, 8, 8})
             ? 0
             : 1;
}
