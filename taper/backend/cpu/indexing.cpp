#include "taper/kernel/indexing.h"

#include <cstring>
#include <optional>

#include "taper/backend/cpu/rows.h"

namespace taper::cpu {
namespace {

[[noreturn]] TAPER_COLD void fail_index(const char* op, int64_t index, int64_t size, int64_t dim,
                                        bool wrap) {
  throw IndexError(str(op, ": ", wrap ? "" : "index out of range in self: ", "index ", index,
                       " is out of bounds for dimension ", dim, " with size ", size));
}

/// How a scatter combines what is there with what comes.
template <Scatter how, class T>
void combine(T& there, T value) {
  if constexpr (how == Scatter::assign) {
    there = value;
  } else if constexpr (is_complex_v<T>) {
    there = how == Scatter::add ? there + value : there * value;
  } else if constexpr (std::is_same_v<T, bool>) {
    there = how == Scatter::add || how == Scatter::amax ? (there || value) : (there && value);
  } else if constexpr (how == Scatter::amax) {
    if (value > there || value != value) there = value;
  } else if constexpr (how == Scatter::amin) {
    if (value < there || value != value) there = value;
  } else if constexpr (std::is_integral_v<T>) {
    // Unsigned: sums and products wrap as the hardware's do.
    const uint64_t a = static_cast<uint64_t>(there), b = static_cast<uint64_t>(value);
    there = static_cast<T>(how == Scatter::add ? a + b : a * b);
  } else {
    there = how == Scatter::add ? there + value : there * value;
  }
}

/// Calls f(T(), constant of Scatter); for assign, T is only as large as the elements.
template <class F>
void visit_scatter(ScalarType dtype, Scatter how, F&& f) {
  if (how == Scatter::assign) {
    return visit_size(elementSize(dtype), [&](auto zero) {
      f(zero, std::integral_constant<Scatter, Scatter::assign>());
    });
  }
  if (isComplexType(dtype) && how != Scatter::add && how != Scatter::multiply) {
    fail_complex(how == Scatter::amax ? "amax" : "amin", dtype);
  }
  visit_any_dtype(dtype, [&](auto zero) {
    switch (how) {
      case Scatter::add:
        return f(zero, std::integral_constant<Scatter, Scatter::add>());
      case Scatter::multiply:
        return f(zero, std::integral_constant<Scatter, Scatter::multiply>());
      case Scatter::amax:
        return f(zero, std::integral_constant<Scatter, Scatter::amax>());
      default:
        return f(zero, std::integral_constant<Scatter, Scatter::amin>());
    }
  });
}

/// The one stride by which dimensions can be walked as if they were one, if there is one.
std::optional<int64_t> common_stride(IntArrayRef sizes, IntArrayRef strides) {
  int64_t stride = 0, extent = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] == 1) continue;
    if (extent == 1) {
      stride = strides[d];
    } else if (strides[d] != stride * extent) {
      return std::nullopt;
    }
    extent *= sizes[d];
  }
  return extent == 1 ? 1 : stride;
}

/// Where the i-th element, in row-major order, of these dimensions lies.
int64_t offset_of(int64_t i, IntArrayRef sizes, IntArrayRef strides) {
  int64_t offset = 0;
  for (size_t d = sizes.size(); d-- > 0;) {
    offset += i % sizes[d] * strides[d];
    i /= sizes[d];
  }
  return offset;
}

template <class Index>
void add_offsets(int64_t* out, ConstView index, int64_t size, int64_t stride, int64_t dim,
                 bool wrap, const char* op) {
  const Index* from = index.data<Index>();
  const int64_t row = last_of(index.sizes(), 1), step = last_of(index.strides(), 0);
  for_all_rows<1>(index.sizes(), {index.strides()}, [&](const int64_t* at) {
    for (int64_t i = 0; i < row; ++i) {
      int64_t value = from[at[0] + i * step];
      if (value < 0 && wrap) value += size;
      if (static_cast<uint64_t>(value) >= static_cast<uint64_t>(size)) {
        fail_index(op, from[at[0] + i * step], size, dim, wrap);
      }
      *out++ += value * stride;
    }
  });
}

}  // namespace

