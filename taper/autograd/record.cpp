#include "taper/autograd/record.h"

#include "taper/autograd/forward.h"
#include "taper/autograd/saved_tensor.h"
#include "taper/autograd/variable.h"
#include "taper/base/spin_lock.h"

namespace taper {
namespace {

/// The node of an op recorded with record(): a closure and the tensors it needs.
class RecordedNode : public Node {
 public:
  explicit RecordedNode(const Record& r)
      : Node(r.name), unconjugated_(r.unconjugated), backward_(r.backward) {}

  void save(const TensorImpl* impl, int output_nr) {
    if (impl != nullptr) {
      SavedTensor::check_savable(name(), *impl);
      note_type(*impl);
      saved_.emplace_back(*impl, output_nr);
    } else {
      saved_.emplace_back();
    }
  }

  void apply(GradList& grads, GradList& out, bool release) override {
    GradList saved;
    unpack(saved, release);
    run(grads, saved, out);
  }

  std::vector<Tensor> saved_tensors() override {
    SpinLock lock(lock_);
    std::vector<Tensor> tensors;
    for (const SavedTensor& s : saved_) tensors.emplace_back(s.tensor);
    return tensors;
  }

  /// Once the outputs have tangents: a saved output is a tensor of its own.
  virtual void share_tangents(const TensorArgs& outputs) {
    for (const SavedTensor& s : saved_) {
      if (s.output_nr >= 0) copy_tangent(*outputs[static_cast<size_t>(s.output_nr)], *s.tensor);
    }
  }

 protected:
  void note_type(const TensorImpl& impl) { complex_ |= isComplexType(impl.dtype()); }

  void run(GradList& grads, GradList& saved, GradList& out) {
    if (complex_ && !unconjugated_) [[unlikely]] {
      for (Tensor& t : saved) {
        if (t.defined() && t.is_complex()) t = t.conj();
      }
    }
    Backward context(*this, grads, saved, out);
    backward_(context);
  }

  void unpack(GradList& tensors, bool release) {
    SpinLock lock(lock_);
    if (released_) [[unlikely]]
      fail_released(name());
    for (const SavedTensor& s : saved_) s.check_version(name());
    for (SavedTensor& s : saved_) tensors.push_back(s.restore(*this, release));
    released_ = release && !saved_.empty();
  }

  std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
  bool released_ = false;
  bool complex_ = false;  // of a tensor that was saved
  const bool unconjugated_;
  SmallVector<SavedTensor, 5> saved_;
  BackwardFunction backward_;
};

/// A RecordedNode whose saved tensors went through hooks.
class PackedNode final : public RecordedNode {
 public:
  using RecordedNode::RecordedNode;

  void save(const TensorImpl* impl, int output_nr) {
    packed_.emplace_back(name(), impl, output_nr, thread_state.saved_hooks);
    if (impl != nullptr) note_type(*impl);
  }

  void share_tangents(const TensorArgs& outputs) override {
    for (PackedTensor& p : packed_) p.share_tangent(outputs);
  }

  void apply(GradList& grads, GradList& out, bool release) override {
    // The hooks are the program's: they run without the lock, and what they throw leaves the node
    // as it was.
    std::vector<PackedTensor> packed;
    {
      SpinLock lock(lock_);
      if (released_) fail_released(name());
      packed = packed_;
    }
    GradList saved;
    for (const PackedTensor& p : packed) saved.push_back(p.unpack(name(), this));
    packed.clear();
    if (release && !saved.empty()) {
      SpinLock lock(lock_);
      released_ = true;
      packed.swap(packed_);
    }
    packed.clear();
    run(grads, saved, out);
  }

 private:
  std::vector<PackedTensor> packed_;
};

/// Adds the node, which goes to `kept` too unless that is null.
template <class NodeType>
void record_as(const Record& r, NodePtr* kept) {
  auto* recorded = new NodeType(r);
  NodePtr node = NodePtr::adopt(recorded);
  for (size_t i = 0; i < r.inputs.size(); ++i) {
    recorded->add_edge(r.inputs[i] != nullptr ? gradient_edge(*r.inputs[i]) : Edge());
  }
  for (size_t i = 0; i < r.outputs.size(); ++i) recorded->add_output(*r.outputs[i]);
  for (size_t i = 0; i < r.save.size(); ++i) {
    int output_nr = -1;
    for (size_t o = 0; o < r.outputs.size(); ++o) {
      if (r.save[i] != nullptr && r.save[i] == r.outputs[o]) output_nr = static_cast<int>(o);
    }
    recorded->save(r.save[i], output_nr);
  }
  recorded->stamp();
  if (kept != nullptr) *kept = node;
  const auto attach = [&r](size_t i, NodePtr to) {
    // Only floating-point and complex outputs carry gradients (indices do not).
    if (!isDifferentiableType(r.outputs[i]->dtype())) return;
    if (r.inplace && i == 0) {
      rebase_history(*r.outputs[0], std::move(to), 0);
    } else {
      set_history(*r.outputs[i], std::move(to), static_cast<uint32_t>(i));
    }
  };
  // The last output takes this reference: most ops have one.
  const size_t last = r.outputs.size() - 1;
  for (size_t i = 0; i < last; ++i) attach(i, node);
  attach(last, std::move(node));
}

void record_node(const Record& r, NodePtr* kept = nullptr) {
  if (thread_state.saved_hooks == nullptr) [[likely]]
    return record_as<RecordedNode>(r, kept);
  record_as<PackedNode>(r, kept);
}

bool any_requires_grad(const TensorArgs& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorImpl* impl = tensors[i];
    if (impl != nullptr && (impl->autograd() != nullptr || impl->base() != nullptr) &&
        tensor_requires_grad(*impl)) {
      return true;
    }
  }
  return false;
}

/// record() while tangents are computed.
TAPER_COLD void record_dual(const Record& r) {
  GradList tangents = tangents_of(r.inputs);  // before an input that is an output gets its new
  NodePtr node;
  const bool wants = thread_state.grad_enabled && any_requires_grad(r.inputs);
  if (wants) record_node(r, &node);
  give_tangents(r, std::move(tangents), wants);
  if (node) static_cast<RecordedNode&>(*node).share_tangents(r.outputs);
}

}  // namespace

bool wants_grad(const TensorArgs& tensors) {
  if (thread_state.forward_enabled && any_tangent(tensors)) [[unlikely]]
    return true;
  return thread_state.grad_enabled && any_requires_grad(tensors);
}

namespace detail {

void record(const Record& r) {
  if (thread_state.forward_enabled) [[unlikely]]
    return record_dual(r);
  if (r.wanted || any_requires_grad(r.inputs)) record_node(r);
}

}  // namespace detail
}  // namespace taper
