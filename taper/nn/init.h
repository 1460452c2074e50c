#pragma once

#include <cstdint>
#include <utility>

#include "taper/nn/enum.h"
#include "taper/tensor/tensor.h"

// Fills tensors with starting values, in place and without recording; each returns its tensor. The
// random ones draw from the default generator.
namespace taper TAPER_API {
namespace nn::init {
namespace detail {
/// While it lives, the functions below leave the tensors of this thread as they are.
class SkipInit {
 public:
  SkipInit();
  ~SkipInit();
  SkipInit(const SkipInit&) = delete;
  SkipInit& operator=(const SkipInit&) = delete;
};
}  // namespace detail

using NonlinearityType =
    Choice<enumtype::kLinear, enumtype::kConv1D, enumtype::kConv2D, enumtype::kConv3D,
           enumtype::kConvTranspose1D, enumtype::kConvTranspose2D, enumtype::kConvTranspose3D,
           enumtype::kSigmoid, enumtype::kTanh, enumtype::kReLU, enumtype::kLeakyReLU>;
using FanModeType = Choice<enumtype::kFanIn, enumtype::kFanOut>;

/// The factor that keeps the variance through a nonlinearity: 1 for linear layers and sigmoid,
/// 5/3 for tanh, sqrt(2) for ReLU, sqrt(2 / (1 + param^2)) for LeakyReLU.
double calculate_gain(NonlinearityType nonlinearity, double param = 0.01);
/// The numbers of inputs and outputs of one unit. Throws below two dimensions.
std::pair<int64_t, int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor);

Tensor constant_(Tensor tensor, Scalar value);
Tensor zeros_(Tensor tensor);
Tensor ones_(Tensor tensor);
/// The identity matrix; throws unless the tensor has two dimensions.
Tensor eye_(Tensor matrix);
/// Passes each channel through a convolution of 3 to 5 dimensions: 1 in the middle of the kernels
/// from channel d to channel d of a group's outputs, 0 elsewhere. Throws unless groups divides the
/// first dimension.
Tensor dirac_(Tensor tensor, int64_t groups = 1);
Tensor uniform_(Tensor tensor, double low = 0, double high = 1);
Tensor normal_(Tensor tensor, double mean = 0, double std = 1);
/// Normal, with the values outside [a, b] drawn anew.
Tensor trunc_normal_(Tensor tensor, double mean = 0, double std = 1, double a = -2, double b = 2);
/// A matrix whose columns have this part of zeros, rounded up, in drawn places; the rest is normal.
Tensor sparse_(Tensor matrix, double sparsity, double std = 0.01);
/// Orthogonal rows or columns, whichever are fewer, of the tensor as a matrix of its first
/// dimension, times gain (Saxe et al., 2013). Throws below two dimensions and where the library is
/// built without LAPACK.
Tensor orthogonal_(Tensor tensor, double gain = 1.0);
/// Uniform in +-gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
Tensor xavier_uniform_(Tensor tensor, double gain = 1.0);
/// Normal with std gain * sqrt(2 / (fan_in + fan_out)).
Tensor xavier_normal_(Tensor tensor, double gain = 1.0);
/// Uniform in +-gain * sqrt(3 / fan) (He et al., 2015); a is LeakyReLU's slope.
Tensor kaiming_uniform_(Tensor tensor, double a = 0, FanModeType mode = kFanIn,
                        NonlinearityType nonlinearity = kLeakyReLU);
/// Normal with std gain / sqrt(fan).
Tensor kaiming_normal_(Tensor tensor, double a = 0, FanModeType mode = kFanIn,
                       NonlinearityType nonlinearity = kLeakyReLU);

}  // namespace nn::init
}  // namespace taper
