// Functions on images. Numbers were recorded with PyTorch 1.13.1.
#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/nn/nn.h"
#include "taper/ops/convolution.h"
#include "taper/ops/pooling.h"
#include "taper/ops/random.h"
#include "tests/nn/recorded.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

namespace F = nn::functional;
using Resize = F::InterpolateFuncOptions;

Tensor images() { return waves({2, 3, 4, 5}); }
Tensor volume() { return waves({1, 2, 3, 4, 5}); }
std::vector<int64_t> to(std::initializer_list<int64_t> sizes) { return sizes; }
std::vector<double> by(std::initializer_list<double> factors) { return factors; }

TEST(FunctionalVision, InterpolateToASize) {
  const auto size = [](std::initializer_list<int64_t> s) { return Resize().size(to(s)); };
  expect_recorded(F::interpolate(images(), size({7, 3}).mode(kBilinear)),
                  {126, {0.21473923, 0.98544973, 0.51106189, -0.049232189}, 1.9622967}, "bilinear");
  expect_recorded(F::interpolate(images(), size({7, 9}).mode(kBilinear).align_corners(true)),
                  {378, {0, 0.32210884, 0.64421769, 0.81483371}, 4.6296402}, "aligned");
  expect_recorded(F::interpolate(images(), size({6, 7}).mode(kBicubic).align_corners(true)),
                  {252, {0, 0.40349374, 0.83001346, 0.98544973}, 2.9431547}, "bicubic");
  expect_recorded(F::interpolate(images(), size({2, 3}).mode(kBilinear).antialias(true)),
                  {36, {-0.01353409, 0.11047607, 0.1183773, -0.13488685}, 0.41452825}, "aa linear");
  expect_recorded(F::interpolate(images(), size({2, 3}).mode(kBicubic).antialias(true)),
                  {36, {-0.010768789, 0.11990676, 0.11651573, -0.14140489}, 0.40518149},
                  "aa cubic");
  expect_recorded(F::interpolate(images(), size({3, 7}).mode(kNearestExact)),
                  {126, {0, 0.64421769, 0.64421769, 0.98544973}, 7.9245951}, "nearest exact");
  expect_recorded(F::interpolate(images(), size({3, 2}).mode(kArea)),
                  {36, {-0.095857366, 0.097790316, 0.049157021, -0.13161453}, 0.20264854}, "area");
  expect_recorded(F::interpolate(volume(), size({4, 3, 7}).mode(kTrilinear)),
                  {168, {-0.058463871, 0.19870717, 0.46755132, 0.65746601}, 3.1946834},
                  "trilinear");
}

TEST(FunctionalVision, OldNamesOfInterpolate) {
  const Resize size = Resize().size(to({7, 9}));
  EXPECT_TRUE(F::upsample(images(), size).equal(F::interpolate(images(), size)));
  EXPECT_TRUE(F::upsample_nearest(images(), Resize(size).mode(kBilinear))
                  .equal(F::interpolate(images(), size)));
  EXPECT_TRUE(
      F::upsample_bilinear(images(), size)
          .equal(F::interpolate(images(), Resize(size).mode(kBilinear).align_corners(true))));
}

TEST(FunctionalVision, InterpolateByAFactor) {
  const auto scale = [](std::initializer_list<double> s) { return Resize().scale_factor(by(s)); };
  expect_recorded(F::interpolate(images(), scale({1.7, 0.6}).mode(kBicubic)),
                  {108, {0.25127757, 1.1770754, 0.55897002, -0.15777884}, 2.4355866}, "bicubic");
  expect_recorded(
      F::interpolate(images(), scale({1.7, 0.6}).mode(kBicubic).recompute_scale_factor(true)),
      {108, {0.24395858, 1.1562746, 0.55197065, -0.28210402}, 1.6665101}, "recomputed");
  expect_recorded(F::interpolate(images(), scale({2.3})), {594, {0, 0, 0, 0.64421769}, 16.301761},
                  "nearest");
  expect_recorded(F::interpolate(volume(), scale({0.6}).mode(kArea)),
                  {12, {0.02715635, 0.063273798, 0.04298948, 0.063626904}, 0.19978495}, "area");
  expect_recorded(F::interpolate(images()[0], scale({1.5}).mode(kLinear)),
                  {84, {0, 0.32210884, 0.70108969, 0.92857772}, 3.5888542}, "linear");
}

