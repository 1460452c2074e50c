#include "lib.h"

#include <cmath>

namespace bench {

lib::Tensor filled(std::vector<int64_t> sizes, uint64_t seed, float low, float high) {
  int64_t count = 1;
  for (int64_t size : sizes) count *= size;
  std::vector<float> values(static_cast<size_t>(count));
  uint64_t state = seed * 0x9E3779B97F4A7C15ull + 0x632BE59BD9B4E019ull;
  for (float& value : values) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    value = low + (high - low) * static_cast<float>(state >> 40) * 0x1p-24f;
  }
  return lib::from_blob(values.data(), sizes).clone();
}

lib::Tensor labels(int64_t count, int64_t classes) {
  lib::Tensor result = lib::zeros({count}, lib::kInt64);
  int64_t* data = result.data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) data[i] = i % classes;
  return result;
}

Check checksum(const lib::Tensor& tensor) {
  lib::Tensor values = tensor.detach().contiguous();
  const float* data = values.data_ptr<float>();
  Check check{0.0, 0.0};
  for (int64_t i = 0; i < values.numel(); ++i) {
    double weighted = static_cast<double>(data[i]) * static_cast<double>(1 + i % 7);
    check.value += weighted;
    check.scale += std::fabs(weighted);
  }
  return check;
}

void set_weights(const std::vector<lib::Tensor>& parameters, uint64_t seed) {
  lib::NoGradGuard no_grad;
  for (const lib::Tensor& parameter : parameters) {
    std::vector<int64_t> sizes;
    for (int64_t i = 0; i < parameter.dim(); ++i) sizes.push_back(parameter.size(i));
    int64_t fan_in = sizes.size() > 1 ? parameter.numel() / sizes[0] : 64;
    float bound = 1.0f / std::sqrt(static_cast<float>(fan_in));
    lib::Tensor(parameter).copy_(filled(sizes, seed++, -bound, bound));
  }
}

}  // namespace bench
