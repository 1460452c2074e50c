#pragma once

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {

struct DropoutOptions {
  DropoutOptions(double p = 0.5) : p_(p) {}
  TAPER_ARG(double, p) = 0.5;
  TAPER_ARG(bool, inplace) = false;
};

using Dropout1dOptions = DropoutOptions;
using Dropout2dOptions = DropoutOptions;
using Dropout3dOptions = DropoutOptions;
using AlphaDropoutOptions = DropoutOptions;
using FeatureAlphaDropoutOptions = DropoutOptions;

/// What all kinds of dropout share: in evaluation they return their input.
template <class Derived>
class DropoutImplBase : public Cloneable<Derived> {
 public:
  DropoutImplBase(double p) : DropoutImplBase(DropoutOptions(p)) {}
  /// Throws unless p lies in [0, 1].
  explicit DropoutImplBase(const DropoutOptions& options = {});
  void reset() override;

  DropoutOptions options;
};

#define TAPER_DROPOUT_LAYER(Name)                           \
  class Name##Impl : public DropoutImplBase<Name##Impl> {   \
   public:                                                  \
    using DropoutImplBase::DropoutImplBase;                 \
    void pretty_print(std::ostream& stream) const override; \
    Tensor forward(const Tensor& input);                    \
  };                                                        \
  extern template class DropoutImplBase<Name##Impl>;        \
  TAPER_LAYER(Name)
/// Zeroes each element with probability p and scales the others by 1 / (1 - p), in training only.
TAPER_DROPOUT_LAYER(Dropout);
/// Zeroes whole channels of [N, C] or [N, C, L] ([C, L] without a batch).
TAPER_DROPOUT_LAYER(Dropout1d);
/// Zeroes whole channels of [N, C, H, W].
TAPER_DROPOUT_LAYER(Dropout2d);
/// Zeroes whole channels of [N, C, D, H, W] ([C, D, H, W] without a batch).
TAPER_DROPOUT_LAYER(Dropout3d);
/// Keeps mean and variance of what SELU makes (Klambauer et al., 2017).
TAPER_DROPOUT_LAYER(AlphaDropout);
/// AlphaDropout of whole channels.
TAPER_DROPOUT_LAYER(FeatureAlphaDropout);
#undef TAPER_DROPOUT_LAYER

}  // namespace nn
}  // namespace taper
