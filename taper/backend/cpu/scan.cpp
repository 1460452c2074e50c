#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/backend/cpu/reduce_core.h"
#include "taper/base/parallel.h"
#include "taper/kernel/reduction.h"

namespace taper::cpu {
namespace {

constexpr int64_t kScanGrain = 32768;

double log_add_exp(double a, double b) {
  // Also for infinities of one sign, whose difference is NaN.
  if (a == b) return a + 0.693147180559945309417;
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

/// Where line `line` of those along dim begins, in elements.
int64_t line_start(ConstView x, int64_t dim, int64_t line) {
  int64_t offset = 0;
  for (int64_t d = x.dim() - 1; d >= 0; --d) {
    if (d == dim) continue;
    offset += line % x.size(d) * x.stride(d);
    line /= x.size(d);
  }
  return offset;
}

template <class Work>
void positions(View indices, ConstView x, int64_t dim, bool largest) {
  const LoadFn load = load_function(x.dtype(), scalar_type_of<Work>);
  const int64_t n = x.size(dim), lines = n == 0 ? 0 : x.numel() / n;
  const int64_t item = elementSize(x.dtype());
  parallel_for(0, lines, std::max<int64_t>(1, kScanGrain / std::max<int64_t>(n, 1)),
               [&](int64_t first, int64_t last) {
                 Work buffer[512];
                 for (int64_t line = first; line < last; ++line) {
                   const char* from =
                       static_cast<const char*>(x.raw_data()) + line_start(x, dim, line) * item;
                   int64_t* to = indices.data<int64_t>() + line_start(indices, dim, line);
                   Work best{};
                   int64_t at = 0;
                   for (int64_t i = 0; i < n; ++i) {
                     if (i % 512 == 0) {
                       load(from + i * x.stride(dim) * item, x.stride(dim),
                            std::min<int64_t>(512, n - i), buffer);
                     }
                     const Work value = buffer[i % 512];
                     const bool better = largest ? value >= best : value <= best;
                     if (i == 0 || value != value || (best == best && better)) {
                       best = value;
                       at = i;
                     }
                     to[i * indices.stride(dim)] = at;
                   }
                 }
               });
}

template <class Work>
void cumulate_lines(View out, ConstView x, int64_t dim, Scan what) {
  const LoadFn load = load_function(x.dtype(), scalar_type_of<Work>);
  const StoreFn store = store_function(scalar_type_of<Work>, out.dtype());
  const int64_t n = x.size(dim);
  const int64_t lines = n == 0 ? 0 : x.numel() / n;
  const bool logarithms = what == Scan::log_sum_exp;
  const bool product = what == Scan::product, backwards = what == Scan::sum_from_end;
  const int64_t step = backwards ? -x.stride(dim) : x.stride(dim);
  const int64_t out_step = backwards ? -out.stride(dim) : out.stride(dim);
  const int64_t item = elementSize(x.dtype()), out_item = elementSize(out.dtype());
  using U = std::conditional_t<std::is_same_v<Work, double>, double, uint64_t>;
  parallel_for(0, lines, std::max<int64_t>(1, kScanGrain / std::max<int64_t>(n, 1)),
               [&](int64_t first, int64_t last) {
                 Work buffer[512];
                 for (int64_t line = first; line < last; ++line) {
                   // From the last element on when the scan runs backwards.
                   int64_t from = backwards ? (1 - n) * step : 0,
                           to = backwards ? (1 - n) * out_step : 0;
                   int64_t rest = line;
                   for (int64_t d = x.dim() - 1; d >= 0; --d) {
                     if (d == dim) continue;
                     from += rest % x.size(d) * x.stride(d);
                     to += rest % x.size(d) * out.stride(d);
                     rest /= x.size(d);
                   }
                   const char* source = static_cast<const char*>(x.raw_data()) + from * item;
                   char* target = static_cast<char*>(out.raw_data()) + to * out_item;
                   U running = product ? U(1) : U(0);
                   if constexpr (std::is_same_v<Work, double>) {
                     if (logarithms) running = -std::numeric_limits<double>::infinity();
                   }
                   for (int64_t i = 0; i < n; i += 512) {
                     const int64_t m = std::min<int64_t>(512, n - i);
                     load(source + i * step * item, step, m, buffer);
                     for (int64_t k = 0; k < m; ++k) {
                       if constexpr (std::is_same_v<Work, double>) {
                         if (logarithms) {
                           buffer[k] = running = log_add_exp(running, buffer[k]);
                           continue;
                         }
                       }
                       running = product ? running * static_cast<U>(buffer[k])
                                         : running + static_cast<U>(buffer[k]);
                       buffer[k] = static_cast<Work>(running);
                     }
                     store(buffer, m, target + i * out_step * out_item, out_step);
                   }
                 }
               });
}

/// Running sums of contiguous float lines, four at a time: each sum waits for the one before it, so
/// that four together take the time of one. Same sums as cumulate_lines().
void sum_rows(float* to, const float* from, int64_t lines, int64_t n) {
  constexpr int64_t kTogether = 4;
  parallel_for(0, (lines + kTogether - 1) / kTogether,
               std::max<int64_t>(1, kScanGrain / std::max<int64_t>(kTogether * n, 1)),
               [&](int64_t first, int64_t last) {
                 for (int64_t line = first * kTogether; line < std::min(last * kTogether, lines);
                      line += kTogether) {
                   const int64_t count = std::min(kTogether, lines - line);
                   double running[kTogether] = {};
                   const float* x[kTogether];
                   float* y[kTogether];
                   // What is missing at the end repeats the last line.
                   for (int64_t k = 0; k < kTogether; ++k) {
                     x[k] = from + (line + std::min(k, count - 1)) * n;
                     y[k] = to + (line + std::min(k, count - 1)) * n;
                   }
                   for (int64_t i = 0; i < n; ++i) {
                     for (int64_t k = 0; k < kTogether; ++k) {
                       running[k] += x[k][i];
                       y[k][i] = static_cast<float>(running[k]);
                     }
                   }
                 }
               });
}

}  // namespace

void running_position(View indices, ConstView x, int64_t dim, bool largest) {
  if (x.dim() == 0) {
    *indices.data<int64_t>() = 0;
  } else if (isFloatingType(x.dtype())) {
    positions<double>(indices, x, dim, largest);
  } else {
    positions<int64_t>(indices, x, dim, largest);
  }
}

void cumulate(View out, ConstView x, int64_t dim, Scan what) {
  if (x.dim() == 0) {
    // A number is a line of one element.
    const ScalarType work = isFloatingType(out.dtype()) ? kDouble : kLong;
    int64_t buffer;
    load_function(x.dtype(), work)(x.raw_data(), 1, 1, &buffer);
    store_function(work, out.dtype())(&buffer, 1, out.raw_data(), 1);
  } else if (what == Scan::sum && dim == x.dim() - 1 && x.dtype() == kFloat &&
             out.dtype() == kFloat && x.is_contiguous() && out.is_contiguous() &&
             x.raw_data() != out.raw_data()) {
    const int64_t n = x.size(dim);
    sum_rows(out.data<float>(), x.data<float>(), n == 0 ? 0 : x.numel() / n, n);
  } else if (isFloatingType(out.dtype())) {
    cumulate_lines<double>(out, x, dim, what);
  } else {
    cumulate_lines<int64_t>(out, x, dim, what);
  }
}

}  // namespace taper::cpu
