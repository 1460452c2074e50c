// Layers against PyTorch: what they hold, print and compute.
#include "taper/ops/random.h"
#include "tests/nn/golden_layers.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

TEST_F(GoldenLayers, Convolutions) {
  check("conv1d",
        nn::Conv1d(nn::Conv1dOptions(4, 6, 3).stride(2).padding(1).dilation(2).groups(2)));
  check("conv1d same circular",
        nn::Conv1d(nn::Conv1dOptions(4, 2, 4).padding(kSame).padding_mode(kCircular)));
  check("conv2d reflect",
        nn::Conv2d(nn::Conv2dOptions(4, 3, {3, 2}).padding({2, 1}).padding_mode(kReflect)));
  check("conv2d replicate", nn::Conv2d(nn::Conv2dOptions(4, 3, {3, 2})
                                           .padding({1, 2})
                                           .stride({1, 2})
                                           .bias(false)
                                           .padding_mode(kReplicate)));
  check("conv3d",
        nn::Conv3d(nn::Conv3dOptions(4, 2, {2, 3, 1}).padding({1, 0, 1}).stride({1, 2, 1})));
  check(
      "conv3d circular",
      nn::Conv3d(nn::Conv3dOptions(4, 4, {2, 3, 3}).padding(1).groups(4).padding_mode(kCircular)));
  check("transpose1d",
        nn::ConvTranspose1d(
            nn::ConvTranspose1dOptions(4, 6, 3).stride(2).padding(1).output_padding(1).groups(2)));
  check("transpose2d", nn::ConvTranspose2d(nn::ConvTranspose2dOptions(4, 3, {3, 2})
                                               .stride({2, 3})
                                               .padding({1, 0})
                                               .output_padding({1, 2})
                                               .dilation({1, 2})
                                               .bias(false)));
  check("transpose3d",
        nn::ConvTranspose3d(nn::ConvTranspose3dOptions(4, 2, {2, 3, 1}).stride({2, 1, 2})));
}

TEST_F(GoldenLayers, Paddings) {
  check("constant1d", nn::ConstantPad1d(nn::ConstantPad1dOptions({1, 2}, 0.5)));
  check("constant2d", nn::ConstantPad2d(nn::ConstantPad2dOptions({1, 2, -1, 3}, 1.5)));
  check("constant3d", nn::ConstantPad3d(nn::ConstantPad3dOptions({1, 2, 0, 3, 1, 1}, -2.5)));
  check("zero2d", nn::ZeroPad2d(nn::ZeroPad2dOptions({1, 2, 3, 0})));
  check("reflection1d", nn::ReflectionPad1d(nn::ReflectionPad1dOptions({3, 1})));
  check("reflection2d", nn::ReflectionPad2d(nn::ReflectionPad2dOptions({3, 1, 0, 2})));
  check("reflection3d", nn::ReflectionPad3d(nn::ReflectionPad3dOptions({1, 1, 2, 0, 1, 2})));
  check("replication1d", nn::ReplicationPad1d(nn::ReplicationPad1dOptions({3, 1})));
  check("replication2d", nn::ReplicationPad2d(nn::ReplicationPad2dOptions({3, 1, 0, 2})));
  check("replication3d", nn::ReplicationPad3d(nn::ReplicationPad3dOptions({1, 1, 2, 0, 1, 2})));
  // PyTorch 1.13 has none of these.
  const Tensor x = tensor({1.0, 2.0, 3.0}).view({1, 1, 3});
  expect_near(nn::CircularPad1d(nn::CircularPad1dOptions({1, 2}))(x), {3, 1, 2, 3, 1, 2});
  expect_near(nn::ZeroPad1d(1)(x), {0, 1, 2, 3, 0});
  expect_near(nn::CircularPad2d(nn::CircularPad2dOptions({1, 0, 0, 0}))(x.unsqueeze(0)),
              {3, 1, 2, 3});
  EXPECT_ERROR(ShapeError, nn::ReflectionPad2d(1)(ones({3})), "expected 3D or 4D input (got 1D");
}

