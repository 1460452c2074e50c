#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "taper/base/arg.h"
#include "taper/nn/functional_vision.h"
#include "taper/nn/plain_layer.h"

namespace taper TAPER_API {
namespace nn {

struct BatchNormOptions {
  BatchNormOptions(int64_t num_features) : num_features_(num_features) {}
  TAPER_ARG(int64_t, num_features);
  TAPER_ARG(double, eps) = 1e-5;
  /// The weight of a batch in the running statistics; none: the mean over all batches.
  TAPER_ARG(std::optional<double>, momentum) = 0.1;
  TAPER_ARG(bool, affine) = true;
  TAPER_ARG(bool, track_running_stats) = true;
};
using BatchNorm1dOptions = BatchNormOptions;
using BatchNorm2dOptions = BatchNormOptions;
using BatchNorm3dOptions = BatchNormOptions;

struct InstanceNormOptions {
  InstanceNormOptions(int64_t num_features) : num_features_(num_features) {}
  TAPER_ARG(int64_t, num_features);
  TAPER_ARG(double, eps) = 1e-5;
  TAPER_ARG(std::optional<double>, momentum) = 0.1;
  TAPER_ARG(bool, affine) = false;
  TAPER_ARG(bool, track_running_stats) = false;
};
using InstanceNorm1dOptions = InstanceNormOptions;
using InstanceNorm2dOptions = InstanceNormOptions;
using InstanceNorm3dOptions = InstanceNormOptions;

namespace detail {
/// Throws where statistics would be of one value: of each channel, or of each channel of a sample.
void check_several_values(const Tensor& input, bool per_sample);
}  // namespace detail

/// Batch normalization (Ioffe and Szegedy, 2015) of each channel (dimension 1):
/// y = (x - mean) / sqrt(var + eps) * weight + bias, with the batch's statistics in training and
/// the running ones (buffers running_mean, running_var, num_batches_tracked) otherwise.
class BatchNormImplBase : public virtual Module {
 public:
  void reset_running_stats();
  void reset_parameters();
  Tensor forward(const Tensor& input);
  /// As Python's, whose second version brought num_batches_tracked.
  int64_t _version() const override { return 2; }

  BatchNormOptions options;
  Tensor weight, bias;
  Tensor running_mean, running_var, num_batches_tracked;

 protected:
  explicit BatchNormImplBase(const BatchNormOptions& options) : options(options) {}
  void register_all();
  void print(std::ostream& stream, const char* name) const;
  virtual void check_input_dim(const Tensor& input) const = 0;
};

/// Inputs [N, C] or [N, C, L].
class BatchNorm1dImpl : public Cloneable<BatchNorm1dImpl>, public BatchNormImplBase {
 public:
  BatchNorm1dImpl(int64_t num_features) : BatchNorm1dImpl(BatchNormOptions(num_features)) {}
  explicit BatchNorm1dImpl(const BatchNormOptions& options) : BatchNormImplBase(options) {
    register_all();
  }
  void reset() override { register_all(); }
  void pretty_print(std::ostream& stream) const override;

 protected:
  void check_input_dim(const Tensor& input) const override;
};
TAPER_LAYER(BatchNorm1d);

/// Inputs [N, C, H, W].
class BatchNorm2dImpl : public Cloneable<BatchNorm2dImpl>, public BatchNormImplBase {
 public:
  BatchNorm2dImpl(int64_t num_features) : BatchNorm2dImpl(BatchNormOptions(num_features)) {}
  explicit BatchNorm2dImpl(const BatchNormOptions& options) : BatchNormImplBase(options) {
    register_all();
  }
  void reset() override { register_all(); }
  void pretty_print(std::ostream& stream) const override;

 protected:
  void check_input_dim(const Tensor& input) const override;
};
TAPER_LAYER(BatchNorm2d);

/// Inputs [N, C, D, H, W].
class BatchNorm3dImpl : public Cloneable<BatchNorm3dImpl>, public BatchNormImplBase {
 public:
  BatchNorm3dImpl(int64_t num_features) : BatchNorm3dImpl(BatchNormOptions(num_features)) {}
  explicit BatchNorm3dImpl(const BatchNormOptions& options) : BatchNormImplBase(options) {
    register_all();
  }
  void reset() override { register_all(); }
  void pretty_print(std::ostream& stream) const override;

 protected:
  void check_input_dim(const Tensor& input) const override;
};
TAPER_LAYER(BatchNorm3d);

/// Instance normalization (Ulyanov et al., 2016): BatchNorm of each sample alone; by default
/// without weight, bias and running statistics.
class InstanceNormImplBase : public BatchNormImplBase {
 public:
  /// [N, C, ...], or [C, ...] without a batch.
  Tensor forward(const Tensor& input);

