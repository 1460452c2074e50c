#pragma once

#include <type_traits>
#include <utility>

#include "taper/nn/cloneable.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {

/// The options of a layer that has none.
struct NoOptions {};

/// A layer that registers nothing: options, which are made of the constructor's arguments, and a
/// forward() of Derived.
template <class Derived, class Options>
class PlainLayer : public Cloneable<Derived> {
 public:
  template <class... Args>
  requires std::is_constructible_v<Options, Args&&...>
  explicit PlainLayer(Args&&... args) : options(std::forward<Args>(args)...) {}
  void reset() override {}

  Options options;
};

}  // namespace nn
}  // namespace taper

/// Declares the layer Name, a PlainLayer with this forward().
#define TAPER_PLAIN_LAYER(Name, Options, ...)                 \
  class Name##Impl : public PlainLayer<Name##Impl, Options> { \
   public:                                                    \
    using PlainLayer::PlainLayer;                             \
    void pretty_print(std::ostream& stream) const override;   \
    __VA_ARGS__;                                              \
  };                                                          \
  TAPER_LAYER(Name)
/// As TAPER_PLAIN_LAYER, for a layer of one tensor.
#define TAPER_UNARY_LAYER(Name, Options) \
  TAPER_PLAIN_LAYER(Name, Options, Tensor forward(const Tensor& input))
