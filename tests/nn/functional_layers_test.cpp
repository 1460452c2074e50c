// Functions of nn::functional against the ops that they stand for.
#include "taper/nn/functional_layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "taper/ops/contraction.h"
#include "taper/ops/convolution.h"
#include "taper/ops/creation.h"
#include "taper/ops/ctc.h"
#include "taper/ops/distance.h"
#include "taper/ops/loss.h"
#include "taper/ops/normalization.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/pooling.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/softmax.h"
#include "taper/ops/view.h"
#include "tests/nn/recorded.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

namespace F = nn::functional;

void expect_same(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(got.sizes(), want.sizes());
  EXPECT_TRUE(got.equal(want));
}

template <class Layer>
std::string printed(const Layer& layer) {
  std::ostringstream text;
  layer->pretty_print(text);
  return text.str();
}

TEST(FunctionalLayers, Activations) {
  const Tensor x = waves({2, 4}).add(0.1);
  expect_same(F::celu(x, F::CELUFuncOptions().alpha(1.5)), celu(x, 1.5));
  expect_same(F::selu(x), selu(x));
  expect_same(F::glu(x), glu(x, -1));
  expect_same(F::hardshrink(x, F::HardshrinkFuncOptions(0.25)), hardshrink(x, 0.25));
  expect_same(F::softshrink(x, F::SoftshrinkFuncOptions(0.25)), softshrink(x, 0.25));
  expect_same(F::hardsigmoid(x), hardsigmoid(x));
  expect_same(F::hardswish(x), hardswish(x));
  expect_same(F::mish(x), mish(x));
  expect_same(F::logsigmoid(x), log_sigmoid(x));
  expect_same(F::threshold(x, F::ThresholdFuncOptions(0.25, -1)), threshold(x, 0.25, -1));
  expect_same(F::softmin(x, F::SoftminFuncOptions(1)), softmax(x.neg(), 1));
  expect_same(F::prelu(x, full({1}, 0.25, kDouble)), prelu(x, full({1}, 0.25, kDouble)));
  const F::RReLUFuncOptions slopes = F::RReLUFuncOptions().lower(0.25).upper(0.5);
  expect_same(F::rrelu(x, slopes), rrelu(x, 0.25, 0.5, false));
  EXPECT_FALSE(F::rrelu(x, F::RReLUFuncOptions(slopes).training(true)).equal(F::rrelu(x, slopes)));
  const Tensor written = x.clone();
  F::celu(written, F::CELUFuncOptions().inplace(true));
  expect_same(written, celu(x));
}

TEST(FunctionalLayers, ConvolutionsAndPools) {
  const Tensor volume = waves({1, 2, 4, 5, 3}), image = volume.select(4, 0);
  const Tensor line = image.select(3, 0), bias = ones({2}, kDouble);
  const Tensor kernel = waves({2, 2, 2, 2, 2});
  const std::vector<int64_t> two{2}, one{1};
  expect_same(F::conv3d(volume, kernel, F::Conv3dFuncOptions().bias(bias).stride(2).padding(1)),
              conv3d(volume, kernel, bias, 2, 1));
  EXPECT_EQ(F::conv3d(volume, kernel, F::Conv3dFuncOptions().padding(kSame)).sizes(),
            IntArrayRef({1, 2, 4, 5, 3}));
  expect_same(F::conv_transpose3d(volume, kernel, F::ConvTranspose3dFuncOptions().stride(2)),
              conv_transpose3d(volume, kernel, {}, 2));
  const Tensor flat = kernel.select(4, 0);
  expect_same(
      F::conv_transpose2d(image, flat,
                          F::ConvTranspose2dFuncOptions().bias(bias).stride(2).output_padding(1)),
      conv_transpose2d(image, flat, bias, 2, 0, 1));
  expect_same(F::conv_transpose1d(line, flat.select(3, 0),
                                  F::ConvTranspose1dFuncOptions().dilation(2).padding(1)),
              conv_transpose1d(line, flat.select(3, 0), {}, 1, 1, 0, 1, 2));
  expect_same(F::avg_pool1d(line, F::AvgPool1dFuncOptions(2)), avg_pool1d(line, two, two));
  expect_same(F::avg_pool3d(volume, F::AvgPool3dFuncOptions(2).stride(1)),
              avg_pool3d(volume, two, one));
  expect_same(F::max_pool3d(volume, F::MaxPool3dFuncOptions(2)), max_pool3d(volume, two, two));
  const auto [values, places] = F::max_pool3d_with_indices(volume, F::MaxPool3dFuncOptions(2));
  expect_same(values, max_pool3d(volume, two, two));
  EXPECT_EQ(places.scalar_type(), kLong);
  expect_same(std::get<0>(F::max_pool1d_with_indices(line, F::MaxPool1dFuncOptions(2))),
              max_pool1d(line, two, two));
  EXPECT_EQ(F::adaptive_avg_pool1d(line, F::AdaptiveAvgPool1dFuncOptions(3)).size(2), 3);
  EXPECT_EQ(F::adaptive_avg_pool3d(volume, F::AdaptiveAvgPool3dFuncOptions(2)).size(4), 2);
  EXPECT_EQ(F::adaptive_max_pool1d(line, F::AdaptiveMaxPool1dFuncOptions(3)).size(2), 3);
  const auto adaptive = F::AdaptiveMaxPool2dFuncOptions(2);
  expect_same(F::adaptive_max_pool2d(image, adaptive),
              std::get<0>(F::adaptive_max_pool2d_with_indices(image, adaptive)));
  EXPECT_EQ(F::adaptive_max_pool3d(volume, F::AdaptiveMaxPool3dFuncOptions(1)).numel(), 2);
}

