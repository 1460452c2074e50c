#include "taper/data/image_transforms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "taper/base/error.h"
#include "taper/data/data.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper::data::transforms {
namespace {

using taper::testing::same_bits;

Tensor ramp(IntArrayRef sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return arange(count, TensorOptions(kFloat)).view(sizes).div(static_cast<double>(count));
}

TEST(ImageTransforms, CropsAndTheirMiddle) {
  const Tensor image = ramp({2, 4, 5});
  EXPECT_TRUE(same_bits(crop(image, 1, 2, 2, 3), image.slice(1, 1, 3).slice(2, 2, 5)));
  const Tensor outside = crop(image, -1, 3, 3, 4);
  EXPECT_TRUE(
      same_bits(outside.slice(1, 1, 3).slice(2, 0, 2), image.slice(1, 0, 2).slice(2, 3, 5)));
  EXPECT_EQ(outside.select(1, 0).abs().sum().item<float>(), 0);
  EXPECT_EQ(outside.slice(2, 2, 4).abs().sum().item<float>(), 0);
  EXPECT_EQ(crop(image, 100, 100, 2, 2).abs().sum().item<float>(), 0);
  // Halves go to the even place: (5 - 2) / 2 = 1.5 to 2, and (4 - 3) / 2 = 0.5 to 0.
  EXPECT_TRUE(same_bits(center_crop(image, 3, 2), image.slice(1, 0, 3).slice(2, 2, 4)));
  const Tensor larger = CenterCrop({7})(image);
  EXPECT_EQ(larger.sizes(), IntArrayRef({2, 7, 7}));
  EXPECT_TRUE(same_bits(larger.slice(1, 1, 5).slice(2, 1, 6), image));
}

TEST(ImageTransforms, ResizeKeepsProportions) {
  const Tensor image = ramp({1, 20, 30});
  EXPECT_EQ(Resize({10})(image).sizes(), IntArrayRef({1, 10, 15}));
  EXPECT_EQ(Resize({10})(image.transpose(1, 2)).sizes(), IntArrayRef({1, 15, 10}));
  EXPECT_EQ(Resize(10)(image).sizes(), IntArrayRef({1, 10, 15}));
  EXPECT_EQ(Resize({10, 12})(image).sizes(), IntArrayRef({1, 10, 12}));
  EXPECT_EQ(Resize({10}, Interpolation::kBilinear, 12)(image).sizes(), IntArrayRef({1, 8, 12}));
  EXPECT_EQ(Resize({1})(ramp({1, 1, 900})).sizes(), IntArrayRef({1, 1, 900}));
  EXPECT_EQ(resize(ramp({2, 3, 8, 8}), 4, 4).sizes(), IntArrayRef({2, 3, 4, 4}));
  EXPECT_TRUE(same_bits(resize(ramp({2, 3, 8, 8}), 4, 4).select(0, 1),
                        resize(ramp({2, 3, 8, 8}).select(0, 1), 4, 4)));
}

TEST(ImageTransforms, QuarterTurnsAreExact) {
  const Tensor image = ramp({2, 4, 4});
  EXPECT_TRUE(same_bits(rotate(image, 90), image.transpose(1, 2).flip({1})));
  EXPECT_TRUE(same_bits(rotate(image, 180), image.flip({1, 2})));
  EXPECT_TRUE(same_bits(affine(image, 0, {1, 0}, 1, {0, 0}).slice(2, 1, 4), image.slice(2, 0, 3)));
  const Tensor wide = ramp({1, 2, 6});
  EXPECT_TRUE(
      same_bits(rotate(wide, 90, Interpolation::kNearest, true), wide.transpose(1, 2).flip({1})));
  // At the edge the fill comes in by its share of the pixel.
  const Tensor ones = full({1, 4, 4}, 1.0, TensorOptions(kFloat));
  const Tensor filled = rotate(ones, 30, Interpolation::kBilinear, false, 1.0);
  EXPECT_LT(filled.sub(1).abs().max().item<float>(), 1e-6f);
}

// The transform draws what SampleRandom gives for the sample.
template <class T>
Tensor made(T transform, const Tensor& image, uint64_t sample = 0) {
  const size_t index = sample;
  const data::detail::BatchScope scope(11, 0, 0);
  const data::detail::StageScope stage(ArrayRef<size_t>(&index, 1), 0);
  return transform(image);
}

TEST(ImageTransforms, RandomCropTakesEveryPlace) {
  const Tensor image = ramp({1, 4, 4});
  std::set<float> corners;
  for (uint64_t i = 0; i < 200; ++i) {
    const Tensor part = made(RandomCrop({2, 3}), image, i);
    EXPECT_EQ(part.sizes(), IntArrayRef({1, 2, 3}));
    corners.insert(*part.contiguous().const_data_ptr<float>());
  }
  EXPECT_EQ(corners.size(), 6u);
  EXPECT_EQ(made(RandomCrop({6}, {1}), image).sizes(), IntArrayRef({1, 6, 6}));
  EXPECT_EQ(made(RandomCrop({9, 4}, {}, true), image).sizes(), IntArrayRef({1, 9, 4}));
  EXPECT_EQ(made(RandomCrop({6}, {2}, false, 0, PaddingMode::kReflect), image).sizes(),
            IntArrayRef({1, 6, 6}));
  EXPECT_ERROR(ShapeError, made(RandomCrop({5}), image),
               "Required crop size [5, 5] is larger than input image size [4, 4]");
}

TEST(ImageTransforms, FlipsHappenAsOftenAsAsked) {
  const Tensor image = ramp({1, 3, 5});
  int flips = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const Tensor turned = made(RandomHorizontalFlip(0.3), image, i);
    const bool flipped = same_bits(turned, image.flip({-1}));
    EXPECT_TRUE(flipped || same_bits(turned, image));
    flips += flipped ? 1 : 0;
  }
  EXPECT_NEAR(flips, 300, 60);
  EXPECT_TRUE(same_bits(made(RandomVerticalFlip(1), image), image.flip({-2})));
  EXPECT_TRUE(same_bits(made(RandomVerticalFlip(0), image), image));
}

