#include "taper/nn/backward_hooks.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "taper/autograd/forward.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"
#include "taper/nn/module.h"
#include "taper/ops/creation.h"

namespace taper::nn::detail {

/// What the two nodes of a call share.
struct BackwardLink {
  std::vector<HookSet::Entry> hooks, pre_hooks;
  Module* module;
  std::weak_ptr<const void> alive;  // as long as the module is
  size_t inputs = 0, outputs = 0;
  // The entries of the lists that hooks see for which the nodes carry a gradient.
  std::vector<size_t> input_slots, output_slots;
  bool has_input_node = false;
  /// From the second node's run until the first's; guarded, as two threads may run one graph.
  std::mutex mutex;
  std::optional<std::vector<Tensor>> grad_output;

  void run_pre_hooks(Module& module, std::vector<Tensor>& grads) const;
  std::vector<Tensor> run_hooks(Module& module, std::vector<Tensor> grad_input,
                                const std::vector<Tensor>& grads) const;
  void run_hooks_without_inputs(Module& module, const std::vector<Tensor>& grads) const;
};

void BackwardLink::run_pre_hooks(Module& module, std::vector<Tensor>& grads) const {
  for (const HookSet::Entry& hook : pre_hooks) {
    auto changed = hook.as<FullBackwardPreHook>()(module, grads);
    if (!changed) continue;
    TAPER_CHECK(changed->size() == grads.size(), module.name(),
                ": Backward pre hook returned an invalid number of grad_output, got ",
                changed->size(), ", but expected ", grads.size());
    grads = *std::move(changed);
  }
}

std::vector<Tensor> BackwardLink::run_hooks(Module& module, std::vector<Tensor> grad_input,
                                            const std::vector<Tensor>& grads) const {
  for (const HookSet::Entry& hook : hooks) {
    auto changed = hook.as<FullBackwardHook>()(module, grad_input, grads);
    if (!changed) continue;
    TAPER_CHECK(changed->size() == grad_input.size(), module.name(),
                ": Backward hook returned an invalid number of grad_input, got ", changed->size(),
                ", but expected ", grad_input.size());
    grad_input = *std::move(changed);
  }
  return grad_input;
}

void BackwardLink::run_hooks_without_inputs(Module& module,
                                            const std::vector<Tensor>& grads) const {
  const std::vector<Tensor> none(inputs);
  for (const HookSet::Entry& hook : hooks) {
    const auto changed = hook.as<FullBackwardHook>()(module, none, grads);
    TAPER_CHECK(!changed || std::none_of(changed->begin(), changed->end(),
                                         [](const Tensor& t) { return t.defined(); }),
                module.name(),
                ": Backward hook for Modules where no input requires gradient should always return "
                "None or None for all gradients.");
  }
}

namespace {

/// The identity on several tensors, whose backward runs hooks.
class HookNode final : public Node {
 public:
  HookNode(std::shared_ptr<BackwardLink> link, bool is_input)
      : Node("BackwardHookFunctionBackward"), link_(std::move(link)), is_input_(is_input) {}

  void apply(GradList& grads, GradList& out, bool) override {
    const std::shared_ptr<const void> alive = link_->alive.lock();
    if (alive == nullptr) {  // the module is gone, and its hooks with it
      for (size_t i = 0; i < grads.size(); ++i) out[i] = std::move(grads[i]);
    } else if (is_input_) {
      apply_inputs(*link_->module, grads, out);
    } else {
      apply_outputs(*link_->module, grads, out);
    }
  }

 private:
  void apply_outputs(Module& module, GradList& grads, GradList& out) {
    std::vector<Tensor> full(link_->outputs);
    for (size_t i = 0; i < grads.size(); ++i) full[link_->output_slots[i]] = grads[i];
    link_->run_pre_hooks(module, full);
    if (link_->has_input_node) {
      std::lock_guard lock(link_->mutex);
      link_->grad_output = full;
    } else {
      link_->run_hooks_without_inputs(module, full);
    }
    take(full, link_->output_slots, out);
  }

