#pragma once

#include <memory>
#include <vector>

#include "taper/nn/hooks.h"

namespace taper::nn::detail {

struct BackwardLink;

/// The backward hooks of one call. They stand in the graph as two identity nodes: one between the
/// arguments and forward(), where the gradients of the inputs arrive, one behind its result.
class BackwardHooks {
 public:
  explicit BackwardHooks(Module& module);
  /// Replaces the arguments' tensors by views that the first node made; false: nothing to do.
  bool enter(ValueList& arguments);
  /// The same for the output, with the second node.
  bool leave(AnyValue& output);

 private:
  std::shared_ptr<BackwardLink> link_;  // null without backward hooks
};

}  // namespace taper::nn::detail
