// After an op's forward, a write to anything that its backward may read is seen, or does no harm.
#include <algorithm>
#include <optional>

#include "gtest/gtest.h"
#include "taper/autograd/autograd.h"
#include "taper/autograd/node.h"
#include "taper/autograd/saved_tensors_hooks.h"
#include "taper/tensor/generator.h"
#include "tests/support/op_case.h"
#include "tests/support/same_bits.h"

namespace taper::testing {
namespace {

/// One forward, and what there is to write to.
struct Forward {
  Tensors inputs, outputs;
  std::vector<Tensor> targets;

  explicit Forward(const Sample& sample, Tensors given) : inputs(std::move(given)) {
    manual_seed(11);
    outputs = sample.op(inputs);
    for (const Tensors* list : {&inputs, &outputs}) {
      targets.insert(targets.end(), list->begin(), list->end());
    }
    std::vector<Node*> nodes;
    for (const Tensor& t : outputs) add_node(t.grad_fn().get(), nodes);
  }

  /// Saved tensors, in the order in which a walk from the outputs finds them.
  void add_node(Node* node, std::vector<Node*>& seen) {
    if (node == nullptr || std::find(seen.begin(), seen.end(), node) != seen.end()) return;
    seen.push_back(node);
    for (const Tensor& t : node->saved_tensors()) targets.push_back(t);
    for (size_t i = 0; i < node->num_inputs(); ++i) add_node(node->next_edge(i).node.get(), seen);
  }

  std::vector<Tensor> gradients() const {
    std::vector<Tensor> roots, wanted, weights;
    for (const Tensor& t : outputs) {
      if (!t.requires_grad()) continue;
      roots.push_back(t);
      Tensor weight(TensorImpl::empty("weights", t.sizes(), t.scalar_type()));
      for (int64_t i = 0; i < weight.numel(); ++i) {
        weight.data_ptr<double>()[i] = 0.5 + 0.25 * static_cast<double>(i % 5);
      }
      weights.push_back(weight);
    }
    for (const Tensor& t : inputs) {
      if (t.requires_grad()) wanted.push_back(t);
    }
    if (roots.empty() || wanted.empty()) return {};
    return autograd::grad(roots, wanted, weights, false, false, true);
  }
};

/// False when the tensor cannot be written (its elements overlap).
bool write(const Tensor& t) {
  if (!t.defined()) return true;
  try {
    Tensor alias = t.detach();
    if (alias.is_floating_point()) {
      alias.add_(1);
    } else {
      alias.zero_();
    }
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool same_gradients(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) {
    return x.defined() == y.defined() && (!x.defined() || same_bits(x, y));
  });
}

}  // namespace

void check_writes_after_forward(const OpCase& op, const Sample& sample,
                                const std::function<Tensors()>& inputs) {
  const std::string where = op.name + " " + sample.label;
  const std::vector<Tensor> want = Forward(sample, inputs()).gradients();
  const size_t count = Forward(sample, inputs()).targets.size();
  for (size_t i = 0; i < count; ++i) {
    const Forward forward(sample, inputs());
    ASSERT_EQ(forward.targets.size(), count) << where;
    if (!write(forward.targets[i])) continue;
    try {
      EXPECT_TRUE(same_gradients(forward.gradients(), want))
          << where << ": a write to tensor " << i << " of " << count << " changes the gradient";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("modified by an inplace operation"),
                std::string::npos)
          << where << ": " << error.what();
    }
  }
  // With what was saved in the hooks' hands, nothing else counts.
  std::optional<Forward> forward;
  {
    autograd::graph::saved_tensors_hooks hooks([](const Tensor& t) { return t.clone(); },
                                               [](const Tensor& t) { return t; });
    forward.emplace(sample, inputs());
  }
  for (const Tensor& t : forward->targets) write(t);
  EXPECT_TRUE(same_gradients(forward->gradients(), want))
      << where << ": the backward reads a tensor that was not saved";
}

}  // namespace taper::testing
