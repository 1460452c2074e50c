#include "taper/kernel/copy.h"

#include <algorithm>
#include <cstring>

#include "taper/backend/cpu/convert.h"
#include "taper/backend/cpu/strided_plan.h"
#include "taper/backend/cpu/transpose.h"
#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

constexpr int64_t kGrainBytes = 256 << 10;  // of dst, for one thread
constexpr int64_t kRun = 512;               // elements converted at a time
constexpr int64_t kWidest = 16;             // bytes of an element

struct Copy {
  StridedPlan plan;
  char* bases[2];
  int64_t to_size, from_size;
  ConvertFn convert;  // null: same type

  int64_t grain() const { return std::max<int64_t>(kGrainBytes / to_size, 1); }

  // n elements of a row.
  void row(char* to, const char* from, int64_t n) const {
    const int64_t to_stride = plan.strides[0][0], from_stride = plan.strides[1][0];
    alignas(64) char raw[kRun * kWidest], value[kRun * kWidest];
    if (convert == nullptr && from_stride == from_size)
      return scatter(to, to_stride, from, n, to_size);
    if (convert == nullptr && to_stride == to_size && from_stride != 0) {
      return gather(to, from, from_stride, n, to_size);
    }
    if (from_stride == 0) {
      if (convert) {
        convert(value, from, 1);
        from = value;
      }
      if (to_stride == to_size) return splat(to, from, n, to_size);
      splat(raw, from, std::min(n, kRun), to_size);
      for (int64_t i = 0; i < n; i += kRun) {
        scatter(to + i * to_stride, to_stride, raw, std::min(kRun, n - i), to_size);
      }
      return;
    }
    if (to_stride == to_size && from_stride == from_size) return convert(to, from, n);
    for (int64_t i = 0; i < n; i += kRun) {
      const int64_t m = std::min(kRun, n - i);
      const char* part = from + i * from_stride;
      if (from_stride != from_size) {
        gather(raw, part, from_stride, m, from_size);
        part = raw;
      }
      if (convert) {
        convert(value, part, m);
        part = value;
      }
      scatter(to + i * to_stride, to_stride, part, m, to_size);
    }
  }

  void walk(int64_t first, int64_t last) const {
    StridedCursor c;
    c.seek(plan, bases, first);
    while (first < last) {
      const int64_t n = std::min(plan.size[0] - c.index[0], last - first);
      row(c.at[0], c.at[1], n);
      c.advance(plan, n);
      first += n;
    }
  }

  // The dimension, other than the innermost, along which src is contiguous; 0: none.
  int transposed_dim() const {
    if (convert || to_size == kWidest || plan.strides[0][0] != to_size ||
        plan.strides[1][0] == from_size)
      return 0;
    for (int d = 1; d < plan.rank; ++d) {
      if (plan.strides[1][d] == from_size && plan.size[d] >= 4 && plan.size[0] >= 4) return d;
    }
    return 0;
  }
};

}  // namespace

void copy(View dst, ConstView src) {
  const int64_t n = dst.numel();
  if (n == 0) return;
  const ScalarType type = dst.dtype();
  const int64_t size = elementSize(type);
  Copy work;
  work.convert = type == src.dtype() ? nullptr : convert_fn(type, src.dtype());
  if (dst.is_contiguous() && src.is_contiguous() && dst.numel() == src.numel()) {
    auto* to = static_cast<char*>(dst.raw_data());
    const auto* from = static_cast<const char*>(src.raw_data());
    const int64_t from_size = elementSize(src.dtype());
    parallel_for(0, n, std::max<int64_t>(kGrainBytes / size, 1), [&](int64_t first, int64_t last) {
      if (work.convert) {
        work.convert(to + first * size, from + first * from_size, last - first);
      } else {
        std::memcpy(to + first * size, from + first * size, (last - first) * size);
      }
    });
    return;
  }
  work.to_size = size;
  work.from_size = elementSize(src.dtype());
  work.plan.build(dst, &src, 1);
  work.bases[0] = static_cast<char*>(dst.raw_data());
  work.bases[1] = static_cast<char*>(const_cast<void*>(src.raw_data()));
  if (const int d = work.transposed_dim()) return copy_transposed(work.plan, work.bases, d, size);
  parallel_for(0, n, work.grain(), [&](int64_t first, int64_t last) { work.walk(first, last); });
}

// Row by row of the result, which is written once from its start to its end.
void concat(View out, ArrayRef<ConstView> parts, int64_t dim) {
  int64_t rows = 1;
  for (int64_t d = 0; d < dim; ++d) rows *= out.size(d);
  if (out.numel() == 0) return;
  const int64_t size = elementSize(out.dtype());
  const int64_t row_bytes = out.numel() / rows * size;
  auto* const to = static_cast<char*>(out.raw_data());
  parallel_for(
      0, rows, std::max<int64_t>(kGrainBytes / row_bytes, 1), [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          char* at = to + row * row_bytes;
          for (const ConstView& part : parts) {
            const int64_t bytes = part.numel() / rows * size;
            std::memcpy(at, static_cast<const char*>(part.raw_data()) + row * bytes, bytes);
            at += bytes;
          }
        }
      });
}

void fill(View dst, Scalar value) {
  const int64_t n = dst.numel();
  if (n == 0) return;
  char element[kWidest];
  visit_any_dtype(dst.dtype(), [&](auto tag) {
    const auto v = value.to<decltype(tag)>();
    std::memcpy(element, &v, sizeof v);
  });
  const int64_t size = elementSize(dst.dtype());
  if (dst.is_contiguous()) {
    auto* to = static_cast<char*>(dst.raw_data());
    parallel_for(0, n, std::max<int64_t>(kGrainBytes / size, 1), [&](int64_t first, int64_t last) {
      splat(to + first * size, element, last - first, size);
    });
    return;
  }
  Copy work;
  work.convert = nullptr;
  work.to_size = size;
  work.from_size = size;
  const ConstView none;
  work.plan.build(dst, &none, 1);
  work.bases[0] = static_cast<char*>(dst.raw_data());
  work.bases[1] = element;
  parallel_for(0, n, work.grain(), [&](int64_t first, int64_t last) { work.walk(first, last); });
}

}  // namespace taper::cpu
