#include "taper/nn/parameter.h"

#include "taper/ops/creation.h"

namespace taper::nn {

Parameter::Parameter(const Tensor& data, bool requires_grad)
    : Tensor(data.defined() ? data.detach() : empty({0})) {
  set_requires_grad(requires_grad);
}

Buffer::Buffer(const Tensor& data, bool persistent)
    : Tensor(data.defined() ? data : empty({0})), persistent_(persistent) {}

}  // namespace taper::nn