TEST(FunctionalLayers, AdaptivePoolsKeepSizesThatAreNotGiven) {
  const Tensor volume = waves({1, 2, 4, 5, 3}), image = volume.select(4, 0);
  const auto none = std::nullopt;
  const F::AdaptiveAvgPool2dFuncOptions rows({2, none});
  expect_same(F::adaptive_avg_pool2d(image, rows), adaptive_avg_pool2d(image, {2, 5}));
  expect_same(nn::AdaptiveAvgPool2d(rows)(image), adaptive_avg_pool2d(image, {2, 5}));
  expect_same(F::adaptive_avg_pool2d(image, F::AdaptiveAvgPool2dFuncOptions(none)), image);
  expect_same(F::adaptive_max_pool2d(image, F::AdaptiveMaxPool2dFuncOptions({none, 3})),
              std::get<0>(adaptive_max_pool2d(image, {4, 3})));
  const nn::AdaptiveAvgPool3dOptions middle({none, 2, none});
  expect_same(F::adaptive_avg_pool3d(volume, middle), adaptive_avg_pool3d(volume, {4, 2, 3}));
  const auto [values, places] = F::adaptive_max_pool3d_with_indices(volume, middle);
  expect_same(values, std::get<0>(adaptive_max_pool3d(volume, {4, 2, 3})));
  expect_same(places, std::get<1>(adaptive_max_pool3d(volume, {4, 2, 3})));
  EXPECT_EQ(printed(nn::AdaptiveMaxPool3d(middle)),
            "taper::nn::AdaptiveMaxPool3d(output_size=[None, 2, None])");
  EXPECT_EQ(printed(nn::AdaptiveAvgPool2d(3)), "taper::nn::AdaptiveAvgPool2d(output_size=[3, 3])");
  const std::vector<int64_t> list{2, 3};
  expect_same(nn::AdaptiveAvgPool2d(list)(image), adaptive_avg_pool2d(image, {2, 3}));
  EXPECT_ERROR(Error, nn::AdaptiveAvgPool3dOptions({1, none}), "Expected 3 values");
  EXPECT_ERROR(Error, nn::AdaptiveAvgPool3dOptions(list), "Expected 3 values");
}

