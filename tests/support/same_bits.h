#pragma once
// Equality of tensors by type, shape and bits: NaN equals itself, and -0 is not 0.

#include <algorithm>
#include <span>

#include "taper/tensor/tensor.h"

namespace taper::testing {

// std::equal and not memcmp, which must not be given the null pointer of an empty tensor.
inline bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const Tensor x = a.contiguous(), y = b.contiguous();
  const auto bytes = [](const Tensor& t) {
    return std::span(static_cast<const unsigned char*>(t.const_data_ptr()), t.nbytes());
  };
  return std::ranges::equal(bytes(x), bytes(y));
}

}  // namespace taper::testing