TEST(ImageTransforms, RandomRectanglesKeepTheirShares) {
  const Tensor image = full({3, 20, 30}, 0.5, TensorOptions(kFloat));
  int erased = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const Tensor hole =
        made(RandomErasing(0.5, {0.1, 0.2}, {0.5, 2.0}, std::vector<double>{1, 2, 3}), image, i);
    const double pixels = hole.select(0, 0).eq(1).sum().item<double>();
    if (pixels == 0) continue;
    ++erased;
    EXPECT_NEAR(pixels / 600, 0.15, 0.09);
    EXPECT_EQ(hole.select(0, 2).eq(3).sum().item<double>(), pixels);
    const Tensor part = made(RandomResizedCrop({7, 5}, {0.3, 0.5}), ramp({1, 20, 30}), i);
    EXPECT_EQ(part.sizes(), IntArrayRef({1, 7, 5}));
  }
  EXPECT_NEAR(erased, 100, 30);
  EXPECT_EQ(image.select(0, 0).ne(0.5).sum().item<double>(), 0) << "the sample stays as it was";
  const Tensor noise = made(RandomErasing(1, {0.3, 0.3}, {1, 1}, std::nullopt), image);
  EXPECT_GT(noise.sub(image).abs().max().item<float>(), 1.0f);
  // No try can succeed: the middle, within the ratios.
  const Tensor strip = made(RandomResizedCrop({4}, {1, 1}, {1, 1}), ramp({1, 4, 16}));
  EXPECT_TRUE(same_bits(strip, ramp({1, 4, 16}).slice(2, 6, 10)));
}

