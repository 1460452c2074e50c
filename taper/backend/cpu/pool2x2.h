#pragma once

#include <cstdint>

// Max-pooling by 2 x 2 without padding, the common case, on dense float32 rows.
namespace taper::cpu {

/// out[j] = the largest of top[2j], top[2j + 1], bottom[2j], bottom[2j + 1], and which of them
/// (0 to 3), where index is not null.
void max_pool2x2_row(const float* top, const float* bottom, float* out, uint8_t* index,
                     int64_t count);
/// The gradient's two rows: grad[j] at the place that index[j] names, zeros elsewhere.
void max_pool2x2_spread_row(const float* grad, const uint8_t* index, float* top, float* bottom,
                            int64_t count);

}  // namespace taper::cpu
