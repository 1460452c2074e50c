#include "taper/nn/normalization.h"

#include <limits>
#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/normalization.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"

namespace taper::nn {

void BatchNormImplBase::register_all() {
  const int64_t n = options.num_features();
  const bool affine = options.affine();
  register_parameter("weight", &weight, affine ? empty({n}) : Tensor(), affine);
  register_parameter("bias", &bias, affine ? empty({n}) : Tensor(), affine);
  const bool track = options.track_running_stats();
  register_buffer("running_mean", &running_mean, track ? zeros({n}) : Tensor());
  register_buffer("running_var", &running_var, track ? ones({n}) : Tensor());
  register_buffer("num_batches_tracked", &num_batches_tracked, track ? zeros({}, kLong) : Tensor());
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

void BatchNormImplBase::print(std::ostream& stream, const char* name) const {
  std::string momentum = "None";
  if (options.momentum()) momentum = str(*options.momentum());
  stream << str("taper::nn::", name, "(", options.num_features(), ", eps=", options.eps(),
                ", momentum=", momentum, ", affine=", options.affine(),
                ", track_running_stats=", options.track_running_stats(), ")");
}

namespace detail {
void check_several_values(const Tensor& input, bool per_sample) {
  int64_t values = per_sample || input.dim() == 0 ? 1 : input.sizes()[0];
  for (int64_t d = 2; d < input.dim(); ++d) values *= input.sizes()[static_cast<size_t>(d)];
  TAPER_CHECK_AS(ShapeError, values != 1 || input.dim() < 2,
                 per_sample ? "instance_norm: Expected more than 1 spatial element"
                            : "batch_norm: Expected more than 1 value per channel",
                 " when training, got input size ", input.sizes());
}
}  // namespace detail

Tensor BatchNormImplBase::forward(const Tensor& input) {
  check_input_dim(input);
  // Without running statistics those of the batch are used in evaluation too.
  const bool use_batch = is_training() || !running_mean.defined();
  if (use_batch) detail::check_several_values(input, false);
  double momentum = options.momentum().value_or(0);
  if (is_training() && num_batches_tracked.defined()) {
    // A write of one number that no graph sees.
    const int64_t batches = ++*num_batches_tracked.data_ptr<int64_t>();
    num_batches_tracked.impl().bump_version();
    if (!options.momentum()) momentum = 1.0 / static_cast<double>(batches);
  }
  const bool track = !is_training() || options.track_running_stats();
  return batch_norm(input, weight, bias, track ? running_mean : Tensor(),
                    track ? running_var : Tensor(), use_batch, momentum, options.eps(), false);
}

void BatchNorm1dImpl::pretty_print(std::ostream& stream) const { print(stream, "BatchNorm1d"); }

void BatchNorm1dImpl::check_input_dim(const Tensor& input) const {
  TAPER_CHECK_AS(ShapeError, input.dim() == 2 || input.dim() == 3,
                 "BatchNorm1d: expected 2D or 3D input (got ", input.dim(), "D input)");
}

void BatchNorm2dImpl::pretty_print(std::ostream& stream) const { print(stream, "BatchNorm2d"); }

void BatchNorm2dImpl::check_input_dim(const Tensor& input) const {
  TAPER_CHECK_AS(ShapeError, input.dim() == 4, "BatchNorm2d: expected 4D input (got ", input.dim(),
                 "D input)");
}

void BatchNorm3dImpl::pretty_print(std::ostream& stream) const { print(stream, "BatchNorm3d"); }

void BatchNorm3dImpl::check_input_dim(const Tensor& input) const {
  TAPER_CHECK_AS(ShapeError, input.dim() == 5, "BatchNorm3d: expected 5D input (got ", input.dim(),
                 "D input)");
}

InstanceNormImplBase::InstanceNormImplBase(const InstanceNormOptions& o)
    : BatchNormImplBase(BatchNormOptions(o.num_features())
                            .eps(o.eps())
                            .momentum(o.momentum())
                            .affine(o.affine())
                            .track_running_stats(o.track_running_stats())) {}

void InstanceNormImplBase::check_input_dim(const Tensor& input) const {
  const int64_t d = dimensions();
  TAPER_CHECK_AS(ShapeError, input.dim() == d + 1 || input.dim() == d + 2, "InstanceNorm", d,
                 "d: expected ", d + 1, "D or ", d + 2, "D input (got ", input.dim(), "D input)");
  const int64_t channels = input.size(-d - 1);
  TAPER_CHECK_AS(ShapeError, !options.affine() || channels == options.num_features(),
                 "InstanceNorm", d, "d: expected input's size at dim=", input.dim() - d - 1,
                 " to match num_features (", options.num_features(), "), but got: ", channels);
}

Tensor InstanceNormImplBase::forward(const Tensor& input) {
  check_input_dim(input);
  const bool batched = input.dim() == dimensions() + 2;
  const Tensor samples = batched ? input : input.unsqueeze(0);
  const bool use_input = is_training() || !options.track_running_stats();
  if (use_input) detail::check_several_values(samples, true);
  const Tensor result = instance_norm(samples, weight, bias, running_mean, running_var, use_input,
                                      options.momentum().value_or(0), options.eps(), false);
  return batched ? result : result.squeeze(0);
}

void InstanceNorm1dImpl::pretty_print(std::ostream& stream) const {
  print(stream, "InstanceNorm1d");
}
void InstanceNorm2dImpl::pretty_print(std::ostream& stream) const {
  print(stream, "InstanceNorm2d");
}
void InstanceNorm3dImpl::pretty_print(std::ostream& stream) const {
  print(stream, "InstanceNorm3d");
}

RMSNormImpl::RMSNormImpl(RMSNormOptions o) : options(std::move(o)) { RMSNormImpl::reset(); }

void RMSNormImpl::reset() {
  const bool affine = options.elementwise_affine();
  register_parameter("weight", &weight,
                     affine ? empty(IntArrayRef(options.normalized_shape())) : Tensor(), affine);
  reset_parameters();
}

void RMSNormImpl::reset_parameters() {
  if (options.elementwise_affine()) init::ones_(weight);
}

void RMSNormImpl::pretty_print(std::ostream& stream) const {
  std::string eps = "None";
  if (options.eps()) eps = str(*options.eps());
  stream << str("taper::nn::RMSNorm(", IntArrayRef(options.normalized_shape()), ", eps=", eps,
                ", elementwise_affine=", options.elementwise_affine(), ")");
}

Tensor RMSNormImpl::forward(const Tensor& input) {
  const IntArrayRef shape(options.normalized_shape());
  const size_t rank = static_cast<size_t>(input.dim());
  TAPER_CHECK_AS(
      ShapeError,
      !shape.empty() && rank >= shape.size() && input.sizes().slice(rank - shape.size()) == shape,
      "RMSNorm: Given normalized_shape=", shape, ", expected input with shape [*, ", shape,
      "], but got input of size ", input.sizes());
  DimVector dims;
  for (size_t i = shape.size(); i > 0; --i) dims.push_back(-static_cast<int64_t>(i));
  const double step = input.scalar_type() == kDouble ? std::numeric_limits<double>::epsilon()
                                                     : std::numeric_limits<float>::epsilon();
  const Tensor result =
      input.mul(input.square().mean(dims, true).add(options.eps().value_or(step)).rsqrt());
  return weight.defined() ? result.mul(weight) : result;
}

void LocalResponseNormImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::LocalResponseNorm(", options.size(), ", alpha=", options.alpha(),
                ", beta=", options.beta(), ", k=", options.k(), ")");
}
Tensor LocalResponseNormImpl::forward(const Tensor& input) {
  return functional::local_response_norm(input, options);
}

void CrossMapLRN2dImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::CrossMapLRN2d(", options.size(), ", alpha=", options.alpha(),
                ", beta=", options.beta(), ", k=", options.k(), ")");
}
Tensor CrossMapLRN2dImpl::forward(const Tensor& input) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 4, "CrossMapLRN2d: Expected input to be 4D, got ",
                 input.dim(), "D input instead");
  TAPER_CHECK_AS(ConfigError, options.size() > 0, "CrossMapLRN2d: size must be positive, got ",
                 options.size());
  const int64_t window = (options.size() - 1) / 2 * 2 + 1;
  const double share = static_cast<double>(window) / static_cast<double>(options.size());
  CrossMapLRN2dOptions odd = options;
  return functional::local_response_norm(input, odd.size(window).alpha(options.alpha() * share));
}

LayerNormImpl::LayerNormImpl(LayerNormOptions o) : options(std::move(o)) { LayerNormImpl::reset(); }

void LayerNormImpl::reset() {
  const bool affine = options.elementwise_affine();
  const IntArrayRef shape(options.normalized_shape());
  register_parameter("weight", &weight, affine ? empty(shape) : Tensor(), affine);
  register_parameter("bias", &bias, affine ? empty(shape) : Tensor(), affine);
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
  register_parameter("weight", &weight, affine ? empty({n}) : Tensor(), affine);
  register_parameter("bias", &bias, affine ? empty({n}) : Tensor(), affine);
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
template class Cloneable<BatchNorm3dImpl>;
template class Cloneable<InstanceNorm1dImpl>;
template class Cloneable<InstanceNorm2dImpl>;
template class Cloneable<InstanceNorm3dImpl>;
template class Cloneable<RMSNormImpl>;
template class Cloneable<LocalResponseNormImpl>;
template class Cloneable<CrossMapLRN2dImpl>;

}  // namespace taper::nn
