#pragma once

#include <optional>
#include <vector>

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/enum.h"
#include "taper/nn/expanding_array.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {

/// Zeros around the input of a convolution: a number per dimension, kValid (none), or kSame (as
/// many as keep the size; stride 1 only).
template <size_t D>
class ConvPadding {
 public:
  ConvPadding(std::initializer_list<int64_t> list) : values_(list) {}
  template <class T>
  requires std::is_convertible_v<T, ExpandingArray<D>> ConvPadding(const T& values)
      : values_(values) {}
  ConvPadding(enumtype::kValid) : values_(0) {}
  ConvPadding(enumtype::kSame) : values_(0), same_(true) {}

  bool is_same() const { return same_; }
  const ExpandingArray<D>& values() const { return values_; }

 private:
  ExpandingArray<D> values_;
  bool same_ = false;
};

/// What stands beyond the edges of a convolution's input.
using ConvPaddingMode =
    Choice<enumtype::kZeros, enumtype::kReflect, enumtype::kReplicate, enumtype::kCircular>;

/// Options of a convolution over D dimensions.
template <size_t D>
struct ConvOptions {
  ConvOptions(int64_t in_channels, int64_t out_channels, ExpandingArray<D> kernel_size)
      : in_channels_(in_channels), out_channels_(out_channels), kernel_size_(kernel_size) {}
  TAPER_ARG(int64_t, in_channels);
  TAPER_ARG(int64_t, out_channels);
  TAPER_ARG(ExpandingArray<D>, kernel_size);
  TAPER_ARG(ExpandingArray<D>, stride) = 1;
  TAPER_ARG(ConvPadding<D>, padding) = 0;
  TAPER_ARG(ExpandingArray<D>, dilation) = 1;
  TAPER_ARG(int64_t, groups) = 1;
  TAPER_ARG(bool, bias) = true;
  TAPER_ARG(ConvPaddingMode, padding_mode) = kZeros;
};
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;
using Conv3dOptions = ConvOptions<3>;

/// Options of a transposed convolution over D dimensions.
template <size_t D>
struct ConvTransposeOptions {
  ConvTransposeOptions(int64_t in_channels, int64_t out_channels, ExpandingArray<D> kernel_size)
      : in_channels_(in_channels), out_channels_(out_channels), kernel_size_(kernel_size) {}
  TAPER_ARG(int64_t, in_channels);
  TAPER_ARG(int64_t, out_channels);
  TAPER_ARG(ExpandingArray<D>, kernel_size);
  TAPER_ARG(ExpandingArray<D>, stride) = 1;
  TAPER_ARG(ExpandingArray<D>, padding) = 0;
  /// Added to one side of the output's sizes.
  TAPER_ARG(ExpandingArray<D>, output_padding) = 0;
  TAPER_ARG(int64_t, groups) = 1;
  TAPER_ARG(bool, bias) = true;
  TAPER_ARG(ExpandingArray<D>, dilation) = 1;
  /// Only kZeros.
  TAPER_ARG(ConvPaddingMode, padding_mode) = kZeros;
};
using ConvTranspose1dOptions = ConvTransposeOptions<1>;
using ConvTranspose2dOptions = ConvTransposeOptions<2>;
using ConvTranspose3dOptions = ConvTransposeOptions<3>;

/// Cross-correlation over the last D dimensions: [N, in, L...] to [N, out, L'...]. weight [out, in
/// / groups, kernel...] and bias [out] start uniform in +-1/sqrt(fan_in).
template <size_t D, class Derived>
class ConvNdImpl : public Cloneable<Derived> {
 public:
  ConvNdImpl(int64_t in_channels, int64_t out_channels, ExpandingArray<D> kernel_size)
      : ConvNdImpl(ConvOptions<D>(in_channels, out_channels, kernel_size)) {}
  explicit ConvNdImpl(const ConvOptions<D>& options);
  /// Registers nothing yet.
  ConvNdImpl(const ConvOptions<D>& options, detail::NoReset) : options(options) {}
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  ConvOptions<D> options;
  Tensor weight;
  Tensor bias;
};

/// The transposed convolution, a convolution's gradient: [N, in, L...] to [N, out, L'...] with
/// L' = (L - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. weight is [in, out
/// / groups, kernel...].
template <size_t D, class Derived>
class ConvTransposeNdImpl : public Cloneable<Derived> {
 public:
  ConvTransposeNdImpl(int64_t in_channels, int64_t out_channels, ExpandingArray<D> kernel_size)
      : ConvTransposeNdImpl(ConvTransposeOptions<D>(in_channels, out_channels, kernel_size)) {}
  explicit ConvTransposeNdImpl(const ConvTransposeOptions<D>& options);
  /// Registers nothing yet.
  ConvTransposeNdImpl(const ConvTransposeOptions<D>& options, detail::NoReset) : options(options) {}
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  /// output_size [L'...], or all sizes of the output, chooses the output padding.
  Tensor forward(const Tensor& input,
                 const std::optional<std::vector<int64_t>>& output_size = std::nullopt);

  ConvTransposeOptions<D> options;
  Tensor weight;
  Tensor bias;

 private:
  ExpandingArray<D> output_padding_for(const Tensor& input,
                                       const std::vector<int64_t>& output_size) const;
};

#define TAPER_CONV_LAYER(Name, Base, D)           \
  class Name##Impl : public Base<D, Name##Impl> { \
   public:                                        \
    using Base::Base;                             \
  };                                              \
  extern template class Base<D, Name##Impl>;      \
  TAPER_LAYER(Name)
TAPER_CONV_LAYER(Conv1d, ConvNdImpl, 1);
TAPER_CONV_LAYER(Conv2d, ConvNdImpl, 2);
TAPER_CONV_LAYER(Conv3d, ConvNdImpl, 3);
TAPER_CONV_LAYER(ConvTranspose1d, ConvTransposeNdImpl, 1);
TAPER_CONV_LAYER(ConvTranspose2d, ConvTransposeNdImpl, 2);
TAPER_CONV_LAYER(ConvTranspose3d, ConvTransposeNdImpl, 3);
#undef TAPER_CONV_LAYER

}  // namespace nn
}  // namespace taper
