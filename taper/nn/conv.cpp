#include "taper/nn/conv.h"

#include <cmath>
#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/convolution.h"
#include "taper/ops/creation.h"

namespace taper::nn {

template <size_t D, class Derived>
ConvNdImpl<D, Derived>::ConvNdImpl(const ConvOptions<D>& o) : options(o) {
  ConvNdImpl::reset();
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::reset() {
  const int64_t in = options.in_channels(), out = options.out_channels(), g = options.groups();
  TAPER_CHECK_AS(ConfigError, in > 0 && g > 0 && out > 0,
                 "Conv: in_channels, groups and out_channels must be a positive integer, got ", in,
                 ", ", g, ", ", out);
  TAPER_CHECK_AS(ConfigError, in % g == 0, "Conv: in_channels must be divisible by groups, got ",
                 in, " and ", g);
  TAPER_CHECK_AS(ConfigError, out % g == 0, "Conv: out_channels must be divisible by groups, got ",
                 out, " and ", g);
  if (options.padding().is_same()) {
    for (size_t i = 0; i < D; ++i) {
      TAPER_CHECK_AS(ConfigError, options.stride()[i] == 1,
                     "Conv: padding='same' is not supported for strided convolutions");
    }
  }
  DimVector sizes{out, in / g};
  for (size_t i = 0; i < D; ++i) sizes.push_back(options.kernel_size()[i]);
  weight = this->register_parameter("weight", empty(sizes));
  bias = this->register_parameter("bias", options.bias() ? empty({out}) : Tensor(), options.bias());
  reset_parameters();
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::reset_parameters() {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const int64_t fan_in = init::_calculate_fan_in_and_fan_out(weight).first;
  if (fan_in == 0) return;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  init::uniform_(bias, -bound, bound);
}

template <size_t D, class Derived>
void ConvNdImpl<D, Derived>::pretty_print(std::ostream& stream) const {
  std::string s =
      str("taper::nn::Conv", D, "d(", options.in_channels(), ", ", options.out_channels(),
          ", kernel_size=", options.kernel_size(), ", stride=", options.stride());
  const auto all = [](const ExpandingArray<D>& values, int64_t value) {
    return values == ExpandingArray<D>(value);
  };
  if (options.padding().is_same()) {
    s += ", padding='same'";
  } else if (!all(options.padding().values(), 0)) {
    s += str(", padding=", options.padding().values());
  }
  if (!all(options.dilation(), 1)) s += str(", dilation=", options.dilation());
  if (options.groups() != 1) s += str(", groups=", options.groups());
  if (!options.bias()) s += ", bias=false";
  stream << s << ')';
}

template class ConvNdImpl<1, Conv1dImpl>;
template class ConvNdImpl<2, Conv2dImpl>;

Tensor Conv1dImpl::forward(const Tensor& input) {
  if (options.padding().is_same()) {
    return conv1d(input, weight, bias, options.stride(), "same", options.dilation(),
                  options.groups());
  }
  return conv1d(input, weight, bias, options.stride(), options.padding().values(),
                options.dilation(), options.groups());
}

Tensor Conv2dImpl::forward(const Tensor& input) {
  if (options.padding().is_same()) {
    return conv2d(input, weight, bias, options.stride(), "same", options.dilation(),
                  options.groups());
  }
  return conv2d(input, weight, bias, options.stride(), options.padding().values(),
                options.dilation(), options.groups());
}

template class Cloneable<Conv1dImpl>;
template class Cloneable<Conv2dImpl>;

}  // namespace taper::nn
