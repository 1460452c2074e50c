#include <algorithm>
#include <cmath>

#include "taper/base/error.h"
#include "taper/data/image_transforms.h"
#include "taper/data/image_util.h"
#include "taper/ops/copy.h"
#include "taper/ops/grid_sampling.h"
#include "taper/ops/padding.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/scatter.h"
#include "taper/ops/upsampling.h"
#include "taper/ops/view.h"

namespace taper::data::transforms {

void check_image(const char* op, const Tensor& image) {
  TAPER_CHECK_AS(
      ShapeError, image.defined() && (image.dim() == 3 || image.dim() == 4) && image.numel() > 0,
      op, ": expected an image [channels, height, width] or a batch of them, not empty, got ",
      image.defined() ? image.sizes() : IntArrayRef());
  TAPER_CHECK_AS(DTypeError, image.scalar_type() == kByte || image.is_floating_point(), op,
                 ": expected an image of Byte or a floating type, got ", image.scalar_type());
}

void check_within(const char* op, const char* what, double value, double low, double high) {
  TAPER_CHECK_AS(ConfigError, value >= low && value <= high, op, ": got ", what, " = ", value,
                 ", expected ", low, " to ", high);
}

Tensor as_floating(const Tensor& image) {
  return image.is_floating_point() ? image : image.to(kFloat);
}

Tensor as_type(const Tensor& image, ScalarType dtype) {
  if (image.scalar_type() == dtype) return image;
  return isFloatingType(dtype) ? image.to(dtype) : image.round().to(dtype);
}

namespace {

// Bounds what arguments can ask for; products of two stay far from overflow.
constexpr int64_t kLargestSide = int64_t{1} << 24;

void check_sides(const char* op, int64_t height, int64_t width) {
  TAPER_CHECK_AS(ConfigError,
                 height > 0 && width > 0 && height <= kLargestSide && width <= kLargestSide, op,
                 ": got height ", height, " and width ", width, ", expected 1 to ", kLargestSide);
}

// A batch of it, for operations that want one.
Tensor as_batch(const Tensor& image) { return image.dim() == 4 ? image : image.unsqueeze(0); }
Tensor like(const Tensor& batch, const Tensor& image) {
  return image.dim() == 4 ? batch : batch.squeeze(0);
}

// Where the pixels of a padded side come from.
Tensor sources(int64_t size, int64_t before, int64_t after, PaddingMode mode) {
  Tensor index(TensorImpl::empty("pad_image", {before + size + after}, kLong));
  int64_t* to = index.data_ptr<int64_t>();
  for (int64_t i = -before; i < size + after; ++i) {
    int64_t from = i;
    if (mode == PaddingMode::kReflect) from = i < 0 ? -i : i >= size ? 2 * size - 2 - i : i;
    if (mode == PaddingMode::kSymmetric) from = i < 0 ? -i - 1 : i >= size ? 2 * size - 1 - i : i;
    *to++ = std::clamp<int64_t>(from, 0, size - 1);
  }
  return index;
}

// The inverse of an affine map about a centre, both with their origin at the image's centre: from
// the result's places to the image's.
struct Inverse {
  double m[6];
};

double radians(double degrees) { return degrees * (3.14159265358979323846 / 180.0); }

// The map is T(translate) C R(angle) Shear(shear) Scale(scale) C^-1 with C the shift to the centre.
Inverse inverse_affine(const double center[2], double angle, const double translate[2],
                       double scale, const double shear[2]) {
  const double rot = radians(angle), sx = radians(shear[0]), sy = radians(shear[1]);
  const double a = std::cos(rot - sy) / std::cos(sy);
  const double b = -std::cos(rot - sy) * std::tan(sx) / std::cos(sy) - std::sin(rot);
  const double c = std::sin(rot - sy) / std::cos(sy);
  const double d = -std::sin(rot - sy) * std::tan(sx) / std::cos(sy) + std::cos(rot);
  Inverse inverse{{d / scale, -b / scale, 0, -c / scale, a / scale, 0}};
  double* m = inverse.m;
  const double x = center[0] + translate[0], y = center[1] + translate[1];
  m[2] = center[0] - m[0] * x - m[1] * y;
  m[5] = center[1] - m[3] * x - m[4] * y;
  return inverse;
}

// The image read at the places that the inverse gives for a result of these sides.
Tensor sample(const Tensor& image, const Inverse& inverse, int64_t height, int64_t width,
              Interpolation interpolation, double fill) {
  const Tensor source = as_batch(as_floating(image));
  const double half_w = 0.5 * static_cast<double>(width_of(image));
  const double half_h = 0.5 * static_cast<double>(height_of(image));
  const double* m = inverse.m;
  Tensor grid(TensorImpl::empty("affine", {1, height, width, 2}, kDouble));
  double* to = grid.data_ptr<double>();
  for (int64_t i = 0; i < height; ++i) {
    const double y = static_cast<double>(i) - 0.5 * static_cast<double>(height - 1);
    for (int64_t j = 0; j < width; ++j) {
      const double x = static_cast<double>(j) - 0.5 * static_cast<double>(width - 1);
      *to++ = (m[0] * x + m[1] * y + m[2]) / half_w;
      *to++ = (m[3] * x + m[4] * y + m[5]) / half_h;
    }
  }
  const int64_t n = source.size(0);
  const Tensor places = grid.to(source.scalar_type()).expand({n, height, width, 2});
  const int64_t mode = interpolation == Interpolation::kNearest ? 1 : 0;
  Tensor result = grid_sampler(source, places, mode, 0, false);
  if (fill != 0) {
    Tensor ones(TensorImpl::empty("affine", {n, 1, height_of(image), width_of(image)},
                                  source.scalar_type()));
    ones.fill_(1);
    const Tensor inside = grid_sampler(ones, places, mode, 0, false);
    result = result.add(inside.neg().add_(1).mul_(fill));
  }
  return as_type(like(result, image), image.scalar_type());
}

// {x, y}, or nothing for the image's centre, which is the origin.
void center_of(const char* op, ArrayRef<double> center, const Tensor& image, double to[2]) {
  TAPER_CHECK_AS(ConfigError, center.empty() || center.size() == 2, op, ": got a center of ",
                 center.size(), " numbers, expected {x, y}");
  to[0] = to[1] = 0;
  if (center.empty()) return;
  for (int i = 0; i < 2; ++i) check_within(op, "center", center[static_cast<size_t>(i)], -1e9, 1e9);
  to[0] = center[0] - 0.5 * static_cast<double>(width_of(image));
  to[1] = center[1] - 0.5 * static_cast<double>(height_of(image));
}

// The whole pixels from the smallest to the largest of the corners, next to which rounding is not
// counted.
int64_t extent(const double corner[4], double half) {
  constexpr double kTolerance = 1e-4;
  const auto [low, high] = std::minmax_element(corner, corner + 4);
  const double first = std::floor(*low + half + kTolerance);
  const double last = std::ceil(*high + half - kTolerance);
  return static_cast<int64_t>(last - first);
}

}  // namespace

Tensor resize(const Tensor& image, int64_t height, int64_t width, Interpolation interpolation,
              bool antialias) {
  check_image("resize", image);
  check_sides("resize", height, width);
  if (height == height_of(image) && width == width_of(image)) return image;
  const Tensor source = as_batch(as_floating(image));
  Tensor result;
  if (interpolation == Interpolation::kNearest) {
    result = upsample_nearest2d(source, {height, width});
  } else if (antialias) {
    result = _upsample_bilinear2d_aa(source, {height, width}, false);
  } else {
    result = upsample_bilinear2d(source, {height, width}, false);
  }
  return as_type(like(result, image), image.scalar_type());
}

Tensor pad_image(const Tensor& image, IntArrayRef padding, double fill, PaddingMode mode) {
  check_image("pad_image", image);
  TAPER_CHECK_AS(ConfigError, padding.size() == 1 || padding.size() == 2 || padding.size() == 4,
                 "pad_image: Padding must be an int or a 1, 2, or 4 element tuple, got ",
                 padding.size(), " numbers");
  const int64_t left = padding[0], top = padding[padding.size() == 1 ? 0 : 1];
  const int64_t right = padding.size() == 4 ? padding[2] : left;
  const int64_t bottom = padding.size() == 4 ? padding[3] : top;
  // A mirrored image is as long as the image, or one less.
  const int64_t less = mode == PaddingMode::kReflect ? 1 : 0;
  const bool mirrors = mode == PaddingMode::kReflect || mode == PaddingMode::kSymmetric;
  const int64_t most_x = mirrors ? width_of(image) - less : kLargestSide;
  const int64_t most_y = mirrors ? height_of(image) - less : kLargestSide;
  TAPER_CHECK_AS(ConfigError,
                 std::min({left, top, right, bottom}) >= 0 && std::max(left, right) <= most_x &&
                     std::max(top, bottom) <= most_y,
                 "pad_image: got padding ", padding, ", expected 0 to ", most_x,
                 " beside and 0 to ", most_y, " above and below an image of [", height_of(image),
                 ", ", width_of(image), "]");
  if (mode == PaddingMode::kConstant) {
    return constant_pad_nd(image, {left, right, top, bottom}, fill);
  }
  return index_select(index_select(image, -1, sources(width_of(image), left, right, mode)), -2,
                      sources(height_of(image), top, bottom, mode));
}

Tensor crop(const Tensor& image, int64_t top, int64_t left, int64_t height, int64_t width) {
  check_image("crop", image);
  // An empty part is one of the transforms' own making.
  TAPER_CHECK_AS(ConfigError,
                 std::min(height, width) >= 0 && std::max(height, width) <= kLargestSide &&
                     std::min(top, left) >= -kLargestSide && std::max(top, left) <= kLargestSide,
                 "crop: got top ", top, ", left ", left, ", height ", height, " and width ", width,
                 ", expected at most ", kLargestSide, ", sides not negative");
  const int64_t first_y = std::clamp<int64_t>(top, 0, height_of(image));
  const int64_t first_x = std::clamp<int64_t>(left, 0, width_of(image));
  const int64_t last_y = std::clamp<int64_t>(top + height, first_y, height_of(image));
  const int64_t last_x = std::clamp<int64_t>(left + width, first_x, width_of(image));
  Tensor part = image.slice(-2, first_y, last_y).slice(-1, first_x, last_x);
  if (last_y - first_y == height && last_x - first_x == width) return part;
  const int64_t above = std::min(height, std::max<int64_t>(-top, 0));
  const int64_t before = std::min(width, std::max<int64_t>(-left, 0));
  return constant_pad_nd(part, {before, width - before - (last_x - first_x), above,
                                height - above - (last_y - first_y)});
}

Tensor center_crop(const Tensor& image, int64_t height, int64_t width) {
  check_image("center_crop", image);
  check_sides("center_crop", height, width);
  // Python rounds halves to even; an image that is too small is padded, more at the end.
  auto start = [](int64_t size, int64_t wanted) {
    if (wanted > size) return -((wanted - size) / 2);
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(size - wanted) / 2.0));
  };
  return crop(image, start(height_of(image), height), start(width_of(image), width), height, width);
}