TEST(ImageTransforms, JitterAndMapsStayInTheirRanges) {
  const Tensor image = ramp({3, 8, 8});
  std::set<float> sums;
  for (uint64_t i = 0; i < 50; ++i) {
    const Tensor jittered = made(ColorJitter(0.5, 0.5, 0.5, 0.2), image, i);
    EXPECT_GE(jittered.min().item<float>(), 0.0f);
    EXPECT_LE(jittered.max().item<float>(), 1.0f);
    sums.insert(jittered.sum().item<float>());
    EXPECT_EQ(made(RandomRotation({10}), image, i).sizes(), image.sizes());
    EXPECT_EQ(made(RandomAffine({0}, {0.2, 0.1}, {0.8, 1.2}, {5}), image, i).sizes(),
              image.sizes());
  }
  EXPECT_EQ(sums.size(), 50u);
  EXPECT_TRUE(same_bits(made(ColorJitter(), image), image));
  EXPECT_TRUE(same_bits(made(RandomRotation({0}), image), image));
  EXPECT_TRUE(same_bits(made(RandomAffine({90, 90}), image), rotate(image, -90)));
  EXPECT_TRUE(
      same_bits(made(Grayscale(3), image).select(0, 0), made(Grayscale(), image).select(0, 0)));
  // Not a number stays one, and is no undefined conversion.
  const Tensor bad =
      full({3, 2, 2}, std::numeric_limits<double>::quiet_NaN(), TensorOptions(kFloat));
  EXPECT_TRUE(std::isnan(adjust_hue(bad, 0.3).select(0, 0).sum().item<float>()) ||
              adjust_hue(bad, 0.3).numel() == 12);
}

TEST(ImageTransforms, RefuseWhatIsNoImageAndOddArguments) {
  const Tensor image = ramp({3, 4, 4});
  EXPECT_ERROR(ShapeError, resize(ramp({4, 4}), 2, 2),
               "expected an image [channels, height, width]");
  EXPECT_ERROR(ShapeError, crop(ramp({3, 0, 4}), 0, 0, 1, 1), "not empty, got [3, 0, 4]");
  EXPECT_ERROR(ShapeError, resize(Tensor(), 2, 2), "expected an image");
  EXPECT_ERROR(DTypeError, rotate(image.to(kLong), 3),
               "expected an image of Byte or a floating type");
  EXPECT_ERROR(ConfigError, resize(image, 0, 2), "got height 0 and width 2");
  EXPECT_ERROR(ConfigError, Resize({1, 2, 3}), "expected {size} or {height, width}");
  EXPECT_ERROR(ConfigError, Resize({0}), "expected sides of 1 to 2^24");
  EXPECT_ERROR(ConfigError, Resize({4}, Interpolation::kBilinear, 4), "got max_size = 4");
  EXPECT_ERROR(ConfigError, pad_image(image, {1, 2, 3}), "1, 2, or 4 element tuple, got 3");
  EXPECT_ERROR(ConfigError, pad_image(image, {-1}), "expected 0 to");
  EXPECT_ERROR(ConfigError, pad_image(image, {4}, 0, PaddingMode::kReflect), "expected 0 to 3");
  EXPECT_ERROR(ConfigError, pad_image(image, {5}, 0, PaddingMode::kSymmetric), "expected 0 to 4");
  EXPECT_ERROR(ConfigError, crop(image, 0, 0, -1, 2), "sides not negative");
  EXPECT_ERROR(ConfigError, crop(image, INT64_MIN, 0, 1, 2), "crop: got top");
  EXPECT_ERROR(ConfigError, affine(image, 1, {1}, 1, {0, 0}), "got 1 numbers for translate");
  EXPECT_ERROR(ConfigError, affine(image, 1, {1, 1}, 0, {0, 0}), "got scale = 0");
  EXPECT_ERROR(ConfigError, rotate(image, std::nan("")), "got angle = nan");
  EXPECT_ERROR(ConfigError, rotate(image, 1, Interpolation::kNearest, false, 0, {1}),
               "a center of 1");
  EXPECT_ERROR(ConfigError, adjust_brightness(image, -1), "got factor = -1, expected 0");
  EXPECT_ERROR(ConfigError, adjust_hue(image, 0.6), "expected -0.5 to 0.5");
  EXPECT_ERROR(ShapeError, adjust_hue(ramp({2, 3, 3}), 0.1), "got 2 channels, expected 1 or 3");
  EXPECT_ERROR(DTypeError, convert_image_dtype(image, kLong), "expected Byte or a floating type");
  EXPECT_ERROR(ConfigError, RandomHorizontalFlip(1.5), "got p = 1.5, expected 0 to 1");
  EXPECT_ERROR(ConfigError, RandomRotation({-5}), "got degrees = -5");
  EXPECT_ERROR(ConfigError, RandomRotation({5, 3}), "got degrees = 3, expected 5");
  EXPECT_ERROR(ConfigError, RandomRotation({}), "got 0 numbers for degrees");
  EXPECT_ERROR(ConfigError, RandomAffine({5}, {2, 0}), "got translate = 2");
  EXPECT_ERROR(ConfigError, RandomAffine({5}, {}, {}, {1, 2, 3}), "and 3 for shear");
  EXPECT_ERROR(ConfigError, ColorJitter(0, 0, 0, 0.7), "got hue = 0.7");
  EXPECT_ERROR(ConfigError, RandomErasing(0.5, {0.5, 0.1}), "got scale = 0.1");
  EXPECT_ERROR(ConfigError, RandomErasing(0.5, {0, 1}, {1, 1}, std::vector<double>{}), "no number");
  EXPECT_ERROR(ShapeError, RandomErasing(1, {0, 1}, {1, 1}, std::vector<double>{1, 2})(image),
               "got 2 values for 3 channels");
  EXPECT_ERROR(ConfigError, RandomResizedCrop({4}, {0.1, 1}, {0, 1}), "got ratio = 0");
  EXPECT_ERROR(ConfigError, Grayscale(2), "should be either 1 or 3, got 2");
  EXPECT_ERROR(ShapeError, to_tensor(io::Image()), "to_tensor: got height 0");
}