void add_overlapping(View out, ConstView x) {
  visit_any_dtype(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* to = out.data<T>();
    const T* from = x.data<T>();
    const int64_t row = last_of(x.sizes(), 1);
    const int64_t to_step = last_of(out.strides(), 0), step = last_of(x.strides(), 0);
    for_all_rows<2>(x.sizes(), {out.strides(), x.strides()}, [&](const int64_t* at) {
      for (int64_t i = 0; i < row; ++i) {
        combine<Scatter::add>(to[at[0] + i * to_step], from[at[1] + i * step]);
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
    const int64_t row = last_of(x.sizes(), 1), step = last_of(strides, 0);
    parallel_rows<2>(x.sizes(), {out.strides(), strides}, [&](const int64_t* at) {
      for (int64_t i = 0; i < row; ++i) to[at[0] + i] = from[at[1] + i * step];
    });
  });
}

void index_offsets(View offsets, ConstView index, int64_t size, int64_t stride, int64_t dim,
                   bool wrap, const char* op) {
  int64_t* out = offsets.data<int64_t>();
  if (index.dtype() == kInt) {
    add_offsets<int32_t>(out, index, size, stride, dim, wrap, op);
  } else {
    add_offsets<int64_t>(out, index, size, stride, dim, wrap, op);
  }
}

void take_points(View out, ConstView self, ConstView offsets, IndexedDims dims) {
  if (out.numel() == 0) return;
  const size_t first = static_cast<size_t>(dims.first);
  const size_t end = first + static_cast<size_t>(dims.count);
  const IntArrayRef before = self.sizes().slice(0, first), after = self.sizes().slice(end);
  const IntArrayRef before_strides = self.strides().slice(0, first);
  const IntArrayRef after_strides = self.strides().slice(end);
  const int64_t points = offsets.numel(), row = product(after);
  const int64_t* at = offsets.data<int64_t>();
  const std::optional<int64_t> step = common_stride(after, after_strides);
  visit_size(elementSize(out.dtype()), [&](auto zero) {
    using T = decltype(zero);
    const T* from = self.data<T>();
    T* to = out.data<T>();
    const int64_t grain = std::max<int64_t>(kRowsGrain / std::max<int64_t>(row, 4), 1);
    parallel_for(0, product(before) * points, grain, [&](int64_t begin, int64_t stop) {
      int64_t b = -1, start = 0;
      for (int64_t i = begin; i < stop; ++i) {
        if (i / points != b) {
          b = i / points;
          start = offset_of(b, before, before_strides);
        }
        const T* source = from + start + at[i % points];
        T* target = to + i * row;
        if (row == 1) {
          *target = *source;
        } else if (step == 1) {
          std::memcpy(target, source, static_cast<size_t>(row) * sizeof(T));
        } else if (step) {
          for (int64_t k = 0; k < row; ++k) target[k] = source[k * *step];
        } else {
          const int64_t inner = after.back(), inner_step = after_strides.back();
          for_all_rows<1>(after, {after_strides}, [&](const int64_t* o) {
            for (int64_t k = 0; k < inner; ++k) *target++ = source[o[0] + k * inner_step];
          });
        }
      }
    });
  });
}

void put_points(View self, ConstView values, ConstView offsets, IndexedDims dims, Scatter how) {
  if (values.numel() == 0) return;
  const size_t first = static_cast<size_t>(dims.first);
  const size_t end = first + static_cast<size_t>(dims.count);
  const IntArrayRef before = self.sizes().slice(0, first), after = self.sizes().slice(end);
  const IntArrayRef before_strides = self.strides().slice(0, first);
  const IntArrayRef after_strides = self.strides().slice(end);
  const IntArrayRef value_strides = values.strides().slice(first + 1);
  const int64_t points = offsets.numel(), row = product(after), count = product(before);
  const int64_t point_step = values.stride(dims.first);
  const int64_t* at = offsets.data<int64_t>();
  const std::optional<int64_t> step = common_stride(after, after_strides);
  const std::optional<int64_t> value_step = common_stride(after, value_strides);
  visit_scatter(self.dtype(), how, [&](auto zero, auto mode) {
    using T = decltype(zero);
    constexpr Scatter kHow = decltype(mode)::value;
    T* to = self.data<T>();
    const T* from = values.data<T>();
    // Each thread takes its columns through all points in order.
    const auto columns = [&](int64_t b, int64_t begin, int64_t stop) {
      T* target = to + offset_of(b, before, before_strides);
      const T* source = from + offset_of(b, before, values.strides().slice(0, first));
      for (int64_t j = 0; j < points; ++j) {
        T* t = target + at[j];
        const T* s = source + j * point_step;
        if (step == 1 && value_step == 1) {
          for (int64_t k = begin; k < stop; ++k) combine<kHow>(t[k], s[k]);
        } else if (step && value_step) {
          for (int64_t k = begin; k < stop; ++k) combine<kHow>(t[k * *step], s[k * *value_step]);
        } else {
          for (int64_t k = begin; k < stop; ++k) {
            combine<kHow>(t[offset_of(k, after, after_strides)],
                          s[offset_of(k, after, value_strides)]);
          }
        }
      }
    };
    if (count > 1) {
      const int64_t grain = std::max<int64_t>(kRowsGrain / (points * row), 1);
      parallel_for(0, count, grain, [&](int64_t begin, int64_t stop) {
        for (int64_t b = begin; b < stop; ++b) columns(b, 0, row);
      });
    } else {
      // A part of a row is at least a cache line.
      const int64_t grain = std::max<int64_t>(kRowsGrain / points, 16);
      parallel_for(0, row, grain, [&](int64_t begin, int64_t stop) { columns(0, begin, stop); });
    }
  });
}

namespace {

// Rows as functions of their own: what a closure holds by reference is read again for each element.

/// How far an operand's pointers advance from one element of a row to the next, and how far an
/// index reaches.
struct RowSteps {
  int64_t to, from, index, along;
};
/// Those of contiguous operands along the last dimension, known to the compiler.
template <int64_t kTo, int64_t kFrom>
struct UnitSteps {
  static constexpr int64_t to = kTo, from = kFrom, index = 1, along = 1;
};
template <int64_t kTo, int64_t kFrom, class F>
void visit_steps(RowSteps steps, F&& f) {
  if (steps.to == kTo && steps.from == kFrom && steps.index == 1 && steps.along == 1) {
    f(UnitSteps<kTo, kFrom>());
  } else {
    f(steps);
  }
}

/// to[i] = from[where[i] * along + i]. Returns the first i whose index is not in [0, size), or n.
template <class T, class Steps>
int64_t gather_row(T* to, const T* from, const int64_t* where, int64_t n, int64_t size,
                   Steps steps) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t j = where[i * steps.index];
    if (static_cast<uint64_t>(j) >= static_cast<uint64_t>(size)) return i;
    to[i * steps.to] = from[i * steps.from + j * steps.along];
  }
  return n;
}

/// to[where[i] * along + i] gets from[i]. Returns the first i whose index is not in [0, size), or
/// n.
template <Scatter how, class T, class Steps>
int64_t scatter_row(T* to, const T* from, const int64_t* where, int64_t n, int64_t size,
                    Steps steps) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t j = where[i * steps.index];
    if (static_cast<uint64_t>(j) >= static_cast<uint64_t>(size)) return i;
    combine<how>(to[i * steps.to + j * steps.along], from[i * steps.from]);
  }
  return n;
}

