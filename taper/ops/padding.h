#pragma once

#include <optional>
#include <string_view>

#include "taper/tensor/tensor.h"

// Padding. pad lists what to add before and after each dimension, from the last one: {left, right,
// top, bottom, front, back}. Negative numbers take elements away.
namespace taper TAPER_API {

/// A number around the tensor; any dimensions.
Tensor constant_pad_nd(const Tensor& self, IntArrayRef pad, const Scalar& value = 0);
/// The elements mirrored at the edge, which is not repeated. self [n, c, l] or [c, l]; less padding
/// than there are elements.
Tensor reflection_pad1d(const Tensor& self, IntArrayRef padding);
/// reflection_pad1d() for [n, c, h, w] or [c, h, w].
Tensor reflection_pad2d(const Tensor& self, IntArrayRef padding);
/// reflection_pad1d() for [n, c, d, h, w] or [c, d, h, w].
Tensor reflection_pad3d(const Tensor& self, IntArrayRef padding);
/// The edge repeated. self [n, c, l] or [c, l].
Tensor replication_pad1d(const Tensor& self, IntArrayRef padding);
/// replication_pad1d() for [n, c, h, w] or [c, h, w].
Tensor replication_pad2d(const Tensor& self, IntArrayRef padding);
/// replication_pad1d() for [n, c, d, h, w] or [c, d, h, w].
Tensor replication_pad3d(const Tensor& self, IntArrayRef padding);
/// mode "constant" (with value, 0 unless given), "reflect", "replicate" or "circular": the last one
/// to three dimensions, and at least a channel dimension, for all but "constant".
Tensor pad(const Tensor& self, IntArrayRef pad, std::string_view mode = "constant",
           std::optional<double> value = std::nullopt);

}  // namespace taper
