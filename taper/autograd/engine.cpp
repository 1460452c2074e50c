#include "taper/autograd/engine.h"

#include <algorithm>
#include <vector>

#include "taper/autograd/anomaly_mode.h"
#include "taper/autograd/autocast_state.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/record.h"
#include "taper/autograd/variable.h"
#include "taper/core/sizes.h"

namespace taper {

/// A node's part in one run. Dependency counts live here, not in the node: two runs, nested or in
/// two threads, may share nodes.
struct Task {
  Node* node;
  uint32_t waiting = 0;  // gradients still to come
  bool needed = true;
  bool queued = false;
  GradList grads;
};

/// A run's working memory, kept by the thread so that a steady step allocates nothing.
struct EngineScratch {
  std::vector<Task> tasks;
  std::vector<uint32_t> ready;  // heap of task numbers
  std::vector<std::pair<uint32_t, uint32_t>> stack;
  // Open addressing: node -> task number. An entry of an older run is free.
  struct Slot {
    Node* node;
    uint32_t task;
    uint32_t run;
  };
  std::vector<Slot> slots;
  size_t used_tasks = 0;
  uint32_t run = 0;

  void begin() {
    used_tasks = 0;
    ready.clear();
    stack.clear();
    if (slots.empty()) slots.resize(64);
    if (++run == 0) {
      std::fill(slots.begin(), slots.end(), Slot{});
      run = 1;
    }
  }
  Slot& find(Node* node) {
    const size_t mask = slots.size() - 1;
    size_t at = (reinterpret_cast<uintptr_t>(node) >> 6) * 0x9e3779b97f4a7c15ull >> 20 & mask;
    while (slots[at].run == run && slots[at].node != node) at = (at + 1) & mask;
    return slots[at];
  }
  /// Task number of a node; a new one when it has none.
  std::pair<uint32_t, bool> task_of(Node* node) {
    Slot* slot = &find(node);
    if (slot->run == run) return {slot->task, false};
    if ((used_tasks + 1) * 2 > slots.size()) {
      grow();
      slot = &find(node);
    }
    const uint32_t number = static_cast<uint32_t>(used_tasks++);
    *slot = {node, number, run};
    if (tasks.size() < used_tasks) tasks.emplace_back();
    Task& task = tasks[number];
    task.node = node;
    task.waiting = 0;
    task.needed = true;
    task.queued = false;
    task.grads.clear();
    return {number, true};
  }
  void grow() {
    std::vector<Slot> old(slots.size() * 2);
    old.swap(slots);
    for (const Slot& slot : old) {
      if (slot.run == run) find(slot.node) = slot;
    }
  }
  void end() {
    for (size_t i = 0; i < used_tasks; ++i) tasks[i].grads.clear();
    // A huge graph's tables are not kept.
    if (tasks.size() > 65536) *this = EngineScratch();
  }
};

namespace {

/// Takes the thread's scratch, or a fresh one inside another run; freed when the thread ends.
class ScratchLease {
 public:
  ScratchLease() {
    static thread_local struct Owner {
      ~Owner() { delete std::exchange(thread_state.engine, nullptr); }
    } owner;
    (void)owner;
    scratch_ = std::exchange(thread_state.engine, nullptr);
    if (scratch_ == nullptr) scratch_ = new EngineScratch;
    scratch_->begin();
  }
  ~ScratchLease() {
    scratch_->end();
    delete std::exchange(thread_state.engine, scratch_);
  }
  EngineScratch& operator*() { return *scratch_; }

 private:
  EngineScratch* scratch_;
};

class Run {
 public:
  Run(BackwardPass& pass, EngineScratch& scratch) : pass_(pass), s_(scratch) {}

  GradList operator()() {
    captured_.resize(pass_.captures.size());
    for (size_t i = 0; i < pass_.roots.size(); ++i) visit_root(pass_.roots[i]);
    if (!pass_.captures.empty()) mark_needed();
    for (size_t i = 0; i < pass_.roots.size(); ++i) {
      deliver(task_of(pass_.roots[i]), pass_.roots[i], pass_.root_grads[i], nullptr, i);
    }
    for (size_t i = 0; i < pass_.roots.size(); ++i) {
      Task& task = task_of(pass_.roots[i]);
      if (task.waiting == 0 && !task.queued) push(task);
    }
    while (!s_.ready.empty()) execute(s_.tasks[pop()]);
    return std::move(captured_);
  }