TEST(FunctionalVision, InterpolateRefusesWhatHasNoMeaning) {
  const Tensor x = images();
  EXPECT_ERROR(ConfigError, F::interpolate(x, Resize()),
               "either size or scale_factor should be defined");
  EXPECT_ERROR(ConfigError, F::interpolate(x, Resize().size(to({2})).scale_factor(by({2}))),
               "only one of size or scale_factor should be defined");
  EXPECT_ERROR(ConfigError, F::interpolate(x, Resize().size(to({2})).recompute_scale_factor(true)),
               "recompute_scale_factor is not meaningful with an explicit size");
  EXPECT_ERROR(ConfigError, F::interpolate(x, Resize().size(to({2})).align_corners(true)),
               "align_corners option can only be set with the interpolating modes");
  EXPECT_ERROR(ConfigError, F::interpolate(x, Resize().size(to({2})).antialias(true)),
               "Anti-alias option is only supported for bilinear and bicubic modes");
  EXPECT_ERROR(ShapeError, F::interpolate(x, Resize().size(to({2, 2, 2}))),
               "must have the same number of spatial dimensions");
  EXPECT_ERROR(ShapeError, F::interpolate(x, Resize().size(to({2})).mode(kTrilinear)),
               "Got 4D input, but kTrilinear mode needs another");
  EXPECT_ERROR(ShapeError, F::interpolate(x[0][0], Resize().size(to({2}))),
               "Only 3D, 4D and 5D input Tensors supported, got 2D");
  EXPECT_ERROR(ShapeError, F::interpolate(x, Resize().scale_factor(by({NAN}))), "scale_factor");
  EXPECT_ERROR(ShapeError, F::interpolate(x, Resize().scale_factor(by({1e300}))), "scale_factor");
}

TEST(FunctionalVision, GridSample) {
  const Tensor grid = arange(36, kDouble).mul(1.3).cos().mul(1.5).view({2, 3, 3, 2});
  using Options = F::GridSampleFuncOptions;
  expect_recorded(F::grid_sample(images(), grid), {54, {0, 0, 0, 0}, -0.068728786}, "zeros");
  expect_recorded(F::grid_sample(images(), grid, Options().align_corners(true)),
                  {54, {0, 0, 0.088240049, 0.35500326}, 1.5660472}, "zeros aligned");
  expect_recorded(F::grid_sample(images(), grid, Options().padding_mode(kBorder)),
                  {54, {-0.05307798, 0, 0.51499497, 0.96071649}, 4.5934162}, "border");
  expect_recorded(F::grid_sample(images(), grid, Options().padding_mode(kReflection)),
                  {54, {0.16128782, 0.13743278, 0.20778503, 0.31827332}, 3.5927492}, "reflection");
  expect_recorded(
      F::grid_sample(images(), grid, Options().padding_mode(kReflection).align_corners(true)),
      {54, {0.29001632, 0.23220336, 0.11687377, -0.23032646}, 1.4686373}, "reflection aligned");
  expect_recorded(
      F::grid_sample(images(), grid, Options().mode(kNearest).padding_mode(kReflection)),
      {54, {0.31909836, 0, 0.66956976, 0.98544973}, 5.7334946}, "nearest");
  expect_recorded(F::grid_sample(images(), grid, Options().mode(kBicubic)),
                  {54, {0.002985472, -0.0018329899, -0.06517283, -0.11209833}, -0.53888377},
                  "bicubic");
  expect_recorded(F::grid_sample(images(), grid, Options().mode(kBicubic).padding_mode(kBorder)),
                  {54, {-0.11697128, 0.018512244, 0.551886, 1.0095371}, 4.1782967},
                  "bicubic border");
  expect_recorded(
      F::grid_sample(images(), grid,
                     Options().mode(kBicubic).padding_mode(kReflection).align_corners(true)),
      {54, {0.35179132, 0.23716541, 0.11827509, -0.32892288}, 2.0684907}, "bicubic reflection");
  const Tensor places = arange(36, kDouble).mul(1.3).cos().mul(1.5).view({1, 2, 2, 3, 3});
  expect_recorded(F::grid_sample(volume(), places, Options().padding_mode(kReflection)),
                  {24, {0.16128782, 0.39933482, 0.31827332, 0.43165188}, 2.4831607}, "volume");
}

