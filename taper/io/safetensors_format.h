#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "taper/base/file.h"
#include "taper/base/macros.h"
#include "taper/core/scalar_type.h"

// The safetensors format in bytes, without tensors; safetensors.h has the tensors.
namespace taper TAPER_API {
namespace io {

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// One tensor of a file.
struct SafetensorsEntry {
  std::string name;
  ScalarType dtype = ScalarType::Undefined;
  std::vector<int64_t> sizes;
  /// Its bytes in the file, from the file's start.
  uint64_t begin = 0;
  uint64_t end = 0;
  /// XXH3-64 of its bytes as 16 hexadecimal digits; empty in other writers' files.
  std::string checksum;
};

struct SafetensorsHeader {
  /// In the order of the header's text.
  std::vector<SafetensorsEntry> tensors;
  /// The writer's own, without the keys that carry checksums.
  Metadata metadata;
  /// Whether Taper wrote the file, so that every byte of it is covered by a checksum.
  bool checked = false;
};

/// Reads and checks the header: at most 100 MB of strict JSON, no duplicate names, types and sizes
/// known and within 64 bits, the tensors' bytes side by side from the header's end to the file's,
/// and the header's checksum where there is one. Throws IoError with file, byte and name.
SafetensorsHeader read_safetensors_header(const ByteSource& source);

/// Copies a tensor's bytes to memory of end - begin bytes; compares the checksum unless told not
/// to, and refuses booleans other than 0 and 1.
void read_safetensors_entry(const ByteSource& source, const SafetensorsEntry& entry, void* to,
                            bool verify = true);

/// A tensor to write: its elements in row-major order.
struct SafetensorsItem {
  std::string name;
  ScalarType dtype = ScalarType::Undefined;
  std::vector<int64_t> sizes;
  const void* data = nullptr;
};

/// Writes the file in one step (AtomicFile): the same items give the same bytes. Each tensor and
/// the header get an XXH3-64 checksum among the metadata (`taper.xxh3.<tensor>`, `taper.xxh3`),
/// which other readers ignore. Throws IoError, also for names that are empty, not UTF-8, given
/// twice or reserved.
void write_safetensors(const std::string& path, const std::vector<SafetensorsItem>& items,
                       const Metadata& metadata = {});

}  // namespace io
}  // namespace taper