 private:
  /// Counts, depth first, how many gradients each node will get; finishes nodes after what they
  /// depend on, which is the order that mark_needed() wants.
  void visit_root(const Edge& root) {
    auto [number, fresh] = s_.task_of(root.node.get());
    if (!fresh) return;
    s_.stack.push_back({number, 0});
    const bool capturing = !pass_.captures.empty();
    while (!s_.stack.empty()) {
      auto& [at, next] = s_.stack.back();
      Node* node = s_.tasks[at].node;
      if (next == node->num_inputs()) {
        if (capturing) finished_.push_back(at);
        s_.stack.pop_back();
        continue;
      }
      const Edge& edge = node->next_edge(next++);
      if (!edge.valid()) continue;
      auto [child, is_new] = s_.task_of(edge.node.get());
      ++s_.tasks[child].waiting;
      if (is_new && edge.node->num_inputs() > 0) {
        s_.stack.push_back({child, 0});
      } else if (is_new && capturing) {
        finished_.push_back(child);
      }
    }
  }

  /// With captures, only nodes on a path to one run.
  void mark_needed() {
    for (uint32_t number : finished_) {
      Task& task = s_.tasks[number];
      task.needed = false;
      for (size_t i = 0; i < task.node->num_inputs() && !task.needed; ++i) {
        const Edge& edge = task.node->next_edge(i);
        if (!edge.valid()) continue;
        const Task& child = s_.tasks[s_.find(edge.node.get()).task];
        task.needed = child.needed || is_captured(edge.node.get());
      }
    }
  }

  bool is_captured(const Node* node) const {
    for (const Edge& edge : pass_.captures) {
      if (edge.node.get() == node) return true;
    }
    return false;
  }

  auto older() const {
    return [this](uint32_t a, uint32_t b) {
      return s_.tasks[a].node->sequence() < s_.tasks[b].node->sequence();
    };
  }

  void push(Task& task) {
    task.queued = true;
    s_.ready.push_back(static_cast<uint32_t>(&task - s_.tasks.data()));
    std::push_heap(s_.ready.begin(), s_.ready.end(), older());
  }
  uint32_t pop() {
    std::pop_heap(s_.ready.begin(), s_.ready.end(), older());
    const uint32_t number = s_.ready.back();
    s_.ready.pop_back();
    return number;
  }
  Task& task_of(const Edge& edge) { return s_.tasks[s_.find(edge.node.get()).task]; }

  /// Adds a gradient to what a node has been given; brings it to the form the output had.
  static void deliver(Task& task, const Edge& edge, Tensor grad, const Node* from, size_t index) {
    const OutputMeta& meta = edge.node->output_meta(edge.output_nr);
    if (grad.sizes() != IntArrayRef(meta.sizes) || grad.scalar_type() != meta.dtype) [[unlikely]] {
      grad = fit_gradient(std::move(grad), meta, from, index);
    }
    const size_t outputs = std::max<size_t>(edge.node->num_outputs(), 1);
    while (task.grads.size() < outputs) task.grads.emplace_back();
    Tensor& sum = task.grads[edge.output_nr];
    if (!sum.defined()) {
      sum = std::move(grad);
    } else if (!thread_state.recording() && solely_owned(sum) &&
               sum.is_non_overlapping_and_dense()) {
      accumulate_grad(sum, grad);
    } else {
      sum = sum.add(grad);
    }
  }

  static bool is_sink(const Node& node) { return node.sequence() == UINT64_MAX; }

