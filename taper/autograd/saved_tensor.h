#pragma once

#include <memory>

#include "taper/autograd/record.h"
#include "taper/autograd/saved_tensors_hooks.h"
#include "taper/base/thread_state.h"

namespace taper {

/// A tensor that a node keeps for its backward, with the version that its memory had. Of an output
/// only the memory is kept: the output holds the node.
struct SavedTensor {
  TensorImplPtr tensor;
  uint32_t version = 0;
  int output_nr = -1;

  SavedTensor() = default;
  /// Of a tensor that check_savable() has passed.
  SavedTensor(const TensorImpl& impl, int number)
      : tensor(number >= 0 ? TensorImpl::alias(impl)
                           : TensorImplPtr::share(const_cast<TensorImpl*>(&impl))),
        version(impl.version()),
        output_nr(number) {}

  static void check_savable(const char* name, const TensorImpl& impl) {
    if (impl.is_inference()) [[unlikely]]
      fail_inference(name);
  }
  void check_version(const char* name) const {
    if (tensor && tensor->version() != version) [[unlikely]]
      fail_version(name);
  }
  /// The tensor; an output of the node is joined to it again when gradients are recorded.
  Tensor restore(Node& node, bool release) {
    Tensor t(release ? std::move(tensor) : tensor);
    if (output_nr < 0 || !thread_state.grad_enabled || !t.defined()) return t;
    return join(t, node);
  }

 private:
  [[noreturn]] static void fail_inference(const char* name);
  [[noreturn]] void fail_version(const char* name) const;
  Tensor join(const Tensor& t, Node& node) const;
};

/// A tensor that went through a pack hook: what the hook gave, and what the tensor was.
class PackedTensor {
 public:
  /// `hooks` may be null only for a null tensor.
  PackedTensor(const char* name, const TensorImpl* impl, int output_nr,
               const autograd::graph::saved_tensors_hooks* hooks);
  /// Calls the unpack hook; the result is joined to the graph that the tensor was part of. An
  /// output belongs to `node`.
  Tensor unpack(const char* name, Node* node = nullptr) const;
  /// Of an output, once the outputs have tangents.
  void share_tangent(const TensorArgs& outputs);

 private:
  void keep_tangent(const TensorImpl& impl);

  std::shared_ptr<const autograd::graph::detail::Hooks> hooks_;
  std::shared_ptr<void> packed_;
  TensorImplPtr tangent_;  // a tensor without elements that has the tangent
  Edge edge_;
  int output_nr_ = -1;
  DimVector sizes_;
  ScalarType dtype_ = ScalarType::Undefined;
  bool contiguous_ = false;
};

[[noreturn]] void fail_released(const char* name);

}  // namespace taper