/// Whether all indices are in [0, size).
bool row_in_range(const int64_t* where, int64_t n, int64_t step, int64_t size) {
  uint64_t signs = 0;  // of j and of size - 1 - j
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t j = static_cast<uint64_t>(where[i * step]);
    signs |= j | (static_cast<uint64_t>(size) - 1 - j);
  }
  return (signs >> 63) == 0;
}

}  // namespace

void gather(View out, ConstView self, ConstView index, int64_t dim, const char* op) {
  const IntArrayRef sizes = index.sizes();
  DimVector strides(self.strides());
  const int64_t step = strides.empty() ? 0 : strides[dim], size = self.dim() ? self.size(dim) : 1;
  if (!strides.empty()) strides[dim] = 0;
  strides.resize(sizes.size(), 0);
  const int64_t row = last_of(sizes, 1);
  const RowSteps steps{last_of(out.strides(), 0), last_of(strides, 0), last_of(index.strides(), 0),
                       step};
  const int64_t* indices = index.data<int64_t>();
  visit_size(elementSize(out.dtype()), [&](auto zero) {
    using T = decltype(zero);
    const T* from = self.data<T>();
    T* to = out.data<T>();
    visit_steps<1, 0>(steps, [&](auto known) {
      parallel_rows<3>(sizes, {out.strides(), strides, index.strides()}, [&](const int64_t* at) {
        const int64_t* where = indices + at[2];
        const int64_t done = gather_row(to + at[0], from + at[1], where, row, size, known);
        if (done < row) fail_index(op, where[done * steps.index], size, dim, true);
      });
    });
  });
}

