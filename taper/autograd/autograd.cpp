#include "taper/autograd/autograd.h"

#include "taper/autograd/engine.h"
#include "taper/autograd/forward.h"
#include "taper/autograd/variable.h"

namespace taper {
namespace autograd {
namespace {

void add_roots(BackwardPass& pass, TensorList tensors, TensorList grads) {
  TAPER_CHECK(grads.empty() || grads.size() == tensors.size(), "backward: got ", tensors.size(),
              " tensors and ", grads.size(), " gradients");
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    Edge edge = gradient_edge(t.impl());
    TAPER_CHECK(edge.valid(), "backward: element ", i,
                " of tensors does not require grad and does not have a grad_fn");
    Tensor grad = grads.empty() ? Tensor() : grads[i];
    if (!grad.defined()) {
      TAPER_CHECK(t.numel() == 1,
                  "backward: grad can be implicitly created only for scalar outputs, got sizes ",
                  t.sizes());
      TAPER_CHECK_AS(DTypeError, !t.is_complex(),
                     "backward: grad can be implicitly created only for real scalar outputs but "
                     "got ",
                     t.scalar_type());
      grad = Tensor(TensorImpl::empty("backward", t.sizes(), t.scalar_type()));
      visit_dtype(t.scalar_type(), [&](auto one) {
        *static_cast<decltype(one)*>(grad.data_ptr()) = decltype(one)(1);
      });
    }
    TAPER_CHECK_AS(ShapeError, grad.sizes() == t.sizes(),
                   "backward: Mismatch in shape: grad_output[", i, "] has a shape of ",
                   grad.sizes(), " and output[", i, "] has a shape of ", t.sizes());
    TAPER_CHECK_AS(
        DTypeError, grad.is_complex() == t.is_complex(),
        "backward: For complex Tensors, both grad_output and output are required to have "
        "the same dtype. Mismatch in dtype: grad_output[",
        i, "] has a dtype of ", grad.scalar_type(), " and output[", i, "] has a dtype of ",
        t.scalar_type());
    pass.roots.push_back(std::move(edge));
    pass.root_grads.push_back(std::move(grad));
  }
}

}  // namespace

void backward(TensorList tensors, TensorList grad_tensors, std::optional<bool> retain_graph,
              bool create_graph, TensorList inputs) {
  if (!inputs.empty()) {
    const variable_list grads =
        grad(tensors, inputs, grad_tensors, retain_graph, create_graph, true);
    AutoGradMode mode(create_graph);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!grads[i].defined()) continue;
      Tensor& sum = inputs[i].mutable_grad();
      sum = sum.defined() ? sum.add(grads[i]) : grads[i].clone();
      run_post_accumulate_hooks(inputs[i].impl());
    }
    return;
  }
  BackwardPass pass;
  add_roots(pass, tensors, grad_tensors);
  pass.create_graph = create_graph;
  pass.keep_graph = retain_graph.value_or(create_graph);
  run_backward(pass);
}

variable_list grad(TensorList outputs, TensorList inputs, TensorList grad_outputs,
                   std::optional<bool> retain_graph, bool create_graph, bool allow_unused) {
  TAPER_CHECK(!inputs.empty(), "grad: grad requires non-empty inputs.");
  BackwardPass pass;
  add_roots(pass, outputs, grad_outputs);
  pass.create_graph = create_graph;
  pass.keep_graph = retain_graph.value_or(create_graph);
  for (size_t i = 0; i < inputs.size(); ++i) {
    Edge edge = gradient_edge(inputs[i].impl());
    TAPER_CHECK(edge.valid(),
                "grad: One of the differentiated Tensors does not require grad (input ", i, ")");
    pass.captures.push_back(std::move(edge));
  }
  GradList grads = run_backward(pass);
  variable_list result;
  for (size_t i = 0; i < grads.size(); ++i) {
    TAPER_CHECK(grads[i].defined() || allow_unused,
                "grad: One of the differentiated Tensors appears to not have been used in the "
                "graph (input ",
                i, "). Set allow_unused=true if this is the desired behavior.");
    result.push_back(std::move(grads[i]));
  }
  return result;
}

}  // namespace autograd

// Methods of Tensor that are autograd's.

bool Tensor::requires_grad() const { return tensor_requires_grad(impl()); }

const Tensor& Tensor::set_requires_grad(bool requires_grad) const {
  TAPER_CHECK_AS(DTypeError, !requires_grad || isDifferentiableType(scalar_type()),
                 "requires_grad: Only Tensors of floating point and complex dtype can require "
                 "gradients, got ",
                 scalar_type());
  TAPER_CHECK(!requires_grad || !is_inference() || thread_state.inference_mode,
              "requires_grad: Setting requires_grad=True on inference tensor outside "
              "InferenceMode is not allowed.");
  if (!is_leaf()) {
    TAPER_CHECK(requires_grad,
                "requires_grad: you can only change requires_grad flags of leaf variables. If you "
                "want to use a computed variable in a subgraph that doesn't require "
                "differentiation use var_no_grad = var.detach().");
    return *this;
  }
  if (requires_grad || impl().autograd() != nullptr) {
    VariableState::make(impl()).requires_grad = requires_grad;
  }
  return *this;
}

