#pragma once

#include <optional>
#include <vector>

#include "taper/nn/conv.h"
#include "taper/nn/linear.h"
#include "taper/nn/normalization.h"

namespace taper TAPER_API {
namespace nn {

/// A layer that learns the sizes of its input from the first one. Until then its parameters and
/// buffers have no elements; they are listed, moved and converted, and are the same tensors when
/// they get their sizes, so that an optimizer may be made before. A state dict that has their sizes
/// gives them too. torch.nn.modules.lazy.LazyModuleMixin.
class LazyModule {
 public:
  virtual ~LazyModule() = default;
  /// Whether the sizes are not known yet.
  virtual bool has_uninitialized_params() const = 0;
};

namespace detail {

/// Throws, naming op, when a module is lazy and has not seen an input.
void check_initialized(const Module& module, const char* op);
/// Whether this tensor of a lazy module waits for its sizes.
bool is_uninitialized(const Tensor& tensor);

}  // namespace detail

/// LinearOptions without in_features.
struct LazyLinearOptions : LinearOptions {
  LazyLinearOptions(int64_t out_features) : LinearOptions(0, out_features) {}
};

/// A Linear that takes in_features from its first input's last dimension.
class LazyLinearImpl : public LinearImpl, public LazyModule {
 public:
  LazyLinearImpl(int64_t out_features) : LazyLinearImpl(LazyLinearOptions(out_features)) {}
  explicit LazyLinearImpl(LinearOptions options);
  void reset() override;
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;
  bool has_uninitialized_params() const override;
  Tensor forward(const Tensor& input);
};
using LazyLinear = ModuleHolder<LazyLinearImpl>;

/// ConvOptions and ConvTransposeOptions without in_channels.
template <size_t D>
struct LazyConvOptions : ConvOptions<D> {
  LazyConvOptions(int64_t out_channels, ExpandingArray<D> kernel_size)
      : ConvOptions<D>(0, out_channels, kernel_size) {}
};
template <size_t D>
struct LazyConvTransposeOptions : ConvTransposeOptions<D> {
  LazyConvTransposeOptions(int64_t out_channels, ExpandingArray<D> kernel_size)
      : ConvTransposeOptions<D>(0, out_channels, kernel_size) {}
};

/// A convolution that takes in_channels from its first input: size 1 of [N, C, L...], or 0 of
/// [C, L...].
template <size_t D, class Base, class Options>
class LazyConvNdImpl : public Base, public LazyModule {
 public:
  LazyConvNdImpl(int64_t out_channels, ExpandingArray<D> kernel_size)
      : LazyConvNdImpl(Options(0, out_channels, kernel_size)) {}
  explicit LazyConvNdImpl(Options options);
  void reset() override;
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;
  bool has_uninitialized_params() const override;
  template <class... Sizes>
  Tensor forward(const Tensor& input, const Sizes&... output_size) {
    initialize_parameters(input);
    return Base::forward(input, output_size...);
  }

 private:
  void initialize_parameters(const Tensor& input);
};

/// A BatchNorm or InstanceNorm that takes num_features from its first input's channels.
template <class Base, class Options>
class LazyNormImpl : public Base, public LazyModule {
 public:
  LazyNormImpl() : LazyNormImpl(Options(0)) {}
  explicit LazyNormImpl(Options options);
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;
  bool has_uninitialized_params() const override;
  Tensor forward(const Tensor& input);
};

struct LazyBatchNormOptions : BatchNormOptions {
  LazyBatchNormOptions() : BatchNormOptions(0) {}
};
struct LazyInstanceNormOptions : InstanceNormOptions {
  LazyInstanceNormOptions() : InstanceNormOptions(0) {}
};

#define TAPER_LAZY_LAYERS(D)                                                                    \
  using LazyConv##D##dOptions = LazyConvOptions<D>;                                             \
  using LazyConv##D##dImpl = LazyConvNdImpl<D, Conv##D##dImpl, ConvOptions<D>>;                 \
  extern template class LazyConvNdImpl<D, Conv##D##dImpl, ConvOptions<D>>;                      \
  using LazyConv##D##d = ModuleHolder<LazyConv##D##dImpl>;                                      \
  using LazyConvTranspose##D##dOptions = LazyConvTransposeOptions<D>;                           \
  using LazyConvTranspose##D##dImpl =                                                           \
      LazyConvNdImpl<D, ConvTranspose##D##dImpl, ConvTransposeOptions<D>>;                      \
  extern template class LazyConvNdImpl<D, ConvTranspose##D##dImpl, ConvTransposeOptions<D>>;    \
  using LazyConvTranspose##D##d = ModuleHolder<LazyConvTranspose##D##dImpl>;                    \
  using LazyBatchNorm##D##dOptions = LazyBatchNormOptions;                                      \
  using LazyBatchNorm##D##dImpl = LazyNormImpl<BatchNorm##D##dImpl, BatchNormOptions>;          \
  extern template class LazyNormImpl<BatchNorm##D##dImpl, BatchNormOptions>;                    \
  using LazyBatchNorm##D##d = ModuleHolder<LazyBatchNorm##D##dImpl>;                            \
  using LazyInstanceNorm##D##dOptions = LazyInstanceNormOptions;                                \
  using LazyInstanceNorm##D##dImpl = LazyNormImpl<InstanceNorm##D##dImpl, InstanceNormOptions>; \
  extern template class LazyNormImpl<InstanceNorm##D##dImpl, InstanceNormOptions>;              \
  using LazyInstanceNorm##D##d = ModuleHolder<LazyInstanceNorm##D##dImpl>
TAPER_LAZY_LAYERS(1);
TAPER_LAZY_LAYERS(2);
TAPER_LAZY_LAYERS(3);
#undef TAPER_LAZY_LAYERS

}  // namespace nn
}  // namespace taper
