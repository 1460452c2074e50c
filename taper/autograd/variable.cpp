#include "taper/autograd/variable.h"

#include <new>
#include <string>

#include "taper/autograd/forward.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/record.h"
#include "taper/base/spin_lock.h"
#include "taper/core/thread_cache.h"
#include "taper/kernel/pointwise.h"

namespace taper {
namespace {

/// Undoes a write to a slice of a tensor: the slice's part of the gradient passes through the
/// op's own node, the rest goes on as it is.
class CopySlices final : public Node {
 public:
  CopySlices(const TensorImpl& base, const TensorImpl& view, NodePtr node)
      : Node("CopySlices"),
        base_sizes_(base.sizes()),
        base_strides_(base.strides()),
        base_offset_(base.storage_offset()),
        sizes_(view.sizes()),
        strides_(view.strides()),
        offset_(view.storage_offset()),
        node_(std::move(node)) {
    add_edge(gradient_edge(base));
    for (size_t i = 1; i < node_->num_inputs(); ++i) add_edge(node_->next_edge(i));
    add_output(base);
    stamp();
  }

  const char* op_name() const override { return node_->op_name(); }
  std::vector<Tensor> saved_tensors() override { return node_->saved_tensors(); }

  void apply(GradList& grads, GradList& out, bool release) override {
    // A copy with the base's geometry, so that the view's geometry addresses the same elements.
    Tensor whole = Tensor(TensorImpl::make("CopySlices", base_sizes_, base_strides_,
                                           grads[0].scalar_type(), nullptr, base_offset_));
    whole.copy_(grads[0]);
    const Tensor slice = whole.as_strided(sizes_, strides_, offset_);
    GradList slice_grads;
    slice_grads.push_back(slice.clone());
    GradList results;
    results.resize(node_->num_inputs());
    node_->apply(slice_grads, results, release);
    if (next_edge(0).valid()) {
      if (results[0].defined()) {
        slice.copy_(results[0]);
      } else {
        slice.zero_();
      }
      out[0] = std::move(whole);
    }
    for (size_t i = 1; i < results.size(); ++i) out[i] = std::move(results[i]);
  }

 private:
  DimVector base_sizes_, base_strides_;
  int64_t base_offset_;
  DimVector sizes_, strides_;
  int64_t offset_;
  NodePtr node_;
};

/// The gradient of a view, found from its geometry, for a base that was changed in place.
class ViewOfBase final : public Node {
 public:
  ViewOfBase(const TensorImpl& base, const TensorImpl& view)
      : Node("AsStridedBackward0"),
        base_sizes_(base.sizes()),
        base_strides_(base.strides()),
        base_offset_(base.storage_offset()),
        strides_(view.strides()),
        offset_(view.storage_offset()) {
    add_edge(gradient_edge(base));
    add_output(view);
    stamp();
  }

  void apply(GradList& grads, GradList& out, bool) override {
    Tensor whole = Tensor(TensorImpl::make("AsStridedBackward0", base_sizes_, base_strides_,
                                           grads[0].scalar_type(), nullptr, base_offset_));
    whole.zero_();
    whole.as_strided(output_meta(0).sizes, strides_, offset_).add_(grads[0]);
    out[0] = std::move(whole);
  }

