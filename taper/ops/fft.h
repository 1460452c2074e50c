#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Discrete Fourier transforms, as torch.fft: X[k] = scale * sum over j of x[j] e^(-2 pi i j k / n);
// the inverse has the other sign. n (s) is the length of the signal in a dimension, which is cut or
// filled up with zeros. norm says where 1/n stands: "backward" (the default: in the inverse),
// "forward", or "ortho" (its root in both). Integers are computed in the default type, half types
// are refused. Without dim, the 2-dimensional ones take the last two dimensions and the
// n-dimensional ones the last s.size(), or all. Differentiable to any order.
namespace taper TAPER_API {

/// The transform along one dimension: complex.
Tensor fft_fft(const Tensor& self, std::optional<int64_t> n = std::nullopt, int64_t dim = -1,
               std::optional<std::string_view> norm = std::nullopt);
/// The inverse of fft_fft().
Tensor fft_ifft(const Tensor& self, std::optional<int64_t> n = std::nullopt, int64_t dim = -1,
                std::optional<std::string_view> norm = std::nullopt);
/// The first n/2 + 1 values of the transform of a real signal: the others are their conjugates.
Tensor fft_rfft(const Tensor& self, std::optional<int64_t> n = std::nullopt, int64_t dim = -1,
                std::optional<std::string_view> norm = std::nullopt);
/// The inverse of fft_rfft(): real, of length n, by default 2 (size - 1).
Tensor fft_irfft(const Tensor& self, std::optional<int64_t> n = std::nullopt, int64_t dim = -1,
                 std::optional<std::string_view> norm = std::nullopt);
/// The real transform of a signal that is its own mirrored conjugate, of which half is given.
Tensor fft_hfft(const Tensor& self, std::optional<int64_t> n = std::nullopt, int64_t dim = -1,
                std::optional<std::string_view> norm = std::nullopt);
/// The inverse of fft_hfft().
Tensor fft_ihfft(const Tensor& self, std::optional<int64_t> n = std::nullopt, int64_t dim = -1,
                 std::optional<std::string_view> norm = std::nullopt);

/// fft_fft() along several dimensions.
Tensor fft_fftn(const Tensor& self, OptionalIntArrayRef s = std::nullopt,
                OptionalIntArrayRef dim = std::nullopt,
                std::optional<std::string_view> norm = std::nullopt);
/// The inverse of fft_fftn().
Tensor fft_ifftn(const Tensor& self, OptionalIntArrayRef s = std::nullopt,
                 OptionalIntArrayRef dim = std::nullopt,
                 std::optional<std::string_view> norm = std::nullopt);
/// fft_rfft() along the last dimension, then fft_fft() along the others.
Tensor fft_rfftn(const Tensor& self, OptionalIntArrayRef s = std::nullopt,
                 OptionalIntArrayRef dim = std::nullopt,
                 std::optional<std::string_view> norm = std::nullopt);
/// The inverse of fft_rfftn().
Tensor fft_irfftn(const Tensor& self, OptionalIntArrayRef s = std::nullopt,
                  OptionalIntArrayRef dim = std::nullopt,
                  std::optional<std::string_view> norm = std::nullopt);
/// fft_fft() along all dimensions but the last, then fft_hfft() along that.
Tensor fft_hfftn(const Tensor& self, OptionalIntArrayRef s = std::nullopt,
                 OptionalIntArrayRef dim = std::nullopt,
                 std::optional<std::string_view> norm = std::nullopt);
/// The inverse of fft_hfftn().
Tensor fft_ihfftn(const Tensor& self, OptionalIntArrayRef s = std::nullopt,
                  OptionalIntArrayRef dim = std::nullopt,
                  std::optional<std::string_view> norm = std::nullopt);

/// The frequencies of fft_fft()'s values for samples d apart: [0, 1, ..., -2, -1] / (n d).
Tensor fft_fftfreq(int64_t n, double d = 1, const TensorOptions& options = {});
/// The frequencies of fft_rfft()'s values: [0, 1, ..., n / 2] / (n d).
Tensor fft_rfftfreq(int64_t n, double d = 1, const TensorOptions& options = {});
/// Rolls dimensions (default: all) so that frequency 0 stands in the middle.
Tensor fft_fftshift(const Tensor& self, OptionalIntArrayRef dim = std::nullopt);
/// The inverse of fft_fftshift().
Tensor fft_ifftshift(const Tensor& self, OptionalIntArrayRef dim = std::nullopt);

/// LibTorch's names.
namespace fft {

#define TAPER_FFT_LINE(name)                                                                  \
  inline Tensor name(const Tensor& self, std::optional<int64_t> n = std::nullopt,             \
                     int64_t dim = -1, std::optional<std::string_view> norm = std::nullopt) { \
    return fft_##name(self, n, dim, norm);                                                    \
  }
TAPER_FFT_LINE(fft)
TAPER_FFT_LINE(ifft)
TAPER_FFT_LINE(rfft)
TAPER_FFT_LINE(irfft)
TAPER_FFT_LINE(hfft)
TAPER_FFT_LINE(ihfft)
#undef TAPER_FFT_LINE
#define TAPER_FFT_MANY(name)                                                      \
  inline Tensor name##n(const Tensor& self, OptionalIntArrayRef s = std::nullopt, \
                        OptionalIntArrayRef dim = std::nullopt,                   \
                        std::optional<std::string_view> norm = std::nullopt) {    \
    return fft_##name##n(self, s, dim, norm);                                     \
  }                                                                               \
  inline Tensor name##2(const Tensor& self, OptionalIntArrayRef s = std::nullopt, \
                        IntArrayRef dim = {-2, -1},                               \
                        std::optional<std::string_view> norm = std::nullopt) {    \
    return fft_##name##n(self, s, dim, norm);                                     \
  }
TAPER_FFT_MANY(fft)
TAPER_FFT_MANY(ifft)
TAPER_FFT_MANY(rfft)
TAPER_FFT_MANY(irfft)
TAPER_FFT_MANY(hfft)
TAPER_FFT_MANY(ihfft)
#undef TAPER_FFT_MANY
inline Tensor fftfreq(int64_t n, double d = 1, const TensorOptions& options = {}) {
  return fft_fftfreq(n, d, options);
}
inline Tensor fftfreq(int64_t n, const TensorOptions& options) {
  return fft_fftfreq(n, 1, options);
}
inline Tensor rfftfreq(int64_t n, double d = 1, const TensorOptions& options = {}) {
  return fft_rfftfreq(n, d, options);
}
inline Tensor rfftfreq(int64_t n, const TensorOptions& options) {
  return fft_rfftfreq(n, 1, options);
}
inline Tensor fftshift(const Tensor& self, OptionalIntArrayRef dim = std::nullopt) {
  return fft_fftshift(self, dim);
}
inline Tensor ifftshift(const Tensor& self, OptionalIntArrayRef dim = std::nullopt) {
  return fft_ifftshift(self, dim);
}

}  // namespace fft
}  // namespace taper