  void execute(Task& task) {
    Node* node = task.node;
    GradList grads = std::move(task.grads);
    if (NodeHooks* hooks = node->hooks()) run_hooks(*hooks, grads);
    for (size_t i = 0; i < pass_.captures.size(); ++i) {
      const Edge& edge = pass_.captures[i];
      if (edge.node.get() == node) captured_[i] = grads[edge.output_nr];
    }
    if (is_sink(*node) ? !pass_.captures.empty() : !task.needed) return;
    GradList out;
    out.resize(node->num_inputs());
    // A node none of whose outputs has a gradient passes none on.
    bool any = false;
    for (const Tensor& grad : grads) any |= grad.defined();
    if (any) {
      node->apply(grads, out, !pass_.keep_graph);
      if (check_nan_) [[unlikely]]
        fail_on_nan(*node, out);
    }
    grads.clear();
    for (size_t i = 0; i < node->num_inputs(); ++i) {
      const Edge& edge = node->next_edge(i);
      if (!edge.valid()) continue;
      Task& task = task_of(edge);
      if (out[i].defined()) deliver(task, edge, std::move(out[i]), node, i);
      if (--task.waiting > 0 || task.queued) continue;
      while (task.grads.size() < std::max<size_t>(edge.node->num_outputs(), 1)) {
        task.grads.emplace_back();
      }
      // A sink comes before every other node: no need to queue it.
      if (is_sink(*edge.node)) {
        execute(task);
      } else {
        push(task);
      }
    }
  }

  TAPER_COLD static void fail_on_nan(const Node& node, const GradList& grads) {
    NoGradGuard no_grad;
    for (size_t i = 0; i < grads.size(); ++i) {
      const Tensor& grad = grads[i];
      if (!grad.defined() || !isDifferentiableType(grad.scalar_type())) continue;
      const bool has_nan = grad.ne(grad).any().item<bool>();
      TAPER_CHECK(!has_nan, "Function '", node.name(), "' returned nan values in its ", i,
                  "th output. That is the gradient of argument ", i,
                  " of the op whose backward is ", node.op_name(), "; its result has sizes ",
                  IntArrayRef(node.output_meta(0).sizes), ".");
    }
  }

  static void run_hooks(NodeHooks& hooks, GradList& grads) {
    const size_t count = hooks.tensor_hooks.size();  // not those that a hook registers
    for (size_t i = 0; i < count; ++i) {
      const uint32_t nr = hooks.tensor_hooks[i].output_nr;
      const TensorHook hook = hooks.tensor_hooks[i].hook;
      if (!hook || !grads[nr].defined()) continue;
      Tensor changed = hook(grads[nr]);
      if (!changed.defined()) continue;
      TAPER_CHECK_AS(ShapeError, changed.sizes() == grads[nr].sizes(),
                     "register_hook: hook has changed the size of value, got ", changed.sizes(),
                     ", expected ", grads[nr].sizes());
      TAPER_CHECK_AS(DTypeError, changed.scalar_type() == grads[nr].scalar_type(),
                     "register_hook: hook has changed the type of value (was ",
                     grads[nr].scalar_type(), " got ", changed.scalar_type(), ")");
      grads[nr] = std::move(changed);
    }
    for (const NodeHooks::Retained& kept : hooks.retained) {
      const Tensor& grad = grads[kept.output_nr];
      VariableState* state = VariableState::of(*kept.tensor);
      if (!grad.defined() || state == nullptr) continue;
      state->grad = state->grad.defined() ? state->grad.add(grad) : grad.clone();
    }
  }

  BackwardPass& pass_;
  EngineScratch& s_;
  std::vector<uint32_t> finished_;
  const bool check_nan_ = autograd::AnomalyMode::should_check_nan();
  GradList captured_;
};

}  // namespace

Tensor fit_gradient(Tensor grad, const OutputMeta& meta, const Node* from, size_t index) {
  if (grad.sizes() != IntArrayRef(meta.sizes)) {
    TAPER_CHECK_AS(ShapeError, is_expandable_to(meta.sizes, grad.sizes()), "Function ",
                   from != nullptr ? from->name() : "root",
                   " returned an invalid gradient at index ", index, " - got ", grad.sizes(),
                   " but expected shape compatible with ", meta.sizes);
    grad = grad.sum_to_size(meta.sizes);
  }
  if (grad.scalar_type() != meta.dtype) grad = grad.to(meta.dtype);
  return grad;
}

GradList run_backward(BackwardPass& pass) {
  ScratchLease scratch;
  AutoGradMode mode(pass.create_graph);
  // A backward computes in the types of its forward, within autocast and outside.
  const AutocastScope no_autocast(false);
  return Run(pass, *scratch)();
}

}  // namespace taper
