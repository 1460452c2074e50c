#pragma once

#include <cstdint>

#include "taper/core/scalar_type.h"
#include "taper/kernel/convolution.h"

// Convolution on raw memory, shared by its ways.
namespace taper::cpu {

struct ConvShape {
  int64_t images, channels, height, width;
  int64_t out_channels, out_height, out_width;
  int64_t kernel_height, kernel_width;
  ConvGeometry geometry;
};

/// Four-dimensional memory: images (or filters), channels, rows, columns.
template <class T>
struct Block4 {
  T* data = nullptr;
  int64_t stride[4] = {0, 0, 0, 0};
};

/// The operands of a forward or a backward; in a backward, out is the gradient that came.
template <class T>
struct ConvForward {
  ConvShape shape;
  Block4<T> out;
  Block4<const T> input, weight;
  const T* bias;
};
template <class T>
struct ConvBackward {
  ConvShape shape;
  Block4<const T> grad_out, input, weight;
  Block4<T> grad_input, grad_weight;  // without data: not wanted
  T* grad_bias;
};

void conv_im2col(const ConvForward<float>& c);
void conv_im2col(const ConvForward<double>& c);
void conv_im2col(const ConvBackward<float>& c);
void conv_im2col(const ConvBackward<double>& c);

/// Few taps (input channels x kernel) leave oneDNN's blocks of channels half empty: up to here the
/// ways below take 0.3 to 0.8 of its time.
constexpr int64_t kFewTaps = 32;
inline bool has_few_taps(const ConvShape& s) {
  const int64_t taps = s.channels * s.kernel_height * s.kernel_width;
  return s.geometry.groups == 1 && taps > 0 && taps <= kFewTaps;
}
/// The result, and the weight's and bias's gradients, with few taps. False, and nothing done, where
/// they do not fit.
bool conv_taps(const ConvForward<float>& c);
bool conv_taps_weight(const ConvBackward<float>& c);

/// Winograd's algorithm for 3x3 kernels: the result, the input's gradient, the weight's and bias's.
/// False, and nothing done, where it does not fit or does not pay.
bool conv_winograd(const ConvForward<float>& c);
bool conv_winograd_input(const ConvBackward<float>& c);
bool conv_winograd_weight(const ConvBackward<float>& c);

/// False, and nothing done, where oneDNN is absent or has no fast way. dtype is Float or BFloat16.
bool conv_onednn(ScalarType dtype, const ConvForward<void>& c);
bool conv_onednn(ScalarType dtype, const ConvBackward<void>& c);

}  // namespace taper::cpu
