#include "taper/data/image_transforms.h"

#include <algorithm>
#include <cmath>

#include "taper/base/error.h"
#include "taper/data/image_util.h"
#include "taper/ops/joining.h"
#include "taper/ops/random.h"
#include "taper/ops/view.h"

// The random transforms: what they draw, and from which ranges.
namespace taper::data::transforms {
namespace {

// Tries of a random rectangle before giving up.
constexpr int kTries = 10;

// {size} as a square, or {height, width}.
std::vector<int64_t> square_or_both(const char* op, IntArrayRef size) {
  TAPER_CHECK_AS(ConfigError, size.size() == 1 || size.size() == 2, op, ": got a size of ",
                 size.size(), " numbers, expected {size} or {height, width}");
  for (const int64_t side : size) {
    TAPER_CHECK_AS(ConfigError, side > 0 && side <= (int64_t{1} << 24), op, ": got size ", size,
                   ", expected sides of 1 to 2^24");
  }
  return {size[0], size[size.size() - 1]};
}

std::pair<double, double> checked_range(const char* op, const char* what,
                                        std::pair<double, double> range, double low, double high) {
  check_within(op, what, range.first, low, high);
  check_within(op, what, range.second, range.first, high);
  return range;
}

// {low, high}, or {-x, x} of {x}.
std::pair<double, double> checked_angles(const char* op, const char* what,
                                         ArrayRef<double> degrees) {
  TAPER_CHECK_AS(ConfigError, degrees.size() == 1 || degrees.size() == 2, op, ": got ",
                 degrees.size(), " numbers for ", what, ", expected {degrees} or {low, high}");
  if (degrees.size() == 1) check_within(op, what, degrees[0], 0, 1e9);
  const double low = degrees.size() == 1 ? -degrees[0] : degrees[0];
  return checked_range(op, what, {low, degrees[degrees.size() - 1]}, -1e9, 1e9);
}

double draw(SampleRandom& random, const std::pair<double, double>& range) {
  return random.uniform(range.first, range.second);
}

struct Rectangle {
  int64_t top, left, height, width;
};

Rectangle placed(SampleRandom& random, const Tensor& image, int64_t height, int64_t width) {
  const int64_t top = random.below(height_of(image) - height + 1);
  const int64_t left = random.below(width_of(image) - width + 1);
  return {top, left, height, width};
}

}  // namespace

Resize::Resize(IntArrayRef size, Interpolation interpolation, std::optional<int64_t> max_size,
               bool antialias)
    : size_(size.vec()), interpolation_(interpolation), max_size_(max_size), antialias_(antialias) {
  square_or_both("Resize", size);
  TAPER_CHECK_AS(ConfigError, !max_size || (size.size() == 1 && *max_size > size[0]),
                 "Resize: got max_size = ", *max_size,
                 ", expected more than the requested size for the smaller edge, of one number");
}

Tensor Resize::operator()(Tensor image) {
  check_image("Resize", image);
  if (size_.size() == 2) return resize(image, size_[0], size_[1], interpolation_, antialias_);
  const int64_t height = height_of(image), width = width_of(image);
  const int64_t shorter = std::min(height, width), longer = std::max(height, width);
  int64_t to_short = size_[0];
  int64_t to_long = static_cast<int64_t>(
      static_cast<double>(size_[0]) * static_cast<double>(longer) / static_cast<double>(shorter));
  if (max_size_ && to_long > *max_size_) {
    to_short = static_cast<int64_t>(static_cast<double>(*max_size_) *
                                    static_cast<double>(to_short) / static_cast<double>(to_long));
    to_long = *max_size_;
  }
  to_short = std::max<int64_t>(to_short, 1);
  return width <= height ? resize(image, to_long, to_short, interpolation_, antialias_)
                         : resize(image, to_short, to_long, interpolation_, antialias_);
}

CenterCrop::CenterCrop(IntArrayRef size) : size_(square_or_both("CenterCrop", size)) {}

RandomCrop::RandomCrop(IntArrayRef size, IntArrayRef padding, bool pad_if_needed, double fill,
                       PaddingMode padding_mode)
    : size_(square_or_both("RandomCrop", size)),
      padding_(padding.vec()),
      pad_if_needed_(pad_if_needed),
      fill_(fill),
      mode_(padding_mode) {}

Tensor RandomCrop::operator()(Tensor image) {
  SampleRandom& random = sample_random();
  if (!padding_.empty()) image = pad_image(image, padding_, fill_, mode_);
  check_image("RandomCrop", image);
  if (pad_if_needed_) {
    const int64_t rows = std::max<int64_t>(0, size_[0] - height_of(image));
    const int64_t columns = std::max<int64_t>(0, size_[1] - width_of(image));
    if (rows > 0 || columns > 0) image = pad_image(image, {columns, rows}, fill_, mode_);
  }
  TAPER_CHECK_AS(ShapeError, size_[0] <= height_of(image) && size_[1] <= width_of(image),
                 "RandomCrop: Required crop size ", IntArrayRef(size_),
                 " is larger than input image size [", height_of(image), ", ", width_of(image),
                 "]");
  const Rectangle part = placed(random, image, size_[0], size_[1]);
  return crop(image, part.top, part.left, part.height, part.width);
}

RandomResizedCrop::RandomResizedCrop(IntArrayRef size, std::pair<double, double> scale,
                                     std::pair<double, double> ratio, Interpolation interpolation,
                                     bool antialias)
    : size_(square_or_both("RandomResizedCrop", size)),
      scale_(checked_range("RandomResizedCrop", "scale", scale, 0, 1e9)),
      ratio_(checked_range("RandomResizedCrop", "ratio", ratio, 1e-9, 1e9)),
      interpolation_(interpolation),
      antialias_(antialias) {}

namespace {

// A part with a share of the area and a ratio of width and height; failing that, the largest one in
// the middle within the ratios.
Rectangle drawn_part(SampleRandom& random, const Tensor& image,
                     const std::pair<double, double>& scale,
                     const std::pair<double, double>& ratio) {
  const int64_t height = height_of(image), width = width_of(image);
  const double area = static_cast<double>(height) * static_cast<double>(width);
  for (int i = 0; i < kTries; ++i) {
    const double part = area * draw(random, scale);
    const double aspect = std::exp(draw(random, {std::log(ratio.first), std::log(ratio.second)}));
    const double w = std::nearbyint(std::sqrt(part * aspect));
    const double h = std::nearbyint(std::sqrt(part / aspect));
    if (w > 0 && h > 0 && w <= static_cast<double>(width) && h <= static_cast<double>(height)) {
      return placed(random, image, static_cast<int64_t>(h), static_cast<int64_t>(w));
    }
  }
  const double aspect = static_cast<double>(width) / static_cast<double>(height);
  int64_t w = width, h = height;
  if (aspect < ratio.first) {
    h = static_cast<int64_t>(std::nearbyint(static_cast<double>(width) / ratio.first));
  } else if (aspect > ratio.second) {
    w = static_cast<int64_t>(std::nearbyint(static_cast<double>(height) * ratio.second));
  }
  w = std::clamp<int64_t>(w, 1, width);
  h = std::clamp<int64_t>(h, 1, height);
  return {(height - h) / 2, (width - w) / 2, h, w};
}

}  // namespace

Tensor RandomResizedCrop::operator()(Tensor image) {
  check_image("RandomResizedCrop", image);
  const Rectangle part = drawn_part(sample_random(), image, scale_, ratio_);
  return resize(crop(image, part.top, part.left, part.height, part.width), size_[0], size_[1],
                interpolation_, antialias_);
}

RandomHorizontalFlip::RandomHorizontalFlip(double p) : p_(p) {
  check_within("RandomHorizontalFlip", "p", p, 0, 1);
}

Tensor RandomHorizontalFlip::operator()(Tensor image) {
  check_image("RandomHorizontalFlip", image);
  return sample_random().chance(p_) ? image.flip({-1}) : image;
}

RandomVerticalFlip::RandomVerticalFlip(double p) : p_(p) {
  check_within("RandomVerticalFlip", "p", p, 0, 1);
}

Tensor RandomVerticalFlip::operator()(Tensor image) {
  check_image("RandomVerticalFlip", image);
  return sample_random().chance(p_) ? image.flip({-2}) : image;
}

RandomRotation::RandomRotation(ArrayRef<double> degrees, Interpolation interpolation, bool expand,
                               double fill)
    : degrees_(checked_angles("RandomRotation", "degrees", degrees)),
      interpolation_(interpolation),
      expand_(expand),
      fill_(fill) {}

Tensor RandomRotation::operator()(Tensor image) {
  const double angle = draw(sample_random(), degrees_);
  return rotate(image, angle, interpolation_, expand_, fill_);
}

RandomAffine::RandomAffine(ArrayRef<double> degrees, ArrayRef<double> translate,
                           ArrayRef<double> scale, ArrayRef<double> shear,
                           Interpolation interpolation, double fill)
    : degrees_(checked_angles("RandomAffine", "degrees", degrees)),
      translate_(translate.vec()),
      scale_(scale.vec()),
      shear_(shear.vec()),
      interpolation_(interpolation),
      fill_(fill) {
  constexpr const char* kOp = "RandomAffine";
  TAPER_CHECK_AS(
      ConfigError,
      (translate.empty() || translate.size() == 2) && (scale.empty() || scale.size() == 2) &&
          (shear.size() < 3 || shear.size() == 4),
      kOp, ": got ", translate.size(), " numbers for translate, ", scale.size(), " for scale and ",
      shear.size(), " for shear, expected none or 2, 2, and 1, 2 or 4");
  for (const double share : translate) check_within(kOp, "translate", share, 0, 1);
  if (!scale.empty()) checked_range(kOp, "scale", {scale[0], scale[1]}, 1e-9, 1e9);
  if (shear_.size() == 1) shear_.insert(shear_.begin(), -shear[0]);
  for (size_t i = 0; i < shear_.size(); i += 2) {
    checked_range(kOp, "shear", {shear_[i], shear_[i + 1]}, -90, 90);
  }
}

Tensor RandomAffine::operator()(Tensor image) {
  check_image("RandomAffine", image);
  SampleRandom& random = sample_random();
  const double angle = draw(random, degrees_);
  double translate[2] = {0, 0}, shear[2] = {0, 0};
  if (!translate_.empty()) {
    const double most[2] = {translate_[0] * static_cast<double>(width_of(image)),
                            translate_[1] * static_cast<double>(height_of(image))};
    for (int i = 0; i < 2; ++i) translate[i] = std::nearbyint(random.uniform(-most[i], most[i]));
  }
  const double scale = scale_.empty() ? 1.0 : random.uniform(scale_[0], scale_[1]);
  for (size_t i = 0; i < shear_.size() / 2; ++i) {
    shear[i] = random.uniform(shear_[2 * i], shear_[2 * i + 1]);
  }
  return affine(image, angle, translate, scale, shear, interpolation_, fill_);
}

ColorJitter::ColorJitter(double brightness, double contrast, double saturation, double hue)
    : amount_{brightness, contrast, saturation, hue} {
  check_within("ColorJitter", "brightness", brightness, 0, 1e9);
  check_within("ColorJitter", "contrast", contrast, 0, 1e9);
  check_within("ColorJitter", "saturation", saturation, 0, 1e9);
  check_within("ColorJitter", "hue", hue, 0, 0.5);
}

Tensor ColorJitter::operator()(Tensor image) {
  check_image("ColorJitter", image);
  SampleRandom& random = sample_random();
  const std::vector<int64_t> order = random.permutation(4);
  double factor[4];
  for (int i = 0; i < 3; ++i) {
    factor[i] = random.uniform(std::max(0.0, 1 - amount_[i]), 1 + amount_[i]);
  }
  factor[3] = random.uniform(-amount_[3], amount_[3]);
  constexpr Tensor (*kSteps[])(const Tensor&, double) = {adjust_brightness, adjust_contrast,
                                                         adjust_saturation, adjust_hue};
  for (const int64_t step : order) {
    if (amount_[step] > 0) image = kSteps[step](image, factor[step]);
  }
  return image;
}

RandomErasing::RandomErasing(double p, std::pair<double, double> scale,
                             std::pair<double, double> ratio,
                             std::optional<std::vector<double>> value)
    : p_(p),
      scale_(checked_range("RandomErasing", "scale", scale, 0, 1)),
      ratio_(checked_range("RandomErasing", "ratio", ratio, 1e-9, 1e9)),
      value_(std::move(value)) {
  check_within("RandomErasing", "p", p, 0, 1);
  TAPER_CHECK_AS(ConfigError, !value_ || !value_->empty(),
                 "RandomErasing: got no number for value, expected one, or one per channel");
}

Tensor RandomErasing::operator()(Tensor image) {
  check_image("RandomErasing", image);
  const int64_t channels = channels_of(image);
  TAPER_CHECK_AS(ShapeError,
                 !value_ || value_->size() == 1 || value_->size() == static_cast<size_t>(channels),
                 "RandomErasing: got ", value_ ? value_->size() : 0, " values for ", channels,
                 " channels, expected one, or one per channel");
  SampleRandom& random = sample_random();
  if (!random.chance(p_)) return image;
  const int64_t height = height_of(image), width = width_of(image);
  const double area = static_cast<double>(height) * static_cast<double>(width);
  for (int i = 0; i < kTries; ++i) {
    const double part = area * draw(random, scale_);
    const double aspect = std::exp(draw(random, {std::log(ratio_.first), std::log(ratio_.second)}));
    const double h = std::nearbyint(std::sqrt(part * aspect));
    const double w = std::nearbyint(std::sqrt(part / aspect));
    if (h >= static_cast<double>(height) || w >= static_cast<double>(width)) continue;
    const Rectangle hole = placed(random, image, static_cast<int64_t>(h), static_cast<int64_t>(w));
    Tensor result = image.clone();
    for (int64_t c = 0; c < channels; ++c) {
      Tensor to = crop(result, hole.top, hole.left, hole.height, hole.width).select(-3, c);
      if (value_) {
        to.fill_((*value_)[value_->size() == 1 ? 0 : static_cast<size_t>(c)]);
        continue;
      }
      Tensor noise(TensorImpl::empty("RandomErasing", to.sizes(), kFloat));
      float* values = noise.data_ptr<float>();
      for (int64_t k = 0; k < noise.numel(); ++k) values[k] = static_cast<float>(random.normal());
      to.copy_(noise);
    }
    return result;
  }
  return image;
}

Grayscale::Grayscale(int64_t num_output_channels) : channels_(num_output_channels) {
  TAPER_CHECK_AS(ConfigError, num_output_channels == 1 || num_output_channels == 3,
                 "Grayscale: num_output_channels should be either 1 or 3, got ",
                 num_output_channels);
}

}  // namespace taper::data::transforms
