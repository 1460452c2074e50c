#include "taper/kernel/masking.h"

#include <cstring>

#include "taper/backend/cpu/rows.h"

namespace taper::cpu {

int64_t count_nonzero(ConstView x) {
  int64_t count = 0;
  visit_any_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    const int64_t row = last_of(x.sizes(), 1), step = last_of(x.strides(), 0);
    for_all_rows<1>(x.sizes(), {x.strides()}, [&](const int64_t* at) {
      for (int64_t i = 0; i < row; ++i) count += from[at[0] + i * step] != T(0);
    });
  });
  return count;
}

void nonzero(View out, ConstView x) {
  const int64_t rank = x.dim(), count = out.size(0);
  if (rank == 0) return;
  const IntArrayRef outer = x.sizes().slice(0, rank - 1);
  visit_any_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    int64_t* to = out.data<int64_t>();
    const int64_t row = last_of(x.sizes(), 1), step = last_of(x.strides(), 0);
    DimVector index(outer.size(), 0);
    int64_t found = 0;
    for_all_rows<1>(x.sizes(), {x.strides()}, [&](const int64_t* at) {
      // Each element is written and only those that count are kept: no branch to mispredict.
      for (int64_t i = 0; i < row && found < count; ++i) {
        int64_t* entry = to + found * rank;
        for (size_t d = 0; d < index.size(); ++d) entry[d] = index[d];
        entry[rank - 1] = i;
        found += from[at[0] + i * step] != T(0);
      }
      for (size_t d = index.size(); d-- > 0;) {
        if (++index[d] < outer[d]) break;
        index[d] = 0;
      }
    });
  });
}

void masked_fill(View self, ConstView mask, Scalar value) {
  visit_size(elementSize(self.dtype()), [&](auto zero) {
    using T = decltype(zero);
    T* to = self.data<T>();
    const bool* chosen = mask.data<bool>();
    T filler = 0;
    visit_any_dtype(self.dtype(), [&](auto tag) {
      const auto converted = value.to<decltype(tag)>();
      std::memcpy(static_cast<void*>(&filler), &converted,
                  std::min(sizeof filler, sizeof converted));
    });
    const int64_t row = last_of(self.sizes(), 1);
    const int64_t step = last_of(self.strides(), 0), mask_step = last_of(mask.strides(), 0);
    parallel_rows<2>(self.sizes(), {self.strides(), mask.strides()}, [&](const int64_t* at) {
      T* t = to + at[0];
      const bool* m = chosen + at[1];
      // In bits: a choice of values becomes a branch, which random masks mispredict.
      const auto fill = [&](T& there, bool choose) {
        const T bits = static_cast<T>(-static_cast<T>(choose));
        there = static_cast<T>((there & ~bits) | (filler & bits));
      };
      if (step == 1 && mask_step == 1) {
        for (int64_t i = 0; i < row; ++i) fill(t[i], m[i]);
      } else {
        for (int64_t i = 0; i < row; ++i) fill(t[i * step], m[i * mask_step]);
      }
    });
  });
}

void masked_take(View out, ConstView x, ConstView mask) {
  visit_size(elementSize(x.dtype()), [&](auto zero) {
    using T = decltype(zero);
    T* to = out.data<T>();
    T* const end = to + out.numel();
    const T* from = x.data<T>();
    const bool* chosen = mask.data<bool>();
    const int64_t row = last_of(x.sizes(), 1);
    const int64_t step = last_of(x.strides(), 0), mask_step = last_of(mask.strides(), 0);
    for_all_rows<2>(x.sizes(), {x.strides(), mask.strides()}, [&](const int64_t* at) {
      for (int64_t i = 0; i < row && to < end; ++i) {
        *to = from[at[0] + i * step];
        to += chosen[at[1] + i * mask_step];
      }
    });
  });
}

void masked_put(View self, ConstView mask, ConstView values) {
  visit_size(elementSize(self.dtype()), [&](auto zero) {
    using T = decltype(zero);
    T* to = self.data<T>();
    const T* from = values.data<T>();
    const bool* chosen = mask.data<bool>();
    const int64_t row = last_of(self.sizes(), 1);
    const int64_t step = last_of(self.strides(), 0), mask_step = last_of(mask.strides(), 0);
    for_all_rows<2>(self.sizes(), {self.strides(), mask.strides()}, [&](const int64_t* at) {
      for (int64_t i = 0; i < row; ++i) {
        if (chosen[at[1] + i * mask_step]) to[at[0] + i * step] = *from++;
      }
    });
  });
}

void triangle(View out, ConstView x, int64_t diagonal, bool upper) {
  if (out.numel() == 0) return;
  const int64_t height = x.sizes()[x.dim() - 2], width = x.sizes().back();
  const int64_t step = x.strides().back();
  visit_size(elementSize(x.dtype()), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = out.data<T>();
    // The row of the matrix follows from where its copy lies in out, which is contiguous.
    parallel_rows<2>(x.sizes(), {out.strides(), x.strides()}, [&](const int64_t* at) {
      const int64_t i = at[0] / width % height;
      // Kept: [begin, end) of the row. No sum of i and diagonal, which may be huge, overflows.
      const int64_t shift = std::clamp(diagonal, -height - 1, width + 1);
      const int64_t cut = std::clamp<int64_t>(upper ? i + shift : i + shift + 1, 0, width);
      const int64_t begin = upper ? cut : 0, end = upper ? width : cut;
      T* target = to + at[0];
      for (int64_t j = 0; j < begin; ++j) target[j] = 0;
      for (int64_t j = begin; j < end; ++j) target[j] = from[at[1] + j * step];
      for (int64_t j = end; j < width; ++j) target[j] = 0;
    });
  });
}

}  // namespace taper::cpu
