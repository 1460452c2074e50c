#pragma once

#include <optional>
#include <vector>

#include "taper/autograd/grad_mode.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace autograd {

using Variable = Tensor;
using variable_list = std::vector<Tensor>;
using tensor_list = std::vector<Tensor>;

/// Adds the gradient of the tensors, weighted by grad_tensors (none needed for scalars), to the
/// grad of every leaf, or of `inputs` only when given. retain_graph defaults to create_graph.
void backward(TensorList tensors, TensorList grad_tensors = {},
              std::optional<bool> retain_graph = std::nullopt, bool create_graph = false,
              TensorList inputs = {});

/// The gradients of outputs (weighted by grad_outputs) with respect to inputs; no grad changes.
/// Throws when an input is not reached, unless allow_unused: then its entry is undefined.
variable_list grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {},
                   std::optional<bool> retain_graph = std::nullopt, bool create_graph = false,
                   bool allow_unused = false);

}  // namespace autograd
}  // namespace taper
