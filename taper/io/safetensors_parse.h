#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taper/io/safetensors_format.h"

namespace taper::io {

// Keys that carry checksums. A file that has any of them must have all: a damaged key is then
// found by the key that it leaves missing, and kFormatKey keeps one if the others have gone.
inline constexpr std::string_view kFormatKey = "taper.format";
inline constexpr std::string_view kFormatValue = "1";
inline constexpr std::string_view kHeaderChecksumKey = "taper.xxh3";
inline constexpr std::string_view kChecksumPrefix = "taper.xxh3.";
inline constexpr size_t kChecksumDigits = 16;
inline constexpr uint64_t kLengthBytes = 8;
inline constexpr uint64_t kLargestHeader = 100'000'000;

/// The format's name of a type, such as F32; null for Undefined.
const char* safetensors_dtype(ScalarType dtype);

/// A header's text, taken apart. Offsets are still relative to the end of the header.
struct ParsedHeader {
  struct Tensor {
    SafetensorsEntry entry;
    size_t position = 0;  // of its name in the text, for messages
  };
  std::vector<Tensor> tensors;
  Metadata metadata;
  /// Where the value of each metadata key stands in the text (after its quote).
  std::vector<size_t> metadata_positions;
};

/// Parses the JSON of a header. file is for messages. Throws IoError; knows nothing of the bytes
/// that follow the header.
ParsedHeader parse_safetensors_header(std::string_view text, const std::string& file);

}  // namespace taper::io
