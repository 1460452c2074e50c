#pragma once

#include <optional>
#include <string>

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/module_holder.h"

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

/// max(x, 0).
class ReLUImpl : public Cloneable<ReLUImpl> {
 public:
  explicit ReLUImpl(const ReLUOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  ReLUOptions options;
};
TAPER_LAYER(ReLU);

/// min(max(x, 0), 6).
class ReLU6Impl : public Cloneable<ReLU6Impl> {
 public:
  explicit ReLU6Impl(const ReLU6Options& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  ReLU6Options options;
};
TAPER_LAYER(ReLU6);

/// x where positive, else negative_slope * x.
class LeakyReLUImpl : public Cloneable<LeakyReLUImpl> {
 public:
  explicit LeakyReLUImpl(const LeakyReLUOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  LeakyReLUOptions options;
};
TAPER_LAYER(LeakyReLU);

/// x where positive, else alpha * (exp(x) - 1).
class ELUImpl : public Cloneable<ELUImpl> {
 public:
  explicit ELUImpl(const ELUOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  ELUOptions options;
};
TAPER_LAYER(ELU);

/// x * Phi(x), the normal distribution function, or its tanh approximation.
class GELUImpl : public Cloneable<GELUImpl> {
 public:
  explicit GELUImpl(GELUOptions options = {}) : options(std::move(options)) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  GELUOptions options;
};
TAPER_LAYER(GELU);

/// x * sigmoid(x).
class SiLUImpl : public Cloneable<SiLUImpl> {
 public:
  explicit SiLUImpl(const SiLUOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  SiLUOptions options;
};
TAPER_LAYER(SiLU);

class TanhImpl : public Cloneable<TanhImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);
};
TAPER_LAYER(Tanh);

/// 1 / (1 + exp(-x)).
class SigmoidImpl : public Cloneable<SigmoidImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);
};
TAPER_LAYER(Sigmoid);

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
class SoftplusImpl : public Cloneable<SoftplusImpl> {
 public:
  explicit SoftplusImpl(const SoftplusOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  SoftplusOptions options;
};
TAPER_LAYER(Softplus);

/// exp(x) / sum(exp(x)) along dim.
class SoftmaxImpl : public Cloneable<SoftmaxImpl> {
 public:
  explicit SoftmaxImpl(int64_t dim) : SoftmaxImpl(SoftmaxOptions(dim)) {}
  SoftmaxImpl(const SoftmaxOptions& options) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  SoftmaxOptions options;
};
TAPER_LAYER(Softmax);

/// log(softmax(x)) along dim.
class LogSoftmaxImpl : public Cloneable<LogSoftmaxImpl> {
 public:
  explicit LogSoftmaxImpl(int64_t dim) : LogSoftmaxImpl(LogSoftmaxOptions(dim)) {}
  LogSoftmaxImpl(const LogSoftmaxOptions& options) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  LogSoftmaxOptions options;
};
TAPER_LAYER(LogSoftmax);

}  // namespace nn
}  // namespace taper
