#include <algorithm>
#include <cmath>

#include "taper/base/error.h"
#include "taper/data/image_transforms.h"
#include "taper/data/image_util.h"
#include "taper/kernel/image.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"

namespace taper::data::transforms {
namespace {

// The value of full brightness.
double full_scale(const Tensor& image) { return image.scalar_type() == kByte ? 255.0 : 1.0; }

void check_color(const char* op, const Tensor& image) {
  check_image(op, image);
  TAPER_CHECK_AS(ShapeError, channels_of(image) == 1 || channels_of(image) == 3, op, ": got ",
                 channels_of(image), " channels, expected 1 or 3");
}

void check_factor(const char* op, double factor) { check_within(op, "factor", factor, 0, 1e9); }

// factor image + (1 - factor) other, cut to the range; bytes are cut to whole numbers.
Tensor blend(const Tensor& image, const Tensor& other, double factor) {
  Tensor mixed = as_floating(image).mul(factor);
  if (other.defined()) mixed = mixed.add(as_floating(other).mul(1.0 - factor));
  return mixed.clamp_(0, full_scale(image)).to(image.scalar_type());
}

// Smith's hue, saturation and value; hue as a share of the circle.
struct Hsv {
  float hue, saturation, value;
};

Hsv to_hsv(float r, float g, float b) {
  const float high = std::max({r, g, b}), low = std::min({r, g, b});
  const float range = high - low;
  if (range == 0) return {0, 0, high};
  const float from_r = (high - r) / range, from_g = (high - g) / range, from_b = (high - b) / range;
  const float sixth = high == r   ? from_b - from_g
                      : high == g ? 2 + from_r - from_b
                                  : 4 + from_g - from_r;
  return {std::fmod(sixth / 6 + 1, 1.0f), range / high, high};
}

void from_hsv(const Hsv& c, float rgb[3]) {
  const float sixth = std::floor(c.hue * 6), f = c.hue * 6 - sixth, v = c.value;
  const float p = std::clamp(v * (1 - c.saturation), 0.0f, 1.0f);
  const float q = std::clamp(v * (1 - c.saturation * f), 0.0f, 1.0f);
  const float t = std::clamp(v * (1 - c.saturation * (1 - f)), 0.0f, 1.0f);
  const float table[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
  // Six is the start again; what is no number is there as well.
  std::copy_n(table[sixth >= 0 && sixth < 6 ? static_cast<int>(sixth) : 0], 3, rgb);
}

}  // namespace

void write_planes(const io::Image& image, const Tensor& to) {
  // The kernel only reads.
  const Tensor pixels = from_blob(const_cast<uint8_t*>(image.pixels.data()),
                                  {image.height, image.width, image.channels}, kByte);
  unit_planes_kernel(kCPU, View(to.impl_ptr()), ConstView(pixels.impl_ptr()));
}

Tensor to_tensor(const io::Image& image) {
  image.check("to_tensor");
  Tensor result(
      TensorImpl::empty("to_tensor", {image.channels, image.height, image.width}, kFloat));
  write_planes(image, result);
  return result;
}

Tensor convert_image_dtype(const Tensor& image, ScalarType dtype) {
  check_image("convert_image_dtype", image);
  TAPER_CHECK_AS(DTypeError, dtype == kByte || isFloatingType(dtype),
                 "convert_image_dtype: expected Byte or a floating type, got ", dtype);
  if (image.scalar_type() == dtype) return image;
  if (dtype == kByte) return image.mul(255.999).to(kByte);
  if (image.scalar_type() == kByte) return image.to(kFloat).div_(255.0).to(dtype);
  return image.to(dtype);
}

Tensor rgb_to_grayscale(const Tensor& image, int64_t num_output_channels) {
  check_color("rgb_to_grayscale", image);
  TAPER_CHECK_AS(ConfigError, num_output_channels == 1 || num_output_channels == 3,
                 "rgb_to_grayscale: num_output_channels should be either 1 or 3, got ",
                 num_output_channels);
  Tensor gray = image;
  if (channels_of(image) == 3) {
    const Tensor rgb = as_floating(image);
    gray = rgb.select(-3, 0).mul(0.2989);
    gray = gray.add(rgb.select(-3, 1).mul(0.587)).add_(rgb.select(-3, 2).mul(0.114));
    gray = gray.to(image.scalar_type()).unsqueeze(-3);
  }
  return num_output_channels == 1 ? gray : cat({gray, gray, gray}, -3);
}

Tensor adjust_brightness(const Tensor& image, double factor) {
  check_color("adjust_brightness", image);
  check_factor("adjust_brightness", factor);
  return blend(image, Tensor(), factor);
}

Tensor adjust_contrast(const Tensor& image, double factor) {
  check_color("adjust_contrast", image);
  check_factor("adjust_contrast", factor);
  return blend(image, as_floating(rgb_to_grayscale(image)).mean({-3, -2, -1}, true), factor);
}

Tensor adjust_saturation(const Tensor& image, double factor) {
  check_color("adjust_saturation", image);
  check_factor("adjust_saturation", factor);
  return channels_of(image) == 1 ? image : blend(image, rgb_to_grayscale(image), factor);
}

Tensor adjust_hue(const Tensor& image, double factor) {
  check_color("adjust_hue", image);
  check_within("adjust_hue", "factor", factor, -0.5, 0.5);
  if (channels_of(image) == 1) return image;
  Tensor result = convert_image_dtype(image, kFloat).clone(MemoryFormat::Contiguous);
  const int64_t pixels = height_of(image) * width_of(image);
  for (int64_t n = 0; n < result.numel() / (3 * pixels); ++n) {
    float* red = result.data_ptr<float>() + n * 3 * pixels;
    for (int64_t i = 0; i < pixels; ++i) {
      float* at[3] = {red + i, red + pixels + i, red + 2 * pixels + i};
      Hsv color = to_hsv(*at[0], *at[1], *at[2]);
      color.hue += static_cast<float>(factor);
      color.hue -= std::floor(color.hue);
      float rgb[3];
      from_hsv(color, rgb);
      for (int c = 0; c < 3; ++c) *at[c] = rgb[c];
    }
  }
  return convert_image_dtype(result, image.scalar_type());
}

}  // namespace taper::data::transforms