TEST(FunctionalVision, AffineGridFoldsAndPads) {
  const Tensor theta = tensor({{{0.5, 0.1, 0.2}, {-0.3, 0.8, 0.0}}}, kDouble);
  expect_recorded(F::affine_grid(theta, {1, 1, 3, 4}),
                  {24, {-0.24166667, -0.30833333, 0.0083333333, -0.45833333}, 2.4}, "affine");
  const auto unfold = F::UnfoldFuncOptions({2, 3}).dilation({2, 1}).padding({1, 0}).stride({1, 2});
  const Tensor columns = F::unfold(images(), unfold);
  expect_recorded(columns, {288, {0, 0, 0, 0.98544973}, 1.2158913}, "unfold");
  const auto fold =
      F::FoldFuncOptions({4, 5}, {2, 3}).dilation({2, 1}).padding({1, 0}).stride({1, 2});
  expect_recorded(F::fold(columns, fold), {120, {0, 0.64421769, 1.9708995, 0.86320937}, 1.2158913},
                  "fold");
  expect_recorded(F::pad(images(), F::PadFuncOptions({1, 2, 3, 0}).mode(kReflect)),
                  {336, {-0.97917773, -0.87969576, -0.97917773, -0.61813711}, 0.024203571}, "pad");
  expect_recorded(F::pad(images(), F::PadFuncOptions({1, 2, -1, 0}).value(2.5)),
                  {144, {2.5, -0.35078323, -0.87157577, -0.98245261}, 133.07824}, "constant");
  EXPECT_ERROR(ConfigError, F::pad(images(), F::PadFuncOptions({1, 1}).mode(kCircular).value(1)),
               "doesn't take in value argument");
}

TEST(FunctionalVision, Pooling) {
  expect_recorded(F::lp_pool2d(images().abs(), F::LPPool2dFuncOptions(2, {2, 3}).stride(1)),
                  {54, {1.798342, 2.0626713, 1.7867434, 1.9965855}, 92.501402}, "lp2");
  expect_recorded(F::lp_pool1d(images()[0].abs(), F::LPPool1dFuncOptions(3, 2).ceil_mode(true)),
                  {36, {0.64421769, 1.1696521, 0.42205862, 0.89011869}, 29.787393}, "lp1");
  const auto [out, at] = max_pool2d_with_indices(images(), 2);
  expect_recorded(F::max_unpool2d(out, at, F::MaxUnpool2dFuncOptions(2).output_size(to({4, 5}))),
                  {120, {0, 0.64421769, 0.98544973, 0}, 19.735403}, "unpool2");
  const auto [row, place] = max_pool1d_with_indices(images()[0], 2);
  expect_recorded(F::max_unpool1d(row, place, F::MaxUnpool1dFuncOptions(2)),
                  {48, {0, 0.64421769, 0.98544973, 0}, 6.4003228}, "unpool1");
  EXPECT_ERROR(ShapeError,
               F::max_unpool2d(out, at, F::MaxUnpool2dFuncOptions(2).output_size(to({4, 8}))),
               "invalid output_size \"[4, 8]\" (dim 1 must be between 2 and 6)");
  const auto [largest, where] = max_pool3d_with_indices(volume(), 2, {}, 1);
  expect_recorded(largest, {36, {0, 0.98544973, 0.86320937, 0.6569866}, 18.368323}, "max3");
  expect_recorded(where, {36, {0, 2, 3, 10}, 875}, "max3 places");
  expect_recorded(avg_pool3d(volume(), {2, 3, 2}, {1, 2, 2}, {1, 1, 0}, true, false),
                  {72, {-0.14453533, 0.058734962, 0.17590103, -0.23934628}, 0.33467285}, "avg3");
  expect_recorded(avg_pool3d(volume(), {2, 3, 2}, {1, 2, 2}, {1, 1, 0}, true),
                  {72, {-0.048178443, 0.019578321, 0.058633675, -0.11967314}, 0.11082704},
                  "avg3 with padding");
}

