#pragma once

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {

/// Returns its input.
class IdentityImpl : public Cloneable<IdentityImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input) { return input; }
};
TAPER_LAYER(Identity);

struct LinearOptions {
  LinearOptions(int64_t in_features, int64_t out_features)
      : in_features_(in_features), out_features_(out_features) {}
  TAPER_ARG(int64_t, in_features);
  TAPER_ARG(int64_t, out_features);
  TAPER_ARG(bool, bias) = true;
};

/// y = x W^T + b on the last dimension; weight [out, in] and bias [out] start uniform in
/// +-1/sqrt(in).
class LinearImpl : public Cloneable<LinearImpl> {
 public:
  LinearImpl(int64_t in_features, int64_t out_features)
      : LinearImpl(LinearOptions(in_features, out_features)) {}
  explicit LinearImpl(const LinearOptions& options);
  /// Registers nothing yet.
  LinearImpl(const LinearOptions& options, detail::NoReset) : options(options) {}
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  LinearOptions options;
  Tensor weight;
  Tensor bias;
};
TAPER_LAYER(Linear);

struct BilinearOptions {
  BilinearOptions(int64_t in1_features, int64_t in2_features, int64_t out_features)
      : in1_features_(in1_features), in2_features_(in2_features), out_features_(out_features) {}
  TAPER_ARG(int64_t, in1_features);
  TAPER_ARG(int64_t, in2_features);
  TAPER_ARG(int64_t, out_features);
  TAPER_ARG(bool, bias) = true;
};

/// y = x1^T W x2 + b on the last dimensions; weight [out, in1, in2] and bias [out] start uniform in
/// +-1/sqrt(in1).
class BilinearImpl : public Cloneable<BilinearImpl> {
 public:
  BilinearImpl(int64_t in1_features, int64_t in2_features, int64_t out_features)
      : BilinearImpl(BilinearOptions(in1_features, in2_features, out_features)) {}
  explicit BilinearImpl(const BilinearOptions& options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input1, const Tensor& input2);

  BilinearOptions options;
  Tensor weight;
  Tensor bias;
};
TAPER_LAYER(Bilinear);

struct FlattenOptions {
  TAPER_ARG(int64_t, start_dim) = 1;
  TAPER_ARG(int64_t, end_dim) = -1;
};

/// Merges the dimensions start_dim to end_dim into one.
class FlattenImpl : public Cloneable<FlattenImpl> {
 public:
  explicit FlattenImpl(const FlattenOptions& options = {}) : options(options) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  FlattenOptions options;
};
TAPER_LAYER(Flatten);

struct UnflattenOptions {
  UnflattenOptions(int64_t dim, std::vector<int64_t> sizes) : dim_(dim), sizes_(std::move(sizes)) {}
  TAPER_ARG(int64_t, dim);
  TAPER_ARG(std::vector<int64_t>, sizes);
};

/// Splits a dimension into sizes, one of which may be -1.
class UnflattenImpl : public Cloneable<UnflattenImpl> {
 public:
  UnflattenImpl(int64_t dim, std::vector<int64_t> sizes)
      : UnflattenImpl(UnflattenOptions(dim, std::move(sizes))) {}
  explicit UnflattenImpl(UnflattenOptions options) : options(std::move(options)) {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  UnflattenOptions options;
};
TAPER_LAYER(Unflatten);

}  // namespace nn
}  // namespace taper
