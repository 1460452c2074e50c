#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {

class ByteSource;

namespace io {

/// A picture of 8-bit samples: rows from the top, channels (1: gray, 3: red, green, blue) together.
struct Image {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 1;
  std::vector<uint8_t> pixels;

  Image() = default;
  /// All samples of one value. Throws ShapeError unless sizes are positive and channels 1 or 3.
  Image(int64_t height, int64_t width, int64_t channels, uint8_t value = 0);
  /// Throws ShapeError, naming op, unless sizes and samples fit together.
  void check(const char* op) const;
  uint8_t* at(int64_t y, int64_t x) { return pixels.data() + (y * width + x) * channels; }
  const uint8_t* at(int64_t y, int64_t x) const {
    return pixels.data() + (y * width + x) * channels;
  }
};

/// Writes a PNG in one step: an existing file stays as it is when something fails. Throws IoError,
/// and ShapeError when sizes and samples do not fit together.
void write_png(const std::string& path, const Image& image);

/// The bytes of such a file. Throws IoError and ShapeError.
std::string encode_png(const Image& image);

/// Reads a PNG; gray when the file is, else RGB; 16-bit samples are scaled to 8, transparency is
/// laid over black. Throws IoError, also when the file claims more than max_bytes of samples.
Image read_png(const std::string& path, uint64_t max_bytes = uint64_t{1} << 28);
/// The same from any source of bytes.
Image read_png(const ByteSource& source, uint64_t max_bytes = uint64_t{1} << 28);

}  // namespace io
}  // namespace taper
