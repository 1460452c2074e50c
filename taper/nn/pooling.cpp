#include "taper/nn/pooling.h"

#include <ostream>

#include "taper/ops/pooling.h"

namespace taper::nn {
namespace F = functional;
namespace {

template <size_t D>
std::string text(const MaxPoolOptions<D>& o) {
  return str("kernel_size=", o.kernel_size(), ", stride=", o.stride(), ", padding=", o.padding(),
             ", dilation=", o.dilation(), ", ceil_mode=", o.ceil_mode());
}
template <size_t D>
std::string text(const AvgPoolOptions<D>& o) {
  return str("kernel_size=", o.kernel_size(), ", stride=", o.stride(), ", padding=", o.padding());
}
template <size_t D>
std::string text(const AdaptivePoolOptions<D>& o) {
  return str("output_size=", o.output_size());
}
template <size_t D>
std::string text(const F::MaxUnpoolFuncOptions<D>& o) {
  return str("kernel_size=", o.kernel_size(), ", stride=", o.stride(), ", padding=", o.padding());
}
template <size_t D>
std::string text(const F::LPPoolFuncOptions<D>& o) {
  return str("norm_type=", o.norm_type(), ", kernel_size=", o.kernel_size(),
             ", stride=", o.stride(), ", ceil_mode=", o.ceil_mode());
}

template <class Op, size_t D>
auto max_pooled(Op op, const Tensor& x, const MaxPoolOptions<D>& o) {
  return op(x, o.kernel_size(), o.stride(), o.padding(), o.dilation(), o.ceil_mode());
}

template <size_t D>
Tensor averaged(const Tensor& x, const AvgPoolOptions<D>& o) {
  if constexpr (D == 1) {
    TAPER_CHECK_AS(ConfigError, !o.divisor_override(),
                   "AvgPool1d: divisor_override is for two and three dimensions");
    return avg_pool1d(x, o.kernel_size(), o.stride(), o.padding(), o.ceil_mode(),
                      o.count_include_pad());
  } else {
    const auto op = D == 2 ? &avg_pool2d : &avg_pool3d;
    return op(x, o.kernel_size(), o.stride(), o.padding(), o.ceil_mode(), o.count_include_pad(),
              o.divisor_override());
  }
}

template <size_t D>
F::MaxUnpoolFuncOptions<D> to_size(F::MaxUnpoolFuncOptions<D> o,
                                   const std::optional<std::vector<int64_t>>& size) {
  return size ? o.output_size(size) : o;
}

}  // namespace

#define TAPER_POOL_TEXT(Name)                                   \
  void Name##Impl::pretty_print(std::ostream& stream) const {   \
    stream << str("taper::nn::" #Name "(", text(options), ")"); \
  }                                                             \
  template class Cloneable<Name##Impl>
#define TAPER_POOLS(D)                                                                          \
  Tensor MaxPool##D##dImpl::forward(const Tensor& input) {                                      \
    return max_pooled(&max_pool##D##d, input, options);                                         \
  }                                                                                             \
  std::tuple<Tensor, Tensor> MaxPool##D##dImpl::forward_with_indices(const Tensor& input) {     \
    return max_pooled(&max_pool##D##d_with_indices, input, options);                            \
  }                                                                                             \
  Tensor AvgPool##D##dImpl::forward(const Tensor& input) { return averaged(input, options); }   \
  Tensor AdaptiveAvgPool##D##dImpl::forward(const Tensor& input) {                              \
    return adaptive_avg_pool##D##d(input, options.sizes());                                     \
  }                                                                                             \
  Tensor AdaptiveMaxPool##D##dImpl::forward(const Tensor& input) {                              \
    return std::get<0>(forward_with_indices(input));                                            \
  }                                                                                             \
  std::tuple<Tensor, Tensor> AdaptiveMaxPool##D##dImpl::forward_with_indices(                   \
      const Tensor& input) {                                                                    \
    return adaptive_max_pool##D##d(input, options.sizes());                                     \
  }                                                                                             \
  Tensor MaxUnpool##D##dImpl::forward(const Tensor& input, const Tensor& indices,               \
                                      const std::optional<std::vector<int64_t>>& output_size) { \
    return F::max_unpool##D##d(input, indices, to_size(options, output_size));                  \
  }                                                                                             \
  TAPER_POOL_TEXT(MaxPool##D##d);                                                               \
  TAPER_POOL_TEXT(AvgPool##D##d);                                                               \
  TAPER_POOL_TEXT(AdaptiveAvgPool##D##d);                                                       \
  TAPER_POOL_TEXT(AdaptiveMaxPool##D##d);                                                       \
  TAPER_POOL_TEXT(MaxUnpool##D##d)
TAPER_POOLS(1);
TAPER_POOLS(2);
TAPER_POOLS(3);

Tensor LPPool1dImpl::forward(const Tensor& input) { return F::lp_pool1d(input, options); }
Tensor LPPool2dImpl::forward(const Tensor& input) { return F::lp_pool2d(input, options); }
TAPER_POOL_TEXT(LPPool1d);
TAPER_POOL_TEXT(LPPool2d);

template <size_t D, class Derived>
FractionalMaxPoolNdImpl<D, Derived>::FractionalMaxPoolNdImpl(const Options& o) : options(o) {
  FractionalMaxPoolNdImpl::reset();
}

template <size_t D, class Derived>
void FractionalMaxPoolNdImpl<D, Derived>::reset() {
  TAPER_CHECK_AS(ConfigError, options.output_size() || options.output_ratio(), "FractionalMaxPool",
                 D, "d requires specifying either an output size, or a pooling ratio");
  TAPER_CHECK_AS(ConfigError, !options.output_size() || !options.output_ratio(),
                 "FractionalMaxPool", D,
                 "d: only one of output_size and output_ratio may be "
                 "specified");
  const Tensor given = options._random_samples();
  this->register_buffer("_random_samples", &_random_samples,
                        given.defined() ? given.detach() : Tensor());
}

template <size_t D, class Derived>
void FractionalMaxPoolNdImpl<D, Derived>::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::FractionalMaxPool" << D << "d()";
}

template <size_t D, class Derived>
std::tuple<Tensor, Tensor> FractionalMaxPoolNdImpl<D, Derived>::forward_with_indices(
    const Tensor& input) {
  Options o = options;
  o._random_samples(_random_samples);
  if constexpr (D == 2)
    return F::fractional_max_pool2d_with_indices(input, o);
  else
    return F::fractional_max_pool3d_with_indices(input, o);
}

template <size_t D, class Derived>
Tensor FractionalMaxPoolNdImpl<D, Derived>::forward(const Tensor& input) {
  return std::get<0>(forward_with_indices(input));
}

template class FractionalMaxPoolNdImpl<2, FractionalMaxPool2dImpl>;
template class FractionalMaxPoolNdImpl<3, FractionalMaxPool3dImpl>;
template class Cloneable<FractionalMaxPool2dImpl>;
template class Cloneable<FractionalMaxPool3dImpl>;

}  // namespace taper::nn
