#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "taper/base/parallel.h"
#include "taper/core/tensor_impl.h"
#include "taper/core/tensor_view.h"

// Tensors of given sizes and strides, their values as doubles, and a fixed pseudo-random fill.
namespace taper::test {

inline ConstView read(const TensorImplPtr& t) { return ConstView(t.get()); }
inline View write(const TensorImplPtr& t) { return View(t.get()); }

inline int64_t offset_of(const TensorImpl& t, int64_t flat) {
  int64_t at = 0;
  for (int64_t d = t.dim() - 1; d >= 0; --d) {
    at += flat % t.sizes()[d] * t.strides()[d];
    flat /= t.sizes()[d];
  }
  return at;
}

inline double value(const TensorImpl& t, int64_t flat) {
  return visit_dtype(t.dtype(), [&](auto tag) {
    return static_cast<double>(static_cast<decltype(tag)*>(t.data())[offset_of(t, flat)]);
  });
}
inline std::vector<double> values(const TensorImplPtr& t) {
  std::vector<double> v(t->numel());
  for (int64_t i = 0; i < t->numel(); ++i) v[i] = value(*t, i);
  return v;
}
inline void set_value(const TensorImpl& t, int64_t flat, double v) {
  visit_dtype(t.dtype(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>) {
      static_cast<T*>(t.data())[offset_of(t, flat)] = static_cast<T>(v);
    } else {
      static_cast<T*>(t.data())[offset_of(t, flat)] = T(static_cast<float>(v));
    }
  });
}

/// Multiples of 1/8 in [-1, 1] (integers in [-8, 8] for integer types), so that products are
/// exact in every dtype and only the sums round.
inline void fill(const TensorImplPtr& t, uint32_t seed) {
  const bool whole = isIntegralType(t->dtype(), true);
  for (int64_t i = 0; i < t->numel(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    const double v = static_cast<double>((seed >> 16) % 17) - 8;
    set_value(*t, i, t->dtype() == kByte ? v + 8 : whole ? v : v / 8);
  }
}

inline TensorImplPtr tensor(std::vector<int64_t> sizes, ScalarType dtype, uint32_t seed) {
  auto t = TensorImpl::empty("test", sizes, dtype);
  fill(t, seed);
  return t;
}
inline TensorImplPtr strided(std::vector<int64_t> sizes, std::vector<int64_t> strides,
                             ScalarType dtype, uint32_t seed) {
  auto t = TensorImpl::make("test", sizes, strides, dtype, nullptr, 0);
  fill(t, seed);
  return t;
}
/// Images in channels-last order.
inline TensorImplPtr channels_last(std::vector<int64_t> s, ScalarType dtype, uint32_t seed) {
  return strided(s, {s[1] * s[2] * s[3], 1, s[3] * s[1], s[1]}, dtype, seed);
}

inline double tolerance(ScalarType dtype) {
  switch (dtype) {
    case kDouble:
      return 1e-12;
    case kFloat:
      return 2e-5;
    case kHalf:
      return 2e-3;
    case kBFloat16:
      return 1e-2;
    default:
      return 0;
  }
}

/// The largest |got - want| / (1 + |want|); NaN in one only counts as infinite.
inline double worst_error(const std::vector<double>& got, const std::vector<double>& want) {
  if (got.size() != want.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(want[i])) continue;
    const double e = std::abs(got[i] - want[i]) / (1 + std::abs(want[i]));
    worst = std::isnan(e) ? INFINITY : std::max(worst, e);
  }
  return worst;
}

/// Sets the number of threads for the life of the scope.
class Threads {
 public:
  explicit Threads(int n) : before_(get_num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace taper::test
