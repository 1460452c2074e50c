#include "taper/nn/normalization.h"

#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/normalization.h"

namespace taper::nn {

void BatchNormImplBase::register_all() {
  const int64_t n = options.num_features();
  const bool affine = options.affine();
  weight = register_parameter("weight", affine ? empty({n}) : Tensor(), affine);
  bias = register_parameter("bias", affine ? empty({n}) : Tensor(), affine);
  const bool track = options.track_running_stats();
  running_mean = register_buffer("running_mean", track ? zeros({n}) : Tensor());
  running_var = register_buffer("running_var", track ? ones({n}) : Tensor());
  num_batches_tracked = register_buffer("num_batches_tracked", track ? zeros({}, kLong) : Tensor());
  reset_parameters();
}

void BatchNormImplBase::reset_running_stats() {
  if (!options.track_running_stats()) return;
  init::zeros_(running_mean);
  init::ones_(running_var);
  init::zeros_(num_batches_tracked);
}

void BatchNormImplBase::reset_parameters() {
  reset_running_stats();
  if (!options.affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}

void BatchNormImplBase::print(std::ostream& stream, int dimensions) const {
  std::string momentum = "None";
  if (options.momentum()) momentum = str(*options.momentum());
  stream << str("taper::nn::BatchNorm", dimensions, "d(", options.num_features(),
                ", eps=", options.eps(), ", momentum=", momentum, ", affine=", options.affine(),
                ", track_running_stats=", options.track_running_stats(), ")");
}

Tensor BatchNormImplBase::forward(const Tensor& input) {
  check_input_dim(input);
  double momentum = options.momentum().value_or(0);
  if (is_training() && num_batches_tracked.defined()) {
    // A write of one number that no graph sees.
    const int64_t batches = ++*num_batches_tracked.data_ptr<int64_t>();
    num_batches_tracked.impl().bump_version();
    if (!options.momentum()) momentum = 1.0 / static_cast<double>(batches);
  }
  // Without running statistics those of the batch are used in evaluation too.
  const bool use_batch = is_training() || !running_mean.defined();
  const bool track = !is_training() || options.track_running_stats();
  return batch_norm(input, weight, bias, track ? running_mean : Tensor(),
                    track ? running_var : Tensor(), use_batch, momentum, options.eps(), false);
}

void BatchNorm1dImpl::pretty_print(std::ostream& stream) const { print(stream, 1); }

void BatchNorm1dImpl::check_input_dim(const Tensor& input) const {
  TAPER_CHECK_AS(ShapeError, input.dim() == 2 || input.dim() == 3,
                 "BatchNorm1d: expected 2D or 3D input (got ", input.dim(), "D input)");
}

void BatchNorm2dImpl::pretty_print(std::ostream& stream) const { print(stream, 2); }

void BatchNorm2dImpl::check_input_dim(const Tensor& input) const {
  TAPER_CHECK_AS(ShapeError, input.dim() == 4, "BatchNorm2d: expected 4D input (got ", input.dim(),
                 "D input)");
}

LayerNormImpl::LayerNormImpl(LayerNormOptions o) : options(std::move(o)) { LayerNormImpl::reset(); }

void LayerNormImpl::reset() {
  const bool affine = options.elementwise_affine();
  const IntArrayRef shape(options.normalized_shape());
  weight = register_parameter("weight", affine ? empty(shape) : Tensor(), affine);
  bias = register_parameter("bias", affine ? empty(shape) : Tensor(), affine);
  reset_parameters();
}

void LayerNormImpl::reset_parameters() {
  if (!options.elementwise_affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}

void LayerNormImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::LayerNorm(", IntArrayRef(options.normalized_shape()),
                ", eps=", options.eps(), ", elementwise_affine=", options.elementwise_affine(),
                ")");
}

Tensor LayerNormImpl::forward(const Tensor& input) {
  return layer_norm(input, options.normalized_shape(), weight, bias, options.eps());
}

GroupNormImpl::GroupNormImpl(const GroupNormOptions& o) : options(o) { GroupNormImpl::reset(); }

void GroupNormImpl::reset() {
  TAPER_CHECK_AS(ConfigError,
                 options.num_groups() > 0 && options.num_channels() % options.num_groups() == 0,
                 "GroupNorm: num_channels must be divisible by num_groups, got ",
                 options.num_channels(), " and ", options.num_groups());
  const bool affine = options.affine();
  const int64_t n = options.num_channels();
  weight = register_parameter("weight", affine ? empty({n}) : Tensor(), affine);
  bias = register_parameter("bias", affine ? empty({n}) : Tensor(), affine);
  reset_parameters();
}

void GroupNormImpl::reset_parameters() {
  if (!options.affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}

void GroupNormImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::GroupNorm(", options.num_groups(), ", ", options.num_channels(),
                ", eps=", options.eps(), ", affine=", options.affine(), ")");
}

Tensor GroupNormImpl::forward(const Tensor& input) {
  return group_norm(input, options.num_groups(), weight, bias, options.eps());
}

template class Cloneable<BatchNorm1dImpl>;
template class Cloneable<BatchNorm2dImpl>;
template class Cloneable<LayerNormImpl>;
template class Cloneable<GroupNormImpl>;

}  // namespace taper::nn