TEST_F(GoldenLayers, Pools) {
  using nn::AvgPool3dOptions;
  check("max1d", nn::MaxPool1d(nn::MaxPool1dOptions(3).stride(2).padding(1).ceil_mode(true)));
  check("max2d", nn::MaxPool2d(
                     nn::MaxPool2dOptions({3, 2}).stride({2, 1}).padding({1, 1}).dilation({1, 2})));
  check("avg1d",
        nn::AvgPool1d(nn::AvgPool1dOptions(3).stride(2).padding(1).count_include_pad(false)));
  check("avg2d",
        nn::AvgPool2d(nn::AvgPool2dOptions({3, 2}).stride({2, 1}).padding({1, 0}).ceil_mode(true)));
  check("avg3d",
        nn::AvgPool3d(
            AvgPool3dOptions({2, 3, 1}).stride({2, 1, 1}).padding({0, 1, 0}).divisor_override(5)));
  check("adaptive avg1d", nn::AdaptiveAvgPool1d(3));
  check("adaptive avg2d", nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({3, 2})));
  check("adaptive avg3d", nn::AdaptiveAvgPool3d(nn::AdaptiveAvgPool3dOptions({3, 2, 1})));
  check("adaptive max1d", nn::AdaptiveMaxPool1d(3));
  check("adaptive max2d", nn::AdaptiveMaxPool2d(nn::AdaptiveMaxPool2dOptions({3, 2})));
  check("adaptive max3d", nn::AdaptiveMaxPool3d(nn::AdaptiveMaxPool3dOptions({3, 2, 1})));
  check("lp1d", nn::LPPool1d(nn::LPPool1dOptions(2.5, 3).stride(2)));
  check("lp2d", nn::LPPool2d(nn::LPPool2dOptions(3.5, {2, 3}).stride({1, 2})));
  check("unpool1d", nn::MaxUnpool1d(2));
  check("unpool2d", nn::MaxUnpool2d(nn::MaxUnpool2dOptions({2, 1})));
  check("unpool3d", nn::MaxUnpool3d(nn::MaxUnpool3dOptions({2, 1, 1})));
  nn::MaxPool3d volume(nn::MaxPool3dOptions({2, 2, 1}).stride({1, 2, 2}));
  const Tensor x = waves({2, 4, 4, 5, 3});
  const auto [values, places] = volume->forward_with_indices(x);
  expect_near(volume(x), values_of(values));
  expect_near(nn::MaxUnpool3d(nn::MaxUnpool3dOptions({2, 2, 1}).stride({2, 2, 2}))
                  ->forward(zeros({1, 1, 1, 1, 1}), zeros({1, 1, 1, 1, 1}, kLong), Sizes{2, 2, 1}),
              {0, 0, 0, 0});
}

TEST_F(GoldenLayers, FractionalPoolsKeepTheirSamples) {
  const Tensor samples = full({1, 1, 2}, 0.5);
  nn::FractionalMaxPool2d pool(
      nn::FractionalMaxPool2dOptions(2).output_size(2)._random_samples(samples));
  EXPECT_EQ(pool->state_dict().keys(), std::vector<std::string>{"_random_samples"});
  const Tensor x = arange(25, kFloat).view({1, 1, 5, 5});
  expect_near(pool(x), values_of(pool(x)));
  EXPECT_EQ(pool(x).sizes().vec(), (Sizes{1, 1, 2, 2}));
  EXPECT_EQ(nn::FractionalMaxPool3d(nn::FractionalMaxPool3dOptions(2).output_ratio(0.5))(
                ones({1, 2, 4, 6, 8}))
                .sizes()
                .vec(),
            (Sizes{1, 2, 2, 3, 4}));
  EXPECT_ERROR(ConfigError, nn::FractionalMaxPool2d(2), "requires specifying either");
}

