// Layers: parameters and their starting values, outputs, training mode. Numbers without another
// source were recorded with PyTorch 1.13.1 on the same seeds and inputs.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "taper/tensor/generator.h"
#include "tests/nn/near.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;
using Sizes = std::vector<int64_t>;

template <class Holder>
std::string text_of(const Holder& module) {
  std::ostringstream out;
  out << module;
  return out.str();
}

void expect_sizes(const Tensor& t, Sizes sizes) { EXPECT_EQ(t.sizes().vec(), sizes); }

TEST(Linear, StartsAsPyTorchs) {
  manual_seed(0);
  nn::Linear linear(4, 3);
  EXPECT_EQ(linear->named_parameters().keys(), (Names{"weight", "bias"}));
  expect_sizes(linear->weight, {3, 4});
  expect_near(
      linear->weight,
      {-0.00374341011, 0.268221796, -0.411522567, -0.367969513, -0.192577183, 0.134078681,
       -0.00990658998, 0.396444738, -0.0443720222, 0.132306278, -0.151106536, -0.0982826948},
      1e-8);
  expect_near(linear->bias, {-0.477674246, -0.331141055, -0.20611155}, 1e-8);
}

TEST(Linear, ComputesAndCountsParameters) {
  nn::Linear linear(nn::LinearOptions(2, 1).bias(false));
  EXPECT_EQ(linear->named_parameters().keys(), Names{"weight"});
  EXPECT_FALSE(linear->bias.defined());
  nn::init::constant_(linear->weight, 3);
  expect_near(linear(tensor({{1.0, 2.0}, {3.0, 4.0}})), {9, 21});
  nn::Linear with_bias(2, 1);
  nn::init::ones_(with_bias->weight);
  nn::init::constant_(with_bias->bias, 0.5);
  expect_near(with_bias(ones({2, 5, 2})), std::vector<double>(10, 2.5));
}

TEST(Conv, StartsAsPyTorchs) {
  manual_seed(0);
  nn::Conv2d conv(nn::Conv2dOptions(2, 2, {1, 2}));
  EXPECT_EQ(conv->named_parameters().keys(), (Names{"weight", "bias"}));
  expect_sizes(conv->weight, {2, 2, 1, 2});
  expect_near(conv->weight,
              {-0.00374341011, 0.268221796, -0.411522567, -0.367969513, -0.192577183, 0.134078681,
               -0.00990658998, 0.396444738},
              1e-8);
  expect_near(conv->bias, {-0.0443720222, 0.132306278}, 1e-8);
}

TEST(Conv, SizesFollowTheOptions) {
  const Tensor x = ones({2, 4, 9, 9});
  expect_sizes(nn::Conv2d(4, 6, 3)(x), {2, 6, 7, 7});
  expect_sizes(nn::Conv2d(nn::Conv2dOptions(4, 6, 3).padding(1).stride(2))(x), {2, 6, 5, 5});
  expect_sizes(nn::Conv2d(nn::Conv2dOptions(4, 6, {1, 3}).groups(2).dilation(2))(x), {2, 6, 9, 5});
  expect_sizes(nn::Conv2d(nn::Conv2dOptions(4, 6, {2, 3}).padding(kSame))(x), {2, 6, 9, 9});
  expect_sizes(nn::Conv2d(nn::Conv2dOptions(4, 6, 3).padding(kValid))(x), {2, 6, 7, 7});
  expect_sizes(nn::Conv1d(nn::Conv1dOptions(4, 6, 3).padding(1))(ones({2, 4, 9})), {2, 6, 9});
  expect_sizes(nn::Conv2d(nn::Conv2dOptions(4, 6, 3).groups(2))->weight, {6, 2, 3, 3});
  using nn::Conv2dOptions;
  EXPECT_ERROR(ConfigError, nn::Conv2d(Conv2dOptions(3, 4, 3).groups(2)),
               "in_channels must be divisible by groups");
  EXPECT_ERROR(ConfigError, nn::Conv2d(Conv2dOptions(4, 3, 3).groups(2)),
               "out_channels must be divisible by groups");
  EXPECT_ERROR(ConfigError, nn::Conv2d(Conv2dOptions(4, 4, 3).padding(kSame).stride(2)),
               "padding='same' is not supported for strided convolutions");
  EXPECT_ERROR(Error, Conv2dOptions(1, 1, {1, 2, 3}), "Expected 2 values, but instead got 3");
}

