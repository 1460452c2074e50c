#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "taper/graph/bellman_ford.h"
#include "taper/graph/dijkstra.h"

namespace taper {
namespace graph {

/// w(u, v) + potential(u) - potential(v), which only rounding can make negative.
template <class T>
std::vector<T> reduced_weights(const Graph& graph, const std::vector<T>& potential) {
  const Csr<T> csr = graph.data().csr<T>();
  std::vector<T> reduced(static_cast<size_t>(graph.num_edges()));
  for (int64_t u = 0; u < csr.nodes; ++u) {
    for (int64_t e = csr.rows[u]; e < csr.rows[u + 1]; ++e) {
      const T difference =
          potential[static_cast<size_t>(u)] - potential[static_cast<size_t>(csr.cols[e])];
      reduced[static_cast<size_t>(e)] = std::max(csr.weights[e] + difference, T(0));
    }
  }
  return reduced;
}

/// As DijkstraSearch, ordered by weights that potentials make 0 or more. Distances are summed from
/// the graph's own weights on the way, so that they round as in the other methods.
template <class T>
class JohnsonSearch {
 public:
  JohnsonSearch(const Csr<T>& csr, const T* reduced)
      : csr_(csr), reduced_(reduced), keys_(static_cast<size_t>(csr.nodes)) {}

  void run(int32_t source, const SearchRow<T>& row) {
    clear_row(row, csr_.nodes);
    std::fill(keys_.begin(), keys_.end(), std::numeric_limits<T>::infinity());
    row.distances[source] = keys_[static_cast<size_t>(source)] = 0;
    queue_.push(0, source);
    typename RadixQueue<T>::Entry nearest;
    while (queue_.pop(keys_.data(), nearest)) {
      const auto [key, u] = nearest;
      const int64_t end = csr_.rows[u + 1];
      for (int64_t e = csr_.rows[u]; e < end; ++e) {
        const int32_t v = csr_.cols[e];
        const T through = key + reduced_[e];
        if (!(through < keys_[static_cast<size_t>(v)])) continue;
        keys_[static_cast<size_t>(v)] = through;
        row.distances[v] = row.distances[u] + csr_.weights[e];
        note_step(row, u, v);
        queue_.push(through, v);
      }
    }
  }

 private:
  Csr<T> csr_;
  const T* reduced_;
  std::vector<T> keys_;
  RadixQueue<T> queue_;
};

}  // namespace graph
}  // namespace taper
