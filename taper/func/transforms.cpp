#include "taper/func/transforms.h"

#include "taper/autograd/autograd.h"
#include "taper/autograd/forward_ad.h"
#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"

namespace taper::func {
namespace {

using Tensors = std::vector<Tensor>;
using autograd::forward_ad::make_dual;
using autograd::forward_ad::unpack_dual;

/// Whether a derivative with respect to this input is to be differentiable itself.
bool stays(const Tensor& input) { return GradMode::is_enabled() && input.requires_grad(); }

bool any_stays(const Tensors& inputs) {
  bool any = false;
  for (const Tensor& t : inputs) any |= stays(t);
  return any;
}

/// A tensor of the same values and tangent that requires grad: func may have captured the input.
Tensor variable(const char* name, const Tensor& input) {
  TAPER_CHECK(input.defined(), name, ": expected defined tensors, got an undefined one");
  if (stays(input)) return input.view(input.sizes());
  const Tensor tangent = unpack_dual(input).tangent;
  const Tensor leaf = input.detach().requires_grad_();
  return tangent.defined() ? make_dual(leaf, tangent) : leaf;
}

/// A result for the caller: outside the graph unless that goes on.
Tensor result(const Tensor& t, bool stays) {
  if (stays) return t;
  const auto [primal, tangent] = unpack_dual(t);
  return tangent.defined() ? make_dual(primal.detach(), tangent) : t.detach();
}

/// The gradient of `outputs` weighted by v, with zeros where there is none.
Tensors gradients(const Tensor& output, const Tensors& inputs, const Tensor& v, bool create_graph) {
  Tensors grads(inputs.size());
  if (output.requires_grad()) {
    grads = autograd::grad(output, inputs, v, true, create_graph, true);
  }
  for (size_t i = 0; i < grads.size(); ++i) {
    grads[i] = grads[i].defined() ? result(grads[i], create_graph) : zeros_like(inputs[i]);
  }
  return grads;
}

void check_map(const char* name, const Tensor& v, IntArrayRef sizes) {
  TAPER_CHECK(v.defined(), name, ": expected a defined tensor, got an undefined one");
  TAPER_CHECK_AS(ShapeError, v.sizes() == sizes, name, ": expected a tensor of sizes ", sizes,
                 ", got ", v.sizes());
}

}  // namespace

std::pair<Tensors, Tensor> grad_and_value(const ScalarFunction& func, const Tensors& inputs) {
  const bool create_graph = any_stays(inputs);
  AutoGradMode enable(true);
  TAPER_CHECK(!inputs.empty(), "grad: expected at least one input");
  Tensors x;
  for (const Tensor& t : inputs) x.push_back(variable("grad", t));
  const Tensor output = func(x);
  TAPER_CHECK_AS(ShapeError, output.defined() && output.dim() == 0,
                 "grad: Expected the function given to grad to return a scalar tensor, got tensor "
                 "with ",
                 output.defined() ? output.dim() : -1,
                 " dims. Maybe you wanted to use the vjp or "
                 "jacrev APIs instead?");
  return {gradients(output, x, {}, create_graph), result(output, create_graph)};
}

Tensors grad(const ScalarFunction& func, const Tensors& inputs) {
  return grad_and_value(func, inputs).first;
}

std::pair<Tensor, Tensor> grad_and_value(const SingleFunction& func, const Tensor& input) {
  auto [grads, value] = grad_and_value(
      ScalarFunction([&func](const Tensors& x) { return func(x[0]); }), Tensors{input});
  return {grads[0], value};
}

Tensor grad(const SingleFunction& func, const Tensor& input) {
  return grad_and_value(func, input).first;
}

std::pair<Tensor, LinearMap> vjp(const SingleFunction& func, const Tensor& input) {
  const bool create_graph = stays(input);
  AutoGradMode enable(true);
  const Tensor x = variable("vjp", input);
  const Tensor output = func(x);
  TAPER_CHECK(output.defined(), "vjp: the function returned an undefined tensor");
  LinearMap map = [x, output, create_graph](const Tensor& v) {
    check_map("vjp", v, output.sizes());
    return gradients(output, {x}, v, create_graph || stays(v))[0];
  };
  return {result(output, create_graph), std::move(map)};
}

std::pair<Tensors, Tensors> jvp(const TensorFunction& func, const Tensors& primals,
                                const Tensors& tangents) {
  const bool create_graph = any_stays(primals) || any_stays(tangents);
  return autograd::functional::jvp(func, primals, tangents, create_graph, false, "forward-mode");
}

std::pair<Tensor, Tensor> jvp(const SingleFunction& func, const Tensor& primal,
                              const Tensor& tangent) {
  auto [outputs, results] =
      jvp(TensorFunction([&func](const Tensors& x) { return Tensors{func(x[0])}; }),
          Tensors{primal}, Tensors{tangent});
  return {outputs[0], results[0]};
}

std::pair<Tensor, LinearMap> linearize(const SingleFunction& func, const Tensor& input) {
  const bool create_graph = stays(input);
  AutoGradMode enable(true);
  const Tensor x = variable("linearize", input);
  const Tensor output = func(x);
  TAPER_CHECK(output.defined(), "linearize: the function returned an undefined tensor");
  // The gradient is linear in its weights: its derivative with respect to them is the Jacobian's
  // transpose.
  const Tensor weights = zeros_like(output).requires_grad_();
  const Tensor back = gradients(output, {x}, weights, true)[0];
  LinearMap map = [back, weights, create_graph](const Tensor& tangent) {
    check_map("linearize", tangent, back.sizes());
    return gradients(back, {weights}, tangent, create_graph || stays(tangent))[0];
  };
  return {result(output, create_graph), std::move(map)};
}

Tensor jacfwd(const SingleFunction& func, const Tensor& input) {
  return autograd::functional::jacobian(func, input, stays(input), false, "forward-mode");
}

Tensor jacrev(const SingleFunction& func, const Tensor& input) {
  return autograd::functional::jacobian(func, input, stays(input));
}

Tensor hessian(const SingleFunction& func, const Tensor& input) {
  return jacfwd([&func](const Tensor& x) { return jacrev(func, x); }, input);
}

}  // namespace taper::func
