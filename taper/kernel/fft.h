#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Fourier transforms of rows, float32 and float64. All tensors are contiguous and have the same
// leading sizes; n is the length of the signal and at least 1. Each result is multiplied by scale,
// a power of n. A row gives the same bits wherever it stands, at any thread count.
namespace taper {

namespace cpu {
void fft_complex(View out, ConstView x, bool inverse, double scale);
void fft_from_real(View out, ConstView x, double scale);
void fft_to_real(View out, ConstView x, double scale);
}  // namespace cpu

/// Complex [..., n] to complex [..., n]; e^(-2 pi i j k / n), or its conjugate when inverse.
inline constinit Kernel<void(View, ConstView, bool, double)> fft_complex_kernel{
    "fft_complex", &cpu::fft_complex, Numbers::kAny};
/// Real [..., n] to the first half, complex [..., n / 2 + 1].
inline constinit Kernel<void(View, ConstView, double)> fft_from_real_kernel{
    "fft_from_real", &cpu::fft_from_real, Numbers::kAny};
/// The inverse transform of what half of its values, complex [..., n / 2 + 1], say: real [..., n].
/// The imaginary parts of the first value, and of the last when n is even, count as 0.
inline constinit Kernel<void(View, ConstView, double)> fft_to_real_kernel{
    "fft_to_real", &cpu::fft_to_real, Numbers::kAny};

}  // namespace taper
