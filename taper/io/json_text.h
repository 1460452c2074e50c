#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace io {

/// Bytes that the UTF-8 sequence at the start of text takes; 0 when it is none (overlong forms,
/// surrogates and code points past U+10FFFF included).
size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);
/// Appends a code point up to U+10FFFF.
void append_utf8(std::string& out, uint32_t code_point);

/// Appends text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace io
}  // namespace taper
