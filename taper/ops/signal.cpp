#include "taper/ops/signal.h"

#include <algorithm>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/complex.h"
#include "taper/ops/creation.h"
#include "taper/ops/fft.h"
#include "taper/ops/joining.h"
#include "taper/ops/op_util.h"
#include "taper/ops/padding.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/scatter.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// What stft() and istft() are told of frames, checked.
struct Frames {
  const char* op;
  int64_t n_fft, hop;
  Tensor window;  // of n_fft elements; undefined for ones

  int64_t half() const { return n_fft / 2; }
};

Frames frames_of(const char* op, const Tensor& self, int64_t n_fft, std::optional<int64_t> hop,
                 std::optional<int64_t> win_length, const std::optional<Tensor>& window) {
  // So that no product of lengths leaves 64 bits.
  TAPER_CHECK(n_fft > 0 && n_fft <= (int64_t{1} << 40), op,
              ": expected 0 < n_fft <= 2^40, but got n_fft=", n_fft);
  Frames f{op, n_fft, hop.value_or(n_fft / 4), Tensor()};
  TAPER_CHECK(f.hop > 0, op, ": expected hop_length > 0, but got hop_length=", f.hop);
  const int64_t length = win_length.value_or(n_fft);
  TAPER_CHECK(length > 0 && length <= n_fft, op,
              ": expected 0 < win_length <= n_fft, but got win_length=", length);
  const ScalarType type = toRealValueType(self.scalar_type());
  if (window && window->defined()) {
    TAPER_CHECK_AS(ShapeError, window->dim() == 1 && window->size(0) == length, op,
                   ": expected a 1D window tensor of size equal to win_length=", length,
                   ", but got window with size ", window->sizes());
    const ScalarType given = window->scalar_type();
    TAPER_CHECK_AS(DTypeError, isDifferentiableType(given) && toRealValueType(given) == type, op,
                   ": expected a window of the input's precision, ", type, ", but got ", given);
    f.window = *window;
  } else if (length < n_fft) {
    f.window = ones({length}, type);
  }
  if (length < n_fft) {
    const int64_t left = (n_fft - length) / 2;
    f.window = constant_pad_nd(f.window, {left, n_fft - length - left});
  }
  return f;
}

/// The signal with half a frame more at each end.
Tensor centered(const Frames& f, const Tensor& x, std::string_view pad_mode) {
  const int64_t sides[] = {f.half(), f.half()};
  const Tensor lines = x.unsqueeze(0);
  return pad(lines, IntArrayRef(sides, 2), pad_mode).squeeze(0);
}

/// [batch, frames, n_fft] of [batch, length].
Tensor cut(const Frames& f, const Tensor& x) {
  const Tensor pieces = x.unfold(-1, f.n_fft, f.hop);
  return f.window.defined() ? pieces.mul(f.window) : pieces;
}

}  // namespace

Tensor stft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length,
            std::optional<int64_t> win_length, const std::optional<Tensor>& window, bool center,
            std::string_view pad_mode, bool normalized, std::optional<bool> onesided,
            std::optional<bool> return_complex) {
  const char* const op = "stft";
  TAPER_CHECK_AS(DTypeError, isDifferentiableType(self.scalar_type()), op,
                 ": expected a tensor of floating point or complex values, got ",
                 self.scalar_type());
  TAPER_CHECK_AS(ShapeError, self.dim() == 1 || self.dim() == 2, op,
                 ": expected a 1D or 2D tensor, got ", self.sizes());
  const Frames f = frames_of(op, self, n_fft, hop_length, win_length, window);
  const bool is_complex = self.is_complex() || (f.window.defined() && f.window.is_complex());
  const bool half = onesided.value_or(!is_complex);
  TAPER_CHECK(!half || !is_complex, op,
              ": Cannot have onesided output if window or input is complex");
  TAPER_CHECK(return_complex || is_complex, op,
              " requires the return_complex parameter be given for real inputs, and will further "
              "require that return_complex=True in a future PyTorch release.");
  const bool batched = self.dim() == 2;
  Tensor x = batched ? self : self.unsqueeze(0);
  if (center) x = centered(f, x, pad_mode);
  TAPER_CHECK_AS(ShapeError, n_fft <= x.size(-1), op, ": expected 0 < n_fft <= ", x.size(-1),
                 ", but got n_fft=", n_fft);
  const char* const norm = normalized ? "ortho" : "backward";
  const Tensor pieces = cut(f, x);
  Tensor out =
      half ? fft_rfft(pieces, std::nullopt, -1, norm) : fft_fft(pieces, std::nullopt, -1, norm);
  out = out.transpose(1, 2);
  if (!batched) out = out.squeeze(0);
  return return_complex.value_or(is_complex) ? out : view_as_real(out);
}

