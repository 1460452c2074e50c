#include "taper/autograd/hooks.h"

#include "taper/autograd/variable.h"

namespace taper::autograd {

std::vector<unsigned> hook_positions(const Tensor& tensor) {
  std::vector<unsigned> positions;
  const NodePtr node = current_grad_fn(tensor.impl());
  const VariableState* state = VariableState::of(tensor.impl());
  if (state == nullptr) return positions;
  const NodeHooks* hooks = node ? node->hooks() : state->leaf_hooks.get();
  if (hooks == nullptr) return positions;
  for (size_t i = 0; i < hooks->tensor_hooks.size(); ++i) {
    const NodeHooks::Entry& entry = hooks->tensor_hooks[i];
    const bool is_ours = !node || entry.output_nr == state->output_nr;
    if (entry.hook && is_ours) positions.push_back(static_cast<unsigned>(i));
  }
  return positions;
}

}  // namespace taper::autograd
