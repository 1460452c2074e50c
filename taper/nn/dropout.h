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

/// Zeroes each element with probability p and scales the others by 1 / (1 - p), in training only.
class DropoutImpl : public Cloneable<DropoutImpl> {
 public:
  DropoutImpl(double p) : DropoutImpl(DropoutOptions(p)) {}
  /// Throws unless p lies in [0, 1].
  explicit DropoutImpl(const DropoutOptions& options = {});
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  DropoutOptions options;
};
TAPER_LAYER(Dropout);

}  // namespace nn
}  // namespace taper
