#include "taper/kernel/sampling.h"

#include <algorithm>
#include <type_traits>

#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

namespace taper::cpu {
namespace {

/// Half types are added in float32.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

template <class T>
struct Taps {
  const int64_t* first;
  const int64_t* index;
  const T* weight;  // null: all 1

  template <bool Weighted>
  Sum<T> term(int64_t k, T x) const {
    if constexpr (Weighted) {
      return static_cast<Sum<T>>(static_cast<Sum<T>>(weight[k]) * static_cast<Sum<T>>(x));
    } else {
      return static_cast<Sum<T>>(x);
    }
  }
};

/// Rows of one element: out[j] from a line of x. Taps > 0: each row has that many, none of them -1.
template <bool Weighted, int64_t Count, class T>
void sample_line(T* out, const T* x, const Taps<T>& taps, int64_t rows) {
  for (int64_t j = 0; j < rows; ++j) {
    if constexpr (Count > 0) {
      const int64_t k = j * Count;
      Sum<T> sum = taps.template term<Weighted>(k, x[taps.index[k]]);
      for (int64_t t = 1; t < Count; ++t) {
        sum = static_cast<Sum<T>>(sum + taps.template term<Weighted>(k + t, x[taps.index[k + t]]));
      }
      out[j] = static_cast<T>(sum);
    } else {
      bool any = false;
      Sum<T> sum = Sum<T>(0);
      for (int64_t k = taps.first[j]; k < taps.first[j + 1]; ++k) {
        if (taps.index[k] < 0) continue;
        const Sum<T> term = taps.template term<Weighted>(k, x[taps.index[k]]);
        sum = any ? static_cast<Sum<T>>(sum + term) : term;
        any = true;
      }
      out[j] = static_cast<T>(sum);
    }
  }
}

/// One row of `inner` elements; sums is room for them where T is a half type.
template <bool Weighted, class T>
void sample_row(T* out, const T* x, const Taps<T>& taps, int64_t j, int64_t inner, Sum<T>* sums) {
  int64_t k = taps.first[j];
  const int64_t last = taps.first[j + 1];
  while (k < last && taps.index[k] < 0) ++k;
  if (k == last) {
    std::fill_n(out, inner, T(0));
    return;
  }
  const T* from = x + taps.index[k] * inner;
  if (!Weighted && k + 1 == last) {
    std::copy_n(from, inner, out);
    return;
  }
  Sum<T>* to;
  if constexpr (std::is_same_v<T, Sum<T>>) {
    to = out;
  } else {
    to = sums;
  }
  if (k + 2 == last && taps.index[k + 1] >= 0) {
    const T* next = x + taps.index[k + 1] * inner;
    for (int64_t i = 0; i < inner; ++i) {
      to[i] = static_cast<Sum<T>>(taps.template term<Weighted>(k, from[i]) +
                                  taps.template term<Weighted>(k + 1, next[i]));
    }
  } else {
    for (int64_t i = 0; i < inner; ++i) to[i] = taps.template term<Weighted>(k, from[i]);
    for (++k; k < last; ++k) {
      if (taps.index[k] < 0) continue;
      from = x + taps.index[k] * inner;
      for (int64_t i = 0; i < inner; ++i) {
        to[i] = static_cast<Sum<T>>(to[i] + taps.template term<Weighted>(k, from[i]));
      }
    }
  }
  if constexpr (!std::is_same_v<T, Sum<T>>) {
    for (int64_t i = 0; i < inner; ++i) out[i] = static_cast<T>(to[i]);
  }
}

/// The taps of every row when all rows have 1, 2 or 4 and none is -1, else 0.
int64_t common_count(const int64_t* first, const int64_t* index, int64_t rows) {
  const int64_t total = first[rows];
  if (rows == 0 || total % rows != 0) return 0;
  const int64_t count = total / rows;
  if (count != 1 && count != 2 && count != 4) return 0;
  for (int64_t j = 0; j < rows; ++j) {
    if (first[j + 1] - first[j] != count) return 0;
  }
  for (int64_t k = 0; k < total; ++k) {
    if (index[k] < 0) return 0;
  }
  return count;
}

struct Extent {
  int64_t outer = 1, inputs, rows, inner = 1;
};

template <bool Weighted, class T>
void sample_all(T* out, const T* x, const Taps<T>& taps, const Extent& e) {
  const int64_t per_row = std::max<int64_t>(1, taps.first[e.rows] / std::max<int64_t>(1, e.rows));
  if (e.inner == 1) {
    const int64_t count = common_count(taps.first, taps.index, e.rows);
    const auto line = count == 1   ? &sample_line<Weighted, 1, T>
                      : count == 2 ? &sample_line<Weighted, 2, T>
                      : count == 4 ? &sample_line<Weighted, 4, T>
                                   : &sample_line<Weighted, 0, T>;
    const int64_t grain = std::max<int64_t>(1, 16384 / (per_row * std::max<int64_t>(1, e.rows)));
    parallel_for(0, e.outer, grain, [&](int64_t begin, int64_t end) {
      for (int64_t a = begin; a < end; ++a) line(out + a * e.rows, x + a * e.inputs, taps, e.rows);
    });
    return;
  }
  const int64_t grain = std::max<int64_t>(1, 32768 / (per_row * std::max<int64_t>(1, e.inner)));
  parallel_for(0, e.outer * e.rows, grain, [&](int64_t begin, int64_t end) {
    Scratch<Sum<T>> sums(std::is_same_v<T, Sum<T>> ? 0 : static_cast<size_t>(e.inner));
    for (int64_t u = begin; u < end; ++u) {
      const int64_t a = u / e.rows;
      sample_row<Weighted>(out + u * e.inner, x + a * e.inputs * e.inner, taps, u % e.rows, e.inner,
                           sums.data());
    }
  });
}

}  // namespace

void sample(View out, ConstView x, ConstView first, ConstView index, ConstView weight,
            int64_t dim) {
  Extent e;
  for (int64_t d = 0; d < dim; ++d) e.outer *= x.size(d);
  for (int64_t d = dim + 1; d < x.dim(); ++d) e.inner *= x.size(d);
  e.inputs = x.size(dim);
  e.rows = out.size(dim);
  if (out.numel() == 0) return;
  visit_dtype(out.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const Taps<T> taps{first.data<int64_t>(), index.data<int64_t>(),
                       weight.defined() ? weight.data<T>() : nullptr};
    if (!weight.defined()) return sample_all<false>(out.data<T>(), x.data<T>(), taps, e);
    if constexpr (std::is_integral_v<T>) {
      TAPER_CHECK_AS(DTypeError, false, "sample: weights need a floating dtype, got ", out.dtype());
    } else {
      sample_all<true>(out.data<T>(), x.data<T>(), taps, e);
    }
  });
}

