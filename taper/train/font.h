#pragma once

#include <cstdint>

namespace taper::train {

inline constexpr int64_t kGlyphWidth = 5;
inline constexpr int64_t kGlyphHeight = 7;

/// A glyph's row as text, '#' where there is ink. Small letters look like capitals; characters
/// without a glyph are a full box.
const char* glyph_row(char c, int64_t row);

}  // namespace taper::train
