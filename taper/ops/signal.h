#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// The short-time Fourier transform: spectra of a signal's pieces, each under a window.
namespace taper TAPER_API {

/// The transforms of n_fft elements of self [*, length] at every hop_length-th place (default n_fft
/// / 4), each times the window (default: ones) of win_length elements (default n_fft), which is
/// filled up with zeros on both sides to n_fft: [*, frequencies, frames], n_fft / 2 + 1 frequencies
/// when onesided (default for real input and window), else n_fft. center: frame t is about element
/// t hop_length, for which pad_mode fills up the signal at both ends. normalized: times 1 /
/// sqrt(n_fft). Without return_complex (which then must be given for real input and window) the
/// numbers are pairs [..., 2].
/// https://pytorch.org/docs/stable/generated/torch.stft.html
/// variants: method
Tensor stft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length = std::nullopt,
            std::optional<int64_t> win_length = std::nullopt,
            const std::optional<Tensor>& window = std::nullopt, bool center = true,
            std::string_view pad_mode = "reflect", bool normalized = false,
            std::optional<bool> onesided = std::nullopt,
            std::optional<bool> return_complex = std::nullopt);
/// LibTorch's order of arguments: stft() without center.
/// variants: method
Tensor stft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length,
            std::optional<int64_t> win_length, const std::optional<Tensor>& window, bool normalized,
            StrictBool onesided, std::optional<bool> return_complex = std::nullopt);
/// The inverse of stft(), of complex self [*, frequencies, frames]: the frames' inverse transforms
/// times the window, added, over the sum of the windows' squares, which must not be 0. The result
/// has length elements, by default as many as the frames say; without return_complex it is real.
/// https://pytorch.org/docs/stable/generated/torch.istft.html
/// variants: method
Tensor istft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length = std::nullopt,
             std::optional<int64_t> win_length = std::nullopt,
             const std::optional<Tensor>& window = std::nullopt, bool center = true,
             bool normalized = false, std::optional<bool> onesided = std::nullopt,
             std::optional<int64_t> length = std::nullopt, bool return_complex = false);

}  // namespace taper
