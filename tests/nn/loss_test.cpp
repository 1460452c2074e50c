// Losses, functional forms, and gradient clipping. Numbers without another source were recorded
// with PyTorch 1.13.1.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/view.h"
#include "tests/nn/near.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

namespace F = nn::functional;

Tensor logits() { return linspace(-1, 2, 12).view({4, 3}); }

TEST(Loss, CrossEntropy) {
  nn::CrossEntropyLoss loss(
      nn::CrossEntropyLossOptions().label_smoothing(0.1).weight(tensor({1.0, 2.0, 0.5})));
  EXPECT_EQ(loss->named_buffers().keys(), std::vector<std::string>{"weight"});
  expect_near(loss(logits(), tensor({0, 2, 1, -100})), {1.16221452});
  const Tensor target = tensor({0, 2, 1, 1});
  expect_near(F::cross_entropy(logits(), target), {1.12325358});
  expect_near(nn::CrossEntropyLoss()(logits(), target), {1.12325358});
  expect_near(nn::NLLLoss()(F::log_softmax(logits(), 1), target), {1.12325358});
  const Tensor each =
      F::cross_entropy(logits(), target, F::CrossEntropyFuncOptions().reduction(kNone));
  EXPECT_EQ(each.sizes().vec(), std::vector<int64_t>{4});
  expect_near(each.sum(), {4 * 1.12325358}, 1e-5);
  expect_near(F::cross_entropy(logits(), target, F::CrossEntropyFuncOptions().reduction(kSum)),
              {4 * 1.12325358}, 1e-5);
}

TEST(Loss, ElementwiseLosses) {
  const Tensor x = logits(), y = x.mul(0.3);
  expect_near(nn::MSELoss()(x, y), {0.556818187});
  expect_near(F::mse_loss(x, y, F::MSELossFuncOptions(kSum)), {12 * 0.556818187}, 1e-5);
  expect_near(nn::L1Loss()(x, y), {0.625757575});
  expect_near(F::smooth_l1_loss(x, y, F::SmoothL1LossFuncOptions(kSum).beta(0.5)), {4.9347105},
              1e-5);
  expect_near(nn::SmoothL1Loss(nn::SmoothL1LossOptions(kSum).beta(0.5))(x, y), {4.9347105}, 1e-5);
  const Tensor above = x.gt(0).to(kFloat);
  expect_near(nn::BCELoss()(x.sigmoid(), above), {0.376086593});
  expect_near(F::binary_cross_entropy(x.sigmoid(), above), {0.376086593});
  expect_near(nn::BCEWithLogitsLoss(nn::BCEWithLogitsLossOptions().pos_weight(
                  tensor({1.0, 2.0, 3.0})))(x, x.sigmoid().round()),
              {0.625696123});
}

TEST(Loss, CloneSharesNothing) {
  const Tensor weight = tensor({1.0, 2.0});
  nn::CrossEntropyLoss loss(nn::CrossEntropyLossOptions().weight(weight));
  auto copy = std::dynamic_pointer_cast<nn::CrossEntropyLossImpl>(loss->clone());
  copy->weight.fill_(7);
  expect_near(loss->weight, {1, 2});
  copy->to(kDouble);
  EXPECT_EQ(weight.scalar_type(), kFloat);
}

TEST(Functional, AttentionMatchesItsDefinition) {
  const Tensor q = linspace(-1, 1, 6).view({1, 3, 2}), v = linspace(0, 1, 6).view({1, 3, 2});
  const Tensor scores = q.matmul(q.transpose(1, 2)).div(std::sqrt(2.0));
  expect_near(F::scaled_dot_product_attention(q, q, v), values_of(scores.softmax(-1).matmul(v)));
  // The first query of a causal attention sees the first key only.
  const Tensor causal = F::scaled_dot_product_attention(q, q, v, {}, 0, true);
  expect_near(causal.select(1, 0), {0, 0.2});
  const Tensor allowed = tensor({{true, false, false}, {true, true, false}, {true, true, true}});
  expect_near(F::scaled_dot_product_attention(q, q, v, allowed), values_of(causal));
  EXPECT_ERROR(Error, F::scaled_dot_product_attention(q, q, v, allowed, 0, true),
               "Explicit attn_mask should not be set when is_causal=True");
}

TEST(Functional, TakesTheModulesOptions) {
  const Tensor x = linspace(-1, 1, 32).view({1, 2, 4, 4}), w = ones({1, 2, 3, 3});
  expect_near(F::conv2d(x, w, F::Conv2dFuncOptions().padding(1).stride(2)),
              values_of(F::conv2d(x, w, F::Conv2dFuncOptions().padding(kSame))
                            .slice(2, 0, 4, 2)
                            .slice(3, 0, 4, 2)),
              1e-5);
  EXPECT_EQ(F::max_pool2d(x, F::MaxPool2dFuncOptions(2)).numel(), 8);
  EXPECT_TRUE(
      F::dropout(x, F::DropoutFuncOptions().training(false)).sub(x).abs().sum().item<double>() ==
      0);
  expect_near(F::normalize(tensor({{3.0, 4.0}})), {0.6, 0.8});
  expect_near(F::embedding(tensor({1}), tensor({{1.0, 2.0}, {3.0, 4.0}})), {3, 4});
  expect_near(F::layer_norm(tensor({1.0, 3.0}), F::LayerNormFuncOptions({2})), {-1, 1}, 1e-4);
  const Tensor mean = zeros({1}), var = ones({1});
  F::batch_norm(tensor({{1.0}, {3.0}}), mean, var, F::BatchNormFuncOptions().training(true));
  expect_near(mean, {0.2});
  expect_near(F::softmax(tensor({1, 1}), F::SoftmaxFuncOptions(0).dtype(kDouble)), {0.5, 0.5});
}