TEST(FunctionalVision, LpPoolOfZerosHasGradientZero) {
  Tensor x = zeros({1, 1, 4, 4}, kDouble).requires_grad_();
  F::lp_pool2d(x, F::LPPool2dFuncOptions(2, 2)).sum().backward();
  expect_near(x.grad(), std::vector<double>(16, 0.0));
}

TEST(FunctionalVision, FractionalPooling) {
  const Tensor samples = arange(12, kDouble).mul(0.37).frac();
  using Options2 = F::FractionalMaxPool2dFuncOptions;
  const auto options = Options2(2)
                           .output_ratio(Options2::Ratio({0.6, 0.7}))
                           ._random_samples(samples.view({2, 3, 2}));
  const auto [out, at] = F::fractional_max_pool2d_with_indices(images(), options);
  expect_recorded(out, {36, {0.64421769, 0.98544973, 0.86320937, 0.98816823}, 29.574117}, "2d");
  expect_recorded(at, {36, {1, 2, 3, 11}, 331}, "2d places");
  const auto volumes = F::FractionalMaxPool3dFuncOptions({1, 2, 2})
                           .output_size(ExpandingArray<3>({2, 2, 3}))
                           ._random_samples(samples.narrow(0, 0, 6).view({1, 2, 3}));
  const auto [out3, at3] = F::fractional_max_pool3d_with_indices(volume(), volumes);
  expect_recorded(out3, {24, {0.64421769, 0.98544973, 0.86320937, 0.98816823}, 19.938356}, "3d");
  expect_recorded(at3, {24, {1, 2, 3, 11}, 709}, "3d places");
  EXPECT_EQ(F::fractional_max_pool2d(images(), Options2(2).output_size(3)).size(3), 3);
  EXPECT_ERROR(ConfigError, F::fractional_max_pool2d(images(), Options2(2)),
               "requires specifying either an output_size or an output_ratio");
}

TEST(FunctionalVision, LocalResponseNorm) {
  expect_recorded(F::local_response_norm(
                      images(), F::LocalResponseNormFuncOptions(3).alpha(0.5).beta(0.6).k(1.5)),
                  {120, {0, 0.47048947, 0.72258502, 0.6395285}, 1.4166315}, "images");
  expect_recorded(F::local_response_norm(volume(), F::LocalResponseNormFuncOptions(2)),
                  {120, {0, 0.64420766, 0.98541384, 0.86318525}, 1.934592}, "volume");
  EXPECT_ERROR(ShapeError, F::local_response_norm(ones({2, 2}), F::LocalResponseNormFuncOptions(2)),
               "Expected 3D or higher dimensionality input (got 2 dimensions)");
}

TEST(FunctionalVision, ConvolutionsAgreeWithPyTorch) {
  const Tensor w3 = waves({2, 3, 2, 2, 5}).narrow(4, 0, 3);
  expect_recorded(conv_transpose3d(volume(), w3, {}, {2, 1, 2}, {0, 1, 1}, {1, 0, 1}),
                  {630, {-1.9146421, -3.0129802, -2.6529177, -3.2418227}, -14.065192},
                  "transposed volume");
  expect_recorded(conv_transpose2d(images(), waves({3, 2, 4, 5}), {}, 2, 1, 1, 1, 2),
                  {768, {0, 0, 0, 0}, 5.4290155}, "transposed images");
  const Tensor w = waves({4, 2, 3, 5, 1}).narrow(3, 0, 2);
  expect_recorded(conv3d(volume(), w, {}, {1, 2, 1}, {1, 1, 0}),
                  {180, {0.51919269, -0.62771989, -1.479406, -1.6353043}, 4.2451667}, "volume");
}

}  // namespace
}  // namespace taper
