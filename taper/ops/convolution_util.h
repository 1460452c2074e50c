#pragma once

#include "taper/kernel/convolution.h"
#include "taper/ops/op_util.h"

// What all convolutions are made of: the 2-D one and its two gradients.
namespace taper {

// The three are linear in each of their two arguments, and the gradient of each is made of the
// other two. So any order of differentiation is served. op is for errors.

/// [n, c, h, w] with weight [o, c / groups, kh, kw] and, if defined, bias [o].
Tensor convolve(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias,
                const ConvGeometry& g, MemoryFormat format);
/// The gradient of the input, of input_sizes.
Tensor input_gradient(const char* op, const Tensor& grad, const Tensor& weight,
                      IntArrayRef input_sizes, const ConvGeometry& g, MemoryFormat format);

/// How a kernel steps over one to three dimensions, the last one last: what is not given is 1, or 0
/// for padding and output_padding.
struct ConvSteps {
  size_t directions;
  int64_t stride[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0};
  int64_t dilation[3] = {1, 1, 1};
  int64_t output_padding[3] = {0, 0, 0};
  int64_t groups = 1;

  /// The steps over the last two dimensions.
  ConvGeometry plane() const;
};

/// One value for all directions or one for each.
void set_steps(const char* op, const char* what, IntArrayRef values, size_t directions,
               int64_t (&to)[3]);
/// Signs and magnitudes of the steps, dimensions, types, groups and bias; `transposed`: the weight
/// is [c, o / groups, ...].
void check_convolution(const char* op, const Tensor& input, const Tensor& weight,
                       const Tensor& bias, const ConvSteps& s, bool transposed);
/// Channels-last when an image or its weight is.
MemoryFormat common_format(const Tensor& input, const Tensor& weight);

}  // namespace taper
