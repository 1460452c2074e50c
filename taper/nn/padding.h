#pragma once

#include "taper/base/arg.h"
#include "taper/nn/expanding_array.h"
#include "taper/nn/plain_layer.h"

namespace taper TAPER_API {
namespace nn {

/// Elements before and after each of the last D dimensions, the last one first; negative ones cut.
template <size_t D>
struct PadOptions {
  PadOptions(ExpandingArray<2 * D> padding) : padding_(padding) {}
  TAPER_ARG(ExpandingArray<2 * D>, padding);
};
/// As PadOptions, and what to fill with.
template <size_t D>
struct ConstantPadOptions {
  ConstantPadOptions(ExpandingArray<2 * D> padding, double value)
      : padding_(padding), value_(value) {}
  TAPER_ARG(ExpandingArray<2 * D>, padding);
  TAPER_ARG(double, value);
};

// Reflection leaves out the edge, replication repeats it, circular padding goes on at the other
// end.
#define TAPER_PAD_LAYERS(D)                                    \
  using ConstantPad##D##dOptions = ConstantPadOptions<D>;      \
  using ZeroPad##D##dOptions = PadOptions<D>;                  \
  using ReflectionPad##D##dOptions = PadOptions<D>;            \
  using ReplicationPad##D##dOptions = PadOptions<D>;           \
  using CircularPad##D##dOptions = PadOptions<D>;              \
  TAPER_UNARY_LAYER(ConstantPad##D##d, ConstantPadOptions<D>); \
  TAPER_UNARY_LAYER(ZeroPad##D##d, PadOptions<D>);             \
  TAPER_UNARY_LAYER(ReflectionPad##D##d, PadOptions<D>);       \
  TAPER_UNARY_LAYER(ReplicationPad##D##d, PadOptions<D>);      \
  TAPER_UNARY_LAYER(CircularPad##D##d, PadOptions<D>)
TAPER_PAD_LAYERS(1);
TAPER_PAD_LAYERS(2);
TAPER_PAD_LAYERS(3);
#undef TAPER_PAD_LAYERS

}  // namespace nn
}  // namespace taper
