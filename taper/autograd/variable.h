#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "taper/autograd/node.h"
#include "taper/tensor/tensor.h"

namespace taper {

class AccumulateGrad;
struct TangentSlot;  // autograd/forward.cpp

/// Autograd's part of a tensor: what a TensorImpl's opaque AutogradState really is.
struct VariableState final : AutogradState {
  bool requires_grad = false;  // of a leaf
  bool retains_grad = false;
  uint32_t output_nr = 0;
  std::atomic_flag lock = ATOMIC_FLAG_INIT;  // guards accumulator and its rest
  AccumulateGrad* accumulator = nullptr;     // weak, but owned while it rests
  bool accumulator_rests = false;            // no graph holds it; the next one takes it up again
  NodePtr grad_fn;
  Tensor grad;
  std::unique_ptr<NodeHooks> leaf_hooks;
  TangentSlot* tangent = nullptr;  // owned; once the tensor has had a tangent

  void destroy() noexcept override;

  /// The state of a tensor, or null.
  static VariableState* of(const TensorImpl& impl) {
    return static_cast<VariableState*>(impl.autograd());
  }
  static VariableState& make(const TensorImpl& impl);
};

/// The sink of a leaf: adds the arriving gradient to the leaf's grad. It holds its leaf while a
/// graph holds it, and is kept by the leaf between graphs.
class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(const TensorImpl& variable) : Node("AccumulateGrad") {
    sequence_ = UINT64_MAX;
    attach(variable);
  }
  /// Takes the leaf, as it is now.
  void attach(const TensorImpl& variable);
  void apply(GradList& grads, GradList& out, bool release) override;
  NodeHooks* hooks() const override;
  const OutputMeta& output_meta(size_t) const override { return meta_; }
  const TensorImpl& variable() const { return *variable_; }

 private:
  bool may_end() noexcept override;
  void accumulate(VariableState& state, Tensor& incoming);

  TensorImplPtr variable_;
  OutputMeta meta_;
  std::mutex mutex_;
};

/// Calls the hooks of a leaf whose grad has grown.
void run_post_accumulate_hooks(const TensorImpl& leaf);
/// sum += grad, outside the graph.
void accumulate_grad(Tensor& sum, const Tensor& grad);
/// Whether gradients flow to this tensor.
bool tensor_requires_grad(const TensorImpl& impl);
/// The node and output that the gradient of this tensor goes to; invalid when none is wanted.
Edge gradient_edge(const TensorImpl& impl);
/// grad_fn, renewed for a view whose base was changed in place.
NodePtr current_grad_fn(const TensorImpl& impl);
/// After an in-place op: the tensor (and its base, for a view) is now made by node.
void rebase_history(const TensorImpl& impl, NodePtr node, uint32_t output_nr);
/// The node that made a (non-leaf) tensor keeps the tensor's gradient in its grad.
void retain_gradient(const TensorImpl& impl);
/// Makes a tensor a leaf.
void clear_history(const TensorImpl& impl);
/// A new tensor that a node made.
void set_history(const TensorImpl& impl, NodePtr node, uint32_t output_nr);
/// Throws when a write in place to this tensor would break the graph.
void check_inplace(const char* op, const TensorImpl& impl, bool inputs_require_grad);

}  // namespace taper
