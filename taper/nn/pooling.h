#pragma once

#include <optional>
#include <tuple>

#include "taper/base/arg.h"
#include "taper/nn/expanding_array.h"
#include "taper/nn/functional_vision.h"
#include "taper/nn/plain_layer.h"

namespace taper TAPER_API {
namespace nn {

/// Options of max pooling over D dimensions; the stride is the kernel size unless set.
template <size_t D>
struct MaxPoolOptions {
  MaxPoolOptions(ExpandingArray<D> kernel_size) : kernel_size_(kernel_size), stride_(kernel_size) {}
  TAPER_ARG(ExpandingArray<D>, kernel_size);
  TAPER_ARG(ExpandingArray<D>, stride);
  TAPER_ARG(ExpandingArray<D>, padding) = 0;
  TAPER_ARG(ExpandingArray<D>, dilation) = 1;
  TAPER_ARG(bool, ceil_mode) = false;
};

/// Options of average pooling over D dimensions; the stride is the kernel size unless set.
template <size_t D>
struct AvgPoolOptions {
  AvgPoolOptions(ExpandingArray<D> kernel_size) : kernel_size_(kernel_size), stride_(kernel_size) {}
  TAPER_ARG(ExpandingArray<D>, kernel_size);
  TAPER_ARG(ExpandingArray<D>, stride);
  TAPER_ARG(ExpandingArray<D>, padding) = 0;
  TAPER_ARG(bool, ceil_mode) = false;
  TAPER_ARG(bool, count_include_pad) = true;
  /// Divides the sums instead of the windows' sizes; not in one dimension.
  TAPER_ARG(std::optional<int64_t>, divisor_override) = std::nullopt;
};

/// Options of adaptive pooling over D dimensions; in two and three, nullopt keeps the input's size.
template <size_t D>
struct AdaptivePoolOptions {
  using Sizes = std::conditional_t<D == 1, ExpandingArray<1>, ExpandingArrayWithOptionalElem<D>>;
  AdaptivePoolOptions(Sizes output_size) : output_size_(output_size) {}
  /// The sizes as the ops take them: -1 keeps the input's.
  ExpandingArray<D> sizes() const {
    ExpandingArray<D> sizes(-1);
    for (size_t i = 0; i < D; ++i) {
      if constexpr (D == 1) {
        sizes->at(i) = output_size_[i];
      } else {
        sizes->at(i) = output_size_[i].value_or(-1);
      }
    }
    return sizes;
  }
  TAPER_ARG(Sizes, output_size);
};

#define TAPER_INDEXED_POOL(Name, Options)                               \
  TAPER_PLAIN_LAYER(Name, Options, Tensor forward(const Tensor& input); \
                    std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input))
#define TAPER_UNPOOL(Name, Options)                              \
  TAPER_PLAIN_LAYER(                                             \
      Name, Options,                                             \
      Tensor forward(const Tensor& input, const Tensor& indices, \
                     const std::optional<std::vector<int64_t>>& output_size = std::nullopt))
// Over the last D dimensions: the largest value or the mean of each window (adaptive: of windows
// that are chosen to give the output size), and the inverse of the former, zeros elsewhere.
// forward_with_indices() returns the position of each value within its plane too.
#define TAPER_POOLS(D)                                                \
  using MaxPool##D##dOptions = MaxPoolOptions<D>;                     \
  using AvgPool##D##dOptions = AvgPoolOptions<D>;                     \
  using AdaptiveAvgPool##D##dOptions = AdaptivePoolOptions<D>;        \
  using AdaptiveMaxPool##D##dOptions = AdaptivePoolOptions<D>;        \
  using MaxUnpool##D##dOptions = functional::MaxUnpoolFuncOptions<D>; \
  TAPER_INDEXED_POOL(MaxPool##D##d, MaxPoolOptions<D>);               \
  TAPER_UNARY_LAYER(AvgPool##D##d, AvgPoolOptions<D>);                \
  TAPER_UNARY_LAYER(AdaptiveAvgPool##D##d, AdaptivePoolOptions<D>);   \
  TAPER_INDEXED_POOL(AdaptiveMaxPool##D##d, AdaptivePoolOptions<D>);  \
  TAPER_UNPOOL(MaxUnpool##D##d, functional::MaxUnpoolFuncOptions<D>)
TAPER_POOLS(1);
TAPER_POOLS(2);
TAPER_POOLS(3);

// The p-norm of each window, see functional::lp_pool1d().
using LPPool1dOptions = functional::LPPool1dFuncOptions;
using LPPool2dOptions = functional::LPPool2dFuncOptions;
TAPER_UNARY_LAYER(LPPool1d, LPPool1dOptions);
TAPER_UNARY_LAYER(LPPool2d, LPPool2dOptions);

/// Maxima of windows at random places (Graham, 2014); the buffer _random_samples chooses them where
/// it is given.
template <size_t D, class Derived>
class FractionalMaxPoolNdImpl : public Cloneable<Derived> {
 public:
  using Options = functional::FractionalMaxPoolFuncOptions<D>;
  FractionalMaxPoolNdImpl(ExpandingArray<D> kernel_size)
      : FractionalMaxPoolNdImpl(Options(kernel_size)) {}
  /// Throws unless one of output_size and output_ratio is given.
  explicit FractionalMaxPoolNdImpl(const Options& options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input);

  Options options;
  Tensor _random_samples;
};
#define TAPER_FRACTIONAL(Name, D)                                    \
  using Name##Options = functional::FractionalMaxPoolFuncOptions<D>; \
  class Name##Impl : public FractionalMaxPoolNdImpl<D, Name##Impl> { \
   public:                                                           \
    using FractionalMaxPoolNdImpl::FractionalMaxPoolNdImpl;          \
  };                                                                 \
  extern template class FractionalMaxPoolNdImpl<D, Name##Impl>;      \
  TAPER_LAYER(Name)
TAPER_FRACTIONAL(FractionalMaxPool2d, 2);
TAPER_FRACTIONAL(FractionalMaxPool3d, 3);
#undef TAPER_FRACTIONAL
#undef TAPER_INDEXED_POOL
#undef TAPER_UNPOOL
#undef TAPER_POOLS

}  // namespace nn
}  // namespace taper
