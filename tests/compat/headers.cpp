// Parts of LibTorch's headers that programs include by name.
#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIndexing.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>
#include <c10/util/Optional.h>
#include <c10/util/irange.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/data/datasets.h>
#include <torch/nn/functional.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/adam.h>
#include <torch/script.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>

int main() {
  std::vector<float> squares(1000);
  at::parallel_for(0, 1000, 100, [&](int64_t begin, int64_t end) {
    for (const auto i : c10::irange(begin, end)) squares[i] = static_cast<float>(i * i);
  });
  const at::Tensor x = at::tensor(squares);
  at::autocast::set_cpu_enabled(true);
  const bool lower = x.view({10, 100}).mm(x.view({100, 10})).scalar_type() == at::kBFloat16;
  at::autocast::set_cpu_enabled(false);
  static_assert(TORCH_VERSION_MAJOR >= 2);
  return lower && x[10].item<float>() == 100 && c10::elementSize(c10::kFloat) == 4 &&
                 at::get_num_threads() > 0
             ? 0
             : 1;
}
