#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "taper/base/file.h"
#include "taper/base/macros.h"
#include "taper/core/scalar_type.h"

namespace taper TAPER_API {
namespace io {

/// An array of an idx file (the format of MNIST): elements in row-major order, this machine's byte
/// order.
struct IdxArray {
  ScalarType dtype = ScalarType::Undefined;
  std::vector<int64_t> sizes;
  ByteBuffer bytes;
};

/// What a file may claim. A compressed array of more than free_bytes must be backed by a file of
/// at least its size / max_ratio.
struct IdxLimits {
  uint64_t max_bytes = uint64_t{1} << 36;
  uint64_t free_bytes = uint64_t{64} << 20;
  uint64_t max_ratio = 100;
};

/// Reads an idx file, plain or gzip (told by its first bytes). Throws IoError with file and offset
/// when it is truncated, mislabelled, too large, damaged or has bytes after its end; memory is
/// taken only after the claimed size has been compared with the file's.
IdxArray read_idx(const std::string& path, const IdxLimits& limits = {});
/// The same from any source of bytes.
IdxArray read_idx(const ByteSource& source, const IdxLimits& limits = {});

}  // namespace io
}  // namespace taper
