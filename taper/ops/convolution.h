#pragma once

#include <optional>
#include <string_view>
#include <type_traits>

#include "taper/tensor/tensor.h"

// Convolutions (cross-correlations, as in PyTorch). Floating types, one for all tensors. stride,
// padding and dilation are one number for all directions or one for each. A channels-last input
// or weight makes a channels-last result. Sizes that do not fit throw a ShapeError.
namespace taper TAPER_API {

/// The name of a padding, from any string; a literal 0 stays a number.
struct PaddingName {
  std::string_view text;
  template <class T>
  requires std::is_convertible_v<const T&, std::string_view> &&
      (!std::is_integral_v<T>)PaddingName(const T& name)
      : text(name) {}
};

/// out[n, o, x] = bias[o] + sum over c, j of input[n, c, x stride + j dilation - padding]
/// weight[o, c, j]. input [n, c, l] or [c, l], weight [o, c / groups, k], bias [o].
Tensor conv1d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias = {},
              IntArrayRef stride = 1, IntArrayRef padding = 0, IntArrayRef dilation = 1,
              int64_t groups = 1);
/// padding "valid" is none; "same" keeps the length and needs stride 1.
Tensor conv1d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, PaddingName padding, IntArrayRef dilation = 1,
              int64_t groups = 1);

/// out[n, o, y, x] = bias[o] + sum over c, i, j of input[n, c, y stride + i dilation - padding,
/// x stride + j dilation - padding] weight[o, c, i, j], c within o's group. input [n, c, h, w] or
/// [c, h, w], weight [o, c / groups, kh, kw], bias [o].
Tensor conv2d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias = {},
              IntArrayRef stride = 1, IntArrayRef padding = 0, IntArrayRef dilation = 1,
              int64_t groups = 1);
/// padding "valid" is none; "same" keeps the size and needs stride 1.
Tensor conv2d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, PaddingName padding, IntArrayRef dilation = 1,
              int64_t groups = 1);

}  // namespace taper
