#include "taper/nn/dropout.h"

#include <cmath>
#include <ostream>

#include "taper/ops/creation.h"
#include "taper/ops/dropout.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/variants.h"
#include "taper/ops/view.h"

namespace taper::nn {
namespace {

Tensor element_dropout(const Tensor& x, double p, bool inplace) {
  Tensor result = x;
  return inplace ? dropout_(result, p, true) : dropout(x, p, true);
}

Tensor channel_dropout(const Tensor& x, double p, bool inplace) {
  Tensor result = x;
  return inplace ? feature_dropout_(result, p, true) : feature_dropout(x, p, true);
}

/// Channel dropout of batches of this rank, and of samples without a batch.
template <int64_t kLow, int64_t kHigh>
Tensor batched_dropout(const Tensor& x, double p, bool inplace) {
  TAPER_CHECK_AS(ShapeError, x.dim() == kLow || x.dim() == kHigh, "Dropout", kHigh - 2,
                 "d: Expected ", kLow, "D or ", kHigh, "D input, but received a ", x.dim(),
                 "D input");
  if (x.dim() == kHigh) return channel_dropout(x, p, inplace);
  return channel_dropout(x.unsqueeze(0), p, inplace).squeeze(0);
}

Tensor self_dropout(const Tensor& x, double p, bool inplace) {
  Tensor result = x;
  return inplace ? alpha_dropout_(result, p, true) : alpha_dropout(x, p, true);
}

/// Dropped channels get SELU's limit -alpha, and a * x + b restores mean 0 and variance 1.
Tensor channel_self_dropout(const Tensor& x, double p, bool inplace) {
  constexpr double kAlpha = 1.7580993408473766;
  TAPER_CHECK_AS(ShapeError, x.dim() >= 2,
                 "FeatureAlphaDropout: Feature dropout requires at least 2 dimensions in the "
                 "input, got ",
                 x.sizes());
  if (p == 0 || x.numel() == 0) return x;
  if (p == 1) return inplace ? x.mul_(0) : x.mul(0);
  DimVector sizes(x.dim(), 1);
  sizes[0] = x.size(0);
  sizes[1] = x.size(1);
  Tensor kept = empty(sizes, x.options());
  bernoulli_(kept, 1 - p);
  const double a = 1 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  const Tensor shift = kept.sub(1).mul(kAlpha * a).add(kAlpha * a * p);
  kept.mul_(a);
  return inplace ? x.mul_(kept).add_(shift) : x.mul(kept).add(shift);
}

}  // namespace

template <class Derived>
DropoutImplBase<Derived>::DropoutImplBase(const DropoutOptions& o) : options(o) {
  DropoutImplBase::reset();
}

template <class Derived>
void DropoutImplBase<Derived>::reset() {
  TAPER_CHECK_AS(ConfigError, options.p() >= 0 && options.p() <= 1,
                 "dropout probability has to be between 0 and 1, but got ", options.p());
}

#define TAPER_DROPOUT_LAYER(Name, function)                                                      \
  void Name##Impl::pretty_print(std::ostream& stream) const {                                    \
    stream << str("taper::nn::" #Name "(p=", options.p(), ", inplace=", options.inplace(), ")"); \
  }                                                                                              \
  Tensor Name##Impl::forward(const Tensor& input) {                                              \
    return is_training() ? (function)(input, options.p(), options.inplace()) : input;            \
  }                                                                                              \
  template class DropoutImplBase<Name##Impl>;                                                    \
  template class Cloneable<Name##Impl>
TAPER_DROPOUT_LAYER(Dropout, element_dropout);
TAPER_DROPOUT_LAYER(Dropout1d, (batched_dropout<2, 3>));
TAPER_DROPOUT_LAYER(Dropout2d, channel_dropout);
TAPER_DROPOUT_LAYER(Dropout3d, (batched_dropout<4, 5>));
TAPER_DROPOUT_LAYER(AlphaDropout, self_dropout);
TAPER_DROPOUT_LAYER(FeatureAlphaDropout, channel_self_dropout);

}  // namespace taper::nn