Tensor affine(const Tensor& image, double angle, ArrayRef<double> translate, double scale,
              ArrayRef<double> shear, Interpolation interpolation, double fill,
              ArrayRef<double> center) {
  check_image("affine", image);
  TAPER_CHECK_AS(ConfigError, translate.size() == 2 && shear.size() == 2, "affine: got ",
                 translate.size(), " numbers for translate and ", shear.size(),
                 " for shear, expected {x, y}");
  check_within("affine", "angle", angle, -1e9, 1e9);
  check_within("affine", "scale", scale, 1e-9, 1e9);
  for (size_t i = 0; i < 2; ++i) {
    check_within("affine", "translate", translate[i], -1e9, 1e9);
    check_within("affine", "shear", shear[i], -90, 90);
  }
  double origin[2];
  center_of("affine", center, image, origin);
  const Inverse inverse = inverse_affine(origin, angle, translate.data(), scale, shear.data());
  return sample(image, inverse, height_of(image), width_of(image), interpolation, fill);
}

Tensor rotate(const Tensor& image, double angle, Interpolation interpolation, bool expand,
              double fill, ArrayRef<double> center) {
  check_image("rotate", image);
  check_within("rotate", "angle", angle, -1e9, 1e9);
  double origin[2];
  center_of("rotate", center, image, origin);
  const double none[2] = {0, 0};
  const Inverse inverse = inverse_affine(origin, -angle, none, 1, none);
  int64_t height = height_of(image), width = width_of(image);
  if (expand) {
    const double half_w = 0.5 * static_cast<double>(width);
    const double half_h = 0.5 * static_cast<double>(height);
    const double x[4] = {-half_w, -half_w, half_w, half_w},
                 y[4] = {-half_h, half_h, half_h, -half_h};
    double across[4], down[4];
    const double* m = inverse.m;
    for (int i = 0; i < 4; ++i) {
      across[i] = m[0] * x[i] + m[1] * y[i] + m[2];
      down[i] = m[3] * x[i] + m[4] * y[i] + m[5];
    }
    width = extent(across, half_w);
    height = extent(down, half_h);
  }
  return sample(image, inverse, height, width, interpolation, fill);
}

}  // namespace taper::data::transforms
