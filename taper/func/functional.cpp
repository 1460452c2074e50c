#include "taper/func/functional.h"

#include <algorithm>

#include "taper/autograd/autograd.h"
#include "taper/autograd/forward_ad.h"
#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/view.h"

namespace taper::autograd::functional {
namespace {

using Tensors = std::vector<Tensor>;
using forward_ad::make_dual;
using forward_ad::unpack_dual;

/// The tensor outside its graph, yet with its tangent, for a level around the call.
Tensor cut(const Tensor& t, bool requires_grad = false) {
  const Tensor tangent = unpack_dual(t).tangent;
  const Tensor leaf = t.detach().requires_grad_(requires_grad);
  return tangent.defined() ? make_dual(leaf, tangent) : leaf;
}

/// One call of one of the functions: its name, what it was asked for, and its checks.
struct Call {
  const char* name;
  bool create_graph;
  bool strict;

  /// New tensors for the inputs: the function may have captured the old ones, whose gradients are
  /// not asked for.
  Tensors prepare(const Tensors& inputs, bool need_graph) const {
    TAPER_CHECK(!inputs.empty(), name, ": expected at least one input");
    Tensors prepared;
    for (const Tensor& t : inputs) {
      TAPER_CHECK(t.defined(), name, ": expected defined tensors, got an undefined one");
      prepared.push_back(create_graph && t.requires_grad() ? t.view(t.sizes())
                                                           : cut(t, need_graph));
    }
    return prepared;
  }

  Tensors prepare_v(const Tensors& v, const Tensors& like) const {
    TAPER_CHECK(v.size() == like.size(), name, ": v is a tuple of invalid length: should be ",
                like.size(), " but got ", v.size(), ".");
    for (size_t i = 0; i < v.size(); ++i) {
      TAPER_CHECK_AS(ShapeError, v[i].sizes() == like[i].sizes(), name, ": Entry ", i,
                     " in v has invalid size: should be ", like[i].sizes(), " but got ",
                     v[i].sizes(), ".");
    }
    return prepare(v, false);
  }

  /// v for the inputs; none stands for a one where there is a single element.
  Tensors prepare_v_for_inputs(const Tensors& v, const Tensors& inputs) const {
    if (!v.empty()) return prepare_v(v, inputs);
    TAPER_CHECK(inputs.size() == 1 && inputs[0].numel() == 1, name,
                ": The vector v can only be None if the input to the user-provided function is a "
                "single Tensor with a single element.");
    return {ones_like(inputs[0])};
  }

  void check_outputs(const Tensors& outputs) const {
    for (size_t i = 0; i < outputs.size(); ++i) {
      TAPER_CHECK(outputs[i].defined(), name, ": output ", i,
                  " of the user-provided function is undefined");
      TAPER_CHECK(
          !strict || outputs[i].requires_grad(), name, ": Output ", i,
          " of the user-provided function does not require gradients. The outputs must be "
          "computed in a differentiable manner from the input when running in strict mode.");
    }
  }

  void check_scalar(const Tensor& output) const {
    check_outputs({output});
    TAPER_CHECK_AS(ShapeError, output.numel() == 1, name,
                   ": The Tensor returned by the function given to ", name,
                   " should contain a single element, got sizes ", output.sizes());
  }

  /// In strict mode, gradients must be there and depend on the inputs.
  void check_gradients(const Tensors& grads, const char* text) const {
    for (size_t i = 0; strict && i < grads.size(); ++i) {
      TAPER_CHECK(grads[i].defined(), name,
                  ": The output of the user-provided function is independent of input ", i,
                  ". This is not allowed in strict mode.");
      TAPER_CHECK(grads[i].requires_grad(), name, ": The ", text, " input ", i,
                  " is independent of the inputs. This is not allowed in strict mode.");
    }
  }

  /// Zeros, of what they are the gradient of, for the gradients that are not there.
  Tensors complete(Tensors grads, const Tensors& refs, const char* what) const {
    for (size_t i = 0; i < grads.size(); ++i) {
      TAPER_CHECK(grads[i].defined() || !strict, name, ": The ", what,
                  " of the user-provided function is independent of input ", i,
                  ". This is not allowed in strict mode.");
      if (!grads[i].defined()) {
        grads[i] = zeros_like(refs[i]);
      } else {
        TAPER_CHECK(!strict || !create_graph || grads[i].requires_grad(), name, ": The ", what,
                    " of the user-provided function is independent of input ", i,
                    ". This is not allowed in strict mode when create_graph=True.");
      }
    }
    return grads;
  }

