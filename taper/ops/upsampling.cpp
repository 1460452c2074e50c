#include "taper/ops/upsampling.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/sampling_util.h"

namespace taper {
namespace {

enum class Resampling : uint8_t { nearest, nearest_exact, linear, cubic, linear_wide, cubic_wide };
using Scale = std::optional<double>;

/// One direction of a resampling. Places are computed in the type of the elements (half types:
/// float), as PyTorch does: at some ratios another one rounds to another element.
template <class T>
struct Axis {
  int64_t in, out;
  bool align_corners;
  T step;  // of the input for one element of the result

  /// scale 0: none.
  Axis(int64_t in, int64_t out, bool align_corners, double scale)
      : in(in), out(out), align_corners(align_corners) {
    if (align_corners) {
      step = out > 1 ? static_cast<T>(in - 1) / static_cast<T>(out - 1) : T(0);
    } else if (scale > 0) {
      step = static_cast<T>(1 / scale);
    } else {
      step = static_cast<T>(in) / static_cast<T>(out);
    }
  }
  bool is_identity() const { return in == out && step == T(1); }
  T place(int64_t j) const {
    return align_corners ? step * static_cast<T>(j) : step * (static_cast<T>(j) + T(0.5)) - T(0.5);
  }
  int64_t clamped(T place) const {
    // Written so that nothing beyond the range of int64 is converted.
    if (!(place > T(0))) return 0;
    return place < static_cast<T>(in - 1) ? static_cast<int64_t>(place) : in - 1;
  }
};

/// The kernel of cubic convolution (Keys, 1981) at a distance of at most 2.
template <class T>
T cubic(T x, T a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : T(0);
}

template <class T>
void add_cubic(TapsBuilder& b, const Axis<T>& axis, int64_t j) {
  const T at = axis.place(j), first = std::floor(at), t = at - first;
  for (int k = -1; k <= 2; ++k) {
    b.add(axis.clamped(first + static_cast<T>(k)), cubic(t - static_cast<T>(k), T(-0.75)));
  }
}

/// A triangle or cubic as wide as what one element of a smaller result covers.
template <class T>
void add_wide(TapsBuilder& b, const Axis<T>& axis, int64_t j, bool is_cubic) {
  const T reach = (is_cubic ? T(2) : T(1)) * std::max(axis.step, T(1));
  const T centre = axis.step * (static_cast<T>(j) + T(0.5));
  const T narrow = axis.step >= 1 ? 1 / axis.step : T(1);
  const int64_t first = axis.clamped(centre - reach + T(0.5));
  const T end = std::min(centre + reach + T(0.5), static_cast<T>(axis.in));
  const int64_t last = std::max(first + 1, static_cast<int64_t>(end));
  const auto weight = [&](int64_t i) {
    const T x = (static_cast<T>(i) - centre + T(0.5)) * narrow;
    return is_cubic ? cubic(x, T(-0.5)) : std::max(T(0), 1 - std::abs(x));
  };
  T total = 0;
  for (int64_t i = first; i < last; ++i) total += weight(i);
  for (int64_t i = first; i < last; ++i) b.add(i, total != 0 ? weight(i) / total : T(0));
}

template <class T>
Taps taps_along(Resampling how, const Axis<T>& axis, ScalarType dtype) {
  if (axis.is_identity()) return Taps();
  TapsBuilder b(axis.out, axis.in, 2);
  for (int64_t j = 0; j < axis.out; ++j) {
    const T from = axis.place(j);
    switch (how) {
      case Resampling::nearest:
        b.add(axis.clamped(std::floor(static_cast<T>(j) * axis.step)));
        break;
      case Resampling::nearest_exact:
        b.add(axis.clamped(std::floor((static_cast<T>(j) + T(0.5)) * axis.step)));
        break;
      case Resampling::linear: {
        const int64_t i = axis.clamped(from);
        const T part = std::clamp(from - static_cast<T>(i), T(0), T(1));
        b.add(i, 1 - part);
        b.add(std::min(i + 1, axis.in - 1), part);
        break;
      }
      case Resampling::cubic:
        add_cubic(b, axis, j);
        break;
      default:
        add_wide(b, axis, j, how == Resampling::cubic_wide);
    }
    b.end_row();
  }
  return b.done(dtype);
}

/// PyTorch takes no notice of a scale that keeps the size where lines are drawn, nor of one that
/// keeps or doubles the size of an image's or a volume's nearest elements.
bool ignores_scale(Resampling how, size_t directions, int64_t in, int64_t out) {
  if (how == Resampling::linear) return out == in;
  return how == Resampling::nearest && directions > 1 && (out == in || out == 2 * in);
}

Tensor resample(const char* op, Resampling how, size_t directions, const Tensor& self,
                IntArrayRef output_size, bool align_corners, std::initializer_list<Scale> scales) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  TAPER_CHECK_AS(ShapeError, output_size.size() == directions, op,
                 ": It is expected output_size equals to ", directions, ", but got size ",
                 output_size.size());
  const int64_t rank = static_cast<int64_t>(directions) + 2;
  TAPER_CHECK_AS(ShapeError, self.dim() == rank, op, ": It is expected input_size equals to ", rank,
                 ", but got size ", self.dim());
  DimVector sizes(self.sizes());
  for (size_t d = 0; d < directions; ++d) {
    const int64_t in = self.sizes()[d + 2], out = output_size[d];
    TAPER_CHECK_AS(ShapeError, in > 0 && out > 0, op,
                   ": Input and output sizes should be greater than 0, but got input ",
                   self.sizes().slice(2), " output ", output_size);
    sizes[d + 2] = out;
  }
  TAPER_CHECK_AS(ShapeError, self.sizes()[1] > 0, op, ": Non-empty ", rank,
                 "D data tensor expected but got a tensor with sizes ", self.sizes());
  checked_numel(op, sizes, 8);
  if (how > Resampling::nearest_exact) check_floating(op, self);
  for (const Scale& scale : scales) {
    TAPER_CHECK_AS(ShapeError, !scale || !(*scale > 0) || (*scale > 1e-9 && *scale < 1e9), op,
                   ": scale factors should lie between 1e-9 and 1e9, got ", scale.value_or(0));
  }
  const bool reduced = isReducedFloatingType(self.scalar_type());
  const Tensor x = reduced ? self.to(kFloat) : self;
  std::vector<Taps> taps;
  for (size_t d = 0; d < directions; ++d) {
    const int64_t in = self.sizes()[d + 2], out = output_size[d];
    const double given = scales.begin()[d].value_or(0);
    const double scale = ignores_scale(how, directions, in, out) ? 0 : given;
    taps.push_back(x.scalar_type() == kDouble
                       ? taps_along(how, Axis<double>(in, out, align_corners, scale), kDouble)
                       : taps_along(how, Axis<float>(in, out, align_corners, scale), kFloat));
  }
  const Tensor out = sample_each(x, 2, taps);
  if (reduced) return out.to(self.scalar_type());
  // Nothing to resample is still a tensor of its own.
  return out.is_alias_of(self) ? out.clone() : out;
}

}  // namespace

