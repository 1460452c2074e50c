#pragma once

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Steps of optimizers: one call updates all tensors of a parameter group in place. The views of
// one entry share type (floating), sizes and dense strides; the op bumps the versions. Half types
// compute in float32. Elements do not depend on each other, so any thread count gives the same
// bits.
namespace taper {

/// What one group of an SGD step shares.
struct SgdArgs {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};
struct SgdTensor {
  View param;
  ConstView grad;
  View momentum_buffer;  // absent without momentum
  bool first;            // the buffer is empty yet and becomes the gradient
};

/// What one group of an Adam or AdamW step shares.
struct AdamArgs {
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled;  // AdamW: the decay scales the parameter instead of joining the gradient
  bool amsgrad, maximize;
};
struct AdamTensor {
  View param;
  ConstView grad;
  View exp_avg, exp_avg_sq;
  View max_exp_avg_sq;           // absent without amsgrad
  double step_size;              // lr / (1 - beta1^step)
  double bias_correction2_sqrt;  // sqrt(1 - beta2^step)
};

namespace cpu {
void sgd_step(const SgdArgs& args, ArrayRef<SgdTensor> tensors);
void adam_step(const AdamArgs& args, ArrayRef<AdamTensor> tensors);
}  // namespace cpu

inline constinit Kernel<void(const SgdArgs&, ArrayRef<SgdTensor>)> sgd_step_kernel{"sgd_step",
                                                                                   &cpu::sgd_step};
inline constinit Kernel<void(const AdamArgs&, ArrayRef<AdamTensor>)> adam_step_kernel{
    "adam_step", &cpu::adam_step};

}  // namespace taper
