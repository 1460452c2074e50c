#include <algorithm>

#include "taper/base/error.h"
#include "taper/io/json_text.h"
#include "taper/train/chart_draw.h"

namespace taper::train {
namespace {

constexpr const char* kReplacement = "\xef\xbf\xbd";

// What stands for the character at the start of text.
std::string_view entity_of(std::string_view character) {
  switch (character[0]) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    case '\t':
    case '\n':
      return character;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(character[0]);
  // U+FFFE and U+FFFF are no characters of XML either.
  const bool is_foreign =
      byte < 0x20 || byte == 0x7f || character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf";
  return is_foreign ? std::string_view(kReplacement) : character;
}

size_t count_characters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

}  // namespace

std::string markup_text(std::string_view text, size_t longest) {
  const bool cut = longest != SIZE_MAX && count_characters(text) > longest;
  std::string out;
  for (size_t count = 0; !text.empty() && (!cut || count + 1 < longest); ++count) {
    const size_t length = io::utf8_length(text);
    if (length == 0) {
      out += kReplacement;
    } else {
      out += entity_of(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return cut ? out + "\xe2\x80\xa6" : out;
}

double text_width(std::string_view text, double size) {
  return 0.58 * size * static_cast<double>(count_characters(text));
}

std::string svg_start(double width, double height) {
  const std::string w = coordinate(width), h = coordinate(height);
  return str("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"t-figure\" width=\"", w,
             "\" height=\"", h, "\" viewBox=\"0 0 ", w, ' ', h,
             "\" font-family=\"system-ui, sans-serif\" font-size=\"11\">\n");
}

const char* chart_style() {
  return R"(
.t-back{fill:#fff}.t-text{fill:#1f2328}.t-title{fill:#1f2328;font-size:13px;font-weight:600}
.t-faint{fill:#59636e}.t-grid{stroke:#e4e7eb;fill:none}.t-axis{stroke:#9aa4ae;fill:none}
.t-line{fill:none;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}
.t-dash{stroke-dasharray:5 4}.t-mark{stroke:#59636e;stroke-dasharray:3 3}.t-shade{fill:#1d4ed8}
.t-s0{stroke:#2563eb}.t-s1{stroke:#d97706}.t-s2{stroke:#059669}.t-s3{stroke:#dc2626}
.t-s4{stroke:#7c3aed}.t-s5{stroke:#0891b2}.t-s6{stroke:#be185d}.t-s7{stroke:#65a30d}
.t-f0{fill:#2563eb}.t-f1{fill:#d97706}.t-f2{fill:#059669}.t-f3{fill:#dc2626}
.t-f4{fill:#7c3aed}.t-f5{fill:#0891b2}.t-f6{fill:#be185d}.t-f7{fill:#65a30d}
.t-deep{fill:#fff}
@media (prefers-color-scheme:dark){
.t-back{fill:#0d1117}.t-text,.t-title{fill:#e6edf3}.t-faint{fill:#9198a1}.t-grid{stroke:#262c36}
.t-axis{stroke:#656c76}.t-mark{stroke:#9198a1}.t-shade{fill:#3b82f6}
.t-s0{stroke:#60a5fa}.t-s1{stroke:#fbbf24}.t-s2{stroke:#34d399}.t-s3{stroke:#f87171}
.t-s4{stroke:#a78bfa}.t-s5{stroke:#22d3ee}.t-s6{stroke:#f472b6}.t-s7{stroke:#a3e635}
.t-f0{fill:#60a5fa}.t-f1{fill:#fbbf24}.t-f2{fill:#34d399}.t-f3{fill:#f87171}
.t-f4{fill:#a78bfa}.t-f5{fill:#22d3ee}.t-f6{fill:#f472b6}.t-f7{fill:#a3e635}
}
)";
}

int color_of(const Series& series, size_t place) {
  return series.color >= 0 ? series.color % 8 : static_cast<int>(place % 8);
}

}  // namespace taper::train
