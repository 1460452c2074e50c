#pragma once

#include <cstdint>

#include "taper/io/png.h"
#include "taper/tensor/tensor.h"

// What the transforms of images share.
namespace taper::data::transforms {

/// Throws ShapeError or DTypeError, naming op, unless image is [c, h, w] or [n, c, h, w], not
/// empty, of uint8 or a floating type.
void check_image(const char* op, const Tensor& image);
/// Throws ConfigError, naming op and what, unless value is within [low, high].
void check_within(const char* op, const char* what, double value, double low, double high);

/// Writes what to_tensor() gives to a contiguous float32 tensor of its sizes.
void write_planes(const io::Image& image, const Tensor& to);

inline int64_t height_of(const Tensor& image) { return image.size(-2); }
inline int64_t width_of(const Tensor& image) { return image.size(-1); }
inline int64_t channels_of(const Tensor& image) { return image.size(-3); }

/// Floating types as they are, bytes as float32; and back, rounded.
Tensor as_floating(const Tensor& image);
Tensor as_type(const Tensor& image, ScalarType dtype);

}  // namespace taper::data::transforms
