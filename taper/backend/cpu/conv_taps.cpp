#include <algorithm>

#include "taper/backend/cpu/conv.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/backend/cpu/taps.h"
#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

constexpr int64_t kPlaneFloats = 8192;  // of the shifted planes, which stay in L1

/// Rows of results that are worked on together: by the shape alone.
struct Bands {
  int64_t rows, count;
  explicit Bands(const ConvShape& s) {
    const int64_t line = s.channels * s.kernel_width * s.out_width;
    rows = std::clamp<int64_t>(kPlaneFloats / line - s.kernel_height + 1, 1, s.out_height);
    count = (s.out_height + rows - 1) / rows;
  }
};

/// The shifted planes of a band of rows, and where each tap finds its pixels.
class ShiftedPlanes {
 public:
  ShiftedPlanes(const ConvShape& s, const Bands& bands)
      : s_(s),
        rows_(bands.rows + s.kernel_height - 1),
        memory_(
            static_cast<size_t>(s.channels * s.kernel_width * rows_ * s.out_width + kTapSlack)) {
    int64_t tap = 0;
    for (int64_t c = 0; c < s.channels; ++c) {
      for (int64_t i = 0; i < s.kernel_height; ++i) {
        for (int64_t j = 0; j < s.kernel_width; ++j) {
          offset_[tap++] = ((c * s.kernel_width + j) * rows_ + i) * s.out_width;
        }
      }
    }
    std::fill_n(memory_.data() + s.channels * s.kernel_width * rows_ * s.out_width, kTapSlack,
                0.0f);
  }

  /// The taps of `count` rows of results of an image from `top` on.
  TapPlanes load(const Block4<const float>& x, int64_t image, int64_t top, int64_t count) {
    float* to = memory_.data();
    for (int64_t c = 0; c < s_.channels; ++c) {
      const float* plane = x.data + image * x.stride[0] + c * x.stride[1];
      for (int64_t j = 0; j < s_.kernel_width; ++j) {
        for (int64_t r = 0; r < rows_; ++r, to += s_.out_width) {
          const int64_t y = top + r - s_.geometry.padding[0];
          if (y < 0 || y >= s_.height) {
            std::fill_n(to, s_.out_width, 0.0f);
          } else {
            load_row(plane + y * x.stride[2], x.stride[3], j - s_.geometry.padding[1], to);
          }
        }
      }
    }
    return {memory_.data(), offset_, s_.channels * s_.kernel_height * s_.kernel_width,
            count * s_.out_width};
  }

 private:
  /// to[x] = row[x + shift], zeros outside the image.
  void load_row(const float* row, int64_t step, int64_t shift, float* to) const {
    const int64_t first = std::clamp<int64_t>(-shift, 0, s_.out_width);
    const int64_t last = std::clamp<int64_t>(s_.width - shift, first, s_.out_width);
    std::fill_n(to, first, 0.0f);
    if (step == 1) {
      std::copy(row + first + shift, row + last + shift, to + first);
    } else {
      for (int64_t q = first; q < last; ++q) to[q] = row[(q + shift) * step];
    }
    std::fill(to + last, to + s_.out_width, 0.0f);
  }

  const ConvShape& s_;
  int64_t rows_;
  Scratch<float> memory_;
  int64_t offset_[kFewTaps];
};

bool fits(const ConvShape& s, const int64_t (&out_stride)[4]) {
  const ConvGeometry& g = s.geometry;
  for (int d = 0; d < 2; ++d) {
    if (g.stride[d] != 1 || g.dilation[d] != 1) return false;
  }
  return has_few_taps(s) && out_stride[3] == 1 && out_stride[2] == s.out_width &&
         s.images * s.out_channels > 0;
}

int64_t grain_of(const ConvShape& s, const Bands& bands) {
  const int64_t work =
      s.channels * s.kernel_height * s.kernel_width * s.out_channels * bands.rows * s.out_width;
  return std::max<int64_t>(1, 200000 / work);
}

}  // namespace