TEST(Pooling, TakesItsStrideFromTheKernel) {
  const Tensor x = arange(16, kFloat).view({1, 1, 4, 4});
  expect_near(nn::MaxPool2d(2)(x), {5, 7, 13, 15});
  expect_near(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(1))(x), {10, 11, 14, 15});
  expect_near(nn::AvgPool2d(2)(x), {2.5, 4.5, 10.5, 12.5});
  expect_near(nn::AdaptiveAvgPool2d(1)(x), {7.5});
  expect_near(nn::MaxPool1d(2)(x.view({1, 4, 4})), {1, 3, 5, 7, 9, 11, 13, 15});
  nn::MaxPool2d pool(2);
  expect_near(std::get<1>(pool->forward_with_indices(x)), {5, 7, 13, 15});
}

TEST(BatchNorm, TrainingUpdatesTheRunningStatistics) {
  nn::BatchNorm2d norm(2);
  EXPECT_EQ(norm->named_parameters().keys(), (Names{"weight", "bias"}));
  EXPECT_EQ(norm->named_buffers().keys(),
            (Names{"running_mean", "running_var", "num_batches_tracked"}));
  const Tensor x = linspace(-2, 3, 16).view({2, 2, 2, 2});
  expect_near(norm(x),
              {-1.32424092, -1.08346975, -0.842698693, -0.601927698, -1.32424104, -1.08346987,
               -0.842698872, -0.601927638, 0.601927638, 0.842698753, 1.08346975, 1.32424092,
               0.601927698, 0.842698932, 1.08346975, 1.32424092},
              2e-6);
  norm(x.mul(2));
  expect_near(norm->running_mean, {-0.0483333357, 0.338333368});
  expect_near(norm->running_var, {1.88333344, 1.88333321});
  EXPECT_EQ(norm->num_batches_tracked.item<int64_t>(), 2);
  norm->eval();
  expect_near(norm(x),
              {-1.42213511, -1.17924273, -0.936350226, -0.693457842, -0.732320726, -0.489428252,
               -0.246535853, -0.0036432927, 0.5210042, 0.763896704, 1.00678909, 1.24968147,
               1.21081877, 1.45371139, 1.69660354, 1.93949616},
              2e-6);
  EXPECT_EQ(norm->num_batches_tracked.item<int64_t>(), 2);
  norm->reset_running_stats();
  expect_near(norm->running_mean, {0, 0});
}

TEST(BatchNorm, MomentumNoneAveragesAllBatches) {
  nn::BatchNorm1d norm(nn::BatchNormOptions(1).momentum(std::nullopt));
  for (const double v : {1.0, 2.0, 6.0}) norm(tensor({{v - 1}, {v + 1}}));
  expect_near(norm->running_mean, {3});
  nn::BatchNorm1d untracked(nn::BatchNormOptions(1).track_running_stats(false).affine(false));
  EXPECT_TRUE(untracked->parameters().empty());
  EXPECT_TRUE(untracked->buffers().empty());
  untracked->eval();
  expect_near(untracked(tensor({{4.0}, {6.0}})), {-1, 1}, 1e-4);
}

TEST(BatchNorm, ChecksTheRank) {
  EXPECT_ERROR(ShapeError, nn::BatchNorm1d(2)(ones({2, 2, 2, 2})),
               "expected 2D or 3D input (got 4D input)");
  EXPECT_ERROR(ShapeError, nn::BatchNorm2d(2)(ones({2, 2})), "expected 4D input (got 2D input)");
}