TEST(FunctionalLayers, Others) {
  const Tensor x = waves({3, 4}), y = waves({3, 4}).add(0.2), weight = waves({2, 4, 4});
  expect_same(F::bilinear(x, y, weight), bilinear(x, y, weight));
  expect_same(F::cosine_similarity(x, y), cosine_similarity(x, y, 1, 1e-8));
  expect_same(F::pairwise_distance(x, y, F::PairwiseDistanceFuncOptions().p(1)),
              pairwise_distance(x, y, 1));
  EXPECT_EQ(F::pdist(x).numel(), 3);
  expect_near(F::one_hot(tensor({1, 0}), 3), {0, 1, 0, 1, 0, 0});
  const Tensor image = waves({1, 4, 2, 2});
  const Tensor shuffled = F::pixel_shuffle(image, F::PixelShuffleFuncOptions(2));
  EXPECT_EQ(shuffled.sizes(), IntArrayRef({1, 1, 4, 4}));
  expect_same(F::pixel_unshuffle(shuffled, F::PixelUnshuffleFuncOptions(2)), image);
  expect_same(F::channel_shuffle(F::channel_shuffle(image, 2), 2), image);
  expect_same(F::instance_norm(image, F::InstanceNormFuncOptions().eps(0.1)),
              instance_norm(image, {}, {}, {}, {}, true, 0.1, 0.1));
  expect_same(F::dropout2d(image, F::Dropout2dFuncOptions().training(false)), image);
  const Tensor lines = F::dropout1d(ones({4, 8, 3}), F::Dropout1dFuncOptions().training(true));
  expect_same(lines, lines.select(2, 0).unsqueeze(2).expand({4, 8, 3}));
  expect_same(lines.mul(lines.sub(2)), zeros({4, 8, 3}));
  const auto off = F::Dropout1dFuncOptions().training(false);
  expect_same(F::dropout1d(image.select(0, 0), off), image.select(0, 0));
  expect_same(F::dropout3d(waves({1, 1, 1, 1, 2}), F::Dropout3dFuncOptions().p(1)),
              zeros({1, 1, 1, 1, 2}, kDouble));
  expect_same(F::alpha_dropout(x), x);
  expect_same(F::feature_alpha_dropout(x), x);
  EXPECT_FALSE(F::alpha_dropout(x, F::AlphaDropoutFuncOptions().training(true)).equal(x));
  EXPECT_ERROR(ConfigError, F::dropout2d(image, F::Dropout2dFuncOptions().p(2)), "between 0 and 1");
}

TEST(FunctionalLayers, Losses) {
  const Tensor x = waves({3, 4}), y = waves({3, 4}).add(1.2), sign = ones({3}, kDouble).neg();
  expect_same(F::kl_div(x, y, F::KLDivFuncOptions().reduction(kBatchMean)),
              kl_div(x, y, Reduction::Sum, false).div(3));
  expect_same(F::huber_loss(x, y, F::HuberLossFuncOptions().delta(0.5)),
              huber_loss(x, y, Reduction::Mean, 0.5));
  const Tensor signs = y.sign();
  expect_same(F::hinge_embedding_loss(x, signs), hinge_embedding_loss(x, signs));
  const Tensor classes = tensor({1, 0, 3});
  expect_same(F::multi_margin_loss(x, classes, F::MultiMarginLossFuncOptions().p(2)),
              multi_margin_loss(x, classes, 2));
  EXPECT_ERROR(ConfigError, F::multi_margin_loss(x, classes, F::MultiMarginLossFuncOptions().p(3)),
               "only p == 1 and p == 2 supported");
  const Tensor labels = tensor({3, 0, -1, 1, 1, -1, -1, -1, 2, 3, 0, 1}).view({3, 4});
  expect_same(F::multilabel_margin_loss(x, labels), multilabel_margin_loss(x, labels));
  expect_same(F::soft_margin_loss(x, signs), soft_margin_loss(x, signs));
  expect_same(F::poisson_nll_loss(x, y, F::PoissonNLLLossFuncOptions().full(true)),
              poisson_nll_loss(x, y, true, true, 1e-8, Reduction::Mean));
  const Tensor one = x.select(1, 0), two = y.select(1, 0);
  expect_same(F::margin_ranking_loss(one, two, sign), margin_ranking_loss(one, two, sign));
  expect_same(F::cosine_embedding_loss(x, y, sign), cosine_embedding_loss(x, y, sign));
  expect_same(F::triplet_margin_loss(x, y, x.neg()), triplet_margin_loss(x, y, x.neg()));
  const Tensor logits = log_softmax(waves({5, 1, 3}), 2);
  expect_same(F::ctc_loss(logits, tensor({1, 2}).view({1, 2}), tensor({5}), tensor({2})),
              ctc_loss(logits, tensor({1, 2}).view({1, 2}), tensor({5}), tensor({2})));
}

}  // namespace
}  // namespace taper