bool conv_taps(const ConvForward<float>& c) {
  const ConvShape& s = c.shape;
  if (!fits(s, c.out.stride)) return false;
  const int64_t padded = tap_filters(s.out_channels);
  const int64_t taps = s.channels * s.kernel_height * s.kernel_width;
  Scratch<float> weight((taps + 1) * padded);
  std::fill_n(weight.data(), (taps + 1) * padded, 0.0f);
  const int64_t* w = c.weight.stride;
  for (int64_t k = 0; k < s.out_channels; ++k) {
    float* to = weight.data() + k;
    for (int64_t e = 0; e < s.channels; ++e) {
      for (int64_t i = 0; i < s.kernel_height; ++i) {
        for (int64_t j = 0; j < s.kernel_width; ++j, to += padded) {
          *to = c.weight.data[k * w[0] + e * w[1] + i * w[2] + j * w[3]];
        }
      }
    }
    if (c.bias != nullptr) *to = c.bias[k];
  }
  const Bands bands(s);
  parallel_for(0, s.images * bands.count, grain_of(s, bands), [&](int64_t first, int64_t last) {
    ShiftedPlanes planes(s, bands);
    for (int64_t u = first; u < last; ++u) {
      const int64_t image = u / bands.count, top = u % bands.count * bands.rows;
      const TapPlanes x =
          planes.load(c.input, image, top, std::min(bands.rows, s.out_height - top));
      taps_forward(x, weight.data(), weight.data() + taps * padded, s.out_channels,
                   c.out.data + image * c.out.stride[0] + top * s.out_width, c.out.stride[1]);
    }
  });
  return true;
}

// The images are cut into slices by the shape alone, and the slices' sums are added in order: the
// result does not depend on the threads.
bool conv_taps_weight(const ConvBackward<float>& c) {
  const ConvShape& s = c.shape;
  if (!fits(s, c.grad_out.stride)) return false;
  const int64_t taps = s.channels * s.kernel_height * s.kernel_width;
  const Bands bands(s);
  const int64_t units = s.images * bands.count;
  const int64_t slices = std::clamp<int64_t>(units / (2 * grain_of(s, bands)), 1, 16);
  const int64_t part = (taps + 1) * s.out_channels * kTapLanes;
  Scratch<float> sums(slices * part);
  parallel_for(0, slices, 1, [&](int64_t from, int64_t to) {
    ShiftedPlanes planes(s, bands);
    for (int64_t k = from; k < to; ++k) {
      float* const mine = sums.data() + k * part;
      std::fill_n(mine, part, 0.0f);
      for (int64_t u = units * k / slices; u < units * (k + 1) / slices; ++u) {
        const int64_t image = u / bands.count, top = u % bands.count * bands.rows;
        const TapPlanes x =
            planes.load(c.input, image, top, std::min(bands.rows, s.out_height - top));
        taps_gradient(x, c.grad_out.data + image * c.grad_out.stride[0] + top * s.out_width,
                      c.grad_out.stride[1], s.out_channels, mine,
                      mine + taps * s.out_channels * kTapLanes);
      }
    }
  });
  // Lanes first, then slices.
  const auto total = [&](int64_t at) {
    float sum = 0;
    for (int64_t k = 0; k < slices; ++k) {
      float lanes = 0;
      for (int64_t q = 0; q < kTapLanes; ++q) lanes += sums[k * part + at * kTapLanes + q];
      sum += lanes;
    }
    return sum;
  };
  const int64_t* w = c.grad_weight.stride;
  for (int64_t k = 0, at = 0; k < s.out_channels && c.grad_weight.data != nullptr; ++k) {
    for (int64_t e = 0; e < s.channels; ++e) {
      for (int64_t i = 0; i < s.kernel_height; ++i) {
        for (int64_t j = 0; j < s.kernel_width; ++j) {
          c.grad_weight.data[k * w[0] + e * w[1] + i * w[2] + j * w[3]] = total(at++);
        }
      }
    }
  }
  for (int64_t k = 0; k < s.out_channels && c.grad_bias != nullptr; ++k) {
    c.grad_bias[k] = total(taps * s.out_channels + k);
  }
  return true;
}

}  // namespace taper::cpu
