#include "taper/nn/padding.h"

#include <ostream>

#include "taper/ops/padding.h"

namespace taper::nn {
namespace {

template <size_t D>
Tensor padded(const char* name, const Tensor& input, const ExpandingArray<2 * D>& padding,
              std::string_view mode, std::optional<double> value = std::nullopt) {
  const int64_t least = static_cast<int64_t>(D) + 1;
  TAPER_CHECK_AS(ShapeError, mode == "constant" || input.dim() == least || input.dim() == least + 1,
                 name, D, "d: expected ", least, "D or ", least + 1, "D input (got ", input.dim(),
                 "D input)");
  return pad(input, padding, mode, value);
}

}  // namespace

#define TAPER_PAD_LAYER(Name, D, mode)                                        \
  void Name##Pad##D##dImpl::pretty_print(std::ostream& stream) const {        \
    stream << str("taper::nn::" #Name "Pad" #D "d(", options.padding(), ")"); \
  }                                                                           \
  Tensor Name##Pad##D##dImpl::forward(const Tensor& input) {                  \
    return padded<D>(#Name "Pad", input, options.padding(), mode);            \
  }                                                                           \
  template class Cloneable<Name##Pad##D##dImpl>
#define TAPER_PAD_LAYERS(D)                                                                 \
  void ConstantPad##D##dImpl::pretty_print(std::ostream& stream) const {                    \
    stream << str("taper::nn::ConstantPad" #D "d(padding=", options.padding(),              \
                  ", value=", options.value(), ")");                                        \
  }                                                                                         \
  Tensor ConstantPad##D##dImpl::forward(const Tensor& input) {                              \
    return padded<D>("ConstantPad", input, options.padding(), "constant", options.value()); \
  }                                                                                         \
  template class Cloneable<ConstantPad##D##dImpl>;                                          \
  TAPER_PAD_LAYER(Zero, D, "constant");                                                     \
  TAPER_PAD_LAYER(Reflection, D, "reflect");                                                \
  TAPER_PAD_LAYER(Replication, D, "replicate");                                             \
  TAPER_PAD_LAYER(Circular, D, "circular")

TAPER_PAD_LAYERS(1);
TAPER_PAD_LAYERS(2);
TAPER_PAD_LAYERS(3);

}  // namespace taper::nn
