#include "taper/nn/linear.h"

#include <cmath>
#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/contraction.h"
#include "taper/ops/creation.h"
#include "taper/ops/matmul.h"
#include "taper/ops/view.h"

namespace taper::nn {

void IdentityImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::Identity()"; }

LinearImpl::LinearImpl(const LinearOptions& options) : options(options) { LinearImpl::reset(); }

void LinearImpl::reset() {
  register_parameter("weight", &weight, empty({options.out_features(), options.in_features()}));
  register_parameter("bias", &bias, options.bias() ? empty({options.out_features()}) : Tensor(),
                     options.bias());
  reset_parameters();
}

void LinearImpl::reset_parameters() {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const int64_t fan_in = init::_calculate_fan_in_and_fan_out(weight).first;
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  init::uniform_(bias, -bound, bound);
}

void LinearImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Linear(in_features=", options.in_features(),
                ", out_features=", options.out_features(), ", bias=", options.bias(), ")");
}

Tensor LinearImpl::forward(const Tensor& input) { return linear(input, weight, bias); }

BilinearImpl::BilinearImpl(const BilinearOptions& options) : options(options) {
  BilinearImpl::reset();
}

void BilinearImpl::reset() {
  const int64_t in1 = options.in1_features(), out = options.out_features();
  TAPER_CHECK_AS(ConfigError, in1 > 0, "Bilinear: in1_features must be > 0, but got ", in1);
  register_parameter("weight", &weight, empty({out, in1, options.in2_features()}));
  register_parameter("bias", &bias, options.bias() ? empty({out}) : Tensor(), options.bias());
  reset_parameters();
}

void BilinearImpl::reset_parameters() {
  const double bound = 1 / std::sqrt(static_cast<double>(options.in1_features()));
  init::uniform_(weight, -bound, bound);
  if (bias.defined()) init::uniform_(bias, -bound, bound);
}

void BilinearImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Bilinear(in1_features=", options.in1_features(),
                ", in2_features=", options.in2_features(),
                ", out_features=", options.out_features(), ", bias=", options.bias(), ")");
}

Tensor BilinearImpl::forward(const Tensor& input1, const Tensor& input2) {
  return bilinear(input1, input2, weight, bias);
}

void FlattenImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Flatten(start_dim=", options.start_dim(),
                ", end_dim=", options.end_dim(), ")");
}

Tensor FlattenImpl::forward(const Tensor& input) {
  return input.flatten(options.start_dim(), options.end_dim());
}

void UnflattenImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Unflatten(dim=", options.dim(),
                ", unflattened_size=", IntArrayRef(options.sizes()), ")");
}

Tensor UnflattenImpl::forward(const Tensor& input) {
  return input.unflatten(options.dim(), options.sizes());
}

template class Cloneable<IdentityImpl>;
template class Cloneable<LinearImpl>;
template class Cloneable<FlattenImpl>;
template class Cloneable<UnflattenImpl>;
template class Cloneable<BilinearImpl>;

}  // namespace taper::nn