  void apply_inputs(Module& module, GradList& grads, GradList& out) {
    std::optional<std::vector<Tensor>> grad_output;
    {
      std::lock_guard lock(link_->mutex);
      grad_output.swap(link_->grad_output);
    }
    // An input that forward() did not use has a gradient of zeros.
    for (size_t i = 0; i < grads.size(); ++i) {
      if (!grads[i].defined() && next_edge(i).valid()) {
        const OutputMeta& meta = output_meta(i);
        grads[i] = zeros(meta.sizes, TensorOptions(meta.dtype));
      }
    }
    // Gradients that did not pass the module's output, as in a double backward, are not its own.
    if (!grad_output) {
      for (size_t i = 0; i < grads.size(); ++i) out[i] = std::move(grads[i]);
      return;
    }
    std::vector<Tensor> full(link_->inputs);
    for (size_t i = 0; i < grads.size(); ++i) full[link_->input_slots[i]] = grads[i];
    take(link_->run_hooks(module, std::move(full), *grad_output), link_->input_slots, out);
  }

  void take(const std::vector<Tensor>& full, const std::vector<size_t>& slots, GradList& out) {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (!next_edge(i).valid()) continue;
      const Tensor& grad = full[slots[i]];
      TAPER_CHECK_AS(ShapeError,
                     !grad.defined() || grad.sizes() == IntArrayRef(output_meta(i).sizes), name(),
                     ": hook has changed the size of value, got ", grad.sizes(), ", expected ",
                     IntArrayRef(output_meta(i).sizes));
      out[i] = grad;
    }
  }

  std::shared_ptr<BackwardLink> link_;
  bool is_input_;
};

/// Passes the tensors at the places through a node of the link; false when none needs a gradient.
bool insert_node(const std::shared_ptr<BackwardLink>& link, bool is_input,
                 const std::vector<Tensor*>& places) {
  if (!GradMode::is_enabled()) return false;
  std::vector<size_t>& slots = is_input ? link->input_slots : link->output_slots;
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] != nullptr && places[i]->defined() && places[i]->requires_grad()) {
      slots.push_back(i);
    }
  }
  if (slots.empty()) return false;
  NodePtr node = NodePtr::adopt(new HookNode(link, is_input));
  std::vector<Tensor> views;
  for (const size_t slot : slots) {
    const TensorImpl& impl = places[slot]->impl();
    node->add_edge(gradient_edge(impl));
    node->add_output(impl);
    views.emplace_back(TensorImpl::view(impl, impl.sizes(), impl.strides(), impl.storage_offset()));
  }
  node->stamp();
  for (size_t i = 0; i < slots.size(); ++i) {
    // A write to the view would lead its gradient past the hooks.
    const_cast<TensorImpl&>(views[i].impl()).set_view_kind(ViewKind::kCustomFunction);
    set_history(views[i].impl(), node, static_cast<uint32_t>(i));
    copy_tangent(places[slots[i]]->impl(), views[i].impl());
    *places[slots[i]] = views[i];
  }
  return true;
}

}  // namespace

BackwardHooks::BackwardHooks(Module& module) {
  std::vector<HookSet::Entry> hooks, pre_hooks;
  collect_hooks(module, HookKind::kFullBackward, hooks);
  collect_hooks(module, HookKind::kFullBackwardPre, pre_hooks);
  if (hooks.empty() && pre_hooks.empty()) return;
  link_ = std::make_shared<BackwardLink>();
  link_->hooks = std::move(hooks);
  link_->pre_hooks = std::move(pre_hooks);
  link_->module = &module;
  link_->alive = module.weak_from_this();
  // A module that no shared_ptr holds shows by its set of hooks that it is there.
  if (link_->alive.expired()) link_->alive = hook_set(module);
}

bool BackwardHooks::enter(ValueList& arguments) {
  if (link_ == nullptr) return false;
  std::vector<Tensor*> places;
  for (AnyValue& argument : arguments) {
    if (!argument.find_tensors(places)) places.push_back(nullptr);
  }
  link_->inputs = places.size();
  link_->has_input_node = insert_node(link_, true, places);
  return link_->has_input_node;
}

bool BackwardHooks::leave(AnyValue& output) {
  if (link_ == nullptr) return false;
  std::vector<Tensor*> places;
  if (!output.find_tensors(places)) {
    warn(
        str("For backward hooks to be called, module output should be a Tensor or a tuple of "
            "Tensors but received ",
            demangle(output.type_info())));
    return false;
  }
  link_->outputs = places.size();
  return insert_node(link_, false, places);
}

}  // namespace taper::nn::detail