TEST(LayerNorm, NormalizesTheLastDimensions) {
  nn::LayerNorm norm(nn::LayerNormOptions({4}));
  EXPECT_EQ(norm->named_parameters().keys(), (Names{"weight", "bias"}));
  expect_near(norm(linspace(0, 1, 8).view({2, 4}).pow(2)),
              {-0.999021411, -0.713586748, 0.142717257, 1.56989086, -1.25608444, -0.526745021,
               0.36466971, 1.41815972},
              2e-6);
  EXPECT_TRUE(
      nn::LayerNorm(nn::LayerNormOptions({4}).elementwise_affine(false))->parameters().empty());
}

TEST(GroupNorm, NormalizesGroupsOfChannels) {
  nn::GroupNorm norm(2, 4);
  expect_near(norm(linspace(0, 1, 16).view({2, 4, 2}).pow(2)),
              {-0.979955912, -0.699968517, 0.139993712, 1.53993082, -1.25409997, -0.525912881,
               0.364093781, 1.41591954, -1.29241014, -0.493465841, 0.399471998, 1.38640404,
               -1.3074342, -0.479943722, 0.413744748, 1.37363291},
              1e-5);
  EXPECT_ERROR(ConfigError, nn::GroupNorm(3, 4), "num_channels must be divisible by num_groups");
}

TEST(Dropout, ActsInTrainingOnly) {
  manual_seed(1);
  nn::Dropout dropout(0.25);
  const Tensor x = ones({10000});
  const std::vector<double> y = values_of(dropout(x));
  size_t kept = 0;
  for (const double v : y) {
    EXPECT_TRUE(v == 0 || std::fabs(v - 4.0 / 3) < 1e-6);
    kept += v != 0;
  }
  EXPECT_NEAR(static_cast<double>(kept), 7500, 250);
  dropout->eval();
  EXPECT_TRUE(dropout(x).is_same(x));
  EXPECT_ERROR(ConfigError, nn::Dropout(1.5),
               "dropout probability has to be between 0 and 1, but got 1.5");
  EXPECT_ERROR(ConfigError, nn::Dropout(nn::DropoutOptions(-0.1)), "but got -0.1");
}

TEST(Embedding, LooksUpRows) {
  manual_seed(0);
  nn::Embedding embedding(5, 4);
  expect_near(embedding->weight,
              {-1.12583983, -1.1523602, -0.250578582, -0.433878809, 0.598839462, -1.55509508}, 3e-6,
              true);
  manual_seed(0);
  expect_near(nn::Embedding(3, 4)->weight,
              {1.54099607, -0.293428898, -2.17878938, 0.568431258, -1.08452237, -1.39859545}, 1e-6,
              true);
  nn::Embedding padded(nn::EmbeddingOptions(4, 2).padding_idx(-1));
  EXPECT_EQ(*padded->options.padding_idx(), 3);
  expect_near(padded(tensor({3})), {0, 0});
  const Tensor out = padded(tensor({{1, 3}, {0, 1}}));
  expect_sizes(out, {2, 2, 2});
  out.sum().backward();
  expect_near(padded->weight.grad(), {1, 1, 2, 2, 0, 0, 0, 0});
  const Tensor table = ones({2, 3});
  nn::Embedding given = nn::Embedding::from_pretrained(table);
  EXPECT_TRUE(given->weight.is_same(table));
  EXPECT_FALSE(given->weight.requires_grad());
  EXPECT_ERROR(ConfigError, nn::Embedding(nn::EmbeddingOptions(3, 2).padding_idx(3)),
               "Padding_idx must be within num_embeddings");
  EXPECT_ERROR(ShapeError, nn::Embedding(nn::EmbeddingOptions(3, 2)._weight(table)),
               "Shape of weight does not match");
  auto copy = std::dynamic_pointer_cast<nn::EmbeddingImpl>(given->clone());
  EXPECT_FALSE(copy->weight.is_same(table));
  expect_near(copy->weight, std::vector<double>(6, 1));
  // Rows that are named are shortened; options go to the layer.
  nn::Embedding clipped = nn::Embedding::from_pretrained(
      full({2, 4}, 3.0), nn::EmbeddingFromPretrainedOptions().max_norm(2.0).freeze(false));
  EXPECT_NEAR(clipped(tensor({int64_t{1}})).norm().item<double>(), 2, 1e-5);
  EXPECT_EQ(clipped->weight.select(0, 0).norm().item<double>(), 6);
  EXPECT_TRUE(clipped->weight.requires_grad());
  nn::EmbeddingBag bag = nn::EmbeddingBag::from_pretrained(
      full({2, 4}, 3.0), nn::EmbeddingBagFromPretrainedOptions().mode(kSum));
  EXPECT_FALSE(bag->weight.requires_grad());
  EXPECT_EQ(bag(tensor({int64_t{0}, int64_t{1}}).view({1, 2})).sum().item<double>(), 24);
  EXPECT_ERROR(ShapeError, nn::EmbeddingBag::from_pretrained(ones({3})), "2-dimensional");
}

