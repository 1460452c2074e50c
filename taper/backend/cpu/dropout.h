#pragma once

#include <cstdint>

#include "taper/base/random.h"

namespace taper::cpu {

/// kept[i] is false with probability p: what dropout draws for element first + i, for i < n.
void draw_kept(CounterKey key, int64_t first, int64_t n, double p, bool* kept);

}  // namespace taper::cpu
