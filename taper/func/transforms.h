#pragma once

#include <utility>
#include <vector>

#include "taper/base/function.h"
#include "taper/func/functional.h"

// torch.func: derivatives of functions as functions of the same tensors. A function takes and
// returns one Tensor, or vectors of Tensors; what it captures is constant. Where an input requires
// grad, results can be differentiated again, and tangents flow through all of them: the functions
// may be nested (grad of grad, jvp of grad ...). nn::functional_call makes a function of a module.
namespace taper TAPER_API {
namespace func {

using SingleFunction = autograd::functional::SingleFunction;
using ScalarFunction = autograd::functional::ScalarFunction;
using LinearMap = Function<Tensor(const Tensor&)>;

/// The gradient of a function whose result is a single number without dimensions.
Tensor grad(const SingleFunction& func, const Tensor& input);
std::vector<Tensor> grad(const ScalarFunction& func, const std::vector<Tensor>& inputs);
/// The gradient, and the function's result.
std::pair<Tensor, Tensor> grad_and_value(const SingleFunction& func, const Tensor& input);
std::pair<std::vector<Tensor>, Tensor> grad_and_value(const ScalarFunction& func,
                                                      const std::vector<Tensor>& inputs);

/// The result, and a function of v, of the result's sizes, that gives v times the Jacobian. It may
/// be called more than once.
std::pair<Tensor, LinearMap> vjp(const SingleFunction& func, const Tensor& input);
/// The result, and the Jacobian times the tangent, by forward mode.
std::pair<Tensor, Tensor> jvp(const SingleFunction& func, const Tensor& primal,
                              const Tensor& tangent);
std::pair<std::vector<Tensor>, std::vector<Tensor>> jvp(const TensorFunction& func,
                                                        const std::vector<Tensor>& primals,
                                                        const std::vector<Tensor>& tangents);
/// The result, and a function of a tangent, of the input's sizes, that gives the Jacobian times it
/// without calling func again.
std::pair<Tensor, LinearMap> linearize(const SingleFunction& func, const Tensor& input);

/// The Jacobian, of sizes [output sizes..., input sizes...], by one tangent per element of the
/// input (jacfwd) or one backward per element of the output (jacrev); and the Jacobian of the
/// Jacobian.
Tensor jacfwd(const SingleFunction& func, const Tensor& input);
Tensor jacrev(const SingleFunction& func, const Tensor& input);
Tensor hessian(const SingleFunction& func, const Tensor& input);

}  // namespace func
}  // namespace taper