  Tensors finish(Tensors results) const {
    if (!create_graph) {
      for (Tensor& t : results) t = cut(t);
    }
    return results;
  }
};

/// grad() of the outputs that have a gradient; undefined where there is none.
Tensors gradients(const Tensors& outputs, const Tensors& inputs, const Tensors& v,
                  bool create_graph, bool retain_graph = false) {
  Tensors roots, weights;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].defined() || !outputs[i].requires_grad()) continue;
    roots.push_back(outputs[i]);
    weights.push_back(v.empty() ? Tensor() : v[i]);
  }
  if (roots.empty()) return Tensors(inputs.size());
  return autograd::grad(roots, inputs, weights, retain_graph || create_graph, create_graph, true);
}

Tensors zeros_with_grad(const Tensors& like) {
  Tensors zeros;
  for (const Tensor& t : like) zeros.push_back(zeros_like(t).requires_grad_());
  return zeros;
}

TensorFunction as_list(const SingleFunction& func) {
  return [&func](const Tensors& x) { return Tensors{func(x[0])}; };
}
ScalarFunction as_scalar(const SingleFunction& func) {
  return [&func](const Tensors& x) { return func(x[0]); };
}
Tensors optional_list(const Tensor& v) { return v.defined() ? Tensors{v} : Tensors(); }

/// Whether a call is to use tangents; inside a level, which cannot nest, backwards serve.
bool uses_tangents(const Call& call, std::string_view strategy) {
  const bool forward = strategy == "forward-mode";
  TAPER_CHECK_AS(ConfigError, forward || strategy == "reverse-mode", call.name,
                 ": Expected strategy to be either \"forward-mode\" or \"reverse-mode\". Got \"",
                 strategy, "\"");
  TAPER_CHECK_AS(ConfigError, !forward || !call.strict, call.name,
                 ": strict=True and strategy=\"forward-mode\" are not supported together");
  return forward && !forward_ad::in_dual_level();
}

/// The outputs of func at x, and their tangents along `directions`; an undefined direction is zero.
std::pair<Tensors, Tensors> push_forward(const Call& call, const TensorFunction& func, Tensors x,
                                         const Tensors& directions) {
  forward_ad::dual_level level;
  for (size_t i = 0; i < x.size(); ++i) {
    if (directions[i].defined()) x[i] = make_dual(x[i], directions[i]);
  }
  std::pair<Tensors, Tensors> result;
  for (const Tensor& output : func(x)) {
    TAPER_CHECK(output.defined(), call.name, ": output ", result.first.size(),
                " of the user-provided function is undefined");
    auto [primal, tangent] = unpack_dual(output);
    result.second.push_back(tangent.defined() ? tangent : zeros_like(output));
    result.first.push_back(std::move(primal));
  }
  return result;
}

/// Zeros with a one at an element.
Tensor unit_of(const Tensor& like, int64_t element) {
  Tensor unit = zeros(like.sizes(), like.scalar_type());
  if (like.numel() > 0) unit.view({-1}).select(0, element).fill_(1);
  return unit;
}

std::vector<Tensors> jacobian_by_tangents(const Call& call, const TensorFunction& func,
                                          const Tensors& given) {
  const Tensors x = call.prepare(given, false);
  std::vector<std::vector<Tensors>> columns;  // [output][input][element]
  Tensors outputs;
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t count = x[i].numel();
    for (int64_t e = 0; e < std::max<int64_t>(count, 1); ++e) {
      Tensors directions(x.size());
      directions[i] = unit_of(x[i], e);
      auto [results, tangents] = push_forward(call, func, x, directions);
      if (columns.empty()) columns.assign(results.size(), std::vector<Tensors>(x.size()));
      for (size_t o = 0; o < results.size() && count > 0; ++o) {
        columns[o][i].push_back(tangents[o].reshape({-1}));
      }
      outputs = std::move(results);
    }
  }
  std::vector<Tensors> jacobian(outputs.size());
  for (size_t o = 0; o < outputs.size(); ++o) {
    for (size_t i = 0; i < x.size(); ++i) {
      std::vector<int64_t> sizes = outputs[o].sizes().vec();
      sizes.insert(sizes.end(), x[i].sizes().begin(), x[i].sizes().end());
      jacobian[o].push_back(columns[o][i].empty() ? outputs[o].new_zeros(sizes)
                                                  : stack(columns[o][i], 1).reshape(sizes));
    }
    jacobian[o] = call.finish(std::move(jacobian[o]));
  }
  return jacobian;
}

