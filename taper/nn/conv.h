#pragma once

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
};
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;

/// What convolutions share: weight [out, in / groups, kernel...] and bias [out], which start
/// uniform in +-1/sqrt(fan_in).
template <size_t D, class Derived>
class ConvNdImpl : public Cloneable<Derived> {
 public:
  explicit ConvNdImpl(const ConvOptions<D>& options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  ConvOptions<D> options;
  Tensor weight;
  Tensor bias;
};

/// Cross-correlation over the last dimension: [N, in, L] to [N, out, L'].
class Conv1dImpl : public ConvNdImpl<1, Conv1dImpl> {
 public:
  Conv1dImpl(int64_t in_channels, int64_t out_channels, ExpandingArray<1> kernel_size)
      : Conv1dImpl(Conv1dOptions(in_channels, out_channels, kernel_size)) {}
  explicit Conv1dImpl(const Conv1dOptions& options) : ConvNdImpl(options) {}
  Tensor forward(const Tensor& input);
};
extern template class ConvNdImpl<1, Conv1dImpl>;
TAPER_LAYER(Conv1d);

/// Cross-correlation over the last two dimensions: [N, in, H, W] to [N, out, H', W'].
class Conv2dImpl : public ConvNdImpl<2, Conv2dImpl> {
 public:
  Conv2dImpl(int64_t in_channels, int64_t out_channels, ExpandingArray<2> kernel_size)
      : Conv2dImpl(Conv2dOptions(in_channels, out_channels, kernel_size)) {}
  explicit Conv2dImpl(const Conv2dOptions& options) : ConvNdImpl(options) {}
  Tensor forward(const Tensor& input);
};
extern template class ConvNdImpl<2, Conv2dImpl>;
TAPER_LAYER(Conv2d);

}  // namespace nn
}  // namespace taper
