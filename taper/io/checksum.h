#pragma once

#include <cstddef>
#include <string>

#include "taper/base/file.h"
#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace io {

/// XXH3-64 as 16 hexadecimal digits.
std::string checksum(const void* data, size_t size);
/// The same of a whole source, read in pieces. Throws IoError.
std::string checksum(const ByteSource& source);

}  // namespace io
}  // namespace taper