Tensor upsample_nearest1d(const Tensor& self, IntArrayRef output_size, Scale scales) {
  return resample("upsample_nearest1d", Resampling::nearest, 1, self, output_size, false, {scales});
}
Tensor upsample_nearest2d(const Tensor& self, IntArrayRef output_size, Scale scales_h,
                          Scale scales_w) {
  return resample("upsample_nearest2d", Resampling::nearest, 2, self, output_size, false,
                  {scales_h, scales_w});
}
Tensor upsample_nearest3d(const Tensor& self, IntArrayRef output_size, Scale scales_d,
                          Scale scales_h, Scale scales_w) {
  return resample("upsample_nearest3d", Resampling::nearest, 3, self, output_size, false,
                  {scales_d, scales_h, scales_w});
}
Tensor _upsample_nearest_exact1d(const Tensor& self, IntArrayRef output_size, Scale scales) {
  return resample("_upsample_nearest_exact1d", Resampling::nearest_exact, 1, self, output_size,
                  false, {scales});
}
Tensor _upsample_nearest_exact2d(const Tensor& self, IntArrayRef output_size, Scale scales_h,
                                 Scale scales_w) {
  return resample("_upsample_nearest_exact2d", Resampling::nearest_exact, 2, self, output_size,
                  false, {scales_h, scales_w});
}
Tensor _upsample_nearest_exact3d(const Tensor& self, IntArrayRef output_size, Scale scales_d,
                                 Scale scales_h, Scale scales_w) {
  return resample("_upsample_nearest_exact3d", Resampling::nearest_exact, 3, self, output_size,
                  false, {scales_d, scales_h, scales_w});
}
Tensor upsample_linear1d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                         Scale scales) {
  return resample("upsample_linear1d", Resampling::linear, 1, self, output_size, align_corners,
                  {scales});
}
Tensor upsample_bilinear2d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                           Scale scales_h, Scale scales_w) {
  return resample("upsample_bilinear2d", Resampling::linear, 2, self, output_size, align_corners,
                  {scales_h, scales_w});
}
Tensor upsample_trilinear3d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                            Scale scales_d, Scale scales_h, Scale scales_w) {
  return resample("upsample_trilinear3d", Resampling::linear, 3, self, output_size, align_corners,
                  {scales_d, scales_h, scales_w});
}
Tensor upsample_bicubic2d(const Tensor& self, IntArrayRef output_size, bool align_corners,
                          Scale scales_h, Scale scales_w) {
  return resample("upsample_bicubic2d", Resampling::cubic, 2, self, output_size, align_corners,
                  {scales_h, scales_w});
}
Tensor _upsample_bilinear2d_aa(const Tensor& self, IntArrayRef output_size, bool align_corners,
                               Scale scales_h, Scale scales_w) {
  return resample("_upsample_bilinear2d_aa", Resampling::linear_wide, 2, self, output_size,
                  align_corners, {scales_h, scales_w});
}
Tensor _upsample_bicubic2d_aa(const Tensor& self, IntArrayRef output_size, bool align_corners,
                              Scale scales_h, Scale scales_w) {
  return resample("_upsample_bicubic2d_aa", Resampling::cubic_wide, 2, self, output_size,
                  align_corners, {scales_h, scales_w});
}

}  // namespace taper
