#pragma once

#include <cstdint>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// Makes arithmetic of the calling thread, and of the parallel regions that it starts, treat
/// numbers below the smallest normal one (1.2e-38 for float) as 0, or stops doing so. Such numbers
/// cost a processor tens of times the usual; they appear when gradients or filters fade out.
/// Off at first. Returns whether the processor can.
bool set_flush_denormal(bool mode);

namespace detail {

/// The part of the calling thread's floating-point mode that regions take over.
uint64_t flush_mode();
void set_flush_mode(uint64_t mode);

}  // namespace detail
}  // namespace taper
