#pragma once

#include <vector>

#include "taper/autograd/variable.h"
#include "taper/core/tensor_view.h"
#include "taper/tensor/tensor.h"

// What the fused steps share.
namespace taper::optim {

/// The gradient of a parameter, or null when it has none.
inline const Tensor* gradient_of(const Tensor& param) {
  const VariableState* state = VariableState::of(param.impl());
  return state != nullptr && state->grad.defined() ? &state->grad : nullptr;
}

/// Makes the tensors of one parameter fit for a fused kernel: one type, one dense geometry. Those
/// that fit are used as they are; for the others copies live until finish(), which writes
/// strided parameters back.
class Staging {
 public:
  /// param and grad of one parameter, ready for the kernel.
  struct Ready {
    const TensorImpl* param;
    const TensorImpl* grad;
  };
  Ready stage(const Tensor& param, const Tensor& grad) {
    const TensorImpl& p = param.impl();
    const TensorImpl& g = grad.impl();
    if (p.is_contiguous() && is_fast(g, p)) [[likely]]
      return {&p, &g};
    return stage_copies(param, grad);
  }
  /// A state tensor with the geometry and type of a staged parameter: made when undefined
  /// (zeros, or uninitialised), converted when it does not fit.
  static const TensorImpl* state(Tensor& state, const TensorImpl& param, bool zeros = true) {
    if (state.defined() && param.is_contiguous() && is_fast(state.impl(), param)) [[likely]]
      return state.impl_ptr();
    return fit(state, param, zeros);
  }
  /// Forgets what an update that threw has left.
  void start() {
    written_.clear();
    read_.clear();
  }
  void finish();

 private:
  static bool is_fast(const TensorImpl& t, const TensorImpl& param) {
    return t.is_contiguous() && t.dtype() == param.dtype() && t.numel() == param.numel();
  }
  struct Copy {
    Tensor param, copy;
  };
  Ready stage_copies(const Tensor& param, const Tensor& grad);
  static const TensorImpl* fit(Tensor& state, const TensorImpl& param, bool zeros);

  std::vector<Copy> written_;
  std::vector<Tensor> read_;
};

}  // namespace taper::optim