void sample_transposed(View out, ConstView grad, ConstView first, ConstView index,
                       ConstView weight) {
  if (out.numel() == 0) return;
  // Threads share the columns: every sum has one owner and one order.
  constexpr int64_t kBlock = 16;
  const int64_t rows = first.numel() - 1, inner = out.numel() / out.size(0);
  const int64_t* const start = first.data<int64_t>();
  const int64_t* const element = index.data<int64_t>();
  const auto add = [&](auto tag) {
    using T = decltype(tag);
    const T* const w = weight.defined() ? weight.data<T>() : nullptr;
    parallel_for(0, (inner + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
      const int64_t column = begin * kBlock, width = std::min(inner, end * kBlock) - column;
      for (int64_t i = 0; i < out.size(0); ++i) {
        std::fill_n(out.data<T>() + i * inner + column, width, T(0));
      }
      for (int64_t j = 0; j < rows; ++j) {
        const T* const from = grad.data<T>() + j * inner + column;
        for (int64_t k = start[j]; k < start[j + 1]; ++k) {
          if (element[k] < 0) continue;
          T* const to = out.data<T>() + element[k] * inner + column;
          const T factor = w == nullptr ? T(1) : w[k];
          for (int64_t b = 0; b < width; ++b) to[b] += factor * from[b];
        }
      }
    });
  };
  out.dtype() == kDouble ? add(double()) : add(float());
}

