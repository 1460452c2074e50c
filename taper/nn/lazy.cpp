#include "taper/nn/lazy.h"

#include <ostream>
#include <sstream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/derived.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"

namespace taper::nn {
namespace detail {

void check_initialized(const Module& module, const char* op) {
  const auto* lazy = dynamic_cast<const LazyModule*>(&module);
  TAPER_CHECK(lazy == nullptr || !lazy->has_uninitialized_params(), op, ": ", module.name(),
              " can't have uninitialized parameters. Make sure to run the dummy forward before.");
}

bool is_uninitialized(const Tensor& tensor) {
  return tensor.defined() && tensor.dim() == 1 && tensor.size(0) == 0;
}

}  // namespace detail

namespace {

using detail::is_uninitialized;
using detail::ModuleAccess;

/// Gives what waits in a module the tensors of a new one, whose sizes are known.
template <class Base, class Options>
void take_fresh(Module& module, const Options& options) {
  // The parameters outlive an inference mode that the first call may be in.
  const InferenceMode normal(false);
  const NoGradGuard no_grad;
  Base fresh(options);
  const auto take = [](Module::TensorMap& own, const Module::TensorMap& other) {
    for (auto& item : own) {
      if (!is_uninitialized(item.value())) continue;
      item.value().set_data(other[item.key()].detach().to(item.value().scalar_type()));
    }
  };
  take(ModuleAccess::parameters(module), ModuleAccess::parameters(fresh));
  take(ModuleAccess::buffers(module), ModuleAccess::buffers(fresh));
}

/// "taper::nn::Linear(...)" as "taper::nn::LazyLinear(...)" while the layer waits.
template <class Base>
void print(std::ostream& stream, const Base& layer, bool waits) {
  std::ostringstream text;
  layer.Base::pretty_print(text);  // NOLINT: not the lazy layer's
  std::string line = text.str();
  const size_t scope = line.rfind("::", line.find('('));
  if (waits) line.insert(scope + 2, "Lazy");
  stream << line;
}

/// As Cloneable::clone(), of the lazy type.
template <class Scope, class Lazy>
std::shared_ptr<Module> clone_lazy(const Lazy& original, const std::optional<Device>& device) {
  const NoGradGuard no_grad;
  Scope scope;
  auto copy = std::make_shared<Lazy>(original);
  scope.begin_reset(*copy, original);
  copy->reset();
  scope.end_reset(*copy, original, device);
  return copy;
}

template <class Layer>
bool waits(const Layer& layer) {
  return is_uninitialized(layer.weight) || is_uninitialized(layer.bias);
}

/// Registers a weight and a bias that wait.
template <class Layer>
void register_waiting(Layer& layer) {
  layer.register_parameter("weight", &layer.weight, empty({0}));
  const bool has_bias = layer.options.bias();
  layer.register_parameter("bias", &layer.bias, has_bias ? empty({0}) : Tensor(), has_bias);
}

}  // namespace

LazyLinearImpl::LazyLinearImpl(LinearOptions o) : LinearImpl(o.in_features(0), detail::NoReset()) {
  LazyLinearImpl::reset();
}

void LazyLinearImpl::reset() {
  if (options.in_features() != 0) return LinearImpl::reset();
  register_waiting(*this);
}

std::shared_ptr<Module> LazyLinearImpl::clone(const std::optional<Device>& device) const {
  return clone_lazy<detail::CloneScope>(*this, device);
}

void LazyLinearImpl::pretty_print(std::ostream& stream) const {
  print<LinearImpl>(stream, *this, options.in_features() == 0);
}

bool LazyLinearImpl::has_uninitialized_params() const { return waits(*this); }

Tensor LazyLinearImpl::forward(const Tensor& input) {
  if (options.in_features() == 0) {
    TAPER_CHECK_AS(ShapeError, input.dim() > 0,
                   "LazyLinear: expected an input of at least one dimension, got sizes ",
                   input.sizes());
    LinearOptions o = options;
    o.in_features(is_uninitialized(weight) ? input.size(-1) : weight.size(1));
    if (waits(*this)) take_fresh<LinearImpl>(*this, o);
    options = o;
  }
  return LinearImpl::forward(input);
}

template <size_t D, class Base, class Options>
LazyConvNdImpl<D, Base, Options>::LazyConvNdImpl(Options o)
    : Base(o.in_channels(0), detail::NoReset()) {
  LazyConvNdImpl::reset();
}

template <size_t D, class Base, class Options>
void LazyConvNdImpl<D, Base, Options>::reset() {
  if (this->options.in_channels() != 0) return Base::reset();
  register_waiting(*this);
}

template <size_t D, class Base, class Options>
std::shared_ptr<Module> LazyConvNdImpl<D, Base, Options>::clone(
    const std::optional<Device>& device) const {
  return clone_lazy<detail::CloneScope>(*this, device);
}

template <size_t D, class Base, class Options>
void LazyConvNdImpl<D, Base, Options>::pretty_print(std::ostream& stream) const {
  print<Base>(stream, *this, this->options.in_channels() == 0);
}

template <size_t D, class Base, class Options>
bool LazyConvNdImpl<D, Base, Options>::has_uninitialized_params() const {
  return waits(*this);
}

template <size_t D, class Base, class Options>
void LazyConvNdImpl<D, Base, Options>::initialize_parameters(const Tensor& input) {
  if (this->options.in_channels() != 0) return;
  constexpr bool is_transposed = std::is_same_v<Options, ConvTransposeOptions<D>>;
  constexpr auto rank = static_cast<int64_t>(D) + 1;
  TAPER_CHECK_AS(ShapeError, input.dim() == rank || input.dim() == rank + 1, "LazyConv",
                 is_transposed ? "Transpose" : "", D, "d: Expected ", rank, "D (unbatched) or ",
                 rank + 1, "D (batched) input, but got input of size: ", input.sizes());
  Options o = this->options;
  if (is_uninitialized(this->weight)) {
    o.in_channels(input.size(-rank));
  } else {
    o.in_channels(is_transposed ? this->weight.size(0) : this->weight.size(1) * o.groups());
  }
  if (waits(*this)) take_fresh<Base>(*this, o);
  this->options = o;
}

template <class Base, class Options>
LazyNormImpl<Base, Options>::LazyNormImpl(Options o) : Base(o.num_features(0)) {}

template <class Base, class Options>
std::shared_ptr<Module> LazyNormImpl<Base, Options>::clone(
    const std::optional<Device>& device) const {
  return clone_lazy<detail::CloneScope>(*this, device);
}

template <class Base, class Options>
void LazyNormImpl<Base, Options>::pretty_print(std::ostream& stream) const {
  print<Base>(stream, *this, this->options.num_features() == 0);
}

template <class Base, class Options>
bool LazyNormImpl<Base, Options>::has_uninitialized_params() const {
  return is_uninitialized(this->weight) || is_uninitialized(this->bias) ||
         is_uninitialized(this->running_mean) || is_uninitialized(this->running_var);
}

template <class Base, class Options>
Tensor LazyNormImpl<Base, Options>::forward(const Tensor& input) {
  if (this->options.num_features() == 0) {
    // The rank is checked with the number of channels that the input would give.
    BatchNormOptions& o = this->options;
    int64_t from_end = input.dim() - 1;
    if constexpr (std::is_base_of_v<InstanceNormImplBase, Base>) from_end = this->dimensions() + 1;
    TAPER_CHECK_AS(ShapeError, input.dim() >= from_end && input.dim() > 1,
                   "LazyNorm: expected an input with channels, got sizes ", input.sizes());
    o.num_features(input.size(-from_end));
    for (const Tensor& known : {this->weight, this->running_mean}) {
      if (known.defined() && !is_uninitialized(known)) o.num_features(known.size(0));
    }
    try {
      this->check_input_dim(input);
    } catch (...) {
      o.num_features(0);
      throw;
    }
    if (has_uninitialized_params()) {
      Options sized(o.num_features());
      sized.affine(o.affine()).track_running_stats(o.track_running_stats());
      take_fresh<Base>(*this, sized);
    }
  }
  return Base::forward(input);
}

template class LazyConvNdImpl<1, Conv1dImpl, ConvOptions<1>>;
template class LazyConvNdImpl<2, Conv2dImpl, ConvOptions<2>>;
template class LazyConvNdImpl<3, Conv3dImpl, ConvOptions<3>>;
template class LazyConvNdImpl<1, ConvTranspose1dImpl, ConvTransposeOptions<1>>;
template class LazyConvNdImpl<2, ConvTranspose2dImpl, ConvTransposeOptions<2>>;
template class LazyConvNdImpl<3, ConvTranspose3dImpl, ConvTransposeOptions<3>>;
template class LazyNormImpl<BatchNorm1dImpl, BatchNormOptions>;
template class LazyNormImpl<BatchNorm2dImpl, BatchNormOptions>;
template class LazyNormImpl<BatchNorm3dImpl, BatchNormOptions>;
template class LazyNormImpl<InstanceNorm1dImpl, InstanceNormOptions>;
template class LazyNormImpl<InstanceNorm2dImpl, InstanceNormOptions>;
template class LazyNormImpl<InstanceNorm3dImpl, InstanceNormOptions>;

}  // namespace taper::nn
