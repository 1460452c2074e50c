#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "taper/core/convert.h"
#include "taper/core/sizes.h"
#include "taper/core/tensor_impl.h"
#include "taper/core/tensor_view.h"

// Tensors without the Tensor handle, for tests of kernels.
namespace taper::testing {

inline TensorImplPtr fresh(IntArrayRef sizes, ScalarType dtype = kFloat) {
  return TensorImpl::empty("test", sizes, dtype);
}
inline ConstView view(const TensorImplPtr& t) { return ConstView(t.get()); }
inline View mut(const TensorImplPtr& t) { return View(t.get()); }

/// Offset in elements of a row-major index.
inline int64_t offset_of(const TensorImpl& t, int64_t index) {
  int64_t at = 0;
  for (int64_t d = t.dim() - 1; d >= 0; --d) {
    at += index % t.sizes()[d] * t.strides()[d];
    index /= t.sizes()[d];
  }
  return at;
}
inline double get(const TensorImplPtr& t, int64_t index) {
  return visit_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    return convert<double>(static_cast<const T*>(t->data())[offset_of(*t, index)]);
  });
}
inline void set(const TensorImplPtr& t, int64_t index, double value) {
  visit_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    static_cast<T*>(t->data())[offset_of(*t, index)] = convert<T>(value);
  });
}
inline std::vector<double> values(const TensorImplPtr& t) {
  std::vector<double> v(t->numel());
  for (int64_t i = 0; i < t->numel(); ++i) v[i] = get(t, i);
  return v;
}
/// The bytes of all elements in row-major order: equal only when all bits are.
inline std::vector<uint8_t> bits(const TensorImplPtr& t) {
  const int64_t item = elementSize(t->dtype());
  std::vector<uint8_t> v(t->numel() * item);
  for (int64_t i = 0; i < t->numel(); ++i) {
    std::memcpy(v.data() + i * item, static_cast<char*>(t->data()) + offset_of(*t, i) * item, item);
  }
  return v;
}

/// A tensor of the sizes whose memory order is that of the permuted dimensions, with gaps of pad
/// elements behind the innermost one.
inline TensorImplPtr permuted(IntArrayRef sizes, IntArrayRef order, int64_t pad,
                              ScalarType dtype = kFloat) {
  DimVector strides(sizes.size(), 0);
  int64_t step = 1;
  for (int64_t k = static_cast<int64_t>(order.size()) - 1; k >= 0; --k) {
    strides[order[k]] = step;
    step *= std::max<int64_t>(sizes[order[k]], 1);
    if (k == static_cast<int64_t>(order.size()) - 1) step += pad;
  }
  return TensorImpl::make("test", sizes, strides, dtype, {}, 0);
}
/// All elements doubled in distance: no dimension is contiguous.
inline TensorImplPtr spread(IntArrayRef sizes, ScalarType dtype = kFloat) {
  DimVector strides = contiguous_strides(sizes);
  for (auto& s : strides) s *= 2;
  return TensorImpl::make("test", sizes, strides, dtype, {}, 0);
}
inline void copy_values(const TensorImplPtr& from, const TensorImplPtr& to) {
  for (int64_t i = 0; i < from->numel(); ++i) set(to, i, get(from, i));
}

inline void fill_normal(const TensorImplPtr& t, uint32_t seed, double scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal(0, scale);
  for (int64_t i = 0; i < t->numel(); ++i) set(t, i, normal(engine));
}

}  // namespace taper::testing
