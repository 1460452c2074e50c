#pragma once

#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace autograd {

/// The positions of the hooks that a tensor has, as register_hook() returned them and remove_hook()
/// takes them, in the order in which they run. (Module::hooks() lists those of a module.)
std::vector<unsigned> hook_positions(const Tensor& tensor);

}  // namespace autograd
}  // namespace taper
