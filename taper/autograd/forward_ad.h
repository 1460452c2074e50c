#pragma once

#include <cstdint>

#include "taper/autograd/grad_mode.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace autograd::forward_ad {

/// Opens a level, in which ops of this thread compute beside their results the derivatives along
/// the tangents that make_dual() gave to tensors. Throws when one is open: levels do not nest.
/// Returns the level's number, 0. torch.autograd.forward_ad.
uint64_t enter_dual_level();
/// Closes the level and takes the tangents from all its tensors. Throws when `level` is not open.
void exit_dual_level(uint64_t level = 0);

/// Whether this thread is inside a level.
inline bool in_dual_level() { return thread_state.dual_level != nullptr; }

/// A level for the life of the guard.
class dual_level {
 public:
  dual_level() : level_(enter_dual_level()) {}
  ~dual_level();
  dual_level(const dual_level&) = delete;
  dual_level& operator=(const dual_level&) = delete;

 private:
  uint64_t level_;
};

/// A view of `tensor` that has `tangent`, the direction of its derivative: of the same sizes and
/// type, floating-point or complex, used as it is. Gradients flow through both. Throws when no
/// level is open, and when the tensor has a tangent already.
Tensor make_dual(const Tensor& tensor, const Tensor& tangent);

struct UnpackedDualTensor {
  Tensor primal, tangent;
};
/// The tensor without its tangent, and the tangent, undefined when it has none (also when no level
/// is open).
UnpackedDualTensor unpack_dual(const Tensor& tensor);

}  // namespace autograd::forward_ad
}  // namespace taper
