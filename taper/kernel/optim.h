#pragma once

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Steps of optimizers: one call updates all tensors of a parameter group in place. The views of
// one entry share type (floating), sizes and dense strides; the op bumps the versions. Half types
// compute in float32. Elements do not depend on each other, so any thread count gives the same
// bits.
namespace taper {

/// One tensor of a step. What state and scalar hold is said beside each rule's arguments; absent
/// states are undefined.
struct StepTensor {
  static constexpr int kStates = 3, kScalars = 3;
  View param;
  ConstView grad;
  View state[kStates];
  double scalar[kScalars] = {};
};

// What one group of a step shares, per rule. In all of them g is the gradient, negated with
// maximize; weight_decay * p joins it, or with decoupled p is scaled by 1 - lr * weight_decay.

/// state: momentum_buffer (none without momentum); scalar: 1 when the buffer is empty yet.
struct SgdArgs {
  static constexpr const char* kName = "sgd_step";
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};
/// state: exp_avg, exp_avg_sq, max_exp_avg_sq (none without amsgrad);
/// scalar: lr / (1 - beta1^step), sqrt(1 - beta2^step).
struct AdamArgs {
  static constexpr const char* kName = "adam_step";
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled, amsgrad, maximize;
};
/// state: exp_avg, exp_avg_sq;
/// scalar: the steps along g and along exp_avg, sqrt(1 - beta2^step).
struct NAdamArgs {
  static constexpr const char* kName = "nadam_step";
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled, maximize;
};
/// state: exp_avg, exp_avg_sq; scalar: the step, and 1 where sqrt(exp_avg_sq) divides it.
struct RAdamArgs {
  static constexpr const char* kName = "radam_step";
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled, maximize;
};
/// state: exp_avg, exp_inf; scalar: lr / (1 - beta1^step).
struct AdamaxArgs {
  static constexpr const char* kName = "adamax_step";
  double beta1, beta2, eps, weight_decay;
  bool maximize;
};
/// state: square_avg, momentum_buffer (none without momentum), grad_avg (none unless centered).
struct RMSpropArgs {
  static constexpr const char* kName = "rmsprop_step";
  double lr, alpha, eps, weight_decay, momentum;
  bool maximize;
};
/// state: sum; scalar: the decayed learning rate.
struct AdagradArgs {
  static constexpr const char* kName = "adagrad_step";
  double eps, weight_decay;
  bool maximize;
};
/// state: square_avg, acc_delta.
struct AdadeltaArgs {
  static constexpr const char* kName = "adadelta_step";
  double lr, rho, eps, weight_decay;
  bool maximize;
};
/// state: ax; scalar: eta, mu.
struct AsgdArgs {
  static constexpr const char* kName = "asgd_step";
  double lambd, weight_decay;
  bool maximize;
};
/// state: prev, step_size.
struct RpropArgs {
  static constexpr const char* kName = "rprop_step";
  double eta_minus, eta_plus, step_min, step_max;
  bool maximize;
};
/// state: exp_avg.
struct LionArgs {
  static constexpr const char* kName = "lion_step";
  double lr, beta1, beta2, weight_decay;
  bool maximize;
};

namespace cpu {
template <class Args>
void optimizer_step(const Args& args, ArrayRef<StepTensor> tensors);
}  // namespace cpu

template <class Args>
inline constinit Kernel<void(const Args&, ArrayRef<StepTensor>)> optimizer_step_kernel{
    Args::kName, &cpu::optimizer_step<Args>};

}  // namespace taper
