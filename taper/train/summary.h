#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "taper/base/macros.h"
#include "taper/core/scalar_type.h"
#include "taper/nn/any_module.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace train {

/// One module of a summary.
struct LayerSummary {
  std::string name;  ///< dotted; empty: the whole
  std::string type;
  int64_t depth = 0;
  std::vector<int64_t> output;  ///< sizes; empty where the output is no tensor
  std::vector<int64_t> weight;  ///< sizes of the parameter "weight", if there is one
  int64_t parameters = 0;       ///< its own and its submodules'
  int64_t trainable = 0;
  /// Floating-point operations of one forward pass, its submodules' included, a multiplication and
  /// an addition being two: those of linear, bilinear, convolution, recurrent and attention layers.
  int64_t flops = 0;
  int64_t calls = 0;
};

/// What a network consists of and what a forward pass costs.
struct ModelSummary {
  std::vector<LayerSummary> layers;
  int64_t parameters = 0;
  int64_t trainable = 0;
  int64_t buffers = 0;
  int64_t flops = 0;
  int64_t parameter_bytes = 0;  ///< of parameters and buffers
  int64_t output_bytes = 0;     ///< of the outputs of all modules without submodules

  /// A table for people; modules deeper than depth are left out.
  std::string text(int64_t depth = 3) const;
};

/// Runs the module once on zeros of input_size (with the batch), in evaluation mode and without
/// gradients, and lists its modules in the order of registration; the module is left as it was.
/// What the forward() of a module calls otherwise than through a holder or nn::call is not seen.
/// Throws what forward() throws.
ModelSummary summary(const nn::AnyModule& module, IntArrayRef input_size, Dtype dtype = kFloat);
/// The same on a given input, for networks whose values matter, e.g. indices of words.
ModelSummary summary(const nn::AnyModule& module, const Tensor& input);

}  // namespace train
}  // namespace taper
