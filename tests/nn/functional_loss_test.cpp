// Losses, distances, bags and samples as functions. Numbers were recorded with PyTorch 1.13.1.
#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/nn/nn.h"
#include "taper/ops/ctc.h"
#include "taper/ops/distance.h"
#include "taper/ops/extremum.h"
#include "taper/ops/loss.h"
#include "taper/ops/random.h"
#include "taper/ops/softmax.h"
#include "tests/nn/recorded.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

namespace F = nn::functional;

Tensor rows() { return waves({6, 20}).narrow(1, 0, 5); }
Tensor labels() { return waves({6, 20}).narrow(1, 5, 5).gt(0).to(kDouble); }
Tensor signs() { return labels().mul(2).sub(1); }
Tensor class_weights() { return tensor({1.0, 2.0, 0.5, 1.0, 3.0}, kDouble); }

TEST(FunctionalLoss, AgreesWithPyTorch) {
  const Tensor a = rows(), t = labels(), back = a.flip(0);
  expect_near(F::multilabel_soft_margin_loss(
                  a, t, F::MultilabelSoftMarginLossFuncOptions().weight(class_weights())),
              {1.5511332});
  const auto farthest = [](const Tensor& p, const Tensor& q) {
    return std::get<0>(p.sub(q).abs().max(1));
  };
  expect_recorded(F::triplet_margin_with_distance_loss(a, t, back,
                                                       F::TripletMarginWithDistanceLossFuncOptions()
                                                           .distance_function(farthest)
                                                           .margin(0.3)
                                                           .swap(true)
                                                           .reduction(kNone)),
                  {6, {0.43343892, 1.666016, 0.96040435, 0.95138018}, 5.9102353}, "triplet");
  expect_near(
      F::gaussian_nll_loss(a, t, a.square().add(0.01), F::GaussianNLLLossFuncOptions().full(true)),
      {2.411026});
  expect_near(F::gaussian_nll_loss(a, t, a.select(1, 0).abs()), {42891.647}, 1e-3);
  expect_near(hinge_embedding_loss(a, signs(), 0.5), {-0.17658086});
  expect_near(margin_ranking_loss(a, back, signs(), 0.2), {0.85357362});
  expect_near(cosine_embedding_loss(a, back, signs().select(1, 0), 0.2), {0.68949463});
  expect_near(soft_margin_loss(a, signs()), {1.0350423});
  expect_near(multi_margin_loss(a, tensor({0, 3, 2, 4, 1, 1}), 2, 1, class_weights()), {1.6891833});
  const Tensor several = tensor({{0, 2, -1, 1, 1},
                                 {3, -1, 0, 0, 0},
                                 {-1, 0, 1, 2, 3},
                                 {0, 1, 2, 3, 4},
                                 {1, -1, 2, 3, 3},
                                 {4, 0, -1, -1, 0}});
  expect_recorded(multilabel_margin_loss(a, several, Reduction::None),
                  {6, {1.3456962, 1.3560382, 0, 0}, 5.5931528}, "multilabel");
  expect_near(triplet_margin_loss(a, t, back, 1, 3, 1e-6, true), {1.8472521});
  expect_near(poisson_nll_loss(a.abs(), t.mul(3), false, true, 1e-8, Reduction::Mean), {2.5307802});
}

TEST(FunctionalLoss, GaussianVarianceIsChecked) {
  EXPECT_ERROR(Error, F::gaussian_nll_loss(rows(), rows(), rows()),
               "var has negative entry/entries");
  EXPECT_ERROR(ShapeError, F::gaussian_nll_loss(rows(), rows(), ones({5}, kDouble)),
               "var is of incorrect size");
  Tensor var = zeros({2}, kDouble).requires_grad_();
  F::gaussian_nll_loss(ones({2}, kDouble), zeros({2}, kDouble), var,
                       F::GaussianNLLLossFuncOptions().eps(0.5).reduction(kSum))
      .backward();
  // (1 / v - 1 / v^2) / 2 at v = eps: the clamp hides no gradient.
  expect_near(var.grad(), {-1, -1});
}

