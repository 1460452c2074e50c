#include "taper/data/transforms.h"

#include <algorithm>

#include "taper/base/error.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"

namespace taper::data::transforms {
namespace {

// [channels, 1, 1] of float32.
Tensor per_channel(ArrayRef<double> values) {
  Tensor tensor(
      TensorImpl::empty("Normalize", {static_cast<int64_t>(values.size()), 1, 1}, kFloat));
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

}  // namespace

template <class Target>
Normalize<Target>::Normalize(ArrayRef<double> mean, ArrayRef<double> stddev)
    : mean(per_channel(mean)), stddev(per_channel(stddev)) {}

template <class Target>
Tensor Normalize<Target>::operator()(Tensor input) {
  return input.sub(mean).div_(stddev);
}

template class Normalize<Tensor>;
template class Normalize<example::NoTarget>;

Example<> Stack<Example<>>::apply_batch(std::vector<Example<>> examples) {
  std::vector<Tensor> data, targets;
  data.reserve(examples.size());
  targets.reserve(examples.size());
  for (Example<>& example : examples) {
    data.push_back(std::move(example.data));
    targets.push_back(std::move(example.target));
  }
  return {stack(data), stack(targets)};
}

TensorExample Stack<TensorExample>::apply_batch(std::vector<TensorExample> examples) {
  std::vector<Tensor> data;
  data.reserve(examples.size());
  for (TensorExample& example : examples) data.push_back(std::move(example.data));
  return stack(data);
}

}  // namespace taper::data::transforms
