#include "taper/nn/pooling.h"

#include <ostream>

#include "taper/ops/pooling.h"

namespace taper::nn {
namespace {

template <size_t D>
std::string max_pool_text(const MaxPoolOptions<D>& o) {
  return str("taper::nn::MaxPool", D, "d(kernel_size=", o.kernel_size(), ", stride=", o.stride(),
             ", padding=", o.padding(), ", dilation=", o.dilation(), ", ceil_mode=", o.ceil_mode(),
             ")");
}

}  // namespace

void MaxPool1dImpl::pretty_print(std::ostream& stream) const { stream << max_pool_text(options); }

Tensor MaxPool1dImpl::forward(const Tensor& input) {
  return max_pool1d(input, options.kernel_size(), options.stride(), options.padding(),
                    options.dilation(), options.ceil_mode());
}

void MaxPool2dImpl::pretty_print(std::ostream& stream) const { stream << max_pool_text(options); }

Tensor MaxPool2dImpl::forward(const Tensor& input) {
  return max_pool2d(input, options.kernel_size(), options.stride(), options.padding(),
                    options.dilation(), options.ceil_mode());
}

std::tuple<Tensor, Tensor> MaxPool2dImpl::forward_with_indices(const Tensor& input) {
  return max_pool2d_with_indices(input, options.kernel_size(), options.stride(), options.padding(),
                                 options.dilation(), options.ceil_mode());
}

void AvgPool2dImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::AvgPool2d(kernel_size=", options.kernel_size(),
                ", stride=", options.stride(), ", padding=", options.padding(), ")");
}

Tensor AvgPool2dImpl::forward(const Tensor& input) {
  return avg_pool2d(input, options.kernel_size(), options.stride(), options.padding(),
                    options.ceil_mode(), options.count_include_pad(), options.divisor_override());
}

void AdaptiveAvgPool2dImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::AdaptiveAvgPool2d(output_size=", options.output_size(), ")");
}

Tensor AdaptiveAvgPool2dImpl::forward(const Tensor& input) {
  return adaptive_avg_pool2d(input, options.output_size());
}

template class Cloneable<MaxPool1dImpl>;
template class Cloneable<MaxPool2dImpl>;
template class Cloneable<AvgPool2dImpl>;
template class Cloneable<AdaptiveAvgPool2dImpl>;

}  // namespace taper::nn