TEST(FunctionalLoss, DistancesAgreeWithPyTorch) {
  const Tensor a = rows();
  expect_recorded(cosine_similarity(a, a.flip(0)),
                  {6, {0.57460459, -0.47606364, 0.044152519, 0.044152519}, 0.28538695}, "cosine");
  expect_recorded(pairwise_distance(a, a.flip(0), 3),
                  {6, {1.1428895, 2.2331693, 1.7536034, 1.7536043}, 10.259325}, "pairs");
  expect_recorded(pdist(a, 1.5), {15, {2.6775966, 3.7188368, 3.1913749, 1.1170189}, 42.376294},
                  "pdist");
  expect_recorded(cdist(a, a.flip(1)),
                  {36, {0.56599367, 1.6543162, 2.8511775, 2.8377364}, 70.334015}, "cdist");
}

TEST(FunctionalLoss, CtcAndItsGradientAgreeWithPyTorch) {
  const Tensor x = waves({6, 2, 10}).narrow(2, 0, 5);
  Tensor log_probs = log_softmax(x, 2).requires_grad_();
  const Tensor loss = ctc_loss(log_probs, tensor({{1, 2, 2}, {3, 1, 0}}), {6, 5}, {3, 2});
  loss.backward();
  expect_near(loss, {2.4539526});
  expect_recorded(log_probs.grad(),
                  {60,
                   {-0.0017388096, -0.11316645, 0.047743101, 0.042249572, 0.024912583, -0.12436186,
                    0.074332541, 0.065038506},
                   0},
                  "gradient");
}

TEST(FunctionalLoss, EmbeddingBag) {
  const Tensor weight = waves({12, 10}).narrow(0, 0, 6).narrow(1, 0, 3);
  const Tensor index = tensor({1, 2, 4, 5, 4, 3, 2, 0});
  const auto options = F::EmbeddingBagFuncOptions().offsets(tensor({0, 4})).padding_idx(4);
  expect_near(F::embedding_bag(index, weight, F::EmbeddingBagFuncOptions(options).mode(kSum)),
              {1.2194113, 0.92424839, 0.19439704, 1.827263, 1.7770172, 0.8910124});
  expect_near(F::embedding_bag(index, weight, options),
              {0.40647043, 0.3080828, 0.064799013, 0.60908766, 0.59233906, 0.29700413});
  expect_near(F::embedding_bag(index, weight, F::EmbeddingBagFuncOptions(options).mode(kMax)),
              {0.99060736, 0.98816823, 0.85459891, 0.99060736, 0.84574683, 0.98544973});
  const Tensor weights = waves({2, 4});
  expect_near(F::embedding_bag(index.view({2, 4}), weight,
                               F::EmbeddingBagFuncOptions().mode(kSum).per_sample_weights(weights)),
              {0.53551952, -0.64730707, -1.525695, -1.0661239, -1.6090649, -1.3952375});
  Tensor rows = tensor({{3.0, 4.0}, {0.3, 0.4}});
  F::embedding_bag(tensor({{0}}), rows, F::EmbeddingBagFuncOptions().max_norm(1));
  expect_near(rows, {0.6, 0.8, 0.3, 0.4});
  EXPECT_ERROR(ConfigError, F::embedding_bag(index, weight), "offsets has to be a 1D Tensor");
  EXPECT_ERROR(ConfigError, F::embedding_bag(index.view({2, 4}), weight, options),
               "if input is 2D, then offsets has to be None");
}

TEST(FunctionalLoss, GumbelSoftmax) {
  manual_seed(0);
  Tensor logits = rows().requires_grad_();
  const Tensor soft = F::gumbel_softmax(logits, F::GumbelSoftmaxFuncOptions().tau(0.5));
  expect_near(soft.sum(1), std::vector<double>(6, 1.0));
  const Tensor hard = F::gumbel_softmax(logits, F::GumbelSoftmaxFuncOptions().hard(true));
  for (const double v : values_of(hard)) EXPECT_TRUE(v < 1e-12 || v > 1 - 1e-12) << v;
  expect_near(hard.sum(1), std::vector<double>(6, 1.0));
  hard.select(1, 0).sum().backward();
  EXPECT_GT(logits.grad().abs().sum().item<double>(), 1e-6);
  // Large logits win against any draw.
  const Tensor sure = F::gumbel_softmax(tensor({1000.0, 0.0}));
  expect_near(sure, {1, 0});
}

TEST(FunctionalLoss, SoftsignAndTanhshrink) {
  const Tensor x = tensor({-2.0, 0.0, 0.5});
  expect_near(F::softsign(x), {-2.0 / 3, 0, 1.0 / 3});
  expect_near(F::tanhshrink(x), {-2 + std::tanh(2.0), 0, 0.5 - std::tanh(0.5)});
}

}  // namespace
}  // namespace taper
