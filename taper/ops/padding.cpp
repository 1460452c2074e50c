#include "taper/ops/padding.h"

#include <algorithm>
#include <cstdlib>

#include "taper/autograd/grad_mode.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/creation.h"
#include "taper/ops/sampling_util.h"

namespace taper {
namespace {

enum class PadMode : uint8_t { reflect, replicate, circular };

int64_t before(IntArrayRef pad, int64_t from_last) { return pad[2 * from_last]; }
int64_t after(IntArrayRef pad, int64_t from_last) { return pad[2 * from_last + 1]; }

/// The sizes after padding. Throws where nothing would be left.
DimVector padded_sizes(const char* op, const Tensor& self, IntArrayRef pad, int64_t smallest) {
  DimVector sizes(self.sizes());
  const int64_t count = static_cast<int64_t>(pad.size()) / 2;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t d = self.dim() - 1 - i, l = before(pad, i), r = after(pad, i);
    // Padding beyond any tensor's size would overflow the sum.
    constexpr int64_t kMost = int64_t{1} << 60;
    TAPER_CHECK_AS(ShapeError, std::max(std::abs(l / 2), std::abs(r / 2)) < kMost / 2, op,
                   ": padding is too large, got ", pad);
    const int64_t size = sizes[d] + l + r;
    TAPER_CHECK_AS(ShapeError, size >= smallest && sizes[d] + std::min(l, r) >= 0, op,
                   ": The input size ", sizes[d], ", plus negative padding ", l, " and ", r,
                   " resulted in a negative output size, which is invalid. Check dimension ", d,
                   " of your input.");
    sizes[d] = size;
  }
  return sizes;
}

Tensor pad_constant(const Tensor& self, const DimVector& pad, const Scalar& value) {
  const DimVector sizes = padded_sizes("constant_pad_nd", self, pad, 0);
  Tensor out;
  {
    const NoRecordGuard no_record;
    Tensor from = self;
    out = full(sizes, value, self.options());
    const MemoryFormat format = self.suggest_memory_format();
    if (format != MemoryFormat::Contiguous) out = out.contiguous(format);
    Tensor to = out;
    for (int64_t i = 0; i < static_cast<int64_t>(pad.size()) / 2; ++i) {
      const int64_t d = self.dim() - 1 - i, l = before(pad, i), r = after(pad, i);
      const int64_t cut_l = std::max<int64_t>(-l, 0), cut_r = std::max<int64_t>(-r, 0);
      const int64_t kept = std::max<int64_t>(self.sizes()[d] - cut_l - cut_r, 0);
      from = from.narrow(d, std::min(cut_l, self.sizes()[d]), kept);
      to = to.narrow(d, std::max<int64_t>(l, 0), kept);
    }
    to.copy_(from);
  }
  record({.name = "ConstantPadNdBackward0",
          .outputs = {out},
          .inputs = {self},
          .backward = [pad](Backward& b) {
            DimVector back(pad);
            for (int64_t& p : back) p = -p;
            b.set(0, pad_constant(b.grad(), back, 0));
          }});
  return out;
}

/// The element that place j of a line of `size` repeats after l more (or less) in front and r
/// behind.
int64_t edge_element(PadMode mode, int64_t j, int64_t size, int64_t l, int64_t r) {
  const int64_t i = j - l;
  switch (mode) {
    case PadMode::reflect:
      return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    case PadMode::replicate:
      return std::clamp<int64_t>(i, 0, size - 1);
    default: {
      // What is left after cutting is wrapped around.
      const int64_t cut = std::max<int64_t>(-l, 0), left = size - cut - std::max<int64_t>(-r, 0);
      const int64_t turned = (i - cut) % left;
      return cut + (turned < 0 ? turned + left : turned);
    }
  }
}

Tensor pad_edges(const char* op, const Tensor& self, IntArrayRef pad, PadMode edge) {
  if (self.is_complex()) fail_complex(op, self.scalar_type());
  const int64_t count = static_cast<int64_t>(pad.size()) / 2, rank = self.dim();
  bool valid = rank == count + 1 || rank == count + 2;
  for (int64_t d = rank - count - 1; valid && d < rank; ++d) valid = self.sizes()[d] > 0;
  TAPER_CHECK_AS(ShapeError, valid, op, ": Expected ", count + 1, "D or ", count + 2,
                 "D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
                 "for input, but got: ",
                 self.sizes());
  const DimVector sizes = padded_sizes(op, self, pad, 1);
  std::vector<Taps> taps(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t d = rank - 1 - i, size = self.sizes()[d], l = before(pad, i), r = after(pad, i);
    TAPER_CHECK_AS(ShapeError, edge != PadMode::reflect || (l < size && r < size), op,
                   ": Padding size should be less than the corresponding input dimension, but "
                   "got: padding (",
                   l, ", ", r, ") at dimension ", d, " of input ", self.sizes());
    TAPER_CHECK_AS(ShapeError, edge != PadMode::circular || (l <= size && r <= size), op,
                   ": Padding value causes wrapping around more than once: padding (", l, ", ", r,
                   ") at dimension ", d, " of input ", self.sizes());
    if (l == 0 && r == 0) continue;
    TAPER_CHECK_AS(ShapeError, size + std::min<int64_t>(l, 0) + std::min<int64_t>(r, 0) > 0, op,
                   ": Negative padding value is resulting in an empty dimension: padding (", l,
                   ", ", r, ") at dimension ", d, " of input ", self.sizes());
    checked_numel(op, sizes, 8);
    taps[static_cast<size_t>(count - 1 - i)] =
        taps_of(sizes[d], size, [=](int64_t j) { return edge_element(edge, j, size, l, r); });
  }
  // Nothing to pad is still a tensor of its own.
  const bool none = std::all_of(pad.begin(), pad.end(), [](int64_t p) { return p == 0; });
  if (none) return self.clone();
  return sample_each(self, rank - count, taps);
}

Tensor pad_fixed(const char* op, const Tensor& self, IntArrayRef padding, size_t count,
                 PadMode edge) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32(&pad_fixed, op, self, padding, count, edge);
  }
  TAPER_CHECK_AS(ShapeError, padding.size() == 2 * count, op, ": padding size is expected to be ",
                 2 * count, ", but got: ", padding.size());
  return pad_edges(op, self, padding, edge);
}

}  // namespace