TEST(Activation, ModulesCallTheirFunctions) {
  const Tensor x = tensor({-2.0, -0.5, 0.0, 1.5, 7.0});
  expect_near(nn::ReLU()(x), {0, 0, 0, 1.5, 7});
  expect_near(nn::ReLU6()(x), {0, 0, 0, 1.5, 6});
  expect_near(nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.1))(x),
              {-0.2, -0.05, 0, 1.5, 7});
  expect_near(nn::ELU(nn::ELUOptions().alpha(2))(x),
              {2 * std::expm1(-2), 2 * std::expm1(-0.5), 0, 1.5, 7});
  expect_near(nn::Hardtanh(-1, 2)(x), {-1, -0.5, 0, 1.5, 2});
  std::vector<double> gelu, silu, tanh, sigmoid, softplus;
  for (const double v : values_of(x)) {
    gelu.push_back(0.5 * v * (1 + std::erf(v / std::sqrt(2.0))));
    silu.push_back(v / (1 + std::exp(-v)));
    tanh.push_back(std::tanh(v));
    sigmoid.push_back(1 / (1 + std::exp(-v)));
    softplus.push_back(std::log1p(std::exp(2 * v)) / 2);
  }
  expect_near(nn::GELU()(x), gelu);
  expect_near(nn::SiLU()(x), silu);
  expect_near(nn::Tanh()(x), tanh);
  expect_near(nn::Sigmoid()(x), sigmoid);
  expect_near(nn::Softplus(nn::SoftplusOptions().beta(2))(x), softplus);
  const Tensor y = nn::Softmax(0)(x);
  EXPECT_NEAR(y.sum().item<double>(), 1, 1e-6);
  expect_near(nn::LogSoftmax(0)(x).exp(), values_of(y));
  const Tensor own = x.clone();
  EXPECT_TRUE(nn::ReLU(nn::ReLUOptions(true))(own).is_same(own));
  expect_near(own, {0, 0, 0, 1.5, 7});
  EXPECT_ERROR(ConfigError, nn::Hardtanh(1, 1), "max_val must be greater than min_val");
}

