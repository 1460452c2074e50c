// Layers fused with batch normalisations against the two, one after the other.
#include "taper/nn/fusion.h"

#include <gtest/gtest.h>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/prune.h"
#include "tests/nn/recorded.h"
#include "tests/support/expect_error.h"

namespace taper::nn {
namespace {

using utils::fuse_conv_bn_eval;
using utils::fuse_conv_bn_weights;
using utils::fuse_linear_bn_eval;
using utils::fuse_linear_bn_weights;

/// In evaluation, with statistics and factors that are not the first ones.
template <class Norm>
Norm prepared(const BatchNormOptions& options) {
  NoGradGuard no_grad;
  Norm bn(options);
  bn->to(kDouble);
  const int64_t n = options.num_features();
  bn->running_mean.copy_(waves({n}));
  bn->running_var.copy_(waves({n}).square().add(0.5));
  if (options.affine()) {
    bn->weight.copy_(waves({n}).add(1.5));
    bn->bias.copy_(waves({n}).sub(0.3));
  }
  bn->eval();
  return bn;
}

template <class Layer, class Norm>
void expect_fused(Layer layer, Norm bn, const Tensor& input) {
  layer->to(kDouble);
  layer->eval();
  const Tensor before = layer->weight.detach().clone();
  auto fused = [&] {
    if constexpr (std::is_same_v<Layer, Linear>) {
      return fuse_linear_bn_eval(layer, bn);
    } else {
      return fuse_conv_bn_eval(layer, bn);
    }
  }();
  EXPECT_TRUE(fused->forward(input).allclose(bn->forward(layer->forward(input)), 1e-10, 1e-12));
  EXPECT_FALSE(fused->is_training());
  EXPECT_TRUE(fused->options.bias());
  EXPECT_EQ(fused->parameters().size(), 2U);
  EXPECT_EQ(fused->weight.scalar_type(), kDouble);
  EXPECT_TRUE(fused->weight.requires_grad());
  EXPECT_EQ(fused->bias.requires_grad(), layer->bias.defined());
  EXPECT_TRUE(layer->weight.equal(before)) << "the layer is as it was";
  EXPECT_FALSE(fused->weight.is_alias_of(layer->weight));
}

TEST(Fusion, ConvolutionsOfEveryRank) {
  expect_fused(Conv1d(4, 6, 3), prepared<BatchNorm1d>(6), waves({2, 4, 7}));
  expect_fused(Conv2d(Conv2dOptions(4, 6, {3, 2}).stride(2).padding(1).groups(2).bias(false)),
               prepared<BatchNorm2d>(BatchNormOptions(6).eps(0.1)), waves({2, 4, 6, 5}));
  expect_fused(Conv2d(Conv2dOptions(2, 3, 3).padding(kSame).padding_mode(kReflect)),
               prepared<BatchNorm2d>(BatchNormOptions(3).affine(false)), waves({2, 2, 5, 4}));
  expect_fused(Conv3d(2, 3, 2), prepared<BatchNorm3d>(3), waves({1, 2, 3, 4, 3}));
}

TEST(Fusion, TransposedConvolutionsOfEveryRank) {
  expect_fused(ConvTranspose1d(4, 6, 3), prepared<BatchNorm1d>(6), waves({2, 4, 7}));
  expect_fused(ConvTranspose2d(ConvTranspose2dOptions(4, 3, 3).stride(2).bias(false)),
               prepared<BatchNorm2d>(3), waves({2, 4, 3, 5}));
  expect_fused(ConvTranspose3d(2, 3, 2), prepared<BatchNorm3d>(3), waves({1, 2, 2, 3, 2}));
}

TEST(Fusion, Linear) {
  expect_fused(Linear(4, 3), prepared<BatchNorm1d>(3), waves({5, 4}));
  expect_fused(Linear(LinearOptions(4, 3).bias(false)), prepared<BatchNorm1d>(1), waves({5, 1, 4}));
}

TEST(Fusion, WeightsKeepTypesAndRequiresGrad) {
  const Tensor weight = ones({2, 1, 1}).set_requires_grad(true);
  const Tensor mean = tensor({1.0, 2.0}), var = tensor({3.0, 8.0});
  const auto [w, b] = fuse_conv_bn_weights(weight, {}, mean, var, 1, {}, {});
  expect_near(w, {0.5, 1.0 / 3});
  expect_near(b, {-0.5, -2.0 / 3});
  EXPECT_TRUE(w.requires_grad() && w.is_leaf());
  EXPECT_FALSE(b.requires_grad());
  const Tensor half = ones({1, 2}, kHalf), bias = ones({2}, kBFloat16);
  const auto [wt, bt] = fuse_conv_bn_weights(half, bias, mean, var, 1, mean, mean, true);
  EXPECT_EQ(wt.scalar_type(), kHalf);
  EXPECT_EQ(bt.scalar_type(), kBFloat16);
  expect_near(wt, {0.5, 2.0 / 3}, 1e-3);
  const auto [wl, bl] = fuse_linear_bn_weights(ones({2, 3}), {}, mean, var, 1, mean, {});
  expect_near(wl, {0.5, 0.5, 0.5, 2.0 / 3, 2.0 / 3, 2.0 / 3});
  expect_near(bl, {-0.5, -4.0 / 3});
}

TEST(Fusion, Errors) {
  Conv2d conv(2, 3, 1);
  const BatchNorm2d bn(3);
  EXPECT_ERROR(ConfigError, fuse_conv_bn_eval(conv, bn), "Fusion only for eval!");
  conv->eval();
  EXPECT_ERROR(ConfigError, fuse_conv_bn_eval(conv, bn), "the BatchNorm in training mode");
  EXPECT_ERROR(ShapeError, fuse_conv_bn_eval(conv, prepared<BatchNorm2d>(4)),
               "running_mean of 3 elements");
  BatchNorm2d untracked(BatchNormOptions(3).track_running_stats(false));
  untracked->eval();
  EXPECT_ERROR(ConfigError, fuse_conv_bn_eval(conv, untracked), "no running statistics");
  ConvTranspose2d grouped(ConvTranspose2dOptions(2, 4, 1).groups(2));
  grouped->eval();
  EXPECT_ERROR(ShapeError, fuse_conv_bn_eval(grouped, prepared<BatchNorm2d>(4)), "of 2 elements");
  utils::prune::l1_unstructured(conv, "weight", 0.5);
  EXPECT_ERROR(ConfigError, fuse_conv_bn_eval(conv, prepared<BatchNorm2d>(3)), "no parameter");
  const Tensor two = ones({2});
  EXPECT_ERROR(ShapeError, fuse_conv_bn_weights({}, {}, two, two, 0, {}, {}), "undefined");
  EXPECT_ERROR(ShapeError, fuse_conv_bn_weights(two, {}, two, two, 0, {}, {}), "2 dimensions");
  EXPECT_ERROR(Error, fuse_conv_bn_weights(ones({2, 1}), {}, {}, two, 0, {}, {}), "undefined");
  EXPECT_ERROR(ShapeError, fuse_conv_bn_weights(ones({2, 1}), ones({3}), two, two, 0, {}, {}),
               "bias of 2 elements");
  EXPECT_ERROR(ShapeError, fuse_linear_bn_weights(ones({3, 1}), {}, two, two, 0, {}, {}),
               "running_mean of 3 elements");
}

}  // namespace
}  // namespace taper::nn
