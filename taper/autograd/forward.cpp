#include "taper/autograd/forward.h"

#include <atomic>
#include <utility>

#include "taper/autograd/autocast_state.h"
#include "taper/autograd/autograd.h"
#include "taper/autograd/engine.h"
#include "taper/autograd/forward_ad.h"
#include "taper/autograd/variable.h"
#include "taper/base/spin_lock.h"
#include "taper/core/sizes.h"

namespace taper {

/// The slots with a tangent of one level.
struct DualLevel {
  TangentSlot* first = nullptr;
};

struct TangentSlot {
  DualLevel* level = nullptr;  // null outside the level that filled the slot
  Tensor value;
  TangentSlot* previous = nullptr;
  TangentSlot* next = nullptr;
};

namespace {

/// Guards every slot: a level empties its slots while another thread may read their tensors.
std::atomic_flag slots_lock = ATOMIC_FLAG_INIT;

void link(TangentSlot& slot, DualLevel* level) {
  slot.level = level;
  slot.previous = nullptr;
  slot.next = level->first;
  if (slot.next != nullptr) slot.next->previous = &slot;
  level->first = &slot;
}

void unlink(TangentSlot& slot) {
  if (slot.level == nullptr) return;
  (slot.previous != nullptr ? slot.previous->next : slot.level->first) = slot.next;
  if (slot.next != nullptr) slot.next->previous = slot.previous;
  slot.level = nullptr;
}

struct Found {
  bool here = false;
  Tensor value;
};

/// What the tensor's own slot says in this thread's level.
Found find(const TensorImpl& impl) {
  const VariableState* state = VariableState::of(impl);
  if (state == nullptr || state->tangent == nullptr) return {};
  SpinLock lock(slots_lock);
  if (state->tangent->level != thread_state.dual_level) return {};
  return {true, state->tangent->value};
}

/// The tangent in its tensor's strides, so that a view's geometry addresses the same elements of
/// both; undefined when elements of the tensor overlap.
Tensor laid_out(const TensorImpl& impl, const Tensor& tangent) {
  if (tangent.strides() == impl.strides()) return tangent;
  if (has_internal_overlap(impl.sizes(), impl.strides())) return {};
  const TensorImplPtr own =
      TensorImpl::make("forward_ad", impl.sizes(), impl.strides(), impl.dtype(), nullptr, 0);
  const int64_t count = static_cast<int64_t>(own->storage()->nbytes()) / elementSize(impl.dtype());
  // Gaps between the elements may be seen through as_strided().
  Tensor(TensorImpl::make("forward_ad", {count}, {1}, impl.dtype(), own->storage(), 0)).zero_();
  Tensor result(own);
  result.copy_(tangent);
  return result;
}

/// The part of a tangent, in its tensor's strides, that belongs to a view of the tensor.
Tensor part_of(const TensorImpl& whole, const Tensor& tangent, const TensorImpl& view) {
  const int64_t item = elementSize(view.dtype()), whole_item = elementSize(whole.dtype());
  const int64_t offset = view.storage_offset() +
                         (tangent.storage_offset() - whole.storage_offset()) * whole_item / item;
  if (view.dtype() == whole.dtype()) {
    return tangent.as_strided(view.sizes(), view.strides(), offset);
  }
  TAPER_CHECK(!tangent.requires_grad(),
              "forward_ad: a tangent that requires grad cannot be seen as another type, got ",
              whole.dtype(), " seen as ", view.dtype());
  return Tensor(
      TensorImpl::view_as(tangent.impl(), view.dtype(), view.sizes(), view.strides(), offset));
}

}  // namespace

void end_slot(TangentSlot* slot) noexcept {
  {
    SpinLock lock(slots_lock);
    unlink(*slot);
  }
  delete slot;
}

Tensor tangent_of(const TensorImpl& impl) {
  if (thread_state.dual_level == nullptr) return {};
  Found own = find(impl);
  const TensorImpl* base = impl.base();
  if (own.here || base == nullptr) return std::move(own.value);
  const Tensor whole = find(*base).value;
  if (!whole.defined()) return {};
  AutoFwGradMode off(false);
  AutoGradMode mode(thread_state.grad_enabled || whole.requires_grad());
  const Tensor placed = laid_out(*base, whole);
  if (!placed.defined()) return {};
  if (!placed.is_same(whole)) set_tangent(*base, placed);
  Tensor part = part_of(*base, placed, impl);
  set_tangent(impl, part);
  return part;
}

GradList tangents_of(const TensorArgs& tensors) {
  GradList tangents;
  for (size_t i = 0; i < tensors.size(); ++i) {
    tangents.push_back(tensors[i] != nullptr ? tangent_of(*tensors[i]) : Tensor());
  }
  return tangents;
}

bool has_tangent(const TensorImpl& impl) {
  if (thread_state.dual_level == nullptr) return false;
  const Found own = find(impl);
  if (own.here || impl.base() == nullptr) return own.value.defined();
  return find(*impl.base()).value.defined();
}

bool any_tangent(const TensorArgs& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i] != nullptr && has_tangent(*tensors[i])) return true;
  }
  return false;
}

