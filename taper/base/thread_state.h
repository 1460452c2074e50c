#pragma once

#include <cstdint>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace autograd::graph {
class saved_tensors_hooks;
}
}  // namespace taper TAPER_API

namespace taper {

struct ThreadCache;    // core/allocator.cpp
struct EngineScratch;  // autograd/engine.cpp
struct DualLevel;      // autograd/forward.cpp

/// All per-thread state, in one place: a thread-local access costs as much as a small kernel, so
/// an op makes one. Constant-initialised, no destructor; owners clean up through their own.
struct ThreadState {
  bool grad_enabled = true;
  /// Ops compute tangents: a dual level is open, and neither inference mode nor a guard is in the
  /// way.
  bool forward_enabled = false;
  bool inference_mode = false;
  /// Inside parallel_for: nested regions run inline.
  bool in_parallel = false;
  /// A drain of the nodes to delete is running further up this thread's stack.
  bool deleting_nodes = false;
  bool forward_off = false;
  uint64_t node_sequence = 0;
  ThreadCache* cache = nullptr;
  EngineScratch* engine = nullptr;
  /// The innermost pair of hooks that the tensors saved by ops go through.
  const autograd::graph::saved_tensors_hooks* saved_hooks = nullptr;
  void* nodes_to_delete = nullptr;
  DualLevel* dual_level = nullptr;

  /// Whether ops leave something behind beside their result: a node, or a tangent.
  bool recording() const { return grad_enabled | forward_enabled; }
  void update_forward() {
    forward_enabled = dual_level != nullptr && !inference_mode && !forward_off;
  }
};

extern constinit thread_local ThreadState thread_state
    __attribute__((visibility("default"), tls_model("initial-exec")));

}  // namespace taper
