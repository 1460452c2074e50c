#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/base/function.h"
#include "taper/data/transforms.h"
#include "taper/io/png.h"

// Transforms of images [channels, height, width], or batches of them, of uint8 in 0 to 255 or of
// floating types in 0 to 1, after torchvision's. What is random is drawn from sample_random(): each
// sample has its own numbers. All throw ShapeError on tensors that are no images, DTypeError on
// other types, and ConfigError on arguments out of their range.
namespace taper TAPER_API {
namespace data {
namespace transforms {

enum class Interpolation { kNearest, kBilinear };
/// What lies beyond the edge: a number, the edge's pixels, or the image mirrored, without the edge
/// (reflect) or with it (symmetric).
enum class PaddingMode { kConstant, kEdge, kReflect, kSymmetric };

/// float32 [channels, height, width] in [0, 1].
Tensor to_tensor(const io::Image& image);
/// Of another type, scaled: bytes / 255 to floating types, and floor(x 255.999) back.
Tensor convert_image_dtype(const Tensor& image, ScalarType dtype);
/// The image in another size; antialias: shrinks with the triangle of as many pixels as one of the
/// result covers. Bytes are rounded.
Tensor resize(const Tensor& image, int64_t height, int64_t width,
              Interpolation interpolation = Interpolation::kBilinear, bool antialias = true);
/// A part; what lies outside is 0. A view where it can be.
Tensor crop(const Tensor& image, int64_t top, int64_t left, int64_t height, int64_t width);
/// The middle part.
Tensor center_crop(const Tensor& image, int64_t height, int64_t width);
/// padding: {all}, {left and right, top and bottom}, or {left, top, right, bottom}, not negative.
Tensor pad_image(const Tensor& image, IntArrayRef padding, double fill = 0,
                 PaddingMode mode = PaddingMode::kConstant);
/// An affine map about the centre {x, y} (default: the image's): rotation by angle degrees
/// (clockwise), shear {x, y} in degrees, scale, then translation {x, y} in pixels. What comes from
/// outside is fill; at the edge it is mixed in by the share of the pixel.
Tensor affine(const Tensor& image, double angle, ArrayRef<double> translate, double scale,
              ArrayRef<double> shear, Interpolation interpolation = Interpolation::kNearest,
              double fill = 0, ArrayRef<double> center = {});
/// A rotation by angle degrees counter-clockwise; with expand the result holds the whole image.
Tensor rotate(const Tensor& image, double angle,
              Interpolation interpolation = Interpolation::kNearest, bool expand = false,
              double fill = 0, ArrayRef<double> center = {});

/// 0.2989 R + 0.587 G + 0.114 B, as 1 or 3 equal channels; an image of 1 channel is taken as it is.
Tensor rgb_to_grayscale(const Tensor& image, int64_t num_output_channels = 1);
/// factor image, factor image + (1 - factor) mean gray, factor image + (1 - factor) gray, each
/// within the type's range. factor is not negative.
Tensor adjust_brightness(const Tensor& image, double factor);
Tensor adjust_contrast(const Tensor& image, double factor);
Tensor adjust_saturation(const Tensor& image, double factor);
/// Turns the hue by a share of the circle, -0.5 to 0.5; gray images stay.
Tensor adjust_hue(const Tensor& image, double factor);

using ImageTransform = TensorTransform<Tensor>;

// Sizes and angles are one number or a braced list; the constructors with initializer_list make the
// list unambiguous.

/// convert_image_dtype() to a type.
class ConvertImageDtype : public ImageTransform {
 public:
  explicit ConvertImageDtype(ScalarType dtype = kFloat) : dtype_(dtype) {}
  Tensor operator()(Tensor image) override { return convert_image_dtype(image, dtype_); }