 protected:
  explicit InstanceNormImplBase(const InstanceNormOptions& options);
  virtual int64_t dimensions() const = 0;
  void check_input_dim(const Tensor& input) const override;
};

#define TAPER_INSTANCE_NORM(D)                                             \
  class InstanceNorm##D##dImpl : public Cloneable<InstanceNorm##D##dImpl>, \
                                 public InstanceNormImplBase {             \
   public:                                                                 \
    InstanceNorm##D##dImpl(int64_t num_features)                           \
        : InstanceNorm##D##dImpl(InstanceNormOptions(num_features)) {}     \
    explicit InstanceNorm##D##dImpl(const InstanceNormOptions& options)    \
        : InstanceNormImplBase(options) {                                  \
      register_all();                                                      \
    }                                                                      \
    void reset() override { register_all(); }                              \
    void pretty_print(std::ostream& stream) const override;                \
                                                                           \
   protected:                                                              \
    int64_t dimensions() const override { return D; }                      \
  };                                                                       \
  TAPER_LAYER(InstanceNorm##D##d)
TAPER_INSTANCE_NORM(1);
TAPER_INSTANCE_NORM(2);
TAPER_INSTANCE_NORM(3);
#undef TAPER_INSTANCE_NORM

struct LayerNormOptions {
  LayerNormOptions(std::vector<int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  TAPER_ARG(std::vector<int64_t>, normalized_shape);
  TAPER_ARG(double, eps) = 1e-5;
  TAPER_ARG(bool, elementwise_affine) = true;
};

/// Layer normalization (Ba et al., 2016) over the last dimensions, whose sizes are
/// normalized_shape: y = (x - mean) / sqrt(var + eps) * weight + bias.
class LayerNormImpl : public Cloneable<LayerNormImpl> {
 public:
  LayerNormImpl(std::vector<int64_t> normalized_shape)
      : LayerNormImpl(LayerNormOptions(std::move(normalized_shape))) {}
  explicit LayerNormImpl(LayerNormOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  LayerNormOptions options;
  Tensor weight, bias;
};
TAPER_LAYER(LayerNorm);

struct GroupNormOptions {
  GroupNormOptions(int64_t num_groups, int64_t num_channels)
      : num_groups_(num_groups), num_channels_(num_channels) {}
  TAPER_ARG(int64_t, num_groups);
  TAPER_ARG(int64_t, num_channels);
  TAPER_ARG(double, eps) = 1e-5;
  TAPER_ARG(bool, affine) = true;
};

/// Group normalization (Wu and He, 2018): each group of channels of each sample is normalized.
class GroupNormImpl : public Cloneable<GroupNormImpl> {
 public:
  GroupNormImpl(int64_t num_groups, int64_t num_channels)
      : GroupNormImpl(GroupNormOptions(num_groups, num_channels)) {}
  explicit GroupNormImpl(const GroupNormOptions& options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  GroupNormOptions options;
  Tensor weight, bias;
};
TAPER_LAYER(GroupNorm);

struct RMSNormOptions {
  RMSNormOptions(std::vector<int64_t> normalized_shape)
      : normalized_shape_(std::move(normalized_shape)) {}
  TAPER_ARG(std::vector<int64_t>, normalized_shape);
  /// The smallest step of the input's type at 1 unless given.
  TAPER_ARG(std::optional<double>, eps) = std::nullopt;
  TAPER_ARG(bool, elementwise_affine) = true;
};

/// x / sqrt(mean(x^2) + eps) * weight over the last dimensions, whose sizes are normalized_shape.
class RMSNormImpl : public Cloneable<RMSNormImpl> {
 public:
  RMSNormImpl(std::vector<int64_t> normalized_shape)
      : RMSNormImpl(RMSNormOptions(std::move(normalized_shape))) {}
  explicit RMSNormImpl(RMSNormOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  RMSNormOptions options;
  Tensor weight;
};
TAPER_LAYER(RMSNorm);

/// functional::local_response_norm().
using LocalResponseNormOptions = functional::LocalResponseNormFuncOptions;
TAPER_UNARY_LAYER(LocalResponseNorm, LocalResponseNormOptions);
/// LocalResponseNorm of images; of an even size the window is one channel smaller, while alpha is
/// divided by size.
using CrossMapLRN2dOptions = functional::LocalResponseNormFuncOptions;
TAPER_UNARY_LAYER(CrossMapLRN2d, CrossMapLRN2dOptions);

}  // namespace nn
}  // namespace taper