Tensor& Tensor::requires_grad_(bool requires_grad) const {
  return const_cast<Tensor&>(set_requires_grad(requires_grad));
}

bool Tensor::is_leaf() const { return !current_grad_fn(impl()); }

const Tensor& Tensor::grad() const {
  static const Tensor none;
  const VariableState* state = VariableState::of(impl());
  if (state == nullptr) return none;
  if (state->grad_fn && !state->retains_grad && !state->grad.defined()) {
    warn(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
        "attribute won't be populated during autograd.backward(). If you indeed want the .grad "
        "field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf "
        "Tensor.");
  }
  return state->grad;
}

Tensor& Tensor::mutable_grad() const { return VariableState::make(impl()).grad; }

IntrusivePtr<Node> Tensor::grad_fn() const { return current_grad_fn(impl()); }

int64_t Tensor::output_nr() const {
  const VariableState* state = VariableState::of(impl());
  return state != nullptr ? state->output_nr : 0;
}

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph,
                      std::optional<TensorList> inputs) const {
  autograd::backward(*this, gradient.defined() ? TensorList(gradient) : TensorList(), retain_graph,
                     create_graph, inputs.value_or(TensorList()));
}

void Tensor::retain_grad() const {
  TAPER_CHECK(requires_grad(),
              "retain_grad: can't retain_grad on Tensor that has requires_grad=False");
  if (is_leaf() || retains_grad()) return;
  retain_gradient(impl());
}

bool Tensor::retains_grad() const {
  const VariableState* state = VariableState::of(impl());
  return state != nullptr && state->retains_grad;
}

namespace {

NodeHooks& make_leaf_hooks(const TensorImpl& leaf) {
  auto& owned = VariableState::make(leaf).leaf_hooks;
  if (!owned) owned = std::make_unique<NodeHooks>();
  return *owned;
}

}  // namespace

unsigned Tensor::add_hook(Function<Tensor(const Tensor&)> hook) const {
  TAPER_CHECK(requires_grad(),
              "register_hook: cannot register a hook on a tensor that doesn't require gradient");
  const Edge edge = gradient_edge(impl());
  NodeHooks& hooks = is_leaf() ? make_leaf_hooks(impl()) : edge.node->make_hooks();
  hooks.tensor_hooks.push_back({edge.output_nr, std::move(hook)});
  return static_cast<unsigned>(hooks.tensor_hooks.size() - 1);
}

void Tensor::remove_hook(unsigned position) const {
  VariableState* state = VariableState::of(impl());
  NodeHooks* hooks = nullptr;
  if (state != nullptr) hooks = is_leaf() ? state->leaf_hooks.get() : grad_fn()->hooks();
  TAPER_CHECK_AS(IndexError, hooks != nullptr && position < hooks->tensor_hooks.size(),
                 "remove_hook: Invalid index, no hook at position ", position);
  hooks->tensor_hooks[position].hook = nullptr;
}

unsigned Tensor::register_post_accumulate_grad_hook(Function<void(const Tensor&)> hook) const {
  TAPER_CHECK(requires_grad(),
              "register_post_accumulate_grad_hook: cannot register a hook on a tensor that doesn't "
              "require gradient");
  TAPER_CHECK(is_leaf(),
              "register_post_accumulate_grad_hook: post accumulate grad hooks cannot be registered "
              "on non-leaf tensors");
  TAPER_CHECK(hook, "register_post_accumulate_grad_hook: expected a function, got an empty one");
  auto& hooks = make_leaf_hooks(impl()).post_accumulate;
  hooks.push_back(std::move(hook));
  return static_cast<unsigned>(hooks.size() - 1);
}

void Tensor::remove_post_accumulate_grad_hook(unsigned position) const {
  const VariableState* state = VariableState::of(impl());
  NodeHooks* hooks = state != nullptr ? state->leaf_hooks.get() : nullptr;
  TAPER_CHECK_AS(IndexError, hooks != nullptr && position < hooks->post_accumulate.size(),
                 "remove_post_accumulate_grad_hook: Invalid index, no hook at position ", position);
  hooks->post_accumulate[position] = nullptr;
}

Tensor Tensor::detach() const { return Tensor(TensorImpl::alias(impl())); }

Tensor& Tensor::detach_() const {
  TAPER_CHECK(!is_view(), "detach_: Can't detach views in-place. Use detach() instead.");
  if (VariableState* state = VariableState::of(impl())) {
    state->requires_grad = false;
    clear_history(impl());
    drop_tangent(impl());
  }
  return const_cast<Tensor&>(*this);
}

void Tensor::set_data(const Tensor& other) const {
  const VariableState* state = VariableState::of(impl());
  TAPER_CHECK_AS(
      DTypeError,
      state == nullptr || !state->requires_grad || isDifferentiableType(other.scalar_type()),
      "set_data: data set to a tensor that requires gradients must be floating point or "
      "complex dtype, got ",
      other.scalar_type());
  drop_tangent(impl());
  impl_->adopt(other.impl());
}

}  // namespace taper
