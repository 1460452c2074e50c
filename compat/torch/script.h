#pragma once

// Programs include this header for tensors, too. TorchScript itself is no part of Taper: a program
// that names it is told so when it is compiled.

#include "torch/torch.h"

namespace taper::jit {

namespace detail {
template <class>
inline constexpr bool has_torchscript = false;
}  // namespace detail

/// A TorchScript program holds Python's code with its weights; Taper reads weights only.
template <class... Arguments>
int load(const Arguments&...) {
  static_assert(detail::has_torchscript<int(Arguments...)>,
                "Taper does not run TorchScript programs: save the weights in Python with "
                "torch.save(model.state_dict(), path) or safetensors, write the model as a "
                "torch::nn::Module, and load them with torch::nn::load_state_dict; see "
                "docs/from-libtorch.md");
  return 0;
}

}  // namespace taper::jit
