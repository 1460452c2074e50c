#include "taper/io/png.h"

#include <png.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/bytes.h"

namespace taper::io {
namespace {

// Owns what libpng's simple interface allocates; that interface reports errors by a return value,
// so no longjmp crosses our frames.
struct PngImage : png_image {
  PngImage() : png_image() { version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(this); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

void check_sizes(const char* op, int64_t height, int64_t width, int64_t channels) {
  constexpr int64_t kLargest = 1'000'000;  // libpng's own limit of a side
  TAPER_CHECK_AS(ShapeError,
                 height > 0 && width > 0 && height <= kLargest && width <= kLargest &&
                     (channels == 1 || channels == 3),
                 op, ": got height ", height, ", width ", width, " and ", channels,
                 " channels, expected sides of 1 to ", kLargest, " and 1 or 3 channels");
}

}  // namespace

Image::Image(int64_t height, int64_t width, int64_t channels, uint8_t value)
    : height(height), width(width), channels(channels) {
  check_sizes("Image", height, width, channels);
  pixels.assign(static_cast<size_t>(height * width * channels), value);
}

void Image::check(const char* op) const {
  check_sizes(op, height, width, channels);
  const size_t expected = static_cast<size_t>(height * width * channels);
  TAPER_CHECK_AS(ShapeError, pixels.size() == expected, op, ": got ", pixels.size(),
                 " samples, expected ", expected, " for ", height, " x ", width, " pixels of ",
                 channels, " channels");
}

std::string encode_png(const Image& image) {
  image.check("encode_png");
  PngImage png;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string encoded(size, '\0');
  if (png_image_write_to_memory(&png, encoded.data(), &size, 0, image.pixels.data(), 0, nullptr) ==
      0) {
    detail::fail<IoError>("encode_png: ", std::string(png.message));
  }
  encoded.resize(size);
  return encoded;
}

void write_png(const std::string& path, const Image& image) {
  image.check("write_png");
  const std::string encoded = encode_png(image);
  write_file(path, encoded.data(), encoded.size());
}

Image read_png(const std::string& path, uint64_t max_bytes) {
  return read_png(InputFile(path), max_bytes);
}

Image read_png(const ByteSource& source, uint64_t max_bytes) {
  const ByteBuffer bytes = all_bytes(source);
  auto fail = [&](const auto&... parts) {
    detail::fail<IoError>("PNG file ", quote_path(source.name()), ": ", parts...);
  };
  PngImage png;
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) {
    fail(std::string(png.message));
  }
  const bool color = (png.format & PNG_FORMAT_FLAG_COLOR) != 0;
  const int64_t channels = color ? 3 : 1;
  // Sides are below 2^31, so the product fits.
  const uint64_t claimed = uint64_t{png.width} * png.height * static_cast<uint64_t>(channels);
  if (claimed > max_bytes) {
    fail("it claims ", png.height, " x ", png.width, " pixels, ", claimed,
         " bytes, expected at most ", max_bytes);
  }
  png.format = color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Image image(png.height, png.width, channels);
  const png_color black = {0, 0, 0};
  if (png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr) == 0) {
    fail(std::string(png.message));
  }
  return image;
}

}  // namespace taper::io
