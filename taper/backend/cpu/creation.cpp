#include "taper/kernel/creation.h"

#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

constexpr int64_t kGrain = 1 << 15;

template <class Value>
void fill_with(View out, Value&& value) {
  visit_dtype(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* data = out.data<T>();
    parallel_for(0, out.numel(), kGrain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) data[i] = convert<T>(value(i));
    });
  });
}

}  // namespace

void arange(View out, Scalar start, Scalar step) {
  if (isIntegralType(out.dtype(), true)) {
    // Unsigned: a sequence may wrap, and does so without undefined behaviour.
    const uint64_t from = static_cast<uint64_t>(start.to<int64_t>());
    const uint64_t by = static_cast<uint64_t>(step.to<int64_t>());
    fill_with(
        out, [=](int64_t i) { return static_cast<int64_t>(from + static_cast<uint64_t>(i) * by); });
  } else {
    const double from = start.to<double>(), by = step.to<double>();
    fill_with(out, [=](int64_t i) { return from + static_cast<double>(i) * by; });
  }
}

void linspace(View out, Scalar start, Scalar end) {
  const int64_t count = out.numel(), half = count / 2;
  const double from = start.to<double>(), to = end.to<double>();
  const double step = count > 1 ? (to - from) / static_cast<double>(count - 1) : 0;
  fill_with(out, [=](int64_t i) {
    return i < half || count == 1 ? from + step * static_cast<double>(i)
                                  : to - step * static_cast<double>(count - 1 - i);
  });
}

}  // namespace taper::cpu
