#include "taper/nn/conv.h"

#include <cmath>
#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/convolution.h"
#include "taper/ops/creation.h"
#include "taper/ops/padding.h"

namespace taper::nn {
namespace {

constexpr const char* kModeNames[] = {"zeros", "reflect", "replicate", "circular"};

template <class Options>
void check_channels(const Options& o) {
  const int64_t in = o.in_channels(), out = o.out_channels(), g = o.groups();
  TAPER_CHECK_AS(ConfigError, in > 0 && g > 0 && out > 0,
                 "Conv: in_channels, groups and out_channels must be a positive integer, got ", in,
                 ", ", g, ", ", out);
  TAPER_CHECK_AS(ConfigError, in % g == 0, "Conv: in_channels must be divisible by groups, got ",
                 in, " and ", g);
  TAPER_CHECK_AS(ConfigError, out % g == 0, "Conv: out_channels must be divisible by groups, got ",
                 out, " and ", g);
}

template <size_t D>
DimVector weight_sizes(int64_t first, int64_t second, const ExpandingArray<D>& kernel_size) {
  DimVector sizes{first, second};
  for (size_t i = 0; i < D; ++i) sizes.push_back(kernel_size[i]);
  return sizes;
}

void start(const Tensor& weight, const Tensor& bias) {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const int64_t fan_in = init::_calculate_fan_in_and_fan_out(weight).first;
  if (fan_in == 0) return;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  init::uniform_(bias, -bound, bound);
}

template <size_t D>
bool all(const ExpandingArray<D>& values, int64_t value) {
  return values == ExpandingArray<D>(value);
}

template <class Options>
std::string head_text(const char* name, size_t dimensions, const Options& o) {
  return str("taper::nn::", name, dimensions, "d(", o.in_channels(), ", ", o.out_channels(),
             ", kernel_size=", o.kernel_size(), ", stride=", o.stride());
}

template <class Options>
std::string tail_text(const Options& o) {
  std::string s;
  if (o.groups() != 1) s += str(", groups=", o.groups());
  if (!o.bias()) s += ", bias=false";
  if (o.padding_mode().index() != 0) {
    s += str(", padding_mode=", kModeNames[o.padding_mode().index()]);
  }
  return s + ")";
}

template <size_t D, class Padding>
Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const Padding& padding,
                const ConvOptions<D>& o) {
  if constexpr (D == 1) {
    return conv1d(x, weight, bias, o.stride(), padding, o.dilation(), o.groups());
  } else if constexpr (D == 2) {
    return conv2d(x, weight, bias, o.stride(), padding, o.dilation(), o.groups());
  } else {
    return conv3d(x, weight, bias, o.stride(), padding, o.dilation(), o.groups());
  }
}

/// Before and after each dimension, the last one first, as pad() takes them.
template <size_t D>
DimVector edges(const ConvOptions<D>& o) {
  DimVector amounts;
  for (size_t i = D; i-- > 0;) {
    const int64_t total = o.dilation()[i] * (o.kernel_size()[i] - 1);
    const int64_t given = o.padding().values()[i];
    amounts.push_back(o.padding().is_same() ? total / 2 : given);
    amounts.push_back(o.padding().is_same() ? total - total / 2 : given);
  }
  return amounts;
}

}  // namespace