void set_tangent(const TensorImpl& impl, Tensor tangent) {
  VariableState& state = VariableState::make(impl);
  if (state.tangent == nullptr) state.tangent = new TangentSlot;
  // The old tangent goes after the lock: with it may go a graph.
  SpinLock lock(slots_lock);
  unlink(*state.tangent);
  link(*state.tangent, thread_state.dual_level);
  std::swap(state.tangent->value, tangent);
}

void set_own_tangent(const TensorImpl& impl, Tensor tangent) {
  set_tangent(impl, solely_owned(tangent) ? std::move(tangent) : tangent.clone());
}

void write_tangent(const TensorImpl& impl, Tensor tangent) {
  AutoFwGradMode off(false);
  Tensor old = tangent_of(impl);
  if (!old.defined() && !tangent.defined()) return;
  const TensorImpl* base = impl.base();
  if (!old.defined() && base != nullptr && !find(impl).here) {
    const TensorImplPtr zeros =
        TensorImpl::make("forward_ad", base->sizes(), base->strides(), base->dtype(), nullptr, 0);
    Tensor(zeros).zero_();
    set_tangent(*base, Tensor(zeros));
    old = tangent_of(impl);
  }
  if (!old.defined()) return set_own_tangent(impl, std::move(tangent));
  const Tensor placed = laid_out(impl, old);
  if (!placed.is_same(old)) set_tangent(impl, placed);
  if (tangent.defined()) {
    placed.copy_(tangent);
  } else {
    placed.zero_();
  }
}

void copy_tangent(const TensorImpl& from, const TensorImpl& to) {
  if (!thread_state.forward_enabled) return;
  if (Tensor tangent = tangent_of(from); tangent.defined()) set_tangent(to, std::move(tangent));
}

void drop_tangent(const TensorImpl& impl) {
  if (has_tangent(impl)) set_tangent(impl, Tensor());
}

namespace {

/// Stands for an input that has a tangent, or for the op itself, in what a backward sees.
class TangentNode final : public Node {
 public:
  using Node::Node;
  void apply(GradList&, GradList&, bool) override {}
};

/// The op's node, whose wanted inputs are those in `wanted`; each looks like `like`, or like the
/// input itself without one.
NodePtr node_of(const Record& r, const GradList& wanted, const TensorImpl* like = nullptr) {
  NodePtr node = NodePtr::adopt(new TangentNode(r.name));
  for (size_t i = 0; i < wanted.size(); ++i) {
    NodePtr input;
    if (wanted[i].defined()) {
      input = NodePtr::adopt(new TangentNode(r.name));
      input->add_output(like != nullptr ? *like : *r.inputs[i]);
    }
    node->add_edge({std::move(input), 0});
  }
  for (size_t o = 0; o < r.outputs.size(); ++o) node->add_output(*r.outputs[o]);
  return node;
}

/// What the record's backward gives for `grads`.
GradList run_backward_of(const Record& r, const Node& node, GradList& grads) {
  GradList saved, out;
  for (size_t i = 0; i < r.save.size(); ++i) {
    Tensor t(r.save[i] != nullptr ? TensorImplPtr::share(const_cast<TensorImpl*>(r.save[i]))
                                  : TensorImplPtr());
    if (t.defined() && t.is_complex() && !r.unconjugated) t = t.conj();
    saved.push_back(std::move(t));
  }
  out.resize(r.inputs.size());
  Backward context(node, grads, saved, out);
  r.backward(context);
  return out;
}

/// As each input's Jacobian is diagonal, its product with a tangent is that with a gradient; of
/// complex functions, which are differentiable as such, a gradient meets the conjugate.
bool by_backward(const Record& r, const GradList& tangents, GradList& results) {
  if (!r.pointwise) return false;
  const TensorImpl& output = *r.outputs[0];
  const bool complex = isComplexType(output.dtype());
  for (const Tensor& t : tangents) {
    if (complex ? r.unconjugated : t.defined() && t.is_complex()) return false;
  }
  for (size_t i = 0; i < tangents.size(); ++i) {
    if (!tangents[i].defined()) continue;
    GradList one, grads;
    one.resize(tangents.size());
    one[i] = tangents[i];
    Tensor t =
        tangents[i].sizes() == output.sizes() ? tangents[i] : tangents[i].expand(output.sizes());
    if (t.scalar_type() != output.dtype()) t = t.to(output.dtype());
    grads.push_back(complex ? t.conj() : t);
    t = Tensor();
    const NodePtr node = node_of(r, one, &output);
    Tensor part = run_backward_of(r, *node, grads)[i];
    if (!part.defined()) continue;
    results[0] = results[0].defined() ? results[0].add(part) : std::move(part);
  }
  if (complex && results[0].defined()) results[0] = results[0].conj();
  return true;
}

/// Results that see the memory of the input have the same parts of its tangent.
bool by_geometry(const Record& r, const GradList& tangents, GradList& results) {
  if (r.inputs.size() != 1 || r.inplace) return false;
  const TensorImpl& input = *r.inputs[0];
  for (size_t o = 0; o < r.outputs.size(); ++o) {
    const TensorImpl& output = *r.outputs[o];
    if (output.base() == nullptr || output.storage() != input.storage()) return false;
    if (output.dtype() != input.dtype() && tangents[0].requires_grad()) return false;
  }
  const Tensor placed = laid_out(input, tangents[0]);
  if (!placed.defined()) return false;
  if (!placed.is_same(tangents[0])) set_tangent(input, placed);
  for (size_t o = 0; o < r.outputs.size(); ++o) results[o] = part_of(input, placed, *r.outputs[o]);
  return true;
}

/// The backward's own graph is no business of the program's hooks.
class NoSavedTensorsHooks {
 public:
  NoSavedTensorsHooks() : before_(std::exchange(thread_state.saved_hooks, nullptr)) {}
  ~NoSavedTensorsHooks() { thread_state.saved_hooks = before_; }
  NoSavedTensorsHooks(const NoSavedTensorsHooks&) = delete;
  NoSavedTensorsHooks& operator=(const NoSavedTensorsHooks&) = delete;

