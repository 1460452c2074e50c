#pragma once

#include <cstdint>

// Direct convolution with few taps (elements of one filter: channels x kernel), for one thread.
// The input is taken as shifted planes: with a copy of the image for each column of the kernel, the
// pixels that one tap sees lie next to each other, whatever the row.
namespace taper::cpu {

/// Taps of which each reads `pixels` floats at planes + offset[tap].
struct TapPlanes {
  const float* planes;
  const int64_t* offset;
  int64_t taps, pixels;
};

/// out[k * out_stride + p] = bias[k] + sum over taps of weight[tap * filters_padded + k] * tap at
/// p. Weights and bias are padded to tap_filters(filters). Planes may be read kTapSlack floats past
/// their end.
constexpr int64_t kTapSlack = 64;
constexpr int64_t tap_filters(int64_t filters) { return (filters + 7) / 8 * 8; }
void taps_forward(const TapPlanes& x, const float* weight, const float* bias, int64_t filters,
                  float* out, int64_t out_stride);

/// Vectors of 16 that hold the partial sums of one product of a tap and a filter, or of a bias.
constexpr int64_t kTapLanes = 16;
/// sums[k, tap, lane] += the gradient's products with the taps; bias[k, lane] += the gradient.
void taps_gradient(const TapPlanes& x, const float* grad, int64_t grad_stride, int64_t filters,
                   float* sums, float* bias);

}  // namespace taper::cpu
