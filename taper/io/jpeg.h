#pragma once

#include <cstdint>
#include <string>

#include "taper/io/png.h"

namespace taper TAPER_API {
namespace io {

/// Reads a JPEG; gray when the file is, else RGB (of CMYK as libjpeg converts it). Throws IoError
/// on a damaged or truncated file, also when it claims more than max_bytes of samples.
Image read_jpeg(const std::string& path, uint64_t max_bytes = uint64_t{1} << 28);
/// The same from any source of bytes.
Image read_jpeg(const ByteSource& source, uint64_t max_bytes = uint64_t{1} << 28);

/// Writes a JPEG in one step, with quality from 1 to 100 and colour at full resolution. Throws
/// IoError, ConfigError on another quality, and ShapeError when sizes and samples do not fit
/// together.
void write_jpeg(const std::string& path, const Image& image, int quality = 90);

/// Reads a PNG or a JPEG, told by its first bytes, with channels 1 (gray as the file or by the
/// brightness 0.299 R + 0.587 G + 0.114 B) or 3 (gray as equal parts); 0: as the file. Throws
/// IoError as read_png() and read_jpeg(), and ConfigError on other channels.
Image read_image(const std::string& path, int64_t channels = 0,
                 uint64_t max_bytes = uint64_t{1} << 28);

}  // namespace io
}  // namespace taper