TEST_F(GoldenLayers, Images) {
  check("fold", nn::Fold(nn::FoldOptions({4, 5}, {2, 3}).padding({0, 1}).stride({2, 1})));
  check("unfold",
        nn::Unfold(nn::UnfoldOptions({2, 3}).dilation({2, 1}).padding({1, 0}).stride({1, 2})));
  using nn::UpsampleOptions;
  using Factors = std::vector<double>;
  check("upsample scale",
        nn::Upsample(UpsampleOptions().scale_factor(Factors{1.5, 2.5}).mode(kBilinear)));
  check("upsample size",
        nn::Upsample(UpsampleOptions().size(Sizes{5, 9}).mode(kBicubic).align_corners(true)));
  check("upsample volume", nn::Upsample(UpsampleOptions().size(Sizes{5, 9, 4}).mode(kTrilinear)));
  check("upsampling nearest", nn::UpsamplingNearest2d(UpsampleOptions().size(Sizes{8, 9})));
  check("upsampling bilinear",
        nn::UpsamplingBilinear2d(UpsampleOptions().scale_factor(Factors{2.5, 1.5})));
  check("pixel shuffle", nn::PixelShuffle(2));
  check("pixel unshuffle", nn::PixelUnshuffle(2));
  check("channel shuffle", nn::ChannelShuffle(2));
}

TEST_F(GoldenLayers, Activations) {
  check("celu", nn::CELU(nn::CELUOptions().alpha(1.5)));
  check("selu", nn::SELU());
  check("mish", nn::Mish());
  check("glu", nn::GLU(1));
  check("hardshrink", nn::Hardshrink(0.25));
  check("softshrink", nn::Softshrink(0.25));
  check("tanhshrink", nn::Tanhshrink());
  check("softsign", nn::Softsign());
  check("logsigmoid", nn::LogSigmoid());
  check("hardsigmoid", nn::Hardsigmoid());
  check("hardswish", nn::Hardswish());
  check("threshold", nn::Threshold(0.25, -1.5));
  check("softmin", nn::Softmin(1));
  check("softmax2d", nn::Softmax2d());
  check("rrelu", nn::RReLU(nn::RReLUOptions().upper(0.25)), false);
  check("prelu", nn::PReLU(nn::PReLUOptions().num_parameters(4)));
  check("prelu one", nn::PReLU());
  check("relu6", nn::ReLU6());
  check("leaky", nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.125)));
  check("elu", nn::ELU(nn::ELUOptions().alpha(1.5)));
  check("gelu", nn::GELU(nn::GELUOptions().approximate("tanh")));
  check("softplus", nn::Softplus(nn::SoftplusOptions().beta(2.5).threshold(15.5)));
}

TEST_F(GoldenLayers, Others) {
  check("bilinear", nn::Bilinear(3, 4, 2));
  check("bilinear no bias", nn::Bilinear(nn::BilinearOptions(3, 4, 2).bias(false)));
  check("cosine similarity", nn::CosineSimilarity(nn::CosineSimilarityOptions().dim(2).eps(1e-6)));
  check("pairwise distance",
        nn::PairwiseDistance(nn::PairwiseDistanceOptions().p(3).keepdim(true)));
  check("dropout1d", nn::Dropout1d(0.25), false);
  check("dropout2d", nn::Dropout2d(0.25), false);
  check("dropout3d", nn::Dropout3d(0.25), false);
  check("alpha dropout", nn::AlphaDropout(0.25), false);
  check("feature alpha dropout", nn::FeatureAlphaDropout(0.25), false);
  check("embedding bag", nn::EmbeddingBag(nn::EmbeddingBagOptions(5, 3).mode(kSum)));
  check("embedding bag offsets",
        nn::EmbeddingBag(nn::EmbeddingBagOptions(5, 3).mode(kMax).padding_idx(1)));
  check("embedding bag mean",
        nn::EmbeddingBag(nn::EmbeddingBagOptions(5, 3).include_last_offset(true)));
}

