#pragma once

#include "taper/tensor/tensor.h"

// Window functions of signals: window_length points, 1 for a length of 1. Periodic windows are the
// symmetric ones of one point more, without the last. Floating types.
namespace taper TAPER_API {

/// sin^2(pi n / N).
Tensor hann_window(int64_t window_length, bool periodic = true, const TensorOptions& options = {});
/// alpha - beta cos(2 pi n / N).
Tensor hamming_window(int64_t window_length, bool periodic = true, double alpha = 0.54,
                      double beta = 0.46, const TensorOptions& options = {});
/// 0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N).
Tensor blackman_window(int64_t window_length, bool periodic = true,
                       const TensorOptions& options = {});
/// 1 - |2 n / N - 1|.
Tensor bartlett_window(int64_t window_length, bool periodic = true,
                       const TensorOptions& options = {});
/// I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta).
Tensor kaiser_window(int64_t window_length, bool periodic = true, double beta = 12,
                     const TensorOptions& options = {});

}  // namespace taper