namespace {

/// Throws before anything is written.
void check_indices(ConstView index, int64_t size, int64_t dim, const char* op) {
  const int64_t* indices = index.data<int64_t>();
  const int64_t row = last_of(index.sizes(), 1), step = last_of(index.strides(), 0);
  parallel_rows<1>(index.sizes(), {index.strides()}, [&](const int64_t* at) {
    const int64_t* where = indices + at[0];
    if (row_in_range(where, row, step, size)) return;
    while (static_cast<uint64_t>(*where) < static_cast<uint64_t>(size)) where += step;
    fail_index(op, *where, size, dim, true);
  });
}

}  // namespace

void scatter(View self, ConstView index, ConstView src, int64_t dim, Scatter how, bool check_first,
             const char* op) {
  const IntArrayRef sizes = index.sizes();
  DimVector strides(self.strides());
  const int64_t step = strides.empty() ? 0 : strides[dim], size = self.dim() ? self.size(dim) : 1;
  if (check_first) check_indices(index, size, dim, op);
  if (!strides.empty()) strides[dim] = 0;
  strides.resize(sizes.size(), 0);
  const int64_t row = last_of(sizes, 1), self_step = last_of(strides, 0);
  const int64_t src_step = last_of(src.strides(), 0), index_step = last_of(index.strides(), 0);
  const int64_t* indices = index.data<int64_t>();
  if (row == 0) return;
  visit_scatter(self.dtype(), how, [&](auto zero, auto mode) {
    using T = decltype(zero);
    constexpr Scatter kHow = decltype(mode)::value;
    T* to = self.data<T>();
    const T* from = src.data<T>();
    const auto part = [&](const int64_t* at, int64_t begin, int64_t stop) {
      visit_steps<0, 1>({self_step, src_step, index_step, step}, [&](auto known) {
        const int64_t* where = indices + at[2] + begin * index_step;
        const int64_t n = stop - begin;
        const int64_t done = scatter_row<kHow>(
            to + at[0] + begin * self_step, from + at[1] + begin * src_step, where, n, size, known);
        if (done < n) fail_index(op, where[done * index_step], size, dim, true);
      });
    };
    const IntArrayRef walks[3] = {strides, src.strides(), index.strides()};
    if (dim == static_cast<int64_t>(sizes.size()) - 1 || sizes.empty()) {
      parallel_rows<3>(sizes, walks, [&](const int64_t* at) { part(at, 0, row); });
      return;
    }
    // Rows may meet along dim: each thread takes its columns through all rows in order.
    const int64_t rows = count_rows(sizes);
    const int64_t grain = std::max<int64_t>(kRowsGrain / std::max<int64_t>(rows, 1), 16);
    parallel_for(0, row, grain, [&](int64_t begin, int64_t stop) {
      for_all_rows<3>(sizes, walks, [&](const int64_t* at) { part(at, begin, stop); });
    });
  });
}

}  // namespace taper::cpu