/// The rows of one output's Jacobian, per input.
Tensors jacobian_of(const Call& call, const Tensor& output, size_t number, const Tensors& inputs) {
  std::vector<Tensors> rows(inputs.size());
  const Tensor flat = output.reshape({-1});
  for (int64_t e = 0; e < output.numel(); ++e) {
    Tensors row = gradients({flat.select(0, e)}, inputs, {}, call.create_graph, true);
    for (size_t i = 0; i < inputs.size(); ++i) {
      TAPER_CHECK(row[i].defined() || !call.strict, call.name, ": Output ", number,
                  " of the user-provided function is independent of input ", i,
                  ". This is not allowed in strict mode.");
      TAPER_CHECK(!row[i].defined() || !call.strict || !call.create_graph || row[i].requires_grad(),
                  call.name,
                  ": The jacobian of the user-provided function is independent of input ", i,
                  ". This is not allowed in strict mode when create_graph=True.");
      rows[i].push_back(row[i].defined() ? row[i] : zeros_like(inputs[i]));
    }
  }
  Tensors result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<int64_t> sizes = output.sizes().vec();
    sizes.insert(sizes.end(), inputs[i].sizes().begin(), inputs[i].sizes().end());
    result.push_back(rows[i].empty() ? inputs[i].new_zeros(sizes) : stack(rows[i]).view(sizes));
  }
  return result;
}

std::vector<Tensors> jacobian_call(const Call& call, const TensorFunction& func,
                                   const Tensors& given) {
  AutoGradMode enable(true);
  const Tensors inputs = call.prepare(given, true);
  const Tensors outputs = func(inputs);
  call.check_outputs(outputs);
  std::vector<Tensors> result;
  for (size_t o = 0; o < outputs.size(); ++o) {
    result.push_back(call.finish(jacobian_of(call, outputs[o], o, inputs)));
  }
  return result;
}

}  // namespace

std::vector<Tensors> jacobian(const TensorFunction& func, const Tensors& inputs, bool create_graph,
                              bool strict, std::string_view strategy) {
  const Call call{"jacobian", create_graph, strict};
  return uses_tangents(call, strategy) ? jacobian_by_tangents(call, func, inputs)
                                       : jacobian_call(call, func, inputs);
}

std::vector<Tensors> hessian(const ScalarFunction& func, const Tensors& inputs, bool create_graph,
                             bool strict) {
  const Call call{"hessian", create_graph, strict};
  const TensorFunction scalar = [&](const Tensors& x) {
    const Tensor output = func(x);
    call.check_scalar(output);
    return Tensors{output.reshape({})};
  };
  const TensorFunction gradient = [&](const Tensors& x) {
    Tensors grads = jacobian_call({"hessian", true, false}, scalar, x)[0];
    call.check_gradients(grads, "jacobian of the user-provided function with respect to");
    return grads;
  };
  return jacobian_call(call, gradient, inputs);
}

std::pair<Tensors, Tensors> vjp(const TensorFunction& func, const Tensors& inputs, const Tensors& v,
                                bool create_graph, bool strict) {
  const Call call{"vjp", create_graph, strict};
  AutoGradMode enable(true);
  const Tensors x = call.prepare(inputs, true);
  const Tensors outputs = func(x);
  call.check_outputs(outputs);
  TAPER_CHECK(!v.empty() || (outputs.size() == 1 && outputs[0].numel() == 1),
              "vjp: The vector v can only be None if the user-provided function returns a single "
              "Tensor with a single element.");
  const Tensors weights = v.empty() ? Tensors() : call.prepare_v(v, outputs);
  Tensors grads = gradients(outputs, x, weights, create_graph);
  return {call.finish(outputs),
          call.finish(call.complete(std::move(grads), x, create_graph ? "jacobian" : "output"))};
}

std::pair<Tensors, Tensors> jvp(const TensorFunction& func, const Tensors& inputs, const Tensors& v,
                                bool create_graph, bool strict, std::string_view strategy) {
  const Call call{"jvp", create_graph, strict};
  if (uses_tangents(call, strategy)) {
    const Tensors x = call.prepare(inputs, false);
    auto [outputs, tangents] = push_forward(call, func, x, call.prepare_v_for_inputs(v, x));
    return {call.finish(std::move(outputs)), call.finish(std::move(tangents))};
  }
  AutoGradMode enable(true);
  const Tensors x = call.prepare(inputs, true);
  const Tensors direction = call.prepare_v_for_inputs(v, x);
  const Tensors outputs = func(x);
  call.check_outputs(outputs);
  // The gradient is linear in its weights: its derivative with respect to them is the Jacobian's
  // transpose.
  const Tensors weights = zeros_with_grad(outputs);
  const Tensors grads = gradients(outputs, x, weights, true);
  call.check_gradients(grads, "gradient with respect to");
  Tensors result = gradients(grads, weights, direction, create_graph);
  return {call.finish(outputs), call.finish(call.complete(std::move(result), outputs, "jacobian"))};
}

