#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "taper/graph/radix_queue.h"
#include "taper/graph/search.h"

namespace taper {
namespace graph {

/// What one search fills: arrays of n, where absent ones are null.
template <class T>
struct SearchRow {
  T* distances;
  int64_t* predecessors;
  int64_t* sources;
};

template <class T>
void clear_row(const SearchRow<T>& row, int64_t nodes) {
  std::fill_n(row.distances, nodes, std::numeric_limits<T>::infinity());
  if (row.predecessors != nullptr) std::fill_n(row.predecessors, nodes, kNoPredecessor);
  if (row.sources != nullptr) std::fill_n(row.sources, nodes, kNoPredecessor);
}

/// Notes that the path to v goes through u.
template <class T>
void note_step(const SearchRow<T>& row, int32_t u, int32_t v) {
  if (row.predecessors != nullptr) row.predecessors[v] = u;
  if (row.sources != nullptr) row.sources[v] = row.sources[u];
}

/// Searches of one thread over one graph, weights of 0 or more.
template <class T>
class DijkstraSearch {
 public:
  explicit DijkstraSearch(const Csr<T>& csr) : csr_(csr) {
    int64_t most = 0;
    for (int64_t u = 0; u < csr.nodes; ++u) most = std::max(most, csr.rows[u + 1] - csr.rows[u]);
    nearer_.resize(static_cast<size_t>(most));
  }

  /// Paths of up to `limit` from the nearest of `count` sources.
  void run(const int32_t* sources, size_t count, T limit, const SearchRow<T>& row) {
    clear_row(row, csr_.nodes);
    for (size_t i = 0; i < count; ++i) {
      row.distances[sources[i]] = 0;
      if (row.sources != nullptr) row.sources[sources[i]] = sources[i];
      queue_.push(0, sources[i]);
    }
    Entry nearest;
    while (queue_.pop(row.distances, nearest)) {
      const size_t found = relax(nearest, limit, row.distances);
      for (size_t i = 0; i < found; ++i) {
        note_step(row, nearest.node, nearer_[i].node);
        queue_.push(nearer_[i].distance, nearer_[i].node);
      }
    }
  }

 private:
  using Entry = typename RadixQueue<T>::Entry;

  /// Lowers the distances of the node's neighbours and lists those that fell. Whether one falls is
  /// hard to predict, so that no branch depends on it.
  size_t relax(const Entry& nearest, T limit, T* distances) {
    size_t found = 0;
    const int64_t end = csr_.rows[nearest.node + 1];
    for (int64_t e = csr_.rows[nearest.node]; e < end; ++e) {
      const int32_t v = csr_.cols[e];
      const T through = nearest.distance + csr_.weights[e], before = distances[v];
      if (through > limit) continue;
      nearer_[found] = {through, v};
      found += static_cast<size_t>(through < before);
      distances[v] = through < before ? through : before;
    }
    return found;
  }

  Csr<T> csr_;
  RadixQueue<T> queue_;
  std::vector<Entry> nearer_;
};

/// Searches that count edges: breadth first.
template <class T>
class BreadthSearch {
 public:
  explicit BreadthSearch(const Csr<T>& csr) : csr_(csr) {}

  void run(const int32_t* sources, size_t count, T limit, const SearchRow<T>& row) {
    clear_row(row, csr_.nodes);
    queue_.clear();
    for (size_t i = 0; i < count; ++i) {
      if (row.distances[sources[i]] == 0) continue;
      row.distances[sources[i]] = 0;
      if (row.sources != nullptr) row.sources[sources[i]] = sources[i];
      queue_.push_back(sources[i]);
    }
    for (size_t next = 0; next < queue_.size(); ++next) {
      const int32_t u = queue_[next];
      const T through = row.distances[u] + 1;
      if (through > limit) return;
      const int64_t end = csr_.rows[u + 1];
      for (int64_t e = csr_.rows[u]; e < end; ++e) {
        const int32_t v = csr_.cols[e];
        if (row.distances[v] <= through) continue;
        row.distances[v] = through;
        note_step(row, u, v);
        queue_.push_back(v);
      }
    }
  }

 private:
  Csr<T> csr_;
  std::vector<int32_t> queue_;
};

}  // namespace graph
}  // namespace taper