void sample_weights(View out, ConstView grad, ConstView x, ConstView first, ConstView index) {
  const int64_t rows = first.numel() - 1;
  if (rows == 0 || out.numel() == 0) return;
  const int64_t inner = grad.numel() / rows;
  const int64_t* const start = first.data<int64_t>();
  const int64_t* const element = index.data<int64_t>();
  const int64_t work = std::max<int64_t>(1, inner * (start[rows] / rows));
  const auto sum = [&](auto tag) {
    using T = decltype(tag);
    parallel_for(0, rows, std::max<int64_t>(1, 32768 / work), [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) {
        const T* g = grad.data<T>() + j * inner;
        for (int64_t k = start[j]; k < start[j + 1]; ++k) {
          // Four partial sums, of which the order is fixed.
          T part[4] = {0, 0, 0, 0};
          if (element[k] >= 0) {
            const T* v = x.data<T>() + element[k] * inner;
            int64_t i = 0;
            for (; i + 4 <= inner; i += 4) {
              for (int p = 0; p < 4; ++p) part[p] += g[i + p] * v[i + p];
            }
            for (; i < inner; ++i) part[0] += g[i] * v[i];
          }
          out.data<T>()[k] = (part[0] + part[1]) + (part[2] + part[3]);
        }
      }
    });
  };
  out.dtype() == kDouble ? sum(double()) : sum(float());
}

void sample_argmax(View out, ConstView x, ConstView first, ConstView index) {
  const int64_t rows = first.numel() - 1;
  if (rows == 0 || out.numel() == 0) return;
  const int64_t inner = out.numel() / rows;
  const int64_t* const start = first.data<int64_t>();
  const int64_t* const element = index.data<int64_t>();
  const int64_t work = std::max<int64_t>(1, inner * (start[rows] / rows));
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* const values = x.data<T>();
    parallel_for(0, rows, std::max<int64_t>(1, 32768 / work), [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) {
        int64_t* best = out.data<int64_t>() + j * inner;
        std::fill_n(best, inner, -1);
        for (int64_t k = start[j]; k < start[j + 1]; ++k) {
          if (element[k] < 0) continue;
          const T* row = values + element[k] * inner;
          for (int64_t b = 0; b < inner; ++b) {
            if (best[b] < 0) {
              best[b] = element[k];
              continue;
            }
            const T most = values[best[b] * inner + b];
            if (row[b] > most || (row[b] != row[b] && most == most)) best[b] = element[k];
          }
        }
      }
    });
  });
}

void transpose_taps(View first_out, View index_out, View entry, ConstView first, ConstView index) {
  const int64_t inputs = first_out.numel() - 1, rows = first.numel() - 1;
  const int64_t* const start = first.data<int64_t>();
  const int64_t* const element = index.data<int64_t>();
  int64_t* const next = first_out.data<int64_t>();
  std::fill_n(next, inputs + 1, 0);
  for (int64_t k = 0; k < start[rows]; ++k) {
    if (element[k] >= 0) ++next[element[k] + 1];
  }
  for (int64_t i = 0; i < inputs; ++i) next[i + 1] += next[i];
  // Filling a row moves its start on to the next one's: shifted back at the end.
  for (int64_t j = 0; j < rows; ++j) {
    for (int64_t k = start[j]; k < start[j + 1]; ++k) {
      if (element[k] < 0) continue;
      const int64_t at = next[element[k]]++;
      index_out.data<int64_t>()[at] = j;
      entry.data<int64_t>()[at] = k;
    }
  }
  for (int64_t i = inputs; i > 0; --i) next[i] = next[i - 1];
  next[0] = 0;
}

}  // namespace taper::cpu
