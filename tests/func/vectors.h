#pragma once

#include <vector>

#include "taper/taper.h"

// Functions of vectors whose derivatives are known, and vectors as numbers.
namespace taper::testing {

using V = std::vector<double>;
using Tensors = std::vector<Tensor>;

inline V values(const Tensor& t) {
  V out;
  const Tensor flat = t.detach().contiguous().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat.data_ptr<double>()[i]);
  return out;
}
inline Tensor vec(const V& v) { return tensor(v, TensorOptions(kDouble)); }

// y = (x0^2 x1, 3 x1): J = [[2 x0 x1, x0^2], [0, 3]].
inline Tensor f(const Tensor& x) { return stack({x[0] * x[0] * x[1], 3 * x[1]}); }
inline Tensor cubes(const Tensor& x) { return x.pow(3).sum(); }
inline Tensor product(const Tensors& x) { return (x[0] * x[0] * x[1]).sum(); }

}  // namespace taper::testing
