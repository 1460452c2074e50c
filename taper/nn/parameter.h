#pragma once

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace nn {

/// A tensor that a module trains: shares data's memory and is a leaf of the graph, whatever data
/// is, also under NoGradGuard. Without data it has no elements. Throws when an integer tensor is to
/// require gradients.
class Parameter : public Tensor {
 public:
  explicit Parameter(const Tensor& data = {}, bool requires_grad = true);
};

/// A tensor that belongs to a module's state and is not trained. Keeps data's requires_grad. State
/// dicts leave out the ones that are not persistent.
class Buffer : public Tensor {
 public:
  explicit Buffer(const Tensor& data = {}, bool persistent = true);
  bool persistent() const { return persistent_; }

 private:
  bool persistent_;
};

}  // namespace nn
}  // namespace taper
