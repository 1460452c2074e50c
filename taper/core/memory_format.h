#pragma once

#include <cstdint>

#include "taper/base/macros.h"

namespace taper TAPER_API {

enum class MemoryFormat : int8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };
/// Strided is the only layout.
enum class Layout : int8_t { Strided };
inline constexpr Layout kStrided = Layout::Strided;

}  // namespace taper
