#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "taper/base/intrusive_ptr.h"
#include "taper/base/small_vector.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

class Node;
using NodePtr = IntrusivePtr<Node>;

/// Where a gradient goes: an input of a node, which is the output_nr-th output of the op that the
/// node undoes. Without a node the gradient is not wanted.
struct Edge {
  NodePtr node;
  uint32_t output_nr = 0;

  bool valid() const { return static_cast<bool>(node); }
};

/// What the gradient of an output must look like.
struct OutputMeta {
  DimVector sizes;
  ScalarType dtype = ScalarType::Undefined;
};

using TensorHook = Function<Tensor(const Tensor&)>;
using PostAccumulateHook = Function<void(const Tensor&)>;

/// Hooks of the tensors that a node made; allocated only when there are any.
struct NodeHooks {
  struct Entry {
    uint32_t output_nr;
    TensorHook hook;  // blank once removed: positions stay
  };
  SmallVector<Entry, 2> tensor_hooks;
  /// Outputs whose gradient is kept; weak, cleared by the tensor when it goes.
  struct Retained {
    uint32_t output_nr;
    TensorImpl* tensor;
  };
  SmallVector<Retained, 1> retained;
  /// Of a leaf, after its grad has grown; blank once removed.
  SmallVector<PostAccumulateHook, 1> post_accumulate;
};

/// A list of gradients, one per output or input of an op, or of its saved tensors; in place for the
/// five that a loss saves.
using GradList = SmallVector<Tensor, 5>;

/// One recorded op: turns the gradients of its outputs into those of its inputs.
class Node : public RefCounted {
 public:
  explicit Node(const char* name) : name_(name) {}
  virtual ~Node() = default;

  const char* name() const { return name_; }
  /// The name of the op's own node, for one that stands for it.
  virtual const char* op_name() const { return name_; }
  uint64_t sequence() const { return sequence_; }
  size_t num_inputs() const { return edges_.size(); }
  size_t num_outputs() const { return outputs_.size(); }
  const Edge& next_edge(size_t i) const { return edges_[i]; }
  virtual const OutputMeta& output_meta(size_t i) const { return outputs_[i]; }

  /// Fills out[i] for each wanted input i. grads has one entry per output, undefined where no
  /// gradient came. With release the node may give up what it saved.
  virtual void apply(GradList& grads, GradList& out, bool release) = 0;

  /// The tensors kept for the backward, as they are; empty once given up.
  virtual std::vector<Tensor> saved_tensors() { return {}; }

  /// Hooks, or null.
  virtual NodeHooks* hooks() const { return hooks_.get(); }
  NodeHooks& make_hooks();

  // Building; a node is complete once recorded.
  void add_edge(Edge edge) { edges_.push_back(std::move(edge)); }
  void add_output(const TensorImpl& output) {
    OutputMeta& meta = outputs_.emplace_back();
    meta.sizes.assign(output.sizes().begin(), output.sizes().end());
    meta.dtype = output.dtype();
  }
  /// Orders the node after all that it depends on and all that this thread recorded before.
  void stamp();
  SmallVector<Edge, 3>& edges() { return edges_; }

  /// Ends nodes iteratively: a chain of a million needs no stack.
  static void destroy(Node* node) noexcept;
  static void* operator new(size_t bytes);
  static void operator delete(void* node, size_t bytes) noexcept;

 protected:
  friend class AccumulateGrad;
  /// Last word before the end: false keeps the node alive.
  virtual bool may_end() noexcept { return true; }

  const char* name_;
  uint64_t sequence_ = 0;
  Node* delete_next_ = nullptr;
  SmallVector<Edge, 3> edges_;
  SmallVector<OutputMeta, 1> outputs_;
  std::unique_ptr<NodeHooks> hooks_;
};

}  // namespace taper
