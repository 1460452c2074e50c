#pragma once

#include <functional>
#include <vector>

#include "tests/support/op_case.h"

namespace taper::testing {

/// Applies f to the elements that each result is made of, in row-major order; dims are bits.
inline Reference reduced(uint64_t dims, bool keepdim,
                         std::function<double(const std::vector<double>&)> f) {
  return [=](const std::vector<Dense>& args) {
    const Dense& x = args[0];
    std::vector<int64_t> kept, sizes;
    for (size_t d = 0; d < x.sizes.size(); ++d) {
      const bool gone = dims >> d & 1;
      kept.push_back(gone ? 1 : x.sizes[d]);
      if (!gone || keepdim) sizes.push_back(gone ? 1 : x.sizes[d]);
    }
    int64_t count = 1;
    for (int64_t s : kept) count *= s;
    std::vector<std::vector<double>> groups(static_cast<size_t>(count));
    size_t i = 0;
    for_each_index(x.sizes, [&](const std::vector<int64_t>& index) {
      int64_t at = 0;
      for (size_t d = 0; d < index.size(); ++d) at = at * kept[d] + (kept[d] == 1 ? 0 : index[d]);
      groups[static_cast<size_t>(at)].push_back(x.values[i++]);
    });
    Dense out{sizes, {}};
    for (const auto& group : groups) out.values.push_back(f(group));
    return std::vector<Dense>{out};
  };
}

/// Applies f to every line along dim and writes what it gives in its place.
inline Reference along(int64_t dim, std::function<std::vector<double>(std::vector<double>)> f) {
  return [=](const std::vector<Dense>& args) {
    Dense out = args[0];
    const int64_t rank = static_cast<int64_t>(out.sizes.size());
    const int64_t d = dim < 0 ? dim + rank : dim;
    const int64_t n = rank == 0 ? 1 : out.sizes[static_cast<size_t>(d)];
    int64_t inner = 1;
    for (int64_t k = d + 1; k < rank; ++k) inner *= out.sizes[static_cast<size_t>(k)];
    const int64_t lines = n == 0 ? 0 : out.numel() / n;
    for (int64_t line = 0; line < lines; ++line) {
      const int64_t first = line / inner * n * inner + line % inner;
      std::vector<double> values;
      for (int64_t k = 0; k < n; ++k) {
        values.push_back(args[0].values[static_cast<size_t>(first + k * inner)]);
      }
      values = f(values);
      for (int64_t k = 0; k < n; ++k) {
        out.values[static_cast<size_t>(first + k * inner)] = values[static_cast<size_t>(k)];
      }
    }
    return std::vector<Dense>{out};
  };
}

inline double sum_of(const std::vector<double>& v) {
  double total = 0;
  for (double x : v) total += x;
  return total;
}
inline double variance_of(const std::vector<double>& v, double correction) {
  const double n = static_cast<double>(v.size()), mean = sum_of(v) / n;
  double total = 0;
  for (double x : v) total += (x - mean) * (x - mean);
  return total / (n - correction);
}

}  // namespace taper::testing
