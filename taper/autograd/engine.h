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

}  // namespace taper
