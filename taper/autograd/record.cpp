#include "taper/autograd/record.h"

#include "taper/autograd/variable.h"
#include "taper/base/spin_lock.h"

namespace taper {
namespace {

const char* type_name(const TensorImpl& impl) { return toString(impl.dtype()); }

/// The node of an op recorded with record(): a closure and the tensors it needs.
class RecordedNode final : public Node {
 public:
  explicit RecordedNode(const Record& r) : Node(r.name), backward_(r.backward) {}

  void save(const TensorImpl* impl, int output_nr) {
    Saved& s = saved_.emplace_back();
    if (impl == nullptr) return;
    TAPER_CHECK(!impl->is_inference(), name(),
                ": Inference tensors cannot be saved for backward. To work around you can make a "
                "clone to get a normal tensor and use it in autograd.");
    s.version = impl->version();
    s.output_nr = output_nr;
    // An output would hold this node, which would hold the output: keep its memory only.
    s.tensor = output_nr >= 0 ? TensorImpl::alias(*impl)
                              : TensorImplPtr::share(const_cast<TensorImpl*>(impl));
  }

  void apply(GradList& grads, GradList& out, bool release) override {
    GradList saved;
    unpack(saved, release);
    Backward context(*this, grads, saved, out);
    backward_(context);
  }

 private:
  struct Saved {
    TensorImplPtr tensor;
    uint32_t version = 0;
    int output_nr = -1;
  };

  void unpack(GradList& tensors, bool release) {
    SpinLock lock(lock_);
    TAPER_CHECK(!released_, name(),
                ": Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd::grad(). Specify "
                "retain_graph=true if you need to backward through the graph a second time.");
    for (Saved& s : saved_) {
      if (s.tensor) check_version(s);
    }
    for (Saved& s : saved_) {
      const int output_nr = s.output_nr;
      Tensor t(release ? std::move(s.tensor) : s.tensor);
      if (output_nr >= 0 && t.defined() && thread_state.grad_enabled) {
        t = Tensor(TensorImpl::alias(t.impl()));
        set_history(t.impl(), NodePtr::share(this), static_cast<uint32_t>(output_nr));
      }
      tensors.push_back(std::move(t));
    }
    released_ = release && !saved_.empty();
  }

  void check_version(const Saved& s) const {
    TAPER_CHECK(s.tensor->version() == s.version, name(),
                ": one of the variables needed for gradient computation has been modified by an "
                "inplace operation: [",
                type_name(*s.tensor), " ", s.tensor->sizes(), "] is at version ",
                s.tensor->version(), "; expected version ", s.version, " instead.");
  }

  std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
  bool released_ = false;
  SmallVector<Saved, 5> saved_;
  BackwardFunction backward_;
};

}  // namespace

bool wants_grad(const TensorArgs& tensors) {
  if (!thread_state.grad_enabled) return false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorImpl* impl = tensors[i];
    if (impl != nullptr && (impl->autograd() != nullptr || impl->base() != nullptr) &&
        tensor_requires_grad(*impl)) {
      return true;
    }
  }
  return false;
}

namespace detail {

void record(const Record& r) {
  if (!r.wanted && !wants_grad(r.inputs)) return;
  auto* recorded = new RecordedNode(r);
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
  const auto attach = [&r](size_t i, NodePtr to) {
    // Only floating-point outputs carry gradients (indices do not).
    if (!isFloatingType(r.outputs[i]->dtype())) return;
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

}  // namespace detail
}  // namespace taper
