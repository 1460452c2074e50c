#include "taper/autograd/node.h"

#include <algorithm>

#include "taper/base/thread_state.h"
#include "taper/core/thread_cache.h"

namespace taper {

NodeHooks& Node::make_hooks() {
  if (!hooks_) hooks_ = std::make_unique<NodeHooks>();
  return *hooks_;
}

void Node::stamp() {
  uint64_t sequence = thread_state.node_sequence;
  for (const Edge& edge : edges_) {
    // A leaf's node has the highest number: it runs as soon as its gradient is whole.
    if (edge.node && edge.node->sequence_ != UINT64_MAX) {
      sequence = std::max(sequence, edge.node->sequence_);
    }
  }
  sequence_ = thread_state.node_sequence = sequence + 1;
}

void Node::destroy(Node* node) noexcept {
  if (!node->may_end()) return;
  ThreadState& state = thread_state;
  if (state.deleting_nodes) {
    node->delete_next_ = static_cast<Node*>(state.nodes_to_delete);
    state.nodes_to_delete = node;
    return;
  }
  state.deleting_nodes = true;
  while (node != nullptr) {
    delete node;
    node = static_cast<Node*>(state.nodes_to_delete);
    if (node != nullptr) state.nodes_to_delete = node->delete_next_;
  }
  state.deleting_nodes = false;
}

void* Node::operator new(size_t bytes) {
  void* block = detail::allocate(bytes);
  detail::count_node(1);
  return block;
}

void Node::operator delete(void* node, size_t bytes) noexcept {
  detail::deallocate(node, bytes);
  detail::count_node(-1);
}

}  // namespace taper