template <size_t D, class Derived>
ConvNdImpl<D, Derived>::ConvNdImpl(const ConvOptions<D>& o) : options(o) {
  ConvNdImpl::reset();
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::reset() {
  check_channels(options);
  for (size_t i = 0; options.padding().is_same() && i < D; ++i) {
    TAPER_CHECK_AS(ConfigError, options.stride()[i] == 1,
                   "Conv: padding='same' is not supported for strided convolutions");
  }
  const int64_t in = options.in_channels(), out = options.out_channels();
  this->register_parameter("weight", &weight,
                           empty(weight_sizes(out, in / options.groups(), options.kernel_size())));
  this->register_parameter("bias", &bias, options.bias() ? empty({out}) : Tensor(), options.bias());
  reset_parameters();
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::reset_parameters() {
  start(weight, bias);
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::pretty_print(std::ostream& stream) const {
  std::string s = head_text("Conv", D, options);
  if (options.padding().is_same()) {
    s += ", padding='same'";
  } else if (!all(options.padding().values(), 0)) {
    s += str(", padding=", options.padding().values());
  }
  if (!all(options.dilation(), 1)) s += str(", dilation=", options.dilation());
  stream << s << tail_text(options);
}

template <size_t D, class Derived>
Tensor ConvNdImpl<D, Derived>::forward(const Tensor& input) {
  if (options.padding_mode().index() != 0) {
    const Tensor padded = pad(input, edges(options), kModeNames[options.padding_mode().index()]);
    return convolve(padded, weight, bias, ExpandingArray<D>(0), options);
  }
  if (options.padding().is_same()) return convolve(input, weight, bias, "same", options);
  return convolve(input, weight, bias, options.padding().values(), options);
}

template <size_t D, class Derived>
ConvTransposeNdImpl<D, Derived>::ConvTransposeNdImpl(const ConvTransposeOptions<D>& o)
    : options(o) {
  ConvTransposeNdImpl::reset();
}

template <size_t D, class Derived>
void ConvTransposeNdImpl<D, Derived>::reset() {
  check_channels(options);
  TAPER_CHECK_AS(ConfigError, options.padding_mode().index() == 0,
                 "ConvTranspose: Only \"zeros\" padding mode is supported, got ",
                 options.padding_mode());
  const int64_t in = options.in_channels(), out = options.out_channels();
  this->register_parameter("weight", &weight,
                           empty(weight_sizes(in, out / options.groups(), options.kernel_size())));
  this->register_parameter("bias", &bias, options.bias() ? empty({out}) : Tensor(), options.bias());
  reset_parameters();
}

template <size_t D, class Derived>
void ConvTransposeNdImpl<D, Derived>::reset_parameters() {
  start(weight, bias);
}

template <size_t D, class Derived>
void ConvTransposeNdImpl<D, Derived>::pretty_print(std::ostream& stream) const {
  std::string s = head_text("ConvTranspose", D, options);
  if (!all(options.padding(), 0)) s += str(", padding=", options.padding());
  if (!all(options.dilation(), 1)) s += str(", dilation=", options.dilation());
  if (!all(options.output_padding(), 0)) s += str(", output_padding=", options.output_padding());
  stream << s << tail_text(options);
}

template <size_t D, class Derived>
ExpandingArray<D> ConvTransposeNdImpl<D, Derived>::output_padding_for(
    const Tensor& input, const std::vector<int64_t>& output_size) const {
  const IntArrayRef all_sizes(output_size);
  const size_t others = static_cast<size_t>(input.dim()) - D;
  TAPER_CHECK_AS(
      ShapeError,
      input.dim() > static_cast<int64_t>(D) && input.dim() <= static_cast<int64_t>(D) + 2,
      "ConvTranspose", D, "d: expected ", D + 1, "D or ", D + 2, "D input, got ", input.sizes());
  TAPER_CHECK_AS(ShapeError, all_sizes.size() == D || all_sizes.size() == D + others,
                 "ConvTranspose", D, "d: for ", input.dim(), "D input, output_size must have ", D,
                 " or ", D + others, " elements (got ", all_sizes.size(), ")");
  ExpandingArray<D> result(0);
  for (size_t i = 0; i < D; ++i) {
    const int64_t least = (input.sizes()[others + i] - 1) * options.stride()[i] -
                          2 * options.padding()[i] +
                          options.dilation()[i] * (options.kernel_size()[i] - 1) + 1;
    const int64_t size = all_sizes[all_sizes.size() - D + i];
    TAPER_CHECK_AS(ShapeError, size >= least && size < least + options.stride()[i], "ConvTranspose",
                   D, "d: requested an output size of ", all_sizes,
                   ", but valid sizes of dimension ", i, " range from ", least, " to ",
                   least + options.stride()[i] - 1);
    (*result)[i] = size - least;
  }
  return result;
}

template <size_t D, class Derived>
Tensor ConvTransposeNdImpl<D, Derived>::forward(
    const Tensor& input, const std::optional<std::vector<int64_t>>& output_size) {
  const auto& o = options;
  const ExpandingArray<D> more =
      output_size ? output_padding_for(input, *output_size) : o.output_padding();
  const auto op = D == 1 ? &conv_transpose1d : D == 2 ? &conv_transpose2d : &conv_transpose3d;
  return op(input, weight, bias, o.stride(), o.padding(), more, o.groups(), o.dilation());
}

template class ConvNdImpl<1, Conv1dImpl>;
template class ConvNdImpl<2, Conv2dImpl>;
template class ConvNdImpl<3, Conv3dImpl>;
template class ConvTransposeNdImpl<1, ConvTranspose1dImpl>;
template class ConvTransposeNdImpl<2, ConvTranspose2dImpl>;
template class ConvTransposeNdImpl<3, ConvTranspose3dImpl>;
template class Cloneable<Conv1dImpl>;
template class Cloneable<Conv2dImpl>;
template class Cloneable<Conv3dImpl>;
template class Cloneable<ConvTranspose1dImpl>;
template class Cloneable<ConvTranspose2dImpl>;
template class Cloneable<ConvTranspose3dImpl>;

}  // namespace taper::nn
