#include "taper/nn/fusion.h"

#include "taper/autograd/grad_mode.h"
#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/view.h"

namespace taper::nn::utils {
namespace {

struct Statistics {
  const Tensor &mean, &var, &weight, &bias;
  double eps;
};

void check_vector(const char* op, const char* name, const Tensor& vector, int64_t channels,
                  bool one_counts) {
  const bool fits =
      vector.dim() == 1 && (vector.numel() == channels || (one_counts && vector.numel() == 1));
  TAPER_CHECK_AS(ShapeError, fits, op, ": expected ", name, " of ", channels,
                 " elements, one for each output channel, got sizes ", vector.sizes());
}

/// The output channels are dimension `channel_dim` of the weight.
std::tuple<Tensor, Tensor> fuse(const char* op, const Tensor& weight, const Tensor& bias,
                                const Statistics& bn, int64_t channel_dim, bool one_counts) {
  TAPER_CHECK_AS(ShapeError, weight.defined() && weight.dim() >= 2, op,
                 ": expected a weight of at least 2 dimensions, got ",
                 weight.defined() ? str("sizes ", weight.sizes()) : "an undefined tensor");
  TAPER_CHECK(bn.mean.defined() && bn.var.defined(), op,
              ": expected running statistics, got an undefined running_mean or running_var");
  const int64_t channels = weight.size(channel_dim);
  check_vector(op, "running_mean", bn.mean, channels, one_counts);
  check_vector(op, "running_var", bn.var, channels, one_counts);
  if (bias.defined()) check_vector(op, "bias", bias, channels, false);
  if (bn.weight.defined()) check_vector(op, "bn_weight", bn.weight, channels, one_counts);
  if (bn.bias.defined()) check_vector(op, "bn_bias", bn.bias, channels, one_counts);

  NoGradGuard no_grad;
  Tensor scale = bn.var.add(bn.eps).rsqrt();
  if (bn.weight.defined()) scale = scale.mul(bn.weight);
  DimVector along(static_cast<size_t>(weight.dim()), 1);
  along[static_cast<size_t>(channel_dim)] = scale.numel();
  const Tensor fused = weight.mul(scale.view(along)).to(weight.scalar_type());
  Tensor shift = (bias.defined() ? bias : zeros({channels}, bn.mean.scalar_type())).sub(bn.mean);
  shift = shift.mul(scale);
  if (bn.bias.defined()) shift = shift.add(bn.bias);
  shift = shift.to((bias.defined() ? bias : weight).scalar_type());
  return {fused.set_requires_grad(weight.requires_grad()),
          shift.set_requires_grad(bias.defined() && bias.requires_grad())};
}

/// A layer like this one but with a bias, whose tensors are fused with the normalisation's.
template <class Layer>
Layer fused_layer(const char* op, const Layer& layer, const BatchNormImplBase& bn,
                  int64_t channel_dim, bool one_counts = false) {
  TAPER_CHECK_AS(
      ConfigError, !layer->is_training() && !bn.is_training(), op, ": Fusion only for eval! Got ",
      layer->is_training() ? "the layer" : "the BatchNorm", " in training mode; call eval() first");
  TAPER_CHECK_AS(
      ConfigError, bn.running_mean.defined() && bn.running_var.defined(), op,
      ": the BatchNorm has no running statistics, without which it has no fixed factors");
  TAPER_CHECK_AS(ConfigError, layer->named_parameters(false).contains("weight"), op,
                 ": the layer's weight is no parameter; remove its parametrization first");
  auto [weight, bias] =
      fuse(op, layer->weight, layer->bias,
           {bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.options.eps()}, channel_dim,
           one_counts);
  auto options = layer->options;
  const init::detail::SkipInit skip;
  Layer result(options.bias(true));
  result->eval();
  const auto give = [](const Tensor& parameter, const Tensor& value) {
    parameter.set_data(value.detach());
    parameter.set_requires_grad(value.requires_grad());
  };
  give(result->weight, weight);
  give(result->bias, bias);
  return result;
}

}  // namespace

std::tuple<Tensor, Tensor> fuse_conv_bn_weights(const Tensor& conv_weight, const Tensor& conv_bias,
                                                const Tensor& running_mean,
                                                const Tensor& running_var, double eps,
                                                const Tensor& bn_weight, const Tensor& bn_bias,
                                                bool transpose) {
  return fuse("fuse_conv_bn_weights", conv_weight, conv_bias,
              {running_mean, running_var, bn_weight, bn_bias, eps}, transpose ? 1 : 0, false);
}

std::tuple<Tensor, Tensor> fuse_linear_bn_weights(const Tensor& linear_weight,
                                                  const Tensor& linear_bias,
                                                  const Tensor& running_mean,
                                                  const Tensor& running_var, double eps,
                                                  const Tensor& bn_weight, const Tensor& bn_bias) {
  return fuse("fuse_linear_bn_weights", linear_weight, linear_bias,
              {running_mean, running_var, bn_weight, bn_bias, eps}, 0, true);
}

#define TAPER_FUSE_CONV(D)                                                          \
  Conv##D##d fuse_conv_bn_eval(const Conv##D##d& conv, const BatchNorm##D##d& bn) { \
    return fused_layer("fuse_conv_bn_eval", conv, *bn, 0);                          \
  }                                                                                 \
  ConvTranspose##D##d fuse_conv_bn_eval(const ConvTranspose##D##d& conv,            \
                                        const BatchNorm##D##d& bn) {                \
    return fused_layer("fuse_conv_bn_eval", conv, *bn, 1);                          \
  }
TAPER_FUSE_CONV(1)
TAPER_FUSE_CONV(2)
TAPER_FUSE_CONV(3)
#undef TAPER_FUSE_CONV

Linear fuse_linear_bn_eval(const Linear& linear, const BatchNorm1d& bn) {
  return fused_layer("fuse_linear_bn_eval", linear, *bn, 0, true);
}

}  // namespace taper::nn::utils
