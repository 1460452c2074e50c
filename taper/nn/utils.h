#pragma once

#include <utility>
#include <vector>

#include "taper/nn/init.h"
#include "taper/nn/module_holder.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace nn::utils {

/// The p-norm over all elements of all tensors together, 0 of none; p may be infinite (the largest
/// magnitude, or the smallest). Throws with error_if_nonfinite when it is not finite.
double get_total_norm(const std::vector<Tensor>& tensors, double norm_type = 2.0,
                      bool error_if_nonfinite = false);
double get_total_norm(const Tensor& tensor, double norm_type = 2.0,
                      bool error_if_nonfinite = false);
/// Multiplies the gradients of all parameters by max_norm / (total_norm + 1e-6) where that is less
/// than 1, or NaN.
void clip_grads_with_norm_(const std::vector<Tensor>& parameters, double max_norm,
                           double total_norm);
void clip_grads_with_norm_(const Tensor& parameter, double max_norm, double total_norm);
/// clip_grads_with_norm_() with get_total_norm() of the gradients, which it returns.
double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm,
                       double norm_type = 2.0, bool error_if_nonfinite = false);
double clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type = 2.0,
                       bool error_if_nonfinite = false);
/// Clamps every element of the gradients to [-clip_value, clip_value].
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);
void clip_grad_value_(const Tensor& parameter, double clip_value);

/// All parameters, flattened, one after another.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
/// Gives each parameter its part of such a vector as its data.
void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters);

/// Gives the weights of the Conv2d and ConvTranspose2d in a module, itself among them, this order
/// of memory.
void convert_conv2d_weight_memory_format(Module& module, MemoryFormat format);
template <class M>
void convert_conv2d_weight_memory_format(const ModuleHolder<M>& module, MemoryFormat format) {
  convert_conv2d_weight_memory_format(*module.ptr(), format);
}

/// A module (holder) made with these arguments, whose parameters have whatever was in their memory:
/// skip_init<nn::Linear>(3, 4), for one that is to be loaded or initialised otherwise. No random
/// numbers are drawn.
template <class ModuleType, class... Args>
ModuleType skip_init(Args&&... args) {
  const init::detail::SkipInit skip;
  return ModuleType(std::forward<Args>(args)...);
}

}  // namespace nn::utils
}  // namespace taper