Tensor constant_pad_nd(const Tensor& self, IntArrayRef pad, const Scalar& value) {
  TAPER_CHECK_AS(ShapeError, pad.size() % 2 == 0,
                 "constant_pad_nd: Length of pad must be even but instead it equals ", pad.size());
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(pad.size()) <= 2 * self.dim(),
                 "constant_pad_nd: Length of pad should be no more than twice the number of "
                 "dimensions of the input. Pad length is ",
                 pad.size(), " while the input has ", self.dim(), " dimensions.");
  return pad_constant(self, DimVector(pad), value);
}

Tensor reflection_pad1d(const Tensor& self, IntArrayRef padding) {
  return pad_fixed("reflection_pad1d", self, padding, 1, PadMode::reflect);
}
Tensor reflection_pad2d(const Tensor& self, IntArrayRef padding) {
  return pad_fixed("reflection_pad2d", self, padding, 2, PadMode::reflect);
}
Tensor reflection_pad3d(const Tensor& self, IntArrayRef padding) {
  return pad_fixed("reflection_pad3d", self, padding, 3, PadMode::reflect);
}
Tensor replication_pad1d(const Tensor& self, IntArrayRef padding) {
  return pad_fixed("replication_pad1d", self, padding, 1, PadMode::replicate);
}
Tensor replication_pad2d(const Tensor& self, IntArrayRef padding) {
  return pad_fixed("replication_pad2d", self, padding, 2, PadMode::replicate);
}
Tensor replication_pad3d(const Tensor& self, IntArrayRef padding) {
  return pad_fixed("replication_pad3d", self, padding, 3, PadMode::replicate);
}

Tensor pad(const Tensor& self, IntArrayRef pad, std::string_view mode,
           std::optional<double> value) {
  TAPER_CHECK_AS(ShapeError, pad.size() % 2 == 0,
                 "pad: Padding length must be divisible by 2, got ", pad.size());
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(pad.size()) <= 2 * self.dim(),
                 "pad: Padding length too large: ", pad.size(), " for input of size ",
                 self.sizes());
  if (mode == "constant") return constant_pad_nd(self, pad, value.value_or(0.0));
  TAPER_CHECK_AS(ConfigError, !value || *value == 0, "pad: Padding mode \"", mode,
                 "\" doesn't take in value argument");
  TAPER_CHECK_AS(ConfigError, mode == "reflect" || mode == "replicate" || mode == "circular",
                 "pad: Unrecognised padding mode ", mode,
                 ", expected \"constant\", \"reflect\", \"replicate\" or \"circular\"");
  const size_t count = pad.size() / 2;
  const int64_t rank = self.dim();
  const bool fits =
      count >= 1 && count <= 3 &&
      (rank == static_cast<int64_t>(count) + 1 || rank == static_cast<int64_t>(count) + 2);
  TAPER_CHECK_AS(ShapeError, fits,
                 "pad: Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for "
                 "now: the last 1 to 3 dimensions behind a channel and, optionally, a batch "
                 "dimension; got padding ",
                 pad, " of input of size ", self.sizes());
  return pad_edges("pad", self, pad,
                   mode == "reflect"     ? PadMode::reflect
                   : mode == "replicate" ? PadMode::replicate
                                         : PadMode::circular);
}

}  // namespace taper