std::vector<Tensor> with_gradients() {
  const Tensor a = zeros({2}).set_requires_grad(true), b = zeros({1}).set_requires_grad(true);
  a.mutable_grad() = tensor({3.0, 0.0});
  b.mutable_grad() = tensor({-4.0});
  return {a, b, zeros({5}).set_requires_grad(true)};
}

TEST(Utils, ClipGradNorm) {
  std::vector<Tensor> p = with_gradients();
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 10), 5, 1e-6);
  expect_near(p[0].grad(), {3, 0});
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 1), 5, 1e-6);
  expect_near(p[0].grad(), {0.6, 0});
  expect_near(p[1].grad(), {-0.8});
  EXPECT_FALSE(p[2].grad().defined());
  p = with_gradients();
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 2, std::numeric_limits<double>::infinity()), 4, 1e-6);
  expect_near(p[1].grad(), {-2}, 1e-5);
  p = with_gradients();
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 3.5, 1), 7, 1e-6);
  expect_near(p[0].grad(), {1.5, 0}, 1e-5);
  p[0].mutable_grad().fill_(std::nan(""));
  EXPECT_ERROR(Error, nn::utils::clip_grad_norm_(p, 1, 2, true), "is non-finite");
  EXPECT_TRUE(std::isnan(nn::utils::clip_grad_norm_(p, 1)));
  EXPECT_TRUE(std::isnan(values_of(p[1].grad())[0]));
  EXPECT_EQ(nn::utils::clip_grad_norm_(zeros({1}).set_requires_grad(true), 1), 0);
}

TEST(Utils, TotalNorm) {
  const std::vector<Tensor> tensors{tensor({3.0, 0.0}), tensor({{-4.0}})};
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_NEAR(nn::utils::get_total_norm(tensors), 5, 1e-6);
  EXPECT_NEAR(nn::utils::get_total_norm(tensors, 1), 7, 1e-6);
  EXPECT_EQ(nn::utils::get_total_norm(tensors, inf), 4);
  EXPECT_EQ(nn::utils::get_total_norm(tensors, -inf), 0);
  EXPECT_EQ(nn::utils::get_total_norm(tensors[1], -inf), 4);
  EXPECT_EQ(nn::utils::get_total_norm(tensors, 0), 2) << "tensors that are not zero";
  EXPECT_EQ(nn::utils::get_total_norm(std::vector<Tensor>{}), 0);
  EXPECT_EQ(nn::utils::get_total_norm(tensor({1.0, inf})), inf);
  EXPECT_ERROR(Error, nn::utils::get_total_norm(tensor({1.0, inf}), 2, true),
               "get_total_norm: The total norm of order 2 for gradients from `parameters` is "
               "non-finite");
  EXPECT_ERROR(Error, nn::utils::get_total_norm(Tensor()), "undefined");
}

TEST(Utils, ClipGradsWithNorm) {
  const std::vector<Tensor> p = with_gradients();
  nn::utils::clip_grads_with_norm_(p, 2, 2);
  expect_near(p[0].grad(), {3, 0}, 1e-5);
  nn::utils::clip_grads_with_norm_(p, 1, 2);
  expect_near(p[0].grad(), {1.5, 0}, 1e-5);
  expect_near(p[1].grad(), {-2}, 1e-5);
  EXPECT_FALSE(p[2].grad().defined());
  nn::utils::clip_grads_with_norm_(p[1], 1, 4);
  expect_near(p[1].grad(), {-0.5}, 1e-5);
}

TEST(Utils, ClipGradValue) {
  const std::vector<Tensor> p = with_gradients();
  nn::utils::clip_grad_value_(p, 2);
  expect_near(p[0].grad(), {2, 0});
  expect_near(p[1].grad(), {-2});
}

TEST(Utils, ParametersToVectorAndBack) {
  const Tensor a = ones({2, 2}), b = zeros({1});
  const Tensor v = nn::utils::parameters_to_vector({a, b});
  expect_near(v, {1, 1, 1, 1, 0});
  nn::utils::vector_to_parameters(v.add(1), {a, b});
  expect_near(a, {2, 2, 2, 2});
  expect_near(b, {1});
  EXPECT_EQ(a.dim(), 2);
  EXPECT_ERROR(ShapeError, (nn::utils::vector_to_parameters(ones({4}), {a, b}), 0),
               "expected a vector of 5 elements");
}

TEST(Utils, ConvertConv2dWeightMemoryFormat) {
  nn::Conv2d first(3, 4, 3);
  nn::Sequential inner(first, nn::ConvTranspose2d(4, 3, 2), nn::Conv1d(3, 3, 2));
  nn::Sequential model(inner, nn::Linear(2, 2));
  const Tensor weight = inner->parameters()[0], before = weight.clone();
  const Tensor x = ones({2, 3, 6, 6}), y = first(x);
  nn::utils::convert_conv2d_weight_memory_format(model, MemoryFormat::ChannelsLast);
  EXPECT_TRUE(weight.is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_FALSE(weight.is_contiguous());
  EXPECT_TRUE(inner->parameters()[2].is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(inner->parameters()[4].is_contiguous());
  EXPECT_TRUE(weight.equal(before));
  EXPECT_TRUE(weight.requires_grad());
  EXPECT_TRUE(first(x).allclose(y));
  nn::Conv2d alone(3, 4, 3);
  nn::utils::convert_conv2d_weight_memory_format(alone, MemoryFormat::ChannelsLast);
  EXPECT_TRUE(alone->weight.is_contiguous(MemoryFormat::ChannelsLast));
}

}  // namespace
}  // namespace taper
