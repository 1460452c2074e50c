#pragma once

#include "taper/autograd/node.h"

namespace taper {

/// One backward pass: what it starts from and what it is for.
struct BackwardPass {
  SmallVector<Edge, 2> roots;
  GradList root_grads;
  bool keep_graph = false;
  bool create_graph = false;
  /// Gradients to return instead of accumulating; empty: accumulate into all leaves.
  SmallVector<Edge, 2> captures;
};

/// Runs the graph in this thread, newest node first, without recursion. Returns the captured
/// gradients, undefined where no path led.
GradList run_backward(BackwardPass& pass);

/// A gradient in the sizes and type of what it belongs to; `from` (or null) and `index` tell in an
/// error who computed it.
Tensor fit_gradient(Tensor grad, const OutputMeta& meta, const Node* from, size_t index);

}  // namespace taper
