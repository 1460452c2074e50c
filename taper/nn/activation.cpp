#include "taper/nn/activation.h"

#include <ostream>

#include "taper/nn/functional.h"
#include "taper/nn/functional_loss.h"
#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/variants.h"

namespace taper::nn {
namespace F = functional;

namespace {

const char* inplace_text(bool inplace) { return inplace ? "inplace=true" : ""; }
const char* more_inplace_text(bool inplace) { return inplace ? ", inplace=true" : ""; }

}  // namespace

void ReLUImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::ReLU(" << inplace_text(options.inplace()) << ')';
}
Tensor ReLUImpl::forward(const Tensor& input) { return F::relu(input, options); }

void ReLU6Impl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::ReLU6(" << inplace_text(options.inplace()) << ')';
}
Tensor ReLU6Impl::forward(const Tensor& input) { return F::relu6(input, options); }

void LeakyReLUImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::LeakyReLU(negative_slope=", options.negative_slope(),
                more_inplace_text(options.inplace()), ")");
}
Tensor LeakyReLUImpl::forward(const Tensor& input) { return F::leaky_relu(input, options); }

void ELUImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::ELU(alpha=", options.alpha(), more_inplace_text(options.inplace()),
                ")");
}
Tensor ELUImpl::forward(const Tensor& input) { return F::elu(input, options); }

void GELUImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::GELU(approximate='", options.approximate(), "')");
}
Tensor GELUImpl::forward(const Tensor& input) { return F::gelu(input, options); }

void SiLUImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::SiLU(" << inplace_text(options.inplace()) << ')';
}
Tensor SiLUImpl::forward(const Tensor& input) { return F::silu(input, options); }

void TanhImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::Tanh()"; }
Tensor TanhImpl::forward(const Tensor& input) { return input.tanh(); }

void SigmoidImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::Sigmoid()"; }
Tensor SigmoidImpl::forward(const Tensor& input) { return input.sigmoid(); }

HardtanhImpl::HardtanhImpl(const HardtanhOptions& options) : options(options) {
  HardtanhImpl::reset();
}
void HardtanhImpl::reset() {
  TAPER_CHECK_AS(ConfigError, options.min_val() < options.max_val(),
                 "Hardtanh: max_val must be greater than min_val, got ", options.min_val(), " and ",
                 options.max_val());
}
void HardtanhImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Hardtanh(min_val=", options.min_val(), ", max_val=", options.max_val(),
                more_inplace_text(options.inplace()), ")");
}
Tensor HardtanhImpl::forward(const Tensor& input) { return F::hardtanh(input, options); }

void SoftplusImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Softplus(beta=", options.beta(), ", threshold=", options.threshold(),
                ")");
}
Tensor SoftplusImpl::forward(const Tensor& input) { return F::softplus(input, options); }

void SoftmaxImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Softmax(dim=", options.dim(), ")");
}
Tensor SoftmaxImpl::forward(const Tensor& input) { return F::softmax(input, options.dim()); }

void LogSoftmaxImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::LogSoftmax(dim=", options.dim(), ")");
}
Tensor LogSoftmaxImpl::forward(const Tensor& input) { return F::log_softmax(input, options.dim()); }

void CELUImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::CELU(alpha=", options.alpha(), more_inplace_text(options.inplace()),
                ")");
}
Tensor CELUImpl::forward(const Tensor& input) {
  Tensor self = input;
  return options.inplace() ? celu_(self, options.alpha()) : celu(input, options.alpha());
}

#define TAPER_INPLACE_LAYER(Name, op, text)                   \
  void Name##Impl::pretty_print(std::ostream& stream) const { \
    stream << "taper::nn::" #Name "(" << text << ')';         \
  }                                                           \
  Tensor Name##Impl::forward(const Tensor& input) {           \
    Tensor self = input;                                      \
    return options.inplace() ? op##_(self) : op(input);       \
  }                                                           \
  template class Cloneable<Name##Impl>
TAPER_INPLACE_LAYER(SELU, selu, inplace_text(options.inplace()));
TAPER_INPLACE_LAYER(Mish, mish, inplace_text(options.inplace()));
TAPER_INPLACE_LAYER(Hardsigmoid, hardsigmoid, "");
TAPER_INPLACE_LAYER(Hardswish, hardswish, "");

void GLUImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::GLU(dim=", options.dim(), ")");
}
Tensor GLUImpl::forward(const Tensor& input) { return glu(input, options.dim()); }

void HardshrinkImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Hardshrink(", options.lambda(), ")");
}
Tensor HardshrinkImpl::forward(const Tensor& input) { return hardshrink(input, options.lambda()); }

void SoftshrinkImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Softshrink(", options.lambda(), ")");
}
Tensor SoftshrinkImpl::forward(const Tensor& input) { return softshrink(input, options.lambda()); }

void TanhshrinkImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::Tanhshrink()";
}
Tensor TanhshrinkImpl::forward(const Tensor& input) { return F::tanhshrink(input); }

void SoftsignImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::Softsign()"; }
Tensor SoftsignImpl::forward(const Tensor& input) { return F::softsign(input); }

void LogSigmoidImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::LogSigmoid()";
}
Tensor LogSigmoidImpl::forward(const Tensor& input) { return log_sigmoid(input); }

void ThresholdImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Threshold(threshold=", options.threshold(), ", value=", options.value(),
                more_inplace_text(options.inplace()), ")");
}
Tensor ThresholdImpl::forward(const Tensor& input) {
  Tensor self = input;
  return options.inplace() ? threshold_(self, options.threshold(), options.value())
                           : threshold(input, options.threshold(), options.value());
}

void SoftminImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::Softmin(dim=", options.dim(), ")");
}
Tensor SoftminImpl::forward(const Tensor& input) { return F::softmax(input.neg(), options.dim()); }

void Softmax2dImpl::pretty_print(std::ostream& stream) const { stream << "taper::nn::Softmax2d()"; }
Tensor Softmax2dImpl::forward(const Tensor& input) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 3 || input.dim() == 4,
                 "Softmax2d: requires a 3D or 4D tensor as input, got ", input.sizes());
  return F::softmax(input, -3);
}

void RReLUImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::RReLU(lower=", options.lower(), ", upper=", options.upper(),
                more_inplace_text(options.inplace()), ")");
}
Tensor RReLUImpl::forward(const Tensor& input) {
  Tensor self = input;
  return options.inplace() ? rrelu_(self, options.lower(), options.upper(), is_training())
                           : rrelu(input, options.lower(), options.upper(), is_training());
}

PReLUImpl::PReLUImpl(const PReLUOptions& options) : options(options) { PReLUImpl::reset(); }
void PReLUImpl::reset() {
  TAPER_CHECK_AS(ConfigError, options.num_parameters() > 0,
                 "PReLU: num_parameters must be positive, got ", options.num_parameters());
  register_parameter("weight", &weight, empty({options.num_parameters()}));
  init::constant_(weight, options.init());
}
void PReLUImpl::pretty_print(std::ostream& stream) const {
  stream << str("taper::nn::PReLU(num_parameters=", options.num_parameters(), ")");
}
Tensor PReLUImpl::forward(const Tensor& input) { return prelu(input, weight); }

template class Cloneable<ReLUImpl>;
template class Cloneable<ReLU6Impl>;
template class Cloneable<LeakyReLUImpl>;
template class Cloneable<ELUImpl>;
template class Cloneable<GELUImpl>;
template class Cloneable<SiLUImpl>;
template class Cloneable<TanhImpl>;
template class Cloneable<SigmoidImpl>;
template class Cloneable<HardtanhImpl>;
template class Cloneable<SoftplusImpl>;
template class Cloneable<SoftmaxImpl>;
template class Cloneable<LogSoftmaxImpl>;
template class Cloneable<CELUImpl>;
template class Cloneable<GLUImpl>;
template class Cloneable<HardshrinkImpl>;
template class Cloneable<SoftshrinkImpl>;
template class Cloneable<TanhshrinkImpl>;
template class Cloneable<SoftsignImpl>;
template class Cloneable<LogSigmoidImpl>;
template class Cloneable<ThresholdImpl>;
template class Cloneable<SoftminImpl>;
template class Cloneable<Softmax2dImpl>;
template class Cloneable<RReLUImpl>;
template class Cloneable<PReLUImpl>;

}  // namespace taper::nn
