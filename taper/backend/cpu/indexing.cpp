#include "taper/kernel/indexing.h"

#include <algorithm>
#include <cstring>

#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

/// Calls f(positions) for each index of the sizes in row-major order, innermost dimension left
/// out: positions[k] is the element offset in the k-th stride list.
template <size_t N, class F>
void for_each_row(IntArrayRef sizes, const IntArrayRef (&strides)[N], F&& f) {
  const int64_t rank = static_cast<int64_t>(sizes.size());
  int64_t rows = 1;
  for (int64_t d = 0; d + 1 < rank; ++d) rows *= sizes[d];
  if (rank > 0 && sizes[rank - 1] == 0) return;
  DimVector index(std::max<int64_t>(rank - 1, 0), 0);
  int64_t at[N] = {};
  for (int64_t row = 0; row < rows; ++row) {
    f(at);
    for (int64_t d = rank - 2; d >= 0; --d) {
      for (size_t k = 0; k < N; ++k) at[k] += strides[k][d];
      if (++index[d] < sizes[d]) break;
      for (size_t k = 0; k < N; ++k) at[k] -= sizes[d] * strides[k][d];
      index[d] = 0;
    }
  }
}

template <class T>
T add(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return a || b;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}

/// Stands for the elements of a type when only their size matters.
template <class F>
void visit_size(int64_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(uint8_t());
    case 2:
      return f(uint16_t());
    case 4:
      return f(uint32_t());
    default:
      return f(uint64_t());
  }
}

int64_t inner_size(ConstView x) { return x.dim() == 0 ? 1 : x.sizes().back(); }
int64_t inner_stride(ConstView x) { return x.dim() == 0 ? 0 : x.strides().back(); }

}  // namespace

void add_overlapping(View out, ConstView x) {
  visit_dtype(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* to = out.data<T>();
    const T* from = x.data<T>();
    const int64_t size = inner_size(x), to_step = inner_stride(out), step = inner_stride(x);
    for_each_row<2>(x.sizes(), {out.strides(), x.strides()}, [&](const int64_t* at) {
      T* row = to + at[0];
      const T* source = from + at[1];
      for (int64_t i = 0; i < size; ++i) {
        row[i * to_step] = add(row[i * to_step], source[i * step]);
      }
    });
  });
}

void flip(View out, ConstView x, uint64_t dims) {
  if (out.numel() == 0) return;
  DimVector strides(x.strides());
  int64_t start = 0;
  for (int64_t d = 0; d < x.dim(); ++d) {
    if ((dims >> d & 1) == 0) continue;
    start += (x.size(d) - 1) * strides[d];
    strides[d] = -strides[d];
  }
  visit_size(elementSize(x.dtype()), [&](auto zero) {
    using T = decltype(zero);
    T* to = out.data<T>();
    const T* from = x.data<T>() + start;
    const int64_t size = inner_size(x), step = x.dim() == 0 ? 0 : strides.back();
    for_each_row<2>(x.sizes(), {out.strides(), IntArrayRef(strides)}, [&](const int64_t* at) {
      for (int64_t i = 0; i < size; ++i) to[at[0] + i] = from[at[1] + i * step];
    });
  });
}

}  // namespace taper::cpu