 private:
  DimVector base_sizes_, base_strides_;
  int64_t base_offset_;
  DimVector strides_;
  int64_t offset_;
};

/// The node that made a tensor stops keeping the tensor's gradient.
void drop_retained(VariableState& state) {
  if (!std::exchange(state.retains_grad, false) || !state.grad_fn) return;
  NodeHooks* hooks = state.grad_fn->hooks();
  if (hooks == nullptr) return;
  for (size_t i = hooks->retained.size(); i-- > 0;) {
    if (VariableState::of(*hooks->retained[i].tensor) == &state) {
      hooks->retained.erase(hooks->retained.begin() + i);
    }
  }
}

/// Whether a view's base was given new history, by an op in place, since the view last looked.
bool base_changed(const TensorImpl& impl) {
  const TensorImpl* base = impl.base();
  return base != nullptr && base->history() != impl.base_history();
}

/// PyTorch's errors for a view whose history cannot be rewritten.
[[noreturn]] void fail_view(const char* op, const TensorImpl& impl, const char* what) {
  const VariableState* state = VariableState::of(impl);
  const bool made = state != nullptr && state->grad_fn;
  std::string text;
  if (made) text = str("Output ", state->output_nr, " of ", state->grad_fn->name(), " is a view ");
  if (!made || impl.view_kind() == ViewKind::kNoGrad) {
    text += str(made ? "of a view which was created in" : "A view was created in", " no_grad mode ",
                "and ", what, " modified inplace with grad mode enabled.");
  } else {
    text += str("and ", what, " modified inplace.");
  }
  const char* why[] = {
      "",
      " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify "
      "your code by moving both the view and the inplace either both inside the no_grad block (if "
      "you don't want the inplace to be tracked) or both outside (if you want the inplace to be "
      "tracked).",
      " This view is the output of a function that returns multiple views. Such functions do not "
      "allow the output views to be modified inplace. You should replace the inplace operation by "
      "an out-of-place one.",
      " This view was created inside a custom Function (or because an input was returned as-is) "
      "and the autograd logic to handle view+inplace would override the custom backward associated "
      "with the custom Function, leading to incorrect gradients. This behavior is forbidden. You "
      "can fix this by cloning the output of the custom Function.",
      " This view (view_as_real, real, imag ...) sees its base as another type. Write to a clone."};
  throw Error(str(op, ": ", text, why[static_cast<size_t>(impl.view_kind())]));
}

}  // namespace

VariableState& VariableState::make(const TensorImpl& impl) {
  if (VariableState* state = of(impl)) return *state;
  auto* state = new (detail::allocate(sizeof(VariableState))) VariableState;
  const_cast<TensorImpl&>(impl).set_autograd(state);
  return *state;
}

void VariableState::destroy() noexcept {
  drop_retained(*this);
  if (tangent != nullptr) end_slot(tangent);
  if (accumulator_rests) {
    detail::count_node(1);
    delete accumulator;
  }
  this->~VariableState();
  detail::deallocate(this, sizeof(VariableState));
}

void AccumulateGrad::attach(const TensorImpl& variable) {
  variable_ = TensorImplPtr::share(const_cast<TensorImpl*>(&variable));
  meta_.sizes.assign(variable.sizes().begin(), variable.sizes().end());
  meta_.dtype = variable.dtype();
}

NodeHooks* AccumulateGrad::hooks() const { return VariableState::of(*variable_)->leaf_hooks.get(); }

bool AccumulateGrad::may_end() noexcept {
  // Let go of after the lock: it may end the leaf, and with it this node.
  TensorImplPtr leaf;
  VariableState& state = *VariableState::of(*variable_);
  SpinLock lock(state.lock);
  if (state.accumulator != this) return true;
  // Another thread may have found this node through the tensor since the last release; it may also
  // have let go of it again, and then this thread is the last after all.
  if (use_count() > 1 && !release()) return false;
  state.accumulator_rests = true;
  leaf = std::move(variable_);
  detail::count_node(-1);
  return false;
}

void accumulate_grad(Tensor& sum, const Tensor& grad) {
  const TensorImpl &to = sum.impl(), &from = grad.impl();
  // The usual case without an op's checks, which have nothing to find here.
  if (!to.is_contiguous() || !from.is_contiguous() || to.dtype() != from.dtype() ||
      to.sizes() != from.sizes() || to.storage() == from.storage() || to.is_inference() ||
      thread_state.forward_enabled) {
    sum.add_(grad);
    return;
  }
  add_kernel(to.device(), View(&to), Operand(&to), Operand(&from), Params(Scalar(1)), to.dtype());
  to.bump_version();
}

namespace {

/// Whether nobody else can see this gradient's memory, so that it may become a leaf's grad and a
/// later write to it stays there. A view counts when only it holds what it is a view of, all of it.
bool is_sole_owner(const Tensor& grad) {
  const TensorImpl& impl = grad.impl();
  if (impl.base() == nullptr) return solely_owned(grad);
  return grad.use_count() == 1 && impl.storage()->use_count() == 2 &&
         impl.base()->use_count() == 1 && impl.numel() == impl.base()->numel();
}

}  // namespace

void AccumulateGrad::apply(GradList& grads, GradList&, bool) {
  VariableState& state = *VariableState::of(*variable_);
  accumulate(state, grads[0]);
  // After the lock: a hook may run a backward of its own.
  if (state.leaf_hooks) [[unlikely]]
    run_post_accumulate_hooks(*variable_);
}

void AccumulateGrad::accumulate(VariableState& state, Tensor& incoming) {
  std::lock_guard lock(mutex_);
  if (state.grad.defined()) {
    if (thread_state.grad_enabled) {
      state.grad = state.grad.add(incoming);
    } else {
      accumulate_grad(state.grad, incoming);
    }
    return;
  }
  if (!thread_state.grad_enabled && is_sole_owner(incoming) &&
      incoming.strides() == variable_->strides()) {
    if (incoming.is_view()) {
      state.grad = Tensor(TensorImpl::alias(incoming.impl()));
      copy_tangent(incoming.impl(), state.grad.impl());
    } else {
      state.grad = std::move(incoming);
    }
  } else if (thread_state.grad_enabled) {
    state.grad = incoming.clone();
  } else {
    Tensor copy(TensorImpl::empty_like(*variable_, incoming.scalar_type()));
    copy.copy_(incoming);
    state.grad = std::move(copy);
  }
}

void run_post_accumulate_hooks(const TensorImpl& leaf) {
  const VariableState* state = VariableState::of(leaf);
  if (state == nullptr || !state->leaf_hooks) return;
  const Tensor self(TensorImplPtr::share(const_cast<TensorImpl*>(&leaf)));
  const auto& hooks = state->leaf_hooks->post_accumulate;
  const size_t count = hooks.size();  // not those that a hook registers
  for (size_t i = 0; i < count; ++i) {
    const PostAccumulateHook hook = hooks[i];  // a copy: a hook may remove itself
    if (hook) hook(self);
  }
}

bool tensor_requires_grad(const TensorImpl& impl) {
  const VariableState* state = VariableState::of(impl);
  if (state != nullptr && (state->requires_grad || state->grad_fn)) return true;
  return base_changed(impl) && tensor_requires_grad(*impl.base());
}

NodePtr current_grad_fn(const TensorImpl& impl) {
  if (base_changed(impl) && tensor_requires_grad(*impl.base())) {
    VariableState& state = VariableState::make(impl);
    if (impl.view_kind() != ViewKind::kPlain) {
      fail_view("grad_fn", impl, "its base or another view of its base has been");
    }
    drop_retained(state);
    state.grad_fn = NodePtr::adopt(new ViewOfBase(*impl.base(), impl));
    state.output_nr = 0;
    const_cast<TensorImpl&>(impl).set_base_history(impl.base()->history());
  }
  const VariableState* state = VariableState::of(impl);
  return state != nullptr ? state->grad_fn : NodePtr();
}

Edge gradient_edge(const TensorImpl& impl) {
  VariableState* state = VariableState::of(impl);
  if (impl.base() != nullptr) {
    NodePtr node = current_grad_fn(impl);
    state = VariableState::of(impl);
    if (node) return {std::move(node), state->output_nr};
  }
  if (state == nullptr) return {};
  if (state->grad_fn) return {state->grad_fn, state->output_nr};
  if (!state->requires_grad) return {};
  SpinLock lock(state->lock);
  AccumulateGrad* node = state->accumulator;
  if (std::exchange(state->accumulator_rests, false)) {
    node->revive();
    node->attach(impl);
    detail::count_node(1);
  } else if (node != nullptr && node->use_count() > 0) {
    return {NodePtr::share(node), 0};
  } else {
    node = state->accumulator = new AccumulateGrad(impl);
  }
  return {NodePtr::adopt(node), 0};
}

void set_history(const TensorImpl& impl, NodePtr node, uint32_t output_nr) {
  VariableState& state = VariableState::make(impl);
  state.grad_fn = std::move(node);
  state.output_nr = output_nr;
}

void retain_gradient(const TensorImpl& impl) {
  VariableState& state = VariableState::make(impl);
  state.retains_grad = true;
  state.grad_fn->make_hooks().retained.push_back({state.output_nr, const_cast<TensorImpl*>(&impl)});
}

void clear_history(const TensorImpl& impl) {
  VariableState& state = VariableState::make(impl);
  drop_retained(state);
  state.grad_fn.reset();
  state.output_nr = 0;
}

namespace {

void replace_history(const TensorImpl& impl, NodePtr node, uint32_t output_nr) {
  VariableState& state = VariableState::make(impl);
  const bool retained = state.retains_grad;
  drop_retained(state);
  state.grad_fn = std::move(node);
  state.output_nr = output_nr;
  state.requires_grad = false;
  const_cast<TensorImpl&>(impl).bump_history();
  if (retained) retain_gradient(impl);
}

}  // namespace

void rebase_history(const TensorImpl& impl, NodePtr node, uint32_t output_nr) {
  const TensorImpl* base = impl.base();
  if (base == nullptr) {
    replace_history(impl, std::move(node), output_nr);
    return;
  }
  replace_history(*base, NodePtr::adopt(new CopySlices(*base, impl, std::move(node))), 0);
  const VariableState* state = VariableState::of(impl);
  const bool retained = state != nullptr && state->retains_grad;
  current_grad_fn(impl);
  if (retained) retain_gradient(impl);
}

void check_inplace(const char* op, const TensorImpl& impl, bool inputs_require_grad) {
  TAPER_CHECK(!impl.is_inference() || thread_state.inference_mode, op,
              ": Inplace update to inference tensor outside InferenceMode is not allowed. You can "
              "make a clone to get a normal tensor before doing inplace update.");
  if (thread_state.forward_enabled && impl.view_kind() == ViewKind::kRetyped &&
      (inputs_require_grad || has_tangent(impl))) {
    fail_view(op, impl, "is being");
  }
  if (!thread_state.grad_enabled) return;
  const auto is_leaf = [](const TensorImpl& of) {
    const VariableState* state = VariableState::of(of);
    return state != nullptr && state->requires_grad && !state->grad_fn;
  };
  if (const TensorImpl* base = impl.base()) {
    if (impl.view_kind() != ViewKind::kPlain &&
        (inputs_require_grad || tensor_requires_grad(impl) || tensor_requires_grad(*base))) {
      fail_view(op, impl, "is being");
    }
    TAPER_CHECK(!is_leaf(*base), op,
                ": a view of a leaf Variable that requires grad is being used in an in-place "
                "operation.");
  }
  TAPER_CHECK(!is_leaf(impl), op,
              ": a leaf Variable that requires grad is being used in an in-place operation.");
}

}  // namespace taper