// Augmented samples of a pipeline, whoever makes them.
auto augmented(size_t workers) {
  const Tensor images = ramp({40, 3, 12, 12});
  auto dataset = datasets::PairDataset(images, arange(40, kLong))
                     .map(Compose<>(RandomCrop({10}, {2}), RandomHorizontalFlip(),
                                    ColorJitter(0.4, 0.4, 0.4, 0.1), RandomErasing()))
                     .map(RandomRotation({30}, Interpolation::kBilinear))
                     .map(Stack<>());
  return make_data_loader(std::move(dataset),
                          DataLoaderOptions(8).workers(workers).generator(Generator::create(3)));
}

template <class Loader>
std::vector<Tensor> pictures(Loader& loader) {
  std::vector<Tensor> all;
  for (auto& batch : loader) all.push_back(batch.data);
  return all;
}

TEST(AugmentThreads, SamplesDoNotDependOnWorkersOrAResume) {
  auto alone = augmented(0);
  const std::vector<Tensor> first = pictures(*alone), second = pictures(*alone);
  ASSERT_EQ(second.size(), 5u);
  EXPECT_FALSE(same_bits(first[0], second[0]));
  for (const size_t workers : {1, 3}) {
    auto loader = augmented(workers);
    EXPECT_TRUE(same_bits(stack(pictures(*loader)), stack(first)));
    auto it = loader->begin();
    ++it;
    EXPECT_TRUE(same_bits(it->data, second[1]));
    auto other = augmented(3 - workers);
    other->load_state_dict(loader->state_dict());
    const std::vector<Tensor> rest = pictures(*other);
    ASSERT_EQ(rest.size(), 3u);
    for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(same_bits(rest[i], second[i + 2])) << i;
  }
}

}  // namespace
}  // namespace taper::data::transforms