TEST_F(GoldenLayers, Normalizations) {
  check("batch3d", nn::BatchNorm3d(nn::BatchNorm3dOptions(4).eps(0.001).momentum(0.25)));
  check("batch3d bare", nn::BatchNorm3d(nn::BatchNorm3dOptions(4)
                                            .momentum(std::nullopt)
                                            .affine(false)
                                            .track_running_stats(false)));
  check("batch3d eval", nn::BatchNorm3d(nn::BatchNorm3dOptions(4).momentum(std::nullopt)), false);
  check("instance1d", nn::InstanceNorm1d(4));
  check("instance1d sample", nn::InstanceNorm1d(nn::InstanceNorm1dOptions(4).affine(true)));
  check("instance2d",
        nn::InstanceNorm2d(nn::InstanceNorm2dOptions(4).affine(true).track_running_stats(true)));
  check("instance2d eval",
        nn::InstanceNorm2d(nn::InstanceNorm2dOptions(4).track_running_stats(true)), false);
  check("instance3d", nn::InstanceNorm3d(nn::InstanceNorm3dOptions(4).eps(0.001)));
  check("local response", nn::LocalResponseNorm(nn::LocalResponseNormOptions(3).alpha(0.5).k(1.5)));
  check("cross map", nn::CrossMapLRN2d(nn::CrossMapLRN2dOptions(3).alpha(0.5).k(1.5)));
  // PyTorch 1.13 has no RMSNorm: 1 / sqrt((9 + 16) / 2).
  const double scale = 1 / std::sqrt(12.5);
  nn::RMSNorm rms(Sizes{2});
  EXPECT_EQ(rms->state_dict().keys(), std::vector<std::string>{"weight"});
  expect_near(rms(tensor({{3.0, 4.0}})), {3 * scale, 4 * scale});
  EXPECT_ERROR(ShapeError, rms(ones({2, 3})), "expected input with shape [*, [2]]");
  EXPECT_ERROR(ShapeError, nn::BatchNorm3d(4)(ones({2, 4})), "expected 5D input (got 2D input)");
  EXPECT_ERROR(ShapeError, nn::BatchNorm1d(4)(ones({1, 4})), "more than 1 value per channel");
  EXPECT_ERROR(ShapeError, nn::InstanceNorm1d(4)(ones({3, 4, 1})), "more than 1 spatial element");
  EXPECT_ERROR(ShapeError, nn::InstanceNorm2d(4)(ones({2, 4})), "expected 3D or 4D input");
}