namespace {

/// vhp, and hvp when through_weights: the gradient of the gradient, or its derivative with respect
/// to its weights.
std::pair<Tensor, Tensors> hessian_product(const Call& call, const ScalarFunction& func,
                                           const Tensors& inputs, const Tensors& v,
                                           bool through_weights) {
  AutoGradMode enable(true);
  const Tensors x = call.prepare(inputs, true);
  const Tensors direction = call.prepare_v_for_inputs(v, x);
  if (through_weights && !call.strict && !forward_ad::in_dual_level()) {
    Tensor output;
    const TensorFunction gradient = [&](const Tensors& duals) {
      output = func(duals);
      call.check_scalar(output);
      return call.complete(gradients({output}, duals, {}, call.create_graph), duals, "jacobian");
    };
    Tensors result = push_forward(call, gradient, x, direction).second;
    return {call.finish({output})[0], call.finish(std::move(result))};
  }
  const Tensor output = func(x);
  call.check_scalar(output);
  const Tensors first = gradients({output}, x, {}, true);
  call.check_gradients(first, "jacobian of the user-provided function with respect to");
  Tensors result;
  if (through_weights) {
    const Tensors weights = zeros_with_grad(x);
    const Tensors second = gradients(first, x, weights, true);
    call.check_gradients(second, "hessian of the user-provided function with respect to");
    result = gradients(second, weights, direction, call.create_graph);
  } else {
    result = gradients(first, x, direction, call.create_graph);
  }
  result = call.complete(std::move(result), x, call.create_graph ? "hessian" : "jacobian");
  return {call.finish({output})[0], call.finish(std::move(result))};
}

}  // namespace

std::pair<Tensor, Tensors> vhp(const ScalarFunction& func, const Tensors& inputs, const Tensors& v,
                               bool create_graph, bool strict) {
  return hessian_product({"vhp", create_graph, strict}, func, inputs, v, false);
}

std::pair<Tensor, Tensors> hvp(const ScalarFunction& func, const Tensors& inputs, const Tensors& v,
                               bool create_graph, bool strict) {
  return hessian_product({"hvp", create_graph, strict}, func, inputs, v, true);
}

// The forms of one tensor.

Tensor jacobian(const SingleFunction& func, const Tensor& input, bool create_graph, bool strict,
                std::string_view strategy) {
  return jacobian(as_list(func), Tensors{input}, create_graph, strict, strategy)[0][0];
}

Tensor hessian(const SingleFunction& func, const Tensor& input, bool create_graph, bool strict) {
  return hessian(as_scalar(func), Tensors{input}, create_graph, strict)[0][0];
}

std::pair<Tensor, Tensor> vjp(const SingleFunction& func, const Tensor& input, const Tensor& v,
                              bool create_graph, bool strict) {
  auto [outputs, result] =
      vjp(as_list(func), Tensors{input}, optional_list(v), create_graph, strict);
  return {outputs[0], result[0]};
}

std::pair<Tensor, Tensor> jvp(const SingleFunction& func, const Tensor& input, const Tensor& v,
                              bool create_graph, bool strict, std::string_view strategy) {
  auto [outputs, result] =
      jvp(as_list(func), Tensors{input}, optional_list(v), create_graph, strict, strategy);
  return {outputs[0], result[0]};
}

std::pair<Tensor, Tensor> vhp(const SingleFunction& func, const Tensor& input, const Tensor& v,
                              bool create_graph, bool strict) {
  auto [output, result] =
      vhp(as_scalar(func), Tensors{input}, optional_list(v), create_graph, strict);
  return {output, result[0]};
}

std::pair<Tensor, Tensor> hvp(const SingleFunction& func, const Tensor& input, const Tensor& v,
                              bool create_graph, bool strict) {
  auto [output, result] =
      hvp(as_scalar(func), Tensors{input}, optional_list(v), create_graph, strict);
  return {output, result[0]};
}

}  // namespace taper::autograd::functional
