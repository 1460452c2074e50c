#pragma once

#include <optional>
#include <string>

#include "taper/base/arg.h"
#include "taper/nn/plain_layer.h"

namespace taper TAPER_API {
namespace nn {

struct ReLUOptions {
  ReLUOptions(bool inplace = false) : inplace_(inplace) {}
  TAPER_ARG(bool, inplace) = false;
};
struct ReLU6Options {
  ReLU6Options(bool inplace = false) : inplace_(inplace) {}
  TAPER_ARG(bool, inplace) = false;
};
struct SiLUOptions {
  SiLUOptions(bool inplace = false) : inplace_(inplace) {}
  TAPER_ARG(bool, inplace) = false;
};
struct LeakyReLUOptions {
  TAPER_ARG(double, negative_slope) = 1e-2;
  TAPER_ARG(bool, inplace) = false;
};
struct ELUOptions {
  TAPER_ARG(double, alpha) = 1.0;
  TAPER_ARG(bool, inplace) = false;
};
struct GELUOptions {
  /// "none" for the error function, "tanh" for the approximation.
  TAPER_ARG(std::string, approximate) = "none";
};
struct HardtanhOptions {
  TAPER_ARG(double, min_val) = -1.0;
  TAPER_ARG(double, max_val) = 1.0;
  TAPER_ARG(bool, inplace) = false;
};
struct SoftplusOptions {
  TAPER_ARG(double, beta) = 1.0;
  TAPER_ARG(double, threshold) = 20.0;
};
struct SoftmaxOptions {
  SoftmaxOptions(int64_t dim) : dim_(dim) {}
  TAPER_ARG(int64_t, dim);
};
struct LogSoftmaxOptions {
  LogSoftmaxOptions(int64_t dim) : dim_(dim) {}
  TAPER_ARG(int64_t, dim);
};
struct CELUOptions {
  TAPER_ARG(double, alpha) = 1.0;
  TAPER_ARG(bool, inplace) = false;
};
struct GLUOptions {
  GLUOptions(int64_t dim = -1) : dim_(dim) {}
  TAPER_ARG(int64_t, dim) = -1;
};
struct HardshrinkOptions {
  HardshrinkOptions(double lambda = 0.5) : lambda_(lambda) {}
  TAPER_ARG(double, lambda) = 0.5;
};
struct PReLUOptions {
  TAPER_ARG(int64_t, num_parameters) = 1;
  TAPER_ARG(double, init) = 0.25;
};
struct RReLUOptions {
  TAPER_ARG(double, lower) = 1.0 / 8.0;
  TAPER_ARG(double, upper) = 1.0 / 3.0;
  TAPER_ARG(bool, inplace) = false;
};
struct ThresholdOptions {
  ThresholdOptions(double threshold, double value) : threshold_(threshold), value_(value) {}
  TAPER_ARG(double, threshold);
  TAPER_ARG(double, value);
  TAPER_ARG(bool, inplace) = false;
};
using SELUOptions = ReLUOptions;
using MishOptions = ReLUOptions;
using HardsigmoidOptions = ReLUOptions;
using HardswishOptions = ReLUOptions;
using SoftshrinkOptions = HardshrinkOptions;
using SoftminOptions = SoftmaxOptions;

/// max(x, 0).
TAPER_UNARY_LAYER(ReLU, ReLUOptions);

/// min(max(x, 0), 6).
TAPER_UNARY_LAYER(ReLU6, ReLU6Options);

/// x where positive, else negative_slope * x.
TAPER_UNARY_LAYER(LeakyReLU, LeakyReLUOptions);

/// x where positive, else alpha * (exp(x) - 1).
TAPER_UNARY_LAYER(ELU, ELUOptions);

/// x * Phi(x), the normal distribution function, or its tanh approximation.
TAPER_UNARY_LAYER(GELU, GELUOptions);

/// x * sigmoid(x).
TAPER_UNARY_LAYER(SiLU, SiLUOptions);

TAPER_UNARY_LAYER(Tanh, NoOptions);

/// 1 / (1 + exp(-x)).
TAPER_UNARY_LAYER(Sigmoid, NoOptions);

/// x clamped to [min_val, max_val].
class HardtanhImpl : public Cloneable<HardtanhImpl> {
 public:
  HardtanhImpl(double min_val, double max_val)
      : HardtanhImpl(HardtanhOptions().min_val(min_val).max_val(max_val)) {}
  /// Throws unless min_val < max_val.
  explicit HardtanhImpl(const HardtanhOptions& options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  HardtanhOptions options;
};
TAPER_LAYER(Hardtanh);

/// log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold.
TAPER_UNARY_LAYER(Softplus, SoftplusOptions);

/// exp(x) / sum(exp(x)) along dim.
TAPER_UNARY_LAYER(Softmax, SoftmaxOptions);

/// log(softmax(x)) along dim.
TAPER_UNARY_LAYER(LogSoftmax, LogSoftmaxOptions);

/// max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0).
TAPER_UNARY_LAYER(CELU, CELUOptions);
/// ELU with the scales of self-normalizing networks (Klambauer et al., 2017).
TAPER_UNARY_LAYER(SELU, SELUOptions);
/// x * tanh(softplus(x)).
TAPER_UNARY_LAYER(Mish, MishOptions);
/// a * sigmoid(b), the halves of the input along dim.
TAPER_UNARY_LAYER(GLU, GLUOptions);
/// x where |x| > lambda, else 0.
TAPER_UNARY_LAYER(Hardshrink, HardshrinkOptions);
/// x moved towards 0 by lambda, at most to 0.
TAPER_UNARY_LAYER(Softshrink, SoftshrinkOptions);
/// x - tanh(x).
TAPER_UNARY_LAYER(Tanhshrink, NoOptions);
/// x / (1 + |x|).
TAPER_UNARY_LAYER(Softsign, NoOptions);
/// log(sigmoid(x)).
TAPER_UNARY_LAYER(LogSigmoid, NoOptions);
/// min(max(x + 3, 0), 6) / 6.
TAPER_UNARY_LAYER(Hardsigmoid, HardsigmoidOptions);
/// x * hardsigmoid(x).
TAPER_UNARY_LAYER(Hardswish, HardswishOptions);
/// x where x > threshold, else value.
TAPER_UNARY_LAYER(Threshold, ThresholdOptions);
/// exp(-x) / sum(exp(-x)) along dim.
TAPER_UNARY_LAYER(Softmin, SoftminOptions);
/// Softmax over the channels of [N, C, H, W] or [C, H, W].
TAPER_UNARY_LAYER(Softmax2d, NoOptions);
/// LeakyReLU whose slope is uniform in [lower, upper] for each element in training, else its mean.
TAPER_UNARY_LAYER(RReLU, RReLUOptions);

/// LeakyReLU whose slopes, one or one per channel, are the parameter weight.
class PReLUImpl : public Cloneable<PReLUImpl> {
 public:
  explicit PReLUImpl(const PReLUOptions& options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  PReLUOptions options;
  Tensor weight;
};
TAPER_LAYER(PReLU);

}  // namespace nn
}  // namespace taper
