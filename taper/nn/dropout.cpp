#include "taper/nn/dropout.h"

#include <ostream>

#include "taper/ops/dropout.h"
#include "taper/ops/variants.h"

namespace taper::nn {

DropoutImpl::DropoutImpl(const DropoutOptions& options) : options(options) { DropoutImpl::reset(); }

void DropoutImpl::reset() {
  TAPER_CHECK_AS(ConfigError, options.p() >= 0 && options.p() <= 1,
                 "dropout probability has to be between 0 and 1, but got ", options.p());
}

void DropoutImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Dropout(p=", options.p(), ", inplace=", options.inplace(), ")");
}

Tensor DropoutImpl::forward(const Tensor& input) {
  if (!is_training()) return input;
  if (options.inplace()) {
    Tensor result = input;
    return dropout_(result, options.p(), true);
  }
  return dropout(input, options.p(), true);
}

template class Cloneable<DropoutImpl>;

}  // namespace taper::nn