TEST(Layers, PrintTheirArguments) {
  EXPECT_EQ(text_of(nn::Conv2d(nn::Conv2dOptions(1, 32, 3).padding(1))),
            "taper::nn::Conv2d(1, 32, kernel_size=[3, 3], stride=[1, 1], padding=[1, 1])");
  EXPECT_EQ(text_of(nn::Conv1d(1, 2, 3)), "taper::nn::Conv1d(1, 2, kernel_size=3, stride=1)");
  EXPECT_EQ(text_of(nn::Conv2d(
                nn::Conv2dOptions(2, 4, {1, 3}).padding(kSame).groups(2).bias(false).dilation(2))),
            "taper::nn::Conv2d(2, 4, kernel_size=[1, 3], stride=[1, 1], padding='same', "
            "dilation=[2, 2], groups=2, bias=false)");
  EXPECT_EQ(text_of(nn::BatchNorm2d(3)),
            "taper::nn::BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=true, "
            "track_running_stats=true)");
  EXPECT_EQ(text_of(nn::Dropout()), "taper::nn::Dropout(p=0.5, inplace=false)");
  EXPECT_EQ(text_of(nn::MaxPool2d(2)),
            "taper::nn::MaxPool2d(kernel_size=[2, 2], stride=[2, 2], padding=[0, 0], "
            "dilation=[1, 1], ceil_mode=false)");
  EXPECT_EQ(text_of(nn::LayerNorm(nn::LayerNormOptions({2, 3}))),
            "taper::nn::LayerNorm([2, 3], eps=1e-05, elementwise_affine=true)");
  EXPECT_EQ(text_of(nn::Embedding(2, 3)),
            "taper::nn::Embedding(num_embeddings=2, embedding_dim=3)");
  EXPECT_EQ(text_of(nn::ReLU(nn::ReLUOptions(true))), "taper::nn::ReLU(inplace=true)");
  EXPECT_EQ(text_of(nn::Flatten()), "taper::nn::Flatten(start_dim=1, end_dim=-1)");
  EXPECT_EQ(text_of(nn::GELU()), "taper::nn::GELU(approximate='none')");
}

TEST(Flatten, MergesDimensions) {
  expect_sizes(nn::Flatten()(ones({2, 3, 4})), {2, 12});
  expect_sizes(nn::Flatten(nn::FlattenOptions().start_dim(0).end_dim(1))(ones({2, 3, 4})), {6, 4});
  expect_sizes(nn::Unflatten(1, Sizes{3, -1})(ones({2, 12})), {2, 3, 4});
}

TEST(Init, DrawsPyTorchsNumbers) {
  const Tensor t = empty({3, 5});
  manual_seed(0);
  nn::init::kaiming_normal_(t, 0, kFanOut, kReLU);
  expect_near(t, {1.25821805, -0.239583701, -1.77897406, 0.464122206}, 1e-6, true);
  manual_seed(0);
  nn::init::xavier_uniform_(t, 2);
  expect_near(t, {-0.012967553, 0.929147542, -1.42555594, -1.27468371}, 1e-6, true);
  manual_seed(0);
  nn::init::xavier_normal_(t, 2);
  expect_near(t, {1.54099607, -0.293428898, -2.17878938, 0.568431258}, 1e-6, true);
  manual_seed(0);
  nn::init::kaiming_uniform_(t, 0.3);
  expect_near(t, {-0.00785551686, 0.562861323, -0.863576889, -0.772181153}, 1e-6, true);
}

TEST(Init, FillsAndGains) {
  EXPECT_EQ(nn::init::calculate_gain(kLinear), 1);
  EXPECT_EQ(nn::init::calculate_gain(kTanh), 5.0 / 3);
  EXPECT_EQ(nn::init::calculate_gain(kReLU), std::sqrt(2.0));
  EXPECT_EQ(nn::init::calculate_gain(kLeakyReLU, 0.5), std::sqrt(2 / 1.25));
  const Tensor t = empty({2, 2}).set_requires_grad(true);
  expect_near(nn::init::eye_(t), {1, 0, 0, 1});
  expect_near(nn::init::constant_(t, 2.5), std::vector<double>(4, 2.5));
  expect_near(nn::init::ones_(t), std::vector<double>(4, 1));
  expect_near(nn::init::zeros_(t), std::vector<double>(4, 0));
  EXPECT_TRUE(t.is_leaf());
  nn::init::uniform_(t, 3, 4);
  for (const double v : values_of(t)) EXPECT_TRUE(v >= 3 && v <= 4);
  EXPECT_EQ(nn::init::_calculate_fan_in_and_fan_out(empty({2, 3, 4, 5})),
            (std::pair<int64_t, int64_t>{60, 40}));
  EXPECT_ERROR(ShapeError, nn::init::kaiming_uniform_(empty({3})),
               "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
  EXPECT_ERROR(ShapeError, nn::init::eye_(empty({3})), "Only tensors with 2 dimensions");
}

}  // namespace
}  // namespace taper
