#pragma once

#include <vector>

#include "taper/base/function.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

using TensorFunction = Function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// Compares the gradients that autograd computes for fn with central differences: for every output
/// that requires grad and every float64 or complex128 input that does, each entry of the Jacobian
/// must satisfy |analytic - numeric| <= atol + rtol |numeric|; complex numbers are checked as their
/// two parts. Throws an Error that names the output, the input and the elements where it does not;
/// returns true. fn must be deterministic. With check_forward_ad the tangents that forward mode
/// computes along directions of each input, and of all, must be what the Jacobian gives.
bool gradcheck(const TensorFunction& fn, const std::vector<Tensor>& inputs, double eps = 1e-6,
               double atol = 1e-5, double rtol = 1e-3, bool check_forward_ad = false);

/// gradcheck of the gradients themselves: the second derivatives, with respect to the inputs and
/// to the weights of the outputs.
bool gradgradcheck(const TensorFunction& fn, const std::vector<Tensor>& inputs, double eps = 1e-6,
                   double atol = 1e-5, double rtol = 1e-3);

}  // namespace taper
