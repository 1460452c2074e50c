#include "taper/nn/activation.h"

#include <ostream>

#include "taper/nn/functional.h"

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

}  // namespace taper::nn
