#include "taper/ops/signal.h"

#include <cmath>

#include "taper/taper.h"
#include "tests/ops/complex_case.h"
#include "tests/support/expect_error.h"

namespace taper::testing {
namespace {

using Inputs = std::vector<Dense>;

constexpr double kPi = 3.14159265358979323846;

/// The transform of n_fft elements of the signal about every hop-th, mirrored at its ends: pairs
/// [frequencies, frames, 2].
Dense transformed(const std::vector<double>& x, const std::vector<double>& window, int64_t hop,
                  bool center, int64_t frequencies) {
  const auto n = static_cast<int64_t>(window.size()), length = static_cast<int64_t>(x.size());
  const int64_t before = center ? n / 2 : 0;
  const int64_t frames = (length + 2 * before - n) / hop + 1;
  std::vector<Number> out;
  for (int64_t f = 0; f < frequencies; ++f) {
    for (int64_t t = 0; t < frames; ++t) {
      Number sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        int64_t at = std::abs(t * hop + i - before);
        if (at >= length) at = 2 * (length - 1) - at;
        sum += x[static_cast<size_t>(at)] * window[static_cast<size_t>(i)] *
               std::polar(1.0, -2 * kPi * static_cast<double>(f * i) / static_cast<double>(n));
      }
      out.push_back(sum);
    }
  }
  return pairs({frequencies, frames}, out);
}

std::vector<OpCase> signal_cases() {
  OpCase forward{"stft"}, back{"istft"};
  forward.dtypes = back.dtypes = {kFloat, kDouble};
  forward.tolerance = back.tolerance = 20;  // sums of a dozen terms
  // The window of 6 stands in the middle of 8.
  const auto window = [](const std::vector<double>& w) {
    std::vector<double> wide = {0};
    wide.insert(wide.end(), w.begin(), w.end());
    wide.push_back(0);
    return wide;
  };
  forward.samples = {
      {"centred, half of the frequencies",
       {{{20}}, {{6}, 0.5, 1.5}},
       [](const Tensors& x) {
         return Tensors{
             view_as_real(stft(x[0], 8, 3, 6, x[1], true, "reflect", false, std::nullopt, true))};
       },
       [=](const Inputs& x) {
         return Inputs{transformed(x[0].values, window(x[1].values), 3, true, 5)};
       }},
      {"all frequencies, parts",
       {{{20}}},
       [](const Tensors& x) {
         return Tensors{
             stft(x[0], 8, 2, std::nullopt, std::nullopt, false, "reflect", false, false, false)};
       },
       [](const Inputs& x) {
         return Inputs{transformed(x[0].values, std::vector<double>(8, 1), 2, false, 8)};
       }}};
  forward.errors = {
      {"integers", [] { stft(ones({9}, kLong), 4); },
       "expected a tensor of floating point or complex", ErrorInput::Kind::dtype},
      {"no return_complex", [] { stft(ones({9}), 4); },
       "requires the return_complex parameter be given for real inputs"},
      {"rank",
       [] {
         stft(ones({2, 2, 9}), 4);
       },
       "expected a 1D or 2D tensor", ErrorInput::Kind::shape},
      {"n_fft", [] { stft(ones({9}), 0); }, "but got n_fft=0"},
      {"too short", [] { stft(ones({3}), 4, 1, 4, std::nullopt, false, true, true); },
       "expected 0 < n_fft <= 3, but got n_fft=4", ErrorInput::Kind::shape},
      {"hop", [] { stft(ones({9}), 4, 0); }, "expected hop_length > 0, but got hop_length=0"},
      {"hop of a short transform", [] { stft(ones({9}), 3); }, "but got hop_length=0"},
      {"win_length", [] { stft(ones({9}), 4, 1, 5); }, "expected 0 < win_length <= n_fft"},
      {"window", [] { stft(ones({9}), 4, 1, 4, ones({3})); },
       "expected a 1D window tensor of size equal to win_length=4", ErrorInput::Kind::shape},
      {"type of window", [] { stft(ones({9}), 4, 1, 4, ones({4}, kDouble)); },
       "expected a window of the input's precision", ErrorInput::Kind::dtype},
      {"one side of complex numbers",
       [] { stft(ones({9}, kComplexFloat), 4, 1, 4, std::nullopt, true, "constant", false, true); },
       "Cannot have onesided output if window or input is complex"}};
  back.samples = {
      {"there and back",
       {{{20}}, {{8}, 0.5, 1.5}},
       [](const Tensors& x) {
         const Tensor z = stft(x[0], 8, 2, 8, x[1], true, "reflect", true, std::nullopt, true);
         return Tensors{istft(z, 8, 2, 8, x[1], true, true)};
       },
       [](const Inputs& x) { return Inputs{x[0]}; }},
      {"complex, cut",
       {{{20, 2}}},
       [](const Tensors& x) {
         const Tensor z = stft(as_complex(x[0]), 4, 1, 4, std::nullopt, true, "constant");
         return Tensors{as_pairs(istft(z, 4, 1, 4, std::nullopt, true, false, false, 12, true))};
       },
       [](const Inputs& x) {
         Dense first{{12, 2}, x[0].values};
         first.values.resize(24);
         return Inputs{first};
       }}};
  const auto spectra = [] { return ones({3, 5}, kComplexFloat); };
  back.errors = {
      {"real",
       [] {
         istft(ones({3, 5}), 4);
       },
       "requires a complex-valued input tensor", ErrorInput::Kind::dtype},
      {"rank", [] { istft(ones({3}, kComplexFloat), 4); },
       "expected a tensor with 2 or 3 dimensions", ErrorInput::Kind::shape},
      {"none",
       [] {
         istft(ones({3, 0}, kComplexFloat), 4);
       },
       "expected a non-empty tensor", ErrorInput::Kind::shape},
      {"frequencies", [=] { istft(spectra(), 8, 2, 8, std::nullopt, true, false, true); },
       "expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / 2 "
       "+ 1 "
       "when onesided=True",
       ErrorInput::Kind::shape},
      {"hop", [=] { istft(spectra(), 4, 5, 4); }, "expected 0 < hop_length <= win_length"},
      {"window of zeros", [=] { istft(spectra(), 4, 1, 4, zeros({4})); }, "window overlap add min"},
      {"complex window", [=] { istft(spectra(), 4, 1, 4, ones({4}, kComplexFloat)); },
       "Complex windows are incompatible with return_complex=False"},
      {"one side, complex",
       [=] { istft(spectra(), 4, 1, 4, std::nullopt, true, false, true, std::nullopt, true); },
       "Cannot have onesided output"},
      {"length",
       [=] {
         istft(spectra(), 4, 1, 4, std::nullopt, true, false, true,
               std::numeric_limits<int64_t>::max());
       },
       "expected 0 <= length"}};
  return {forward, back};
}
TAPER_OP_CASES(signal_cases);

TEST(Signal, BatchesLengthsAndNames) {
  manual_seed(0);
  const Tensor x = randn({3, 50}, kDouble), w = hann_window(16, true, kDouble);
  const Tensor z = x.stft(16, 4, 16, w, true, "reflect", false, std::nullopt, true);
  EXPECT_EQ(z.sizes(), IntArrayRef({3, 9, 13}));
  EXPECT_TRUE(allclose(z[1], stft(x[1], 16, 4, 16, w, true, "reflect", false, std::nullopt, true)));
  EXPECT_TRUE(allclose(z.istft(16, 4, 16, w), x.narrow(1, 0, 48)));
  const Tensor longer = istft(z, 16, 4, 16, w, true, false, std::nullopt, 60);
  EXPECT_EQ(longer.sizes(), IntArrayRef({3, 60}));
  EXPECT_EQ(longer.narrow(1, 56, 4).abs().max().item<double>(), 0);
  // LibTorch's order has no center.
  const Tensor plain = stft(x, 16, 4, 16, w, false, true, true);
  EXPECT_TRUE(equal(plain, stft(x, 16, 4, 16, w, false, "reflect", false, true, true)));
  EXPECT_EQ(plain.sizes(), IntArrayRef({3, 9, 9}));
}

}  // namespace
}  // namespace taper::testing
