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

/// conv2d() over volumes. input [n, c, d, h, w] or [c, d, h, w], weight [o, c / groups, kd, kh,
/// kw], bias [o].
Tensor conv3d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias = {},
              IntArrayRef stride = 1, IntArrayRef padding = 0, IntArrayRef dilation = 1,
              int64_t groups = 1);
/// padding "valid" is none; "same" keeps the size and needs stride 1.
Tensor conv3d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
              IntArrayRef stride, PaddingName padding, IntArrayRef dilation = 1,
              int64_t groups = 1);
/// conv1d() of [time, batch, channels] with weight [k, c, o] and bias [o].
Tensor conv_tbc(const Tensor& self, const Tensor& weight, const Tensor& bias, int64_t pad = 0);

// Transposed convolutions: the gradients of convolutions as functions of their own. weight is
// [c, o / groups, ...], and a size becomes (size - 1) stride - 2 padding + dilation (k - 1) +
// output_padding + 1, where output_padding, below the stride or the dilation, chooses among the
// sizes that a convolution would take to the same one.

/// out[n, o, x stride + j dilation - padding] += input[n, c, x] weight[c, o, j]. input [n, c, l] or
/// [c, l], bias [o].
Tensor conv_transpose1d(const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias = {}, IntArrayRef stride = 1,
                        IntArrayRef padding = 0, IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1);
/// conv_transpose1d() over images [n, c, h, w] or [c, h, w].
Tensor conv_transpose2d(const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias = {}, IntArrayRef stride = 1,
                        IntArrayRef padding = 0, IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1);
/// conv_transpose1d() over volumes [n, c, d, h, w] or [c, d, h, w].
Tensor conv_transpose3d(const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias = {}, IntArrayRef stride = 1,
                        IntArrayRef padding = 0, IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1);
/// The convolution, transposed or not, over the dimensions of the input behind the second.
Tensor convolution(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
                   IntArrayRef output_padding, int64_t groups);

}  // namespace taper