 private:
  const autograd::graph::saved_tensors_hooks* before_;
};

/// The gradients are linear in those of the outputs: their derivative with respect to these, along
/// the tangents, is the Jacobian's product with the tangents.
void by_double_backward(const Record& r, const GradList& tangents, bool keep_graph,
                        GradList& results) {
  const NodePtr node = node_of(r, tangents);
  GradList weights;
  std::vector<Tensor> wanted, roots, root_grads;
  std::vector<size_t> places;
  AutoGradMode mode(true);
  {
    NoSavedTensorsHooks no_hooks;
    for (size_t o = 0; o < r.outputs.size(); ++o) {
      Tensor& weight = weights.emplace_back();
      if (!isDifferentiableType(r.outputs[o]->dtype())) continue;
      weight = Tensor(TensorImpl::empty(r.name, r.outputs[o]->sizes(), r.outputs[o]->dtype()));
      weight.zero_().requires_grad_();
      wanted.push_back(weight);
      places.push_back(o);
    }
    GradList grads = run_backward_of(r, *node, weights);
    for (size_t i = 0; i < tangents.size(); ++i) {
      if (!tangents[i].defined() || !grads[i].defined()) continue;
      const Edge& edge = node->next_edge(i);
      Tensor root = fit_gradient(std::move(grads[i]), edge.node->output_meta(0), node.get(), i);
      if (!root.requires_grad()) continue;
      roots.push_back(std::move(root));
      root_grads.push_back(tangents[i]);
    }
  }
  if (roots.empty()) return;
  auto found = autograd::grad(roots, wanted, root_grads, keep_graph, keep_graph, true);
  for (size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(found[i]);
}

/// Copies what a write in place to the first tangent overwrites: the tangent's graph may save it,
/// and would otherwise be held by what it holds.
void keep_overwritten(GradList& tangents) {
  if (!tangents[0].defined()) return;
  const StoragePtr storage = tangents[0].impl().storage();
  for (Tensor& t : tangents) {
    if (t.defined() && t.impl().storage() == storage) t = t.clone();
  }
}

}  // namespace

void give_tangents(const Record& r, GradList tangents, bool keep_graph) {
  bool any = false;
  for (const Tensor& t : tangents) {
    any |= t.defined();
    keep_graph |= t.defined() && t.requires_grad();
  }
  AutoFwGradMode off(false);
  AutocastScope no_autocast(false);
  keep_graph &= thread_state.grad_enabled;
  if (r.inplace && keep_graph) keep_overwritten(tangents);
  GradList results;
  results.resize(r.outputs.size());
  const bool views = any && !r.jvp && by_geometry(r, tangents, results);
  if (r.jvp && any) {
    Forward forward(tangents, results);
    r.jvp(forward);
  } else if (any && !views && !by_backward(r, tangents, results)) {
    by_double_backward(r, tangents, keep_graph, results);
  }
  for (size_t o = 0; o < r.outputs.size(); ++o) {
    const TensorImpl& output = *r.outputs[o];
    if (!isDifferentiableType(output.dtype())) continue;
    if (r.inplace && o == 0) {
      write_tangent(output, std::move(results[o]));
    } else if (results[o].defined()) {
      views ? set_tangent(output, std::move(results[o]))
            : set_own_tangent(output, std::move(results[o]));
    } else if (output.base() != nullptr && has_tangent(output)) {
      set_tangent(output, Tensor());  // a view of a primal: its base's tangent is not its own
    }
  }
}

namespace autograd::forward_ad {
namespace {

void end_level(DualLevel* level) {
  while (true) {
    Tensor gone;  // ends after the lock
    SpinLock lock(slots_lock);
    TangentSlot* slot = level->first;
    if (slot == nullptr) break;
    unlink(*slot);
    std::swap(gone, slot->value);
  }
  delete level;
}

void close_level() {
  DualLevel* level = std::exchange(thread_state.dual_level, nullptr);
  thread_state.update_forward();
  if (level != nullptr) end_level(level);
}

void check_dual(const char* what, const Tensor& t) {
  TAPER_CHECK_AS(DTypeError, isDifferentiableType(t.scalar_type()), "make_dual: Expected ", what,
                 " to be floating point or complex, but got: ", t.scalar_type());
}

}  // namespace

uint64_t enter_dual_level() {
  TAPER_CHECK(thread_state.dual_level == nullptr,
              "enter_dual_level: Nested forward mode AD is not supported at the moment");
  // A thread that ends inside a level takes it along.
  static thread_local struct Owner {
    ~Owner() { close_level(); }
  } owner;
  (void)owner;
  thread_state.dual_level = new DualLevel;
  thread_state.update_forward();
  return 0;
}

void exit_dual_level(uint64_t level) {
  TAPER_CHECK(thread_state.dual_level != nullptr && level == 0,
              "exit_dual_level: Trying to exit a forward AD level that was not the last one that "
              "was created. This is not supported. Got level ",
              level, ", ", thread_state.dual_level != nullptr ? "expected 0" : "none is open");
  close_level();
}

dual_level::~dual_level() {
  if (thread_state.dual_level != nullptr) exit_dual_level(level_);
}

Tensor make_dual(const Tensor& tensor, const Tensor& tangent) {
  check_dual("primal", tensor);
  check_dual("tangent", tangent);
  TAPER_CHECK(thread_state.dual_level != nullptr,
              "make_dual: Trying to create a dual Tensor for forward AD but no level exists, make "
              "sure to enter_dual_level() first.");
  TAPER_CHECK_AS(ShapeError, tensor.sizes() == tangent.sizes(),
                 "make_dual: Trying to set a forward gradient that has a different size than that "
                 "of the original Tensor, this is not supported. Tensor is of size ",
                 tensor.sizes(), " while the given forward gradient is of size ", tangent.sizes(),
                 ".");
  TAPER_CHECK_AS(DTypeError, tensor.scalar_type() == tangent.scalar_type(),
                 "make_dual: expected a tangent of type ", tensor.scalar_type(), ", got ",
                 tangent.scalar_type());
  TAPER_CHECK(!has_tangent(tensor.impl()),
              "make_dual: Making a dual Tensor based on a Tensor that already has a forward "
              "gradient at the same level 0 is not supported.");
  TAPER_CHECK(!has_tangent(tangent.impl()),
              "make_dual: Setting a forward grad that itself has a forward gradient at the same "
              "level 0 is not supported.");
  AutoFwGradMode off(false);
  Tensor dual = tensor.view(tensor.sizes());
  set_tangent(dual.impl(), tangent);
  return dual;
}

UnpackedDualTensor unpack_dual(const Tensor& tensor) {
  Tensor tangent = tangent_of(tensor.impl());
  if (!tangent.defined()) return {tensor, Tensor()};
  AutoFwGradMode off(false);
  // A view where history must flow. Elsewhere views of the primal must not look for the tangent.
  const bool joined = thread_state.grad_enabled && tensor.requires_grad();
  Tensor primal = joined ? tensor.view(tensor.sizes()) : tensor.detach();
  if (joined) set_tangent(primal.impl(), Tensor());
  return {std::move(primal), std::move(tangent)};
}

}  // namespace autograd::forward_ad
}  // namespace taper