TEST_F(GoldenLayers, Losses) {
  check("kl", nn::KLDivLoss(kBatchMean));
  check("kl log", nn::KLDivLoss(nn::KLDivLossOptions(kSum).log_target(true)));
  check("huber", nn::HuberLoss(nn::HuberLossOptions().delta(0.75)));
  check("hinge", nn::HingeEmbeddingLoss(nn::HingeEmbeddingLossOptions().margin(0.5)));
  check("multi margin",
        nn::MultiMarginLoss(nn::MultiMarginLossOptions().p(2).margin(0.75).weight(ones({4}))));
  check("multilabel margin", nn::MultiLabelMarginLoss(kSum));
  check("multilabel soft",
        nn::MultiLabelSoftMarginLoss(nn::MultiLabelSoftMarginLossOptions().weight(ones({4}))));
  check("soft margin", nn::SoftMarginLoss(kNone));
  check("margin ranking", nn::MarginRankingLoss(nn::MarginRankingLossOptions().margin(0.25)));
  check("cosine embedding", nn::CosineEmbeddingLoss(nn::CosineEmbeddingLossOptions().margin(0.25)));
  check("triplet", nn::TripletMarginLoss(nn::TripletMarginLossOptions().margin(2).p(3).swap(true)));
  check("triplet distance", nn::TripletMarginWithDistanceLoss(
                                nn::TripletMarginWithDistanceLossOptions().margin(2).swap(true)));
  check("poisson", nn::PoissonNLLLoss(nn::PoissonNLLLossOptions().full(true)));
  check("poisson plain",
        nn::PoissonNLLLoss(nn::PoissonNLLLossOptions().log_input(false).reduction(kSum)));
  check("gaussian", nn::GaussianNLLLoss(nn::GaussianNLLLossOptions().full(true)));
  check("nll2d", nn::NLLLoss2d());
  check("adaptive", nn::AdaptiveLogSoftmaxWithLoss(8, 7, Sizes{2, 4}));
  check("adaptive sample",
        nn::AdaptiveLogSoftmaxWithLoss(
            nn::AdaptiveLogSoftmaxWithLossOptions(8, 7, {2}).div_value(2).head_bias(true)));
  check("ctc", nn::CTCLoss(nn::CTCLossOptions().blank(1).reduction(kSum).zero_infinity(true)));
  EXPECT_ERROR(ConfigError, nn::MultiMarginLoss(nn::MultiMarginLossOptions().p(3)),
               "only p == 1 and p == 2 supported");
}

TEST_F(GoldenLayers, TransposedSizesCanBeChosen) {
  nn::ConvTranspose2d up(nn::ConvTranspose2dOptions(1, 1, 3).stride(2).padding(1));
  EXPECT_EQ(up->forward(ones({1, 1, 4, 5}), Sizes{8, 9}).sizes().vec(), (Sizes{1, 1, 8, 9}));
  EXPECT_EQ(up->forward(ones({1, 4, 5}), Sizes{1, 7, 10}).sizes().vec(), (Sizes{1, 7, 10}));
  EXPECT_ERROR(ShapeError, up->forward(ones({1, 1, 4, 5}), Sizes{9, 9}),
               "valid sizes of dimension 0 range from 7 to 8");
  EXPECT_ERROR(ShapeError, up->forward(ones({1, 1, 4, 5}), Sizes{9}), "must have 2 or 4 elements");
  EXPECT_ERROR(ShapeError, up->forward(ones({5}), Sizes{9, 9}), "expected 3D or 4D input");
  EXPECT_ERROR(ConfigError,
               nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 1).padding_mode(kReflect)),
               "Only \"zeros\" padding mode is supported");
}

TEST_F(GoldenLayers, DropoutOfChannelsDropsAllOrNothing) {
  manual_seed(3);
  const Tensor sums = nn::Dropout1d(0.5)(ones({8, 16, 4})).sum(-1);
  EXPECT_TRUE(sums.eq(0).logical_or(sums.eq(8)).all().item<bool>());
  EXPECT_TRUE(sums.eq(0).any().item<bool>() && sums.eq(8).any().item<bool>());
  EXPECT_EQ(nn::Dropout3d(0.5)(ones({2, 3, 4, 5})).dim(), 4);
  EXPECT_ERROR(ShapeError, nn::Dropout1d(0.5)(ones({3})), "Expected 2D or 3D input");
  // Channels are alike within, and mean and variance stay.
  const Tensor x = randn({200, 200, 4}).requires_grad_();
  const Tensor y = nn::FeatureAlphaDropout(0.2)(x);
  EXPECT_NEAR(y.mean().item<double>(), 0, 0.02);
  EXPECT_NEAR(y.var().item<double>(), 1, 0.03);
  y.sum().backward();
  const Tensor slopes = x.grad().amax({-1}).sub(x.grad().amin({-1}));
  EXPECT_EQ(slopes.abs().max().item<double>(), 0);
  EXPECT_ERROR(ConfigError, nn::AlphaDropout(1.5), "has to be between 0 and 1");
}

}  // namespace
}  // namespace taper