Tensor stft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length,
            std::optional<int64_t> win_length, const std::optional<Tensor>& window, bool normalized,
            StrictBool onesided, std::optional<bool> return_complex) {
  return stft(self, n_fft, hop_length, win_length, window, false, "reflect", normalized, onesided,
              return_complex);
}

namespace {

/// The sum of frames [batch, frames, n_fft] at their places: [batch, length].
Tensor overlapped(const Frames& f, const Tensor& frames, int64_t length) {
  const int64_t count = frames.size(1);
  const Tensor places = arange(count).mul(f.hop).unsqueeze(-1).add(arange(f.n_fft)).reshape(-1);
  return zeros({frames.size(0), length}, frames.options())
      .index_add(1, places, frames.reshape({frames.size(0), count * f.n_fft}));
}

}  // namespace

Tensor istft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length,
             std::optional<int64_t> win_length, const std::optional<Tensor>& window, bool center,
             bool normalized, std::optional<bool> onesided, std::optional<int64_t> length,
             bool return_complex) {
  const char* const op = "istft";
  TAPER_CHECK_AS(DTypeError, self.is_complex(), op,
                 " requires a complex-valued input tensor matching the output from stft with "
                 "return_complex=True, got ",
                 self.scalar_type());
  TAPER_CHECK_AS(ShapeError, self.dim() == 2 || self.dim() == 3, op,
                 ": expected a tensor with 2 or 3 dimensions, got ", self.sizes());
  TAPER_CHECK_AS(ShapeError, self.numel() > 0, op, ": expected a non-empty tensor, got ",
                 self.sizes());
  const Frames f = frames_of(op, self, n_fft, hop_length, win_length, window);
  TAPER_CHECK(f.hop <= win_length.value_or(n_fft), op,
              ": expected 0 < hop_length <= win_length, but got hop_length=", f.hop);
  const bool batched = self.dim() == 3;
  const Tensor spectra = (batched ? self : self.unsqueeze(0)).transpose(1, 2);
  const int64_t frequencies = spectra.size(-1), count = spectra.size(1);
  const bool half = onesided.value_or(frequencies != n_fft);
  TAPER_CHECK_AS(ShapeError, frequencies == (half ? n_fft / 2 + 1 : n_fft), op,
                 ": expected the frequency dimension (3rd to the last) of the input tensor to "
                 "match n_fft",
                 half ? " / 2 + 1" : "", " when onesided=", half ? "True" : "False", ", but got ",
                 frequencies, " for n_fft=", n_fft);
  const bool complex_window = f.window.defined() && f.window.is_complex();
  TAPER_CHECK(return_complex || !complex_window, op,
              ": Complex windows are incompatible with return_complex=False");
  TAPER_CHECK(!return_complex || !half, op,
              ": Cannot have onesided output if window or input is complex");
  const char* const norm = normalized ? "ortho" : "backward";
  // A real signal's other frequencies are the conjugates of the first ones.
  const Tensor frames = return_complex
                            ? fft_ifft(spectra, std::nullopt, -1, norm)
                            : fft_irfft(spectra.narrow(-1, 0, n_fft / 2 + 1), n_fft, -1, norm);
  const int64_t whole = n_fft + f.hop * (count - 1);
  const Tensor weight =
      f.window.defined() ? f.window : ones({n_fft}, toRealValueType(self.scalar_type()));
  const Tensor sum = overlapped(f, frames.mul(weight), whole);
  const Tensor squares = overlapped(f, weight.mul(weight).expand({1, count, n_fft}), whole);
  TAPER_CHECK(!length || (*length >= 0 && *length <= (int64_t{1} << 40)), op,
              ": expected 0 <= length <= 2^40, got ", length.value_or(0));
  const int64_t start = center ? f.half() : 0;
  const int64_t end = length ? start + *length : center ? whole - f.half() : whole;
  const int64_t stop = std::min(end, whole);
  TAPER_CHECK_AS(ShapeError, stop >= start, op, ": no element is left between ", start, " and ",
                 stop);
  const Tensor below = squares.narrow(1, start, stop - start);
  const Tensor smallest = below.detach().abs();
  TAPER_CHECK(smallest.numel() == 0 || smallest.min().item<double>() > 1e-11, op,
              ": window overlap add min: the windows' squares sum to 0 somewhere");
  Tensor out = sum.narrow(1, start, stop - start).div(below);
  if (end > stop) out = constant_pad_nd(out, {0, end - stop});
  return batched ? out : out.squeeze(0);
}

}  // namespace taper