 private:
  ScalarType dtype_;
};

/// to_tensor() of each sample's picture.
template <class Target = Tensor>
class ToTensor : public Transform<Example<io::Image, Target>, Example<Tensor, Target>> {
 public:
  Example<Tensor, Target> apply(Example<io::Image, Target> input) override {
    return {to_tensor(input.data), std::move(input.target)};
  }
};

/// One transform after the other: anything that takes a tensor and gives one. Target: of the
/// samples, example::NoTarget where they have none.
template <class Target = Tensor>
class Compose : public TensorTransform<Target> {
 public:
  template <class... Transforms>
  requires(!std::is_same_v<std::decay_t<Transforms>, Compose> &&
           ...) explicit Compose(Transforms... transforms) {
    (steps_.emplace_back(
         [step = std::move(transforms)](Tensor t) mutable -> Tensor { return step(std::move(t)); }),
     ...);
  }
  Tensor operator()(Tensor input) override {
    for (const auto& step : steps_) input = step(std::move(input));
    return input;
  }

 private:
  std::vector<Function<Tensor(Tensor)>> steps_;
};

/// resize() to {height, width}, or the shorter side to {size}, the other one in proportion but at
/// most max_size.
class Resize : public ImageTransform {
 public:
  explicit Resize(IntArrayRef size, Interpolation interpolation = Interpolation::kBilinear,
                  std::optional<int64_t> max_size = std::nullopt, bool antialias = true);
  explicit Resize(std::initializer_list<int64_t> size,
                  Interpolation interpolation = Interpolation::kBilinear,
                  std::optional<int64_t> max_size = std::nullopt, bool antialias = true)
      : Resize(IntArrayRef(size), interpolation, max_size, antialias) {}
  Tensor operator()(Tensor image) override;

 private:
  std::vector<int64_t> size_;
  Interpolation interpolation_;
  std::optional<int64_t> max_size_;
  bool antialias_;
};

/// center_crop() of {height, width}, or a square of {size}.
class CenterCrop : public ImageTransform {
 public:
  explicit CenterCrop(IntArrayRef size);
  explicit CenterCrop(std::initializer_list<int64_t> size) : CenterCrop(IntArrayRef(size)) {}
  Tensor operator()(Tensor image) override { return center_crop(image, size_[0], size_[1]); }

 private:
  std::vector<int64_t> size_;
};

/// A part of {height, width} (or a square) at a random place, after pad_image() with padding; with
/// pad_if_needed smaller images are padded on both sides.
class RandomCrop : public ImageTransform {
 public:
  explicit RandomCrop(IntArrayRef size, IntArrayRef padding = {}, bool pad_if_needed = false,
                      double fill = 0, PaddingMode padding_mode = PaddingMode::kConstant);
  explicit RandomCrop(std::initializer_list<int64_t> size, IntArrayRef padding = {},
                      bool pad_if_needed = false, double fill = 0,
                      PaddingMode padding_mode = PaddingMode::kConstant)
      : RandomCrop(IntArrayRef(size), padding, pad_if_needed, fill, padding_mode) {}
  Tensor operator()(Tensor image) override;

 private:
  std::vector<int64_t> size_, padding_;
  bool pad_if_needed_;
  double fill_;
  PaddingMode mode_;
};

/// A random part of a share `scale` of the area and of width / height in `ratio`, resized to size.
class RandomResizedCrop : public ImageTransform {
 public:
  explicit RandomResizedCrop(IntArrayRef size, std::pair<double, double> scale = {0.08, 1.0},
                             std::pair<double, double> ratio = {3.0 / 4, 4.0 / 3},
                             Interpolation interpolation = Interpolation::kBilinear,
                             bool antialias = true);
  explicit RandomResizedCrop(std::initializer_list<int64_t> size,
                             std::pair<double, double> scale = {0.08, 1.0},
                             std::pair<double, double> ratio = {3.0 / 4, 4.0 / 3},
                             Interpolation interpolation = Interpolation::kBilinear,
                             bool antialias = true)
      : RandomResizedCrop(IntArrayRef(size), scale, ratio, interpolation, antialias) {}
  Tensor operator()(Tensor image) override;

