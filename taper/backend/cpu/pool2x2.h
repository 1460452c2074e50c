#pragma once

#include <cstdint>

// Max-pooling by 2 x 2 without padding, the common case, on float32 planes with adjacent columns.
namespace taper::cpu {

/// out[i, j] = the largest of in[2i, 2j], in[2i, 2j + 1], in[2i + 1, 2j], in[2i + 1, 2j + 1], and
/// which of them (0 to 3), where index is not null; index has no gaps between rows.
void max_pool2x2_plane(const float* in, int64_t in_row, float* out, int64_t out_row, uint8_t* index,
                       int64_t rows, int64_t cols);
/// The gradient's 2 rows x 2 cols: grad[i, j] at the place that index[i, j] names, zeros elsewhere.
void max_pool2x2_spread_plane(const float* grad, int64_t grad_row, const uint8_t* index, float* to,
                              int64_t to_row, int64_t rows, int64_t cols);

}  // namespace taper::cpu