 private:
  std::vector<int64_t> size_;
  std::pair<double, double> scale_, ratio_;
  Interpolation interpolation_;
  bool antialias_;
};

/// Left to right with probability p.
class RandomHorizontalFlip : public ImageTransform {
 public:
  explicit RandomHorizontalFlip(double p = 0.5);
  Tensor operator()(Tensor image) override;

 private:
  double p_;
};

/// Upside down with probability p.
class RandomVerticalFlip : public ImageTransform {
 public:
  explicit RandomVerticalFlip(double p = 0.5);
  Tensor operator()(Tensor image) override;

 private:
  double p_;
};

/// rotate() by an angle between {low, high}, or {-degrees, degrees} of {degrees}.
class RandomRotation : public ImageTransform {
 public:
  explicit RandomRotation(ArrayRef<double> degrees,
                          Interpolation interpolation = Interpolation::kNearest,
                          bool expand = false, double fill = 0);
  explicit RandomRotation(std::initializer_list<double> degrees,
                          Interpolation interpolation = Interpolation::kNearest,
                          bool expand = false, double fill = 0)
      : RandomRotation(ArrayRef<double>(degrees), interpolation, expand, fill) {}
  Tensor operator()(Tensor image) override;

 private:
  std::pair<double, double> degrees_;
  Interpolation interpolation_;
  bool expand_;
  double fill_;
};

/// affine() with a random angle as of RandomRotation; translation up to {share of the width, of the
/// height}; a scale between {low, high}; shear in degrees: {low, high} or {both} along x, and with
/// four numbers along y as well. What is empty stays as it is.
class RandomAffine : public ImageTransform {
 public:
  explicit RandomAffine(ArrayRef<double> degrees, ArrayRef<double> translate = {},
                        ArrayRef<double> scale = {}, ArrayRef<double> shear = {},
                        Interpolation interpolation = Interpolation::kNearest, double fill = 0);
  explicit RandomAffine(std::initializer_list<double> degrees, ArrayRef<double> translate = {},
                        ArrayRef<double> scale = {}, ArrayRef<double> shear = {},
                        Interpolation interpolation = Interpolation::kNearest, double fill = 0)
      : RandomAffine(ArrayRef<double>(degrees), translate, scale, shear, interpolation, fill) {}
  Tensor operator()(Tensor image) override;

 private:
  std::pair<double, double> degrees_;
  std::vector<double> translate_, scale_, shear_;
  Interpolation interpolation_;
  double fill_;
};

/// Brightness, contrast and saturation by factors in [max(0, 1 - x), 1 + x], hue by a share in
/// [-hue, hue], in a random order.
class ColorJitter : public ImageTransform {
 public:
  explicit ColorJitter(double brightness = 0, double contrast = 0, double saturation = 0,
                       double hue = 0);
  Tensor operator()(Tensor image) override;

 private:
  double amount_[4];
};

/// Sets, with probability p, a rectangle of a share `scale` of the area and of height / width in
/// `ratio` to a value: one, one per channel, or with none standard normal numbers.
class RandomErasing : public ImageTransform {
 public:
  explicit RandomErasing(double p = 0.5, std::pair<double, double> scale = {0.02, 0.33},
                         std::pair<double, double> ratio = {0.3, 3.3},
                         std::optional<std::vector<double>> value = std::vector<double>{0});
  Tensor operator()(Tensor image) override;

 private:
  double p_;
  std::pair<double, double> scale_, ratio_;
  std::optional<std::vector<double>> value_;
};

/// rgb_to_grayscale().
class Grayscale : public ImageTransform {
 public:
  explicit Grayscale(int64_t num_output_channels = 1);
  Tensor operator()(Tensor image) override { return rgb_to_grayscale(image, channels_); }

 private:
  int64_t channels_;
};

}  // namespace transforms
}  // namespace data
}  // namespace taper
